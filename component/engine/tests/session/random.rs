//! Random writes, messages and cuts, on trees and on rings of replicas.

use crate::net::{Net, options};
use crate::seeds::{Checked, Random, ensure, for_each_seed, same};
use converge_engine::{Cell, RowOp};

const SIZES: [u32; 6] = [64, 90, 200, 700, 4_000, 65_536];

/// Returns replicas that are linked as a tree, or as a tree with one more link.
fn net(random: &mut Random, is_tree: bool) -> Net {
    let peers = &["ann", "ben", "cleo", "dora", "émile"][..2 + random.below(4)];
    let mut net = Net::new(peers);
    for replica in 1..peers.len() {
        let sizes = [*random.pick(&SIZES), *random.pick(&SIZES)];
        net.link([random.below(replica), replica], sizes.map(options));
    }
    if !is_tree {
        net.link([0, peers.len() - 1], [*random.pick(&SIZES); 2].map(options));
    }
    net
}

fn write(random: &mut Random, net: &mut Net) {
    let at = random.below(net.replicas.len());
    let (replica, row) = (&mut net.replicas[at], random.below(6).to_string());
    match random.below(8) {
        0 => {
            let _ = replica.doc.delete("table", &row);
        }
        1 => replica.put(&row, "text".repeat(random.below(200))),
        2 => {
            let insert = |row: usize| RowOp::Insert {
                table: "other".to_owned(),
                row: row.to_string(),
                cells: vec![Cell::new("y", row as i64), Cell::new("z", true)],
            };
            replica.doc.commit((0..random.below(20)).map(insert).collect()).expect("a valid commit");
        }
        3 => (0..random.below(40)).for_each(|value| replica.put(&row, value as i64)),
        4 | 5 => {
            let key = random.below(5).to_string();
            replica.store.set("pos", &key, (random.next() as i64).into(), net.now).expect("a valid entry");
        }
        6 => drop(replica.store.remove("pos", &random.below(5).to_string(), net.now).expect("a valid key")),
        _ => replica.put(&row, random.next() as i64),
    }
}

fn step(random: &mut Random, net: &mut Net, cuts: bool) -> Checked {
    net.now += random.below(3) as f64;
    let (link, end) = (random.below(net.links.len()), random.below(2));
    match random.below(20) {
        0..4 => write(random, net),
        4 if cuts => net.cut(link),
        4..12 => drop(net.poll(link, end)?),
        _ => drop(net.deliver(link, end)?),
    }
    Ok(())
}

/// Compacts some replicas at the history that all replicas have.
fn compact(random: &mut Random, net: &mut Net) -> Checked {
    net.settle(20_000)?;
    let horizon = net.replicas[0].doc.summary();
    net.compact(&horizon, |_| random.chance(1, 2))
}

/// Plays a world to its end.
fn run(seed: u64, is_tree: bool, cuts: bool) -> Checked {
    let mut random = Random::new(seed);
    let mut net = net(&mut random, is_tree);
    for _ in 0..1 + random.below(3) {
        let steps = 10 + random.below(100);
        (0..steps).try_for_each(|_| step(&mut random, &mut net, cuts))?;
        if random.chance(1, 2) {
            compact(&mut random, &mut net)?;
        }
    }
    net.settle(20_000)?;
    let horizon = net.replicas[0].doc.summary();
    net.compact(&horizon, |_| true)?;
    net.settle(20_000)?;
    net.check_same()?;
    let events: u32 = net.replicas[0].doc.version().iter().map(|known| known.count).sum();
    let brought = events * (net.replicas.len() as u32 - 1);
    same("events applied", &net.carried.applied, &brought)?;
    ensure!(!is_tree || net.carried.duplicate == 0, "{:?} of {brought}", net.carried);
    // Replicas that are in sync send nothing, and one more event reaches every replica once.
    same("messages of the quiet", &net.settle(0)?.messages, &0)?;
    net.replicas[0].put("last", 1_i64);
    net.replicas[1].store.set("pos", "last", 1_i64.into(), net.now).expect("a valid entry");
    let carried = net.settle(60 * net.links.len())?;
    same("applied", &carried.applied, &(net.replicas.len() as u32 - 1))?;
    same("entries", &carried.entries, &(net.replicas.len() - 1))?;
    net.check_same()
}

#[test]
fn trees_of_replicas_converge_and_send_each_event_once() {
    for_each_seed(750, |seed| run(seed, true, false));
}

#[test]
fn cut_sessions_lose_nothing_and_apply_nothing_twice() {
    for_each_seed(750, |seed| run(seed, true, true));
}

#[test]
fn rings_of_replicas_converge() {
    for_each_seed(750, |seed| run(seed, false, true));
}
