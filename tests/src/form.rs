//! Converts the crate's types from and to JSON, in the notation that cases and transcripts share.
//! `conformance/README.md` specifies it.
//!
//! A member that is not specified is an error. This module does not depend on calls.

use crate::host::Inspection;
use converge::{
    Cell, Changes, CompactionReport, Content, Error, EventBatch, EventId, EventRun, Fork, KeyRange, MergeReport, Page,
    PeerVersion, RowOp, ScanOptions, Value,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The maximum length of bytes that results contain in full.
const MAX_WRITTEN_BYTES: usize = 256;

/// The cells of an operation in a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Cells(Vec<(String, Tagged)>);

/// A VALUE in a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "conformance/README.md documents them")]
pub enum Tagged {
    Null,
    Boolean(bool),
    Integer(Integer),
    Real(Real),
    Text(String),
    Blob(Blob),
}

/// An integer in a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Integer(i64);

impl Integer {
    /// Returns the integer.
    pub(crate) fn get(&self) -> i64 {
        self.0
    }
}

/// The bits of a REAL.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub struct Real(u64);

/// Bytes, as hexadecimal digits.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Blob(Vec<u8>);

/// Bytes in a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
#[allow(missing_docs, reason = "conformance/README.md documents them")]
pub enum Bytes {
    Literal(Blob),
    Named(NamedBytes),
}

/// The name of bytes that an earlier step returned.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedBytes {
    bytes: String,
}

/// A SUMMARY in a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
#[allow(missing_docs, reason = "conformance/README.md documents them")]
pub enum Summary {
    Literal(Bytes),
    Of(SummaryOf),
    Replica(SummaryReplica),
}

/// A version, whose summary identifies events by name.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SummaryOf {
    /// The version: peers and counts.
    pub summary_of: Vec<(String, u32)>,
}

/// The name of a replica whose summary is used.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SummaryReplica {
    /// The replica.
    pub summary: String,
}

/// A fingerprint or a salt: 64 bits, as 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(try_from = "String")]
pub struct Bits64(u64);

impl Bits64 {
    /// Returns the number.
    pub(crate) fn get(self) -> u64 {
        self.0
    }
}

/// An operation in a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Op {
    /// Table, row and cells.
    Insert(String, String, Cells),
    /// Table, row and cells.
    Update(String, String, Cells),
    /// Table and row.
    Delete(String, String),
    /// Table, row and columns.
    Unset(String, String, Vec<String>),
    /// Table, row, column, position, number of removed characters, and inserted text.
    Splice(String, String, String, u32, u32, String),
    /// Table, row, column and amount.
    Add(String, String, String, Integer),
}

/// A run of events in a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    peer: String,
    start: u32,
    lamport: Option<u32>,
    deps: Vec<(String, u32)>,
    #[serde(default)]
    fingerprints: Vec<Bits64>,
    #[serde(default)]
    salt: Bits64,
    commits: Vec<Vec<Op>>,
}

/// The options of a scan in a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    #[serde(default)]
    range: Range,
    #[serde(default)]
    descending: bool,
    #[serde(default = "unbounded")]
    limit: u32,
    after: Option<String>,
    #[serde(default)]
    columns: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Range {
    #[default]
    All,
    Equal(String),
    AtLeast(String),
    AtMost(String),
    Between(String, String),
    StartsWith(String),
}

fn unbounded() -> u32 {
    u32::MAX
}

impl From<Cells> for Vec<Cell> {
    fn from(cells: Cells) -> Self {
        cells.0.into_iter().map(|(column, value)| Cell { column, value: value.into() }).collect()
    }
}

impl From<Real> for f64 {
    fn from(Real(bits): Real) -> Self {
        Self::from_bits(bits)
    }
}

impl From<Tagged> for Value {
    fn from(value: Tagged) -> Self {
        match value {
            Tagged::Null => Self::Null,
            Tagged::Boolean(value) => Self::Boolean(value),
            Tagged::Integer(value) => Self::Integer(value.0),
            Tagged::Real(real) => Self::Real(real.into()),
            Tagged::Text(value) => Self::Text(value),
            Tagged::Blob(value) => Self::Blob(value.0),
        }
    }
}

