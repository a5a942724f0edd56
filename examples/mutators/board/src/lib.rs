//! The writes of a task board, as mutators: one component that runs in the client at once, and on the server again.
//!
//! `tasks` has a row for each task (`title`, `column`, `position`, `done`), `bin` the last state of those that were deleted.

use contract::converge::sync::transactions::Transaction;
use contract::converge::sync::types::{Cell, Error, Value};
use contract::exports::converge::sync::mutators::Guest;

/// The contract, as Rust types and functions.
#[allow(missing_docs, unreachable_pub, unsafe_code, unused_qualifications, clippy::all)]
mod contract {
    wit_bindgen::generate!({
        path: "../../../wit",
        world: "mutator",
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export",
    });
}

const TASKS: &str = "tasks";
const BIN: &str = "bin";
const COLUMNS: [&str; 3] = ["todo", "doing", "done"];
const MOST_TITLE_CHARS: usize = 200;

type Mutator = fn(&Transaction, &[Value]) -> Result<(), String>;

const MUTATORS: [(&str, Mutator); 5] =
    [("add", add), ("rename", rename), ("move", move_to), ("complete", complete), ("delete", delete)];

struct Board;

impl Guest for Board {
    fn names() -> Vec<String> {
        MUTATORS.map(|(name, _)| name.to_owned()).into()
    }

    fn apply(transaction: &Transaction, name: String, arguments: Vec<Value>) -> Result<(), String> {
        let known = MUTATORS.iter().find(|(known, _)| *known == name);
        let (_, mutator) = known.ok_or_else(|| format!("the board has no mutator {name:?}"))?;
        mutator(transaction, &arguments)
    }
}

/// `add(task, title)`: a new task, at the end of the first column.
fn add(transaction: &Transaction, arguments: &[Value]) -> Result<(), String> {
    let (task, title) = (text(arguments, 0, "task")?, title(arguments)?);
    if transaction.get(TASKS, task).is_some() {
        return Err(format!("there is a task {task:?} already"));
    }
    let cells = [
        cell("title", Value::Text(title.to_owned())),
        cell("column", Value::Text(COLUMNS[0].to_owned())),
        cell("position", Value::Real(0.0)),
        cell("done", Value::Boolean(false)),
    ];
    transaction.insert(TASKS, task, &cells).map_err(|error| told(&error))
}

/// `rename(task, title)`: a rename brings back a deleted task. Whoever renames it has it before them and wants it.
fn rename(transaction: &Transaction, arguments: &[Value]) -> Result<(), String> {
    let (task, title) = (text(arguments, 0, "task")?, title(arguments)?);
    if transaction.get(TASKS, task).is_none() {
        let cells = transaction.get(BIN, task).ok_or_else(|| missing(task))?;
        transaction.delete(BIN, task).map_err(|error| told(&error))?;
        transaction.insert(TASKS, task, &cells).map_err(|error| told(&error))?;
    }
    update(transaction, task, &[cell("title", Value::Text(title.to_owned()))])
}

/// `move(task, column, position)`: into a column, ordered there by position.
fn move_to(transaction: &Transaction, arguments: &[Value]) -> Result<(), String> {
    let (task, column) = (text(arguments, 0, "task")?, text(arguments, 1, "column")?);
    let position = match arguments.get(2) {
        Some(&Value::Real(position)) if position.is_finite() => position,
        Some(&Value::Integer(position)) => position as f64,
        _ => return Err("argument 3, position, must be a finite number".to_owned()),
    };
    if !COLUMNS.contains(&column) {
        return Err(format!("the board has no column {column:?}; it has {}", COLUMNS.join(", ")));
    }
    update(
        transaction,
        task,
        &[cell("column", Value::Text(column.to_owned())), cell("position", Value::Real(position))],
    )
}

/// `complete(task)`: into the last column. Nothing where it is complete: two who complete it write once.
fn complete(transaction: &Transaction, arguments: &[Value]) -> Result<(), String> {
    let task = text(arguments, 0, "task")?;
    let cells = transaction.get(TASKS, task).ok_or_else(|| missing(task))?;
    if cells.iter().any(|cell| cell.column == "done" && matches!(cell.value, Value::Boolean(true))) {
        return Ok(());
    }
    update(transaction, task, &[cell("done", Value::Boolean(true)), cell("column", Value::Text(COLUMNS[2].to_owned()))])
}

/// `delete(task)`: from the board into the bin.
fn delete(transaction: &Transaction, arguments: &[Value]) -> Result<(), String> {
    let task = text(arguments, 0, "task")?;
    let cells = transaction.get(TASKS, task).ok_or_else(|| missing(task))?;
    transaction.insert(BIN, task, &cells).map_err(|error| told(&error))?;
    transaction.delete(TASKS, task).map_err(|error| told(&error))
}

fn update(transaction: &Transaction, task: &str, cells: &[Cell]) -> Result<(), String> {
    transaction.update(TASKS, task, cells).map_err(|error| match error {
        Error::NoSuchRow(_) => missing(task),
        error => told(&error),
    })
}

fn cell(column: &str, value: Value) -> Cell {
    Cell { column: column.to_owned(), value }
}

/// An argument, by its number from 0.
fn text<'a>(arguments: &'a [Value], number: usize, what: &str) -> Result<&'a str, String> {
    match arguments.get(number) {
        Some(Value::Text(text)) if !text.is_empty() => Ok(text),
        _ => Err(format!("argument {}, {what}, must be a text that is not empty", number + 1)),
    }
}

fn title(arguments: &[Value]) -> Result<&str, String> {
    let title = text(arguments, 1, "title")?;
    let chars = title.chars().count();
    if chars > MOST_TITLE_CHARS {
        return Err(format!("the title has {chars} characters, and may have {MOST_TITLE_CHARS}"));
    }
    Ok(title)
}

fn missing(task: &str) -> String {
    format!("there is no task {task:?}")
}

fn told(error: &Error) -> String {
    format!("the document refused it: {error:?}")
}

/// The exports, in WebAssembly only: elsewhere their names would keep the workspace from linking.
#[cfg(target_family = "wasm")]
#[allow(unreachable_pub, unsafe_code, clippy::all)]
mod exports {
    use crate::Board;

    crate::contract::export!(Board with_types_in crate::contract);
}
