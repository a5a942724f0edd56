//! Histories that replicas exchange by sessions.

use crate::history::{Index, concurrent_traces, conformance};
use crate::net::{Net, options};
use crate::replay::{Reference, dbg_check};
use crate::seeds::{Checked, Random, ensure, for_each_seed};

/// Three replicas have different parts of a history and exchange them. Between the messages, events
/// arrive at the first one.
fn check(reference: &Reference, sizes: &[u32], random: &mut Random) -> Checked {
    let history = &reference.history;
    let mut net = Net::new(&["one", "two", "three"]);
    let mut live: Vec<Index> = Vec::new();
    for replica in &mut net.replicas {
        let mut order = history.shuffled(random);
        let rest = order.split_off(1 + random.below(order.len()));
        let runs = order.iter().map(|&event| history.run(event)).collect();
        replica.doc.merge_events(runs).map_err(|error| error.to_string())?;
        live = rest;
    }
    let live_at_once = 4 + live.len() / 100;
    let mut live = live.into_iter();
    for pair in [[0, 1], [1, 2]] {
        net.link(pair, [*random.pick(sizes), *random.pick(sizes)].map(options));
    }
    loop {
        let events: Vec<_> =
            live.by_ref().take(1 + random.below(live_at_once)).map(|event| history.run(event)).collect();
        if events.is_empty() {
            break;
        }
        net.replicas[2].doc.merge_events(events).map_err(|error| error.to_string())?;
        for _ in 0..random.below(4) {
            let (link, end) = (random.below(2), random.below(2));
            net.poll(link, end)?;
            net.deliver(link, end)?;
        }
    }
    net.settle(1_000_000)?;
    for end in net.links.iter().flat_map(|link| &link.ends) {
        let doc = &net.replicas[end.replica].doc;
        ensure!(end.session.progress(doc).in_sync, "not in sync");
        dbg_check(doc);
        reference.check("by sessions", doc)?;
    }
    Ok(())
}

#[test]
fn traces_by_sessions() -> Checked {
    let references = concurrent_traces().map(|(history, _)| Reference::new(history)).collect::<Checked<Vec<_>>>()?;
    for_each_seed(2, |seed| {
        references.iter().try_for_each(|reference| check(reference, &[1_000, 65_536, 1 << 20], &mut Random::new(seed)))
    });
    Ok(())
}

#[test]
fn conformance_histories_by_sessions() -> Checked {
    let Some((histories, _)) = conformance() else { return Ok(()) };
    let references = histories.into_iter().map(Reference::new).collect::<Checked<Vec<_>>>()?;
    for_each_seed(1, |seed| {
        references.iter().try_for_each(|reference| {
            let checked = check(reference, &[64, 200, 4_000], &mut Random::new(seed));
            checked.map_err(|why| format!("{}: {why}", reference.history.name))
        })
    });
    Ok(())
}
