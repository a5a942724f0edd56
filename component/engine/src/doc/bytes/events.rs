//! The bytes of lists of events, each with name, counter and fingerprint.

use crate::codec::{Column, ColumnWriter, Reader, put_varint};
use crate::convert::{index_of, u64_of};
use crate::doc::waiting::Need;
use crate::error::Error;
use crate::id::{Fingerprint, SharedText, read_texts, write_texts};
use crate::lanes::check_name;
use crate::limits::{self, Limit};
use crate::memory;
use crate::sort;
/// Writes the number of events, the ranks of their names, their counters and fingerprints.
pub(super) fn write_events(events: &[(u32, u32, Fingerprint)], out: &mut Vec<u8>) {
    put_varint(out, u64_of(events.len()));
    if events.is_empty() {
        return;
    }
    let (mut ranks, mut counters, mut prints) = (ColumnWriter::new(), ColumnWriter::new(), ColumnWriter::fixed());
    for &(rank, counter, fingerprint) in events {
        ranks.push(rank.into());
        counters.push(counter.into());
        prints.push(fingerprint.get());
    }
    ranks.finish(out);
    counters.finish(out);
    prints.finish(out);
}

/// Writes events and their names.
pub(crate) fn write_named_events(events: &[Need]) -> Vec<u8> {
    let names: Vec<&str> = sort::distinct(events.iter().map(|event| &*event.name));
    let rank = |name: &str| rank_in(&names, name);
    let mut out = Vec::new();
    write_texts(names.len(), names.iter().copied(), &mut out);
    let events: Vec<_> = events.iter().map(|event| (rank(&event.name), event.counter, event.fingerprint)).collect();
    write_events(&events, &mut out);
    out
}

/// Reads what `write_named_events` wrote.
pub(crate) fn read_named_events(reader: &mut Reader<'_>) -> Result<Vec<Need>, Error> {
    let texts = read_texts(reader, &limits::PEERS, limits::BRANCH_BYTES.maximum)?;
    let mut names = Vec::with_capacity(texts.len());
    for (name, _) in texts.sorted() {
        check_name(name).map_err(|_| reader.damage("a name is not that of a peer or of a branch"))?;
        names.push(name.clone());
    }
    read_events(reader, &names, &limits::PEERS)
}

/// Reads what `write_events` wrote, for these names. Fails if there are more than `limit` events.
pub(super) fn read_events(
    reader: &mut Reader<'_>,
    names: &[SharedText],
    limit: &'static Limit,
) -> Result<Vec<Need>, Error> {
    let count = reader.varint()?;
    limit.check(count)?;
    memory::spend(count.saturating_mul(u64_of(size_of::<Need>())))?;
    if count == 0 {
        return Ok(Vec::new());
    }
    let (mut ranks, mut counters, mut prints) =
        (Column::read(reader)?, Column::read(reader)?, Column::read_fixed(reader)?);
    ranks.check_count(count)?;
    let mut events = Vec::new();
    for _ in 0..count {
        let rank = ranks.next_u32_to(u64_of(names.len()).saturating_sub(1))?;
        let counter = counters.next_u32_to(limits::COUNTER.maximum)?;
        let fingerprint = next_print(&mut prints)?;
        let name = names.get(index_of(rank)).ok_or_else(|| ranks.damage("an event has a name that is not there"))?;
        events.push(Need { name: name.clone(), counter, fingerprint });
    }
    ranks.finish()?;
    counters.finish()?;
    prints.finish()?;
    Ok(events)
}

/// Returns the next fingerprint of a column.
pub(super) fn next_print(column: &mut Column<'_>) -> Result<Fingerprint, Error> {
    Fingerprint::new(column.next()?).ok_or_else(|| column.damage("a fingerprint is 0"))
}

/// Returns the index of a name in sorted names, or `u32::MAX` if it is not there.
pub(super) fn rank_in(names: &[&str], name: &str) -> u32 {
    let place = names.binary_search(&name).ok();
    place.and_then(|place| u32::try_from(place).ok()).unwrap_or(u32::MAX)
}
