//! The replicas and the steps of a tick, in the order that `--help` describes.

use super::Tick;
use super::arguments::{Layer, Model, Options, Topology, peer_name};
use super::network::{Network, Packet};
use crate::Failure;
use converge::{Cell, Doc, Instance, InstanceOptions, RowOp, ScanOptions, Session, SessionOptions};
use converge::{Store, StoreOptions, Value};
use std::collections::BTreeMap;

/// Longer than any run: no entry expires.
const TIME_TO_LIVE_MS: f64 = 1e12;
/// The interval at which a peer in gossip asks another peer for missing events.
const REPAIR_TICKS: usize = 10;

/// The content of a packet.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// A message of a session.
    Message(Vec<u8>),
    /// The snapshot of a store.
    Snapshot(Vec<u8>),
    /// News, and the number of hops from its writer.
    Rumor { update: Vec<u8>, hops: u32 },
    /// The summary of a peer that asks for missing events.
    Question(Vec<u8>),
}

/// A replica: a peer, or the relay, which is the last node.
struct Node {
    doc: Doc,
    store: Store,
    /// The namespaces that the node writes and subscribes to.
    namespaces: Vec<String>,
    is_peer: bool,
}

/// One end of a connection.
struct End {
    session: Session,
    connection: u64,
    /// Messages passed to the network.
    sent: u64,
    /// Messages received from the network.
    received: u64,
}

pub(super) struct World<'a> {
    options: &'a Options,
    topology: Topology,
    nodes: Vec<Node>,
    network: Network<'a, Content>,
    /// By the node of the end and the node of the other end.
    ends: BTreeMap<(usize, usize), End>,
    connections: u64,
}

impl<'a> World<'a> {
    pub(super) fn new(options: &'a Options, topology: Topology) -> Result<Self, Failure> {
        let peers = options.pings.len();
        let has_relay = matches!(topology, Topology::Star | Topology::FilteredStar | Topology::Partition);
        let mut nodes = Vec::new();
        for number in 0..peers + usize::from(has_relay) {
            let is_peer = number < peers;
            let name = if is_peer { peer_name(number) } else { "relay".to_owned() };
            let instance = Instance::new(InstanceOptions::default())?;
            let keeps_all = StoreOptions::default().time_to_live_ms(TIME_TO_LIVE_MS).max_skew_ms(0.0);
            let (doc, store) = (instance.doc(&name)?, instance.store(&name, keeps_all)?);
            let all = &options.namespaces;
            let namespaces = if topology == Topology::FilteredStar && is_peer {
                all.iter().cycle().skip(number % all.len()).take(options.subscribe).cloned().collect()
            } else {
                all.clone()
            };
            nodes.push(Node { doc, store, namespaces, is_peer });
        }
        let network = Network::new(options);
        let mut world = Self { options, topology, nodes, network, ends: BTreeMap::new(), connections: 0 };
        if options.model == Model::Session && topology != Topology::Gossip {
            for (one, other) in world.links() {
                world.connect(one, other)?;
            }
        }
        Ok(world)
    }

    /// Returns the pairs of nodes that are connected.
    fn links(&self) -> Vec<(usize, usize)> {
        let count = self.nodes.len();
        let all = (0..count).flat_map(|one| (one + 1..count).map(move |other| (one, other)));
        let has_relay = !self.nodes[count - 1].is_peer;
        all.filter(|&(_, other)| !has_relay || other == count - 1).collect()
    }

    pub(super) fn tick(&mut self, tick: usize) -> Result<Tick, Failure> {
        (self.network.messages, self.network.bytes) = (0, 0);
        self.update_partition(tick)?;
        let peers = self.options.pings.len();
        self.receive(tick, |node| node < peers)?;
        if tick < self.options.ticks / 2 && tick.is_multiple_of(self.options.write_interval) {
            (0..peers).try_for_each(|peer| self.write(tick, peer))?;
        }
        (0..peers).try_for_each(|peer| self.send(tick, peer))?;
        self.receive(tick, |node| node >= peers)?;
        (peers..self.nodes.len()).try_for_each(|relay| self.send(tick, relay))?;
        self.receive(tick, |_| true)?;
        self.statistics()
    }

    /// Cuts peers off at the beginning of a partition, and reconnects them at its end.
    fn update_partition(&mut self, tick: usize) -> Result<(), Failure> {
        if self.topology != Topology::Partition {
            return Ok(());
        }
        for peer in (0..self.options.pings.len()).filter(|&peer| self.options.is_cut[peer]) {
            if tick == self.options.cut.start && !self.options.cut.is_empty() {
                self.network.lose(peer);
                self.ends.retain(|&(one, other), _| one != peer && other != peer);
            }
            if tick == self.options.cut.end && !self.options.cut.is_empty() && self.options.model == Model::Session {
                self.connect(peer, self.nodes.len() - 1)?;
            }
        }
        Ok(())
    }

