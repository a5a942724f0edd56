//! `converge-rig write`: a client of `converge serve` that writes rows and counts acknowledgements.
//! `tests/demo/writer.js` does the same in Node.

use crate::Failure;
use converge_rig::net::{Client, Replica};
use lexopt::prelude::{Long, Short, Value, ValueExt};
use std::io::Write;
use std::time::Duration;

pub(crate) const HELP: &str = "\
Writes rows through a server, one after the other, and prints `ack ROW` for each that the server
acknowledged. Connects again when the connection is lost. Ends when the document has the expected
number of rows, and prints `digest DIGEST`.

Usage:
  converge-rig write ADDRESS --document NAME --peer PEER --rows N --total N [--token TOKEN]

Options:
  --document NAME  the document
  --peer PEER      the name of the replica
  --rows N         the number of rows to write
  --total N        the number of rows that all writers write together
  --token TOKEN    the token for the server
";

const TABLE: &str = "acks";
/// How long a call waits for messages.
const WAIT: Duration = Duration::from_millis(1);
/// How long to wait before connecting again.
const RETRY: Duration = Duration::from_millis(50);

pub(crate) struct Options {
    address: String,
    document: String,
    peer: String,
    rows: u32,
    total: u64,
    token: String,
}

/// Returns `None` if help is requested.
pub(crate) fn arguments(arguments: &mut lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let (mut address, mut document, mut peer, mut rows, mut total) = (None, None, None, None, None);
    let mut token = String::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("document") => document = Some(arguments.value()?.string()?),
            Long("peer") => peer = Some(arguments.value()?.string()?),
            Long("rows") => rows = Some(arguments.value()?.parse()?),
            Long("total") => total = Some(arguments.value()?.parse()?),
            Long("token") => token = arguments.value()?.string()?,
            Value(value) if address.is_none() => address = Some(value.string()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(Options {
        address: address.ok_or("ADDRESS is missing")?,
        document: document.ok_or("--document is missing")?,
        peer: peer.ok_or("--peer is missing")?,
        rows: rows.ok_or("--rows is missing")?,
        total: total.ok_or("--total is missing")?,
        token,
    }))
}

/// Writes and synchronizes until everything is there.
pub(crate) fn write(options: &Options, output: &mut impl Write) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut writer = Writer { options, written: 0, acknowledged: 0 };
        let mut replica = Replica::new(&options.peer)?;
        loop {
            replica = match Client::connect(&options.address, &options.document, &options.token, replica).await {
                Err(failed) => *failed.replica,
                Ok(mut client) => {
                    if writer.run(&mut client, output).await? {
                        writeln!(output, "digest {}", client.doc().digest()?)?;
                        client.close().await;
                        return Ok(());
                    }
                    client.into_replica()
                }
            };
            tokio::time::sleep(RETRY).await;
        }
    })
}

struct Writer<'a> {
    options: &'a Options,
    written: u32,
    acknowledged: u32,
}

impl Writer<'_> {
    /// Returns whether everything is there; not, if the connection is lost.
    async fn run(&mut self, client: &mut Client, output: &mut impl Write) -> Result<bool, Failure> {
        let Options { peer, rows, total, .. } = self.options;
        loop {
            let known =
                client.acknowledged()?.into_iter().find(|known| known.peer == *peer).map_or(0, |known| known.count);
            for row in self.acknowledged..known {
                writeln!(output, "ack {peer} {row}")?;
            }
            output.flush()?;
            self.acknowledged = self.acknowledged.max(known);
            let doc = client.doc();
            if self.written < *rows {
                doc.insert(TABLE, &format!("{peer} {}", self.written), [("number", i64::from(self.written))])?;
                self.written += 1;
            } else if self.acknowledged == *rows && client.progress()?.in_sync {
                let tables = doc.tables()?;
                if tables.iter().any(|table| table.name == TABLE && u64::from(table.rows) == *total) {
                    return Ok(true);
                }
            }
            if client.pump(WAIT).await.is_err() {
                return Ok(false);
            }
        }
    }
}
