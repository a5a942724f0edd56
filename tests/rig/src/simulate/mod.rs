//! `converge-rig simulate`: runs replicas in a simulated network, tick by tick, until they agree.
//!
//! The replicas are instances of the component. The seed determines everything that the network
//! does.

mod arguments;
mod chart;
mod network;
mod world;

pub(crate) use arguments::{HELP, Options, arguments};

use crate::Failure;
use arguments::Topology;
use converge::file::Replacement;
use std::io::Write;
use world::World;

/// The statistics of a tick.
#[derive(Debug, Clone, Copy)]
struct Tick {
    /// Messages sent.
    messages: usize,
    /// Their size.
    bytes: usize,
    /// Pairs of peers that show different entries or rows.
    disagreeing: usize,
    /// The total number of entries or rows that the peers show.
    entries: usize,
}

/// Returns whether the peers agreed at the end in all topologies.
pub(crate) fn simulate(options: &Options, output: &mut impl Write) -> Result<bool, Failure> {
    let mut runs = Vec::new();
    let mut all_agreed = true;
    for &topology in &options.topologies {
        let ticks = run(options, topology, output)?;
        let agreed = agreement(&ticks);
        let (messages, bytes) = (sum(&ticks, |tick| tick.messages), sum(&ticks, |tick| tick.bytes));
        writeln!(output, "topology  {topology}")?;
        match agreed {
            Some(tick) => writeln!(output, "agreed    from tick {tick} on")?,
            None => writeln!(output, "agreed    not within {} ticks", ticks.len())?,
        }
        writeln!(output, "messages  {messages}\nbytes     {bytes}")?;
        all_agreed &= agreed.is_some();
        runs.push((topology, ticks));
    }
    if let Some(file) = &options.svg {
        let drawing = chart::draw(&runs).map_err(|error| format!("the chart cannot be drawn: {error}"))?;
        let write = || {
            let mut replacement = Replacement::of(file)?;
            replacement.write_all(drawing.as_bytes())?;
            replacement.commit()
        };
        write().map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(all_agreed)
}

fn run(options: &Options, topology: Topology, output: &mut impl Write) -> Result<Vec<Tick>, Failure> {
    let mut world = World::new(options, topology)?;
    writeln!(output, "{:>6}{:>10}{:>10}{:>10}{:>10}", "tick", "messages", "bytes", "disagree", "entries")?;
    let mut ticks = Vec::new();
    for number in 0..options.ticks {
        let tick = world.tick(number)?;
        let Tick { messages, bytes, disagreeing, entries } = tick;
        writeln!(output, "{number:>6}{messages:>10}{bytes:>10}{disagreeing:>10}{entries:>10}")?;
        ticks.push(tick);
    }
    Ok(ticks)
}

/// Returns the first tick of the second half from which on no pair disagrees.
fn agreement(ticks: &[Tick]) -> Option<usize> {
    let last_disagreement = ticks.iter().rposition(|tick| tick.disagreeing > 0);
    let first = last_disagreement.map_or(0, |tick| tick + 1).max(ticks.len() / 2);
    (first < ticks.len()).then_some(first)
}

fn sum(ticks: &[Tick], of: impl Fn(&Tick) -> usize) -> usize {
    ticks.iter().map(of).sum()
}
