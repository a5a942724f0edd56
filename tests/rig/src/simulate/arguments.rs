//! The arguments of `converge-rig simulate`.

use lexopt::prelude::{Long, Short, Value, ValueExt};
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

pub(crate) const HELP: &str = "\
Runs replicas, each an instance of the component, in a simulated network. Prints for each tick of
16 ms the messages and bytes sent, the number of pairs of peers that disagree, and the total number
of entries (or rows) that the peers show. At the end, prints the tick in the second half from which
on all peers agreed. The peers p0, p1 and so on write in the first half only.

Usage:
  converge-rig simulate TOPOLOGY... [options]

Topologies:
  star            all peers synchronize with a relay
  gossip          each peer forwards news to --fanout random peers, over at most --max-hops hops from
                  the writer, and every 10 ticks asks a random peer for missing events or entries
  mesh            every peer synchronizes with every other peer
  filtered-star   a star in which each peer subscribes to some namespaces, and writes to these only
  partition       a star that some peers are cut off from for a while

Options:
  --layer presence|durable   entries of stores, or rows of documents [default: presence]
  --model session|snapshot   sessions (updates for gossip); or each peer sends its whole snapshot in
                             every tick, for presence only [default: session]
  --peers N                  the number of peers, 2 to 200 [default: 5]
  --ticks N                  the number of ticks, 2 to 100,000 [default: 50]
  --ping MSxN,...            pings in ms, each for N peers, such as 30x2,200x3 [default: 30 for all]
  --write-interval N         the number of ticks from one write of a peer to the next [default: 1]
  --namespaces A,B,...       namespaces in which each peer sets one key, or tables in which each peer
                             writes one row [default: pos]
  --subscribe N              the number of namespaces of each peer in a filtered star; those of peer k
                             start with the k-th [default: 1]
  --fanout N                 the number of receivers in gossip [default: 2]
  --max-hops N               the maximum number of hops in gossip [default: 4]
  --cut FROM..TO             the ticks of a partition [default: the second quarter]
  --cut-peers A,B,...        the peers that are cut off [default: the first half]
  --loss P                   the probability that a message is lost [default: 0]
  --duplicate P              the probability that a message arrives twice [default: 0]
  --reorder P                the probability that a message arrives up to three ticks late [default: 0]
  --seed N                   the seed of all random decisions [default: 1]
  --svg FILE                 draw disagreement and messages over time, with a line per topology

A message takes ping / 2 / 16 ticks, rounded down, and at least one tick if the ping is not 0.
Between two peers the mean of their pings applies. The steps of a tick, in this order:
  1. the peers receive messages
  2. the peers write, if it is their turn
  3. the peers send
  4. the relay receives messages, and sends
  5. all receive messages that arrive without delay
  6. the states are compared

Sessions need complete messages in order. If a message is lost or overtaken, the connection is
closed when the message would have arrived, and both sides open new sessions. The transport drops
duplicates.
";

/// Which nodes exchange messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topology {
    Star,
    Gossip,
    Mesh,
    FilteredStar,
    Partition,
}

/// What the nodes synchronize.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    Presence,
    Durable,
}

/// How the nodes synchronize.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Model {
    Session,
    Snapshot,
}

pub(crate) struct Options {
    pub(super) topologies: Vec<Topology>,
    pub(super) layer: Layer,
    pub(super) model: Model,
    /// The ping of each peer, in milliseconds.
    pub(super) pings: Vec<u32>,
    pub(super) ticks: usize,
    pub(super) write_interval: usize,
    pub(super) namespaces: Vec<String>,
    pub(super) subscribe: usize,
    pub(super) fanout: usize,
    pub(super) max_hops: u32,
    pub(super) cut: Range<usize>,
    /// Whether a partition cuts off a peer, by peer.
    pub(super) is_cut: Vec<bool>,
    pub(super) loss: f64,
    pub(super) duplicate: f64,
    pub(super) reorder: f64,
    pub(super) seed: u64,
    pub(super) svg: Option<PathBuf>,
}

/// Returns the name of a peer.
pub(super) fn peer_name(peer: usize) -> String {
    format!("p{peer}")
}

