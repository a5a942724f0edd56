//! The program `converge-rig`: parses the command line and sets the exit code.

mod live;
mod load;
mod order;
mod random;
mod replay;
mod simulate;
mod typing;
mod wire;
mod write;

use lexopt::prelude::{Long, Short, Value};
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

const HELP: &str = "\
Tests replicas and servers of converge.

Usage:
  converge-rig replay HISTORY [options]   merge the events of a history into a document and check the result
  converge-rig live HISTORY [options]     run some of the replicas of a live run over loopback sockets
  converge-rig type TRACE [options]       type the keystrokes of one peer of a session over a socket
  converge-rig simulate TOPOLOGY...       run replicas in a simulated network until they agree
  converge-rig load ADDRESS WORK          measure a server under load
  converge-rig write ADDRESS [options]    write rows through a server and count acknowledgements
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
    Load(load::Options),
    Simulate(Box<simulate::Options>),
    Type(typing::Options),
    Write(write::Options),
}

fn main() -> ExitCode {
    let outcome = match arguments() {
        Ok(command) => run(command),
        Err(error) => {
            report(&format!("{error}\n`converge-rig --help` lists the commands"));
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => {}
        Err(error) => report(&error.to_string()),
    }
    ExitCode::FAILURE
}

/// Prints an error to standard error.
fn report(message: &str) {
    let _ = writeln!(io::stderr(), "converge-rig: {message}");
}

/// Returns whether everything ended as expected.
fn run(command: Command) -> Result<bool, Failure> {
    let mut output = BufWriter::new(io::stdout().lock());
    let mut succeeded = true;
    match command {
        Command::Help(help) => output.write_all(help.as_bytes())?,
        Command::Live(options) => live::live(&options, &mut output)?,
        Command::Load(options) => succeeded = load::load(&options, &mut output)?,
        Command::Replay(options) => succeeded = replay::replay(&options, &mut output)?,
        Command::Simulate(options) => succeeded = simulate::simulate(&options, &mut output)?,
        Command::Type(options) => typing::run(&options, &mut output)?,
        Command::Write(options) => write::write(&options, &mut output)?,
    }
    output.flush()?;
    Ok(succeeded)
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
        Some("load") => (load::arguments(rest)?.map(Command::Load), load::HELP),
        Some("simulate") => {
            (simulate::arguments(rest)?.map(|options| Command::Simulate(Box::new(options))), simulate::HELP)
        }
        Some("type") => (typing::arguments(rest)?.map(Command::Type), typing::HELP),
        Some("write") => (write::arguments(rest)?.map(Command::Write), write::HELP),
        _ => return Err(format!("unknown command {command:?}").into()),
    };
    Ok(command.unwrap_or(Command::Help(help)))
}