impl TryFrom<String> for Integer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let value: i64 = text.parse().map_err(|e| format!("{text:?}: {e}"))?;
        if value.to_string() == text { Ok(Self(value)) } else { Err(format!("{text:?}: write {value}")) }
    }
}

impl TryFrom<String> for Real {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        real_bits(&text).map(Self)
    }
}

impl TryFrom<String> for Blob {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.as_bytes();
        if !digits.len().is_multiple_of(2) || !digits.iter().all(|d| matches!(d, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(format!("{text:?}: bytes must be pairs of lower-case hex digits"));
        }
        let nibble = |d: u8| if d <= b'9' { d - b'0' } else { d - b'a' + 10 };
        Ok(Self(digits.chunks(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])).collect()))
    }
}

impl TryFrom<String> for Bits64 {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bytes = Blob::try_from(text)?.0;
        let bytes = bytes.try_into().map_err(|_| "64 bits must be 16 hex digits".to_owned())?;
        Ok(Self(u64::from_be_bytes(bytes)))
    }
}

impl Bytes {
    /// Returns the bytes. `named` contains the bytes that earlier steps named.
    ///
    /// # Errors
    /// Fails if no bytes have the name.
    pub fn resolve(&self, named: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>, String> {
        match self {
            Self::Literal(Blob(bytes)) => Ok(bytes.clone()),
            Self::Named(NamedBytes { bytes: name }) => {
                named.get(name).cloned().ok_or_else(|| format!("no bytes are named {name:?}"))
            }
        }
    }
}

impl From<Op> for RowOp {
    fn from(op: Op) -> Self {
        match op {
            Op::Insert(table, row, cells) => Self::Insert { table, row, cells: cells.into() },
            Op::Update(table, row, cells) => Self::Update { table, row, cells: cells.into() },
            Op::Delete(table, row) => Self::Delete { table, row },
            Op::Unset(table, row, columns) => Self::Unset { table, row, columns },
            Op::Splice(table, row, column, at, remove, insert) => {
                Self::Splice { table, row, column, at, remove, insert }
            }
            Op::Add(table, row, column, Integer(amount)) => Self::Add { table, row, column, amount },
        }
    }
}

impl From<Run> for EventRun {
    fn from(run: Run) -> Self {
        let commits = run.commits.into_iter().map(|ops| ops.into_iter().map(RowOp::from).collect());
        let mut events = Self::new(run.peer, run.start, commits);
        events.lamport = run.lamport;
        events.deps = run.deps.into_iter().map(|(peer, counter)| EventId { peer, counter }).collect();
        events.fingerprints = run.fingerprints.into_iter().map(|Bits64(fingerprint)| fingerprint).collect();
        events.salt = run.salt.0;
        events
    }
}

impl From<Options> for ScanOptions {
    fn from(options: Options) -> Self {
        let range = match options.range {
            Range::All => KeyRange::All,
            Range::Equal(row) => KeyRange::Equal(row),
            Range::AtLeast(row) => KeyRange::AtLeast(row),
            Range::AtMost(row) => KeyRange::AtMost(row),
            Range::Between(first, last) => KeyRange::Between(first, last),
            Range::StartsWith(start) => KeyRange::StartsWith(start),
        };
        let selected = Self::default().range(range).descending(options.descending).limit(options.limit);
        let selected = selected.columns(options.columns);
        match options.after {
            Some(row) => selected.after(row),
            None => selected,
        }
    }
}

/// Parses the bits of a REAL: 16 hexadecimal digits after `0x`, a decimal number, or one of the
/// three names.
pub(crate) fn real_bits(text: &str) -> Result<u64, String> {
    let error = || format!("{text:?} is not a REAL");
    if let Some(digits) = text.strip_prefix("0x") {
        if digits.len() != 16 || digits.bytes().any(|d| !matches!(d, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(error());
        }
        return u64::from_str_radix(digits, 16).map_err(|_| error());
    }
    match text {
        "nan" => return Ok(0x7ff8_0000_0000_0000),
        "inf" => return Ok(f64::INFINITY.to_bits()),
        "-inf" => return Ok(f64::NEG_INFINITY.to_bits()),
        _ => {}
    }
    if text.bytes().any(|b| !matches!(b, b'0'..=b'9' | b'-' | b'.' | b'e')) {
        return Err(error());
    }
    text.parse().map(f64::to_bits).map_err(|_| error())
}

/// Parses a part of a case.
///
/// # Errors
/// Fails with the reason if the JSON is not of the type.
pub fn parse<T: for<'de> Deserialize<'de>>(json: Json) -> Result<T, String> {
    T::deserialize(json).map_err(|e| e.to_string())
}

/// Returns the JSON of an EVENT.
pub fn event(id: &EventId) -> Json {
    json!([id.peer, id.counter])
}

/// Returns the JSON of a list of EVENTs.
pub fn events(ids: &[EventId]) -> Json {
    ids.iter().map(event).collect()
}

/// Returns the JSON of a version.
pub fn version(version: &[PeerVersion]) -> Json {
    version.iter().map(|known| json!([known.peer, known.count])).collect()
}

/// Returns the JSON of CELLS.
pub fn cells(cells: &[Cell]) -> Json {
    cells.iter().map(|cell| json!([cell.column, value(&cell.value)])).collect()
}

/// Returns the JSON of a VALUE.
pub fn value(value: &Value) -> Json {
    match value {
        Value::Null => json!("null"),
        Value::Boolean(value) => json!({ "boolean": value }),
        Value::Integer(value) => json!({ "integer": value.to_string() }),
        Value::Real(value) => json!({ "real": format!("0x{:016x}", value.to_bits()) }),
        Value::Text(value) => json!({ "text": value }),
        Value::Blob(value) => json!({ "blob": hex(value) }),
    }
}

fn op(op: &RowOp) -> Json {
    match op {
        RowOp::Insert { table, row, cells: set } => json!({ "insert": [table, row, cells(set)] }),
        RowOp::Update { table, row, cells: set } => json!({ "update": [table, row, cells(set)] }),
        RowOp::Delete { table, row } => json!({ "delete": [table, row] }),
        RowOp::Unset { table, row, columns } => json!({ "unset": [table, row, columns] }),
        RowOp::Splice { table, row, column, at, remove, insert } => {
            json!({ "splice": [table, row, column, at, remove, insert] })
        }
        RowOp::Add { table, row, column, amount } => json!({ "add": [table, row, column, amount.to_string()] }),
        other => panic!("there is no notation for the operation {other:?}"),
    }
}

fn run(run: &EventRun) -> Json {
    let commits: Json = run.commits.iter().map(|commit| ops(commit)).collect();
    let mut json = json!({ "peer": run.peer, "start": run.start, "deps": events(&run.deps), "commits": commits });
    let fingerprints = run.fingerprints.iter().map(|&fingerprint| bits64(fingerprint)).collect();
    let optional = [
        ("lamport", run.lamport.map(Json::from)),
        ("fingerprints", Some(fingerprints).filter(|_| !run.fingerprints.is_empty())),
        ("salt", Some(bits64(run.salt)).filter(|_| run.salt != 0)),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            json[key] = value;
        }
    }
    json
}

fn bits64(bits: u64) -> Json {
    format!("{bits:016x}").into()
}

/// Returns whether a result equals the expected one. An expected RUN without `fingerprints` matches
/// any fingerprints.
pub fn matches(expected: &Json, result: &Json) -> bool {
    match (expected, result) {
        (Json::Array(expected), Json::Array(result)) => {
            expected.len() == result.len()
                && expected.iter().zip(result).all(|(expected, result)| matches(expected, result))
        }
        (Json::Object(expected), Json::Object(result)) => {
            let is_run = expected.contains_key("peer") && expected.contains_key("commits");
            let is_free = |key: &str| is_run && key == "fingerprints" && !expected.contains_key(key);
            let compared = result.iter().filter(|(key, _)| !is_free(key));
            compared.clone().count() == expected.len()
                && compared.into_iter().all(|(key, value)| expected.get(key).is_some_and(|other| matches(other, value)))
        }
        _ => expected == result,
    }
}

/// Returns the JSON of a list of FORKs.
pub fn forks(forks: &[Fork]) -> Json {
    forks.iter().map(|fork| json!([fork.peer, fork.counter, events(&fork.branches)])).collect()
}

/// Returns the JSON of the result of `scan`.
pub fn page(page: &Page) -> Json {
    let rows: Json = page.rows.iter().map(|row| json!([row.id, cells(&row.cells)])).collect();
    without_defaults([("rows", rows), ("more", page.more.into())])
}

/// Returns the JSON of the result of `take`.
pub fn changes(changes: &Changes) -> Json {
    without_defaults([("ops", ops(&changes.ops)), ("more", changes.more.into())])
}

/// Returns the JSON of a list of OPs.
pub fn ops(ops: &[RowOp]) -> Json {
    ops.iter().map(op).collect()
}

/// Returns the JSON of the result of `events-since`.
pub fn batch(batch: &EventBatch) -> Json {
    without_defaults([("runs", runs(&batch.runs)), ("more", batch.more.into())])
}

/// Returns the JSON of a list of RUNs.
pub fn runs(runs: &[EventRun]) -> Json {
    runs.iter().map(run).collect()
}

/// Returns the JSON of a REPORT.
pub fn report(report: &MergeReport) -> Json {
    without_defaults([
        ("applied", report.applied.into()),
        ("duplicate", report.duplicate.into()),
        ("waiting", report.waiting.into()),
        ("dropped", report.dropped.into()),
        ("missing", events(&report.missing)),
        ("forked", json!(report.forked)),
    ])
}

/// Returns the JSON of the result of `compact`.
pub fn compaction(report: &CompactionReport) -> Json {
    without_defaults([
        ("events-dropped", report.events_dropped.into()),
        ("tombstones-dropped", report.tombstones_dropped.into()),
        ("horizon", version(&report.horizon)),
    ])
}

/// Returns the JSON of the result of `engine.inspect`.
pub fn inspection(inspection: &Inspection) -> Json {
    let Inspection { content, format_version, sections, version: events, horizon, waiting, tables } = inspection;
    let sections: Json = sections.iter().map(|section| json!(section)).collect();
    let tables: Json = tables.iter().map(|table| json!([table.name, table.rows])).collect();
    without_defaults([
        ("content", content_name(*content).into()),
        ("format-version", (*format_version).into()),
        ("sections", sections),
        ("version", version(events)),
        ("horizon", version(horizon)),
        ("waiting", (*waiting).into()),
        ("tables", tables),
    ])
}

fn content_name(content: Content) -> &'static str {
    match content {
        Content::Document => "document",
        Content::Update => "update",
        Content::EphemeralSnapshot => "ephemeral-snapshot",
        Content::EphemeralUpdate => "ephemeral-update",
        other => panic!("there is no notation for the content {other:?}"),
    }
}

