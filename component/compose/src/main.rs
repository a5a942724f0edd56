//! `converge-compose FOLDER` builds the compositions with the engine, and the example components,
//! and writes them to FOLDER.

use anyhow::{Context, Result};
use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

fn main() -> Result<()> {
    let folder = PathBuf::from(env::args_os().nth(1).context("usage: converge-compose FOLDER")?);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let build = |package| converge_pack::build(&workspace, package);
    let components = [
        ("compat.wasm", converge_compose::compat(&workspace)?),
        ("guard.wasm", converge_compose::guard(&workspace, "converge-example-board-schema")?),
        ("guard-anything.wasm", converge_compose::guard(&workspace, "converge-example-anything")?),
        ("board.wasm", build("converge-example-board")?),
        // The parts, for other tools, and for hosts that cannot pass resources between the parts of a composition.
        ("parts/compat.wasm", build("converge-compat")?),
        ("parts/guard.wasm", build("converge-example-guard")?),
        ("parts/board-schema.wasm", build("converge-example-board-schema")?),
        ("parts/anything.wasm", build("converge-example-anything")?),
    ];
    for (name, component) in components {
        let file = folder.join(name);
        converge_pack::write(&file, &component)?;
        writeln!(io::stdout(), "{}: {} bytes", file.display(), component.len())?;
    }
    Ok(())
}
