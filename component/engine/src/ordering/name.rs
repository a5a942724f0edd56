//! The names of seeds in keys: 10 ASCII digits and letters.
//!
//! A name is a hash, so that it has the same length and no reserved characters for every seed. The
//! hash is not cryptographic: a caller that chooses both seeds can find two with one name. Such a
//! caller could also write equal keys directly.

use super::integer::DIGITS;
use xxhash_rust::xxh64::xxh64;

/// The length of a name in bytes.
pub(super) const NAME_BYTES: usize = 10;

/// Returns the name of a seed.
pub(super) fn of(seed: &str) -> String {
    let mut rest = xxh64(seed.as_bytes(), 0);
    let mut name = String::with_capacity(NAME_BYTES);
    for _ in 0..NAME_BYTES {
        let digit = usize::try_from(rest % 62).ok().and_then(|index| DIGITS.get(index));
        name.extend(digit.copied().map(char::from));
        rest /= 62;
    }
    name
}

/// Returns whether a text can be the name of a seed.
pub(super) fn is_name(text: &str) -> bool {
    text.len() == NAME_BYTES && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
