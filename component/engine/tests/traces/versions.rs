//! Older versions of histories: copies of them, and what changed since.

use crate::history::{Index, concurrent_traces, conformance, text, traces};
use crate::replay::{Reference, dbg_check, new_doc};
use crate::seeds::{Checked, Random, ensure, for_each_seed, same};
use converge_engine::{Doc, EventRun, RowOp};

/// Checks a random version: a document that merges only its events, and a copy of it that is forked
/// from the document with all events, are the same. The differences from it and to it lead from one
/// text to the other.
fn check_version(reference: &Reference, random: &mut Random) -> Checked {
    let (history, doc) = (&reference.history, reference.doc());
    let order = history.shuffled(random);
    let prefix = &order[..1 + random.below(order.len())];
    let mut old = new_doc("old");
    let runs: Vec<EventRun> = prefix.iter().map(|&event| history.run(event)).collect();
    old.merge_events(runs).map_err(|error| error.to_string())?;
    let heads = history.heads(prefix);
    same("the heads", &old.heads(), &heads)?;
    let fork = doc.fork_at(&heads, "fork").map_err(|error| format!("fork_at: {error}"))?;
    dbg_check(&fork);
    ensure!(fork.save() == old.save(), "{}: the fork at {heads:?} has other bytes", history.name);
    check_diff(&doc, old, &reference.text, "forwards")?;
    let back = doc.diff(&doc.heads(), &heads).map_err(|error| format!("diff: {error}"))?;
    apply(doc, back, &text(&fork), "backwards")
}

fn check_diff(doc: &Doc, old: Doc, expected: &str, what: &str) -> Checked {
    let ops = doc.diff(&old.heads(), &doc.heads()).map_err(|error| format!("diff: {error}"))?;
    apply(old, ops, expected, what)
}

fn apply(mut doc: Doc, ops: Vec<RowOp>, expected: &str, what: &str) -> Checked {
    if !ops.is_empty() {
        doc.commit(ops).map_err(|error| format!("the differences {what}: {error}"))?;
    }
    ensure!(text(&doc) == expected, "the differences {what} lead to another text");
    Ok(())
}

#[test]
fn versions_of_traces() -> Checked {
    let mut references: Vec<Reference> = Vec::new();
    for (history, _) in concurrent_traces().chain(traces().filter(|(history, _)| history.name == "sveltecomponent")) {
        references.push(Reference::new(history)?);
    }
    for_each_seed(2, |seed| {
        references.iter().try_for_each(|reference| check_version(reference, &mut Random::new(seed)))
    });
    Ok(())
}

#[test]
fn versions_of_conformance_histories() -> Checked {
    let Some((histories, _)) = conformance() else { return Ok(()) };
    let references = histories.into_iter().map(Reference::new).collect::<Checked<Vec<_>>>()?;
    for_each_seed(2, |seed| {
        let check = |reference: &Reference| {
            let checked = check_version(reference, &mut Random::new(seed));
            checked.map_err(|why| format!("{}: {why}", reference.history.name))
        };
        references.iter().try_for_each(check)
    });
    Ok(())
}

/// Versions above the horizon of a compacted document.
#[test]
fn versions_of_compacted_histories() -> Checked {
    let Some((histories, _)) = conformance() else { return Ok(()) };
    let references = histories.into_iter().map(Reference::new).collect::<Checked<Vec<_>>>()?;
    for_each_seed(2, |seed| {
        let check = |reference: &Reference| {
            let mut random = Random::new(seed);
            let criticals = reference.history.criticals();
            let critical = criticals[random.below(criticals.len())];
            let mut doc = reference.doc();
            doc.compact(&[reference.history.summary_up_to(critical)]).map_err(|error| error.to_string())?;
            reference.check_rows("compacted", &doc)?;
            let order = reference.history.shuffled(&mut random);
            let len = critical + 1 + random.below(order.len() - critical);
            let prefix: Vec<Index> = order[..len].to_vec();
            let heads = reference.history.heads(&prefix);
            let old = reference.doc().fork_at(&heads, "old").map_err(|error| error.to_string())?;
            let fork = doc.fork_at(&heads, "fork").map_err(|error| format!("fork_at: {error}"))?;
            dbg_check(&fork);
            same("the text of a fork", &text(&fork), &text(&old))?;
            same("the digest of a fork", &fork.digest(), &old.digest())?;
            check_diff(&doc, fork, &reference.text, "forwards")
        };
        references
            .iter()
            .try_for_each(|reference| check(reference).map_err(|why| format!("{}: {why}", reference.history.name)))
    });
    Ok(())
}
