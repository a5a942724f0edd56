//! The replacement for `mizchi:converge` in wasmtime: the results of its calls, and what they
//! return if the interface cannot report an error.

use contract::ConvergeWorld;
use contract::exports::mizchi::converge::converge::{
    EphemeralRemoteEntry, Event, EventId, EventRun, InsertOp, KeyValue, MergeOp, PeerVersion, RowOp, Value,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store};

#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]
mod contract {
    wasmtime::component::bindgen!({
        path: "../compat/wit",
        world: "converge-world",
        additional_derives: [PartialEq],
    });
}

/// The replacement, in a new instance.
struct DropIn {
    store: Store<()>,
    world: ConvergeWorld,
}

/// Calls a function of the interface.
macro_rules! call {
    ($drop_in:expr, $function:ident($($argument:expr),*)) => {{
        let DropIn { store, world } = &mut $drop_in;
        world.mizchi_converge_converge().$function(store, $($argument),*).unwrap()
    }};
}

impl DropIn {
    fn new() -> Self {
        static COMPONENT: LazyLock<(Engine, Component)> = LazyLock::new(|| {
            let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
            let engine = Engine::new(&Config::new()).unwrap();
            let component = Component::new(&engine, converge_compose::compat(&workspace).unwrap()).unwrap();
            (engine, component)
        });
        let (engine, component) = &*COMPONENT;
        let mut store = Store::new(engine, ());
        let world = ConvergeWorld::instantiate(&mut store, component, &Linker::new(engine)).unwrap();
        Self { store, world }
    }

    fn create(&mut self, peer: &str) -> u32 {
        call!(*self, call_create_doc(peer))
    }

    fn insert(&mut self, handle: u32, row: &str, values: &[(&str, Value)]) -> Event {
        let values: Vec<KeyValue> =
            values.iter().map(|(key, val)| KeyValue { key: (*key).to_owned(), val: val.clone() }).collect();
        call!(*self, call_doc_insert(handle, "t", row, &values))
    }

    fn update(&mut self, handle: u32, row: &str, col: &str, number: i32) -> Event {
        call!(*self, call_doc_update(handle, "t", row, col, &Value::ValInt(number)))
    }

    /// Merges the events of `from` that `to` lacks. Returns the changes.
    fn sync(&mut self, from: u32, to: u32) -> Vec<MergeOp> {
        let known = call!(*self, call_doc_sync_state(to)).versions;
        let pending = call!(*self, call_doc_get_pending(from, &known));
        call!(*self, call_doc_merge_remote(to, &pending))
    }
}

fn id(peer: &str, counter: i32) -> EventId {
    EventId { peer: peer.to_owned(), counter }
}

/// Returns the peer, counter, dependencies and lamport time of an event.
fn parts(event: &Event) -> (String, i32, Vec<(String, i32)>, i32) {
    let deps = event.deps.iter().map(|dep| (dep.peer.clone(), dep.counter)).collect();
    (event.id.peer.clone(), event.id.counter, deps, event.lamport)
}

fn event(peer: &str, counter: i32, deps: &[(&str, i32)], lamport: i32) -> (String, i32, Vec<(String, i32)>, i32) {
    let deps = deps.iter().map(|(peer, counter)| ((*peer).to_owned(), *counter)).collect();
    (peer.to_owned(), counter, deps, lamport)
}

#[test]
fn events_are_numbered_as_in_the_old_interface() {
    let mut drop_in = DropIn::new();
    let (ann, ben) = (drop_in.create("ann"), drop_in.create("ben"));
    assert_eq!((ann, ben), (0, 1));
    assert_eq!(parts(&drop_in.insert(ann, "r", &[("n", Value::ValInt(1))])), event("ann", 0, &[], 1));
    assert_eq!(parts(&drop_in.update(ann, "r", "n", 2)), event("ann", 1, &[("ann", 0)], 2));
    assert_eq!(parts(&drop_in.insert(ben, "s", &[])), event("ben", 0, &[], 1));
    let ops = drop_in.sync(ann, ben);
    assert!(
        matches!(&ops[..], [MergeOp::InsertRow(row)] if row.row_id == "r" && row.values[0].val == Value::ValInt(2))
    );
    // The dependencies are both heads; the lamport time is one more than the larger of theirs.
    assert_eq!(parts(&drop_in.update(ben, "r", "n", 3)), event("ben", 1, &[("ann", 1), ("ben", 0)], 3));
    let state = call!(drop_in, call_doc_sync_state(ben));
    assert_eq!(state.frontier, [id("ben", 1)]);
    let versions: Vec<_> = state.versions.iter().map(|version| (version.peer.as_str(), version.version)).collect();
    assert_eq!(versions, [("ann", 1), ("ben", 1)]);
    // A version is the last known counter.
    let known =
        [PeerVersion { peer: "ann".to_owned(), version: 0 }, PeerVersion { peer: "ben".to_owned(), version: 0 }];
    let pending = call!(drop_in, call_doc_get_pending(ben, &known));
    let runs: Vec<_> = pending.iter().map(|run| (&*run.peer, run.counter_start, run.lamport_start)).collect();
    assert_eq!(runs, [("ann", 1, 2), ("ben", 1, 3)]);
    let ops = drop_in.sync(ben, ann);
    assert_eq!(ops.len(), 2);
    assert!(drop_in.sync(ben, ann).is_empty());
}

