//! Texts that are made of parts: saved ones, and those at a horizon.

use super::oracle::{Event, Oracle};
use super::random::{for_each_seed, history};
use super::world::{History, Random, Replica};
use crate::id::EventNumber;
use crate::text::{
    CharName, CharPosition, ContentRange, Edit, EditRun, Misplaced, NamedSpan, Outcome, Sources, Text, Unit,
};

#[test]
fn parts_that_no_text_has_are_refused() {
    let mut history = History { ground: String::from("gä"), ..History::default() };
    history.push("a", &[], &[(2, 0, "xé"), (9, 0, "void")]);
    let mut replica = Replica::new(&history);
    replica.take(&history, &[0]);
    assert_eq!(replica.read(), "gäxé");
    let runs: Vec<EditRun> = replica.text.runs_after(None, &replica.content).collect();
    let start = replica.text.base()[0].content.start;
    let load = |shown: &[(u32, u32)]| {
        let shown: Vec<ContentRange> =
            shown.iter().map(|&(from, bytes)| ContentRange { start: start + from, bytes }).collect();
        let loaded = Text::load(replica.text.base().to_vec(), runs.clone(), &shown, replica.sources()).unwrap();
        loaded.map(|text| text.read(&replica.content).unwrap())
    };
    assert_eq!(load(&[(0, 6)]).as_deref(), Some("gäxé"));
    assert_eq!(load(&[(4, 2), (0, 1)]).as_deref(), Some("ég"));
    assert_eq!(load(&[]).as_deref(), Some(""));
    for refused in [
        &[(0, 3), (1, 2)][..],
        &[(0, 2)],
        &[(2, 1)],
        &[(0, 7)],
        &[(6, 1)],
        &[(0, 0)],
        &[(0, 99)],
        &[(u32::MAX - start, 9)],
        &[(0, 1), (0, 1)],
    ] {
        assert_eq!(load(refused), None, "{refused:?}");
    }
    // An edit twice, and edits of events that do not exist or do not build on each other.
    let load = |runs: Vec<EditRun>| Text::load(replica.text.base().to_vec(), runs, &[], replica.sources()).unwrap();
    assert!(load(vec![runs[0]]).is_some() && load(vec![runs[0], runs[0]]).is_none());
    let changes: [fn(&mut EditRun); 5] = [
        |run| run.first = EventNumber(1),
        |run| run.insert = 3,
        |run| (run.count, run.insert) = (2, 1),
        |run| run.count = 0,
        |run| run.content.bytes -= 1,
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut run = runs[0];
        change(&mut run);
        assert!(load(vec![run]).is_none(), "change {index}");
    }
    let before_the_text = ContentRange { start: 0, bytes: 2 };
    assert!(Text::load(Vec::new(), [], &[before_the_text], replica.sources()).unwrap().is_none());
}

#[test]
fn positions_are_between_characters() {
    let history = History { ground: String::from("a😀é"), ..History::default() };
    let replica = Replica::new(&history);
    let position = |at: u32, unit: Unit| replica.text.position(at, unit, &replica.content).map(|found| found.scalars);
    let utf16: Vec<_> = (0..6).map(|at| position(at, Unit::Utf16)).collect();
    assert_eq!(utf16, [Ok(0), Ok(1), Err(Misplaced::Inside), Ok(2), Ok(3), Err(Misplaced::Beyond(4))]);
    let bytes: Vec<_> = (0..8).map(|at| position(at, Unit::Utf8).ok()).collect();
    assert_eq!(bytes, [Some(0), Some(1), None, None, None, Some(2), None, Some(3)]);
    assert_eq!((position(3, Unit::Scalar), position(4, Unit::Scalar)), (Ok(3), Err(Misplaced::Beyond(3))));
    assert_eq!(replica.slice(1..3, Unit::Utf16).as_deref(), Some("😀"));
    assert_eq!(replica.slice(1..2, Unit::Utf16), None);
}

