//! The files that the commands read.

use crate::show::Heads;
use converge::{Content, Doc, Error, Inspection, Instance, InstanceOptions, MergeReport, PeerVersion, file};
use std::path::{Path, PathBuf};

/// The error of a failed command, whose text is shown to the user.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// The peer of loaded documents. It never writes.
pub(crate) const PEER: &str = "converge";

/// The bytes of a file.
pub(crate) struct Input {
    path: PathBuf,
    pub(crate) bytes: Vec<u8>,
}

impl Input {
    /// Reads a file of at most [`file::MAX_BYTES`] bytes.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = file::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self { path: path.to_owned(), bytes })
    }

    /// Returns a summary of the bytes.
    pub(crate) fn inspect(&self) -> Result<Inspection, Error> {
        instance()?.inspect(&self.bytes)
    }

    /// Loads the document in a new instance.
    pub(crate) fn load(&self) -> Result<Doc, Failure> {
        let load = |instance: Instance| instance.load(PEER, &self.bytes);
        instance().and_then(load).map_err(|error| match self.inspect().map(|inspection| inspection.content) {
            Ok(Content::Update) => {
                let fix = "create a document with `converge merge DOCUMENT UPDATE -o OUT`";
                self.failure(&format!("the file contains an update, but the command needs a document; {fix}"))
            }
            _ => self.failure(&explain(&error)),
        })
    }

    /// Merges the document or the update into `doc`.
    pub(crate) fn merge_into(&self, doc: &Doc) -> Result<MergeReport, Failure> {
        doc.merge_update(&self.bytes).map_err(|error| match (&error, self.inspect().map(|it| it.content)) {
            (Error::Compacted(horizon), Ok(Content::Document)) => self.failure(&format!(
                "the history up to {} was compacted in this file or in one before it, and the other document lacks \
                 these events or does not build on them; name the compacted document first, or rebase the other one",
                heads(horizon)
            )),
            _ => self.failure(&explain(&error)),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns a failure that names the file.
    pub(crate) fn failure(&self, what: &str) -> Failure {
        format!("{}: {what}", self.path.display()).into()
    }
}

/// Loads the document of a file.
pub(crate) fn load(path: &Path) -> Result<Doc, Failure> {
    Input::read(path)?.load()
}

/// Creates an instance without limits on memory and time: the user can end the program.
pub(crate) fn instance() -> Result<Instance, Error> {
    Instance::new(InstanceOptions::default().memory_bytes(u32::MAX as usize).call_time(None))
}

/// Formats an error with its details.
pub(crate) fn explain(error: &Error) -> String {
    match error {
        Error::Compacted(horizon) => format!("{error}; the horizon is {}", heads(horizon)),
        other => other.to_string(),
    }
}

/// Returns the horizon of a compacted document, or `None` if its history is complete.
pub(crate) fn horizon(doc: &Doc) -> Result<Option<Vec<PeerVersion>>, Error> {
    let nothing = doc.instance().summary_of(&[])?;
    match doc.events_since(&nothing, 1) {
        Ok(_) => Ok(None),
        Err(Error::Compacted(horizon)) => Ok(Some(horizon)),
        Err(error) => Err(error),
    }
}

/// Formats the last events of a version, in at most 200 characters.
fn heads(version: &[PeerVersion]) -> String {
    let heads = Heads::of_version(version).to_string();
    match heads.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", heads.get(..end).unwrap_or_default()),
        None => heads,
    }
}
