//! The program `converge-rig`: parses the command line and sets the exit code.

mod live;
mod order;
mod random;
mod replay;
mod simulate;

use lexopt::prelude::{Long, Short, Value};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::process::ExitCode;

const HELP: &str = "\
Tests replicas of converge.

Usage:
  converge-rig replay HISTORY [options]   merge the events of a history into a document and check the result
  converge-rig live HISTORY [options]     run some of the replicas of a live run over loopback sockets
  converge-rig simulate TOPOLOGY...       run replicas in a simulated network until they agree
  converge-rig COMMAND --help             describe a command
  converge-rig --help

Exit codes: 0 for success, 1 if something failed or differs, 2 for a wrong command line.
";

/// Why a command failed, as a readable sentence.
type Failure = Box<dyn std::error::Error>;

enum Command {
    Help(&'static str),
    Replay(replay::Options),
    Live(live::Options),
    Simulate(Box<simulate::Options>),
}

fn main() -> ExitCode {
    let command = match arguments() {
        Ok(command) => command,
        Err(error) => {
            report(&format!("{error}\n`converge-rig --help` lists the commands"));
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
    let _ = writeln!(io::stderr(), "converge-rig: {message}");
}

fn is_closed_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// Returns whether everything ended as expected.
fn run(command: Command, output: &mut impl Write) -> Result<bool, Failure> {
    match command {
        Command::Help(help) => output.write_all(help.as_bytes())?,
        Command::Live(options) => live::live(&options, output)?,
        Command::Replay(options) => return replay::replay(&options, output),
        Command::Simulate(options) => return simulate::simulate(&options, output),
    }
    Ok(true)
}

fn arguments() -> Result<Command, lexopt::Error> {
    let mut arguments = lexopt::Parser::from_env();
    let command = match arguments.next()? {
        Some(Short('h') | Long("help")) => return Ok(Command::Help(HELP)),
        Some(Value(command)) => command,
        Some(other) => return Err(other.unexpected()),
        None => return Err("the command is missing".into()),
    };
    let rest = &mut arguments;
    let (command, help) = match command.to_str() {
        Some("replay") => (replay::arguments(rest)?.map(Command::Replay), replay::HELP),
        Some("live") => (live::arguments(rest)?.map(Command::Live), live::HELP),
        Some("simulate") => {
            (simulate::arguments(rest)?.map(|options| Command::Simulate(Box::new(options))), simulate::HELP)
        }
        _ => return Err(format!("unknown command {command:?}").into()),
    };
    Ok(command.unwrap_or(Command::Help(help)))
}
