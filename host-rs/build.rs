//! Builds the component that the crate embeds, from the sources beside it.

use std::path::Path;
use std::{env, process};

fn main() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for source in [
        "Cargo.toml",
        "Cargo.lock",
        "component/Cargo.toml",
        "component/src",
        "component/engine/Cargo.toml",
        "component/engine/src",
        "wit",
    ] {
        println!("cargo::rerun-if-changed={}", workspace.join(source).display());
    }
    let Some(out_dir) = env::var_os("OUT_DIR") else {
        eprintln!("cargo sets OUT_DIR for build scripts; it is missing");
        process::exit(1);
    };
    if let Err(error) = converge_pack::pack(&workspace, &Path::new(&out_dir).join("converge.wasm")) {
        eprintln!("{error:?}");
        process::exit(1);
    }
}
