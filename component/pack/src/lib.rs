//! Builds the component: compiles `converge-component` to a core WebAssembly module, wraps the
//! module as a component, and checks that it imports nothing and exports exactly what `wit/`
//! defines.
//!
//! Needs only cargo and rustc. The program of this package and the build script of the Rust host
//! call [`pack`].

use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};
use wit_component::{ComponentEncoder, DecodedWasm, WitPrinter};
use wit_parser::{IndexMap, InterfaceId, PackageId, Resolve, Stability, WorldId, WorldItem, WorldKey};

/// The only target without imports: every WASI target imports interfaces of WASI.
const TARGET: &str = "wasm32-unknown-unknown";

/// Environment variables of an outer cargo, clippy or coverage run. They are meant for the host and
/// would change the component.
const OUTER_BUILD: [&str; 6] = [
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
];

/// Builds the component of the workspace in the folder `workspace`, checks it and writes it to
/// `file`. Returns the size of the component in bytes. On error, `file` is unchanged.
///
/// Takes a release build of the engine the first time, and fractions of a second if nothing
/// changed.
///
/// # Errors
///
/// If the compiler is missing or fails, if the component differs from the contract, or if `file`
/// cannot be written.
pub fn pack(workspace: &Path, file: &Path) -> Result<usize> {
    let component = build(workspace, "converge-component")?;
    check(&component, &workspace.join("wit"), Some("converge"))?;
    write(file, &component)?;
    Ok(component.len())
}

/// Encodes the contract, the folder `wit` of the workspace, as a WIT package with its
/// documentation, and writes it to `file`. Returns the number of bytes.
///
/// # Errors
///
/// If the contract cannot be parsed, or `file` cannot be written.
pub fn wit_package(workspace: &Path, file: &Path) -> Result<usize> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(workspace.join("wit"))?;
    let bytes = wit_component::encode(&resolve, package, false)?;
    write(file, &bytes)?;
    Ok(bytes.len())
}

/// Builds a package of the workspace as a component, and returns its bytes. Imports are allowed.
///
/// Takes a release build of the package the first time, and fractions of a second if nothing
/// changed.
///
/// # Errors
///
/// If the compiler is missing or fails.
pub fn build(workspace: &Path, package: &str) -> Result<Vec<u8>> {
    // The path is part of the compiler flags. If it were written in another way, cargo would compile everything again.
    let workspace = workspace.canonicalize().with_context(|| format!("no folder {}", workspace.display()))?;
    let module_file = compile(&workspace, package)?;
    let module = fs::read(&module_file).with_context(|| format!("reading {}", module_file.display()))?;
    wrap(&module)
}

/// Compiles the core module in a separate target folder, because an outer cargo locks the usual
/// one.
fn compile(workspace: &Path, package: &str) -> Result<PathBuf> {
    ensure_target()?;
    let target_dir = workspace.join("target").join("component");
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(workspace)
        .args(["build", "--quiet", "--package", package, "--profile", "component", "--target", TARGET])
        .arg("--target-dir")
        .arg(&target_dir)
        .env("CARGO_ENCODED_RUSTFLAGS", compiler_flags(workspace));
    for variable in OUTER_BUILD {
        command.env_remove(variable);
    }
    run(&mut command)?;
    Ok(target_dir.join(TARGET).join("component").join(package.replace('-', "_") + ".wasm"))
}

/// Returns compiler flags that limit inlining, and that keep the paths of this machine out of panic
/// messages, so that the same sources compile to the same bytes.
fn compiler_flags(workspace: &Path) -> String {
    let home = |variable: &str, folder: &str| {
        env::var_os(variable).map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(folder)))
    };
    let mut flags = vec![format!("--remap-path-prefix={}=", workspace.join("").display())];
    // A quarter smaller than with the default threshold of 225, and as fast: differences are within the noise.
    flags.push("-Cllvm-args=--inline-threshold=60".to_owned());
    if let Some(cargo_home) = home("CARGO_HOME", ".cargo") {
        flags.push(format!("--remap-path-prefix={}=cargo", cargo_home.display()));
    }
    flags.join("\x1f")
}

