//! Messages, updates and documents of forked histories that were changed on their way. They are
//! merged validly or rejected, and a rejected input changes nothing.

use crate::seeds::{Checked, Random, ensure, for_each_seed, same};
use crate::ways::{Talk, Way, options};
use crate::world::{New, World, nothing};
use converge_engine::{Doc, Error, EventId, MergeReport};

const CHECKSUM_BYTES: usize = 4;
/// The message of a session that reports how far back two histories are equal.
const TRACE: u8 = 6;
/// This bit is set in a message whose content continues in the next message.
const CONTINUES: u8 = 128;
const MESSAGE_BYTES: u32 = 700;

/// Returns a replica of `p` and a replica of `q`. `p` has forked, and only `q` knows both branches.
/// With `is_compacted`, the first replica is compacted.
fn scene(is_compacted: bool) -> Checked<World> {
    let mut world = World::new(&["p", "q"])?;
    (0..4).try_for_each(|_| world.write(0, "r").map(drop))?;
    world.bring(0, 1, Way::Update)?;
    if is_compacted {
        let known = world.doc(1).summary();
        world.doc_mut(0).compact(&[known]).map_err(|error| error.to_string())?;
    }
    let copy = world.copy(0)?;
    for at in [0, 0, copy, copy, copy, 1] {
        world.write(at, "r")?;
    }
    world.bring(copy, 1, Way::Update)?;
    world.replicas.truncate(2);
    Ok(world)
}

/// Opens a new conversation in the same scene. It has the same bytes each time.
fn open(saves: &[Vec<u8>; 2]) -> Checked<(World, Talk)> {
    let mut world = World::default();
    world.load("p", &saves[0])?;
    world.load("q", &saves[1])?;
    let mut talk = Talk::open(&mut world, [0, 1], [options(MESSAGE_BYTES, 1), options(MESSAGE_BYTES, 2)])?;
    talk.is_checked = false;
    Ok((world, talk))
}

fn poll_all(world: &mut World, talk: &mut Talk, end: usize) -> Checked {
    while talk.poll(world, end).map_err(|error| format!("poll: {error}"))? {}
    Ok(())
}

/// Returns all messages to one side, in a conversation in which each side sends everything that it
/// can at once.
fn messages_to(saves: &[Vec<u8>; 2], end: usize) -> Checked<Vec<Vec<u8>>> {
    let (mut world, mut talk) = open(saves)?;
    let mut messages = Vec::new();
    loop {
        poll_all(&mut world, &mut talk, 0)?;
        poll_all(&mut world, &mut talk, 1)?;
        messages.extend(talk.inboxes[end].iter().cloned());
        let mut is_quiet = true;
        for end in [0, 1] {
            while talk.deliver(&mut world, end)?.map_err(|error| format!("receive: {error}"))? {
                is_quiet = false;
            }
        }
        if is_quiet {
            return Ok(messages);
        }
    }
}

/// Returns the conversation after this many messages to one side.
fn after(saves: &[Vec<u8>; 2], end: usize, messages: &[Vec<u8>]) -> Checked<(World, Talk)> {
    let (mut world, mut talk) = open(saves)?;
    for message in messages {
        poll_all(&mut world, &mut talk, end)?;
        talk.receive(&mut world, end, message).map_err(|error| format!("an honest message: {error}"))?;
    }
    Ok((world, talk))
}

fn resealed(mut message: Vec<u8>) -> Vec<u8> {
    if let Some(end) = message.len().checked_sub(CHECKSUM_BYTES) {
        let checksum = crc32fast::hash(&message[..end]);
        message[end..].copy_from_slice(&checksum.to_le_bytes());
    }
    message
}

fn mutated(random: &mut Random, message: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
    let mut message = message.to_vec();
    for _ in 0..1 + random.below(3) {
        let place = random.below(message.len().max(1)).min(message.len());
        match random.below(6) {
            0 | 1 if place < message.len() => message[place] ^= 1 << random.below(8),
            2 if place < message.len() => message[place] = random.next() as u8,
            3 => drop(
                message.splice(place..place, (0..random.below(9)).map(|_| random.next() as u8).collect::<Vec<_>>()),
            ),
            4 => message.truncate(place),
            _ => {
                let other = random.pick(others);
                let cut = random.below(other.len());
                message.splice(place.., other[cut..].iter().copied());
            }
        }
    }
    if random.chance(9, 10) { resealed(message) } else { message }
}

