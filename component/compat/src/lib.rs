//! Implements the interface `mizchi:converge` with the engine that this component imports.
//!
//! A handle, counted from 0, stands for a document and a store of registers. The interface cannot
//! report errors of the engine: a call that fails changes nothing and returns the values that
//! `docs/composition.md` lists. [`convert`] converts the types.

mod convert;
mod document;
mod early;
mod registers;

use contract::exports::mizchi::converge::converge as wit;
use document::Document;
use registers::Registers;
use std::cell::RefCell;

/// Generated Rust types and functions of both contracts.
#[allow(missing_docs, unreachable_pub, unsafe_code, unused_qualifications, clippy::all)]
mod contract {
    wit_bindgen::generate!({
        inline: "
            package converge:compat;
            world drop-in {
                import converge:sync/durable@0.2.0;
                import converge:sync/ephemeral@0.2.0;
                export mizchi:converge/converge@0.1.0;
            }
        ",
        path: ["../../wit", "wit"],
        world: "converge:compat/drop-in",
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export",
    });
}

/// The maximum number of handles. Each uses two resources of the engine, and runtimes limit the
/// number of resources. `create-doc` returns 2^32 - 1 beyond it.
const MAX_HANDLES: usize = 1 << 14;

/// The document and the registers of a handle. Either is missing if the engine rejected the peer's
/// name.
struct Replica {
    document: Option<Document>,
    registers: Option<Registers>,
}

thread_local! {
    static REPLICAS: RefCell<Vec<Replica>> = const { RefCell::new(Vec::new()) };
}

/// Exports the functions of the contract.
struct Component;

impl wit::Guest for Component {
    fn create_doc(peer_id: String) -> u32 {
        REPLICAS.with_borrow_mut(|replicas| {
            if replicas.len() == MAX_HANDLES {
                return u32::MAX;
            }
            replicas.push(Replica { document: Document::create(&peer_id), registers: Registers::create(&peer_id) });
            replicas.len() as u32 - 1
        })
    }

    fn doc_insert(handle: u32, tbl: String, row_id: String, values: Vec<wit::KeyValue>) -> wit::Event {
        commit(handle, wit::RowOp::Insert(wit::InsertOp { tbl, row_id, values }))
    }

    fn doc_update(handle: u32, tbl: String, row_id: String, col: String, val: wit::Value) -> wit::Event {
        commit(handle, wit::RowOp::Update(wit::UpdateOp { tbl, row_id, col, val }))
    }

    fn doc_delete(handle: u32, tbl: String, row_id: String) -> wit::Event {
        commit(handle, wit::RowOp::Delete(wit::DeleteOp { tbl, row_id }))
    }

    fn doc_merge_remote(handle: u32, events: Vec<wit::EventRun>) -> Vec<wit::MergeOp> {
        with_document(handle, |document| document.merge(events)).unwrap_or_default()
    }

    fn doc_get_pending(handle: u32, known: Vec<wit::PeerVersion>) -> Vec<wit::EventRun> {
        with_document(handle, |document| document.pending(known)).unwrap_or_default()
    }

    fn doc_sync_state(handle: u32) -> wit::SyncState {
        let nothing = || wit::SyncState { frontier: Vec::new(), versions: Vec::new() };
        with_document(handle, |document| document.state()).unwrap_or_else(nothing)
    }

    fn ephemeral_set(handle: u32, ns: String, key: String, val: wit::Value, timestamp: f64) -> wit::EphemeralEntry {
        let entry = with_registers(handle, |registers| registers.set(&ns, &key, &val, timestamp)).flatten();
        entry.unwrap_or_else(|| registers::none(key, val))
    }

    fn ephemeral_get(handle: u32, ns: String, key: String) -> Option<wit::EphemeralEntry> {
        with_registers(handle, |registers| registers.get(&ns, &key)).flatten()
    }

    fn ephemeral_get_all(handle: u32, ns: String) -> Vec<wit::EphemeralEntry> {
        with_registers(handle, |registers| registers.get_all(&ns)).unwrap_or_default()
    }

    fn ephemeral_merge(handle: u32, entries: Vec<wit::EphemeralRemoteEntry>) -> Vec<wit::EphemeralRemoteEntry> {
        with_registers(handle, |registers| registers.merge(entries)).unwrap_or_default()
    }
}

fn commit(handle: u32, op: wit::RowOp) -> wit::Event {
    let event = with_document(handle, |document| document.commit(&op)).flatten();
    let (id, deps, lamport) = event.unwrap_or_else(document::none);
    wit::Event { id, deps, lamport, op }
}

fn with_document<T>(handle: u32, call: impl FnOnce(&mut Document) -> T) -> Option<T> {
    REPLICAS.with_borrow_mut(|replicas| replicas.get_mut(handle as usize)?.document.as_mut().map(call))
}

fn with_registers<T>(handle: u32, call: impl FnOnce(&mut Registers) -> T) -> Option<T> {
    REPLICAS.with_borrow_mut(|replicas| replicas.get_mut(handle as usize)?.registers.as_mut().map(call))
}

/// The exports, only in WebAssembly: their names would break the native build of the workspace.
#[cfg(target_family = "wasm")]
#[allow(unreachable_pub, unsafe_code, clippy::all)]
mod exports {
    use crate::Component;

    crate::contract::export!(Component with_types_in crate::contract);
}
