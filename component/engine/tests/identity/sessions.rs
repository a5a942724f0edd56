//! Sessions of replicas whose names were used twice, sessions that one side restarts on a living
//! connection, and the options that limit what a side accepts.

use crate::seeds::{Checked, Random, ensure, for_each_seed, same};
use crate::ways::{Outcome, Talk, Way, options};
use crate::world::{COLUMN, TABLE, World};
use converge_engine::{Acceptance, Cell, Error, SessionOptions};

/// The maximum number of messages in a conversation of these tests.
const MAX_MESSAGES: usize = 4_000;

/// Returns two replicas of `p` that forked after some shared events, as 0 and 1. Commits are not
/// checked one by one.
fn lives(shared: i64, own: [i64; 2]) -> Checked<World> {
    let mut world = World::new(&["p"])?;
    write(&mut world, 0, shared, 0);
    world.copy(0)?;
    write(&mut world, 0, own[0], 1_000_000);
    write(&mut world, 1, own[1], 2_000_000);
    Ok(world)
}

fn write(world: &mut World, at: usize, count: i64, from: i64) {
    for value in from..from + count {
        let row = (value % 7).to_string();
        world.doc_mut(at).insert(TABLE, &row, vec![Cell::new(COLUMN, value)]).expect("a valid insert");
    }
}

fn talk(world: &mut World, bytes: u32, is_checked: bool) -> Checked<Talk> {
    let open = [options(bytes, world.nonce()), options(bytes, world.nonce())];
    let mut talk = Talk::open(world, [0, 1], open)?;
    talk.is_checked = is_checked;
    Ok(talk)
}

fn check_equal(world: &World) -> Checked {
    let (one, other) = (world.doc(0), world.doc(1));
    one.dbg_check();
    other.dbg_check();
    ensure!(one.save() == other.save(), "the two save other bytes");
    Ok(())
}

/// A trace finds the number of shared events to a factor of two, so the number of events that are
/// sent again does not grow with it.
#[test]
fn traces_limit_the_events_that_are_sent_again() -> Checked {
    for (shared, own) in
        [(0, [5, 3]), (1, [3, 3]), (40, [1, 1]), (5_000, [10, 3]), (5_000, [3, 300]), (700, [700, 700])]
    {
        let mut world = lives(shared, own)?;
        let mut talk = talk(&mut world, 65_536, false)?;
        same("the conversation", &talk.run(&mut world, MAX_MESSAGES)?, &Outcome::Done)?;
        ensure!(talk.in_sync(&world), "{shared} shared, {own:?}: not in sync");
        check_equal(&world)?;
        let most = 2 * (own[0] + own[1]) + 4;
        ensure!(
            i64::from(talk.duplicate) <= most,
            "{shared} shared, {own:?}: {} events are sent again",
            talk.duplicate
        );
        ensure!(talk.bytes < 2_000 + 60 * (own[0] + own[1]) as usize, "{shared} shared, {own:?}: {} bytes", talk.bytes);
    }
    Ok(())
}

/// A peer that is only ahead costs no trace, and no event is sent twice.
#[test]
fn a_peer_that_is_ahead_sends_no_event_twice() -> Checked {
    for own in [[0, 40], [40, 0], [0, 0]] {
        for shared in [0, 3, 300] {
            let mut world = lives(shared, own)?;
            let mut talk = talk(&mut world, 700, false)?;
            same("the conversation", &talk.run(&mut world, MAX_MESSAGES)?, &Outcome::Done)?;
            ensure!(talk.in_sync(&world), "{shared} shared, {own:?}: not in sync");
            same("duplicates", &talk.duplicate, &0)?;
            check_equal(&world)?;
        }
    }
    Ok(())
}

