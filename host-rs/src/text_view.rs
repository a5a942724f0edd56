//! The type `TextView`, with the functions of the contract's `view`.

use crate::backend::{Handle, Resource};
use crate::instance::Instance;
use crate::{Error, EventId, Side, TextChange};

/// One editor's view of a text cell. Opened by [`Doc::open_text`](crate::Doc::open_text).
///
/// Positions refer to the editor's copy of the text: as of the last [`take`](Self::take) or
/// [`read`](Self::read), plus the editor's own edits since. The view transforms them by the changes
/// of others that the editor has not taken, so that an editor that lags behind needs no locks. All
/// commits that the view did not make are changes of others, such as merges, and commits by
/// [`Doc`](crate::Doc) or by another view.
///
/// ```
/// use converge::{Doc, TextChange};
///
/// let (ann, ben) = (Doc::create("ann")?, Doc::create("ben")?);
/// ann.insert("notes", "n1", [("title", "Greeting")])?;
/// let editor = ann.open_text("notes", "n1", "body")?;
/// editor.edit([TextChange::new(0, 0, "Hello world")])?;
/// ben.merge_update(&ann.update_since(&ben.summary()?)?)?;
///
/// ben.splice("notes", "n1", "body", 0, 5, "Good morning")?;
/// ann.merge_update(&ben.update_since(&ann.summary()?)?)?;
/// // The editor still shows "Hello world", and writes at its end.
/// editor.edit([TextChange::new(11, 0, "!")])?;
/// assert_eq!(editor.take()?, Some(vec![TextChange::new(0, 5, "Good morning")]));
/// assert_eq!(editor.read()?.as_deref(), Some("Good morning world!"));
/// # Ok::<(), converge::Error>(())
/// ```
///
/// A view keeps its document alive until it is dropped.
#[derive(Debug)]
pub struct TextView {
    instance: Instance,
    handle: Handle,
}

impl TextView {
    pub(crate) fn new(instance: Instance, handle: Handle) -> Self {
        Self { instance, handle }
    }

    /// Returns the whole text, which becomes the copy, and forgets pending changes. Returns `None`
    /// if the cell is not a text; the copy is then empty.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn read(&self) -> Result<Option<String>, Error> {
        self.instance.call(|live| live.view_read(self.handle))
    }

    /// Returns the length of the document's text, which can differ from the copy's. Returns 0 if
    /// the cell is not a text.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn length(&self) -> Result<u32, Error> {
        self.instance.call(|live| live.view_length(self.handle))
    }

    /// Returns a part of the document's text, which can differ from the copy. Costs less than
    /// [`read`](Self::read) for a part of a long text.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] if the text is shorter than `end`, if `start` is larger than
    /// `end`, or if a position is inside of a character.
    pub fn slice(&self, start: u32, end: u32) -> Result<String, Error> {
        self.instance.call(|live| live.view_slice(self.handle, start, end))
    }

    /// Commits changes of the copy as one event, and applies them to the copy. Each change applies
    /// after the one before it. Text that others inserted in a removed part stays. An insertion at
    /// the place of a pending insertion goes before it. If nothing is left to change, the event has
    /// no operations.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`] if the row does not exist; [`Error::InvalidArgument`] if the cell has a
    /// value that is neither a text nor null, if the copy is shorter, or if a position is inside of
    /// a character; [`Error::LimitExceeded`] if the text would be longer than `value-bytes`; the
    /// errors of [`Doc::commit`](crate::Doc::commit). On an error nothing changes.
    pub fn edit(&self, changes: impl IntoIterator<Item = TextChange>) -> Result<EventId, Error> {
        let changes = changes.into_iter().collect();
        self.instance.call(|live| live.view_edit(self.handle, changes))
    }

    /// Returns the pending changes: what others changed since the last call of `take` or
    /// [`read`](Self::read). Each change applies to the copy after the one before it; afterwards
    /// the copy is the document's text. If the text was overwritten, one change replaces all of it.
    /// If more changes are pending than the view stores, one change replaces the part that they
    /// touch. Returns `None` if the cell is not a text; the copy is then empty.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn take(&self) -> Result<Option<Vec<TextChange>>, Error> {
        self.instance.call(|live| live.view_take(self.handle))
    }

    /// Edits the text so that the copy becomes `text`, with a small difference by words, and
    /// returns the event. For editors that only know the whole text. Pending changes stay pending.
    /// Returns `None` if the copy equals `text`. If others removed more text than the view stores,
    /// `text` replaces the document's text, and nothing is pending afterwards.
    ///
    /// ```
    /// # let doc = converge::Doc::create("ann")?;
    /// doc.insert("notes", "n1", [("body", "one two three")])?;
    /// let editor = doc.open_text("notes", "n1", "body")?;
    /// doc.splice("notes", "n1", "body", 13, 0, " four")?; // not taken by the editor
    /// editor.rewrite("one 2 three")?;
    /// assert_eq!(editor.read()?.as_deref(), Some("one 2 three four"));
    /// # Ok::<(), converge::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`] if `text` is longer than `value-bytes`; the errors of
    /// [`edit`](Self::edit).
    pub fn rewrite(&self, text: &str) -> Result<Option<EventId>, Error> {
        self.instance.call(|live| live.view_rewrite(self.handle, text))
    }

    /// Returns a stable reference to a position of the copy, for cursors, selections and comments:
    /// the name of a character, as bytes. Store it in a cell or in an ephemeral entry.
    ///
    /// ```
    /// use converge::Side;
    ///
    /// # let doc = converge::Doc::create("ann")?;
    /// doc.insert("notes", "n1", [("body", "Hello world")])?;
    /// let editor = doc.open_text("notes", "n1", "body")?;
    /// let cursor = editor.anchor(6, Side::After)?; // before the "w"
    /// doc.splice("notes", "n1", "body", 0, 5, "Good morning")?;
    /// editor.take()?;
    /// assert_eq!(editor.position(&cursor)?, Some(13));
    /// # Ok::<(), converge::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] if the copy is shorter, or if the position is inside of a
    /// character.
    pub fn anchor(&self, at: u32, side: Side) -> Result<Vec<u8>, Error> {
        self.instance.call(|live| live.view_anchor(self.handle, at, side))
    }

    /// Returns the position of an anchor in the copy. If the anchor's character was removed,
    /// returns where it stood. Returns `None` if the cell is not a text, or if its text does not
    /// have the character: the text was overwritten, the removed character was compacted away, the
    /// event that inserted the character is not known yet, or the anchor belongs to another
    /// document. An anchor does not name its cell: pass it to views of the same cell. An anchor at
    /// the start or the end has a position in every text.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] if the bytes are not an anchor.
    pub fn position(&self, anchor: &[u8]) -> Result<Option<u32>, Error> {
        self.instance.call(|live| live.view_position(self.handle, anchor))
    }
}

impl Drop for TextView {
    fn drop(&mut self) {
        self.instance.drop_resource(Resource::View, self.handle);
    }
}
