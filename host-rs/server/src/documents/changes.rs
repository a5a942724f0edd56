//! The last changes of a document, for those that follow them.

use converge::{Cell, RowOp, Value};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::broadcast;

/// The number of changes that are kept, and that a follower may lag behind.
pub(crate) const KEPT: usize = 256;
/// The size of the changes that are kept, in bytes.
const KEPT_BYTES: usize = 1 << 20;
/// How long changes are kept when nobody follows them.
const KEPT_TIME: Duration = Duration::from_secs(60);

/// The changes of a transaction.
#[derive(Debug)]
pub(crate) struct Change {
    /// The number of the last update.
    pub(crate) sequence: u64,
    pub(crate) ops: Vec<RowOp>,
}

/// What a follower gets.
#[derive(Debug)]
pub(crate) struct Following {
    /// The number of the last update that the document contains.
    pub(crate) sequence: u64,
    /// The changes that the follower missed, or `None` if they are not known any more.
    pub(crate) missed: Option<Vec<Arc<Change>>>,
    pub(crate) changes: broadcast::Receiver<Arc<Change>>,
}

/// The last changes of a document.
#[derive(Debug)]
pub(super) struct Changes {
    sender: broadcast::Sender<Arc<Change>>,
    last: VecDeque<Arc<Change>>,
    bytes: usize,
    /// The number of the update before the first change that is kept, if changes are kept.
    before: Option<u64>,
    /// When somebody last followed the changes.
    used: Instant,
}

impl Changes {
    pub(super) fn new() -> Self {
        let sender = broadcast::Sender::new(KEPT);
        Self { sender, last: VecDeque::new(), bytes: 0, before: None, used: Instant::now() }
    }

    /// Follows the changes after the update of this number.
    pub(super) fn follow(&mut self, after: Option<u64>, sequence: u64) -> Following {
        self.used = Instant::now();
        let before = *self.before.get_or_insert(sequence);
        let after = after.unwrap_or(sequence);
        let is_known = after == sequence || (before <= after && after < sequence);
        let missed = || self.last.iter().filter(|change| change.sequence > after).cloned().collect();
        Following { sequence, missed: is_known.then(missed), changes: self.sender.subscribe() }
    }

    /// Records a change. Costs nothing while nobody follows.
    pub(super) fn push(&mut self, sequence: u64, ops: Vec<RowOp>) {
        if self.sender.receiver_count() > 0 {
            self.used = Instant::now();
        } else if self.used.elapsed() > KEPT_TIME {
            *self = Self::new();
        }
        if self.before.is_none() {
            return;
        }
        let change = Arc::new(Change { sequence, ops });
        self.bytes += bytes(&change);
        self.last.push_back(change.clone());
        while self.last.len() > KEPT || self.bytes > KEPT_BYTES {
            let Some(oldest) = self.last.pop_front() else { break };
            self.bytes -= bytes(&oldest);
            self.before = Some(oldest.sequence);
        }
        // Fails if nobody follows.
        let _ = self.sender.send(change);
    }
}

fn bytes(change: &Change) -> usize {
    let cells = |cells: &[Cell]| cells.iter().map(|cell| cell.column.len() + content(&cell.value) + 64).sum::<usize>();
    let of_op = |op: &RowOp| {
        let content = match op {
            RowOp::Insert { cells: set, .. } | RowOp::Update { cells: set, .. } => cells(set),
            RowOp::Unset { columns, .. } => columns.iter().map(|column| column.len() + 24).sum(),
            RowOp::Splice { column, insert, .. } => column.len() + insert.len(),
            _ => 0,
        };
        op.table().len() + op.row().len() + content + 96
    };
    change.ops.iter().map(of_op).sum::<usize>() + 64
}

fn content(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Blob(blob) => blob.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{Changes, KEPT};
    use converge::RowOp;

    fn op(text: String) -> Vec<RowOp> {
        vec![RowOp::insert("t", "r", [("a", text)])]
    }

    #[tokio::test]
    async fn a_follower_gets_what_it_missed_or_learns_that_it_cannot() {
        let mut changes = Changes::new();
        changes.push(1, op("before anybody followed".into()));
        assert!(changes.follow(Some(0), 1).missed.is_none());
        let mut following = changes.follow(None, 1);
        assert_eq!(following.missed.as_ref().map(Vec::len), Some(0));
        for sequence in 2..=10 {
            changes.push(sequence, op(sequence.to_string()));
            assert_eq!(following.changes.recv().await.map(|change| change.sequence), Ok(sequence));
        }
        let missed = changes.follow(Some(7), 10).missed.unwrap_or_default();
        assert_eq!(missed.iter().map(|change| change.sequence).collect::<Vec<_>>(), [8, 9, 10]);
        // A number of another incarnation, or from before a restart.
        assert!(changes.follow(Some(11), 10).missed.is_none());
        // Few large changes, or many small ones.
        changes.push(11, op("x".repeat(1 << 20)));
        assert!(changes.follow(Some(10), 11).missed.is_none());
        assert!(changes.last.is_empty() && changes.bytes == 0);
        for sequence in 12..20 + KEPT as u64 {
            changes.push(sequence, op(String::new()));
        }
        assert_eq!(changes.last.len(), KEPT);
        assert!(following.changes.recv().await.is_err(), "the follower lags");
    }
}
