//! The writes of a task board as mutators. The client runs them at once, and the server runs them
//! again.
//!
//! The table `tasks` has a row for each task: `title`, `column`, `position`, `done`, and `by` if an
//! authenticated caller added it. The table `bin` has the last state of each deleted task.

use contract::converge::sync::transactions::Transaction;
use contract::converge::sync::types::{Cell, Error, Value};
use contract::exports::converge::sync::mutators::{Call, Guest, MutationError};

/// Generated Rust types and functions of the contract.
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
const MAX_TITLE_CHARS: usize = 200;

type Mutator = fn(&Transaction, &Call) -> Result<(), MutationError>;

const MUTATORS: [(&str, Mutator); 5] =
    [("add", add), ("rename", rename), ("move", move_to), ("complete", complete), ("delete", delete)];

struct Board;

impl Guest for Board {
    fn names() -> Vec<String> {
        MUTATORS.map(|(name, _)| name.to_owned()).into()
    }

    fn apply(transaction: &Transaction, call: Call) -> Result<(), MutationError> {
        let known = MUTATORS.iter().find(|(known, _)| *known == call.name);
        let (_, mutator) = known.ok_or(MutationError::UnknownMutator)?;
        mutator(transaction, &call)
    }
}

/// `add(task, title)`: adds a task at the end of the first column.
fn add(transaction: &Transaction, call: &Call) -> Result<(), MutationError> {
    let (task, title) = (text(call, 0, "task")?, title(call)?);
    if transaction.get(TASKS, task).is_some() {
        return Err(MutationError::Rejected(format!("task {task:?} already exists")));
    }
    let mut cells = vec![
        cell("title", Value::Text(title.to_owned())),
        cell("column", Value::Text(COLUMNS[0].to_owned())),
        cell("position", Value::Real(0.0)),
        cell("done", Value::Boolean(false)),
    ];
    cells.extend(call.caller.clone().map(|caller| cell("by", Value::Text(caller))));
    transaction.insert(TASKS, task, &cells).map_err(MutationError::Failed)
}

/// `rename(task, title)`: renames a task, and restores it if it was deleted, since the caller wants
/// it.
fn rename(transaction: &Transaction, call: &Call) -> Result<(), MutationError> {
    let (task, title) = (text(call, 0, "task")?, title(call)?);
    if transaction.get(TASKS, task).is_none() {
        let cells = transaction.get(BIN, task).ok_or_else(|| missing(task))?;
        transaction.delete(BIN, task).map_err(MutationError::Failed)?;
        transaction.insert(TASKS, task, &cells).map_err(MutationError::Failed)?;
    }
    update(transaction, task, &[cell("title", Value::Text(title.to_owned()))])
}

/// `move(task, column, position)`: moves a task into a column, ordered there by position.
fn move_to(transaction: &Transaction, call: &Call) -> Result<(), MutationError> {
    let (task, column) = (text(call, 0, "task")?, text(call, 1, "column")?);
    let position = match call.arguments.get(2) {
        Some(&Value::Real(position)) if position.is_finite() => position,
        Some(&Value::Integer(position)) => position as f64,
        _ => return Err(MutationError::InvalidArguments("argument 3, position, must be a finite number".to_owned())),
    };
    if !COLUMNS.contains(&column) {
        let columns = COLUMNS.join(", ");
        return Err(MutationError::Rejected(format!("the board has no column {column:?}; it has {columns}")));
    }
    update(
        transaction,
        task,
        &[cell("column", Value::Text(column.to_owned())), cell("position", Value::Real(position))],
    )
}

/// `complete(task)`: moves a task into the last column. Writes nothing if the task is complete
/// already.
fn complete(transaction: &Transaction, call: &Call) -> Result<(), MutationError> {
    let task = text(call, 0, "task")?;
    let cells = transaction.get(TASKS, task).ok_or_else(|| missing(task))?;
    if cells.iter().any(|cell| cell.column == "done" && matches!(cell.value, Value::Boolean(true))) {
        return Ok(());
    }
    update(transaction, task, &[cell("done", Value::Boolean(true)), cell("column", Value::Text(COLUMNS[2].to_owned()))])
}

/// `delete(task)`: moves a task from the board into the bin.
fn delete(transaction: &Transaction, call: &Call) -> Result<(), MutationError> {
    let task = text(call, 0, "task")?;
    let cells = transaction.get(TASKS, task).ok_or_else(|| missing(task))?;
    transaction.insert(BIN, task, &cells).map_err(MutationError::Failed)?;
    transaction.delete(TASKS, task).map_err(MutationError::Failed)
}

fn update(transaction: &Transaction, task: &str, cells: &[Cell]) -> Result<(), MutationError> {
    transaction.update(TASKS, task, cells).map_err(|error| match error {
        Error::NoSuchRow(_) => missing(task),
        error => MutationError::Failed(error),
    })
}

fn cell(column: &str, value: Value) -> Cell {
    Cell { column: column.to_owned(), value }
}

/// Returns an argument by its number, from 0.
fn text<'a>(call: &'a Call, number: usize, what: &str) -> Result<&'a str, MutationError> {
    match call.arguments.get(number) {
        Some(Value::Text(text)) if !text.is_empty() => Ok(text),
        _ => {
            let expected = format!("argument {}, {what}, must be a non-empty text", number + 1);
            Err(MutationError::InvalidArguments(expected))
        }
    }
}

fn title(call: &Call) -> Result<&str, MutationError> {
    let title = text(call, 1, "title")?;
    let chars = title.chars().count();
    if chars > MAX_TITLE_CHARS {
        let why = format!("the title has {chars} characters; the maximum is {MAX_TITLE_CHARS}");
        return Err(MutationError::Rejected(why));
    }
    Ok(title)
}

fn missing(task: &str) -> MutationError {
    MutationError::Rejected(format!("task {task:?} does not exist"))
}

/// The exports, only in WebAssembly: their names would break the native build of the workspace.
#[cfg(target_family = "wasm")]
#[allow(unreachable_pub, unsafe_code, clippy::all)]
mod exports {
    use crate::Board;

    crate::contract::export!(Board with_types_in crate::contract);
}
