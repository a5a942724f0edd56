//! Fingerprints. A fingerprint identifies an event: it covers the author, the operations, and the
//! events that the event builds on.
//!
//! Fingerprints detect accidents, such as two replicas that write as one peer, but not attacks.
//! `docs/format.md` specifies the hashed numbers, so that every implementation computes the same
//! fingerprints. Only this room names the hash.
//!
//! Source: Y. Collet, "xxHash fast digest algorithm", XXH64. `Hash` uses its round for one word and
//! its final mix.

mod prints;

pub(crate) use prints::{Ledger, Prints};

use crate::id::Fingerprint;
use crate::oplog::CommitRef;
use crate::value::ValueRef;
use std::collections::BTreeMap;
use xxhash_rust::xxh64::xxh64;

const PRIME_1: u64 = 0x9e37_79b1_85eb_ca87;
const PRIME_2: u64 = 0xc2b2_ae3d_27d4_eb4f;
const PRIME_3: u64 = 0x1656_67b1_9e37_79f9;
const PRIME_4: u64 = 0x85eb_ca77_c2b2_ae63;

/// A hash of a sequence of words.
#[derive(Debug, Clone, Copy)]
struct Hash(u64);

impl Hash {
    #[inline]
    fn word(&mut self, word: u64) {
        let lane = word.wrapping_mul(PRIME_2).rotate_left(31).wrapping_mul(PRIME_1);
        self.0 = (self.0 ^ lane).rotate_left(27).wrapping_mul(PRIME_1).wrapping_add(PRIME_4);
    }

    fn finish(self) -> u64 {
        let mut hash = self.0;
        hash = (hash ^ (hash >> 33)).wrapping_mul(PRIME_2);
        hash = (hash ^ (hash >> 29)).wrapping_mul(PRIME_3);
        hash ^ (hash >> 32)
    }
}

/// The hash of an author's name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AuthorHash(u64);

impl AuthorHash {
    /// Hashes a name without a branch.
    pub(crate) fn of(author: &str) -> Self {
        Self(xxh64(author.as_bytes(), 0))
    }
}

/// What a fingerprint covers in addition to the operations of the event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventHeader<'a> {
    pub(crate) author: AuthorHash,
    /// The fingerprint of the author's previous event.
    pub(crate) previous: Option<Fingerprint>,
    /// A number that distinguishes the event from an equal one, or 0.
    pub(crate) salt: u64,
    /// The fingerprints of the dependencies without the author's previous event, in ascending
    /// order.
    pub(crate) others: &'a [Fingerprint],
}

impl EventHeader<'_> {
    /// Returns the fingerprint of an event with these operations. O(size of the event).
    pub(crate) fn fingerprint(self, commit: CommitRef<'_>) -> Fingerprint {
        let mut hash = Hash(self.author.0);
        hash.word(self.previous.map_or(0, |previous| previous.get()));
        hash.word(body(commit));
        hash.word(self.salt);
        for other in self.others {
            hash.word(other.get());
        }
        Fingerprint::of_hash(hash.finish())
    }
}

/// Returns the digest of an event's operations: the sum of one digest for each table. The digest of
/// a table covers its operations and their places in the event, so a table can be left out and
/// replaced by its digest.
fn body(commit: CommitRef<'_>) -> u64 {
    let mut current: Option<(&str, Hash)> = None;
    let mut others: BTreeMap<&str, Hash> = BTreeMap::new();
    for (place, op) in (0..).zip(commit.ops()) {
        let mut hash = match current.take() {
            Some((table, hash)) if table == op.table => hash,
            last => {
                others.extend(last);
                others.remove(op.table).unwrap_or_else(|| Hash(xxh64(op.table.as_bytes(), 0)))
            }
        };
        hash.word(place << 8 | op.kind as u64);
        hash.word(xxh64(op.row.as_bytes(), 0));
        hash.word(op.cells.len() as u64);
        for (column, value) in op.cells.iter() {
            hash.word(xxh64(column.as_bytes(), 0));
            hash.word(value.tag().into());
            match value {
                ValueRef::Null | ValueRef::Boolean(_) => {}
                ValueRef::Integer(integer) => hash.word(integer as u64),
                ValueRef::Real(bits) => hash.word(bits),
                ValueRef::Text(text) => hash.word(xxh64(text.as_bytes(), 0)),
                ValueRef::Blob(blob) => hash.word(xxh64(blob, 0)),
            }
        }
        current = Some((op.table, hash));
    }
    current.into_iter().chain(others).fold(0, |sum, (_, hash)| sum.wrapping_add(hash.finish()))
}
