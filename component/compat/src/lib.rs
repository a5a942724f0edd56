//! The interface that came before, `mizchi:converge`, answered by the engine that this component imports.
//!
//! Documents are handles, which count from 0; a document and a store of registers share one. What an engine refuses cannot be
//! told through that interface: such a call changes nothing and gives what `docs/composition.md` says. One file for
//! documents, one for registers, [`convert`] for the types.

mod convert;
mod document;
mod early;
mod registers;

use contract::exports::mizchi::converge::converge as wit;
use document::Document;
use registers::Registers;
use std::cell::RefCell;

/// Both contracts, as Rust types and functions.
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

/// How many handles there can be: each is two resources of the engine, of which runtimes bound the number. One that is not given
/// says that there is no document.
const MOST_HANDLES: usize = 1 << 14;

/// What a handle stands for. One of the two is missing where the engine refused the peer's name.
struct Replica {
    document: Option<Document>,
    registers: Option<Registers>,
}

thread_local! {
    static REPLICAS: RefCell<Vec<Replica>> = const { RefCell::new(Vec::new()) };
}

/// What exports the contract's functions.
struct Component;

impl wit::Guest for Component {
    fn create_doc(peer_id: String) -> u32 {
        REPLICAS.with_borrow_mut(|replicas| {
            if replicas.len() == MOST_HANDLES {
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

/// The exports, in WebAssembly only: elsewhere their names would keep the workspace from linking.
#[cfg(target_family = "wasm")]
#[allow(unreachable_pub, unsafe_code, clippy::all)]
mod exports {
    use crate::Component;

    crate::contract::export!(Component with_types_in crate::contract);
}
