//! Every way in which a name can be used twice. Two replicas write as one peer: after a backup was
//! restored, as two live copies, or as two new documents.
//!
//! One history is as long as the other, shorter or longer, and the last writes are equal or
//! different. The replicas exchange events in every possible way. In the end every replica must
//! hold both histories.

use crate::oracle::Print;
use crate::seeds::{Checked, ensure};
use crate::ways::{Outcome, Way};
use crate::world::{World, set};
use converge_engine::Doc;

/// How two replicas came to write as one peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The first replica synchronized with the server and ended. The second one was restored from a
    /// backup.
    Restored,
    /// Both continue from one document.
    LiveCopies,
    /// Both started with an empty document.
    Reseeded,
}

const KINDS: [Kind; 3] = [Kind::Restored, Kind::LiveCopies, Kind::Reseeded];
/// The numbers of writes of the first and of the second replica.
const COUNTS: [[usize; 2]; 4] = [[2, 2], [3, 1], [1, 3], [1, 1]];
const WAYS: [Way; 6] =
    [Way::Update, Way::Events(1), Way::Events(2), Way::Events(u32::MAX), Way::Whole, Way::Session(65_536)];

/// Which replicas exchange events, until nothing changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Net {
    /// Each replica with each other one.
    Mesh,
    /// Each replica with a relay, which writes nothing itself.
    Relay,
    /// The relay is between the two replicas in a chain. Each one sends its events onwards, and
    /// nothing flows back.
    Ring,
}

const MAX_ROUNDS: usize = 10;

const NETS: [Net; 3] = [Net::Mesh, Net::Relay, Net::Ring];

#[test]
fn every_replica_ends_with_both_histories_of_a_name() {
    let mut cases = 0;
    for kind in KINDS {
        for counts in COUNTS {
            for same_tail in [false, true] {
                for way in WAYS {
                    for net in NETS {
                        let case = format!("{kind:?}, {counts:?}, same tail: {same_tail}, {way:?}, {net:?}");
                        if let Err(why) = check(kind, counts, same_tail, way, net) {
                            panic!("{case}: {why}");
                        }
                        cases += 1;
                    }
                }
            }
        }
    }
    assert_eq!(cases, 3 * 4 * 2 * 6 * 3);
}

/// Replicas 0 and 1 write as `ann`, and 2 is a relay. If the first replica ended, only the relay
/// has its events.
fn check(kind: Kind, counts: [usize; 2], same_tail: bool, way: Way, net: Net) -> Checked {
    let (mut world, written) = lives(kind, counts, same_tail)?;
    let result = together(&mut world, way, net, &written);
    result.map_err(|why| format!("{why}\n  {}", world.log.join("\n  ")))
}

fn together(world: &mut World, way: Way, net: Net, written: &[Print]) -> Checked {
    let pairs: &[[usize; 2]] = match net {
        Net::Mesh => &[[0, 1], [1, 0], [0, 2], [2, 0], [1, 2], [2, 1]],
        Net::Relay => &[[0, 2], [1, 2], [2, 0], [2, 1]],
        Net::Ring => &[[0, 2], [2, 1], [1, 0]],
    };
    settle(world, way, pairs)?;
    let seen = world.check_all_same()?;
    ensure!(written.iter().all(|print| seen.known.contains(print)), "a write is lost");
    // Every replica can still write, and the others receive the writes.
    for at in 0..world.replicas.len() {
        world.write(at, "later")?;
    }
    settle(world, way, pairs)?;
    world.check_all_same().map(drop)
}

/// Exchanges events until nothing changes.
fn settle(world: &mut World, way: Way, pairs: &[[usize; 2]]) -> Checked {
    for _ in 0..MAX_ROUNDS {
        let before: Vec<Vec<u8>> = world.replicas.iter().map(|replica| replica.doc.save()).collect();
        for &[from, to] in pairs {
            let outcome = world.bring(from, to, way)?;
            ensure!(outcome == Outcome::Done, "refused");
        }
        if world.replicas.iter().map(|replica| replica.doc.save()).eq(before) {
            return Ok(());
        }
    }
    Err(format!("not settled after {MAX_ROUNDS} rounds"))
}

/// Creates the two replicas, and returns all their writes.
fn lives(kind: Kind, counts: [usize; 2], same_tail: bool) -> Checked<(World, Vec<Print>)> {
    let mut world = World::new(&["ann"])?;
    let mut written = Vec::new();
    if kind != Kind::Reseeded {
        for row in ["r", "s", "r"] {
            written.push(world.write(0, row)?);
        }
    }
    match kind {
        Kind::Reseeded => drop(world.load("ann", &empty()?)?),
        _ => drop(world.copy(0)?),
    }
    let relay = world.load("srv", &empty()?)?;
    for (life, count) in counts.into_iter().enumerate() {
        for place in 0..count {
            let is_last = place + 1 == count;
            let print = if is_last && same_tail {
                world.commit(life, &[set("state", false)])?
            } else {
                world.write(life, "r")?
            };
            written.push(print);
        }
        if kind == Kind::Restored && life == 0 {
            world.bring(0, relay, Way::Update)?;
        }
    }
    if kind == Kind::Restored {
        // The first replica is gone. Only the relay has its writes.
        world.replicas.remove(0);
        let another = world.load("eve", &empty()?)?;
        world.replicas.swap(1, another);
    }
    Ok((world, written))
}

fn empty() -> Checked<Vec<u8>> {
    Doc::create("nobody").map(|doc| doc.save()).map_err(|error| error.to_string())
}