/// Installs the standard library for the target if it is missing.
fn ensure_target() -> Result<()> {
    let output = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .context("running rustc; is Rust installed? See https://rustup.rs")?;
    if Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir() {
        return Ok(());
    }
    run(Command::new("rustup").args(["target", "add", TARGET])).with_context(|| {
        format!("Rust's standard library for {TARGET} is missing and rustup could not add it; install that target")
    })
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("starting {}", command.get_program().display()))?;
    ensure!(status.success(), "{} failed: {status}", command.get_program().display());
    Ok(())
}

/// Wraps a core module, which contains its own interface description, as a component.
fn wrap(module: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default().validate(true).module(module)?.encode().context("wrapping the core module")
}

/// Checks that a component imports nothing and exports exactly what a world in the folder `wit`
/// exports. `world` can be `None` if there is only one. Ignores comments and `@since`, which a
/// component does not contain. Takes milliseconds.
///
/// # Errors
///
/// If the component differs, or if the component or the folder cannot be read.
pub fn check(component: &[u8], wit: &Path, world: Option<&str>) -> Result<()> {
    let DecodedWasm::Component(found, found_world) = wit_component::decode(component)? else {
        bail!("the bytes are a WIT package, not a component");
    };
    let imports = names(&found, &found.worlds[found_world].imports);
    ensure!(imports.is_empty(), "the component imports {}; it must import nothing", imports.join(", "));

    let mut contract = Resolve::default();
    let (package, _) = contract.push_dir(wit)?;
    let world = contract.select_world(&[package], world)?;
    let (found, contract) = (exported(found, found_world)?, exported(contract, world)?);
    ensure!(found == contract, "the component differs from {}; it exports:\n{found}", wit.display());
    Ok(())
}

/// Prints the exports of a world: the names, then the interfaces in alphabetical order, without
/// comments and `@since`.
fn exported(mut resolve: Resolve, world: WorldId) -> Result<String> {
    forget_stability(&mut resolve);
    let mut text = names(&resolve, &resolve.worlds[world].exports).join("\n");
    let interfaces: Vec<InterfaceId> = resolve.worlds[world]
        .exports
        .values()
        .filter_map(|item| match item {
            WorldItem::Interface { id, .. } => Some(*id),
            WorldItem::Function(_) | WorldItem::Type { .. } => None,
        })
        .collect();
    let packages: BTreeSet<PackageId> = interfaces.iter().filter_map(|&id| resolve.interfaces[id].package).collect();
    for package in packages {
        resolve.packages[package].worlds.clear();
        resolve.packages[package].interfaces.retain(|_, id| interfaces.contains(id));
        resolve.packages[package].interfaces.sort_keys();
        let mut printer = WitPrinter::default();
        printer.emit_docs(false).print(&resolve, package, &[])?;
        text.push_str("\n\n");
        text.push_str(&printer.output.to_string());
    }
    Ok(text)
}

fn forget_stability(resolve: &mut Resolve) {
    for (_, interface) in &mut resolve.interfaces {
        interface.stability = Stability::Unknown;
        interface.functions.values_mut().for_each(|function| function.stability = Stability::Unknown);
    }
    for (_, of_type) in &mut resolve.types {
        of_type.stability = Stability::Unknown;
    }
}

fn names(resolve: &Resolve, items: &IndexMap<WorldKey, WorldItem>) -> Vec<String> {
    let mut names: Vec<_> = items.keys().map(|key| resolve.name_world_key(key)).collect();
    names.sort();
    names
}

/// Replaces a file atomically: writes a temporary file next to it and renames that.
///
/// # Errors
///
/// If the file cannot be written.
pub fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        let folder = file.parent().unwrap_or(Path::new(""));
        fs::create_dir_all(folder)?;
        let beside = tempfile::tempdir_in(folder)?;
        let whole = beside.path().join("whole");
        fs::write(&whole, bytes)?;
        fs::rename(&whole, file)
    };
    write().with_context(|| format!("writing {}", file.display()))
}
