//! `converge-pack FILE` builds the component of this workspace and writes it to FILE.
//! `converge-pack --wit FILE` encodes the contract as a WIT package.

use anyhow::{Result, bail};
use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

fn main() -> Result<()> {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (file, bytes) = match &arguments[..] {
        [option, file] if option == "--wit" => {
            (PathBuf::from(file), converge_pack::wit_package(&workspace, file.as_ref())?)
        }
        [file] => (PathBuf::from(file), converge_pack::pack(&workspace, file.as_ref())?),
        _ => bail!("usage: converge-pack [--wit] FILE"),
    };
    writeln!(io::stdout(), "{}: {bytes} bytes", file.display())?;
    Ok(())
}
