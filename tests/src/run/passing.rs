//! Checks of stores: another store that merges the bytes or the entries of a store has the same
//! entries, whatever a case did to it.

use crate::form;
use crate::host::{Host, Store};
use converge::{Entry, Error, StoreOptions};

/// 2^52, half of the largest time that the engine accepts. With it as the current time and the time
/// to live, ages are exact, and timestamps can be above the largest time.
const MIDDLE_TIME_MS: f64 = 4_503_599_627_370_496.0;

/// The content of a store that its functions return.
#[derive(Debug, PartialEq)]
pub(super) struct StoreState {
    /// The live entries, sorted by namespace and key.
    pub(super) entries: Vec<Entry>,
    pub(super) snapshot: Vec<u8>,
}

impl StoreState {
    pub(super) fn of<S: Store>(store: &mut S) -> Self {
        let namespaces = store.namespaces();
        let entries = namespaces.iter().flat_map(|namespace| store.get_all(namespace)).collect();
        Self { entries, snapshot: store.snapshot(&[]) }
    }
}

/// Creates an empty store that accepts all entries, in the instance of a document.
pub(super) fn empty<H: Host>(host: &H, document: &mut H::Document, peer: &str) -> Result<H::Store, String> {
    // No entry is too old, and none has a timestamp too far ahead.
    let options = StoreOptions::default().time_to_live_ms(MIDDLE_TIME_MS).max_skew_ms(2.0 * MIDDLE_TIME_MS);
    host.store(document, peer, options).map_err(failed("store.create"))
}

/// Transmits the content of the store, as bytes and as entries. A store that merges the content
/// must return and transmit the same content, and must report exactly these changes. Returns the
/// snapshot.
pub(super) fn check<H: Host>(host: &H, document: &mut H::Document, store: &mut H::Store) -> Result<Vec<u8>, String> {
    let state = StoreState::of(store);
    let peer = store.peer();
    for entry in &state.entries {
        check_same("the result of get", &Some(entry), &store.get(&entry.namespace, &entry.key).as_ref())?;
    }
    let mut copy = empty(host, document, &peer)?;
    let shown = copy.merge_update(&state.snapshot, MIDDLE_TIME_MS).map_err(failed("store.merge-update"))?;
    check_same("the result of merging the snapshot", &state.entries, &shown)?;
    check_same("the store that merged the snapshot", &state, &StoreState::of(&mut copy))?;
    // An empty store has no update.
    let mut again = empty(host, document, &peer)?;
    if let Some(update) = copy.take_update() {
        again.merge_update(&update, MIDDLE_TIME_MS).map_err(failed("store.merge-update"))?;
    }
    check_same("the store that merged the update", &state, &StoreState::of(&mut again))?;
    check_same("the second update", &None, &copy.take_update())?;

    let mut copy = empty(host, document, &peer)?;
    let reversed = state.entries.iter().rev().cloned().collect();
    let shown = copy.merge_entries(reversed, MIDDLE_TIME_MS).map_err(failed("store.merge-entries"))?;
    check_same("the result of merging the entries", &state.entries, &shown)?;
    check_same("the store that merged the entries", &state.entries, &StoreState::of(&mut copy).entries)?;
    let again = copy.merge_update(&state.snapshot, MIDDLE_TIME_MS).map_err(failed("store.merge-update"))?;
    check_same("the result of merging the snapshot after its entries", &Vec::new(), &again)?;
    Ok(state.snapshot)
}

/// Fails if the values differ. `what` describes the value `got`.
fn check_same<T: PartialEq + std::fmt::Debug>(what: &str, expected: &T, got: &T) -> Result<(), String> {
    if expected == got {
        return Ok(());
    }
    let shown = |value: &T| form::excerpt(&format!("{value:?}").into());
    Err(format!("{what} differs:\n  expected: {}\n  got:      {}", shown(expected), shown(got)))
}

/// Formats the unexpected error of a call.
fn failed(call: &str) -> impl Fn(Error) -> String {
    move |error| format!("{call} failed: {error:?}")
}
