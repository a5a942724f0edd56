//! Deltas of views, compared with two plain texts: an editor's copy and the document's text.

use super::oracle::{Event, Oracle};
use super::random::for_each_seed;
use super::world::{History, Random, Replica};
use crate::memory::refusal;
use crate::text::{
    DocumentSplice, EditRefusal, Lengths, Misplaced, Transformed, Unit, ViewChange, ViewDelta, ViewEdit,
};
use crate::work;

const UNITS: [Unit; 3] = [Unit::Scalar, Unit::Utf16, Unit::Utf8];
const TEXTS: [&str; 10] = ["", "x", "yz", "é", "😀", "a\r\n", "e\u{301}", "uvw", "𝄞q", "日本"];

/// A character that is different from all others.
type Marked = (u32, char);

/// An editor's copy, the document's text, and the delta from one to the other.
struct Model {
    unit: Unit,
    copy: Vec<Marked>,
    document: Vec<Marked>,
    delta: ViewDelta,
    next: u32,
    /// Whether the delta has all places, because it never became one change.
    is_exact: bool,
}

fn text_of(text: &[Marked]) -> String {
    text.iter().map(|(_, char)| char).collect()
}

fn lengths(text: &[Marked]) -> Lengths {
    Lengths::of(&text_of(text))
}

/// Returns the index of the character at a position.
fn index_of(text: &[Marked], at: u32, unit: Unit) -> usize {
    let found = (0..=text.len()).find(|&end| lengths(&text[..end]).in_unit(unit) == at);
    found.unwrap_or_else(|| panic!("{at} is not between characters of {:?}", text_of(text)))
}

/// Applies a change, of which a part of another text is inserted.
fn apply(text: &mut Vec<Marked>, change: ViewChange, from: &[Marked], unit: Unit) {
    let start = index_of(text, change.at, unit);
    let end = index_of(text, change.at + change.remove, unit);
    let from = &from[index_of(from, change.at, unit)..index_of(from, change.at + change.insert, unit)];
    text.splice(start..end, from.iter().copied());
}

impl Model {
    fn new(unit: Unit, text: &str) -> Self {
        let mut model =
            Self { unit, copy: Vec::new(), document: Vec::new(), delta: ViewDelta::new(unit), next: 0, is_exact: true };
        model.copy = model.mark(text);
        model.document = model.copy.clone();
        model
    }

    fn mark(&mut self, text: &str) -> Vec<Marked> {
        let marked: Vec<Marked> = (self.next..).zip(text.chars()).collect();
        self.next += marked.len() as u32;
        marked
    }

    /// Changes the document without the editor.
    fn remote(&mut self, at: usize, remove: usize, insert: &str, is_known: bool) {
        let removed = &self.document[at..at + remove];
        let text = text_of(removed);
        let (head, tail) = text.split_at(text.floor_char_boundary(text.len() / 2));
        let slices = if is_known { vec![head, tail] } else { Vec::new() };
        self.delta.add(lengths(&self.document[..at]), lengths(removed), slices, Lengths::of(insert));
        let insert = self.mark(insert);
        self.document.splice(at..at + remove, insert);
        self.check();
    }

    /// Checks that the delta leads from the copy to the document's text.
    fn check(&self) {
        self.delta.dbg_check();
        assert_eq!(self.delta.copy_length(lengths(&self.document)), lengths(&self.copy).in_unit(self.unit));
        assert_eq!(self.taken(), self.document, "{:?}", self.delta);
        if let Some(copy) = self.delta.copy_of(&text_of(&self.document)).unwrap() {
            assert_eq!(copy, text_of(&self.copy));
        }
        // A position of the document is behind the last character before it that the copy has.
        let place_of = |char: &Marked| self.copy.iter().position(|other| other == char);
        for at in 0..if self.is_exact { self.document.len() + 1 } else { 0 } {
            let place = self.document[..at].iter().rev().find_map(place_of).map_or(0, |last| last + 1);
            let found = self.delta.to_copy(lengths(&self.document[..at]).in_unit(self.unit));
            assert_eq!(found, lengths(&self.copy[..place]).in_unit(self.unit), "{at} in {:?}", self.document);
            // The next one is the first character from there on that the copy has.
            let next = self.document[at..].iter().find_map(place_of).unwrap_or(self.copy.len());
            let found = self.delta.next_in_copy(lengths(&self.document[..at]).in_unit(self.unit));
            assert_eq!(found, lengths(&self.copy[..next]).in_unit(self.unit), "{at} in {:?}", self.document);
        }
        let place_of = |char: &Marked| self.document.iter().position(|other| other == char);
        for at in 0..if self.is_exact { self.copy.len() + 1 } else { 0 } {
            let next = self.copy[at..].iter().find_map(place_of).unwrap_or(self.document.len());
            let found = self.delta.next_in_document(lengths(&self.copy[..at]).in_unit(self.unit));
            assert_eq!(found, lengths(&self.document[..next]).in_unit(self.unit), "{at} in {:?}", self.copy);
        }
    }

