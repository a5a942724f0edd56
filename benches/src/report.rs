//! Results as tables in Markdown.

use crate::libraries::Result;
use crate::results::{Measured, Results};
use crate::works::{LIBRARIES, WORKS};
use std::fmt::Write;
use std::fs;
use std::path::Path;

const BEGIN: &str = "<!-- from here to the end of the tables: written by `just bench-report` -->\n";
const END: &str = "<!-- end of the tables -->\n";

/// A table for each work: a line for each figure, a column for each library. Where several libraries measured a figure, the
/// best one on its side, Rust or JavaScript, is bold.
pub fn tables(results: &Results) -> String {
    let mut text = String::new();
    let Results { machine, versions, command, date, rounds, seed, .. } = results;
    let _ = writeln!(
        text,
        "{date}; {machine}; {}. `{command}`: medians of {rounds} rounds, order of seed {seed}; ± is half of how far the rounds lie apart, where it is more than 5 %.",
        versions.join(", ")
    );
    for work in &WORKS {
        let Some(figures) = results.works.get(work.name) else { continue };
        for side in [&LIBRARIES[..5], &LIBRARIES[5..]] {
            let libraries: Vec<&str> = side
                .iter()
                .copied()
                .filter(|&library| figures.iter().any(|(_, by_library)| by_library.contains_key(library)))
                .collect();
            if libraries.is_empty() {
                continue;
            }
            let _ = writeln!(text, "\n| {}: {} | {} |", work.name, work.about, libraries.join(" | "));
            let _ = writeln!(text, "|---|{}", "--:|".repeat(libraries.len()));
            for (name, by_library) in figures {
                let measured: Vec<Option<&Measured>> =
                    libraries.iter().map(|&library| by_library.get(library)).collect();
                let Some(unit) = measured.iter().flatten().map(|measured| measured.unit).next() else { continue };
                // Below 0 is what noise makes of nothing: no library is the best by that.
                let medians =
                    || measured.iter().flatten().map(|measured| measured.median()).filter(|&median| median >= 0.0);
                let best = if unit.more_is_better() {
                    medians().fold(f64::MIN, f64::max)
                } else {
                    medians().fold(f64::MAX, f64::min)
                };
                let cells = measured.iter().map(|measured| match measured {
                    None => String::from(" "),
                    Some(measured) => cell(measured, libraries.len() > 1 && measured.median() == best),
                });
                let unit = if unit.name().is_empty() { String::new() } else { format!(", {}", unit.name()) };
                let _ = writeln!(text, "| {name}{unit} | {} |", cells.collect::<Vec<_>>().join(" | "));
            }
        }
    }
    text
}

fn cell(measured: &Measured, is_best: bool) -> String {
    let spread = measured.spread() * 50.0;
    let spread = if spread > 2.5 { format!(" ± {spread:.0} %") } else { String::new() };
    if measured.median() < 0.0 {
        return String::from("not seen");
    }
    let number = number(measured.median());
    if is_best { format!("**{number}**{spread}") } else { format!("{number}{spread}") }
}

/// Writes the tables into a page, between its two marks.
///
/// # Errors
/// Where the page has no marks, or cannot be written.
pub fn fill_in(results: &Results, page: &Path) -> Result<()> {
    let text = fs::read_to_string(page)?;
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.ok_or("the page has no marks for the tables")?;
    Ok(fs::write(page, format!("{before}{BEGIN}\n{}\n{END}{after}", tables(results)))?)
}

/// With three digits where it is small, with commas where it is large.
pub fn number(value: f64) -> String {
    match value.abs() {
        0.0 => String::from("0"),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => {
            let digits = format!("{value:.0}");
            let mut text = String::new();
            for (at, digit) in digits.chars().enumerate() {
                if at > 0 && (digits.len() - at) % 3 == 0 {
                    text.push(',');
                }
                text.push(digit);
            }
            text
        }
    }
}
