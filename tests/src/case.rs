//! Cases as data: files, steps and calls. This module does not depend on hosts.

use crate::abbreviations::expand;
use crate::damage::Change;
use crate::form::{Bits64, Bytes, Cells, Integer, Op, Options, Run, Summary, excerpt, parse};
use crate::live::{SessionCall, StoreCall, parse_call};
use crate::reader::ReaderCall;
use crate::transaction::TransactionCall;
use crate::view::ViewCall;
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use std::path::Path;
use std::{fs, io};

/// A file of `conformance/`.
#[derive(Debug, Clone)]
pub struct Case {
    /// The path below the folder of cases, with `/` as separator, without the extension.
    pub path: String,
    /// The sentence that describes the case.
    pub about: String,
    /// The steps, with all abbreviations expanded.
    pub steps: Vec<Step>,
}

/// A call and its expected result.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Json")]
pub struct Step {
    /// The name of the replica, watcher or other object that is called.
    pub on: Option<String>,
    /// The name for the result of the call.
    pub name: Option<String>,
    /// The call.
    pub call: Call,
    /// The expected result.
    pub expected: Expected,
    /// The beginning of the step's source text.
    pub source: String,
}

/// The expected result of a step.
#[derive(Debug, Clone)]
pub enum Expected {
    /// Any result that is not an error.
    Success,
    /// This result.
    Result(Json),
    /// This error.
    Error(Json),
}

type Nothing = [(); 0];

/// A function of the contract or of the runner, with its argument.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "conformance/README.md documents them")]
pub enum Call {
    #[serde(rename = "engine.version")]
    EngineVersion(Nothing),
    #[serde(rename = "engine.limits")]
    EngineLimits(Nothing),
    #[serde(rename = "engine.inspect")]
    EngineInspect(Bytes),
    #[serde(rename = "ordering.between")]
    OrderingBetween(Option<String>, Option<String>, String),
    Create(String),
    Load(String, Bytes),
    Peek(Bytes, String, String),
    SummaryOf(Vec<(String, u32)>),
    Peer(Nothing),
    Insert(String, String, Cells),
    Update(String, String, Cells),
    Delete(String, String),
    Unset(String, String, Vec<String>),
    Splice(String, String, String, u32, u32, String),
    Add(String, String, String, Integer),
    Distinguish([Bits64; 1]),
    Commit(Vec<Op>),
    Begin(Nothing),
    CommitTransaction(String),
    Get(String, String),
    Scan(String, Options),
    Tables(Nothing),
    Watch(Vec<String>, bool),
    Take(u32),
    Digest(Nothing),
    Version(Nothing),
    Heads(Nothing),
    Summary(Nothing),
    Forks(u32, u32),
    PermanentId(String, u32),
    EventsSince(Summary, u32),
    MergeEvents(Vec<Run>),
    UpdateSince(Summary),
    MergeUpdate(Bytes),
    Save(Nothing),
    Compact(Vec<Summary>),
    Rebase(Bytes),
    Diff(Vec<(String, u32)>, Vec<(String, u32)>),
    InverseOf(Vec<(String, u32)>),
    ForkAt(Vec<(String, u32)>, String),
    Drop(Nothing),
    Deliver(Delivery),
    Sync(String),
    Exchange(Vec<String>),
    Same(Vec<String>),
    Differ(Vec<String>),
    AllOrders(AllOrders),
    Damage(Bytes, Vec<Change>),
    EveryDamage(EveryDamage),
    SameBytes(Vec<Bytes>),
    OtherBytes(Bytes, Bytes),
    Shorter(Bytes, usize),
    #[serde(skip)]
    Store(StoreCall),
    #[serde(skip)]
    Session(SessionCall),
    #[serde(skip)]
    Transaction(TransactionCall),
    #[serde(skip)]
    View(ViewCall),
    #[serde(skip)]
    Reader(ReaderCall),
}

