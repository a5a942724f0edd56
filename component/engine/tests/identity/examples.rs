//! Examples of names that were used twice, from `docs/semantics.md` and from public reports.

use crate::oracle::{Print, Set, branch};
use crate::seeds::{Checked, ensure, same};
use crate::ways::{Outcome, Way};
use crate::world::{COLUMN, TABLE, World, nothing, set};
use converge_engine::{Cell, Doc, EventId, Fork, PeerVersion, RowOp, Value};

fn update(row: &str, value: impl Into<Value>) -> RowOp {
    RowOp::Update { table: TABLE.to_owned(), row: row.to_owned(), cells: vec![Cell::new(COLUMN, value)] }
}

fn id(peer: &str, counter: u32) -> EventId {
    EventId { peer: peer.to_owned(), counter }
}

fn counts(of: &[(&str, u32)]) -> Vec<PeerVersion> {
    of.iter().map(|(peer, count)| PeerVersion { peer: (*peer).to_owned(), count: *count }).collect()
}

/// Returns the two events, sorted by fingerprint.
fn sorted(prints: [Print; 2]) -> [Print; 2] {
    [prints[0].min(prints[1]), prints[0].max(prints[1])]
}

fn bring(world: &mut World, pairs: &[[usize; 2]], way: Way) -> Checked {
    for &[from, to] in pairs {
        same("an exchange", &world.bring(from, to, way)?, &Outcome::Done)?;
    }
    Ok(())
}

/// F2: a backup is restored although the events written after it reached the server. By name alone,
/// the replica and the server would take each other's events for their own.
#[test]
fn a_restored_backup_and_the_server_converge() -> Checked {
    let mut world = World::new(&["ann", "srv"])?;
    world.commit(0, &[set("r", 0)])?;
    let old = world.doc(0).save();
    let former = world.commit(0, &[update("r", 100)])?;
    bring(&mut world, &[[0, 1]], Way::Update)?;
    world.replicas.remove(0);
    let restored = world.load("ann", &old)?;
    let later = world.commit(restored, &[update("r", 200)])?;
    // Both directions, by summaries. Once is enough here, because each side finds that the other
    // one is not ahead.
    bring(&mut world, &[[0, 1], [1, 0]], Way::Update)?;
    world.check_all_same()?;

    let [first, second] = sorted([former, later]);
    let last = if second == later { 200 } else { 100 };
    let cells = world.doc(0).get(TABLE, "r");
    same("the row", &cells, &Some(vec![Cell::new(COLUMN, last)]))?;
    let names = [branch("ann", first), branch("ann", second)];
    let version = counts(&[("ann", 1), (&names[0], 2), (&names[1], 2)]);
    same("the version", &world.doc(0).version(), &version)?;
    let fork = Fork { peer: "ann".to_owned(), counter: 1, branches: names.iter().map(|name| id(name, 1)).collect() };
    same("the fork", &world.doc(0).forks(0, 9), &vec![fork])
}

/// F3: two tabs write different events, then equal ones. Their counts and last events are equal,
/// but their histories are not.
#[test]
fn two_tabs_with_equal_last_events_are_not_in_sync_before_they_are_equal() -> Checked {
    let mut world = World::new(&["app"])?;
    world.commit(0, &[set("state", true)])?;
    let tab = world.copy(0)?;
    for (at, value) in [(0, 1), (tab, 2)] {
        world.commit(at, &[set("document", value)])?;
        world.commit(at, &[update("state", false)])?;
    }
    ensure!(world.session([0, tab], 65_536, usize::MAX)?, "the tabs do not get in sync");
    world.check_all_same().map(drop)
}

/// Equal commits on equal states are one event, so neither tab has a branch.
#[test]
fn two_tabs_with_equal_writes_do_not_fork() -> Checked {
    let mut world = World::new(&["app"])?;
    world.commit(0, &[set("state", true)])?;
    let tab = world.copy(0)?;
    let [one, other] = [0, tab].map(|at| world.commit(at, &[update("state", false)]));
    same("the event", &one?, &other?)?;
    same("forks", &world.doc(tab).forks(0, 9), &Vec::new())?;
    bring(&mut world, &[[0, tab], [tab, 0]], Way::Update)?;
    same("the version", &world.doc(0).version(), &counts(&[("app", 2)]))?;
    world.check_all_same().map(drop)
}

