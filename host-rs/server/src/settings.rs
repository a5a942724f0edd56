//! The settings of a server, and the table of options from which the command line, the environment,
//! the configuration file and the documentation take them.

use crate::http::Page;
use crate::mutators::MutatorFile;
use converge_storage::Sync;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The settings of a server. [`Settings::default`] has the defaults of [`OPTIONS`].
#[derive(Debug, Clone)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the table of options describes each of them")]
pub struct Settings {
    pub data: PathBuf,
    pub listen: Vec<String>,
    pub demo: bool,
    /// The files of the web application, which are served at `/` if there are some.
    pub pages: Vec<Page>,
    pub sync: Sync,
    pub recover: bool,
    pub keys: Vec<PathBuf>,
    pub anonymous: bool,
    pub origins: Vec<String>,
    pub webhooks: Vec<String>,
    pub webhook_secret: String,
    pub webhook_queue: usize,
    pub webhook_attempts: usize,
    pub mutators: Vec<MutatorFile>,
    pub only_mutations: Vec<String>,
    pub mutator_fuel: usize,
    pub mutator_memory_bytes: usize,
    pub mutator_timeout: Duration,
    pub mutation_wait: Duration,
    pub log: Log,
    pub log_json: bool,
    pub max_message_bytes: usize,
    pub max_body_bytes: usize,
    pub max_document_bytes: usize,
    pub max_file_bytes: usize,
    pub max_memory_bytes: usize,
    pub max_documents: usize,
    pub max_connections: usize,
    pub max_document_connections: usize,
    pub max_requests: usize,
    pub mailbox: usize,
    pub rate_messages: usize,
    pub rate_burst: usize,
    pub rate_bytes: usize,
    pub storage_threads: usize,
    pub call_timeout: Duration,
    pub handshake_timeout: Duration,
    pub header_timeout: Duration,
    pub slow_timeout: Duration,
    pub silence_timeout: Duration,
    pub idle_timeout: Duration,
    pub presence_grace: Duration,
    pub presence_interval: Duration,
    pub deleted_after: Duration,
    pub drain_timeout: Duration,
}

/// The least severe messages that are logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the usual names")]
pub enum Log {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}

/// An option of `converge serve`. The same name is used on the command line (`--max-body-bytes`),
/// in the environment (`CONVERGE_MAX_BODY_BYTES`) and in the configuration file
/// (`max-body-bytes`).
#[derive(Clone, Copy)]
pub struct ServerOption {
    /// The name.
    pub name: &'static str,
    /// The heading under which the option is listed.
    pub group: &'static str,
    /// What the option's value is, or an empty text if the option has none.
    pub value: &'static str,
    /// The default, or an empty text.
    pub default: &'static str,
    /// Whether the option can be repeated.
    pub repeats: bool,
    /// What the option does.
    pub about: &'static str,
    set: fn(&mut Settings, &str) -> Result<(), String>,
}

impl ServerOption {
    /// Sets the option. An option without a value is set by `true` and not set by `false`.
    ///
    /// # Errors
    ///
    /// A message that names the option and what it accepts.
    pub fn set(&self, settings: &mut Settings, value: &str) -> Result<(), String> {
        (self.set)(settings, value).map_err(|why| format!("{}: {value:?} is not valid: {why}", self.name))
    }

    /// Returns the variable of the environment that sets the option.
    pub fn variable(&self) -> String {
        format!("CONVERGE_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }
}

impl fmt::Debug for ServerOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerOption").field(&self.name).finish()
    }
}

macro_rules! options {
    ($( $group:literal { $( $name:literal $value:literal $default:literal $([$repeats:ident])? $about:literal => $set:expr; )* } )*) => {
        &[$($( ServerOption {
            name: $name,
            group: $group,
            value: $value,
            default: $default,
            repeats: options!(@ $($repeats)?),
            about: $about,
            set: $set,
        }, )*)*]
    };
    (@ repeats) => { true };
    (@) => { false };
}

