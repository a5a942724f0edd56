//! Compiles and instantiates the component in wasmtime, and measures its size.

use crate::libraries::Result;
use crate::results::{Figure, Unit};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::time::Instant;
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store};

const INSTANCES: usize = 100;

pub fn run() -> Result<Vec<Figure>> {
    let mut config = Config::new();
    config.concurrency_support(false);
    let engine = Engine::new(&config)?;
    let start = Instant::now();
    let compiled = engine.precompile_component(converge::COMPONENT)?;
    let compile = start.elapsed().as_secs_f64();
    let start = Instant::now();
    // SAFETY: this engine has just produced the bytes.
    let component = unsafe { Component::deserialize(&engine, &compiled) }?;
    let load = start.elapsed().as_secs_f64();
    let linker = Linker::<()>::new(&engine).instantiate_pre(&component)?;
    linker.instantiate(Store::new(&engine, ()))?;
    let start = Instant::now();
    for _ in 0..INSTANCES {
        linker.instantiate(Store::new(&engine, ()))?;
    }
    let instantiate = start.elapsed().as_secs_f64() / INSTANCES as f64;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(converge::COMPONENT)?;
    Ok(vec![
        Figure::new("compile", compile * 1e3, Unit::Milliseconds),
        Figure::new("load compiled code", load * 1e3, Unit::Milliseconds),
        Figure::new("instantiate", instantiate * 1e3, Unit::Milliseconds),
        Figure::new("WebAssembly", converge::COMPONENT.len() as f64, Unit::Bytes),
        Figure::new("WebAssembly, gzip", gzip.finish()?.len() as f64, Unit::Bytes),
    ])
}
