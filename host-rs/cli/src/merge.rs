//! `converge merge`: merges documents and updates into one document.

use crate::input::{Failure, Input, explain};
use crate::show::{Heads, Name};
use lexopt::prelude::{Long, Short, Value};
use std::io::Write;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Merges saved documents and updates into one document, in the order of the arguments.

Usage:
  converge merge FILE FILE... -o OUT

Options:
  -o, --output OUT   the file to write, completely or not at all; it may be one of the merged files

The first FILE is a document, the others are documents or updates. Name a compacted document first:
it cannot be merged into a document that lacks events which it dropped. If two replicas wrote under
one name, the result contains both, on two branches.
";

/// The maximum number of missing events that are printed.
const MAX_SHOWN_MISSING: usize = 20;

pub(crate) struct Options {
    first: PathBuf,
    others: Vec<PathBuf>,
    out: PathBuf,
}

/// Returns `None` if help is requested.
pub(crate) fn arguments(arguments: &mut lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let (mut files, mut out) = (Vec::new(), None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Short('o') | Long("output") => out = Some(PathBuf::from(arguments.value()?)),
            Value(value) => files.push(PathBuf::from(value)),
            other => return Err(other.unexpected()),
        }
    }
    let mut files = files.into_iter();
    let (Some(first), others) = (files.next(), files.collect::<Vec<_>>()) else {
        return Err("FILE is missing".into());
    };
    if others.is_empty() {
        return Err("there is only one FILE; pass the files to merge into it, too".into());
    }
    let out = out.ok_or("-o OUT is missing")?;
    Ok(Some(Options { first, others, out }))
}

/// Merges the files and writes the result.
pub(crate) fn merge(options: &Options, output: &mut impl Write) -> Result<(), Failure> {
    let doc = Input::read(&options.first)?.load()?;
    let mut lines = Vec::new();
    for file in &options.others {
        let input = Input::read(file)?;
        let report = input.merge_into(&doc)?;
        let name = file.display().to_string();
        lines.push(format!("{}: {} applied, {} duplicate", Name(&name), report.applied, report.duplicate));
    }
    let mut report = doc.merge_events([])?;
    doc.save_file(&options.out).map_err(|error| explain(&error))?;

    for line in lines {
        writeln!(output, "{line}")?;
    }
    writeln!(output, "waiting   {}", report.waiting)?;
    if report.waiting > 0 {
        let more = report.missing.len().saturating_sub(MAX_SHOWN_MISSING);
        report.missing.truncate(MAX_SHOWN_MISSING);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        writeln!(output, "missing   {}{more}", Heads(report.missing))?;
    }
    writeln!(output, "digest    {}", doc.digest()?)?;
    Ok(())
}
