//! The network: what is on its way, how long it takes, and what becomes of it by chance. Does not know what messages mean.

use super::arguments::Options;
use crate::random::Random;
use std::collections::BTreeMap;

/// How long a tick is.
const TICK_MS: u32 = 16;
/// How many ticks late a message can be that others overtake.
const MOST_LATE: usize = 3;

/// Something on its way from one node to another.
#[derive(Debug, Clone)]
pub(super) struct Packet<Content> {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) content: Content,
    /// The connection that it belongs to, and its place there.
    pub(super) connection: u64,
    pub(super) number: u64,
    /// It does not come: this is when that can be noticed.
    pub(super) is_lost: bool,
}

pub(super) struct Network<'a, Content> {
    options: &'a Options,
    random: Random,
    /// By tick, and in the order of sending.
    on_the_way: BTreeMap<(usize, u64), Packet<Content>>,
    sent: u64,
    /// Of this tick.
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

impl<'a, Content: Clone> Network<'a, Content> {
    pub(super) fn new(options: &'a Options) -> Self {
        let random = Random::new(options.seed);
        Self { options, random, on_the_way: BTreeMap::new(), sent: 0, messages: 0, bytes: 0 }
    }

    /// Ticks from one node to another: peers by number, then the relay.
    fn delay(&self, from: usize, to: usize) -> usize {
        let ping_of = |node: usize| self.options.pings.get(node).copied();
        let ping = match (ping_of(from), ping_of(to)) {
            (Some(ping), Some(other)) => (ping + other) / 2,
            (ping, other) => ping.or(other).unwrap_or(0),
        };
        let ticks = (ping / 2 / TICK_MS) as usize;
        if ping > 0 { ticks.max(1) } else { 0 }
    }

    /// Sends something of this size.
    pub(super) fn send(&mut self, tick: usize, packet: Packet<Content>, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes;
        let Options { loss, duplicate, reorder, .. } = *self.options;
        let is_lost = self.random.happens(loss);
        let is_double = self.random.happens(duplicate);
        let late = if self.random.happens(reorder) { 1 + self.random.below(MOST_LATE) } else { 0 };
        let arrival = tick + self.delay(packet.from, packet.to);
        if is_double {
            self.put(arrival + 1, packet.clone());
        }
        self.put(arrival + late, Packet { is_lost, ..packet });
    }

    fn put(&mut self, arrival: usize, packet: Packet<Content>) {
        self.sent += 1;
        self.on_the_way.insert((arrival, self.sent), packet);
    }

    /// The next packet that has arrived at a node of these.
    pub(super) fn arrived(&mut self, tick: usize, is_there: impl Fn(usize) -> bool) -> Option<Packet<Content>> {
        let due = self.on_the_way.range(..=(tick, u64::MAX)).find(|(_, packet)| is_there(packet.to));
        let key = *due?.0;
        self.on_the_way.remove(&key)
    }

    /// Loses what is on its way from or to a node.
    pub(super) fn lose(&mut self, node: usize) {
        self.on_the_way.retain(|_, packet| packet.from != node && packet.to != node);
    }

    /// Some other peers, by chance.
    pub(super) fn some_peers(&mut self, peer: usize, count: usize) -> Vec<usize> {
        let mut others: Vec<usize> = (0..self.options.pings.len()).filter(|&other| other != peer).collect();
        for place in 0..count {
            let left = others.len() - place;
            others.swap(place, place + self.random.below(left));
        }
        others.truncate(count);
        others
    }
}