    /// Returns whether one node can reach another in this tick.
    fn is_open(&self, tick: usize, from: usize, to: usize) -> bool {
        let is_cut = |node: usize| self.options.is_cut.get(node).copied().unwrap_or(false);
        let is_partitioned = self.topology == Topology::Partition && self.options.cut.contains(&tick);
        !is_partitioned || !(is_cut(from) || is_cut(to))
    }

    /// Opens new sessions on both ends of a link.
    fn connect(&mut self, one: usize, other: usize) -> Result<(), Failure> {
        self.connections += 1;
        for (from, to) in [(one, other), (other, one)] {
            let Node { doc, store, namespaces, is_peer } = &self.nodes[from];
            let mut options = SessionOptions::new("simulated");
            if *is_peer {
                options.namespaces.clone_from(namespaces);
            }
            let session = Session::open(doc, store, &options)?;
            self.ends.insert((from, to), End { session, connection: self.connections, sent: 0, received: 0 });
        }
        Ok(())
    }

    fn write(&mut self, tick: usize, peer: usize) -> Result<(), Failure> {
        let Node { doc, store, namespaces, .. } = &self.nodes[peer];
        let (name, value) = (peer_name(peer), Value::Integer(tick as i64));
        match self.options.layer {
            Layer::Presence => {
                for namespace in namespaces {
                    store.set(namespace, &name, value.clone(), tick as f64)?;
                }
            }
            Layer::Durable => {
                let cells = [Cell::new("tick", value)];
                let ops = namespaces.iter().map(|table| RowOp::insert(table, &name, &cells));
                doc.commit(ops.collect::<Vec<_>>())?;
            }
        }
        Ok(())
    }

    /// Sends the pending messages of a node.
    fn send(&mut self, tick: usize, node: usize) -> Result<(), Failure> {
        match (self.options.model, self.topology) {
            (Model::Snapshot, _) => self.send_snapshots(tick, node),
            (Model::Session, Topology::Gossip) => self.send_rumors(tick, node),
            (Model::Session, _) => self.send_messages(tick, node),
        }
    }

    fn send_snapshots(&mut self, tick: usize, node: usize) -> Result<(), Failure> {
        let receivers = match self.topology {
            Topology::Gossip => self.network.some_peers(node, self.options.fanout),
            _ => self.neighbours(node),
        };
        for to in receivers {
            let wanted: Vec<&str> = match self.topology {
                Topology::FilteredStar => self.nodes[to].namespaces.iter().map(String::as_str).collect(),
                _ => Vec::new(),
            };
            let snapshot = self.nodes[node].store.snapshot(&wanted)?;
            self.transmit(tick, node, to, Content::Snapshot(snapshot), (0, 0));
        }
        Ok(())
    }

    fn neighbours(&self, node: usize) -> Vec<usize> {
        let links = self.links().into_iter();
        links
            .filter_map(|(one, other)| [(one, other), (other, one)].into_iter().find(|ends| ends.0 == node))
            .map(|ends| ends.1)
            .collect()
    }

    fn send_rumors(&mut self, tick: usize, peer: usize) -> Result<(), Failure> {
        let Node { doc, store, .. } = &self.nodes[peer];
        let is_due = tick.is_multiple_of(self.options.write_interval) && tick < self.options.ticks / 2;
        let update = match self.options.layer {
            Layer::Presence => store.take_update()?,
            // The peer's own commit of this tick.
            Layer::Durable if is_due => {
                let mut before = doc.version()?;
                let own = peer_name(peer);
                before.iter_mut().filter(|known| known.peer == own).for_each(|known| known.count -= 1);
                Some(doc.update_since(&doc.instance().summary_of(&before)?)?)
            }
            Layer::Durable => None,
        };
        if let Some(update) = update {
            self.spread(tick, peer, &update, 1);
        }
        if tick % REPAIR_TICKS == peer % REPAIR_TICKS {
            let question = Content::Question(self.nodes[peer].doc.summary()?);
            for to in self.network.some_peers(peer, 1) {
                self.transmit(tick, peer, to, question.clone(), (0, 0));
            }
        }
        Ok(())
    }

    /// Sends an update to some random peers.
    fn spread(&mut self, tick: usize, peer: usize, update: &[u8], hops: u32) {
        for to in self.network.some_peers(peer, self.options.fanout) {
            self.transmit(tick, peer, to, Content::Rumor { update: update.to_vec(), hops }, (0, 0));
        }
    }

    fn send_messages(&mut self, tick: usize, node: usize) -> Result<(), Failure> {
        let keys: Vec<(usize, usize)> = self.ends.range((node, 0)..(node + 1, 0)).map(|(key, _)| *key).collect();
        for key in keys {
            while let Some(end) = self.ends.get_mut(&key) {
                let Some(message) = end.session.poll(tick as f64)? else { break };
                let place = (end.connection, end.sent);
                end.sent += 1;
                self.transmit(tick, key.0, key.1, Content::Message(message), place);
            }
        }
        Ok(())
    }

