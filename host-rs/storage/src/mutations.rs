//! The outcomes of calls of mutators, and the subjects of the clients that make them.

use crate::OUTCOME_DAYS;
use converge::EventId;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

/// Files of earlier versions have no tables for calls.
const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS _converge_mutations (
    client TEXT NOT NULL,
    number INTEGER NOT NULL,
    mark INTEGER NOT NULL,
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    arguments BLOB NOT NULL,
    code TEXT,
    why TEXT,
    peer TEXT NOT NULL,
    counter INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (client, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS _converge_mutations_at ON _converge_mutations (at);
CREATE TABLE IF NOT EXISTS _converge_clients (
    client TEXT PRIMARY KEY,
    subject TEXT NOT NULL
) STRICT, WITHOUT ROWID;";

/// A call of a mutator that used up its number.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "callers create it, and it has the columns of a table")]
pub struct Mutation {
    /// The name under which the client numbers its calls.
    pub client: String,
    /// The number of the call.
    pub number: u64,
    /// The random number that tells the call from others with the same number.
    pub mark: u64,
    /// The mutator's name.
    pub name: String,
    /// The arguments, as the host frame of the call contains them.
    pub arguments: Vec<u8>,
    /// The code and the text of the reason, if the call was rejected.
    pub rejected: Option<(String, String)>,
    /// The event with the effect; that with the rejection, if the call was rejected.
    pub event: EventId,
}

/// A call in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredMutation {
    /// The call and its outcome.
    pub mutation: Mutation,
    /// The subject of the call.
    pub subject: String,
    /// When the outcome was stored, in milliseconds since 1970.
    pub at: u64,
}

/// Writes a call and its outcome, and binds the client to the subject of its first call. Where
/// nobody is authenticated, the subject is empty, and binds nothing.
pub(crate) fn write(
    transaction: &Transaction<'_>,
    mutation: &Mutation,
    subject: &str,
    at: u64,
) -> rusqlite::Result<()> {
    if !has_tables(transaction)? {
        transaction.execute_batch(SCHEMA)?;
    }
    let Mutation { client, number, mark, name, arguments, rejected, event } = mutation;
    let (code, why) = rejected.as_ref().map(|(code, why)| (code, why)).unzip();
    let insert = "INSERT OR REPLACE INTO _converge_mutations VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let values = params![client, number, mark, subject, name, arguments, code, why, event.peer, event.counter, at];
    transaction.prepare_cached(insert)?.execute(values)?;
    if subject.is_empty() {
        return Ok(());
    }
    let bind = "INSERT OR IGNORE INTO _converge_clients VALUES (?1, ?2)";
    transaction.prepare_cached(bind)?.execute([client, subject]).map(drop)
}

/// Forgets outcomes that are older than [`OUTCOME_DAYS`].
pub(crate) fn forget(transaction: &Transaction<'_>, now: u64) -> rusqlite::Result<()> {
    if !has_tables(transaction)? {
        return Ok(());
    }
    let oldest = now.saturating_sub(OUTCOME_DAYS * 86_400_000);
    transaction.execute("DELETE FROM _converge_mutations WHERE at < ?1", [oldest]).map(drop)
}

/// Returns a call of a client.
pub(crate) fn outcome(connection: &Connection, client: &str, number: u64) -> rusqlite::Result<Option<StoredMutation>> {
    if !has_tables(connection)? {
        return Ok(None);
    }
    let select = format!("SELECT {COLUMNS} FROM _converge_mutations WHERE client = ?1 AND number = ?2");
    connection.prepare_cached(&select)?.query_row(params![client, number], of_row).optional()
}

/// Returns the calls of a client after a number, in their order.
pub(crate) fn outcomes(
    connection: &Connection,
    client: &str,
    after: u64,
    limit: u32,
) -> rusqlite::Result<Vec<StoredMutation>> {
    if !has_tables(connection)? {
        return Ok(Vec::new());
    }
    let select =
        format!("SELECT {COLUMNS} FROM _converge_mutations WHERE client = ?1 AND number > ?2 ORDER BY number LIMIT ?3");
    connection.prepare_cached(&select)?.query_map(params![client, after, limit], of_row)?.collect()
}

/// Returns the subject of a client's first call.
pub(crate) fn subject_of(connection: &Connection, client: &str) -> rusqlite::Result<Option<String>> {
    if !has_tables(connection)? {
        return Ok(None);
    }
    let select = "SELECT subject FROM _converge_clients WHERE client = ?1";
    connection.prepare_cached(select)?.query_row([client], |row| row.get(0)).optional()
}

const COLUMNS: &str = "client, number, mark, subject, name, arguments, code, why, peer, counter, at";

fn of_row(row: &Row<'_>) -> rusqlite::Result<StoredMutation> {
    let code: Option<String> = row.get(6)?;
    let mutation = Mutation {
        client: row.get(0)?,
        number: row.get(1)?,
        mark: row.get(2)?,
        name: row.get(4)?,
        arguments: row.get(5)?,
        rejected: code.map(|code| Ok::<_, rusqlite::Error>((code, row.get(7)?))).transpose()?,
        event: EventId { peer: row.get(8)?, counter: row.get(9)? },
    };
    Ok(StoredMutation { mutation, subject: row.get(3)?, at: row.get(10)? })
}

fn has_tables(connection: &Connection) -> rusqlite::Result<bool> {
    let select = "SELECT 1 FROM sqlite_schema WHERE name = '_converge_clients'";
    connection.prepare_cached(select)?.exists([])
}
