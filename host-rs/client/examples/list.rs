//! A shared list that works offline: the program of `docs/guide/rust.md`.
#![allow(clippy::print_stdout, reason = "a program for the command line")]

use converge::{Error, ScanOptions, Value};
use converge_client::{Client, Options};
use std::env;
use std::time::Duration;
use tokio::time::timeout;

/// Usage: list FILE [add TITLE | done ROW]
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (file, command) = arguments.split_first().ok_or("usage: list FILE [add TITLE | done ROW]")?;
    let server = env::var("LIST_SERVER").unwrap_or_else(|_| "http://127.0.0.1:4747".to_owned());

    // Ready at once, also without the server.
    let list = Client::connect(&server, "list", Options::default().file(*file)).await?;
    match command {
        [] => {}
        ["add", title] => {
            // The name of this replica and the number of its events are unique together.
            let peer = list.read(|doc| doc.peer())?;
            let own = list.read(|doc| doc.version())?.into_iter().find(|known| known.peer == peer);
            let row = format!("{peer}-{}", own.map_or(0, |known| known.count));
            list.write(|doc| doc.insert("items", &row, [("title", Value::from(*title)), ("done", false.into())]))?;
        }
        ["done", row] => drop(list.write(|doc| doc.update("items", row, [("done", true)]))?),
        _ => return Err("usage: list FILE [add TITLE | done ROW]".into()),
    }

    match timeout(Duration::from_secs(3), list.synced()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => println!("({error})"),
        Err(_) => println!("(offline)"),
    }
    let rows = list.read(|doc| doc.rows("items", ScanOptions::default()).collect::<Result<Vec<_>, Error>>())?;
    for row in rows {
        let cell = |column: &str| row.cells.iter().find(|cell| cell.column == column).map(|cell| &cell.value);
        let mark = if cell("done") == Some(&Value::Boolean(true)) { "x" } else { " " };
        let Some(Value::Text(title)) = cell("title") else { continue };
        println!("[{mark}] {title}  ({})", row.id);
    }
    list.close().await?;
    Ok(())
}