    fn transmit(&mut self, tick: usize, from: usize, to: usize, content: Content, (connection, number): (u64, u64)) {
        if self.is_open(tick, from, to) {
            let bytes = content.bytes();
            let packet = Packet { from, to, content, connection, number, is_lost: false };
            self.network.send(tick, packet, bytes);
        }
    }

    /// Receives the packets that have arrived at these nodes.
    fn receive(&mut self, tick: usize, is_receiver: impl Fn(usize) -> bool) -> Result<(), Failure> {
        while let Some(packet) = self.network.arrived(tick, &is_receiver) {
            if let Content::Message(message) = &packet.content {
                self.receive_message(tick, &packet, message)?;
            } else if !packet.is_lost {
                self.receive_packet(tick, packet)?;
            }
        }
        Ok(())
    }

    fn receive_message(&mut self, tick: usize, packet: &Packet<Content>, message: &[u8]) -> Result<(), Failure> {
        let key = (packet.to, packet.from);
        let Some(end) = self.ends.get_mut(&key).filter(|end| end.connection == packet.connection) else {
            return Ok(());
        };
        if packet.number < end.received {
            // A duplicate.
            return Ok(());
        }
        if packet.is_lost || packet.number > end.received {
            return self.connect(packet.from, packet.to);
        }
        end.received += 1;
        end.session.receive(message, tick as f64)?;
        Ok(())
    }

    fn receive_packet(&mut self, tick: usize, packet: Packet<Content>) -> Result<(), Failure> {
        let Packet { from, to, content, .. } = packet;
        let Node { doc, store, .. } = &self.nodes[to];
        match content {
            Content::Message(_) => {}
            Content::Snapshot(snapshot) => drop(store.merge_update(&snapshot, tick as f64)?),
            Content::Rumor { update, hops } => {
                let is_news = match self.options.layer {
                    Layer::Presence => {
                        let is_news = !store.merge_update(&update, tick as f64)?.is_empty();
                        // Drop the entries of this update: it is forwarded as it arrived.
                        store.take_update()?;
                        is_news
                    }
                    Layer::Durable => doc.merge_update(&update)?.duplicate == 0,
                };
                if is_news && hops < self.options.max_hops {
                    self.spread(tick, to, &update, hops + 1);
                }
            }
            Content::Question(summary) => {
                let update = match self.options.layer {
                    Layer::Presence => store.snapshot(&[])?,
                    Layer::Durable => doc.update_since(&summary)?,
                };
                let answer = Content::Rumor { update, hops: self.options.max_hops };
                self.transmit(tick, to, from, answer, (0, 0));
            }
        }
        Ok(())
    }

    /// Compares the states of the peers, and returns the statistics of the tick.
    fn statistics(&self) -> Result<Tick, Failure> {
        let peers = self.options.pings.len();
        let shown: Vec<BTreeMap<&str, String>> =
            self.nodes[..peers].iter().map(|node| self.shown(node)).collect::<Result<_, _>>()?;
        let disagree = |one: &BTreeMap<&str, String>, other: &BTreeMap<&str, String>| {
            one.iter().any(|(namespace, content)| other.get(namespace).is_some_and(|other| other != content))
        };
        let pairs = (0..peers).flat_map(|one| (one + 1..peers).map(move |other| (one, other)));
        let disagreeing = pairs.filter(|&(one, other)| disagree(&shown[one], &shown[other])).count();
        let entries = shown.iter().flat_map(BTreeMap::values).map(|content| content.lines().count()).sum();
        Ok(Tick { messages: self.network.messages, bytes: self.network.bytes, disagreeing, entries })
    }

    /// Returns what a peer shows in each of its namespaces, as a line for each entry.
    fn shown<'b>(&self, node: &'b Node) -> Result<BTreeMap<&'b str, String>, Failure> {
        let mut shown = BTreeMap::new();
        for namespace in &node.namespaces {
            let content: String = match self.options.layer {
                Layer::Presence => {
                    let entries = node.store.get_all(namespace)?.into_iter();
                    entries.map(|entry| format!("{} {:?} {}\n", entry.key, entry.value, entry.timestamp)).collect()
                }
                Layer::Durable => {
                    let rows = node.doc.rows(namespace, ScanOptions::default());
                    rows.map(|row| row.map(|row| format!("{} {:?}\n", row.id, row.cells))).collect::<Result<_, _>>()?
                }
            };
            shown.insert(namespace.as_str(), content);
        }
        Ok(shown)
    }
}

impl Content {
    /// Returns the size in bytes.
    fn bytes(&self) -> usize {
        match self {
            Self::Message(bytes) | Self::Snapshot(bytes) | Self::Question(bytes) => bytes.len(),
            Self::Rumor { update, .. } => update.len() + 1,
        }
    }
}