    /// Returns the copy with all changes of the delta.
    fn taken(&self) -> Vec<Marked> {
        let mut copy = self.copy.clone();
        let mut end = 0;
        for change in self.delta.changes() {
            assert!(change.at >= end, "{change:?} before {end}");
            end = change.at + change.insert;
            apply(&mut copy, change, &self.document, self.unit);
        }
        copy
    }

    fn take(&mut self) {
        self.copy = self.taken();
        self.delta.clear();
        assert!(self.delta.is_identity());
        self.check();
    }

    /// Edits the copy, in characters: each change applies after the one before it.
    fn edit(&mut self, changes: &[(usize, usize, &str)]) -> Vec<DocumentSplice> {
        let mut edit = ViewEdit::new(self.unit, lengths(&self.copy).in_unit(self.unit));
        let (before, mut copy) = (self.copy.clone(), self.copy.clone());
        for &(at, remove, insert) in changes {
            let start = lengths(&copy[..at]).in_unit(self.unit);
            let end = lengths(&copy[..at + remove]).in_unit(self.unit);
            edit.push(start, end - start, insert).unwrap();
            let insert = self.mark(insert);
            copy.splice(at..at + remove, insert);
        }
        let Transformed { splices, delta } = self.delta.transform(&edit).unwrap();
        let mut end = None;
        for splice in &splices {
            assert!(end < Some(splice.at) && (splice.remove > 0 || !splice.insert.is_empty()), "{splices:?}");
            end = Some(splice.at + splice.remove);
        }
        let mut document = self.document.clone();
        // The characters of the copy that the edit inserted, in the order of the document.
        let mut own = copy.iter().filter(|char| !before.contains(char)).rev();
        for splice in splices.iter().rev() {
            let from = index_of(&document, splice.at, self.unit);
            let to = index_of(&document, splice.at + splice.remove, self.unit);
            let mut insert: Vec<Marked> = own.by_ref().take(splice.insert.chars().count()).copied().collect();
            insert.reverse();
            assert_eq!(text_of(&insert), splice.insert);
            document.splice(from..to, insert);
        }
        assert_eq!(own.next(), None, "an inserted text is lost");
        // Exactly what the editor removed is gone, and everything else is in its old order.
        let expected: Vec<Marked> =
            self.document.iter().filter(|char| !before.contains(char) || copy.contains(char)).copied().collect();
        let left: Vec<Marked> = document.iter().filter(|char| self.document.contains(char)).copied().collect();
        // In one change, the characters of the copy are not those of the document.
        assert!(left == expected || !self.is_exact && left.len() >= expected.len(), "{left:?}, not {expected:?}");
        let in_both = |one: &[Marked], other: &[Marked]| -> Vec<Marked> {
            one.iter().filter(|char| other.contains(char)).copied().collect()
        };
        if self.is_exact {
            assert_eq!(in_both(&document, &copy), in_both(&copy, &document), "the order");
        }
        if let [(at, _, insert)] = changes
            && self.is_exact
            && !insert.is_empty()
        {
            let place = document.iter().position(|char| *char == copy[*at]).unwrap();
            assert_eq!(place, self.expected_place(&document, &before, *at));
            let at = self.delta.to_document(lengths(&before[..*at]).in_unit(self.unit));
            assert_eq!(place, index_of(&document, at, self.unit));
        }
        (self.copy, self.document, self.delta) = (copy, document, delta);
        self.check();
        splices
    }

    /// Returns where an insertion into the copy at `at` must be in the document after the edit.
    fn expected_place(&self, document: &[Marked], before: &[Marked], at: usize) -> usize {
        let place_of = |char: &Marked| self.document.iter().position(|other| other == char);
        let place = match at.checked_sub(1).map(|last| place_of(&before[last])) {
            None => 0,
            Some(Some(last)) => last + 1,
            // In a part that others removed: before the next character that is left.
            Some(None) => before[at..].iter().find_map(place_of).unwrap_or(self.document.len()),
        };
        self.document[..place].iter().filter(|char| document.contains(char)).count()
    }
}

