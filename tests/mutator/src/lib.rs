//! A hostile mutator. Each name is a way to fail after a write, which the host must not commit.

use contract::converge::sync::transactions::Transaction;
use contract::converge::sync::types::{Cell, KeyRange, ScanOptions, Value};
use contract::exports::converge::sync::mutators::{Call, Guest, MutationError};
use contract::wasi;
use std::cell::Cell as Counter;
use std::hint::black_box;

/// Generated Rust types and functions of the contract and of WASI.
#[allow(missing_docs, unreachable_pub, unsafe_code, unused_qualifications, clippy::all)]
mod contract {
    wit_bindgen::generate!({
        inline: "
            package converge:hostile;
            world hostile {
                include converge:sync/mutator@0.2.0;
                import wasi:clocks/monotonic-clock@0.2.0;
                import wasi:clocks/wall-clock@0.2.0;
                import wasi:random/random@0.2.0;
                import wasi:cli/environment@0.2.0;
                import wasi:filesystem/preopens@0.2.0;
            }
        ",
        path: ["../../wit", "wit"],
        world: "converge:hostile/hostile",
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export",
    });
}

thread_local! {
    static CALLS: Counter<i64> = const { Counter::new(0) };
}

const NAMES: [&str; 17] = [
    "answer", "reject", "mistake", "deny", "fail", "sign", "trap", "loop", "grow", "wait", "read", "write", "count",
    "ask", "hoard", "append", "forge",
];

struct Hostile;

impl Guest for Hostile {
    fn names() -> Vec<String> {
        NAMES.map(str::to_owned).into()
    }

    fn apply(transaction: &Transaction, call: Call) -> Result<(), MutationError> {
        let Call { name, arguments, caller } = call;
        write(transaction, "written", Value::Boolean(true));
        match name.as_str() {
            "answer" => {
                for (number, argument) in arguments.into_iter().enumerate() {
                    write(transaction, &format!("argument-{number}"), argument);
                }
            }
            "reject" => return Err(MutationError::Rejected("no, as was asked".to_owned())),
            "mistake" => return Err(MutationError::InvalidArguments("two texts, as was asked".to_owned())),
            "deny" => return Err(MutationError::UnknownMutator),
            "fail" => transaction.delete("t", "gone").map_err(MutationError::Failed)?,
            "sign" => write(transaction, "caller", caller.map_or(Value::Null, Value::Text)),
            "trap" => unreachable!(),
            "loop" => while black_box(true) {},
            "grow" => {
                let mut grown: Vec<Vec<u8>> = Vec::new();
                loop {
                    grown.push(black_box(vec![1; 1 << 20]));
                }
            }
            "wait" => wasi::clocks::monotonic_clock::subscribe_duration(u64::MAX / 2).block(),
            "hoard" => loop {
                std::mem::forget(wasi::clocks::monotonic_clock::subscribe_duration(1));
            },
            "read" => {
                let options = ScanOptions {
                    range: KeyRange::All,
                    descending: false,
                    limit: 100,
                    after: None,
                    columns: Vec::new(),
                };
                while black_box(transaction.scan("t", &options)).is_ok() {}
            }
            "write" => {
                for row in 0.. {
                    let cell = Cell { column: "c".to_owned(), value: Value::Blob(vec![0; 1 << 16]) };
                    transaction.insert("t", &row.to_string(), &[cell]).map_err(MutationError::Failed)?;
                }
            }
            "count" => {
                CALLS.set(CALLS.get() + 1);
                write(transaction, "calls", Value::Integer(CALLS.get()));
            }
            "ask" => {
                write(transaction, "clock", Value::Integer(wasi::clocks::wall_clock::now().seconds as i64));
                write(transaction, "monotonic", Value::Integer(wasi::clocks::monotonic_clock::now() as i64));
                write(transaction, "random", Value::Blob(wasi::random::random::get_random_bytes(40)));
                write(
                    transaction,
                    "environment",
                    Value::Integer(wasi::cli::environment::get_environment().len() as i64),
                );
                write(
                    transaction,
                    "folders",
                    Value::Integer(wasi::filesystem::preopens::get_directories().len() as i64),
                );
            }
            "append" => append(transaction, &arguments)?,
            "forge" => {
                let cell = Cell { column: "last".to_owned(), value: Value::Integer(9) };
                transaction.insert("converge.mutations", "someone", &[cell]).map_err(MutationError::Failed)?;
            }
            _ => return Err(MutationError::UnknownMutator),
        }
        Ok(())
    }
}

/// Counts a call of a client. Rejects a number that does not follow the last one.
fn append(transaction: &Transaction, arguments: &[Value]) -> Result<(), MutationError> {
    let [Value::Text(client), Value::Integer(number)] = arguments else {
        return Err(MutationError::InvalidArguments("a client and a number".to_owned()));
    };
    let last = transaction.get("order", client).into_iter().flatten().map(|cell| cell.value).next();
    let last = if let Some(Value::Integer(last)) = last { last } else { 0 };
    if *number != last + 1 {
        return Err(MutationError::Rejected(format!("{number} after {last}")));
    }
    let cell = Cell { column: "last".to_owned(), value: Value::Integer(*number) };
    transaction.insert("order", client, &[cell]).map_err(MutationError::Failed)?;
    transaction.insert("total", "all", &[]).map_err(MutationError::Failed)?;
    transaction.add("total", "all", "calls", 1).map_err(MutationError::Failed)
}

fn write(transaction: &Transaction, row: &str, value: Value) {
    let cell = Cell { column: "value".to_owned(), value };
    transaction.insert("t", row, &[cell]).expect("a small write succeeds");
}

/// The exports, only in WebAssembly: their names would break the native build of the workspace.
#[cfg(target_family = "wasm")]
#[allow(unreachable_pub, unsafe_code, clippy::all)]
mod exports {
    use crate::Hostile;

    crate::contract::export!(Hostile with_types_in crate::contract);
}
