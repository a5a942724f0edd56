//! Composes the engine with components that use it or wrap it. The result is a single component,
//! which imports nothing.

use anyhow::{Context, Result};
use std::path::Path;
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, PackageId, PlugError, plug};

/// Composes the engine with the replacement for `mizchi:converge`, and compares the result with
/// that contract.
///
/// # Errors
///
/// If one of them cannot be built, or if they do not match.
pub fn compat(workspace: &Path) -> Result<Vec<u8>> {
    let engine = converge_pack::build(workspace, "converge-component")?;
    let compat = converge_pack::build(workspace, "converge-compat")?;
    let composed = join(engine, compat)?;
    converge_pack::check(&composed, &workspace.join("component/compat/wit"), None)?;
    Ok(composed)
}

/// Composes the engine with the guard and the schema in the package `schema` of the workspace, and
/// compares the result with the engine's contract.
///
/// # Errors
///
/// If one of them cannot be built, or if they do not match.
pub fn guard(workspace: &Path, schema: &str) -> Result<Vec<u8>> {
    let engine = converge_pack::build(workspace, "converge-component")?;
    let guard = converge_pack::build(workspace, "converge-example-guard")?;
    let schema = converge_pack::build(workspace, schema)?;
    let composed = put_in_front(engine, guard, vec![schema])?;
    converge_pack::check(&composed, &workspace.join("wit"), Some("converge"))?;
    Ok(composed)
}

/// Plugs the exports of `engine` into the imports of `user`. The result has the exports of `user`.
///
/// # Errors
///
/// If one of them is not a component, or if `user` imports nothing that `engine` exports.
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

/// Puts `front` in front of `engine`. The imports of `front` come from the engine and from
/// `others`. The result has the exports of the engine; those that `front` exports, too, come from
/// `front`. Plugging alone is not enough: exports of `front` name resources of the engine, so that
/// the result must export these, too.
///
/// # Errors
///
/// If one of them is not a component, or if no component exports what `front` imports.
pub fn put_in_front(engine: Vec<u8>, front: Vec<u8>, others: Vec<Vec<u8>>) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let engine = register(&mut graph, "converge:engine", engine)?;
    let front = register(&mut graph, "converge:front", front)?;
    let mut providers = vec![(engine, graph.instantiate(engine))];
    for (place, other) in others.into_iter().enumerate() {
        let other = register(&mut graph, &format!("converge:other{place}"), other)?;
        providers.push((other, graph.instantiate(other)));
    }
    let front_instance = graph.instantiate(front);
    for import in imports(&graph, front) {
        let provider = providers.iter().find(|(provider, _)| exports(&graph, *provider).contains(&import));
        let (_, provider) = provider.with_context(|| format!("no component exports {import}"))?;
        let argument = graph.alias_instance_export(*provider, &import)?;
        graph.set_instantiation_argument(front_instance, &import, argument)?;
    }
    let in_front = exports(&graph, front);
    let (passed_on, own): (Vec<_>, _) = exports(&graph, engine).into_iter().partition(|name| !in_front.contains(name));
    let engine_instance = providers[0].1;
    // The exports of the engine come first, because those of `front` refer to them.
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