/// F4: b 1 depends on b 0 and x 0 and reaches c before them. a compacts without b and x, all
/// rebase, and b commits again on its own. The event that waits at c is not the new b 1. It must
/// not stop c, and it must not take effect in place of the new b 1.
#[test]
fn a_waiting_event_does_not_replace_another_event_of_its_name() -> Checked {
    for is_saved in [false, true] {
        let mut world = World::new(&["a", "b", "c", "x"])?;
        let [a, b, c, x] = [0, 1, 2, 3];
        world.commit(a, &[set("a", 0)])?;
        world.commit(x, &[set("x", 0)])?;
        world.commit(b, &[set("b", 0)])?;
        bring(&mut world, &[[x, b]], Way::Update)?;
        world.commit(b, &[set("b", 1)])?;
        let early = world.doc(b).events_since(&nothing(), u32::MAX).map_err(|error| error.to_string())?;
        let late: Vec<_> = early.runs.into_iter().filter(|run| run.peer == "b" && run.start == 1).collect();
        same("the runs of b 1", &late.len(), &1)?;
        bring(&mut world, &[[a, c]], Way::Update)?;
        same("b 1 arrives early", &world.merge_events(c, &late)?, &Outcome::Done)?;
        if is_saved {
            let saved = world.doc(c).save();
            *world.doc_mut(c) = Doc::load("c", &saved).map_err(|error| error.to_string())?;
        }
        // a does not know b and x, and compacts the events that both c and a have.
        let known = world.doc(c).summary();
        world.doc_mut(a).compact(&[known]).map_err(|error| error.to_string())?;
        for at in [b, c] {
            same("the rebase", &world.rebase(at, a)?, &Outcome::Done)?;
        }
        world.commit(b, &[set("b", 9)])?;
        for _ in 0..3 {
            for way in [Way::Session(65_536), Way::Update] {
                for [one, other] in [[a, b], [b, c], [a, c]] {
                    world.bring(one, other, way)?;
                    world.bring(other, one, way)?;
                }
            }
        }
        world.replicas.truncate(3);
        for at in 0..3 {
            world.check(at)?;
        }
        let digests = [a, b, c].map(|at| world.doc(at).digest());
        ensure!(digests[0] == digests[1] && digests[1] == digests[2], "the tables differ");
        for row in ["a", "b"] {
            ensure!(world.doc(c).get(TABLE, row).is_some(), "row {row} is lost");
        }
    }
    Ok(())
}

/// A relay knows only one of two histories. A replica of the other one, whose count is larger,
/// looks as if it were ahead.
#[test]
fn a_relay_sends_one_history_to_a_replica_of_the_other() -> Checked {
    for way in [Way::Update, Way::Session(65_536), Way::Whole] {
        let mut world = World::new(&["ann", "relay"])?;
        world.write(0, "r")?;
        let other = world.copy(0)?;
        world.write(0, "one")?;
        bring(&mut world, &[[0, 1]], Way::Update)?;
        (0..3).try_for_each(|_| world.write(other, "other").map(drop))?;
        // From here on the first replica is gone, and only the relay talks to the other one.
        world.replicas.swap(0, other);
        world.replicas.truncate(2);
        for _ in 0..2 {
            bring(&mut world, &[[1, 0], [0, 1]], way)?;
        }
        world.check_all_same()?;
        ensure!(world.doc(0).get(TABLE, "one").is_some(), "the first history is lost");
    }
    Ok(())
}

/// The relay is only pulled from, so it learns nothing of the other history. Its update must make
/// the puller ask for more.
#[test]
fn two_pulls_are_enough_if_the_other_side_learns_nothing() -> Checked {
    let mut world = World::new(&["ann", "relay"])?;
    world.write(0, "r")?;
    let other = world.copy(0)?;
    world.write(0, "one")?;
    bring(&mut world, &[[0, 1]], Way::Update)?;
    (0..3).try_for_each(|_| world.write(other, "other").map(drop))?;
    bring(&mut world, &[[1, other]], Way::Update)?;
    let waiting = world.waiting(other)?.ok_or("the first pull reports no missing events")?;
    let tip = world.doc(1).permanent_id(&id("ann", 1)).map_err(|error| error.to_string())?;
    same("waiting and missing", &(waiting.waiting, waiting.missing), &(0, vec![tip]))?;
    bring(&mut world, &[[1, other]], Way::Update)?;
    ensure!(world.doc(other).get(TABLE, "one").is_some(), "the first history is missing after two pulls");
    world.check(other).map(drop)
}

/// A branch forks again. Its events up to that fork keep its name.
#[test]
fn nested_forks_have_their_own_names() -> Checked {
    let mut world = World::new(&["p"])?;
    world.write(0, "r")?;
    let second = world.copy(0)?;
    let left = world.write(0, "r")?;
    let right = world.write(second, "r")?;
    let middle = world.write(second, "r")?;
    let third = world.copy(second)?;
    let inner = [world.write(second, "r")?, world.write(third, "r")?];
    for _ in 0..3 {
        bring(&mut world, &[[0, 1], [1, 2], [2, 1], [1, 0], [0, 2]], Way::Update)?;
    }
    world.check_all_same()?;
    let outer = sorted([left, right]);
    let (of_left, of_right) = (branch("p", left), branch("p", right));
    let inner = sorted(inner).map(|print| branch("p", print));
    let forks = world.doc(0).forks(0, 9);
    same("the outer fork's branches", &forks[0].branches, &outer.map(|print| id(&branch("p", print), 1)).to_vec())?;
    same("the inner fork", &(forks[1].peer.as_str(), forks[1].counter), &(of_right.as_str(), 3))?;
    same("the inner fork's branches", &forks[1].branches, &inner.iter().map(|name| id(name, 3)).collect())?;
    let mut version = counts(&[("p", 1), (&of_left, 2), (&of_right, 3), (&inner[0], 4), (&inner[1], 4)]);
    version.sort();
    same("the version", &world.doc(0).version(), &version)?;
    let known: Set = world.events.iter().map(|(print, _)| print).collect();
    same("the name of the event between the forks", &world.events.names(&known)[&middle], &id(&of_right, 2))
}

