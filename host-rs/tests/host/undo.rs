//! Tests of `UndoManager`.

use crate::{create, load};
use converge::{Doc, Error, EventId, TextChange, TextView, UndoManager, UndoStacks};

type Tested = Result<(), Error>;

/// A pause that separates steps, in milliseconds.
const PAUSE_MS: f64 = 500.0;

/// An editor of a text, with a clock.
struct Editor {
    doc: Doc,
    view: TextView,
    undo: UndoManager,
    now: f64,
}

impl Editor {
    fn new(peer: &str, doc: Doc) -> Result<Self, Error> {
        assert_eq!(doc.peer()?, peer);
        Ok(Self { view: doc.open_text("notes", "n1", "body")?, undo: UndoManager::new(PAUSE_MS), doc, now: 0.0 })
    }

    /// Makes a change, this time after the one before it.
    fn edit(&mut self, after_ms: f64, change: TextChange) -> Result<EventId, Error> {
        self.now += after_ms;
        let event = self.view.edit([change])?;
        self.undo.record(&self.doc, &event, self.now)?;
        Ok(event)
    }

    /// Types letters without a pause, after a pause.
    fn type_at(&mut self, at: u32, text: &str) -> Tested {
        self.now += PAUSE_MS;
        for (at, letter) in (at..).zip(text.chars()) {
            self.edit(PAUSE_MS / 10.0, TextChange::new(at, 0, letter))?;
        }
        Ok(())
    }

    fn text(&self) -> Result<String, Error> {
        Ok(self.view.read()?.unwrap_or_default())
    }

    /// Undoes a step, and returns the text.
    fn undone(&mut self) -> Result<String, Error> {
        self.undo.undo(&self.doc)?.expect("there is something to undo");
        self.text()
    }

    /// Redoes a step, and returns the text.
    fn redone(&mut self) -> Result<String, Error> {
        self.undo.redo(&self.doc)?.expect("there is something to redo");
        self.text()
    }
}

/// Returns an editor of an empty text, and another replica.
fn editor() -> Result<(Editor, Doc), Error> {
    let (ann, ben) = (create("ann")?, create("ben")?);
    ann.insert("notes", "n1", [("title", "Greeting")])?;
    sync(&ann, &ben)?;
    Ok((Editor::new("ann", ann)?, ben))
}

fn sync(from: &Doc, to: &Doc) -> Tested {
    to.merge_update(&from.update_since(&to.summary()?)?)?;
    Ok(())
}

#[test]
fn typing_is_undone_and_redone_in_steps() -> Tested {
    let (mut ann, _) = editor()?;
    ann.type_at(0, "Hello")?;
    ann.type_at(5, " world")?;
    assert_eq!(ann.undone()?, "Hello");
    assert_eq!(ann.undone()?, "");
    assert!(ann.undo.undo(&ann.doc)?.is_none() && !ann.undo.can_undo());
    assert_eq!(ann.redone()?, "Hello");
    assert_eq!(ann.redone()?, "Hello world");
    assert!(ann.undo.redo(&ann.doc)?.is_none() && !ann.undo.can_redo());
    assert_eq!(ann.undone()?, "Hello");

    // A new edit leaves nothing to redo.
    ann.type_at(5, "!")?;
    assert!(!ann.undo.can_redo());
    assert_eq!(ann.undone()?, "Hello");
    assert_eq!(ann.undone()?, "");
    Ok(())
}

#[test]
fn a_pause_ends_a_step() -> Tested {
    let (mut ann, _) = editor()?;
    ann.edit(0.0, TextChange::new(0, 0, "a"))?;
    ann.edit(PAUSE_MS - 1.0, TextChange::new(1, 0, "b"))?;
    ann.edit(PAUSE_MS, TextChange::new(2, 0, "c"))?;
    ann.undo.pause();
    ann.edit(1.0, TextChange::new(3, 0, "d"))?;
    assert_eq!([ann.undone()?, ann.undone()?, ann.undone()?], ["abc", "ab", ""]);
    // After an undo, a commit begins a step.
    ann.edit(1.0, TextChange::new(0, 0, "e"))?;
    assert_eq!(ann.undo.stacks().undo.len(), 1);
    Ok(())
}

#[test]
fn edits_of_others_stay() -> Tested {
    let (mut ann, ben) = editor()?;
    ann.type_at(0, "Hello world")?;
    ann.edit(PAUSE_MS, TextChange::new(0, 5, ""))?;
    sync(&ann.doc, &ben)?;
    ben.splice("notes", "n1", "body", 6, 0, "!")?;
    ben.splice("notes", "n1", "body", 0, 0, "So: ")?;
    sync(&ben, &ann.doc)?;
    // Events of others are ignored.
    ann.undo.record(&ann.doc, &EventId::new("ben", 0), ann.now)?;

    let undone = ann.undo.undo(&ann.doc)?.unwrap();
    assert_eq!((undone.table.as_str(), undone.row.as_str(), undone.column.as_deref()), ("notes", "n1", Some("body")));
    let text = ann.text()?;
    let range = undone.range.unwrap();
    let back: String = text.chars().skip(range.start as usize).take(range.len()).collect();
    assert_eq!(back, "Hello");
    assert!(text.contains("So: ") && text.ends_with(" world!"), "{text}");
    let rest = ann.undone()?;
    assert!(rest.contains("So: ") && rest.ends_with('!') && rest.len() == 5, "{rest}");
    // The same result on the other replica.
    sync(&ann.doc, &ben)?;
    assert_eq!(ben.digest()?, ann.doc.digest()?);
    Ok(())
}