/// All options.
pub const OPTIONS: &[ServerOption] = options! {
    "Data" {
        "data" "DIR" "data" "the directory with the documents" => |s, v| { s.data = v.into(); Ok(()) };
        "sync" "full|normal" "full" "when a write counts as stored: normal survives a crash of the server, full also one of the machine" => |s, v| put(&mut s.sync, sync(v));
        "recover" "" "" "after a restore from a backup: clients that may write can deliver events of all authors" => |s, v| put(&mut s.recover, flag(v));
        "deleted-after" "TIME" "7d" "how long a deleted document can be restored" => |s, v| put(&mut s.deleted_after, time(v));
    }
    "Network" {
        "listen" "ADDRESS" "127.0.0.1:4747" [repeats] "the address and port to listen on; port 0 takes a free one" => |s, v| { s.listen.push(v.into()); Ok(()) };
        "demo" "" "" "serve a task board, a web application, at /" => |s, v| put(&mut s.demo, flag(v));
        "origin" "ORIGIN" "" [repeats] "a web origin whose pages may connect, such as https://example.com, or *; the server's own origin always may" => |s, v| { s.origins.push(origin(v)?); Ok(()) };
    }
    "Access" {
        "key" "FILE" "" [repeats] "a key that signs tokens; without one, everybody has all rights and the server listens on loopback addresses only" => |s, v| { s.keys.push(v.into()); Ok(()) };
        "anonymous" "" "" "without keys, listen on all addresses nevertheless" => |s, v| put(&mut s.anonymous, flag(v));
    }
    "Mutations" {
        "mutators" "[PREFIX=]FILE" "" [repeats] "a component with mutators, for the documents whose names start with PREFIX; the longest prefix counts; loaded again on SIGHUP" => |s, v| { let file = mutators(s, v)?; s.mutators.push(file); Ok(()) };
        "only-mutations" "TABLE" "" [repeats] "a table to which only mutators write; events of clients that write to it are refused" => |s, v| { s.only_mutations.push(v.into()); Ok(()) };
        "mutator-fuel" "COUNT" "1000000000" "what a call of a mutator may use; a WebAssembly instruction uses about 1" => |s, v| put(&mut s.mutator_fuel, count(v));
        "mutator-memory-bytes" "SIZE" "64MiB" "the memory of a call" => |s, v| put(&mut s.mutator_memory_bytes, size(v));
        "mutator-timeout" "TIME" "5s" "the longest call of a mutator" => |s, v| put(&mut s.mutator_timeout, time(v));
        "mutation-wait" "TIME" "10s" "how long a call waits for the events of its client that come before it" => |s, v| put(&mut s.mutation_wait, time(v));
    }
    "Webhooks" {
        "webhook" "URL" "" [repeats] "a URL to which changes of documents are reported" => |s, v| { s.webhooks.push(v.into()); Ok(()) };
        "webhook-secret" "TEXT" "" "signs the reports" => |s, v| { s.webhook_secret = v.into(); Ok(()) };
        "webhook-queue" "COUNT" "10000" "documents with changes that wait to be reported; further ones are dropped" => |s, v| put(&mut s.webhook_queue, count(v));
        "webhook-attempts" "COUNT" "6" "attempts to deliver a report before it is dropped" => |s, v| put(&mut s.webhook_attempts, count(v));
    }
    "Log" {
        "log" "error|warn|info|debug" "info" "the least severe messages to log" => |s, v| put(&mut s.log, log(v));
        "log-json" "" "" "log JSON objects instead of text" => |s, v| put(&mut s.log_json, flag(v));
    }
    "Sizes" {
        "max-message-bytes" "SIZE" "64KiB" "one message of a session" => |s, v| put(&mut s.max_message_bytes, size(v));
        "max-body-bytes" "SIZE" "16MiB" "the body of a request" => |s, v| put(&mut s.max_body_bytes, size(v));
        "max-document-bytes" "SIZE" "256MiB" "the memory of an open document" => |s, v| put(&mut s.max_document_bytes, size(v));
        "max-file-bytes" "SIZE" "1GiB" "the file of a document; from this size on the document accepts no writes" => |s, v| put(&mut s.max_file_bytes, size(v));
        "max-memory-bytes" "SIZE" "" "the memory of all open documents [default: half of the machine's memory]" => |s, v| put(&mut s.max_memory_bytes, size(v));
    }
    "Counts" {
        "max-documents" "COUNT" "4000" "open documents" => |s, v| put(&mut s.max_documents, count(v));
        "max-connections" "COUNT" "20000" "connections of clients" => |s, v| put(&mut s.max_connections, count(v));
        "max-document-connections" "COUNT" "10000" "sessions of one document" => |s, v| put(&mut s.max_document_connections, count(v));
        "max-requests" "COUNT" "1024" "requests that are carried out at the same time" => |s, v| put(&mut s.max_requests, count(v));
        "mailbox" "COUNT" "1024" "messages that wait for one document; sockets are not read while it is full" => |s, v| put(&mut s.mailbox, count(v));
        "storage-threads" "COUNT" "16" "documents that are merged or stored at the same time" => |s, v| put(&mut s.storage_threads, count(v));
    }
    "Rates of a connection, above which it is read more slowly" {
        "rate-messages" "COUNT" "200" "messages a second" => |s, v| put(&mut s.rate_messages, count(v));
        "rate-burst" "COUNT" "2000" "messages that may come at once" => |s, v| put(&mut s.rate_burst, count(v));
        "rate-bytes" "SIZE" "1MiB" "bytes a second; four times as many may come at once" => |s, v| put(&mut s.rate_bytes, size(v));
    }
    "Times" {
        "call-timeout" "TIME" "60s" "the longest call of the engine" => |s, v| put(&mut s.call_timeout, time(v));
        "header-timeout" "TIME" "10s" "until the header of a request is complete" => |s, v| put(&mut s.header_timeout, time(v));
        "handshake-timeout" "TIME" "10s" "until the token of a connection arrives" => |s, v| put(&mut s.handshake_timeout, time(v));
        "slow-timeout" "TIME" "30s" "until a client answers a message, or takes one" => |s, v| put(&mut s.slow_timeout, time(v));
        "silence-timeout" "TIME" "60s" "until a client sends anything" => |s, v| put(&mut s.silence_timeout, time(v));
        "idle-timeout" "TIME" "60s" "until a document without connections is closed" => |s, v| put(&mut s.idle_timeout, time(v));
        "presence-grace" "TIME" "5s" "until the presence of a client whose connection closed is removed" => |s, v| put(&mut s.presence_grace, time(v));
        "presence-interval" "TIME" "50ms" "the time between two messages to a client that contain presence alone" => |s, v| put(&mut s.presence_interval, time(v));
        "drain-timeout" "TIME" "8s" "until the server ends after SIGTERM or SIGINT, at the latest" => |s, v| put(&mut s.drain_timeout, time(v));
    }
};

