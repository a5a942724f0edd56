//! What `converge-rig simulate` is asked for.

use lexopt::prelude::{Long, Short, Value, ValueExt};
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

pub(crate) const HELP: &str = "\
Runs replicas, each an instance of the component, in a simulated network, and tells for each tick of 16 ms the messages and
bytes sent, the pairs of peers that show different things, and the entries (or rows) that all peers show together; in the
end the tick of the second half from which on all agreed. The peers, p0, p1 and so on, write in the first half alone.

Usage:
  converge-rig simulate TOPOLOGY... [options]

Topologies:
  star            all peers talk with a relay
  gossip          each peer tells --fanout others, by chance, what is new to it, at most --max-hops far from its writer; and
                  asks one of them every 10 ticks for what it missed
  mesh            every peer talks with every other one
  filtered-star   a star in which each peer subscribes to some namespaces, writes in those, and gets no others
  partition       a star from which some peers are cut off for a while

Options:
  --layer presence|durable   entries of stores (the default), or rows of documents
  --model session|snapshot   sessions (the default; gossip has updates instead), or the plain model: every tick each peer
                             sends its whole snapshot, presence only
  --peers N                  2 to 200 (5)
  --ticks N                  2 to 100,000 (50)
  --ping MSxN,...            the pings of so many peers (30 for all), as 30x2,200x3
  --write-interval N         ticks between two writes of a peer (1)
  --namespaces A,B,...       in which each peer sets its own key, or tables with a row each (pos)
  --subscribe N              namespaces of each peer of a filtered star: from the k-th on for peer k (1)
  --fanout N, --max-hops N   of gossip (2, 4)
  --cut FROM..TO             ticks of a partition (the second quarter)
  --cut-peers A,B,...        peers that it cuts off (the first half of them)
  --loss P                   probability that a message is lost
  --duplicate P              that it comes twice
  --reorder P                that it comes up to three ticks late, so that others overtake it
  --seed N                   decides everything that is left to chance (1)
  --svg FILE                 draw disagreement and messages over time, a line for each topology

A message takes ping / 2 / 16 ticks, rounded down, but at least one where there is a ping; between two peers the mean of their pings
counts. In each tick, in this order: the peers take in what has arrived; those whose turn it is write; the peers send; the relay
takes in what has arrived, and sends; what arrives without delay is taken in; then it is seen who agrees.

Sessions need messages whole and in order: where one is lost or overtaken the connection is closed, at the time at which the
message would have come, and both sides open new sessions; one that comes twice is dropped by the transport.
";

/// Who talks with whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topology {
    Star,
    Gossip,
    Mesh,
    FilteredStar,
    Partition,
}

/// What is kept the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    Presence,
    Durable,
}

/// How it is kept the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Model {
    Session,
    Snapshot,
}

pub(crate) struct Options {
    pub(super) topologies: Vec<Topology>,
    pub(super) layer: Layer,
    pub(super) model: Model,
    /// Of each peer, in milliseconds.
    pub(super) pings: Vec<u32>,
    pub(super) ticks: usize,
    pub(super) write_interval: usize,
    pub(super) namespaces: Vec<String>,
    pub(super) subscribe: usize,
    pub(super) fanout: usize,
    pub(super) max_hops: u32,
    pub(super) cut: Range<usize>,
    /// By peer, whether a partition cuts it off.
    pub(super) is_cut: Vec<bool>,
    pub(super) loss: f64,
    pub(super) duplicate: f64,
    pub(super) reorder: f64,
    pub(super) seed: u64,
    pub(super) svg: Option<PathBuf>,
}

/// What peer has which name.
pub(super) fn peer_name(peer: usize) -> String {
    format!("p{peer}")
}

/// None where help is asked for.
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
        return Err("which topology: star, gossip, mesh, filtered-star or partition?".into());
    }
    if model == Model::Snapshot && layer == Layer::Durable {
        return Err("the snapshot model is one of presence; leave out --layer durable".into());
    }
    let pings: Vec<u32> = pings.unwrap_or_else(|| vec![30; peers]);
    if pings.len() != peers {
        return Err(format!("--ping gives {} pings for {peers} peers; give one for each", pings.len()).into());
    }
    if subscribe > namespaces.len() {
        return Err(format!("--subscribe {subscribe} is more than the {} namespaces", namespaces.len()).into());
    }
    let cut = cut.unwrap_or(ticks / 4..ticks / 2);
    let cut_peers = cut_peers.unwrap_or_else(|| (0..peers / 2).map(peer_name).collect::<Vec<_>>());
    if let Some(unknown) = cut_peers.iter().find(|name| !(0..peers).any(|peer| peer_name(peer) == **name)) {
        return Err(format!("--cut-peers names {unknown:?}; the peers are p0 to p{}", peers - 1).into());
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
        _ => Err(format!("give a number from {} to {}", range.start, range.end - 1)),
    })
}

/// `30x2,200x3` as five pings.
fn pings_of(text: &str) -> Result<Vec<u32>, String> {
    let mut pings = Vec::new();
    for part in text.split(',') {
        let error = || format!("{part:?} is not of the form 30x5: milliseconds, x, how many peers");
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
    let is_right = names.len() <= 1_000 && names.iter().all(|name| !name.is_empty() && name.len() <= 256);
    if is_right { Ok(names) } else { Err("give up to 1,000 names of 1 to 256 bytes, parted by commas".to_owned()) }
}

fn ticks_of(text: &str) -> Result<Range<usize>, String> {
    let parts = text.split_once("..").and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    match parts {
        Some((from, to)) if from <= to => Ok(from..to),
        _ => Err("give two ticks, as 10..20".to_owned()),
    }
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.0..1.0).contains(&number) => Ok(number),
        _ => Err("give a probability from 0 to below 1".to_owned()),
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
        found.ok_or_else(|| "a topology is star, gossip, mesh, filtered-star or partition".to_owned())
    }
}

impl FromStr for Layer {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "presence" => Ok(Self::Presence),
            "durable" => Ok(Self::Durable),
            _ => Err("a layer is presence or durable"),
        }
    }
}

impl FromStr for Model {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "session" => Ok(Self::Session),
            "snapshot" => Ok(Self::Snapshot),
            _ => Err("a model is session or snapshot"),
        }
    }
}
