//! `converge-pack FILE`: builds the component of this workspace and writes it to FILE.

use anyhow::{Context, Result};
use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

fn main() -> Result<()> {
    let file = env::args_os().nth(1).context("usage: converge-pack FILE")?;
    let file = PathBuf::from(file);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let bytes = converge_pack::pack(&workspace, &file)?;
    writeln!(io::stdout(), "{}: {bytes} bytes", file.display())?;
    Ok(())
}
