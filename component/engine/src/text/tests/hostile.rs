//! Edits and parts that no honest peer writes.

use super::oracle::{Event, Oracle};
use super::world::{History, Random, Replica};
use crate::text::{ContentRange, Edit, EditRun, RunKind, Text};

/// Compares all orders in which few events can arrive with the oracle, and returns the text.
fn in_all_orders(history: &History) -> String {
    let oracle = Oracle::new(history);
    let expected = oracle.text(history, &(0..history.events.len()).collect());
    let mut count = 0;
    visit_orders(history, &mut Vec::new(), &mut |order| {
        count += 1;
        let mut replica = Replica::new(history);
        for &event in order {
            replica.take(history, &[event]);
            let version = replica.events.iter().copied().collect();
            assert_eq!(replica.read(), oracle.text(history, &version), "{order:?} at {event}");
        }
        assert_eq!(replica.void, oracle.void);
        assert_eq!(replica.mirror, expected);
        let mut replica = Replica::new(history);
        replica.take(history, order);
        assert_eq!((replica.read(), &replica.void), (expected.clone(), &oracle.void), "{order:?}");
    });
    assert!(count > 0);
    expected
}

fn visit_orders(history: &History, order: &mut Vec<Event>, visit: &mut impl FnMut(&[Event])) {
    if order.len() == history.events.len() {
        return visit(order);
    }
    for event in 0..history.events.len() {
        if !order.contains(&event) && history.events[event].after.iter().all(|before| order.contains(before)) {
            order.push(event);
            visit_orders(history, order, visit);
            order.pop();
        }
    }
}

/// An author edits the end of a text that another author shortened. If placeholders were chained,
/// the inserted character would become the child of a placeholder after the end.
#[test]
fn pos_past_placeholder() {
    let mut history = History { ground: String::from("abc"), ..History::default() };
    let start = history.push("m", &[], &[(3, 0, "d")]);
    let end = history.push("a", &[start], &[(4, 0, "A")]);
    let all = history.push("b", &[start], &[(0, 4, "")]);
    let beyond = history.push("b", &[all], &[(1, 0, "B")]);
    history.push("c", &[start], &[(4, 0, "C"), (6, 0, "void"), (5, 0, "D")]);
    history.push("d", &[start], &[(5, 0, "void")]);
    history.push("a", &[end, beyond], &[(1, 0, "E"), (0, 2, "F")]);
    assert_eq!(in_all_orders(&history), "FCD");
}

#[test]
fn edits_beyond_the_text_are_void_and_those_after_them_are_not() {
    let mut history = History::default();
    let first = history.push("a", &[], &[(1, 0, "x"), (0, 0, "ok"), (3, 0, "x"), (2, 0, "!"), (2, 2, "x")]);
    let max = history.push("a", &[first], &[(u32::MAX, 0, "x"), (u32::MAX, u32::MAX, "x"), (1, u32::MAX, "x")]);
    history.push("b", &[first], &[(3, 0, "?"), (0, 5, ""), (0, 4, "new")]);
    history.push("c", &[], &[(0, 1, "x"), (0, 0, "c")]);
    history.push("a", &[max], &[(0, 0, "")]);
    assert_eq!(in_all_orders(&history), "newc");
}

#[test]
fn a_run_that_leaves_the_text_is_void_in_parts() {
    // Deletes forwards and backwards, of which only some exist.
    for (first, step) in [(2_u32, 0_u32), (9, 1), (4, 0), (5, 0), (5, 1)] {
        let mut history = History { ground: String::from("abcde"), ..History::default() };
        let mut last = None;
        for index in 0..8 {
            let after: Vec<Event> = last.into_iter().collect();
            last = Some(history.push("a", &after, &[(first.saturating_sub(index * step), 1, "")]));
        }
        let oracle = Oracle::new(&history);
        let order: Vec<Event> = (0..8).collect();
        for most in [1, 3, 8] {
            let mut replica = Replica::new(&history);
            order.chunks(most).for_each(|events| replica.take(&history, events));
            assert_eq!(replica.void, oracle.void, "from {first} by {step}");
            assert_eq!(replica.read(), oracle.text(&history, &(0..8).collect()));
            replica.text.dbg_check(replica.sources());
        }
        // The same after a concurrent edit.
        history.push("b", &[], &[(0, 3, "")]);
        let oracle = Oracle::new(&history);
        for most in [1, 3, 8] {
            let mut replica = Replica::new(&history);
            replica.take(&history, &[8]);
            order.chunks(most).for_each(|events| replica.take(&history, events));
            assert_eq!(replica.void, oracle.void, "from {first} by {step}");
            assert_eq!(replica.read(), oracle.text(&history, &(0..9).collect()));
            replica.text.dbg_check(replica.sources());
        }
    }
}

#[test]
fn pieces_that_lie_do_no_harm() {
    let mut loaded = 0;
    for seed in 0..2_000 {
        let mut random = Random(seed);
        let history = super::random::history(&mut random, 20);
        let mut replica = Replica::new(&history);
        replica.take(&history, &(0..10).collect::<Vec<Event>>());
        let mut shown: Vec<ContentRange> = replica.text.shown().collect();
        for _ in 0..1 + random.below(3) {
            if !shown.is_empty() {
                let at = random.below(shown.len());
                match random.below(3) {
                    0 => drop(shown.remove(at)),
                    1 => shown.swap(0, at),
                    _ => shown.push(shown[at]),
                }
            }
        }
        let mut runs: Vec<EditRun> = replica.text.runs_after(None, &replica.content).collect();
        for _ in 0..random.below(3) {
            if !runs.is_empty() {
                let at = random.below(runs.len());
                runs[at] = false_run(&runs[at], &mut random);
            }
        }
        let base = replica.text.base().to_vec();
        let Some(text) = Text::load(base, runs, &shown, replica.sources()).unwrap() else { continue };
        loaded += 1;
        replica.text = text;
        // The text is wrong from here on, but nothing panics.
        for event in 10..20 {
            let edits = replica.add(&history, event);
            replica.apply(&edits);
        }
        assert!(replica.read().len() as u32 == replica.text.lengths().bytes);
    }
    assert!(loaded > 200, "only {loaded} were loaded");
}

/// Returns a run that does something else.
fn false_run(run: &EditRun, random: &mut Random) -> EditRun {
    let number = [0, 1, 2, 9, 1 << 31, u32::MAX][random.below(6)];
    let edit = Edit {
        event: run.first,
        place: run.place(),
        at: if random.chance(1, 2) { number } else { run.at },
        remove: if random.chance(1, 2) { number } else { run.remove },
        content: run.content,
        scalars: run.insert,
    };
    let count = if random.chance(1, 4) { number } else { run.count };
    let kinds = [run.kind(), RunKind::Backspace, RunKind::Delete, RunKind::Typing];
    let run = EditRun::repeated(&edit, count, kinds[random.below(4)]);
    if random.chance(1, 4) { run.void() } else { run }
}
