//! What a person types, and what each keystroke builds on.

use converge::TextChange;
use converge_traces::{Event, Patch, Trace};
use std::collections::{BTreeSet, VecDeque};

/// A keystroke of a person.
pub(super) struct Keystroke {
    /// The number of keystrokes of the other person that this one builds on. It never decreases.
    pub(super) needs: u32,
    /// The changes of the text as it is then.
    pub(super) changes: Vec<TextChange>,
}

/// The part of one person in a session of two.
pub(super) struct Script {
    pub(super) keystrokes: VecDeque<Keystroke>,
    /// The name of the other person.
    pub(super) other: String,
    /// The number of keystrokes of the other person.
    pub(super) of_other: u32,
}

/// Returns the part of a person. The trace must have two peers, and the events of each must build
/// on each other.
pub(super) fn of(trace: &Trace, peer: &str) -> Result<Script, String> {
    let peers: BTreeSet<&str> = trace.events.iter().map(|event| event.peer.as_str()).collect();
    let others: Vec<&str> = peers.iter().copied().filter(|other| *other != peer).collect();
    let [other] = others[..] else { return Err(format!("{peer:?} is not one of two peers")) };
    let mut keystrokes = VecDeque::new();
    // For each event, how many events of this and of the other peer it builds on, and itself.
    let mut versions: Vec<[u32; 2]> = Vec::with_capacity(trace.events.len());
    let mut counts = [0, 0];
    for Event { peer: author, after, patches, .. } in &trace.events {
        let before = after.iter().map(|event| versions[*event]);
        let mut version = before.fold([0, 0], |[a, b], [c, d]| [a.max(c), b.max(d)]);
        let side = usize::from(author != peer);
        if version[side] != counts[side] {
            return Err(format!("event {} of {author} does not build on the one before it", counts[side]));
        }
        if side == 0 {
            let change = |Patch { at, remove, insert }: &Patch| TextChange::new(*at, *remove, insert);
            keystrokes.push_back(Keystroke { needs: version[1], changes: patches.iter().map(change).collect() });
        }
        version[side] += 1;
        counts[side] += 1;
        versions.push(version);
    }
    Ok(Script { keystrokes, other: other.to_owned(), of_other: counts[1] })
}