/// One more event costs few bytes if both sides are in sync, even with forks.
#[test]
fn one_more_event_of_a_forked_peer_is_sent_alone() -> Checked {
    let mut world = lives(50, [20, 30])?;
    let mut talk = talk(&mut world, 4_000, false)?;
    talk.run(&mut world, MAX_MESSAGES)?;
    for at in [0, 1, 0] {
        let (bytes, duplicate) = (talk.bytes, talk.duplicate);
        write(&mut world, at, 1, 3_000_000 + at as i64);
        same("the conversation", &talk.run(&mut world, MAX_MESSAGES)?, &Outcome::Done)?;
        ensure!(talk.in_sync(&world) && talk.bytes - bytes < 400, "{} bytes for one event", talk.bytes - bytes);
        same("duplicates", &talk.duplicate, &duplicate)?;
    }
    check_equal(&world)
}

/// F15: one side loses its session at any time and opens a new one. Messages of the former
/// conversation are still on their way in both directions. Nothing is lost, and no session fails.
#[test]
fn one_side_restarts_on_a_living_connection() {
    for_each_seed(500, |seed| {
        let mut random = Random::new(seed);
        let own = [random.below(12) as i64, random.below(12) as i64];
        let mut world = lives(random.below(6) as i64, own)?;
        let bytes = *random.pick(&[64, 90, 700, 65_536]);
        let mut talk = talk(&mut world, bytes, false)?;
        for restart in 0..1 + random.below(3) {
            for _ in 0..random.below(30) {
                step(&mut talk, &mut world, &mut random)?;
            }
            write(&mut world, random.below(2), random.below(3) as i64, 5_000_000 + 10 * restart as i64);
            let nonce = world.nonce();
            talk.reopen(&mut world, random.below(2), options(bytes, nonce))?;
        }
        same("the conversation", &talk.run(&mut world, MAX_MESSAGES)?, &Outcome::Done)?;
        ensure!(talk.in_sync(&world), "not in sync after the restart: {}", talk.progress(&world));
        check_equal(&world)
    });
}

fn step(talk: &mut Talk, world: &mut World, random: &mut Random) -> Checked {
    let end = random.below(2);
    if random.chance(1, 2) {
        talk.poll(world, end).map_err(|error| format!("poll: {error}"))?;
    } else {
        talk.deliver(world, end)?.map_err(|error| format!("receive: {error}"))?;
    }
    Ok(())
}

/// After a restart in sync, only the hellos are sent again.
#[test]
fn a_restart_in_sync_sends_no_event_again() -> Checked {
    let mut world = lives(10, [3, 4])?;
    let mut talk = talk(&mut world, 700, false)?;
    talk.run(&mut world, MAX_MESSAGES)?;
    let (bytes, duplicate) = (talk.bytes, talk.duplicate);
    let nonce = world.nonce();
    talk.reopen(&mut world, 1, options(700, nonce))?;
    same("the conversation", &talk.run(&mut world, MAX_MESSAGES)?, &Outcome::Done)?;
    ensure!(talk.in_sync(&world), "not in sync");
    same("duplicates", &talk.duplicate, &duplicate)?;
    ensure!(talk.bytes - bytes < 700, "{} bytes", talk.bytes - bytes);
    // The other side reports the same session as before.
    write(&mut world, 0, 1, 9_000_000);
    talk.run(&mut world, MAX_MESSAGES)?;
    check_equal(&world)
}

#[test]
fn a_read_only_side_receives_both_branches_and_sends_none() -> Checked {
    for reader in [0, 1] {
        let mut world = lives(5, [3, 4])?;
        let sent = world.doc(1 - reader).save();
        let mut open = [options(700, 1), options(700, 2)];
        open[reader].read_only = true;
        let mut talk = Talk::open(&mut world, [0, 1], open)?;
        talk.is_checked = false;
        same("the conversation", &talk.run(&mut world, MAX_MESSAGES)?, &Outcome::Done)?;
        ensure!(world.doc(1 - reader).save() == sent, "a side that is read-only sent something");
        same("forks of the reader", &world.doc(reader).forks(0, 9).len(), &1)?;
        let total: u32 = world.doc(reader).version().iter().map(|known| known.count).max().unwrap_or(0);
        same("the longer life", &total, &9)?;
    }
    Ok(())
}