#[test]
fn an_operation_on_a_missing_row_is_an_event() {
    let mut drop_in = DropIn::new();
    let (ann, ben) = (drop_in.create("ann"), drop_in.create("ben"));
    assert_eq!(parts(&drop_in.update(ben, "r", "n", 1)), event("ben", 0, &[], 1));
    assert_eq!(parts(&call!(drop_in, call_doc_delete(ben, "t", "s"))), event("ben", 1, &[("ben", 0)], 2));
    assert_eq!(parts(&drop_in.insert(ben, "s", &[])), event("ben", 2, &[("ben", 1)], 3));
    drop_in.insert(ann, "r", &[("n", Value::ValNull)]);
    // The update is executed after the insert.
    assert!(
        drop_in.sync(ben, ann).iter().any(|op| matches!(op, MergeOp::SetCell(cell) if cell.val == Value::ValInt(1)))
    );
}

#[test]
fn calls_that_cannot_report_their_error_change_nothing() {
    let mut drop_in = DropIn::new();
    let nobody = drop_in.create("");
    let ann = drop_in.create("ann");
    let long = "x".repeat(5_000);
    for handle in [nobody, ann + 1, u32::MAX] {
        assert_eq!(parts(&drop_in.insert(handle, "r", &[])), event("", -1, &[], -1));
        assert!(call!(drop_in, call_doc_sync_state(handle)).versions.is_empty());
        assert!(call!(drop_in, call_doc_get_pending(handle, &[])).is_empty());
        assert!(call!(drop_in, call_doc_merge_remote(handle, &[])).is_empty());
        let entry = call!(drop_in, call_ephemeral_set(handle, "n", "k", &Value::ValNull, 1.0));
        assert_eq!((entry.timestamp, entry.peer.as_str()), (-1.0, ""));
        assert!(call!(drop_in, call_ephemeral_get(handle, "n", "k")).is_none());
        assert!(call!(drop_in, call_ephemeral_get_all(handle, "n")).is_empty());
        assert!(call!(drop_in, call_ephemeral_merge(handle, &[])).is_empty());
    }
    assert_eq!(parts(&drop_in.insert(ann, "", &[])), event("", -1, &[], -1));
    assert_eq!(parts(&drop_in.insert(ann, &long, &[])), event("", -1, &[], -1));
    assert_eq!(parts(&drop_in.update(ann, "r", "", 1)), event("", -1, &[], -1));
    let entry = call!(drop_in, call_ephemeral_set(ann, "n", "k", &Value::ValNull, f64::NAN));
    assert_eq!(entry.timestamp, -1.0);
    assert!(call!(drop_in, call_doc_sync_state(ann)).versions.is_empty());
    // The document continues as if nothing had happened.
    assert_eq!(parts(&drop_in.insert(ann, "r", &[("n", 1.into()), ("n", 2.into())])), event("ann", 0, &[], 1));
    let pending = call!(drop_in, call_doc_get_pending(ann, &[PeerVersion { peer: long, version: i32::MIN }]));
    let RowOp::Insert(InsertOp { values, .. }) = &pending[0].ops[0] else { panic!("{pending:?}") };
    assert!(matches!(&values[..], [only] if only.val == Value::ValInt(2)));
}

#[test]
fn the_number_of_documents_is_limited_and_the_last_one_works() {
    let mut drop_in = DropIn::new();
    let last = (0..16_384).map(|_| drop_in.create("ann")).last().unwrap();
    assert_eq!((last, drop_in.create("ann")), (16_383, u32::MAX));
    assert_eq!(parts(&drop_in.insert(u32::MAX, "r", &[])), event("", -1, &[], -1));
    assert_eq!(parts(&drop_in.insert(last, "r", &[])), event("ann", 0, &[], 1));
}