/// A text that begins at a horizon, with the edits after it.
struct Compacted {
    text: Text,
    content: String,
}

/// Returns the text that begins where a replica's first events end, which all later ones build on.
/// The edits of the later ones are applied.
fn compacted(replica: &Replica, horizon: &[Event], rest: &[Edit]) -> Compacted {
    let sources = replica.sources();
    let has = |event: EventNumber| horizon.contains(&replica.events[event.index()]);
    let old = replica.text.at(has, sources).unwrap();
    let mut content = old.read(sources.content).unwrap();
    let mut base: Vec<NamedSpan> = Vec::new();
    for span in old.spans(sources) {
        let start = base.last().map_or(0, |last| last.content.end());
        base.push(NamedSpan { content: ContentRange { start, ..span.content }, ..span });
    }
    let mut text = Text::new(base, &content).unwrap();
    for edit in rest {
        let start = content.len() as u32;
        content.push_str(edit.content.of(sources.content));
        let edit = Edit { content: ContentRange { start, ..edit.content }, ..*edit };
        let edit = std::iter::once(EditRun::new(&edit));
        text.apply(edit, Sources { content: &content, ..sources }, 16 << 20, &mut Outcome::default()).unwrap();
    }
    Compacted { text, content }
}

#[test]
fn names_survive_the_horizon() {
    for_each_seed(300, |seed| {
        let mut random = Random(seed);
        let mut history = history(&mut random, 12);
        // The rest builds on all events so far.
        let horizon: Vec<Event> = (0..history.events.len()).collect();
        let is_head = |event: &Event| !history.events.iter().any(|other| other.after.contains(event));
        let heads: Vec<Event> = horizon.iter().copied().filter(is_head).collect();
        let join = history.push("zoe", &heads, &[]);
        for (index, author) in ["yan", "xia", "yan", "wil"].into_iter().enumerate() {
            let after = if index == 2 { vec![join + 1, join + 2] } else { vec![join] };
            let len = Oracle::new(&history).shown(&history, &history.closed(&after)).len();
            let at = random.below(len + 1);
            let remove = random.below((len - at).min(3) + 1) as u32;
            history.push(author, &after, &[(at as u32, remove, "näw")]);
        }
        let mut replica = Replica::new(&history);
        let mut rest = Vec::new();
        for event in 0..history.events.len() {
            let edits = replica.add(&history, event);
            replica.apply(&edits);
            rest.extend(edits.into_iter().filter(|_| event > join));
        }
        let compacted = compacted(&replica, &horizon, &rest);
        let (whole, sources) = (&replica.text, replica.sources());
        let here = Sources { content: &compacted.content, ..sources };
        let text = compacted.text.read(&compacted.content).unwrap();
        assert_eq!(text, replica.read());
        compacted.text.dbg_check(here);
        let names = |text: &Text, sources: Sources<'_>| -> Vec<CharName> {
            (0..text.lengths().scalars).map(|at| text.name_at(at, sources).unwrap()).collect()
        };
        let expected = names(whole, sources);
        assert_eq!(names(&compacted.text, here), expected);
        for (at, name) in (0..).zip(expected) {
            assert_eq!(compacted.text.locate(name, here), Ok(Some(CharPosition::Shown(at))));
        }
        // What showed at the horizon is found after its removal, too; nothing else is.
        let at_horizon: Vec<CharName> =
            compacted.text.base().iter().flat_map(|span| (0..span.scalars).map(|at| span.name_at(at))).collect();
        let oracle = Oracle::new(&history);
        for char in oracle.ordered(&history) {
            let name = replica.name(oracle.chars[char].name, char);
            let found = compacted.text.locate(name, here).unwrap();
            let is_known =
                at_horizon.contains(&name) || oracle.chars[char].name.is_some_and(|(event, ..)| event > join);
            assert_eq!(found, whole.locate(name, sources).unwrap().filter(|_| is_known), "{name:?}");
        }
    });
}
