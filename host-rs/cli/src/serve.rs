//! `converge serve`: serves the documents of a directory.

use crate::input::Failure;
use crate::page;
use converge_server::{Log, OPTIONS, Server, ServerOption, Settings};
use lexopt::prelude::{Long, Short, ValueExt};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::LevelFilter;

/// The option that names the configuration file.
const CONFIG: &str = "config";
const CONFIG_VARIABLE: &str = "CONVERGE_CONFIG";
/// How the variables of the environment start that set options.
const PREFIX: &str = "CONVERGE_";
/// Where the descriptions of options begin, and where lines end.
const ABOUT_COLUMN: usize = 34;
const LINE_COLUMNS: usize = 100;

/// Returns the text of `converge serve --help`.
pub(crate) fn help() -> String {
    let mut help = String::from(
        "Serves the documents of a directory over WebSocket and HTTP, until it gets SIGTERM or SIGINT.\n\n\
         Usage:\n  converge serve [options]\n",
    );
    let mut group = "";
    for option in OPTIONS {
        if option.group != group {
            group = option.group;
            let _ = writeln!(help, "\n{group}:");
        }
        let head = format!("  --{} {}", option.name, option.value);
        let repeats = if option.repeats { "; can be repeated" } else { "" };
        let default = if option.default.is_empty() { String::new() } else { format!(" [default: {}]", option.default) };
        describe(&mut help, head.trim_end(), &format!("{}{repeats}{default}", option.about));
    }
    help.push_str("\nConfiguration:\n");
    describe(&mut help, "  --config FILE", "a TOML file with these options, such as `max-body-bytes = \"32MiB\"`");
    help.push_str(
        "\nEvery option can also be set in the environment, such as CONVERGE_MAX_BODY_BYTES=32MiB; separate\n\
         the values of an option that can be repeated with commas. The command line comes before the\n\
         environment, and the environment before the file.\n",
    );
    help
}

/// Appends a line, or several, with the description in its column.
fn describe(help: &mut String, head: &str, about: &str) {
    let mut line = format!("{head:<width$}", width = ABOUT_COLUMN - 1);
    for word in about.split(' ') {
        if line.len() + 1 + word.len() > LINE_COLUMNS {
            let _ = writeln!(help, "{}", line.trim_end());
            line = " ".repeat(ABOUT_COLUMN - 1);
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(help, "{line}");
}

/// Parses the command line, the environment and the configuration file. Returns `None` if help is
/// requested.
pub(crate) fn arguments(arguments: &mut lexopt::Parser) -> Result<Option<Settings>, lexopt::Error> {
    let (mut given, mut config) = (Vec::new(), std::env::var(CONFIG_VARIABLE).ok());
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long(CONFIG) => config = Some(arguments.value()?.string()?),
            Long(name) => {
                let option = find(name).ok_or_else(|| argument.unexpected())?;
                let value = if option.value.is_empty() { "true".to_owned() } else { arguments.value()?.string()? };
                given.push((option, value));
            }
            other => return Err(other.unexpected()),
        }
    }
    let mut sources = vec![given, of_environment()];
    sources.extend(config.map(|file| of_file(Path::new(&file))).transpose()?);
    let mut settings = Settings::default();
    for option in OPTIONS {
        // The first source that sets the option counts.
        let values = sources.iter().map(|source| source.iter().filter(|(given, _)| given.name == option.name));
        let values: Vec<&String> = values
            .map(|values| values.map(|(_, value)| value).collect())
            .find(|values: &Vec<_>| !values.is_empty())
            .unwrap_or_default();
        for value in values {
            option.set(&mut settings, value)?;
        }
    }
    Ok(Some(settings))
}

type Given = Vec<(&'static ServerOption, String)>;

fn find(name: &str) -> Option<&'static ServerOption> {
    OPTIONS.iter().find(|option| option.name == name)
}

/// Returns the variables of the environment that look like options and are none.
fn unknown_variables() -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let is_unknown = |name: &String| {
        name.starts_with(PREFIX) && name != CONFIG_VARIABLE && OPTIONS.iter().all(|option| option.variable() != *name)
    };
    names.filter(is_unknown).collect()
}

fn of_environment() -> Given {
    let mut given = Vec::new();
    for option in OPTIONS {
        let Ok(value) = std::env::var(option.variable()) else { continue };
        match option.repeats {
            true => given.extend(value.split(',').map(|value| (option, value.trim().to_owned()))),
            false => given.push((option, value)),
        }
    }
    given
}

fn of_file(file: &Path) -> Result<Given, lexopt::Error> {
    let of_file = |why: String| lexopt::Error::from(format!("{}: {why}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| of_file(error.to_string()))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| of_file(error.to_string()))?;
    let mut given = Vec::new();
    for (name, value) in table {
        let option = find(&name).ok_or_else(|| of_file(format!("there is no option {name:?}")))?;
        let values = match value {
            toml::Value::Array(values) if option.repeats => values,
            other => vec![other],
        };
        for value in values {
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(flag) => flag.to_string(),
                other => return Err(of_file(format!("{name}: {other} must be a text, a number or a boolean"))),
            };
            given.push((option, text));
        }
    }
    Ok(given)
}

/// Serves until the process gets SIGTERM or SIGINT.
pub(crate) fn serve(mut settings: Settings, output: &mut impl Write) -> Result<(), Failure> {
    if settings.demo {
        settings.pages = page::board();
        if settings.pages.is_empty() {
            let how = "build it with `npx --yes rust-just build-cli`";
            return Err(format!("this program was built without the task board; {how}").into());
        }
    }
    log(&settings);
    for variable in unknown_variables() {
        tracing::warn!(variable, "the variable is ignored: it sets no option");
    }
    let is_demo = settings.demo;
    Runtime::new()?.block_on(async {
        let data = settings.data.display().to_string();
        let server = Server::bind(settings).await?;
        for address in server.addresses() {
            writeln!(output, "serving {data} at http://{address}")?;
        }
        if is_demo && let Some(address) = server.addresses().first() {
            writeln!(output, "the task board is at http://{address}/")?;
        }
        if server.is_anonymous() {
            writeln!(output, "there is no key: everybody who reaches this address has all rights")?;
        }
        output.flush()?;
        let (reloader, mut hangup) = (server.reloader(), signal(SignalKind::hangup())?);
        tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                reloader.reload().await;
            }
        });
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let stop = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        server.run(stop).await;
        Ok(())
    })
}

fn log(settings: &Settings) {
    let level = match settings.log {
        Log::Error => LevelFilter::ERROR,
        Log::Warn => LevelFilter::WARN,
        Log::Info => LevelFilter::INFO,
        Log::Debug => LevelFilter::DEBUG,
    };
    let subscriber = tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr).with_target(false);
    match settings.log_json {
        true => subscriber.json().init(),
        false => subscriber.with_ansi(false).init(),
    }
}
