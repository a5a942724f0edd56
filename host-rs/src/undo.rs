//! Undo and redo of a replica's own commits. The engine computes what takes a commit back; this
//! module remembers the commits.

use crate::{Doc, Error, EventId, RowOp};
use std::ops::Range;

/// The maximum number of events in a step. A longer step would need more operations than a commit
/// may have.
const MAX_STEP_EVENTS: usize = 4_096;

/// The maximum number of steps to undo. Each further one removes the oldest.
const MAX_STEPS: usize = 1_000;

/// Events that are undone together, by permanent ids: own commits, later steps that were undone,
/// and the commits that undid them. They are taken back together, because an undo can insert text
/// of this step again, as characters of its own commit.
type Step = Vec<EventId>;

/// Undoes and redoes the commits that a program makes on a document, such as those of an editor.
/// What other peers changed since stays.
///
/// Pass each commit to [`record`](Self::record). Commits that follow each other without a pause are
/// one step, so that typing is undone by words or sentences, and not by letters. The last 1,000
/// steps are kept.
///
/// ```
/// use converge::{Doc, TextChange, UndoManager};
///
/// let doc = Doc::create("ann")?;
/// let mut undo = UndoManager::new(500.0);
/// doc.insert("notes", "n1", [("title", "Greeting")])?;
/// let editor = doc.open_text("notes", "n1", "body")?;
/// for (at, letter, now) in [(0, "H", 0.0), (1, "i", 120.0), (2, "!", 2_000.0)] {
///     let event = editor.edit([TextChange::new(at, 0, letter)])?;
///     undo.record(&doc, &event, now)?;
/// }
/// undo.undo(&doc)?;
/// assert_eq!(editor.read()?.as_deref(), Some("Hi"));
/// undo.undo(&doc)?;
/// assert_eq!(editor.read()?.as_deref(), Some(""));
/// let redone = undo.redo(&doc)?.unwrap();
/// assert_eq!(editor.read()?.as_deref(), Some("Hi"));
/// assert_eq!(redone.range, Some(0..2)); // the restored text, to select it
/// # Ok::<(), converge::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct UndoManager {
    pause_ms: f64,
    undo: Vec<Step>,
    redo: Vec<Step>,
    /// The time of the last recorded commit, or `None` if the next commit begins a step.
    last: Option<f64>,
}

/// The commits to undo and to redo, as plain data: steps, the latest last, of events as texts. The
/// names of the events are permanent, so that the stacks can be saved with the document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UndoStacks {
    /// The steps to undo.
    pub undo: Vec<Vec<String>>,
    /// The steps to redo.
    pub redo: Vec<Vec<String>>,
}

/// What [`UndoManager::undo`] or [`UndoManager::redo`] did: the commit, and where its last
/// operation acted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undone {
    /// The commit that took the step back.
    pub event: EventId,
    /// The table.
    pub table: String,
    /// The row.
    pub row: String,
    /// The column, unless the operation inserted or deleted the row.
    pub column: Option<String>,
    /// For a text, where the restored text is, in Unicode scalar values; empty if text was removed
    /// there.
    pub range: Option<Range<u32>>,
}

impl UndoManager {
    /// Creates a manager without steps. Commits with less than `pause_ms` milliseconds between them
    /// are joined.
    #[must_use]
    pub fn new(pause_ms: f64) -> Self {
        Self { pause_ms, undo: Vec::new(), redo: Vec::new(), last: None }
    }

    /// Like [`new`](Self::new), with the steps that [`stacks`](Self::stacks) returned earlier.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] if a text is not an event.
    pub fn with_stacks(pause_ms: f64, stacks: &UndoStacks) -> Result<Self, Error> {
        let parse = |steps: &[Vec<String>]| -> Result<Vec<Step>, Error> {
            steps.iter().map(|step| step.iter().map(|event| event.parse()).collect()).collect()
        };
        let (undo, redo) = (parse(&stacks.undo)?, parse(&stacks.redo)?);
        Ok(Self { undo, redo, ..Self::new(pause_ms) })
    }

    /// Returns the steps as plain data. Save them with the document, and pass them to
    /// [`with_stacks`](Self::with_stacks) after it was loaded again.
    #[must_use]
    pub fn stacks(&self) -> UndoStacks {
        let texts = |steps: &[Step]| -> Vec<Vec<String>> {
            steps.iter().map(|step| step.iter().map(ToString::to_string).collect()).collect()
        };
        UndoStacks { undo: texts(&self.undo), redo: texts(&self.redo) }
    }

    /// Returns whether there are steps to undo. [`undo`](Self::undo) returns `None` if nothing of
    /// them shows anymore.
    #[must_use]
    pub fn can_undo(&self) -> bool {
        !self.undo.is_empty()
    }

