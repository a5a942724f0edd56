//! Joins the engine with components that are built around it: what comes of it is one component, which imports nothing.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, PackageId, PlugError, plug};

/// The drop-in for `mizchi:converge`, joined with the engine and checked against its contract.
///
/// # Errors
///
/// Where one of the two cannot be built, or they do not fit.
pub fn compat(workspace: &Path) -> Result<Vec<u8>> {
    let workspace = canonical(workspace)?;
    let engine = converge_pack::build(&workspace, "converge-component")?;
    let compat = converge_pack::build(&workspace, "converge-compat")?;
    let joined = join(engine, compat)?;
    converge_pack::check(&joined, &workspace.join("component/compat/wit"), None)?;
    Ok(joined)
}

/// The guard before the engine, with the schema of this package of the workspace, checked against the engine's contract.
///
/// # Errors
///
/// Where one of them cannot be built, or they do not fit.
pub fn guard(workspace: &Path, schema: &str) -> Result<Vec<u8>> {
    let workspace = canonical(workspace)?;
    let engine = converge_pack::build(&workspace, "converge-component")?;
    let guard = converge_pack::build(&workspace, "converge-example-guard")?;
    let schema = converge_pack::build(&workspace, schema)?;
    let joined = stand_before(engine, guard, vec![schema])?;
    converge_pack::check(&joined, &workspace.join("wit"), Some("converge"))?;
    Ok(joined)
}

fn canonical(workspace: &Path) -> Result<PathBuf> {
    workspace.canonicalize().with_context(|| format!("no folder {}", workspace.display()))
}

/// Plugs the exports of `engine` into the imports of `user`. What comes of it exports what `user` does.
///
/// # Errors
///
/// Where one of them is no component, or `user` imports nothing that `engine` exports.
pub fn join(engine: Vec<u8>, user: Vec<u8>) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let engine = register(&mut graph, "converge:engine", engine)?;
    let user = register(&mut graph, "converge:user", user)?;
    plug(&mut graph, vec![engine], user).map_err(|error| match error {
        PlugError::NoPlugHappened => anyhow::anyhow!("the component imports nothing that the engine exports"),
        error => error.into(),
    })?;
    Ok(graph.encode(EncodeOptions::default())?)
}

/// Puts `front` before `engine`: it gets its imports from the engine and from `others`, and what comes of it exports what the
/// engine does, by `front` where that exports it too. To plug is not enough, since exports of `front` name resources of the engine,
/// which has to export them beside it.
///
/// # Errors
///
/// Where one of them is no component, or nobody exports what `front` imports.
pub fn stand_before(engine: Vec<u8>, front: Vec<u8>, others: Vec<Vec<u8>>) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let engine = register(&mut graph, "converge:engine", engine)?;
    let front = register(&mut graph, "converge:front", front)?;
    let mut givers = vec![(engine, graph.instantiate(engine))];
    for (place, other) in others.into_iter().enumerate() {
        let other = register(&mut graph, &format!("converge:other{place}"), other)?;
        givers.push((other, graph.instantiate(other)));
    }
    let front_instance = graph.instantiate(front);
    for import in imports(&graph, front) {
        let giver = givers.iter().find(|(giver, _)| exports(&graph, *giver).contains(&import));
        let (_, giver) = giver.with_context(|| format!("nobody exports {import}"))?;
        let given = graph.alias_instance_export(*giver, &import)?;
        graph.set_instantiation_argument(front_instance, &import, given)?;
    }
    let in_front = exports(&graph, front);
    let (passed_on, own): (Vec<_>, _) = exports(&graph, engine).into_iter().partition(|name| !in_front.contains(name));
    let engine_instance = givers[0].1;
    // First the engine's, which those of `front` name.
    for (instance, names) in [(engine_instance, passed_on), (front_instance, own)] {
        for name in names {
            let export = graph.alias_instance_export(instance, &name)?;
            graph.export(export, &name)?;
        }
    }
    Ok(graph.encode(EncodeOptions::default())?)
}

fn register(graph: &mut CompositionGraph, name: &str, component: Vec<u8>) -> Result<PackageId> {
    let package = Package::from_bytes(name, None, component, graph.types_mut())?;
    Ok(graph.register_package(package)?)
}

fn imports(graph: &CompositionGraph, package: PackageId) -> Vec<String> {
    graph.types()[graph[package].ty()].imports.keys().cloned().collect()
}

fn exports(graph: &CompositionGraph, package: PackageId) -> Vec<String> {
    graph.types()[graph[package].ty()].exports.keys().cloned().collect()
}