/// Events of one replica that another replica merges.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// The replica that knows the events.
    pub from: String,
    /// The events.
    pub events: Vec<Pick>,
    /// The number of calls of `merge-events`.
    #[serde(default)]
    pub calls: Calls,
}

/// The number of calls of `merge-events` for a delivery.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Calls {
    /// One.
    #[default]
    One,
    /// One for each piece of a run.
    Piece,
    /// One for each event.
    Event,
}

/// Events of one peer.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Pick {
    /// From the first counter to the second, both included.
    Range(String, u32, u32),
    /// One event.
    One(String, u32),
    /// All known events.
    All([String; 1]),
}

/// Steps whose results must not depend on the order in which events arrived.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllOrders {
    /// The replica that knows the events.
    pub from: String,
    /// The events, or `None` for all that the replica knows.
    pub events: Option<Vec<Pick>>,
    /// The name and the peer of the replica that merges the events.
    #[serde(rename = "as")]
    pub name: String,
    /// The steps.
    pub steps: Vec<Step>,
}

/// Bytes that are damaged in one place at a time, and then passed to the functions that read them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EveryDamage {
    /// The bytes.
    #[serde(rename = "to")]
    pub bytes: Bytes,
    /// The kind of damage.
    pub kind: DamageKind,
    /// Whether the checksum is corrected.
    #[serde(default)]
    pub checksum: bool,
}

/// The kind of damage in each place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DamageKind {
    /// A bit is flipped.
    Flip,
    /// The bytes are cut off.
    Keep,
}

impl TryFrom<Json> for Step {
    type Error = String;

    fn try_from(json: Json) -> Result<Self, String> {
        let source = excerpt(&json);
        let Json::Object(mut members) = json else {
            return Err(format!("a step must be an object: {source}"));
        };
        let mut name = |key: &str| match members.remove(key) {
            Some(Json::String(name)) => Ok(Some(name)),
            Some(other) => Err(format!("{key} must be a name, not {other}")),
            None => Ok(None),
        };
        let (on, name) = (name("on")?, name("as")?);
        let expected = match (members.remove("gives"), members.remove("error")) {
            (None, None) => Expected::Success,
            (Some(result), None) => Expected::Result(result),
            (None, Some(error)) => Expected::Error(error),
            (Some(_), Some(_)) => return Err("a step expects a result or an error, not both".to_owned()),
        };
        let call = read_call(members)?;
        let step = Self { on, name, call, expected, source };
        step.check_members()?;
        Ok(step)
    }
}

/// Reads the call, the only remaining member of a step.
fn read_call(members: Map<String, Json>) -> Result<Call, String> {
    if let (1, Some((name, argument))) = (members.len(), members.iter().next()) {
        if let Some(name) = name.strip_prefix("store.") {
            return parse_call(name, argument.clone()).map(Call::Store);
        }
        if let Some(name) = name.strip_prefix("session.") {
            return parse_call(name, argument.clone()).map(Call::Session);
        }
        if let Some(name) = name.strip_prefix("transaction.") {
            return parse_call(name, argument.clone()).map(Call::Transaction);
        }
        if let Some(name) = name.strip_prefix("view.") {
            return parse_call(name, argument.clone()).map(Call::View);
        }
        if let Some(name) = name.strip_prefix("update-reader.") {
            return parse_call(name, argument.clone()).map(Call::Reader);
        }
    }
    parse(Json::Object(members))
}

