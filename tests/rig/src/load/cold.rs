//! New replicas that load documents which the server has closed.

use super::commit;
use super::crew::Rig;
use super::http;
use super::samples::Samples;
use crate::Failure;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// The number of rows that are pushed at once.
const PAGE_ROWS: usize = 20_000;
/// The maximum time until a replica is in sync.
const LOAD_TIMEOUT: Duration = Duration::from_secs(600);

pub(super) async fn cold(rig: &Arc<Rig>, rows: usize, times: usize, idle_wait: Duration) -> Result<Value, Failure> {
    let updates = updates(rig, rows)?;
    rig.stage("documents pushed");
    for number in 0..times {
        for update in &updates {
            http::push(&rig.target, &rig.document(number), update).await?;
        }
        rig.count(1);
    }
    rig.stage("waiting until the server closes the documents");
    sleep(idle_wait).await;

    rig.stage("documents loaded");
    let mut samples = Samples::new();
    for number in 0..times {
        let (document, replica) = (rig.document(number), rig.replica()?);
        let start = Instant::now();
        let mut client = rig.connect(&document, replica).await?;
        client.settle(LOAD_TIMEOUT).await?;
        samples.add(start.elapsed());
        rig.count(1);
        let found: u64 = client.doc().tables()?.iter().map(|table| u64::from(table.rows)).sum();
        if found != rows as u64 {
            rig.fail(&format!("{document} has {found} rows; expected {rows}"));
        }
        client.close().await;
    }
    Ok(json!({
        "work": "cold",
        "options": { "rows": rows, "times": times, "idleWait": idle_wait.as_secs() },
        "updateBytes": updates.iter().map(Vec::len).sum::<usize>(),
        "latencyMs": samples.summary(),
    }))
}

/// Returns updates that together insert this number of rows.
fn updates(rig: &Rig, rows: usize) -> Result<Vec<Vec<u8>>, Failure> {
    rig.stage("rows committed");
    let doc = rig.replica()?.doc;
    let (mut updates, mut known) = (Vec::new(), doc.summary()?);
    for number in 0..rows {
        commit(&doc, &format!("{number:08}"), number as u64)?;
        rig.count(1);
        if (number + 1).is_multiple_of(PAGE_ROWS) || number + 1 == rows {
            updates.push(doc.update_since(&known)?);
            known = doc.summary()?;
        }
    }
    Ok(updates)
}
