//! Checks that a store survives transmission, whatever a case did to it: another store that merges
//! its bytes or its entries shows the same.

use crate::form;
use crate::host::{Host, Store};
use converge::{Entry, Error, StoreOptions};

/// 2^52, half of the largest time that the engine accepts. With it as the current time and the time
/// to live, ages are exact, and timestamps can be above the largest time.
const MIDDLE_TIME_MS: f64 = 4_503_599_627_370_496.0;

/// All that a store shows and transmits.
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

/// Creates an empty store beside a document, which accepts all entries.
pub(super) fn empty<H: Host>(host: &H, beside: &mut H::Document, peer: &str) -> Result<H::Store, String> {
    // No entry is too old, and none has a timestamp too far ahead.
    let options = StoreOptions::default().time_to_live_ms(MIDDLE_TIME_MS).max_skew_ms(2.0 * MIDDLE_TIME_MS);
    host.store(beside, peer, options).map_err(refused("store.create"))
}

/// Transmits the content of the store, as bytes and as entries. A store that merges it shows the
/// same, reports exactly these changes, and transmits the same. Returns the snapshot.
pub(super) fn check<H: Host>(host: &H, beside: &mut H::Document, store: &mut H::Store) -> Result<Vec<u8>, String> {
    let state = StoreState::of(store);
    let peer = store.peer();
    for entry in &state.entries {
        must_be("what get gives", &Some(entry), &store.get(&entry.namespace, &entry.key).as_ref())?;
    }
    let mut copy = empty(host, beside, &peer)?;
    let shown = copy.merge_update(&state.snapshot, MIDDLE_TIME_MS).map_err(refused("store.merge-update"))?;
    must_be("what the snapshot changes in view", &state.entries, &shown)?;
    must_be("what the snapshot gives", &state, &StoreState::of(&mut copy))?;
    // An empty store has no update.
    let mut again = empty(host, beside, &peer)?;
    if let Some(update) = copy.take_update() {
        again.merge_update(&update, MIDDLE_TIME_MS).map_err(refused("store.merge-update"))?;
    }
    must_be("what the update of that gives", &state, &StoreState::of(&mut again))?;
    must_be("a second update", &None, &copy.take_update())?;

    let mut copy = empty(host, beside, &peer)?;
    let reversed = state.entries.iter().rev().cloned().collect();
    let shown = copy.merge_entries(reversed, MIDDLE_TIME_MS).map_err(refused("store.merge-entries"))?;
    must_be("what the entries change in view", &state.entries, &shown)?;
    must_be("what the entries give", &state.entries, &StoreState::of(&mut copy).entries)?;
    let again = copy.merge_update(&state.snapshot, MIDDLE_TIME_MS).map_err(refused("store.merge-update"))?;
    must_be("what the snapshot changes in view after its entries", &Vec::new(), &again)?;
    Ok(state.snapshot)
}

fn must_be<T: PartialEq + std::fmt::Debug>(what: &str, expected: &T, got: &T) -> Result<(), String> {
    if expected == got {
        return Ok(());
    }
    let shown = |value: &T| form::excerpt(&format!("{value:?}").into());
    Err(format!("{what} is not the same:\n  store: {}\n  got:   {}", shown(expected), shown(got)))
}

fn refused(call: &str) -> impl Fn(Error) -> String {
    move |error| format!("{call} is refused: {error:?}")
}
