//! Rows and operations as JSON.
//!
//! A null, a boolean and a text are themselves. A number without a point and an exponent is an
//! integer, any other number a real. A blob is `{"$blob": BASE64}`; NaN and the infinities are
//! `{"$real": NAME}`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use converge::{Cell, EventId, MergeReport, PeerVersion, Row, RowOp, Value};
use converge_storage::StoredMutation;
use serde_json::{Map, Value as Json, json};

/// Returns a value as JSON.
pub(crate) fn of_value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => Json::Bool(*value),
        Value::Integer(value) => Json::from(*value),
        Value::Real(value) if value.is_finite() => Json::from(*value),
        Value::Real(value) if value.is_nan() => json!({ "$real": "NaN" }),
        Value::Real(value) => json!({ "$real": if *value > 0.0 { "Infinity" } else { "-Infinity" } }),
        Value::Text(value) => Json::from(value.as_str()),
        Value::Blob(value) => json!({ "$blob": STANDARD.encode(value) }),
    }
}

/// Returns the value of a JSON value, or what is wrong with it.
pub(crate) fn value(json: &Json) -> Result<Value, String> {
    match json {
        Json::Null => Ok(Value::Null),
        Json::Bool(value) => Ok(Value::Boolean(*value)),
        Json::Number(number) => match number.as_i64() {
            Some(value) => Ok(Value::Integer(value)),
            None if number.is_u64() => Err(format!("the integer {number} does not fit into 64 bits with a sign")),
            None => number.as_f64().map(Value::Real).ok_or_else(|| format!("the number {number} is too large")),
        },
        Json::String(value) => Ok(Value::Text(value.clone())),
        Json::Object(object) if object.len() == 1 => special(object),
        Json::Object(_) | Json::Array(_) => Err(format!(
            "a value is null, a boolean, a number, a text, {{\"$blob\": …}} or {{\"$real\": …}}, not {json}"
        )),
    }
}

fn special(object: &Map<String, Json>) -> Result<Value, String> {
    let text = |key| object.get(key).and_then(Json::as_str);
    if let Some(blob) = text("$blob") {
        return STANDARD.decode(blob).map(Value::Blob).map_err(|error| format!("\"$blob\" is not base64: {error}"));
    }
    match text("$real") {
        Some("NaN") => Ok(Value::Real(f64::NAN)),
        Some("Infinity") => Ok(Value::Real(f64::INFINITY)),
        Some("-Infinity") => Ok(Value::Real(f64::NEG_INFINITY)),
        _ => Err("an object must be {\"$blob\": BASE64} or {\"$real\": \"NaN\"}, \"Infinity\" or \"-Infinity\"".into()),
    }
}

/// Returns what became of a call as an object.
pub(crate) fn of_outcome(stored: &StoredMutation) -> Json {
    let StoredMutation { mutation, at, .. } = stored;
    let (state, code, why) = match &mutation.rejected {
        None => ("confirmed", None, None),
        Some((code, why)) => ("rejected", Some(code), Some(why)),
    };
    let event = of_event(&mutation.event);
    json!({
        "number": mutation.number, "name": mutation.name, "state": state, "code": code, "error": why, "event": event,
        "at": at,
    })
}

/// Returns cells as an object.
pub(crate) fn of_cells(cells: &[Cell]) -> Json {
    cells.iter().map(|cell| (cell.column.clone(), of_value(&cell.value))).collect::<Map<_, _>>().into()
}

/// Returns a row as an object.
pub(crate) fn of_row(row: &Row) -> Json {
    json!({ "row": row.id, "cells": of_cells(&row.cells) })
}

/// Returns an operation as an object. [`ops`] reads it.
pub(crate) fn of_op(op: &RowOp) -> Json {
    match op {
        RowOp::Insert { table, row, cells } => json!({ "insert": table, "row": row, "cells": of_cells(cells) }),
        RowOp::Update { table, row, cells } => json!({ "update": table, "row": row, "cells": of_cells(cells) }),
        RowOp::Unset { table, row, columns } => json!({ "unset": table, "row": row, "columns": columns }),
        RowOp::Splice { table, row, column, at, remove, insert } => {
            json!({ "splice": table, "row": row, "column": column, "at": at, "remove": remove, "insert": insert })
        }
        RowOp::Add { table, row, column, amount } => {
            json!({ "add": table, "row": row, "column": column, "amount": of_value(&Value::Integer(*amount)) })
        }
        other => json!({ "delete": other.table(), "row": other.row() }),
    }
}

/// Reads the operations of a body `{"ops": […]}`, or returns what is wrong with it.
pub(crate) fn ops(body: &[u8]) -> Result<Vec<RowOp>, String> {
    let body: Json = serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))?;
    let ops = body.get("ops").and_then(Json::as_array).ok_or("the body must be an object with the list \"ops\"")?;
    if ops.is_empty() {
        return Err("the list \"ops\" is empty".into());
    }
    ops.iter().enumerate().map(|(at, op)| self::op(op).map_err(|why| format!("operation {at}: {why}"))).collect()
}