/// Ben's event depends on one history of ann. The other history arrives later and forks ann below
/// Ben's event.
#[test]
fn a_fork_below_another_peers_event_does_not_change_that_event() -> Checked {
    let mut world = World::new(&["ann", "ben"])?;
    world.write(0, "r")?;
    let other = world.copy(0)?;
    world.write(0, "r")?;
    bring(&mut world, &[[0, 1]], Way::Update)?;
    let on_top = world.write(1, "r")?;
    let before = world.doc(1).get(TABLE, "r");
    world.write(other, "s")?;
    bring(&mut world, &[[1, other], [other, 1], [1, 0], [1, other]], Way::Update)?;
    let seen = world.check_all_same()?;
    same("ben's name", &world.events.names(&seen.known)[&on_top], &id("ben", 0))?;
    same("ben's write", &world.doc(0).get(TABLE, "r"), &before)
}

/// A peer's name sorts between another peer and its branches. The order of execution compares
/// authors, never the names of branches.
#[test]
fn branches_are_executed_in_the_order_of_their_author() -> Checked {
    let mut world = World::new(&["p", "p!"])?;
    let copy = world.copy(0)?;
    for at in [0, 1, copy] {
        world.write(at, "r")?;
    }
    bring(&mut world, &[[0, copy], [copy, 0], [0, 1], [1, 0], [0, copy]], Way::Update)?;
    let seen = world.check_all_same()?;
    let last = world.events.order(&seen.known).last().copied().map(|print| world.events[print].author.clone());
    same("the last to be executed", &last.as_deref(), &Some("p!"))
}

/// A restored replica that has not written yet does not fork: it continues when its own later
/// events arrive.
#[test]
fn a_restored_replica_without_writes_continues_its_history() -> Checked {
    let mut world = World::new(&["ann", "srv"])?;
    world.write(0, "r")?;
    let old = world.doc(0).save();
    (0..3).try_for_each(|_| world.write(0, "r").map(drop))?;
    bring(&mut world, &[[0, 1]], Way::Update)?;
    world.replicas.remove(0);
    let restored = world.load("ann", &old)?;
    bring(&mut world, &[[0, restored]], Way::Update)?;
    world.write(restored, "r")?;
    bring(&mut world, &[[restored, 0]], Way::Update)?;
    world.check_all_same()?;
    same("the version", &world.doc(0).version(), &counts(&[("ann", 5)]))
}

/// After `load` a replica continues the branch whose last event is executed last. After a commit it
/// continues its own branch.
#[test]
fn a_loaded_replica_continues_the_branch_that_is_executed_last() -> Checked {
    let mut world = World::new(&["p"])?;
    let copy = world.copy(0)?;
    world.write(0, "r")?;
    let longer = [world.write(copy, "r")?, world.write(copy, "r")?];
    bring(&mut world, &[[0, copy], [copy, 0]], Way::Update)?;
    let loaded = world.copy(0)?;
    let next = world.write(loaded, "r")?;
    same("the continued event", &world.events[next].previous, &Some(longer[1]))?;
    // The others continue their own branches.
    let own = world.write(0, "r")?;
    ensure!(world.events[own].previous != Some(longer[1]), "the first replica leaves its own branch");
    Ok(())
}

/// The report of the merge that finds a fork contains the peer once.
#[test]
fn a_merge_reports_the_peer_that_forked() -> Checked {
    let mut world = World::new(&["ann", "srv"])?;
    world.write(0, "r")?;
    let copy = world.copy(0)?;
    world.write(0, "r")?;
    world.write(copy, "r")?;
    bring(&mut world, &[[0, 1]], Way::Update)?;
    let update = world.doc(copy).update_since(&nothing()).map_err(|error| error.to_string())?;
    let mut merge = || world.doc_mut(1).merge_update(&update).map_err(|error| error.to_string());
    let (first, second) = (merge()?, merge()?);
    same("forked", &first.forked, &vec!["ann".to_owned()])?;
    same("forked again", &second.forked, &Vec::new())?;
    same("applied and duplicate", &(second.applied, second.duplicate), &(0, 2))
}
