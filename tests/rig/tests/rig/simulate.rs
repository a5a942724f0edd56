//! `converge-rig simulate`: a run of each topology and layer, and invalid arguments.

use super::{folder, parts, rig};

/// Runs a simulation, which must succeed, and returns its output.
fn simulate(arguments: &str) -> String {
    let (code, stdout, stderr) = parts(&rig(["simulate"].into_iter().chain(arguments.split(' '))));
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{arguments}: {stdout}");
    stdout
}

fn fact<'a>(output: &'a str, name: &str) -> &'a str {
    output.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in {output}")).trim()
}

/// Returns the columns of each tick.
fn ticks(output: &str) -> Vec<Vec<usize>> {
    let lines = output.lines().skip(1).take_while(|line| line.starts_with(' '));
    lines.map(|line| line.split_whitespace().map(|number| number.parse().unwrap()).collect()).collect()
}

#[test]
fn the_snapshot_model_agrees_as_fast_as_expected() {
    let options = "--model snapshot --peers 5 --ticks 50 --ping 30x5 --write-interval 1 --namespaces pos";
    for (topology, tick, messages) in [("star", "from tick 26 on", "500"), ("mesh", "from tick 25 on", "1000")] {
        let output = simulate(&format!("{topology} {options}"));
        assert_eq!((fact(&output, "agreed"), fact(&output, "messages")), (tick, messages), "{topology}");
        assert_eq!(ticks(&output).len(), 50);
    }
    // With a slow link, agreement takes two transfers of 200 / 2 / 16 ticks.
    let output = simulate(&format!("star {}", options.replace("30x5", "30x4,200x1")));
    assert_eq!(fact(&output, "agreed"), "from tick 31 on");
}

#[test]
fn every_topology_agrees_in_both_layers() {
    for topology in ["star", "gossip", "mesh", "filtered-star", "partition"] {
        for layer in ["presence", "durable"] {
            let run =
                format!("{topology} --layer {layer} --peers 6 --ticks 60 --namespaces pos,sel,zoom --write-interval 3");
            let output = simulate(&run);
            let ticks = ticks(&output);
            assert!(ticks[9][3] > 0, "peers must disagree while they write: {run}");
            assert_eq!(ticks[59][3], 0, "{run}");
            let writers = if topology == "filtered-star" { 1 } else { 3 };
            let min_entries = 6 * writers;
            assert!(ticks[59][4] >= min_entries, "{} entries: {run}", ticks[59][4]);
            let sum: usize = ticks.iter().map(|tick| tick[1]).sum();
            assert_eq!(fact(&output, "messages"), sum.to_string(), "{run}");
        }
    }
}

#[test]
fn peers_agree_in_unreliable_networks() {
    for topology in ["star", "gossip", "mesh", "filtered-star", "partition"] {
        for layer in ["presence", "durable"] {
            simulate(&format!(
                "{topology} --layer {layer} --peers 4 --ticks 160 --ping 30x2,90x2 --write-interval 5 --loss 0.05 --duplicate 0.05 --reorder 0.05 --seed 7"
            ));
        }
    }
}

#[test]
fn a_partition_separates_peers() {
    let output = simulate("partition --peers 4 --ticks 40 --cut 4..30 --cut-peers p1 --write-interval 2");
    let ticks = ticks(&output);
    // The peer that is cut off disagrees with the three others, also after the last write.
    assert_eq!((ticks[29][3], ticks[39][3]), (3, 0));
    assert_eq!(fact(&output, "agreed"), "from tick 33 on");
}

#[test]
fn the_seed_determines_the_run() {
    let run = |seed: u32| simulate(&format!("gossip --ticks 40 --loss 0.1 --seed {seed}"));
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn the_chart_has_a_line_for_each_topology() {
    let folder = folder();
    let file = folder.path().join("chart.svg");
    simulate(&format!("star mesh --ticks 20 --svg {}", file.display()));
    let svg = std::fs::read_to_string(file).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    assert!(svg.contains("star") && svg.contains("mesh") && svg.matches("<polyline").count() >= 4, "{}", svg.len());
}

#[test]
fn invalid_arguments_are_reported() {
    for (arguments, message) in [
        ("simulate", "the topology is missing"),
        ("simulate ring", "expected a topology: star"),
        ("simulate star --peers 1", "from 2 to 200"),
        ("simulate star --ping 30x4", "--ping has 4 pings for 5 peers"),
        ("simulate star --ping 30", "invalid pings \"30\""),
        ("simulate star --loss 1", "a probability"),
        ("simulate star --layer both", "expected a layer"),
        ("simulate star --model plain", "expected a model"),
        ("simulate star --model snapshot --layer durable", "works with --layer presence only"),
        ("simulate filtered-star --subscribe 2", "exceeds the number of namespaces, 1"),
        ("simulate partition --cut 9", "two ticks"),
        ("simulate partition --cut-peers p9", "the peers are p0 to p4"),
        ("simulate star --namespaces a,,b", "separated by commas"),
    ] {
        let (code, _, stderr) = parts(&rig(arguments.split(' ')));
        assert_eq!(code, Some(2), "{arguments}");
        assert!(stderr.contains(message), "{arguments}: {stderr}");
    }
    let (code, help, _) = parts(&rig(["simulate", "--help"]));
    assert!(code == Some(0) && help.contains("The steps of a tick"));
}