impl Step {
    /// Checks whether the call allows or requires `on` and `as`, and allows `error`.
    fn check_members(&self) -> Result<(), String> {
        let free = matches!(
            self.call,
            Call::EngineVersion(_)
                | Call::EngineLimits(_)
                | Call::EngineInspect(_)
                | Call::OrderingBetween(..)
                | Call::Create(_)
                | Call::Load(..)
                | Call::Peek(..)
                | Call::SummaryOf(_)
                | Call::Exchange(_)
                | Call::Same(_)
                | Call::Differ(_)
                | Call::AllOrders(_)
                | Call::Damage(..)
                | Call::EveryDamage(_)
                | Call::SameBytes(_)
                | Call::OtherBytes(..)
                | Call::Shorter(..)
                | Call::Reader(ReaderCall::Open(_))
                | Call::Store(StoreCall::EveryDamage(_))
                | Call::Session(SessionCall::Open(..) | SessionCall::Carry(..) | SessionCall::EveryDamage(_))
        );
        if free == self.on.is_some() {
            return Err(format!("on is {} for this call", if free { "not allowed" } else { "required" }));
        }
        match (&self.call, &self.name, &self.expected) {
            (Call::Create(_) | Call::Load(..) | Call::ForkAt(..), _, _)
            | (Call::Save(_) | Call::UpdateSince(_) | Call::Summary(_) | Call::SummaryOf(_), _, _) => {}
            (Call::Watch(..), Some(_), _) | (Call::Watch(..), None, Expected::Error(_)) => {}
            (Call::Watch(..), None, _) => return Err("as is missing: a watcher needs a name".to_owned()),
            (Call::View(ViewCall::Open(..)), Some(_), _)
            | (Call::View(ViewCall::Open(..)), None, Expected::Error(_)) => {}
            (Call::View(ViewCall::Open(..)), None, _) => return Err("as is missing: a view needs a name".to_owned()),
            (Call::View(ViewCall::Anchor(..)), _, _) => {}
            (Call::Begin(_), Some(_), _) => {}
            (Call::Begin(_), None, _) => return Err("as is missing: a transaction needs a name".to_owned()),
            (Call::Reader(ReaderCall::Open(_)), Some(_), _)
            | (Call::Reader(ReaderCall::Open(_)), None, Expected::Error(_)) => {}
            (Call::Reader(ReaderCall::Open(_)), None, _) => {
                return Err("as is missing: an update reader needs a name".to_owned());
            }
            (Call::Session(SessionCall::Open(..)), Some(_), _)
            | (Call::Session(SessionCall::Open(..)), None, Expected::Error(_)) => {}
            (Call::Session(SessionCall::Open(..)), None, _) => {
                return Err("as is missing: a session needs a name".to_owned());
            }
            (Call::Session(SessionCall::Poll(_) | SessionCall::UpdateOf(_)), _, _)
            | (Call::Store(StoreCall::Create(..) | StoreCall::Snapshot(_) | StoreCall::TakeUpdate(_)), _, _) => {}
            (Call::Damage(..), Some(_), _) => {}
            (Call::Damage(..), None, _) => return Err("as is missing: damaged bytes need a name".to_owned()),
            (_, Some(_), _) => return Err("as is not allowed: the result of this call cannot have a name".to_owned()),
            (Call::Deliver(delivery), None, Expected::Error(_)) if delivery.calls != Calls::One => {
                return Err("a delivery in several calls cannot expect an error".to_owned());
            }
            (_, None, _) => {}
        }
        Ok(())
    }
}

/// The JSON of a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    about: String,
    steps: Vec<Json>,
}

/// Reads every case below `folder`, in the order of their paths.
///
/// # Errors
/// Fails if a file cannot be read or is not a case. The text names the file and the reason.
pub fn read_all(folder: &Path) -> Result<Vec<Case>, String> {
    let mut paths = Vec::new();
    find(folder, "", &mut paths).map_err(|e| format!("{}: {e}", folder.display()))?;
    paths.sort();
    paths.iter().map(|path| read(folder, path)).collect()
}

/// Adds the paths of all cases below `folder`, with `prefix`.
fn find(folder: &Path, prefix: &str, paths: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            find(&entry.path(), &format!("{path}/"), paths)?;
        } else if path.ends_with(".json") {
            paths.push(path);
        }
    }
    Ok(())
}

fn read(folder: &Path, path: &str) -> Result<Case, String> {
    let text = fs::read_to_string(folder.join(path)).map_err(|e| format!("{path}: {e}"))?;
    parse_case(path.trim_end_matches(".json").to_owned(), &text)
}

