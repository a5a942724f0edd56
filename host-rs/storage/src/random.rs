//! Random names.

use std::io;

/// The letters of a random name. 16 of them have 80 bits.
const LETTERS: [u8; 32] = *b"abcdefghijklmnopqrstuvwxyz234567";

/// Returns 16 random letters, for names that nobody else has.
///
/// # Errors
///
/// The error of the system if it has no random numbers.
pub fn random_letters() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
}