/// Returns the JSON of BYTES in a result: the digits, or the length and the hash of long bytes.
pub fn bytes(bytes: &[u8]) -> Json {
    if bytes.len() <= MAX_WRITTEN_BYTES { hex(bytes).into() } else { length_and_hash(bytes) }
}

fn length_and_hash(bytes: &[u8]) -> Json {
    json!({ "bytes": bytes.len(), "sha256": hash(bytes) })
}

/// Returns the SHA-256 of bytes, as hexadecimal digits.
pub fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Returns an object without the members that are 0, false or empty.
pub fn without_defaults<const N: usize>(members: [(&str, Json); N]) -> Json {
    let is_default = |json: &Json| *json == json!(0) || *json == json!(false) || *json == json!([]);
    let members = members.into_iter().filter(|(_, json)| !is_default(json));
    Json::Object(members.map(|(key, json)| (key.to_owned(), json)).collect::<Map<_, _>>())
}

/// Returns the value of `error`. An error that is not a case of the contract is `other`.
pub fn error(error: &Error) -> Json {
    match error {
        Error::InvalidArgument(message) => json!({ "invalid-argument": message }),
        Error::LimitExceeded { limit, maximum, actual } => {
            // Readers that use floating-point numbers lose digits of larger numbers.
            let actual = if *actual <= 1 << 53 { json!(actual) } else { json!(actual.to_string()) };
            json!({ "limit-exceeded": { "limit": limit, "maximum": maximum, "actual": actual } })
        }
        Error::NoSuchRow { table, row } => json!({ "no-such-row": [table, row] }),
        Error::Corrupt(message) => json!({ "corrupt": message }),
        Error::UnsupportedVersion(version) => json!({ "unsupported-version": version }),
        Error::UnsupportedFeature(feature) => json!({ "unsupported-feature": feature }),
        Error::Compacted(horizon) => json!({ "compacted": version(horizon) }),
        Error::Protocol(message) => json!({ "protocol": message }),
        Error::SessionEnded => json!({ "session-ended": null }),
        other => json!({ "other": other.to_string() }),
    }
}

