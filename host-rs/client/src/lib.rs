//! A document that is kept in a file and synchronized with a server: at once there, without a
//! network too, and in sync whenever it can be.
//!
//! ```no_run
//! use converge_client::{Client, Options};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let options = Options::default().file("board.db");
//! let board = Client::connect("http://127.0.0.1:4747", "board/1", options).await?;
//! board.write(|doc| doc.insert("tasks", "t1", [("title", "Buy milk")]))?; // on disk, also offline
//! board.synced().await?; // on the server too
//! for row in board.read(|doc| doc.scan("tasks", &Default::default()))?.rows {
//!     println!("{}: {:?}", row.id, row.cells);
//! }
//! board.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! The file is a SQLite file that other programs can read; `docs/storage.md` of the sources
//! describes it. [`socket`] is the transport alone, for programs with storage of their own.

mod client;
mod error;
mod options;
mod replica;
mod shared;
pub mod socket;
mod status;
mod task;
mod token;
mod url;

pub use client::Client;
pub use error::Error;
pub use options::Options;
pub use status::{Connection, Problem, Reason, Status};
pub use url::ServerUrl;
