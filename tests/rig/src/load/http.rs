//! Requests of HTTP/1.1, each on a connection of its own.

use super::arguments::Target;
use crate::Failure;
use converge_rig::net::segment;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const TIMEOUT: Duration = Duration::from_secs(120);
/// The maximum size of a response that is read.
const MAX_RESPONSE_BYTES: u64 = 1 << 20;

/// Pushes an update or a saved document. Creates the document if it does not exist.
pub(super) async fn push(target: &Target, document: &str, update: &[u8]) -> Result<(), Failure> {
    let path = format!("/v1/docs/{}/push", segment(document));
    let response = timeout(TIMEOUT, post(target, &path, update)).await;
    let response = response.map_err(|_| format!("{path}: no response within {} seconds", TIMEOUT.as_secs()))?;
    let response = response.map_err(|error| format!("{path}: {error}"))?;
    if is_success(&response) { Ok(()) } else { Err(format!("{path}: {}", response.trim_end()).into()) }
}

async fn post(Target { address, token, .. }: &Target, path: &str, body: &[u8]) -> io::Result<String> {
    let authorization = if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n{authorization}\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    let mut response = Vec::new();
    stream.take(MAX_RESPONSE_BYTES).read_to_end(&mut response).await?;
    Ok(String::from_utf8_lossy(&response).into_owned())
}

/// Returns whether the status of a response is 200 to 299.
fn is_success(response: &str) -> bool {
    response.split(' ').nth(1).is_some_and(|status| status.len() == 3 && status.starts_with('2'))
}

#[cfg(test)]
mod tests {
    use super::is_success;

    #[test]
    fn the_status_decides() {
        assert!(is_success("HTTP/1.1 200 OK\r\n\r\n{}") && is_success("HTTP/1.1 204 No Content\r\n\r\n"));
        assert!(!is_success("HTTP/1.1 503 Service Unavailable\r\n\r\n") && !is_success("") && !is_success("200"));
    }
}