    /// Returns whether there are steps to redo.
    #[must_use]
    pub fn can_redo(&self) -> bool {
        !self.redo.is_empty()
    }

    /// Records a commit of this replica, and forgets the steps to redo. The commit belongs to the
    /// last step if less than `pause_ms` passed since the last commit. `now` is the time in
    /// milliseconds, by any clock that does not jump backwards. Events of other peers are ignored.
    ///
    /// # Errors
    ///
    /// The errors of [`Doc::permanent_id`].
    pub fn record(&mut self, doc: &Doc, event: &EventId, now: f64) -> Result<(), Error> {
        let event = doc.permanent_id(event)?;
        if event.peer.split('~').next() != Some(doc.peer()?.as_str()) {
            return Ok(());
        }
        let joins = self.last.is_some_and(|last| now - last < self.pause_ms);
        match self.undo.last_mut() {
            Some(step) if joins && step.len() < MAX_STEP_EVENTS => step.push(event),
            _ => self.undo.push(vec![event]),
        }
        self.undo.drain(..self.undo.len().saturating_sub(MAX_STEPS));
        self.last = Some(now);
        self.redo.clear();
        Ok(())
    }

    /// Lets the next commit begin a step. Call it when the cursor moves, for example.
    pub fn pause(&mut self) {
        self.last = None;
    }

    /// Takes back the last step of which something still shows, by a commit. Returns `None` if
    /// there is no such step. Events that the document does not have anymore, because of a
    /// compaction or a rebase, are removed from their steps.
    ///
    /// The commit is a change of others for a [`TextView`](crate::TextView), which reports it by
    /// the next `take`.
    ///
    /// # Errors
    ///
    /// The errors of [`Doc::commit`]. The step then stays.
    pub fn undo(&mut self, doc: &Doc) -> Result<Option<Undone>, Error> {
        self.pause();
        take_back(doc, &mut self.undo, &mut self.redo)
    }

    /// Takes back the last [`undo`](Self::undo) of which something still shows. Returns `None` if
    /// there is none, or if a commit was recorded since.
    ///
    /// # Errors
    ///
    /// Those of [`undo`](Self::undo).
    pub fn redo(&mut self, doc: &Doc) -> Result<Option<Undone>, Error> {
        self.pause();
        take_back(doc, &mut self.redo, &mut self.undo)
    }
}

/// Takes back the last of `steps` that still shows, and moves the commit to `others`.
fn take_back(doc: &Doc, steps: &mut Vec<Step>, others: &mut Vec<Step>) -> Result<Option<Undone>, Error> {
    while let Some(step) = steps.last_mut() {
        let ops = inverse_of(doc, step)?;
        let last = ops.last().cloned();
        let event = last.is_some().then(|| doc.commit(ops)).transpose()?;
        let permanent = event.as_ref().map(|event| doc.permanent_id(event)).transpose()?;
        let taken_back = steps.pop().unwrap_or_default();
        if let Some(below) = steps.last_mut() {
            below.extend(taken_back.into_iter().chain(permanent.clone()));
        }
        others.extend(permanent.map(|permanent| vec![permanent]));
        if let (Some(event), Some(last)) = (event, last) {
            return Ok(Some(undone(event, last)));
        }
    }
    Ok(None)
}

/// Returns the operations that take a step back, and removes events that the document does not have
/// anymore from the step.
fn inverse_of(doc: &Doc, step: &mut Step) -> Result<Vec<RowOp>, Error> {
    let is_gone = |error: &Error| matches!(error, Error::Compacted(_) | Error::InvalidArgument(_));
    match doc.inverse_of(step) {
        Err(error) if is_gone(&error) => {}
        result => return result,
    }
    let mut kept = Step::new();
    for event in step.drain(..) {
        match doc.inverse_of(std::slice::from_ref(&event)) {
            Ok(_) => kept.push(event),
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    *step = kept;
    doc.inverse_of(step)
}

/// Describes a commit with this last operation.
fn undone(event: EventId, last: RowOp) -> Undone {
    let (table, row) = (last.table().to_owned(), last.row().to_owned());
    let (column, range) = match last {
        RowOp::Splice { column, at, insert, .. } => {
            let inserted = u32::try_from(insert.chars().count()).unwrap_or(u32::MAX);
            (Some(column), Some(at..at.saturating_add(inserted)))
        }
        RowOp::Add { column, .. } => (Some(column), None),
        RowOp::Update { cells, .. } => (cells.into_iter().next_back().map(|cell| cell.column), None),
        RowOp::Unset { columns, .. } => (columns.into_iter().next_back(), None),
        RowOp::Insert { .. } | RowOp::Delete { .. } => (None, None),
    };
    Undone { event, table, row, column, range }
}