#[test]
fn a_step_that_does_not_show_anymore_is_skipped() -> Tested {
    let (mut ann, ben) = editor()?;
    ann.type_at(0, "one")?;
    ann.type_at(3, " two")?;
    sync(&ann.doc, &ben)?;
    ben.splice("notes", "n1", "body", 3, 4, "")?;
    sync(&ben, &ann.doc)?;
    assert_eq!(ann.text()?, "one");
    assert_eq!(ann.undone()?, "");
    Ok(())
}

#[test]
fn text_that_came_back_belongs_to_its_step() -> Tested {
    let (mut ann, _) = editor()?;
    ann.type_at(0, "Hello world")?;
    ann.edit(PAUSE_MS, TextChange::new(0, 6, ""))?;
    ann.edit(PAUSE_MS, TextChange::new(5, 0, "!"))?;
    for _ in 0..3 {
        assert_eq!([ann.undone()?, ann.undone()?, ann.undone()?], ["world", "Hello world", ""]);
        assert_eq!([ann.redone()?, ann.redone()?, ann.redone()?], ["Hello world", "world", "world!"]);
    }
    assert_eq!([ann.undone()?, ann.undone()?], ["world", "Hello world"]);
    ann.type_at(0, "Oh. ")?;
    assert_eq!([ann.undone()?, ann.undone()?], ["Hello world", ""]);
    assert_eq!([ann.redone()?, ann.redone()?], ["Hello world", "Oh. Hello world"]);
    Ok(())
}

#[test]
fn rows_and_cells_are_undone_too() -> Tested {
    let doc = create("ann")?;
    let mut undo = UndoManager::new(0.0);
    let mut record = |event: EventId| undo.record(&doc, &event, 0.0);
    record(doc.insert("t", "r", [("x", 1)])?)?;
    record(doc.update("t", "r", [("x", 2)])?)?;
    record(doc.add("t", "r", "x", 5)?)?;
    record(doc.delete("t", "r")?)?;
    let mut columns = Vec::new();
    let mut values = Vec::new();
    while let Some(undone) = undo.undo(&doc)? {
        assert_eq!(undone.range, None);
        columns.push(undone.column);
        values.push(doc.get("t", "r")?.map(|cells| cells[0].value.to_string()));
    }
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(values, [text("7"), text("2"), text("1"), None]);
    assert_eq!(columns, [None, text("x"), text("x"), None]);
    while undo.redo(&doc)?.is_some() {}
    assert_eq!(doc.get("t", "r")?, None);
    assert_eq!(undo.stacks().undo.len(), 4);
    Ok(())
}

#[test]
fn stacks_survive_a_reload_under_another_name() -> Tested {
    let (mut ann, _) = editor()?;
    ann.type_at(0, "Hello")?;
    ann.type_at(5, " world")?;
    ann.undone()?;
    let (stacks, saved) = (ann.undo.stacks(), ann.doc.save()?);

    let doc = load("cat", &saved)?;
    let mut cat = Editor::new("cat", doc)?;
    cat.undo = UndoManager::with_stacks(PAUSE_MS, &stacks)?;
    assert_eq!(cat.undo.stacks(), stacks);
    assert_eq!(cat.redone()?, "Hello world");
    assert_eq!(cat.undone()?, "Hello");
    assert_eq!(cat.undone()?, "");

    let invalid = UndoStacks { undo: vec![vec!["ann".to_owned()]], redo: Vec::new() };
    assert!(matches!(UndoManager::with_stacks(PAUSE_MS, &invalid), Err(Error::InvalidArgument(_))));
    Ok(())
}

#[test]
fn events_of_a_fork_are_found_by_their_permanent_ids() -> Tested {
    let (mut ann, _) = editor()?;
    let copy = load("ann", &ann.doc.save()?)?;
    ann.type_at(0, "mine")?;
    copy.splice("notes", "n1", "body", 0, 0, "theirs")?;
    for _ in 0..2 {
        sync(&ann.doc, &copy)?;
        sync(&copy, &ann.doc)?;
    }
    assert_eq!(ann.doc.forks(0, 9)?.len(), 1);
    assert_eq!(ann.undone()?, "theirs");
    Ok(())
}

#[test]
fn compacted_events_are_dropped() -> Tested {
    let (mut ann, _) = editor()?;
    ann.type_at(0, "abc")?;
    let summary = ann.doc.summary()?;
    ann.edit(1.0, TextChange::new(3, 0, "d"))?;
    ann.type_at(4, "e")?;
    ann.doc.compact(&[summary])?;
    // The step of "abcd" has one event left.
    assert_eq!([ann.undone()?, ann.undone()?], ["abcd", "abc"]);
    assert!(ann.undo.undo(&ann.doc)?.is_none());

    ann.type_at(3, "f")?;
    ann.doc.compact(&[ann.doc.summary()?])?;
    assert!(ann.undo.undo(&ann.doc)?.is_none() && !ann.undo.can_undo());
    Ok(())
}

#[test]
fn the_last_steps_are_kept() -> Tested {
    let doc = create("ann")?;
    let mut undo = UndoManager::new(PAUSE_MS);
    for step in 0..1_002_u32 {
        let event = doc.insert("t", &step.to_string(), [("c", i64::from(step))])?;
        undo.record(&doc, &event, f64::from(step) * PAUSE_MS)?;
    }
    let mut steps = 0;
    while undo.undo(&doc)?.is_some() {
        steps += 1;
    }
    assert_eq!((steps, undo.can_undo()), (1_000, false));
    let rows = [doc.get("t", "0")?, doc.get("t", "1")?, doc.get("t", "2")?];
    assert_eq!(rows.map(|row| row.is_some()), [true, true, false]);
    Ok(())
}
