//! `converge-rig write`: a client of `converge serve` that writes rows and counts acknowledgements.
//! `tests/demo/writer.js` does the same in Node.

use crate::Failure;
use converge_client::{Client, Options as ClientOptions};
use lexopt::prelude::{Long, Short, Value, ValueExt};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::timeout;

pub(crate) const HELP: &str = "\
Writes rows to a document, one after the other, and synchronizes it with a server. Prints `kept ROW`
for each row that is on disk here, and `ack ROW` for each that the server acknowledged. Continues
with a file that an earlier run left. Ends when the document has the expected number of rows, and
prints `digest DIGEST`.

Usage:
  converge-rig write ADDRESS --document NAME --file FILE --rows N --total N [--token TOKEN]

Options:
  --document NAME  the document
  --file FILE      the file that keeps the document
  --rows N         the number of rows to write
  --total N        the number of rows that all writers write together
  --token TOKEN    the token for the server
";

const TABLE: &str = "acks";
/// The number of rows that are written before the server has acknowledged the first of them.
const WINDOW: u32 = 16;
/// How long to wait for a change.
const WAIT: Duration = Duration::from_millis(20);

pub(crate) struct Options {
    address: String,
    document: String,
    file: PathBuf,
    rows: u32,
    total: u64,
    token: String,
}

/// Returns `None` if help is requested.
pub(crate) fn arguments(arguments: &mut lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let (mut address, mut document, mut file, mut rows, mut total) = (None, None, None, None, None);
    let mut token = String::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("document") => document = Some(arguments.value()?.string()?),
            Long("file") => file = Some(arguments.value()?.into()),
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
        file: file.ok_or("--file is missing")?,
        rows: rows.ok_or("--rows is missing")?,
        total: total.ok_or("--total is missing")?,
        token,
    }))
}

/// Writes and synchronizes until everything is there.
pub(crate) fn write(options: &Options, output: &mut impl Write) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let Options { address, document, file, rows, total, token } = options;
        let pause = Duration::from_millis(50);
        let for_client = ClientOptions::default().file(file).token(token).pauses(pause, pause);
        let client = Client::connect(&format!("http://{address}"), document, for_client).await?;
        let peer = client.read(|doc| doc.peer())?;
        // Each row is an event of this peer.
        let version = client.read(|doc| doc.version())?;
        let mut written = version.iter().find(|known| known.peer == peer).map_or(0, |known| known.count);
        let (mut acknowledged, mut status) = (0, client.status());
        loop {
            let now = status.borrow_and_update().clone();
            let known = written.saturating_sub(now.unsent);
            for row in acknowledged..known {
                writeln!(output, "ack {peer} {row}")?;
            }
            acknowledged = acknowledged.max(known);
            if written < *rows && now.unsent < WINDOW {
                let row = format!("{peer} {written}");
                client.write(|doc| doc.insert(TABLE, &row, [("number", i64::from(written))]))?;
                writeln!(output, "kept {row}")?;
                written += 1;
                output.flush()?;
                continue;
            }
            output.flush()?;
            let tables = client.read(|doc| doc.tables())?;
            let is_whole = tables.iter().any(|table| table.name == TABLE && u64::from(table.rows) == *total);
            if acknowledged == *rows && now.in_sync && is_whole {
                break;
            }
            // Also if nothing changes, since a change could come before this waits.
            let _ = timeout(WAIT, status.changed()).await;
        }
        writeln!(output, "digest {}", client.read(|doc| doc.digest())?)?;
        client.close().await?;
        Ok(())
    })
}
