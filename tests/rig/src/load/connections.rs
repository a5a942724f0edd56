//! Idle connections, and clients that connect at once.

use super::crew::Rig;
use super::http;
use super::samples::Samples;
use super::{GRACE, commit};
use crate::Failure;
use converge_rig::net::Cause;
use serde_json::{Value, json};
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How long the server may take to free what it needed to open documents and connections.
const REST: Duration = Duration::from_secs(1);

/// Connections that do nothing but stay open.
pub(super) async fn idle(
    rig: &Arc<Rig>,
    connections: usize,
    documents: usize,
    time: Duration,
    pid: Option<u32>,
) -> Result<Value, Failure> {
    let rss = || pid.map(rss_bytes).transpose();
    let before = rss()?;
    let first = rig.gather(documents, documents, |_, _, _| async { Ok(()) }).await?;
    sleep(REST).await;
    let opened = rss()?;
    let others = rig.gather(connections - documents, documents, |_, _, _| async { Ok(()) }).await?;
    sleep(REST).await;
    let connected = rss()?;
    rig.stage("idle");
    sleep(time).await;
    let after = rss()?;
    first.dismiss();
    others.dismiss();
    let per = |from: Option<u64>, to: Option<u64>, count: usize| {
        let grown = to? as f64 - from? as f64;
        (count > 0).then_some(grown / count as f64)
    };
    Ok(json!({
        "work": "idle",
        "options": { "connections": connections, "documents": documents, "seconds": time.as_secs(), "pid": pid },
        "rssBytes": { "before": before, "opened": opened, "connected": connected, "after": after },
        "bytesPerDocument": per(before, opened, documents),
        "bytesPerConnection": per(opened, after, connections - documents),
    }))
}

/// Returns the resident memory of a process.
fn rss_bytes(pid: u32) -> Result<u64, Failure> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kibibytes.ok_or_else(|| format!("{path} has no VmRSS"))? << 10)
}

/// Clients that lack one event and connect at once.
pub(super) async fn reconnect(rig: &Arc<Rig>, clients: usize, documents: usize) -> Result<Value, Failure> {
    rig.stage("documents pushed");
    let mut known = Vec::new();
    for number in 0..documents {
        let doc = rig.replica()?.doc;
        commit(&doc, "known", 0)?;
        known.push(doc.save()?);
        commit(&doc, "missing", 1)?;
        http::push(&rig.target, &rig.document(number), &doc.save()?).await?;
        rig.count(1);
    }
    let mut replicas = Vec::new();
    for number in 0..clients {
        let replica = rig.replica()?;
        replica.doc.merge_update(&known[number % documents])?;
        replicas.push(replica);
    }

    rig.stage("clients in sync");
    let (mut samples, mut tasks) = (Samples::new(), JoinSet::new());
    let start = Instant::now();
    for (number, replica) in replicas.into_iter().enumerate() {
        let (rig, document) = (rig.clone(), rig.document(number % documents));
        tasks.spawn(async move {
            let mut client = rig.connect(&document, replica).await?;
            client.settle(GRACE).await?;
            let time = start.elapsed();
            rig.count(1);
            Ok::<_, Cause>((time, client))
        });
    }
    // The connections stay open until all clients are in sync.
    let mut connected = Vec::new();
    let mut total = Duration::ZERO;
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(Ok((time, client))) => {
                samples.add(time);
                total = total.max(time);
                connected.push(client);
            }
            Ok(Err(cause)) => rig.fail(&cause),
            Err(error) => rig.fail(&error),
        }
    }
    Ok(json!({
        "work": "reconnect",
        "options": { "clients": clients, "documents": documents },
        "inSync": connected.len(),
        "latencyMs": samples.summary(),
        "totalMs": total.as_secs_f64() * 1_000.0,
    }))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::rss_bytes;

    #[test]
    fn the_memory_of_a_process_is_read() {
        assert!(rss_bytes(std::process::id()).is_ok_and(|bytes| bytes > 1 << 20));
        assert!(rss_bytes(u32::MAX).is_err());
    }
}