impl Default for Settings {
    fn default() -> Self {
        let zero = Duration::ZERO;
        let mut settings = Self {
            data: PathBuf::new(),
            listen: Vec::new(),
            demo: false,
            pages: Vec::new(),
            sync: Sync::Full,
            recover: false,
            keys: Vec::new(),
            anonymous: false,
            origins: Vec::new(),
            webhooks: Vec::new(),
            webhook_secret: String::new(),
            webhook_queue: 0,
            webhook_attempts: 0,
            mutators: Vec::new(),
            only_mutations: Vec::new(),
            mutator_fuel: 0,
            mutator_memory_bytes: 0,
            mutator_timeout: zero,
            mutation_wait: zero,
            log: Log::Info,
            log_json: false,
            max_message_bytes: 0,
            max_body_bytes: 0,
            max_document_bytes: 0,
            max_file_bytes: 0,
            max_memory_bytes: machine_bytes() / 2,
            max_documents: 0,
            max_connections: 0,
            max_document_connections: 0,
            max_requests: 0,
            mailbox: 0,
            rate_messages: 0,
            rate_burst: 0,
            rate_bytes: 0,
            storage_threads: 0,
            call_timeout: zero,
            handshake_timeout: zero,
            header_timeout: zero,
            slow_timeout: zero,
            silence_timeout: zero,
            idle_timeout: zero,
            presence_grace: zero,
            presence_interval: zero,
            deleted_after: zero,
            drain_timeout: zero,
        };
        for option in OPTIONS.iter().filter(|option| !option.default.is_empty() && !option.repeats) {
            let set = option.set(&mut settings, option.default);
            debug_assert_eq!(set, Ok(()));
        }
        settings
    }
}

impl Settings {
    /// Returns the addresses to listen on.
    pub fn addresses(&self) -> Vec<String> {
        if self.listen.is_empty() { vec![default_of("listen").to_owned()] } else { self.listen.clone() }
    }
}

fn default_of(name: &str) -> &'static str {
    OPTIONS.iter().find(|option| option.name == name).map_or("", |option| option.default)
}

