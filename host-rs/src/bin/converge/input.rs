//! The files that the commands read: their bytes, and the documents in them.

use crate::frame::{Fault, Frame, Kind};
use crate::show::Heads;
use converge::{Doc, Error, Instance, InstanceOptions, MergeReport, PeerVersion, file};
use std::path::{Path, PathBuf};

/// Why a command failed, as a sentence for people.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// The name that documents are loaded under. Nothing is ever written as it.
pub(crate) const PEER: &str = "converge";

/// A file of a saved document or an update.
pub(crate) struct Input {
    path: PathBuf,
    pub(crate) bytes: Vec<u8>,
}

impl Input {
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = file::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self { path: path.to_owned(), bytes })
    }

    /// Its document, in an instance of its own.
    pub(crate) fn load(&self) -> Result<Doc, Failure> {
        if Frame::read(&self.bytes).is_ok_and(|frame| frame.kind == Kind::Update) {
            let way = "`converge merge DOCUMENT UPDATE -o OUT` makes one of it";
            return Err(self.failure(&format!("it is an update, and a document is needed; {way}")));
        }
        instance().and_then(|instance| instance.load(PEER, &self.bytes)).map_err(|error| self.failure(&explain(&error)))
    }

    pub(crate) fn merge_into(&self, doc: &Doc) -> Result<MergeReport, Failure> {
        doc.merge_update(&self.bytes).map_err(|error| match (&error, Frame::read(&self.bytes)) {
            (Error::Compacted(horizon), Ok(Frame { kind: Kind::Document, .. })) => self.failure(&format!(
                "the history up to {} is given up, here or in what it is merged into, and the other lacks that or \
                     does not build on it; name the compacted document before the others, or let the other's author \
                     rebase",
                heads(horizon)
            )),
            _ => self.failure(&explain(&error)),
        })
    }

    /// Whether it has waiting events, which a merge leaves behind.
    pub(crate) fn has_waiting(&self) -> bool {
        Frame::read(&self.bytes).is_ok_and(|frame| frame.has_waiting())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn failure(&self, what: &str) -> Failure {
        let hint = match Frame::read(&self.bytes) {
            Err(Fault::Version(version)) if version > crate::frame::VERSION => "; a newer program may read it",
            _ => "",
        };
        format!("{}: {what}{hint}", self.path.display()).into()
    }
}

/// The document of a file.
pub(crate) fn load(path: &Path) -> Result<Doc, Failure> {
    Input::read(path)?.load()
}

/// As much memory and time as there are: who calls the program can end it.
pub(crate) fn instance() -> Result<Instance, Error> {
    Instance::new(InstanceOptions { memory_bytes: u32::MAX as usize, call_time: None })
}

/// The error, with what it carries.
pub(crate) fn explain(error: &Error) -> String {
    match error {
        Error::Compacted(horizon) => format!("{error}; what builds on {} is there", heads(horizon)),
        other => other.to_string(),
    }
}

/// The version up to which the history was given up; none where it is whole.
pub(crate) fn horizon(doc: &Doc) -> Result<Option<Vec<PeerVersion>>, Error> {
    match doc.events_since(&[], 1) {
        Ok(_) => Ok(None),
        Err(Error::Compacted(horizon)) => Ok(Some(horizon)),
        Err(error) => Err(error),
    }
}

fn heads(version: &[PeerVersion]) -> String {
    let heads = Heads::of_version(version).to_string();
    match heads.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", heads.get(..end).unwrap_or_default()),
        None => heads,
    }
}