/// Parses a case.
///
/// # Errors
/// Fails if the text is not a case. The error names the path, the step and the reason.
pub fn parse_case(path: String, text: &str) -> Result<Case, String> {
    let read = || -> Result<(String, Vec<Step>), String> {
        let json: Map<String, Json> = serde_json::from_str(text).map_err(|e| e.to_string())?;
        let file: File = parse(expand(Json::Object(json))?)?;
        let mut steps = Vec::with_capacity(file.steps.len());
        for (index, step) in file.steps.into_iter().enumerate() {
            steps.push(Step::try_from(step).map_err(|e| format!("step {}: {e}", index + 1))?);
        }
        Ok((file.about, steps))
    };
    match read() {
        Ok((about, steps)) if !steps.is_empty() => Ok(Case { path, about, steps }),
        Ok(_) => Err(format!("{path}: the case has no steps")),
        Err(error) => Err(format!("{path}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_case;

    #[track_caller]
    fn rejected(step: &str, reason: &str) {
        let error = parse_case("c".to_owned(), &format!("{{\"about\": \"\", \"steps\": [{step}]}}")).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn invalid_cases_are_rejected() {
        rejected("", "no steps");
        rejected(r#"{"create": "a", "give": 1}"#, "map with a single key");
        rejected(r#"{"create": "a", "gives": null, "error": {}}"#, "not both");
        rejected(r#"{"create": "a", "on": "b"}"#, "not allowed");
        rejected(r#"{"tables": []}"#, "required");
        rejected(r#"{"on": "a", "tables": [1]}"#, "");
        rejected(r#"{"on": "a", "drop-all": []}"#, "unknown variant");
        rejected(r#"{"on": "a", "scan": ["t", {"descending": true, "order": 1}]}"#, "unknown field");
        rejected(r#"{"on": "a", "watch": [[], true]}"#, "needs a name");
        rejected(r#"{"on": "a", "deliver": {"from": "b", "events": [], "calls": "event"}, "error": {}}"#, "several");
        rejected(r#"{"on": "a", "merge-events": [{"peer": "p"}]}"#, "missing field");
        rejected(r#"{"on": "a", "load": ["a", ""]}"#, "not allowed");
        rejected(r#"{"on": "a", "merge-update": {"byte": "x"}}"#, "did not match any variant");
        rejected(r#"{"on": "a", "merge-update": "0"}"#, "did not match any variant");
        rejected(r#"{"damage": ["00", ["checksum"]]}"#, "need a name");
        rejected(r#"{"damage": ["00", [{"flip": 1}]], "as": "x"}"#, "");
        rejected(r#"{"on": "a", "view.open": ["t", "r", "c", "utf8"]}"#, "needs a name");
        rejected(r#"{"on": "a", "view.open": ["t", "r", "c", "byte"], "as": "v"}"#, "unknown variant");
        rejected(r#"{"on": "a", "view.edit": [[0, 0]]}"#, "");
        rejected(r#"{"view.take": []}"#, "required");
        rejected(r#"{"store.expire": 1}"#, "required");
        rejected(r#"{"on": "a", "store.expire": 9007199254740992}"#, "did not match any variant");
        rejected(r#"{"on": "a", "store.expire": -1}"#, "did not match any variant");
        rejected(r#"{"on": "a", "store.merge-entries": [[["n", "k", "null", 1]], 1]}"#, "tuple");
        rejected(r#"{"on": "a", "store.create": ["a", {"time": 1}]}"#, "unknown field");
        rejected(r#"{"on": "a", "store.every-damage": {"to": "00", "kind": "keep"}}"#, "not allowed");
        rejected(r#"{"session.open": ["a", "a", {}]}"#, "needs a name");
        rejected(r#"{"on": "s", "session.drop": [], "as": "x"}"#, "cannot have a name");
    }
}