/// Returns bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
        text
    })
}

/// Returns a RESULT for a transcript: its JSON, or the length and the hash of long JSON.
pub fn transcribe(result: &Json) -> String {
    // Objects are sorted maps; a test checks this.
    let text = result.to_string();
    if text.len() <= 4_096 { text } else { length_and_hash(text.as_bytes()).to_string() }
}

/// Returns the beginning of a JSON text, for messages.
pub fn excerpt(json: &Json) -> String {
    let mut start = [0; 2_000];
    let mut rest = &mut start[..];
    // Writing fails once the buffer is full, so that long arguments are not converted completely.
    let whole = serde_json::to_writer(&mut rest, json).is_ok();
    let unused = rest.len();
    let text = String::from_utf8_lossy(&start[..start.len() - unused]).into_owned();
    if whole { text } else { text + "…" }
}

#[cfg(test)]
mod tests {
    use super::{Cells, Json, Run, json, matches, parse, transcribe};

    #[test]
    fn invalid_values_are_rejected() {
        let error = |value: Json| parse::<Cells>(json!([["x", value]])).unwrap_err();
        assert!(error(json!({"integer": 1})).contains("string"));
        assert!(error(json!({"integer": "01"})).contains("write 1"));
        assert!(error(json!({"integer": "9223372036854775808"})).contains("large"));
        assert!(error(json!({"blob": "0G"})).contains("hex"));
        assert!(error(json!({"real": "0x7ff8"})).contains("REAL"));
        assert!(error(json!({"reel": "1"})).contains("unknown variant"));
        let run = |salt: &str| parse::<Run>(json!({"peer": "p", "start": 0, "deps": [], "salt": salt, "commits": []}));
        run("00000000000000ff").unwrap();
        assert!(run("ff").unwrap_err().contains("16 hex digits"));
    }