fn op(json: &Json) -> Result<RowOp, String> {
    // The object of a splice has a member "insert", too.
    const KINDS: [&str; 6] = ["splice", "insert", "update", "unset", "delete", "add"];
    let object = json.as_object().ok_or("it must be an object")?;
    let kind = KINDS.into_iter().find(|kind| object.contains_key(*kind));
    let kind = kind.ok_or(
        "it must have one of \"insert\", \"update\", \"unset\", \"delete\", \"splice\" and \"add\", with the \
         table's name",
    )?;
    let content: &[&str] = match kind {
        "insert" | "update" => &["cells"],
        "unset" => &["columns"],
        "splice" => &["column", "at", "remove", "insert"],
        "add" => &["column", "amount"],
        _ => &[],
    };
    let is_known = |key: &str| key == kind || key == "row" || content.contains(&key);
    if let Some(other) = object.keys().find(|key| !is_known(key)) {
        return Err(format!("unexpected member {other:?}"));
    }
    let text = |key: &str| {
        let text = object.get(key).and_then(Json::as_str).map(str::to_owned);
        text.ok_or_else(|| format!("\"{key}\" must be a text"))
    };
    let (table, row) = (text(kind)?, text("row")?);
    let cells = || -> Result<Vec<Cell>, String> {
        let cells = object.get("cells").and_then(Json::as_object).ok_or("\"cells\" must be an object")?;
        let cell = |(column, json): (&String, &Json)| match value(json) {
            Ok(value) => Ok(Cell::new(column, value)),
            Err(why) => Err(format!("column {column:?}: {why}")),
        };
        cells.iter().map(cell).collect()
    };
    Ok(match kind {
        "insert" => RowOp::Insert { table, row, cells: cells()? },
        "update" => RowOp::Update { table, row, cells: cells()? },
        "unset" => {
            let columns = object.get("columns").and_then(Json::as_array).ok_or("\"columns\" must be a list")?;
            let column = |column: &Json| column.as_str().map(str::to_owned).ok_or("\"columns\" must contain texts");
            RowOp::Unset { table, row, columns: columns.iter().map(column).collect::<Result<_, _>>()? }
        }
        "splice" => {
            let number = |key: &str| {
                let number = object.get(key).and_then(Json::as_u64).and_then(|number| u32::try_from(number).ok());
                number.ok_or_else(|| format!("\"{key}\" must be a number from 0 to {}", u32::MAX))
            };
            let (at, remove) = (number("at")?, number("remove")?);
            RowOp::Splice { table, row, column: text("column")?, at, remove, insert: text("insert")? }
        }
        "add" => {
            let amount = object.get("amount").map(value).transpose()?;
            let Some(Value::Integer(amount)) = amount else { return Err("\"amount\" must be an integer".into()) };
            RowOp::Add { table, row, column: text("column")?, amount }
        }
        _ => RowOp::Delete { table, row },
    })
}

/// Returns the name of an event as an object.
pub(crate) fn of_event(event: &EventId) -> Json {
    json!({ "peer": event.peer, "counter": event.counter })
}

/// Returns a version as an object: the number of events of each peer.
pub(crate) fn of_version(version: &[PeerVersion]) -> Json {
    version.iter().map(|known| (known.peer.clone(), Json::from(known.count))).collect::<Map<_, _>>().into()
}

/// Returns the result of a merge as an object.
pub(crate) fn of_report(report: &MergeReport) -> Json {
    json!({
        "applied": report.applied,
        "duplicate": report.duplicate,
        "waiting": report.waiting,
        "dropped": report.dropped,
        "missing": report.missing.iter().map(of_event).collect::<Vec<_>>(),
        "forked": report.forked,
    })
}

#[cfg(test)]
mod tests {
    use super::{of_op, ops};
    use converge::{RowOp, Value};
    use serde_json::json;

    #[test]
    fn operations_are_read_as_they_were_written() {
        let values = [
            Value::Null,
            true.into(),
            i64::MIN.into(),
            i64::MAX.into(),
            1.0.into(),
            (-0.0).into(),
            1e300.into(),
            f64::NAN.into(),
            f64::INFINITY.into(),
            f64::NEG_INFINITY.into(),
            "ß\0\"".into(),
            Value::Blob(vec![0, 255]),
        ];
        let cells = || values.iter().cloned().enumerate().map(|(at, value)| (format!("c{at:02}"), value));
        let written = [
            RowOp::insert("t", "r", cells()),
            RowOp::update("t", "r", cells()),
            RowOp::unset("t", "r", ["a", "b"]),
            RowOp::splice("t", "r", "s", u32::MAX, 0, "ß\0\""),
            RowOp::add("t", "r", "n", i64::MIN),
            RowOp::delete("t", "r"),
        ];
        let body = json!({ "ops": written.iter().map(of_op).collect::<Vec<_>>() }).to_string();
        assert_eq!(ops(body.as_bytes()), Ok(written.to_vec()));
    }

    #[test]
    fn a_wrong_body_is_described() {
        for (body, expected) in [
            ("", "not JSON"),
            ("[]", "\"ops\""),
            (r#"{"ops": [1]}"#, "operation 0"),
            (r#"{"ops": [{"insert": "t", "row": "r"}]}"#, "\"cells\""),
            (r#"{"ops": [{"insert": "t", "row": "r", "cells": {"a": []}}]}"#, "column \"a\""),
            (r#"{"ops": [{"insert": "t", "row": "r", "cells": {"a": {"$blob": "!"}}}]}"#, "base64"),
            (r#"{"ops": [{"insert": "t", "row": "r", "cells": {"a": {"$real": "1"}}}]}"#, "$real"),
            (r#"{"ops": [{"insert": "t", "row": "r", "cells": {"a": 9223372036854775808}}]}"#, "64 bits"),
            (r#"{"ops": [{"delete": "t", "row": "r", "cells": {}}]}"#, "unexpected member \"cells\""),
            (r#"{"ops": [{"delete": "t", "row": 1}]}"#, "\"row\" must be a text"),
            (r#"{"ops": [{"unset": "t", "row": "r", "columns": [1]}]}"#, "texts"),
            (r#"{"ops": [{"upsert": "t", "row": "r"}]}"#, "\"insert\""),
        ] {
            let why = ops(body.as_bytes()).err().unwrap_or_default();
            assert!(why.contains(expected), "{body}: {why}");
        }
    }
}
