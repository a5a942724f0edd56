//! Joins the engine with a component that imports it: the two become one component, which imports nothing.

use anyhow::{Context, Result};
use std::path::Path;
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, PlugError, plug};

/// The drop-in for `mizchi:converge`, joined with the engine and checked against its contract.
///
/// # Errors
///
/// Where one of the two cannot be built, or they do not fit.
pub fn compat(workspace: &Path) -> Result<Vec<u8>> {
    let workspace = workspace.canonicalize().with_context(|| format!("no folder {}", workspace.display()))?;
    let engine = converge_pack::build(&workspace, "converge-component")?;
    let compat = converge_pack::build(&workspace, "converge-compat")?;
    let joined = join(engine, compat)?;
    converge_pack::check(&joined, &workspace.join("component/compat/wit"), None)?;
    Ok(joined)
}

/// Plugs the exports of `engine` into the imports of `user`. What comes of it exports what `user` does.
///
/// # Errors
///
/// Where one of them is no component, or `user` imports nothing that `engine` exports.
pub fn join(engine: Vec<u8>, user: Vec<u8>) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let package = Package::from_bytes("converge:engine", None, engine, graph.types_mut())?;
    let engine = graph.register_package(package)?;
    let package = Package::from_bytes("converge:user", None, user, graph.types_mut())?;
    let user = graph.register_package(package)?;
    plug(&mut graph, vec![engine], user).map_err(|error| match error {
        PlugError::NoPlugHappened => anyhow::anyhow!("the component imports nothing that the engine exports"),
        error => error.into(),
    })?;
    Ok(graph.encode(EncodeOptions::default())?)
}
