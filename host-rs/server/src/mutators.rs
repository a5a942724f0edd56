//! The mutators of the documents of a server, which can be loaded again while it runs.

use crate::documents::lock;
use crate::settings::Settings;
use converge::mutators::{Error, Mutators, Options};
use sha2::{Digest, Sha256};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// A file with the mutators of the documents whose names start with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "the value of an option")]
pub struct MutatorFile {
    /// The beginning of the names of the documents; empty for all documents.
    pub prefix: String,
    /// The component.
    pub file: PathBuf,
}

/// Why mutators cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[error("cannot load the mutators {}: {source}", .file.display())]
pub struct MutatorError {
    /// The file.
    pub file: PathBuf,
    /// Why.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// The mutators of a server.
#[derive(Debug)]
pub(crate) struct MutatorTable {
    options: Options,
    /// The longest prefixes first.
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    of: MutatorFile,
    loaded: Mutex<Loaded>,
}

/// The mutators, and the SHA-256 of their file.
#[derive(Debug, Clone)]
struct Loaded {
    digest: [u8; 32],
    mutators: Arc<Mutators>,
}

impl MutatorTable {
    /// Loads all files. Compiling a component can take seconds.
    pub(crate) fn load(settings: &Settings) -> Result<Self, MutatorError> {
        let options = Options::default()
            .fuel(settings.mutator_fuel as u64)
            .memory_bytes(settings.mutator_memory_bytes)
            .call_time(settings.mutator_timeout);
        let mut files = settings.mutators.clone();
        files.sort_by_key(|file| std::cmp::Reverse(file.prefix.len()));
        let entries = files.into_iter().map(|of| {
            let loaded = Mutex::new(load(&of.file, options, None)?);
            Ok(Entry { of, loaded })
        });
        Ok(Self { options, entries: entries.collect::<Result<_, _>>()? })
    }

    /// Returns the mutators of a document.
    pub(crate) fn of(&self, document: &str) -> Option<Arc<Mutators>> {
        let entry = self.entries.iter().find(|entry| document.starts_with(&entry.of.prefix))?;
        Some(lock(&entry.loaded).mutators.clone())
    }

    /// Loads the files that changed. Of a file that cannot be loaded, the former content stays in
    /// use.
    pub(crate) fn reload(&self) {
        for Entry { of: MutatorFile { file, .. }, loaded } in &self.entries {
            let former = lock(loaded).clone();
            match load(file, self.options, Some(&former)) {
                Ok(new) if new.digest == former.digest => {}
                Ok(new) => {
                    *lock(loaded) = new;
                    tracing::info!(file = %file.display(), "loaded the mutators again");
                }
                Err(error) => tracing::error!(%error, "the former mutators stay in use"),
            }
        }
    }
}

fn load(file: &PathBuf, options: Options, former: Option<&Loaded>) -> Result<Loaded, MutatorError> {
    let failed = |source| MutatorError { file: file.clone(), source };
    let bytes = fs::read(file).map_err(|error: io::Error| failed(error.into()))?;
    let digest = Sha256::digest(&bytes).into();
    match former {
        Some(former) if former.digest == digest => Ok(former.clone()),
        _ => {
            let mutators = Mutators::load(&bytes, options).map_err(|error: Error| failed(error.into()))?;
            Ok(Loaded { digest, mutators: Arc::new(mutators) })
        }
    }
}