#[test]
fn invalid_runs_do_not_prevent_the_merge_of_valid_ones() {
    let mut drop_in = DropIn::new();
    let (ann, ben) = (drop_in.create("ann"), drop_in.create("ben"));
    let run = |peer: &str, counter_start, lamport_start, deps: &[EventId], row: &str| EventRun {
        peer: peer.to_owned(),
        counter_start,
        lamport_start,
        deps: deps.to_vec(),
        ops: vec![RowOp::Insert(InsertOp { tbl: "t".to_owned(), row_id: row.to_owned(), values: Vec::new() })],
    };
    let runs = [
        run("", 0, 1, &[], "nobody"),
        run("x", -1, 1, &[], "negative counter"),
        run("x", 0, 1, &[id("y", -5)], "impossible dependency"),
        // In the old interface, lamport times grow with every received event.
        run("x", 0, 7, &[], "a"),
        run("x", 1, 90, &[id("x", 0)], "b"),
        run("z", 0, i32::MIN, &[id("x", 1)], "c"),
        run("w", 0, 3, &[id("unknown", 4)], "waits"),
    ];
    let mut rows: Vec<String> = call!(drop_in, call_doc_merge_remote(ann, &runs))
        .into_iter()
        .map(|op| match op {
            MergeOp::InsertRow(row) => row.row_id,
            other => panic!("{other:?}"),
        })
        .collect();
    rows.sort();
    assert_eq!(rows, ["a", "b", "c"]);
    assert_eq!(parts(&drop_in.insert(ann, "d", &[])), event("ann", 0, &[("z", 0)], 4));
    assert_eq!(drop_in.sync(ann, ben).len(), 4);
    assert!(call!(drop_in, call_doc_merge_remote(ben, &runs)).is_empty());
}

/// Runs that arrive before their dependencies wait, in any order. The call that completes them
/// returns their changes.
#[test]
fn early_events_wait_for_their_dependencies() {
    let mut drop_in = DropIn::new();
    let (ann, ben, cleo) = (drop_in.create("ann"), drop_in.create("ben"), drop_in.create("cleo"));
    drop_in.insert(ann, "r", &[("x", 1.into())]);
    drop_in.sync(ann, ben);
    for number in 2..5 {
        drop_in.update(ben, "r", "x", number);
        drop_in.sync(ben, ann);
        drop_in.update(ann, "r", "x", 10 * number);
        drop_in.sync(ann, ben);
    }
    let runs: Vec<EventRun> = call!(drop_in, call_doc_get_pending(ann, &[]));
    assert_eq!(runs.len(), 7, "each event must build on one of the other peer");
    for (place, run) in runs.iter().enumerate().skip(1).rev() {
        // Twice: a waiting run is not kept twice.
        for _ in 0..2 {
            assert_eq!(call!(drop_in, call_doc_merge_remote(cleo, std::slice::from_ref(run))), [], "run {place}");
        }
        assert!(call!(drop_in, call_doc_sync_state(cleo)).frontier.is_empty());
    }
    assert_ne!(call!(drop_in, call_doc_merge_remote(cleo, &runs[..1])), []);
    assert_eq!(call!(drop_in, call_doc_sync_state(cleo)), call!(drop_in, call_doc_sync_state(ann)));
    assert_eq!(call!(drop_in, call_doc_get_pending(cleo, &[])), runs);
}

/// A run beyond `MAX_EARLY_EVENTS` or `MAX_EARLY_BYTES` is dropped, and others still wait.
#[test]
fn early_events_beyond_the_limits_are_dropped() {
    let mut drop_in = DropIn::new();
    let ann = drop_in.create("ann");
    let run = |peer: &str, counter_start, ops, text_bytes| {
        let text = Value::ValStr("x".repeat(text_bytes));
        let values = vec![KeyValue { key: "c".to_owned(), val: text }];
        let op = RowOp::Insert(InsertOp { tbl: "t".to_owned(), row_id: "r".to_owned(), values });
        EventRun {
            peer: peer.to_owned(),
            counter_start,
            lamport_start: 1,
            deps: if counter_start > 0 { vec![id(peer, counter_start - 1)] } else { Vec::new() },
            ops: vec![op; ops],
        }
    };
    for early in [run("w", 1, 65, 1 << 20), run("x", 1, 100_001, 0), run("y", 1, 1, 0)] {
        assert_eq!(call!(drop_in, call_doc_merge_remote(ann, &[early])), []);
    }
    call!(drop_in, call_doc_merge_remote(ann, &["w", "x", "y"].map(|peer| run(peer, 0, 1, 0))));
    let version = |peer: &str, version| PeerVersion { peer: peer.to_owned(), version };
    let versions = [version("w", 0), version("x", 0), version("y", 1)];
    assert_eq!(call!(drop_in, call_doc_sync_state(ann)).versions, versions);
}

