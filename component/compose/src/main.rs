//! `converge-compose FOLDER`: builds what is composed of the engine, and what runs beside it, and writes it to FOLDER.

use anyhow::{Context, Result};
use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

fn main() -> Result<()> {
    let folder = PathBuf::from(env::args_os().nth(1).context("usage: converge-compose FOLDER")?);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let components = [
        ("compat.wasm", converge_compose::compat(&workspace)?),
        ("guard.wasm", converge_compose::guard(&workspace, "converge-example-board-schema")?),
        ("board.wasm", converge_pack::build(&workspace, "converge-example-board")?),
    ];
    for (name, component) in components {
        let file = folder.join(name);
        converge_pack::write(&file, &component)?;
        writeln!(io::stdout(), "{}: {} bytes", file.display(), component.len())?;
    }
    Ok(())
}
