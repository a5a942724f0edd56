//! WebSockets, what arrives on them, and why they end.

use crate::url::ServerUrl;
use converge::Error;
use converge_frames::{Frame, Goodbye, SUBPROTOCOL, Welcome};
use futures_util::{SinkExt, StreamExt};
use std::fmt::Write;
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

pub use tokio_tungstenite::tungstenite::Error as SocketError;

/// The size of the read buffer of a socket in bytes. It is allocated at once, for each client.
const READ_BUFFER: usize = 4 << 10;

/// A WebSocket over TCP or TLS.
pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why a connection failed or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The server said goodbye.
    #[error("the server closed the connection with code {}: {}", .0.code, .0.why)]
    Goodbye(Goodbye),
    /// The connection ended without a goodbye. The number is the code of the close frame, if there
    /// was one.
    #[error("the connection was closed without a goodbye; the code of the close frame is {0:?}")]
    Closed(Option<u16>),
    /// The server refused the WebSocket.
    #[error("the server responded with status {status}: {body}")]
    Status {
        /// The status of the response.
        status: u16,
        /// The part of the body that arrived together with the header.
        body: String,
    },
    /// The system reported an error.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    /// The server broke the WebSocket protocol, or a request was invalid.
    #[error("the WebSocket failed: {0}")]
    WebSocket(Box<SocketError>),
    /// The server sent something that it must not send.
    #[error("the server sent {0}")]
    Malformed(&'static str),
    /// The engine reported an error.
    #[error("{0}")]
    Engine(#[from] Error),
    /// Something did not happen in time. The text says what.
    #[error("{0}")]
    Timeout(&'static str),
}

impl Cause {
    /// Returns the code of the goodbye or of the close frame.
    pub fn code(&self) -> Option<u64> {
        match self {
            Self::Goodbye(goodbye) => Some(goodbye.code),
            Self::Closed(code) => code.map(u64::from),
            _ => None,
        }
    }

    /// Returns after which time the client should connect again, if a goodbye says so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Goodbye(goodbye) => goodbye.retry_after_ms.map(Duration::from_millis),
            _ => None,
        }
    }
}

impl From<SocketError> for Cause {
    fn from(error: SocketError) -> Self {
        match error {
            SocketError::Io(error) => Self::Io(error),
            SocketError::Http(response) => {
                let status = response.status().as_u16();
                let body = response.into_body().unwrap_or_default();
                Self::Status { status, body: String::from_utf8_lossy(&body).into_owned() }
            }
            SocketError::ConnectionClosed
            | SocketError::AlreadyClosed
            | SocketError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Closed(None),
            other => Self::WebSocket(Box::new(other)),
        }
    }
}

/// Opens a WebSocket with these headers in addition to those that every WebSocket needs. A header
/// replaces the one of the same name. Sends nothing on the WebSocket.
///
/// # Errors
///
/// [`Cause::Status`] if the server refuses, and the errors of the connection.
pub async fn raw(server: &ServerUrl, path: &str, headers: &[(&str, &str)]) -> Result<Socket, Cause> {
    let mut request = server.web_socket(path).into_client_request()?;
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(SocketError::from)?;
        request.headers_mut().insert(name, HeaderValue::from_str(value).map_err(SocketError::from)?);
    }
    let stream = TcpStream::connect(server.address()).await?;
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
    let (socket, _) = client_async_tls_with_config(request, stream, Some(config), None).await?;
    Ok(socket)
}

/// Encodes a name as one segment of a path.
pub fn segment(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Connects, sends the token, and waits for the welcome.
///
/// # Errors
///
/// The cause; [`Cause::Goodbye`] if the server refuses the token.
pub async fn handshake(server: &ServerUrl, document: &str, token: &str) -> Result<(Socket, Welcome), Cause> {
    let path = format!("/v1/docs/{}/sync", segment(document));
    let mut socket = raw(server, &path, &[("sec-websocket-protocol", SUBPROTOCOL)]).await?;
    socket.send(binary(Frame::Token(token.to_owned()).encode())).await?;
    loop {
        match incoming(socket.next().await)? {
            Incoming::Frame(Frame::Welcome(welcome)) => return Ok((socket, welcome)),
            Incoming::Nothing => {}
            _ => return Err(Cause::Malformed("another message before the welcome")),
        }
    }
}

/// Returns a message with these bytes.
pub fn binary(bytes: Vec<u8>) -> Message {
    Message::Binary(bytes.into())
}

/// What arrives on a WebSocket.
#[derive(Debug)]
pub enum Incoming {
    /// A message of the session.
    Message(Bytes),
    /// A host frame.
    Frame(Frame),
    /// A ping or a pong of the WebSocket. The library answers pings.
    Nothing,
}

/// Decodes a message.
///
/// # Errors
///
/// The cause of the end of the connection. A goodbye is one.
pub fn incoming(message: Option<Result<Message, SocketError>>) -> Result<Incoming, Cause> {
    match message {
        None => Err(Cause::Closed(None)),
        Some(Err(error)) => Err(error.into()),
        Some(Ok(Message::Close(frame))) => Err(Cause::Closed(frame.map(|frame| frame.code.into()))),
        Some(Ok(Message::Binary(bytes))) if Frame::is_one(&bytes) => match Frame::decode(&bytes) {
            Some(Frame::Goodbye(goodbye)) => Err(Cause::Goodbye(goodbye)),
            Some(frame) => Ok(Incoming::Frame(frame)),
            None => Err(Cause::Malformed("a damaged or unknown host frame")),
        },
        Some(Ok(Message::Binary(bytes))) => Ok(Incoming::Message(bytes)),
        Some(Ok(Message::Text(_))) => Err(Cause::Malformed("a text message")),
        Some(Ok(_)) => Ok(Incoming::Nothing),
    }
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn a_name_becomes_one_segment() {
        assert_eq!(segment("board/1"), "board%2F1");
        assert_eq!(segment("a-Z_0.~"), "a-Z_0.~");
        assert_eq!(segment("ß ?#%"), "%C3%9F%20%3F%23%25");
    }
}