/// Returns the memory of the machine in bytes, or of the container if that is less; 4 GiB if
/// neither is known.
fn machine_bytes() -> usize {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let meminfo = read("/proc/meminfo");
    let kibibytes = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next());
    let machine = kibibytes.and_then(|kibibytes| kibibytes.parse::<usize>().ok()).map_or(4 << 30, |k| k << 10);
    read("/sys/fs/cgroup/memory.max").trim().parse().map_or(machine, |group: usize| group.min(machine))
}

fn put<T>(field: &mut T, value: Result<T, String>) -> Result<(), String> {
    *field = value?;
    Ok(())
}

fn origin(text: &str) -> Result<String, String> {
    match text == "*" || text.split_once("://").is_some_and(|(_, host)| !host.is_empty()) {
        true => Ok(text.trim_end_matches('/').to_owned()),
        false => Err("expected an origin, such as https://example.com, or *".into()),
    }
}

/// Splits a prefix from the file. A file whose name has a `=` needs one before it.
fn mutators(settings: &Settings, text: &str) -> Result<MutatorFile, String> {
    let (prefix, file) = text.split_once('=').unwrap_or(("", text));
    if file.is_empty() {
        return Err("expected a file, or a prefix, = and a file".into());
    }
    match settings.mutators.iter().find(|other| other.prefix == prefix) {
        Some(other) => Err(format!("the prefix {prefix:?} has the mutators {} already", other.file.display())),
        None => Ok(MutatorFile { prefix: prefix.to_owned(), file: file.into() }),
    }
}

fn flag(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "expected true or false".into())
}

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a whole number, at least 1".into()),
        Ok(count) => Ok(count),
    }
}

/// Splits a number from its unit.
fn with_unit(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

fn size(text: &str) -> Result<usize, String> {
    let bytes = with_unit(text).and_then(|(number, unit)| {
        let unit = match unit {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        usize::try_from(number.checked_mul(unit)?).ok()
    });
    bytes.filter(|&bytes| bytes > 0).ok_or_else(|| "expected a size, such as 65536, 64KiB, 16MiB or 1GiB".into())
}

fn time(text: &str) -> Result<Duration, String> {
    let milliseconds = with_unit(text).and_then(|(number, unit)| {
        let unit = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        number.checked_mul(unit)
    });
    milliseconds.map(Duration::from_millis).ok_or_else(|| "expected a time, such as 500ms, 30s, 5m, 1h or 7d".into())
}

fn sync(text: &str) -> Result<Sync, String> {
    match text {
        "full" => Ok(Sync::Full),
        "normal" => Ok(Sync::Normal),
        _ => Err("expected full or normal".into()),
    }
}

fn log(text: &str) -> Result<Log, String> {
    match text {
        "error" => Ok(Log::Error),
        "warn" => Ok(Log::Warn),
        "info" => Ok(Log::Info),
        "debug" => Ok(Log::Debug),
        _ => Err("expected error, warn, info or debug".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{OPTIONS, Settings, size, time};
    use std::collections::BTreeSet;
    use std::time::Duration;

    #[test]
    fn every_default_is_valid_and_every_name_is_unique() {
        let mut settings = Settings::default();
        for option in OPTIONS {
            assert!(option.default.is_empty() || option.set(&mut settings, option.default).is_ok(), "{option:?}");
            assert!(
                option.set(&mut settings, "\0").is_err()
                    || option.repeats
                    || option.value == "DIR"
                    || option.value == "TEXT"
            );
        }
        let names: BTreeSet<&str> = OPTIONS.iter().map(|option| option.name).collect();
        assert_eq!(names.len(), OPTIONS.len());
        assert_eq!(settings.max_message_bytes, 65_536);
        assert_eq!(OPTIONS[0].variable(), "CONVERGE_DATA");
    }

    #[test]
    fn sizes_and_times_have_units() {
        assert_eq!(
            ["7", "7B", "7KiB", "7MiB", "7GiB"].map(|text| size(text).unwrap_or(0)),
            [7, 7, 7 << 10, 7 << 20, 7 << 30]
        );
        assert!(
            ["", "0", "KiB", "1kb", "-1", "1.5MiB", "99999999999999999999", "99999999999GiB"]
                .iter()
                .all(|text| size(text).is_err())
        );
        assert_eq!(
            ["500ms", "30s", "5m"].map(|text| time(text).unwrap_or_default().as_millis()),
            [500, 30_000, 300_000]
        );
        assert_eq!(time("1d"), Ok(Duration::from_secs(86_400)));
        assert!(["", "5", "5 s", "s", "99999999999999999d"].iter().all(|text| time(text).is_err()));
    }
}
