//! `converge-compose FILE`: builds the drop-in for `mizchi:converge`, joined with the engine, and writes it to FILE.

use anyhow::{Context, Result};
use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

fn main() -> Result<()> {
    let file = PathBuf::from(env::args_os().nth(1).context("usage: converge-compose FILE")?);
    let component = converge_compose::compat(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))?;
    converge_pack::write(&file, &component)?;
    writeln!(io::stdout(), "{}: {} bytes", file.display(), component.len())?;
    Ok(())
}