/// Returns a random change of a text with this many characters.
fn change(random: &mut Random, length: usize) -> (usize, usize, &'static str) {
    let at = match random.below(6) {
        0 => 0,
        1 => length,
        _ => random.below(length + 1),
    };
    let most = if random.chance(1, 20) { length } else { 4 };
    let remove = if random.chance(1, 2) { random.below((length - at).min(most) + 1) } else { 0 };
    (at, remove, TEXTS[random.below(TEXTS.len())])
}

#[test]
fn a_view_follows_its_document() {
    for_each_seed(3_000, |seed| {
        let mut random = Random(seed);
        let mut model = Model::new(UNITS[seed as usize % 3], "a😀b\r\ncdé日e\u{301}fg");
        let kinds = [1 + random.below(6), 1 + random.below(4), random.below(2)];
        for _ in 0..30 {
            let kind = random.below(kinds.iter().sum());
            if kind < kinds[0] {
                let (at, remove, insert) = change(&mut random, model.document.len());
                model.remote(at, remove, insert, !random.chance(1, 10));
            } else if kind < kinds[0] + kinds[1] {
                let mut length = model.copy.len();
                let count = [1, 1, 2, 5][random.below(4)];
                let changes: Vec<_> = (0..count)
                    .map(|_| {
                        let change = change(&mut random, length);
                        length = length - change.1 + change.2.chars().count();
                        change
                    })
                    .collect();
                model.edit(&changes);
            } else {
                model.take();
            }
        }
        model.take();
    });
}

#[test]
fn concurrent_edits_of_one_place() {
    let mut model = Model::new(Unit::Utf16, "one two");
    model.remote(3, 0, "!", true);
    // The editor's text is before that of others, also while typing continues.
    model.edit(&[(3, 0, "a")]);
    model.edit(&[(4, 0, "b")]);
    model.edit(&[(3, 0, "c")]);
    assert_eq!(text_of(&model.document), "onecab! two");
    // Text that others insert into a removed part stays.
    model.remote(0, 0, "?", true);
    let length = model.copy.len();
    model.edit(&[(0, length, "x")]);
    assert_eq!((text_of(&model.copy).as_str(), text_of(&model.document).as_str()), ("x", "x?!"));
    // In a replaced text, the editor's text is behind the new one, except at the start.
    let mut model = Model::new(Unit::Utf16, "cat");
    model.remote(0, 3, "dog", true);
    model.edit(&[(3, 0, "s")]);
    model.edit(&[(1, 0, "h")]);
    model.edit(&[(0, 0, "my ")]);
    assert_eq!(text_of(&model.document), "my doghs");
    model.take();
    assert_eq!(text_of(&model.copy), "my doghs");
}

#[test]
fn an_edit_without_concurrent_changes_stays_as_it_is() {
    let mut model = Model::new(Unit::Utf16, "😀 text");
    let splice = |at: u32, remove: u32, insert: &str| DocumentSplice { at, remove, insert: insert.to_owned() };
    assert_eq!(model.edit(&[(1, 1, "é")]), [splice(2, 1, "é")]);
    assert!(model.delta.is_identity() && model.delta.bytes() == 0);
    assert_eq!(model.edit(&[(6, 0, "")]), []);
    // Changes of one edit are joined; what they insert and remove again is not inserted.
    assert_eq!(model.edit(&[(6, 0, "abc"), (7, 1, ""), (0, 0, "x")]), [splice(0, 0, "x"), splice(7, 0, "ac")]);
    assert_eq!(model.edit(&[(0, 1, "y"), (0, 1, "")]), [splice(0, 1, "")]);
    let empty = ViewEdit::new(Unit::Utf16, 3);
    assert!(empty.is_empty() && model.delta.transform(&empty).unwrap().splices.is_empty());
}

