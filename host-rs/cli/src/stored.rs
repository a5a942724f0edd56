//! `converge verify`, `converge backup` and `converge restore`: documents in SQLite files.

use crate::input::Failure;
use converge::{Instance, InstanceOptions};
use converge_storage::{Copied, Report, StoredDoc};
use lexopt::prelude::{Long, Short, Value};
use std::io::Write;
use std::path::PathBuf;

pub(crate) const VERIFY_HELP: &str = "\
Compares the mirror tables of a SQLite file with the document that the file contains.

Usage:
  converge verify FILE [--repair]

Options:
  --repair   create the mirror tables again if they differ

No other process may use the file. The checksums of the document are verified too, and the structure
of the file. If another program dropped a mirror table or a trigger, opening the file creates the
mirror tables again; the first line says so. The exit code is 1 if something differs and was not
repaired.
";

pub(crate) const BACKUP_HELP: &str = "\
Copies a directory with documents, while a server uses it.

Usage:
  converge backup --data DIR --to FOLDER

Options:
  --data DIR    the directory of the server
  --to FOLDER   the folder for the copy; if it has an older copy, documents that changed are copied
";

pub(crate) const RESTORE_HELP: &str = "\
Restores a copy of a directory with documents.

Usage:
  converge restore --from FOLDER --data DIR

Options:
  --from FOLDER  the folder with the copy
  --data DIR     the new directory, which must not exist

The hash of each file is verified. Each document gets a new home peer.
";

pub(crate) struct Verify {
    file: PathBuf,
    repair: bool,
}

/// The source and the target of a copy.
pub(crate) struct Paths {
    from: PathBuf,
    to: PathBuf,
}

/// Returns `None` if help is requested.
pub(crate) fn verify_arguments(arguments: &mut lexopt::Parser) -> Result<Option<Verify>, lexopt::Error> {
    let (mut file, mut repair) = (None, false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("repair") => repair = true,
            Value(value) if file.is_none() => file = Some(PathBuf::from(value)),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(Verify { file: file.ok_or("FILE is missing")?, repair }))
}

/// Parses the two options of a copy. Returns `None` if help is requested.
pub(crate) fn copy_arguments(
    arguments: &mut lexopt::Parser,
    (from_name, to_name): (&str, &str),
) -> Result<Option<Paths>, lexopt::Error> {
    let (mut from, mut to) = (None, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long(name) if name == from_name => from = Some(PathBuf::from(arguments.value()?)),
            Long(name) if name == to_name => to = Some(PathBuf::from(arguments.value()?)),
            other => return Err(other.unexpected()),
        }
    }
    let missing = |name: &str| format!("--{name} is missing");
    Ok(Some(Paths { from: from.ok_or_else(|| missing(from_name))?, to: to.ok_or_else(|| missing(to_name))? }))
}

/// Verifies a file. Returns whether nothing differs, or everything was repaired.
pub(crate) fn verify(options: &Verify, output: &mut impl Write) -> Result<bool, Failure> {
    let instance = Instance::new(InstanceOptions::default())?;
    let mut stored = StoredDoc::open(&options.file, &instance, &Default::default())?;
    if stored.was_repaired() {
        writeln!(output, "another program had changed the mirror tables; they were created again")?;
    }
    let report = stored.verify()?;
    show(&report, output)?;
    if report.is_right() || !options.repair {
        return Ok(report.is_right());
    }
    stored.repair()?;
    let repaired = stored.verify()?;
    if repaired.is_right() {
        writeln!(output, "repaired")?;
    } else {
        writeln!(output, "after the repair:")?;
        show(&repaired, output)?;
    }
    Ok(repaired.is_right())
}

fn show(report: &Report, output: &mut impl Write) -> Result<(), Failure> {
    report.structure.iter().try_for_each(|line| writeln!(output, "structure: {line}"))?;
    for found in &report.differences {
        writeln!(output, "table {:?}, row {:?}: {}", found.table, found.row, found.what)?;
    }
    Ok(writeln!(output, "{} rows, {} differ", report.rows, report.differing)?)
}

/// Copies a directory.
pub(crate) fn backup(Paths { from, to }: &Paths, output: &mut impl Write) -> Result<(), Failure> {
    let Copied { documents, changed, .. } = converge_storage::backup(from, to)?;
    Ok(writeln!(output, "documents: {documents}, copied: {changed}")?)
}

/// Restores a copy.
pub(crate) fn restore(Paths { from, to }: &Paths, output: &mut impl Write) -> Result<(), Failure> {
    let Copied { documents, .. } = converge_storage::restore(from, to)?;
    Ok(writeln!(output, "documents restored: {documents}")?)
}
