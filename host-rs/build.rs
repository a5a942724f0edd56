//! Provides the component that the crate embeds with the feature `component`. In a packaged crate
//! it is a file next to the manifest; in the repository it is built from its sources.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

/// The sources of the component, relative to the workspace.
const SOURCES: [&str; 7] = [
    "Cargo.toml",
    "Cargo.lock",
    "component/Cargo.toml",
    "component/src",
    "component/engine/Cargo.toml",
    "component/engine/src",
    "wit",
];

fn main() -> Result<(), Box<dyn Error>> {
    if env::var_os("CARGO_FEATURE_COMPONENT").is_none() {
        println!("cargo::rerun-if-changed=build.rs");
        return Ok(());
    }
    let component = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo did not set OUT_DIR")?).join("converge.wasm");
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packaged = crate_folder.join("converge.wasm");
    if packaged.exists() {
        println!("cargo::rerun-if-changed={}", packaged.display());
        fs::copy(&packaged, &component)?;
        return Ok(());
    }
    let workspace = crate_folder.join("..");
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", workspace.join(source).display());
    }
    build(&workspace, &component)
}

/// Runs `converge-pack` in a separate target folder, because the outer cargo locks the usual one.
fn build(workspace: &Path, component: &Path) -> Result<(), Box<dyn Error>> {
    let status = Command::new(env::var_os("CARGO").ok_or("cargo did not set CARGO")?)
        .current_dir(workspace)
        .args(["run", "--quiet", "--release", "--bin", "converge-pack", "--target-dir", "target/component", "--"])
        .arg(component)
        // Settings of the outer cargo or clippy must not apply to this build.
        .env_remove("CARGO_BUILD_TARGET")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTFLAGS")
        .stdout(Stdio::null())
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("converge-pack failed: {status}").into()) }
}