#[test]
fn positions_that_do_not_exist_are_refused() {
    let beyond = |length: u32| Err(EditRefusal::Misplaced(Misplaced::Beyond(length)));
    let inside = Some(EditRefusal::Misplaced(Misplaced::Inside));
    let mut edit = ViewEdit::new(Unit::Utf16, 4);
    assert_eq!((edit.push(5, 0, "x"), edit.push(4, 1, "")), (beyond(4), beyond(4)));
    assert_eq!((edit.push(u32::MAX, 2, ""), edit.push(2, u32::MAX, "")), (beyond(4), beyond(4)));
    edit.push(4, 0, "😀").unwrap();
    assert_eq!(edit.push(7, 0, "x"), beyond(6));
    // In a text that the edit inserted.
    assert_eq!(edit.clone().push(5, 0, "x").err(), inside);
    assert_eq!(edit.push(4, 1, "x").err(), inside);
    // In a text that others removed.
    for (unit, valid) in [(Unit::Utf16, [0, 1, 3, 4]), (Unit::Utf8, [0, 1, 5, 7])] {
        let text = "a😀é";
        let mut delta = ViewDelta::new(unit);
        delta.add(Lengths::default(), Lengths::of(text), ["a", "😀é"], Lengths::of("new"));
        for at in 0..=Lengths::of(text).in_unit(unit) {
            let mut edit = ViewEdit::new(unit, Lengths::of(text).in_unit(unit));
            edit.push(at, 0, "x").unwrap();
            let refusal = delta.transform(&edit).err();
            assert_eq!(refusal, inside.clone().filter(|_| !valid.contains(&at)), "{unit:?} {at}");
        }
    }
}

#[test]
fn a_text_can_be_replaced_as_a_whole() {
    for unit in UNITS {
        let mut model = Model::new(unit, "é😀 old");
        model.remote(3, 0, "more ", true);
        let length = model.document.len();
        model.remote(0, length, "näw", true);
        assert_eq!(model.delta.changes().count(), 1);
        assert_eq!(model.delta.copy_of("näw").unwrap().as_deref(), Some("é😀 old"));
        model.remote(0, 3, "", false);
        model.edit(&[(2, 2, "q")]);
        assert_eq!(text_of(&model.document), "q");
        model.take();
        // An empty text, and one that is empty again.
        model.remote(0, 1, "", true);
        model.remote(0, 0, "z", true);
        model.remote(0, 1, "", true);
        assert_eq!(model.delta.changes().collect::<Vec<_>>(), [ViewChange { at: 0, remove: 1, insert: 0 }]);
        model.take();
        model.remote(0, 0, "z", true);
        model.remote(0, 1, "", true);
        assert!(model.delta.is_identity());
    }
}

#[test]
fn a_delta_has_few_spans() {
    let (mut delta, ascii) =
        (ViewDelta::new(Unit::Utf16), |length: u32| Lengths { bytes: length, scalars: length, utf16: length });
    // Every third character is removed, from the end to the start.
    let mut counts = Vec::new();
    for at in (10..20_000).rev() {
        delta.add(ascii(3 * at), ascii(1), ["x"], ascii(0));
        counts.push(delta.span_count());
    }
    delta.dbg_check();
    assert!(counts.iter().any(|count| *count >= 4_090) && delta.span_count() <= 4_096);
    assert_eq!(delta.copy_length(ascii(60_000 - 19_990)), 60_000);
    let length: u32 = delta.changes().map(|change| change.remove - change.insert).sum();
    assert_eq!(length, 19_990);
    // What was before the first change stays out of it.
    assert!(delta.changes().all(|change| change.at >= 30));
    // An edit whose delta would have too many spans.
    let mut delta = ViewDelta::new(Unit::Utf16);
    (0..2_048).rev().for_each(|at| delta.add(ascii(9 * at), ascii(4), ["abcd"], ascii(0)));
    let mut edit = ViewEdit::new(Unit::Utf16, 20_000);
    (0..2_000).for_each(|at| edit.push(10 * at + 2, 0, "o").unwrap());
    let transformed = delta.transform(&edit).unwrap();
    transformed.delta.dbg_check();
    let inserted: usize = transformed.splices.iter().map(|splice| splice.insert.len()).sum();
    assert_eq!((inserted, transformed.delta.copy_length(ascii(20_000 + 2_000 - 4 * 2_048))), (2_000, 22_000));
}

#[test]
fn removed_text_is_stored_up_to_a_bound() {
    let mut delta = ViewDelta::new(Unit::Utf8);
    let text = "é".repeat(1 << 10);
    let lengths = Lengths::of(&text);
    for _ in 0..1_000 {
        delta.add(Lengths::default(), lengths, [text.as_str()], Lengths::default());
    }
    delta.dbg_check();
    assert!(delta.bytes() < 1 << 20, "{} bytes", delta.bytes());
    assert_eq!(delta.changes().collect::<Vec<_>>(), [ViewChange { at: 0, remove: 1_000 * lengths.bytes, insert: 0 }]);
    assert_eq!(delta.copy_of(""), Ok(None));
}