/// Returns `None` if help is requested.
pub(crate) fn arguments(arguments: &mut lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let mut topologies = Vec::new();
    let (mut layer, mut model, mut seed, mut svg) = (Layer::Presence, Model::Session, 1, None);
    let (mut peers, mut ticks, mut write_interval, mut subscribe) = (5, 50, 1, 1);
    let (mut fanout, mut max_hops, mut pings, mut namespaces) = (2, 4, None, vec!["pos".to_owned()]);
    let (mut cut, mut cut_peers, mut loss, mut duplicate, mut reorder) = (None, None, 0.0, 0.0, 0.0);
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("layer") => layer = arguments.value()?.parse()?,
            Long("model") => model = arguments.value()?.parse()?,
            Long("peers") => peers = within(arguments, 2..201)?,
            Long("ticks") => ticks = within(arguments, 2..100_001)?,
            Long("ping") => pings = Some(arguments.value()?.parse_with(pings_of)?),
            Long("write-interval") => write_interval = within(arguments, 1..100_001)?,
            Long("namespaces") => namespaces = arguments.value()?.parse_with(names)?,
            Long("subscribe") => subscribe = within(arguments, 1..1_001)?,
            Long("fanout") => fanout = within(arguments, 1..200)?,
            Long("max-hops") => max_hops = within(arguments, 1..1_001)? as u32,
            Long("cut") => cut = Some(arguments.value()?.parse_with(ticks_of)?),
            Long("cut-peers") => cut_peers = Some(arguments.value()?.parse_with(names)?),
            Long("loss") => loss = arguments.value()?.parse_with(probability)?,
            Long("duplicate") => duplicate = arguments.value()?.parse_with(probability)?,
            Long("reorder") => reorder = arguments.value()?.parse_with(probability)?,
            Long("seed") => seed = arguments.value()?.parse()?,
            Long("svg") => svg = Some(arguments.value()?.into()),
            Value(topology) => topologies.push(topology.parse()?),
            other => return Err(other.unexpected()),
        }
    }
    if topologies.is_empty() {
        return Err("the topology is missing; expected star, gossip, mesh, filtered-star or partition".into());
    }
    if model == Model::Snapshot && layer == Layer::Durable {
        return Err("--model snapshot works with --layer presence only".into());
    }
    let pings: Vec<u32> = pings.unwrap_or_else(|| vec![30; peers]);
    if pings.len() != peers {
        return Err(format!("--ping has {} pings for {peers} peers; expected one for each", pings.len()).into());
    }
    if subscribe > namespaces.len() {
        return Err(format!("--subscribe {subscribe} exceeds the number of namespaces, {}", namespaces.len()).into());
    }
    let cut = cut.unwrap_or(ticks / 4..ticks / 2);
    let cut_peers = cut_peers.unwrap_or_else(|| (0..peers / 2).map(peer_name).collect::<Vec<_>>());
    if let Some(unknown) = cut_peers.iter().find(|name| !(0..peers).any(|peer| peer_name(peer) == **name)) {
        return Err(format!("--cut-peers contains {unknown:?}; the peers are p0 to p{}", peers - 1).into());
    }
    let is_cut = (0..peers).map(|peer| cut_peers.contains(&peer_name(peer))).collect();
    Ok(Some(Options {
        topologies,
        layer,
        model,
        pings,
        ticks,
        write_interval,
        namespaces,
        subscribe,
        fanout: fanout.min(peers - 1),
        max_hops,
        cut,
        is_cut,
        loss,
        duplicate,
        reorder,
        seed,
        svg,
    }))
}

fn within(arguments: &mut lexopt::Parser, range: Range<usize>) -> Result<usize, lexopt::Error> {
    arguments.value()?.parse_with(|text| match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("expected a number from {} to {}", range.start, range.end - 1)),
    })
}

/// Parses `30x2,200x3` as five pings.
fn pings_of(text: &str) -> Result<Vec<u32>, String> {
    let mut pings = Vec::new();
    for part in text.split(',') {
        let error = || format!("invalid pings {part:?}; expected MSxN, such as 30x5 for 5 peers with 30 ms");
        let (ping, count) = part.split_once('x').ok_or_else(error)?;
        let (ping, count): (u32, usize) = (ping.parse().map_err(|_| error())?, count.parse().map_err(|_| error())?);
        if ping > 1_000_000 || count > 200 {
            return Err(error());
        }
        pings.extend(std::iter::repeat_n(ping, count));
    }
    Ok(pings)
}

fn names(text: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> = text.split(',').map(str::to_owned).collect();
    let is_valid = names.len() <= 1_000 && names.iter().all(|name| !name.is_empty() && name.len() <= 256);
    if is_valid {
        Ok(names)
    } else {
        Err("expected up to 1,000 names of 1 to 256 bytes, separated by commas".to_owned())
    }
}

fn ticks_of(text: &str) -> Result<Range<usize>, String> {
    let parts = text.split_once("..").and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    match parts {
        Some((from, to)) if from <= to => Ok(from..to),
        _ => Err("expected two ticks, such as 10..20".to_owned()),
    }
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.0..1.0).contains(&number) => Ok(number),
        _ => Err("expected a probability from 0 to below 1".to_owned()),
    }
}

const TOPOLOGIES: [(&str, Topology); 5] = [
    ("star", Topology::Star),
    ("gossip", Topology::Gossip),
    ("mesh", Topology::Mesh),
    ("filtered-star", Topology::FilteredStar),
    ("partition", Topology::Partition),
];

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = TOPOLOGIES.iter().find(|(_, topology)| topology == self).map(|(name, _)| *name);
        f.write_str(name.unwrap_or_default())
    }
}

impl FromStr for Topology {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = TOPOLOGIES.iter().find(|(name, _)| *name == text).map(|(_, topology)| *topology);
        found.ok_or_else(|| "expected a topology: star, gossip, mesh, filtered-star or partition".to_owned())
    }
}

impl FromStr for Layer {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "presence" => Ok(Self::Presence),
            "durable" => Ok(Self::Durable),
            _ => Err("expected a layer: presence or durable"),
        }
    }
}

impl FromStr for Model {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "session" => Ok(Self::Session),
            "snapshot" => Ok(Self::Snapshot),
            _ => Err("expected a model: session or snapshot"),
        }
    }
}
