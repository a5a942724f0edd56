//! Messages on a socket, each preceded by its length as 32 bits, little-endian.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::Sender;
use std::thread;

/// The limit `message-bytes`.
const MAX_MESSAGE_BYTES: usize = 16 << 20;
const LENGTH_BYTES: usize = 4;

/// Writes a message. Returns the number of bytes written.
pub(crate) fn send(stream: &mut TcpStream, message: &[u8]) -> io::Result<usize> {
    let length = u32::try_from(message.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_le_bytes(), message].concat())?;
    Ok(LENGTH_BYTES + message.len())
}

/// Reads messages in a new thread and sends each to `to`, and `None` when the socket is closed.
pub(crate) fn read<T: Send + 'static>(
    mut stream: TcpStream,
    to: Sender<T>,
    wrap: impl Fn(Option<Vec<u8>>) -> T + Send + 'static,
) {
    thread::spawn(move || {
        while let Ok(message) = receive(&mut stream) {
            if to.send(wrap(Some(message))).is_err() {
                return;
            }
        }
        // Ignore errors: the receiver may have ended.
        let _ = to.send(wrap(None));
    });
}

fn receive(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; LENGTH_BYTES];
    stream.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_MESSAGE_BYTES {
        return Err(io::Error::other(format!("the message has {length} bytes; the maximum is {MAX_MESSAGE_BYTES}")));
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message)?;
    Ok(message)
}