#[test]
fn changed_messages_about_forks_are_merged_validly_or_rejected() {
    let scenes: Vec<[Vec<u8>; 2]> = [false, true]
        .into_iter()
        .map(|is_compacted| {
            let world = scene(is_compacted).expect("a valid scene");
            [0, 1].map(|at| world.doc(at).save())
        })
        .collect();
    let of = |scene: &[Vec<u8>; 2]| [0, 1].map(|end| messages_to(scene, end).expect("an honest conversation"));
    let conversations: Vec<[Vec<Vec<u8>>; 2]> = scenes.iter().map(of).collect();
    let is_trace = |message: &&Vec<u8>| message[0] & !CONTINUES == TRACE;
    assert!(conversations.iter().all(|ends| ends.iter().flatten().any(|message| is_trace(&message))), "no trace");
    for_each_seed(1_500, |seed| {
        let mut random = Random::new(seed);
        let (scene, end) = (random.below(scenes.len()), random.below(2));
        let messages = &conversations[scene][end];
        let at = random.below(messages.len());
        let (mut world, mut talk) = after(&scenes[scene], end, &messages[..at])?;
        let message = mutated(&mut random, &messages[at], messages);
        let before = world.doc(end).save();
        let received = talk.receive(&mut world, end, &message);
        world.doc(end).dbg_check();
        let now = world.doc(end).save();
        if let Err(error) = received {
            ensure!(now == before, "message {at} to {end} was rejected, but changed the document: {error}");
            let again = talk.receive(&mut world, end, &message);
            ensure!(matches!(again, Err(Error::SessionEnded)), "a session that ended returned {again:?}");
        }
        Doc::load("loaded", &now).map(drop).map_err(|error| format!("load: {error}"))
    });
}

#[test]
fn changed_updates_documents_and_summaries_of_forks_are_merged_validly_or_rejected() {
    let world = scene(false).expect("a valid scene");
    let compacted = scene(true).expect("a valid scene");
    let summary = world.doc(0).summary();
    let bytes: Vec<Vec<u8>> = vec![
        world.doc(1).update_since(&summary).expect("an update"),
        world.doc(1).save(),
        compacted.doc(0).save(),
        summary,
        world.doc(1).summary(),
        compacted.doc(0).summary(),
    ];
    let saves = [world.doc(0).save(), compacted.doc(0).save()];
    for_each_seed(1_500, |seed| {
        let mut random = Random::new(seed);
        let saved = saves[random.below(saves.len())].as_slice();
        let mut doc = Doc::load("p", saved).map_err(|error| error.to_string())?;
        let base = random.pick(&bytes).clone();
        let changed = mutated(&mut random, &base, &bytes);
        let before = doc.save();
        let results: [Result<MergeReport, Error>; 3] = [
            doc.update_since(&changed).map(|_| MergeReport::default()),
            doc.events_since(&changed, 5).map(|_| MergeReport::default()),
            doc.merge_update(&changed),
        ];
        if results[2].is_err() {
            ensure!(doc.save() == before, "a rejected update changed the document: {:?}", results[2]);
        }
        let before = doc.save();
        let compacted = doc.compact(std::slice::from_ref(&changed));
        ensure!(compacted.is_ok() || doc.save() == before, "a rejected compaction changed the document: {compacted:?}");
        let before = doc.save();
        let rebased = doc.rebase(&changed);
        ensure!(rebased.is_ok() || doc.save() == before, "a rejected rebase changed the document: {rebased:?}");
        doc.dbg_check();
        Doc::load("loaded", &doc.save()).map(drop).map_err(|error| format!("load: {error}"))
    });
}

/// Runs with changed fingerprints wait for events that never arrive, or are rejected. Nothing else
/// changes.
#[test]
fn changed_fingerprints_in_runs_are_merged_validly_or_rejected() {
    let source = scene(false).expect("a valid scene");
    let doc = source.doc(1);
    let batch = doc.events_since(&nothing(), u32::MAX).expect("the whole history");
    let heads: Vec<EventId> = doc.heads().iter().map(|head| doc.permanent_id(head).expect("a head")).collect();
    let events = source.events.clone();
    for_each_seed(1_000, |seed| {
        let mut random = Random::new(seed);
        let mut world = World::new(&["c"])?;
        world.events = events.clone();
        let mut runs = batch.runs.clone();
        let place = random.below(runs.len());
        let known: Vec<u64> = runs.iter().flat_map(|run| run.fingerprints.clone()).collect();
        let run = &mut runs[place];
        match random.below(5) {
            0 => run.fingerprints.push(*random.pick(&known)),
            1 => drop(run.fingerprints.pop()),
            2 => run.fingerprints.reverse(),
            3 => run.salt = random.next(),
            _ => run.fingerprints.iter_mut().for_each(|print| *print = *random.pick(&known)),
        }
        let before = world.doc(0).save();
        match world.doc_mut(0).merge_events(runs) {
            Ok(_) => world.doc(0).dbg_check(),
            Err(error) => {
                ensure!(matches!(error, Error::InvalidArgument(_)), "{error}");
                ensure!(world.doc(0).save() == before, "a rejected run changed the document");
                world.see(0, New::None)?;
            }
        }
        // The honest history is merged nonetheless.
        world.doc_mut(0).merge_events(batch.runs.clone()).map_err(|error| error.to_string())?;
        heads.iter().try_for_each(|head| same("a head", &world.doc(0).permanent_id(head), &Ok(head.clone())))
    });
}
