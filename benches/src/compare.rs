//! Compares two results.

use crate::report::number;
use crate::results::Results;
use crate::works::{LIBRARIES, WORKS};
use std::fmt::Write;

/// Returns a table of the figures that both results contain: both medians and their ratio, marked
/// if it exceeds the spread of the rounds.
pub fn table(a: &Results, b: &Results) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{:<16}{:<24}{:<44}{:>14}{:>14}{:>8}", "work", "library", "figure", "A", "B", "B / A");
    for work in &WORKS {
        let (Some(here), Some(there)) = (a.works.get(work.name), b.works.get(work.name)) else { continue };
        for library in LIBRARIES {
            for (name, by_library) in here {
                let other = there.iter().find(|(other, _)| other == name).and_then(|(_, other)| other.get(library));
                let (Some(a), Some(b)) = (by_library.get(library), other) else { continue };
                let ratio = b.median() / a.median();
                let is_beyond = (ratio - 1.0).abs() > a.spread().max(b.spread()).max(0.02);
                let mark = match (is_beyond, (ratio < 1.0) != a.unit.more_is_better()) {
                    (false, _) => "",
                    (true, true) => " better",
                    (true, false) => " worse",
                };
                let (a, b) = (number(a.median()), number(b.median()));
                let _ = writeln!(text, "{:<16}{library:<24}{name:<44}{a:>14}{b:>14}{ratio:>8.2}{mark}", work.name);
            }
        }
    }
    text
}
