//! `converge-rig simulate`: a run of each topology and layer, and how it is called.

use super::{folder, parts, rig};

/// What a run prints, and that it ended well.
fn simulate(arguments: &str) -> String {
    let (code, stdout, stderr) = parts(&rig(["simulate"].into_iter().chain(arguments.split(' '))));
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{arguments}: {stdout}");
    stdout
}

fn fact<'a>(output: &'a str, name: &str) -> &'a str {
    output.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in {output}")).trim()
}

/// The columns of each tick.
fn ticks(output: &str) -> Vec<Vec<usize>> {
    let lines = output.lines().skip(1).take_while(|line| line.starts_with(' '));
    lines.map(|line| line.split_whitespace().map(|number| number.parse().unwrap()).collect()).collect()
}

#[test]
fn the_plain_model_of_the_literature() {
    let options = "--model snapshot --peers 5 --ticks 50 --ping 30x5 --write-interval 1 --namespaces pos";
    for (topology, tick, messages) in [("star", "from tick 26 on", "500"), ("mesh", "from tick 25 on", "1000")] {
        let output = simulate(&format!("{topology} {options}"));
        assert_eq!((fact(&output, "agreed"), fact(&output, "messages")), (tick, messages), "{topology}");
        assert_eq!(ticks(&output).len(), 50);
    }
    // A slow link is waited for: two legs of 200 / 2 / 16 ticks.
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
            assert!(ticks[9][3] > 0, "peers disagree while they write: {run}");
            assert_eq!(ticks[59][3], 0, "{run}");
            let writers = if topology == "filtered-star" { 1 } else { 3 };
            let least = 6 * writers;
            assert!(ticks[59][4] >= least, "{} entries: {run}", ticks[59][4]);
            let sum: usize = ticks.iter().map(|tick| tick[1]).sum();
            assert_eq!(fact(&output, "messages"), sum.to_string(), "{run}");
        }
    }
}

#[test]
fn bad_networks_are_survived() {
    for topology in ["star", "gossip", "mesh", "filtered-star", "partition"] {
        for layer in ["presence", "durable"] {
            simulate(&format!(
                "{topology} --layer {layer} --peers 4 --ticks 160 --ping 30x2,90x2 --write-interval 5 --loss 0.05 --duplicate 0.05 --reorder 0.05 --seed 7"
            ));
        }
    }
}

#[test]
fn a_partition_parts() {
    let output = simulate("partition --peers 4 --ticks 40 --cut 4..30 --cut-peers p1 --write-interval 2");
    let ticks = ticks(&output);
    // The one that is cut off disagrees with the three others, also when all writing is over.
    assert_eq!((ticks[29][3], ticks[39][3]), (3, 0));
    assert_eq!(fact(&output, "agreed"), "from tick 33 on");
}

#[test]
fn a_seed_decides_everything() {
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
fn wrong_calls_are_told() {
    for (arguments, message) in [
        ("simulate", "which topology"),
        ("simulate ring", "a topology is star"),
        ("simulate star --peers 1", "from 2 to 200"),
        ("simulate star --ping 30x4", "gives 4 pings for 5 peers"),
        ("simulate star --ping 30", "of the form 30x5"),
        ("simulate star --loss 1", "a probability"),
        ("simulate star --layer both", "a layer is"),
        ("simulate star --model plain", "a model is"),
        ("simulate star --model snapshot --layer durable", "one of presence"),
        ("simulate filtered-star --subscribe 2", "more than the 1 namespaces"),
        ("simulate partition --cut 9", "two ticks"),
        ("simulate partition --cut-peers p9", "the peers are p0 to p4"),
        ("simulate star --namespaces a,,b", "parted by commas"),
    ] {
        let (code, _, stderr) = parts(&rig(arguments.split(' ')));
        assert_eq!(code, Some(2), "{arguments}");
        assert!(stderr.contains(message), "{arguments}: {stderr}");
    }
    let (code, help, _) = parts(&rig(["simulate", "--help"]));
    assert!(code == Some(0) && help.contains("In each tick, in this order"));
}