#[test]
fn registers_keep_the_later_entry() {
    let mut drop_in = DropIn::new();
    let (ann, ben) = (drop_in.create("ann"), drop_in.create("ben"));
    let entry = |key: &str, number, timestamp, peer: &str| EphemeralRemoteEntry {
        ns: "n".to_owned(),
        key: key.to_owned(),
        val: Value::ValInt(number),
        timestamp,
        peer: peer.to_owned(),
    };
    let set = call!(drop_in, call_ephemeral_set(ann, "n", "k", &Value::ValInt(1), 1.7e12));
    assert_eq!((set.timestamp, set.peer.as_str(), &set.val), (1.7e12, "ann", &Value::ValInt(1)));
    let entries = [
        entry("k", 2, 1.6e12, "ben"),
        entry("", 0, 1.0, "ben"),
        entry("l", 3, 1.0, "ben"),
        entry("m", 4, f64::INFINITY, "ben"),
    ];
    let changed = call!(drop_in, call_ephemeral_merge(ann, &entries));
    assert!(matches!(&changed[..], [only] if only.key == "l" && only.ns == "n" && only.peer == "ben"));
    let changed = call!(drop_in, call_ephemeral_merge(ann, &[entry("k", 5, 1.7e12, "ben")]));
    assert_eq!(changed.len(), 1);
    let shown = call!(drop_in, call_ephemeral_get_all(ann, "n"));
    assert_eq!(shown.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["k", "l"]);
    assert_eq!(call!(drop_in, call_ephemeral_get(ann, "n", "k")).unwrap().val, Value::ValInt(5));
    assert!(call!(drop_in, call_ephemeral_get(ben, "n", "k")).is_none());
}

/// The rows of a program that applies its own operations and the results of merges.
type Mirror = BTreeMap<String, BTreeMap<String, Value>>;

fn apply(mirror: &mut Mirror, op: MergeOp) {
    match op {
        MergeOp::InsertRow(row) => {
            let cells = mirror.entry(row.row_id).or_default();
            cells.extend(row.values.into_iter().map(|cell| (cell.key, cell.val)));
        }
        MergeOp::SetCell(cell) => {
            mirror.get_mut(&cell.row_id).expect("the row of a cell exists").insert(cell.col, cell.val);
        }
        MergeOp::DeleteRow(row) => {
            mirror.remove(&row.row_id).expect("a deleted row exists");
        }
    }
}

#[test]
fn mirrors_of_random_programs_agree() {
    let mut drop_in = DropIn::new();
    for seed in 0..40_u64 {
        let mut random = seed;
        let mut next = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        let handles = ["ann", "ben", "cleo"].map(|peer| drop_in.create(peer));
        let mut mirrors: [Mirror; 3] = Default::default();
        for step in 0..60 {
            let writer = next(3) as usize;
            let (row, col) = (format!("r{}", next(5)), format!("c{}", next(2)));
            let (handle, mirror) = (handles[writer], &mut mirrors[writer]);
            match next(5) {
                0 | 1 => {
                    let event = drop_in.insert(handle, &row, &[(&col, Value::ValInt(step))]);
                    assert!(event.id.counter >= 0, "seed {seed}");
                    mirror.entry(row).or_default().insert(col, Value::ValInt(step));
                }
                2 => {
                    let event = drop_in.update(handle, &row, &col, step);
                    assert!(event.id.counter >= 0, "seed {seed}");
                    if let Some(cells) = mirror.get_mut(&row) {
                        cells.insert(col, Value::ValInt(step));
                    }
                }
                3 => {
                    assert!(call!(drop_in, call_doc_delete(handle, "t", &row)).id.counter >= 0, "seed {seed}");
                    mirror.remove(&row);
                }
                _ => {
                    let from = handles[next(3) as usize];
                    drop_in.sync(from, handle).into_iter().for_each(|op| apply(mirror, op));
                }
            }
        }
        for _ in 0..2 {
            for (reader, mirror) in mirrors.iter_mut().enumerate() {
                for from in handles {
                    drop_in.sync(from, handles[reader]).into_iter().for_each(|op| apply(mirror, op));
                }
            }
        }
        let states = handles.map(|handle| call!(drop_in, call_doc_sync_state(handle)).frontier);
        assert!(states.iter().all(|state| *state == states[0]), "seed {seed}: {states:?}");
        assert!(mirrors.iter().all(|mirror| *mirror == mirrors[0]), "seed {seed}: {mirrors:?}");
        // A new document that merges everything has the same rows.
        let newcomer = drop_in.create("newcomer");
        let mut mirror = Mirror::new();
        drop_in.sync(handles[0], newcomer).into_iter().for_each(|op| apply(&mut mirror, op));
        assert_eq!(mirror, mirrors[0], "seed {seed}");
    }
}

#[test]
fn components_that_do_not_match_are_not_composed() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let engine = converge_pack::build(&workspace, "converge-component").unwrap();
    let error = converge_compose::join(engine.clone(), engine).unwrap_err().to_string();
    assert_eq!(error, "the component imports nothing that the engine exports");
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::ValInt(number)
    }
}