/// Opens a session between two forked replicas, of which the second one accepts less. Runs the
/// session and returns how it ended.
fn with_options(world: &mut World, change: impl FnOnce(&mut SessionOptions)) -> Checked<Result<(), Error>> {
    let mut second = options(700, 2);
    change(&mut second);
    let mut talk = Talk::open(world, [0, 1], [options(700, 1), second])?;
    talk.is_checked = false;
    for _ in 0..MAX_MESSAGES {
        let mut is_quiet = true;
        for end in [0, 1] {
            match talk.poll(world, end) {
                Ok(polled) => is_quiet &= !polled,
                Err(error) => return Ok(Err(error)),
            }
            match talk.deliver(world, 1 - end)? {
                Ok(delivered) => is_quiet &= !delivered,
                Err(error) => return Ok(Err(error)),
            }
        }
        if is_quiet {
            return Ok(Ok(()));
        }
    }
    Err("not quiet".to_owned())
}

#[test]
fn a_side_that_accepts_no_events_does_not_change() -> Checked {
    let mut world = lives(5, [3, 4])?;
    let before = world.doc(1).save();
    let ended = with_options(&mut world, |options| options.accept = Acceptance { events: false, ..Acceptance::ALL })?;
    ensure!(matches!(ended, Ok(()) | Err(Error::Protocol(_))), "{ended:?}");
    ensure!(world.doc(1).save() == before, "it changed");
    Ok(())
}

#[test]
fn a_side_that_accepts_no_documents_is_not_replaced() -> Checked {
    let mut world = World::new(&["ann", "ben"])?;
    world.write(0, "r")?;
    world.write(1, "own")?;
    world.doc_mut(0).compact(&[]).map_err(|error| error.to_string())?;
    let before = world.doc(1).save();
    let ended =
        with_options(&mut world, |options| options.accept = Acceptance { documents: false, ..Acceptance::ALL })?;
    ensure!(matches!(ended, Ok(()) | Err(Error::Protocol(_) | Error::Compacted(_))), "{ended:?}");
    ensure!(world.doc(1).save() == before, "the document was replaced");
    // If it accepts documents, the side is brought up to date and keeps its own writes.
    let ended = with_options(&mut world, |_| {})?;
    same("the session", &ended, &Ok(()))?;
    for row in ["r", "own"] {
        ensure!(world.doc(1).get(TABLE, row).is_some(), "row {row} is missing");
    }
    check_equal(&world)
}

#[test]
fn writers_limits_the_authors_of_events() -> Checked {
    // The events may be on any branch: both branches of p arrive.
    for writers in [vec!["p"], vec!["p*"], vec!["q", "*"], vec!["q", "p"], vec![]] {
        let mut world = lives(5, [3, 4])?;
        let ended = with_options(&mut world, |options| {
            options.writers = writers.iter().map(|name| (*name).to_owned()).collect();
        })?;
        same(&format!("writers {writers:?}"), &ended, &Ok(()))?;
        check_equal(&world)?;
    }
    for writers in [vec!["q"], vec!["q*"], vec!["pp*"], vec!["P"]] {
        let mut world = lives(5, [3, 4])?;
        let before = world.doc(1).save();
        let ended = with_options(&mut world, |options| {
            options.writers = writers.iter().map(|name| (*name).to_owned()).collect();
        })?;
        ensure!(matches!(ended, Err(Error::Protocol(_))), "writers {writers:?}: {ended:?}");
        ensure!(world.doc(1).save() == before, "writers {writers:?}: the document changed");
    }
    Ok(())
}

/// `writers` applies to the events of other peers in a document, too.
#[test]
fn writers_applies_to_relayed_histories() -> Checked {
    let mut world = World::new(&["ann", "ben", "mallory"])?;
    for at in [0, 1, 2] {
        world.write(at, "r")?;
    }
    world.bring(2, 0, Way::Update)?;
    world.replicas.truncate(2);
    let before = world.doc(1).save();
    let ended = with_options(&mut world, |options| options.writers = vec!["ann".to_owned(), "ben".to_owned()])?;
    ensure!(matches!(ended, Err(Error::Protocol(_))), "{ended:?}");
    ensure!(
        world.doc(1).save() == before || world.doc(1).version().iter().all(|known| known.peer != "mallory"),
        "mallory's events arrived"
    );
    Ok(())
}