    #[test]
    fn a_run_without_fingerprints_matches_any_fingerprints() {
        let run = |more: Json| {
            let mut run = json!({"peer": "p", "start": 1, "deps": [["p", 0]], "commits": [[]]});
            run.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({ "runs": [run] })
        };
        let result = run(json!({"lamport": 2, "fingerprints": ["00000000000000aa"]}));
        assert!(matches(&run(json!({"lamport": 2})), &result));
        assert!(matches(&result, &result));
        assert!(!matches(&run(json!({"lamport": 2, "fingerprints": ["00000000000000ab"]})), &result));
        assert!(!matches(&run(json!({"lamport": 2, "fingerprints": []})), &result));
        assert!(!matches(&run(json!({})), &result));
        assert!(!matches(&run(json!({"lamport": 2, "salt": "0000000000000001"})), &result));
        assert!(!matches(&result, &run(json!({"lamport": 2}))));
        assert!(!matches(&json!({"a": 1}), &json!({"a": 1, "fingerprints": []})));
        assert!(!matches(&json!([1]), &json!([1, 2])));
    }

    #[test]
    fn transcripts_are_sorted_and_bounded() {
        assert_eq!(
            transcribe(&json!({"b": {"d": 1, "c": "\u{7f}\u{1}\n"}, "a": []})),
            "{\"a\":[],\"b\":{\"c\":\"\u{7f}\\u0001\\n\",\"d\":1}}"
        );
        let text = "x".repeat(4_095);
        let hash = "\"sha256\":\"";
        assert!(transcribe(&json!(text)).starts_with("{\"bytes\":4097,") && transcribe(&json!(text)).contains(hash));
        assert!(!transcribe(&json!(text[1..])).contains(hash));
    }
}
