//! What the routes and connections of a server share.

use crate::auth::{Denial, Grant, Keys};
use crate::documents::Documents;
use crate::hub::Access;
use crate::metrics::Metrics;
use crate::refusal::{Reason, Refusal};
use crate::settings::Settings;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// What the routes and connections of a server share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) settings: Arc<Settings>,
    pub(crate) keys: Keys,
    pub(crate) documents: Arc<Documents>,
    pub(crate) metrics: Arc<Metrics>,
    /// Bounds how many requests are carried out at the same time.
    pub(crate) requests: Semaphore,
    next_connection: AtomicU64,
    random: RandomState,
}

impl App {
    pub(crate) fn new(settings: Arc<Settings>, keys: Keys, documents: Arc<Documents>, metrics: Arc<Metrics>) -> Self {
        let requests = Semaphore::new(settings.max_requests);
        let next_connection = AtomicU64::new(0);
        Self { settings, keys, documents, metrics, requests, next_connection, random: RandomState::new() }
    }

    /// Returns a number that no other connection has.
    pub(crate) fn connection_number(&self) -> u64 {
        self.next_connection.fetch_add(1, Ordering::Relaxed)
    }

    /// Returns what a token allows. Without keys, everybody has all rights.
    pub(crate) fn grant(&self, token: &str) -> Result<Grant, Refusal> {
        if self.keys.is_empty() {
            return Ok(Grant::anonymous());
        }
        self.keys.verify(token).map_err(|denial: Denial| Refusal::new(Reason::Token, denial.to_string()))
    }

    /// Returns what a grant allows on a document, for its hub.
    pub(crate) fn access(&self, grant: &Grant, document: &str) -> Access {
        let rights = grant.rights(document);
        let access = Access::new(grant.subject())
            .write(rights.write)
            .presence(rights.presence)
            .mutate(rights.mutate)
            .admin(rights.admin);
        match grant.peers() {
            // After a restore, clients deliver what the server lost, of all authors.
            Some(prefix) if !(self.settings.recover && rights.write) => access.writers([format!("{prefix}*")]),
            _ => access,
        }
    }

    /// Returns after how long a client should connect again; the times of clients differ.
    pub(crate) fn retry_after(&self, reason: Reason) -> Option<Duration> {
        let [least, most] = reason.retry_after()?;
        let range = u64::try_from((most - least).as_millis()).unwrap_or(u64::MAX).max(1);
        let random = self.random.hash_one(self.next_connection.fetch_add(1, Ordering::Relaxed));
        Some(least + Duration::from_millis(random % range))
    }
}