#[test]
fn without_memory_a_delta_becomes_one_change() {
    for_each_seed(300, |seed| {
        let mut random = Random(seed);
        let mut model = Model::new(UNITS[seed as usize % 3], "a😀b\r\ncdé日e\u{301}fg");
        for _ in 0..6 {
            let (at, remove, insert) = change(&mut random, model.document.len());
            model.remote(at, remove, insert, true);
        }
        let (at, remove, insert) = change(&mut random, model.document.len());
        let budget = random.below(6) as u32;
        model.is_exact = false;
        refusal::after(budget, || model.remote(at, remove, insert, true));
        let (at, remove, insert) = change(&mut random, model.copy.len());
        model.edit(&[(at, remove, insert)]);
        model.take();
    });
}

#[test]
fn edits_of_many_places_cost_little() {
    let steps = |changes: u32| {
        let mut edit = ViewEdit::new(Unit::Scalar, 10 * changes);
        let push = |edit: &mut ViewEdit| (0..changes).for_each(|at| edit.push(11 * at, 0, "x").unwrap());
        let pushed = work::count(|| push(&mut edit)).0;
        pushed + work::count(|| ViewDelta::new(Unit::Scalar).transform(&edit).unwrap().splices.len()).0
    };
    let (one, two) = (steps(2_000), steps(4_000));
    assert!(two as f64 <= 2.5 * one as f64, "{one} steps, then {two}");
}

/// Returns a text with the changes of a delta to the document's text.
fn with_changes(copy: &str, delta: &ViewDelta, document: &str, unit: Unit) -> String {
    let byte = |text: &str, at: u32| Lengths::of(text).up_to(at, unit, text).unwrap().bytes as usize;
    let mut text = copy.to_owned();
    for ViewChange { at, remove, insert } in delta.changes() {
        let inserted = &document[byte(document, at)..byte(document, at + insert)];
        text.replace_range(byte(&text, at)..byte(&text, at + remove), inserted);
    }
    text
}

#[test]
fn a_view_follows_the_concurrent_edits_of_a_text() {
    for_each_seed(400, |seed| {
        let (mut random, unit) = (Random(seed), UNITS[seed as usize % 3]);
        let mut history = History { ground: String::from("a😀b\r\ncé"), ..History::default() };
        let mut replica = Replica::new(&history);
        let (mut copy, mut delta) = (history.ground.clone(), ViewDelta::new(unit));
        for _ in 0..20 {
            let is_head = |event: &Event| !history.events.iter().any(|other| other.after.contains(event));
            let heads: Vec<Event> = (0..history.events.len()).filter(is_head).collect();
            if random.chance(1, 3) {
                let chars: Vec<char> = copy.chars().collect();
                let (at, remove, insert) = change(&mut random, chars.len());
                let text = |part: &[char]| part.iter().collect::<String>();
                let (before, removed) = (text(&chars[..at]), text(&chars[at..at + remove]));
                let in_unit = |text: &str| Lengths::of(text).in_unit(unit);
                let mut edit = ViewEdit::new(unit, delta.copy_length(replica.text.lengths()));
                edit.push(in_unit(&before), in_unit(&removed), insert).unwrap();
                let transformed = delta.transform(&edit).unwrap();
                let scalar = |at: u32| replica.text.position(at, unit, &replica.content).unwrap().scalars;
                let splices = transformed.splices.iter().rev().map(|DocumentSplice { at, remove, insert }| {
                    (scalar(*at), scalar(at + remove) - scalar(*at), insert.as_str())
                });
                let event = history.push("editor", &heads, &splices.collect::<Vec<_>>());
                replica.take(&history, &[event]);
                (copy, delta) = (before + insert + &text(&chars[at + remove..]), transformed.delta);
            } else {
                let after = if random.chance(1, 3) { heads } else { heads.iter().copied().take(1).collect() };
                let length = Oracle::new(&history).shown(&history, &history.closed(&after)).len();
                let (at, remove, insert) = change(&mut random, length);
                let author = ["a", "b", "z"][random.below(3)];
                let event = history.push(author, &after, &[(at as u32, remove as u32, insert)]);
                let mut text = replica.read();
                let edits = replica.add(&history, event);
                for change in replica.apply(&edits).changes {
                    let removed = change.at.bytes as usize..(change.at.bytes + change.removed.bytes) as usize;
                    delta.add(change.at, change.removed, [&text[removed.clone()]], change.inserted);
                    text.replace_range(removed, change.content.of(&replica.content));
                }
                replica.mirror = text;
            }
            delta.dbg_check();
            let text = replica.read();
            assert_eq!(with_changes(&copy, &delta, &text, unit), text);
            assert_eq!(delta.copy_of(&text).unwrap().as_ref(), Some(&copy));
        }
    });
}
