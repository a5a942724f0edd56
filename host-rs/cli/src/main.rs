//! The command-line program `converge`: parses the arguments and sets the exit code.

mod diff;
mod export;
mod input;
mod inspect;
mod log;
mod merge;
mod page;
mod serve;
mod show;
mod stored;
mod token;

use converge::file::Replacement;
use converge_server::Settings;
use input::Failure;
use lexopt::prelude::{Long, Short, Value};
use std::borrow::Cow;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HELP: &str = "\
Serves documents of converge, and inspects, compares, merges and exports saved ones.

Usage:
  converge serve                      serve the documents of a directory over WebSocket and HTTP
  converge token --key FILE           create a token for a client of a server, or a key
  converge inspect FILE               describe and check a saved document, an update, or bytes of a store
  converge log FILE                   print the events of a saved document
  converge diff FILE [FILE2]          compare two versions of a saved document, or two saved documents
  converge merge FILE FILE... -o OUT  merge saved documents and updates into one document
  converge export FILE --table TABLE  write the rows of a table as CSV or JSON lines
  converge verify FILE                compare the tables of a SQLite file with its document
  converge backup --data DIR --to FOLDER
                                      copy a directory with documents
  converge restore --from FOLDER --data DIR
                                      restore such a copy
  converge component FILE             write the WebAssembly component of this program to FILE
  converge COMMAND --help             describe a command
  converge --help | --version

Exit codes: 0 for success, 1 if something failed or differs, 2 for a wrong command line.
";

enum Command {
    Help(Cow<'static, str>),
    Version,
    Inspect(inspect::Options),
    Log(log::Options),
    Diff(diff::Options),
    Merge(merge::Options),
    Export(export::Options),
    Verify(stored::Verify),
    Backup(stored::Paths),
    Restore(stored::Paths),
    Serve(Box<Settings>),
    Token(token::Options),
    Component(PathBuf),
}

fn main() -> ExitCode {
    let command = match arguments() {
        Ok(command) => command,
        Err(error) => {
            let command = std::env::args().nth(1).filter(|command| !command.starts_with('-'));
            report(&match command {
                Some(command) if !error.to_string().starts_with("unknown command") => {
                    format!("{error}\n`converge {command} --help` describes the command")
                }
                _ => format!("{error}\n`converge --help` lists the commands"),
            });
            return ExitCode::from(2);
        }
    };
    let mut output = BufWriter::new(io::stdout().lock());
    let outcome = run(command, &mut output);
    match outcome.and_then(|succeeded| Ok(output.flush().map(|()| succeeded)?)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // The reader of the pipe, such as `head`, closed it.
        Err(error) if is_closed_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Prints an error to standard error.
fn report(message: &str) {
    let _ = writeln!(io::stderr(), "converge: {message}");
}

/// Returns whether the reader of an output pipe closed it, directly or as the cause of the error.
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

/// Returns whether the command succeeded and found no difference.
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
        Command::Verify(options) => return stored::verify(&options, output),
        Command::Backup(paths) => stored::backup(&paths, output)?,
        Command::Restore(paths) => stored::restore(&paths, output)?,
        Command::Serve(settings) => serve::serve(*settings, output)?,
        Command::Token(options) => token::token(&options, output)?,
    }
    Ok(true)
}

/// Writes the component to a file.
fn write_component(file: &Path) -> io::Result<()> {
    let mut file = Replacement::of(file)?;
    file.write_all(converge::COMPONENT)?;
    file.commit()
}

/// Parses the command line.
fn arguments() -> Result<Command, lexopt::Error> {
    let mut arguments = lexopt::Parser::from_env();
    let command = match arguments.next()? {
        Some(Short('h') | Long("help")) => return Ok(Command::Help(HELP.into())),
        Some(Short('V') | Long("version")) => return Ok(Command::Version),
        Some(Value(command)) => command,
        Some(other) => return Err(other.unexpected()),
        None => return Err("the command is missing".into()),
    };
    let rest = &mut arguments;
    let (command, help) = match command.to_str() {
        Some("inspect") => (inspect::arguments(rest)?.map(Command::Inspect), inspect::HELP),
        Some("log") => (log::arguments(rest)?.map(Command::Log), log::HELP),
        Some("diff") => (diff::arguments(rest)?.map(Command::Diff), diff::HELP),
        Some("merge") => (merge::arguments(rest)?.map(Command::Merge), merge::HELP),
        Some("export") => (export::arguments(rest)?.map(Command::Export), export::HELP),
        Some("verify") => (stored::verify_arguments(rest)?.map(Command::Verify), stored::VERIFY_HELP),
        Some("backup") => (stored::copy_arguments(rest, ("data", "to"))?.map(Command::Backup), stored::BACKUP_HELP),
        Some("restore") => {
            (stored::copy_arguments(rest, ("from", "data"))?.map(Command::Restore), stored::RESTORE_HELP)
        }
        Some("serve") => {
            let settings = serve::arguments(rest)?;
            return Ok(settings
                .map_or_else(|| Command::Help(serve::help().into()), |settings| Command::Serve(Box::new(settings))));
        }
        Some("token") => (token::arguments(rest)?.map(Command::Token), token::HELP),
        Some("component") => (component_arguments(rest)?.map(Command::Component), COMPONENT_HELP),
        _ => return Err(format!("unknown command {command:?}").into()),
    };
    Ok(command.unwrap_or(Command::Help(help.into())))
}

const COMPONENT_HELP: &str = "\
Writes the WebAssembly component that this program runs, for other hosts or for inspection.

Usage:
  converge component FILE
";

/// Returns `None` if help is requested.
fn component_arguments(arguments: &mut lexopt::Parser) -> Result<Option<PathBuf>, lexopt::Error> {
    let mut file = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Value(value) if file.is_none() => file = Some(PathBuf::from(value)),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(file.ok_or("FILE is missing")?))
}
