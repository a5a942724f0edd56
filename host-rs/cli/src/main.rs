//! The command-line program `converge`: its arguments, and which way it ends.
//!
//! Ends with 0 where all is well, 1 where something failed or differs, 2 where it was called wrongly.

mod diff;
mod export;
mod input;
mod inspect;
mod log;
mod merge;
mod show;

use converge::file::Replacement;
use input::Failure;
use lexopt::prelude::{Long, Short, Value};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
converge: local-first tables that merge

Usage:
  converge inspect FILE               describe and check a saved document, an update, or bytes of a store
  converge log FILE                   tell the events of a saved document
  converge diff FILE [FILE2]          tell what differs between two versions, or two saved documents
  converge merge FILE FILE... -o OUT  merge saved documents and updates into one document
  converge export FILE --table TABLE  write the rows of a table as CSV or as JSON lines
  converge component FILE             write the WebAssembly component that this program runs to FILE
  converge COMMAND --help             tell more about a command
  converge --help | --version

Ends with 0 where all is well, 1 where something failed or differs, 2 where it was called wrongly.
";

enum Command {
    Help(&'static str),
    Version,
    Inspect(inspect::Options),
    Log(log::Options),
    Diff(diff::Options),
    Merge(merge::Options),
    Export(export::Options),
    Component(PathBuf),
}

fn main() -> ExitCode {
    let command = match arguments() {
        Ok(command) => command,
        Err(error) => {
            complain(&format!("{error}\n`converge --help` tells how to call it"));
            return ExitCode::from(2);
        }
    };
    let mut output = BufWriter::new(io::stdout().lock());
    let outcome = run(command, &mut output);
    match outcome.and_then(|well| Ok(output.flush().map(|()| well)?)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // The reader, such as `head`, has seen enough.
        Err(error) if is_closed_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Tells it on standard error, where somebody reads that.
fn complain(what: &str) {
    let _ = writeln!(io::stderr(), "converge: {what}");
}

/// Whether the error is, or was caused by, an output pipe that the reader closed.
fn is_closed_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind).or_else(|| {
        match error.downcast_ref::<csv::Error>()?.kind() {
            csv::ErrorKind::Io(error) => Some(error.kind()),
            _ => None,
        }
    });
    let kind = kind.or_else(|| error.downcast_ref::<serde_json::Error>()?.io_error_kind());
    kind == Some(ErrorKind::BrokenPipe)
}

/// Whether all is well.
fn run(command: Command, output: &mut impl Write) -> Result<bool, Failure> {
    match command {
        Command::Help(help) => output.write_all(help.as_bytes())?,
        Command::Version => writeln!(output, "converge {}", env!("CARGO_PKG_VERSION"))?,
        Command::Component(file) => {
            write_component(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        Command::Inspect(options) => return inspect::inspect(&options, output),
        Command::Log(options) => log::log(&options, output)?,
        Command::Diff(options) => return diff::diff(&options, output),
        Command::Merge(options) => merge::merge(&options, output)?,
        Command::Export(options) => export::export(&options, output)?,
    }
    Ok(true)
}

fn write_component(file: &Path) -> io::Result<()> {
    let mut file = Replacement::of(file)?;
    file.write_all(converge::COMPONENT)?;
    file.commit()
}

fn arguments() -> Result<Command, lexopt::Error> {
    let mut arguments = lexopt::Parser::from_env();
    let command = match arguments.next()? {
        Some(Short('h') | Long("help")) => return Ok(Command::Help(HELP)),
        Some(Short('V') | Long("version")) => return Ok(Command::Version),
        Some(Value(command)) => command,
        Some(other) => return Err(other.unexpected()),
        None => return Err("which command?".into()),
    };
    let rest = &mut arguments;
    let (command, help) = match command.to_str() {
        Some("inspect") => (inspect::arguments(rest)?.map(Command::Inspect), inspect::HELP),
        Some("log") => (log::arguments(rest)?.map(Command::Log), log::HELP),
        Some("diff") => (diff::arguments(rest)?.map(Command::Diff), diff::HELP),
        Some("merge") => (merge::arguments(rest)?.map(Command::Merge), merge::HELP),
        Some("export") => (export::arguments(rest)?.map(Command::Export), export::HELP),
        Some("component") => (component_arguments(rest)?.map(Command::Component), COMPONENT_HELP),
        _ => return Err(format!("there is no command {command:?}").into()),
    };
    Ok(command.unwrap_or(Command::Help(help)))
}

const COMPONENT_HELP: &str = "\
Writes the WebAssembly component that this program runs: for other hosts, or to look at.

Usage:
  converge component FILE
";

/// None where help is asked for.
fn component_arguments(arguments: &mut lexopt::Parser) -> Result<Option<PathBuf>, lexopt::Error> {
    let mut file = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Value(value) if file.is_none() => file = Some(PathBuf::from(value)),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(file.ok_or("which FILE is to be written?")?))
}
