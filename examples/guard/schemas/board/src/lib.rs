//! The schema of a task board: columns, and tasks with pictures.

use contract::exports::converge::guard::schema::{Column, Guest, Kind, Table};

/// Generated Rust types and functions of the contract.
#[allow(missing_docs, unreachable_pub, unsafe_code, unused_qualifications, clippy::all)]
mod contract {
    wit_bindgen::generate!({
        path: ["../../../../wit", "../../wit"],
        world: "converge:guard/described",
        pub_export_macro: true,
        export_macro_name: "export",
    });
}

struct Board;

impl Guest for Board {
    fn tables() -> Option<Vec<Table>> {
        let column = |name: &str, kind| Column {
            name: name.to_owned(),
            kind,
            required: false,
            references: None,
            max_bytes: 200,
        };
        let columns = Table {
            name: "columns".to_owned(),
            columns: vec![Column { required: true, ..column("name", Kind::Text) }],
        };
        let tasks = Table {
            name: "tasks".to_owned(),
            columns: vec![
                Column { required: true, ..column("title", Kind::Text) },
                Column { required: true, references: Some("columns".to_owned()), ..column("column", Kind::Text) },
                column("position", Kind::Real),
                column("done", Kind::Boolean),
                column("votes", Kind::Integer),
                Column { max_bytes: 1 << 16, ..column("picture", Kind::Blob) },
            ],
        };
        Some(vec![columns, tasks])
    }
}

/// The exports, only in WebAssembly: their names would break the native build of the workspace.
#[cfg(target_family = "wasm")]
#[allow(unreachable_pub, unsafe_code, clippy::all)]
mod exports {
    use crate::Board;

    crate::contract::export!(Board with_types_in crate::contract);
}
