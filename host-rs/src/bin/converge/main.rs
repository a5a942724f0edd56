//! The command-line program `converge`: its arguments, and which way it ends.
//!
//! Ends with 0 where all is well, 1 where something failed or differs, 2 where it was called wrongly.

mod order;
mod replay;

use lexopt::prelude::{Long, Short, Value, ValueExt};
use order::Order;
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::{error, fs};

const HELP: &str = "\
converge: local-first tables that merge

Usage:
  converge replay HISTORY [options]   take the events of a history into a document, and tell what came out
  converge component FILE             write the WebAssembly component that this program runs to FILE
  converge --help | --version

HISTORY is a file of the form of tests/data/rows, packed by gzip or not.

Options of replay:
  --expect FILE     compare the rows at the end with those of FILE
  --order ORDER     the order in which events come: file (as they stand), reverse, or shuffle:SEED [default: file]
  --batch N         how many events each call takes [default: 1]
  --head N          show the first N rows at the end [default: 0]
  --progress        show progress on standard error; without, only where that is a terminal
";

enum Command {
    Help,
    Version,
    Replay(replay::Options),
    Component(PathBuf),
}

fn main() -> ExitCode {
    let command = match arguments() {
        Ok(command) => command,
        Err(error) => {
            eprintln!("converge: {error}\n`converge --help` tells how to call it");
            return ExitCode::from(2);
        }
    };
    match run(command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("converge: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all is well.
fn run(command: Command) -> Result<bool, Box<dyn error::Error>> {
    let mut output = io::stdout().lock();
    match command {
        Command::Help => output.write_all(HELP.as_bytes())?,
        Command::Version => writeln!(output, "converge {}", env!("CARGO_PKG_VERSION"))?,
        Command::Component(file) => {
            fs::write(&file, converge::COMPONENT).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        Command::Replay(options) => return replay::replay(&options, &mut output),
    }
    Ok(true)
}

fn arguments() -> Result<Command, lexopt::Error> {
    let mut arguments = lexopt::Parser::from_env();
    let command = match arguments.next()? {
        Some(Short('h') | Long("help")) => return Ok(Command::Help),
        Some(Short('V') | Long("version")) => return Ok(Command::Version),
        Some(Value(command)) => command,
        Some(other) => return Err(other.unexpected()),
        None => return Err("which command?".into()),
    };
    match command.to_str() {
        Some("replay") => replay_arguments(&mut arguments),
        Some("component") => match file_and_nothing_else(&mut arguments)? {
            Some(file) => Ok(Command::Component(file)),
            None => Err("which FILE is to be written?".into()),
        },
        _ => Err(format!("there is no command {command:?}").into()),
    }
}

fn replay_arguments(arguments: &mut lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut history = None;
    let mut expect = None;
    let mut order = Order::File;
    let mut batch = NonZeroUsize::MIN;
    let mut head = 0;
    let mut progress = io::stderr().is_terminal();
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Long("expect") => expect = Some(PathBuf::from(arguments.value()?)),
            Long("order") => order = arguments.value()?.parse()?,
            Long("batch") => batch = arguments.value()?.parse()?,
            Long("head") => head = arguments.value()?.parse()?,
            Long("progress") => progress = true,
            Value(file) if history.is_none() => history = Some(PathBuf::from(file)),
            other => return Err(other.unexpected()),
        }
    }
    let history = history.ok_or("which HISTORY is to be replayed?")?;
    Ok(Command::Replay(replay::Options { history, expect, order, batch, head, progress }))
}

fn file_and_nothing_else(arguments: &mut lexopt::Parser) -> Result<Option<PathBuf>, lexopt::Error> {
    let mut file = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(value) if file.is_none() => file = Some(PathBuf::from(value)),
            other => return Err(other.unexpected()),
        }
    }
    Ok(file)
}
