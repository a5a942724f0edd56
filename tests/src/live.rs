//! Stores and sessions in cases: their calls and results, in the notation of
//! `conformance/README.md`.

use crate::case::{DamageKind, EveryDamage};
use crate::form::{Bytes, Tagged, parse, report, value, version, without_defaults};
use converge::{Acceptance, Entry, Progress, Received, SessionOptions, StoreOptions, Value};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

type Nothing = [(); 0];

/// A function of a store, or of the runner on stores, with its argument.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "conformance/README.md documents them")]
pub enum StoreCall {
    Create(String, NewStore),
    Peer(Nothing),
    Set(String, String, Tagged, Time),
    Remove(String, String, Time),
    Get(String, String),
    GetAll(String),
    Namespaces(Nothing),
    MergeEntries(Vec<EntryForm>, Time),
    Snapshot(Vec<String>),
    TakeUpdate(Nothing),
    MergeUpdate(Bytes, Time),
    Refused(Nothing),
    Expire(Time),
    Leave(Time),
    Drop(Nothing),
    EveryDamage(EveryDamage),
}

/// A function of a session, or of the runner on sessions, with its argument.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "conformance/README.md documents them")]
pub enum SessionCall {
    Open(String, String, NewSession),
    Poll(Time),
    Receive(Bytes, Time),
    UpdateOf(Bytes),
    Progress(Nothing),
    Carry([String; 2], Time),
    Drop(Nothing),
    EveryDamage(EveryMessageDamage),
}

/// Messages. The last one is damaged in one place at a time, and received after the others.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EveryMessageDamage {
    /// The messages.
    #[serde(rename = "to")]
    pub messages: Vec<Bytes>,
    /// The kind of damage.
    pub kind: DamageKind,
    /// Whether the checksum is corrected.
    #[serde(default)]
    pub checksum: bool,
}

/// Milliseconds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
pub enum Time {
    /// A whole number of milliseconds.
    Whole(Whole),
    /// Any number.
    Real(RealForm),
}

/// A whole number that every number type represents exactly.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "u64")]
pub struct Whole(u64);

/// A real, in the notation of cells.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RealForm {
    real: crate::form::Real,
}

/// The options of a store in a case.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewStore {
    #[serde(default = "time_to_live")]
    time_to_live: Time,
    #[serde(default = "max_skew")]
    max_skew: Time,
}

fn time_to_live() -> Time {
    Time::Whole(Whole(30_000))
}

fn max_skew() -> Time {
    Time::Whole(Whole(60_000))
}

/// The options of a session in a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewSession {
    #[serde(default = "document")]
    document: String,
    #[serde(default = "max_message_bytes")]
    max_message_bytes: u32,
    #[serde(default)]
    namespaces: Vec<String>,
    #[serde(default)]
    read_only: bool,
    nonce: Option<Whole>,
    accept: Option<Vec<Accepted>>,
    #[serde(default)]
    writers: Vec<String>,
}

/// What a session accepts, in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Accepted {
    Events,
    Entries,
    Documents,
}

fn document() -> String {
    "doc".to_owned()
}

fn max_message_bytes() -> u32 {
    65_536
}

/// An ENTRY in a case.
#[derive(Debug, Clone, Deserialize)]
pub struct EntryForm(String, String, Option<Tagged>, Time, String);

impl TryFrom<u64> for Whole {
    type Error = String;

    fn try_from(number: u64) -> Result<Self, String> {
        if number < 1 << f64::MANTISSA_DIGITS {
            Ok(Self(number))
        } else {
            Err(format!("{number} is larger than the maximum of 2^53 - 1"))
        }
    }
}

impl From<Time> for f64 {
    fn from(time: Time) -> Self {
        match time {
            Time::Whole(Whole(number)) => number as f64,
            Time::Real(RealForm { real }) => real.into(),
        }
    }
}

impl From<NewStore> for StoreOptions {
    fn from(options: NewStore) -> Self {
        Self::default().time_to_live_ms(options.time_to_live.into()).max_skew_ms(options.max_skew.into())
    }
}

impl NewSession {
    /// Returns the options of the contract. `opened` is the number of sessions that the case opened
    /// earlier, from which the default nonce is derived.
    pub fn options(self, opened: u64) -> SessionOptions {
        let Self { document, max_message_bytes, namespaces, read_only, nonce, accept, writers } = self;
        let accepts = |what| accept.as_ref().is_none_or(|accept| accept.contains(&what));
        let accept = Acceptance::NONE
            .events(accepts(Accepted::Events))
            .entries(accepts(Accepted::Entries))
            .documents(accepts(Accepted::Documents));
        SessionOptions::new(document)
            .nonce(nonce.map_or(opened + 1, |Whole(nonce)| nonce))
            .max_message_bytes(max_message_bytes)
            .namespaces(namespaces)
            .read_only(read_only)
            .accept(accept)
            .writers(writers)
    }
}

impl From<EntryForm> for Entry {
    fn from(EntryForm(namespace, key, value, timestamp, peer): EntryForm) -> Self {
        Self { namespace, key, value: value.map(Value::from), timestamp: timestamp.into(), peer }
    }
}

/// Parses a call. `name` is the name of the call without its prefix, such as `store.`.
///
/// # Errors
/// Fails with the reason if there is no such call, or if the argument has the wrong type.
pub fn parse_call<T: for<'de> Deserialize<'de>>(name: &str, argument: Json) -> Result<T, String> {
    parse(Json::Object(Map::from_iter([(name.to_owned(), argument)])))
}

/// Returns the JSON of an ENTRY.
pub fn entry(entry: &Entry) -> Json {
    let Entry { namespace, key, value: content, timestamp, peer } = entry;
    let content = content.as_ref().map_or(Json::Null, value);
    json!([namespace, key, content, value(&Value::Real(*timestamp)), peer])
}

/// Returns the JSON of a list of ENTRYs.
pub fn entries(entries: &[Entry]) -> Json {
    entries.iter().map(entry).collect()
}

/// Returns the JSON of RECEIVED.
pub fn received(received: &Received) -> Json {
    let mut json =
        without_defaults([("ephemeral", entries(&received.ephemeral)), ("refused", received.refused.into())]);
    if let (Some(durable), Json::Object(members)) = (&received.durable, &mut json) {
        members.insert("durable".to_owned(), report(durable));
    }
    json
}

/// Returns the JSON of PROGRESS.
pub fn progress(progress: &Progress) -> Json {
    without_defaults([
        ("known-there", version(&progress.known_there)),
        ("unsent", progress.unsent.into()),
        ("awaited", progress.awaited.into()),
        ("in-sync", progress.in_sync.into()),
    ])
}
