//! The schema that allows everything.

use contract::exports::converge::guard::schema::{Guest, Table};

/// The contract, as Rust types and functions.
#[allow(missing_docs, unreachable_pub, unsafe_code, unused_qualifications, clippy::all)]
mod contract {
    wit_bindgen::generate!({
        path: ["../../../../wit", "../../wit"],
        world: "converge:guard/described",
        pub_export_macro: true,
        export_macro_name: "export",
    });
}

struct Anything;

impl Guest for Anything {
    fn tables() -> Option<Vec<Table>> {
        None
    }
}

/// The exports, in WebAssembly only: elsewhere their names would keep the workspace from linking.
#[cfg(target_family = "wasm")]
#[allow(unreachable_pub, unsafe_code, clippy::all)]
mod exports {
    use crate::Anything;

    crate::contract::export!(Anything with_types_in crate::contract);
}
