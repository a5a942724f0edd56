//! The network: packets in flight, their delays, and random losses. Does not interpret messages.

use super::arguments::Options;
use crate::random::Random;
use std::collections::BTreeMap;

/// The length of a tick.
const TICK_MS: u32 = 16;
/// The maximum delay of a message that others overtake, in ticks.
const MAX_LATE_TICKS: usize = 3;

/// A packet in flight from one node to another.
#[derive(Debug, Clone)]
pub(super) struct Packet<Content> {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) content: Content,
    /// The connection that the packet belongs to.
    pub(super) connection: u64,
    /// The place of the packet in its connection.
    pub(super) number: u64,
    /// The packet is lost. It "arrives" when the loss can be noticed.
    pub(super) is_lost: bool,
}

pub(super) struct Network<'a, Content> {
    options: &'a Options,
    random: Random,
    /// By tick of arrival, in the order of sending.
    in_flight: BTreeMap<(usize, u64), Packet<Content>>,
    sent: u64,
    /// Messages sent in this tick, and their size.
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

impl<'a, Content: Clone> Network<'a, Content> {
    pub(super) fn new(options: &'a Options) -> Self {
        let random = Random::new(options.seed);
        Self { options, random, in_flight: BTreeMap::new(), sent: 0, messages: 0, bytes: 0 }
    }

    /// Returns the ticks from one node to another. The relay comes after the peers.
    fn delay(&self, from: usize, to: usize) -> usize {
        let ping_of = |node: usize| self.options.pings.get(node).copied();
        let ping = match (ping_of(from), ping_of(to)) {
            (Some(ping), Some(other)) => (ping + other) / 2,
            (ping, other) => ping.or(other).unwrap_or(0),
        };
        let ticks = (ping / 2 / TICK_MS) as usize;
        if ping > 0 { ticks.max(1) } else { 0 }
    }

    /// Sends a packet of this size.
    pub(super) fn send(&mut self, tick: usize, packet: Packet<Content>, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes;
        let Options { loss, duplicate, reorder, .. } = *self.options;
        let is_lost = self.random.happens(loss);
        let is_duplicated = self.random.happens(duplicate);
        let late = if self.random.happens(reorder) { 1 + self.random.below(MAX_LATE_TICKS) } else { 0 };
        let arrival = tick + self.delay(packet.from, packet.to);
        if is_duplicated {
            self.put(arrival + 1, packet.clone());
        }
        self.put(arrival + late, Packet { is_lost, ..packet });
    }

    fn put(&mut self, arrival: usize, packet: Packet<Content>) {
        self.sent += 1;
        self.in_flight.insert((arrival, self.sent), packet);
    }

    /// Returns the next packet that has arrived at one of the receivers.
    pub(super) fn arrived(&mut self, tick: usize, is_receiver: impl Fn(usize) -> bool) -> Option<Packet<Content>> {
        let due = self.in_flight.range(..=(tick, u64::MAX)).find(|(_, packet)| is_receiver(packet.to));
        let key = *due?.0;
        self.in_flight.remove(&key)
    }

    /// Loses the packets in flight from or to a node.
    pub(super) fn lose(&mut self, node: usize) {
        self.in_flight.retain(|_, packet| packet.from != node && packet.to != node);
    }

    /// Returns `count` random peers other than `peer`.
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
