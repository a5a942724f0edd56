//! Keys, tokens, and the rights that a token grants.
//!
//! A token is a JSON Web Token (RFC 7519) that the application, or `converge token`, signs with a
//! [`Key`]. The server has the same key, or only its public form, and verifies each token with
//! [`Keys::verify`]. The result is a [`Grant`]: the subject, the rights for each document, and when
//! they end.
//!
//! ```
//! use converge_server::auth::{Claims, Key, Keys, mint};
//! use std::time::{SystemTime, UNIX_EPOCH};
//!
//! let key = Key::generate_hs256("2026-11")?;
//! let hour = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() + 3600;
//! let docs = [("board/*".to_owned(), "rw".to_owned())].into();
//! let claims = Claims { sub: "ann".to_owned(), exp: hour, docs, peers: None };
//! let token = mint(&key, &claims)?;
//!
//! let grant = Keys::new([key])?.verify(&token)?;
//! assert_eq!(grant.subject(), "ann");
//! assert!(grant.rights("board/1").write && !grant.rights("board/1").admin);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The key alone decides the algorithm of its tokens: HS256 or EdDSA. A token whose header names
//! another algorithm, or none, is refused.

mod crypto;
mod keys;
mod token;

pub use keys::{Key, Keys, random_kid};
pub use token::{Claims, Denial, Grant, MAX_PATTERNS, MAX_TOKEN_BYTES, Rights, mint};

use std::io;
use std::path::PathBuf;

/// Why a key cannot be used, or a token cannot be created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A key file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A key file does not contain a valid key.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<Error>,
    },
    /// A key is not valid.
    #[error("invalid key: {0}")]
    Key(String),
    /// Two keys have the same `kid`.
    #[error("two keys have the kid {0:?}; create one of them again with another kid")]
    DuplicateKid(String),
    /// A secret has no public form.
    #[error("the key {0:?} is an HS256 secret, which has no public form; use an Ed25519 key instead")]
    NoPublicForm(String),
    /// A public key cannot sign.
    #[error("the key {0:?} has no `d`, so it cannot sign tokens; use the file with the private key")]
    NoPrivateKey(String),
    /// A letter is not one of those of [`Rights`].
    #[error("the rights {letters:?} contain {letter:?}; the letters are r, w, m, p and a")]
    Letter {
        /// The letters.
        letters: String,
        /// The unknown letter.
        letter: char,
    },
    /// The claims are not valid.
    #[error("invalid claims: {0}")]
    Claims(String),
    /// The token is too long.
    #[error("the token would be {0} bytes long; the maximum is {max}; name fewer documents", max = MAX_TOKEN_BYTES)]
    TooLong(usize),
    /// The token cannot be signed.
    #[error("the token cannot be signed: {0}")]
    Sign(#[from] jsonwebtoken::errors::Error),
    /// The system has no random numbers.
    #[error("the system returns no random numbers: {0}")]
    Random(#[from] getrandom::Error),
}
