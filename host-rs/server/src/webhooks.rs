//! Reports to other servers that documents changed.
//!
//! A report is a `POST` with the JSON object `{"document": NAME, "sequence": NUMBER}`. Several
//! changes of a document that wait are one report. If there is a secret, the header
//! `converge-signature` is `sha256=` and the HMAC-SHA-256 of the body, in hexadecimal digits.

use crate::documents::lock;
use crate::metrics::Metrics;
use crate::settings::Settings;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The waiting times before further attempts.
const RETRIES: [Duration; 5] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(20),
    Duration::from_secs(60),
];

/// Reports changes to URLs.
#[derive(Debug)]
pub(crate) struct Webhooks {
    queues: Vec<Arc<Queue>>,
}

/// The reports that wait for one URL.
#[derive(Debug)]
struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    capacity: usize,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// The last update of each document.
    sequences: HashMap<String, u64>,
    /// The documents, in the order of their reports.
    order: VecDeque<String>,
}

impl Webhooks {
    /// Starts a thread for each URL.
    ///
    /// # Errors
    ///
    /// The error of the system if it has no room for a thread.
    pub(crate) fn start(urls: &[String], settings: &Settings, metrics: &Arc<Metrics>) -> io::Result<Self> {
        let Settings { webhook_secret, webhook_queue, webhook_attempts, .. } = settings;
        let mut queues = Vec::with_capacity(urls.len());
        for url in urls {
            let (waiting, arrived) = (Mutex::default(), Condvar::new());
            let queue = Arc::new(Queue { waiting, arrived, capacity: *webhook_queue, metrics: metrics.clone() });
            let sender = Sender {
                url: url.clone(),
                secret: webhook_secret.clone(),
                attempts: *webhook_attempts,
                queue: queue.clone(),
            };
            thread::Builder::new().name("webhook".into()).spawn(move || sender.run())?;
            queues.push(queue);
        }
        Ok(Self { queues })
    }

    /// Reports that a document changed. Does not wait.
    pub(crate) fn changed(&self, document: &str, sequence: u64) {
        self.queues.iter().for_each(|queue| queue.push(document, sequence));
    }
}

impl Queue {
    fn push(&self, document: &str, sequence: u64) {
        let mut waiting = lock(&self.waiting);
        if let Some(known) = waiting.sequences.get_mut(document) {
            *known = sequence;
        } else if waiting.order.len() >= self.capacity {
            self.metrics.webhook_dropped();
        } else {
            waiting.sequences.insert(document.to_owned(), sequence);
            waiting.order.push_back(document.to_owned());
            self.arrived.notify_one();
        }
    }

    /// Waits for a report.
    fn pop(&self) -> (String, u64) {
        let mut waiting = lock(&self.waiting);
        loop {
            if let Some(document) = waiting.order.pop_front() {
                let sequence = waiting.sequences.remove(&document).unwrap_or(0);
                return (document, sequence);
            }
            waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

struct Sender {
    url: String,
    secret: String,
    attempts: usize,
    queue: Arc<Queue>,
}

impl Sender {
    fn run(&self) {
        let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).build());
        loop {
            let (document, sequence) = self.queue.pop();
            let body = serde_json::json!({ "document": document, "sequence": sequence }).to_string();
            // The last waiting time is repeated.
            let waits = RETRIES.iter().chain(RETRIES.last().into_iter().cycle());
            let mut waits = waits.take(self.attempts - 1);
            while let Err(error) = self.send(&agent, &body) {
                let Some(&wait) = waits.next() else {
                    tracing::warn!(url = self.url, document, %error, "a report to a webhook was dropped");
                    self.queue.metrics.webhook_dropped();
                    break;
                };
                tracing::debug!(url = self.url, document, %error, "a report to a webhook failed and will be repeated");
                thread::sleep(wait);
            }
        }
    }

    fn send(&self, agent: &ureq::Agent, body: &str) -> Result<(), ureq::Error> {
        let mut request = agent.post(&self.url).header("content-type", "application/json");
        if !self.secret.is_empty() {
            request = request.header("converge-signature", signature(&self.secret, body));
        }
        request.send(body).map(drop)
    }
}

/// Returns the signature of a body.
fn signature(secret: &str, body: &str) -> String {
    // HMAC accepts keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(body.as_bytes());
    let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={digits}")
}

#[cfg(test)]
mod tests {
    use super::{Queue, signature};
    use crate::metrics::Metrics;
    use std::sync::{Arc, Condvar, Mutex};

    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature("Jefe", "what do ya want for nothing?"), expected);
    }

    #[test]
    fn a_queue_is_bounded_and_joins_the_changes_of_a_document() {
        let metrics = Arc::new(Metrics::new());
        let queue = Queue { waiting: Mutex::default(), arrived: Condvar::new(), capacity: 2, metrics };
        for (document, sequence) in [("a", 1), ("b", 1), ("a", 2), ("c", 1)] {
            queue.push(document, sequence);
        }
        assert_eq!([queue.pop(), queue.pop()], [("a".to_owned(), 2), ("b".to_owned(), 1)]);
        queue.push("c", 3);
        assert_eq!(queue.pop(), ("c".to_owned(), 3));
    }
}
