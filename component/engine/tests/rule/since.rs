//! Parts of histories: the result of `events_since` for versions of replicas, for any other
//! versions, and in pages.

use crate::model::{Events, all_events_of, check_history, scattered, with_sorted_cells};
use crate::oracle::Event;
use crate::past::by_name;
use crate::prints::Prints;
use crate::random::history;
use crate::seeds::{Checked, Random, ensure, for_each_seed, same};
use converge_engine::{Doc, Error, Invalid, PeerVersion};
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn random_versions() {
    for_each_seed(500, |seed| {
        let mut random = Random::new(seed);
        let world = history(&mut random).check(seed)?;
        let all = world.all_events();
        let versions: Vec<_> = world.replicas.iter().map(|replica| replica.model.version()).collect();
        for doc in world.replicas.iter().filter_map(|replica| replica.doc.as_ref()) {
            for _ in 0..4 {
                let known = random_version(&mut random, &versions);
                let most = *random.pick(&[0, 1, 2, 3, 7, u32::MAX]);
                check_pages(doc, &all, &known, most).map_err(|why| format!("since {known:?}, {most} a page: {why}"))?;
            }
        }
        Ok(())
    });
}

/// Returns some peers with some counts, not sorted. Some peers are unknown, and some counts are too
/// large. No peer is there twice.
pub(crate) fn random_version(random: &mut Random, versions: &[Vec<PeerVersion>]) -> Vec<PeerVersion> {
    let mut known = random.pick(versions).clone();
    random.shuffle(&mut known);
    known.truncate(random.below(known.len() + 1));
    for PeerVersion { count, .. } in &mut known {
        *count = match random.below(6) {
            0 => *count + 1,
            1 => u32::MAX,
            2 => *count,
            _ => random.below(*count as usize + 1) as u32,
        };
    }
    if random.chance(1, 3) {
        known.push(PeerVersion { peer: "nobody".to_owned(), count: random.below(3) as u32 });
    }
    known
}

/// Asks page by page, each time beyond the received events, and checks each page and all of them
/// together.
fn check_pages(doc: &Doc, all: &Events, known: &[PeerVersion], most: u32) -> Checked {
    let mut counts: BTreeMap<String, u32> = known.iter().map(|known| (known.peer.clone(), known.count)).collect();
    let mut rest: BTreeSet<_> =
        all.keys().filter(|id| id.counter >= counts.get(&id.peer).copied().unwrap_or(0)).collect();
    loop {
        let version: Vec<_> = counts.iter().map(|(peer, &count)| PeerVersion { peer: peer.clone(), count }).collect();
        let page = doc.events_since(&by_name(&version), most).map_err(|error| error.to_string())?;
        same("the same page again", &doc.events_since(&by_name(&version), most), &Ok(page.clone()))?;
        ensure!(page.runs.iter().all(|run| !run.commits.is_empty()), "a run without commits");
        let events = all_events_of(&page.runs);
        same("events in the page", &events.len(), &rest.len().min(most as usize))?;
        for (place, event) in events.iter().enumerate() {
            let id = &event.id;
            same(&format!("{id:?}"), event, &with_sorted_cells(&all[id]))?;
            let later = |other: &Event| event.deps.contains(&other.id);
            ensure!(!events[place..].iter().any(later), "{id:?} comes before a dependency");
            ensure!(!event.deps.iter().any(|dep| rest.contains(dep)), "{id:?} comes a page before a dependency");
            ensure!(rest.remove(id), "{id:?} was not asked for, or is there twice");
            counts.insert(id.peer.clone(), id.counter + 1);
        }
        same("more", &page.more, &!rest.is_empty())?;
        if !page.more || most == 0 {
            return Ok(());
        }
    }
}

/// The version of a real replica is complete. Events beyond it depend on no missing event, whatever
/// else waits.
#[test]
fn pages_complete_every_replica() {
    for_each_seed(500, |seed| {
        let mut random = Random::new(seed);
        let world = history(&mut random).check(seed)?;
        let full = world.replicas[0].doc.as_ref().ok_or("the first replica has a document")?;
        let all: Vec<Event> = world.all_events().into_values().collect();
        let part = random.sample(&all, 3, 4);
        let prints = Prints::new(&world.all_events());
        for runs in [Vec::new(), prints.fill(scattered(&mut random, &part))] {
            let mut doc = Doc::create("new").map_err(|error| error.to_string())?;
            let mut waiting = doc.merge_events(runs).map_err(|error| error.to_string())?.waiting;
            loop {
                let most = 1 + random.below(9) as u32;
                let page = full.events_since(&doc.summary(), most).map_err(|error| error.to_string())?;
                check_history(&known_to(&doc)?, &all_events_of(&page.runs))?;
                let report = doc.merge_events(page.runs).map_err(|error| error.to_string())?;
                ensure!(report.waiting <= waiting, "events beyond the version wait: {report:?}");
                waiting = report.waiting;
                if !page.more {
                    break;
                }
            }
            same("waiting events", &waiting, &0)?;
            same("version", &doc.version(), &full.version())?;
            same("heads", &doc.heads(), &full.heads())?;
            same("digest", &doc.digest(), &full.digest())?;
        }
        Ok(())
    });
}

fn known_to(doc: &Doc) -> Checked<Events> {
    let batch = doc.events_since(&by_name(&[]), u32::MAX).map_err(|error| error.to_string())?;
    Ok(all_events_of(&batch.runs).into_iter().map(|event| (event.id.clone(), event)).collect())
}

#[test]
fn a_peer_named_twice_is_rejected() {
    let twice = ["b", "b"].map(|peer| PeerVersion { peer: peer.to_owned(), count: 1 });
    let refused = Error::InvalidArgument(Invalid::RepeatedPeer("b".to_owned()));
    assert_eq!(Doc::summary_of(&twice), Err(refused));
}

/// If there are more heads than the maximum of dependencies, a commit joins them first, and the
/// history stays valid. In the second round, the peer's previous event is below some of the heads
/// and is no head itself.
#[test]
fn a_commit_joins_any_number_of_heads() -> Result<(), Box<dyn std::error::Error>> {
    for heads in [1, 63, 64, 65, 127, 128, 129, 1_000] {
        let mut doc = Doc::create("joiner")?;
        for round in ["first", "second"] {
            let joined = doc.events_since(&by_name(&[]), u32::MAX)?.runs;
            for head in 0..heads {
                let mut other = Doc::create(&format!("{head} {round}"))?;
                if head % 8 == 7 || head + 1 == heads {
                    other.merge_events(joined.clone())?;
                }
                other.insert("t", format!("{head}"), Vec::new())?;
                doc.merge_events(other.events_since(&by_name(&[]), u32::MAX)?.runs)?;
            }
            assert_eq!(doc.heads().len(), heads);
            let before = doc.summary();
            let made = doc.insert("t", "all", Vec::new())?;
            assert_eq!(doc.heads(), std::slice::from_ref(&made));
            let new = all_events_of(&doc.events_since(&before, u32::MAX)?.runs);
            assert!(new.iter().all(|event| event.deps.len() <= 64 && event.id.peer == "joiner"));
            assert!(new.iter().all(|event| event.ops.is_empty() != (event.id == made)));
            assert!(heads > 64 || new.len() == 1, "{heads} heads need no joining");
        }
        check_history(&Events::new(), &all_events_of(&doc.events_since(&by_name(&[]), u32::MAX)?.runs))?;
    }
    Ok(())
}
