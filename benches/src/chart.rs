//! Results as bar charts: each library as a multiple of the best one.

use crate::libraries::Result;
use crate::report::number;
use crate::results::Results;
use crate::works::{LIBRARIES, SIDES};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

/// The work, figure and label of each group of bars. Smaller figures are better.
const SHOWN: [(&str, &str, &str); 9] = [
    ("insert", "one row per transaction", "insert, one per transaction"),
    ("insert", "all rows in one transaction", "insert, one transaction"),
    ("update", "one update per transaction", "update, one per transaction"),
    ("update", "100 updates per transaction", "update, 100 per transaction"),
    ("concurrent", "one update per transaction", "concurrent updates, merge"),
    ("saved", "save", "save"),
    ("saved", "load and read all rows", "load and read all rows"),
    ("saved", "open and read one row", "open and read one row"),
    ("saved", "size", "saved bytes"),
];

/// By the position of a library on its side. No shown work has a library beyond them.
const COLORS: [RGBColor; 5] = [
    RGBColor(0x1b, 0x5e, 0x9e),
    RGBColor(0x7f, 0xb0, 0xdd),
    RGBColor(0xe0, 0x8e, 0x2b),
    RGBColor(0x8a, 0x8a, 0x8a),
    RGBColor(0x5f, 0x9e, 0x5b),
];
const BAR: i32 = 14;
const GAP: i32 = 12;
const TOP: i32 = 56;
const WIDTH: i32 = 900;
/// The x coordinate where bars begin.
const LEFT: i32 = 220;
/// The length of a bar that represents ten times the best result.
const DECADE: f64 = 250.0;

/// Writes rust.svg and node.svg. Skips a file without results.
pub fn write(results: &Results, folder: &Path) -> Result<()> {
    chart(results, &LIBRARIES[..SIDES[0]], "Rust", &folder.join("rust.svg"))?;
    chart(results, &LIBRARIES[SIDES[0]..SIDES[1]], "Node", &folder.join("node.svg"))
}

fn chart(results: &Results, libraries: &[&str], title: &str, path: &Path) -> Result<()> {
    let groups: Vec<(&str, Vec<(usize, f64)>)> = SHOWN
        .iter()
        .map(|&(work, figure, label)| {
            let medians =
                (0..).zip(libraries).filter_map(|(at, library)| Some((at, results.median(work, figure, library)?)));
            (label, medians.collect())
        })
        .filter(|(_, medians): &(&str, Vec<_>)| !medians.is_empty())
        .collect();
    if groups.is_empty() {
        return Ok(());
    }
    let bars: i32 = groups.iter().map(|(_, medians)| medians.len() as i32 * BAR + GAP).sum();
    let area = SVGBackend::new(path, (WIDTH as u32, (TOP + bars + GAP) as u32)).into_drawing_area();
    area.fill(&WHITE)?;
    let text = |size: i32| TextStyle::from(("sans-serif", size).into_font());
    area.draw_text(
        &format!("{title}: multiples of the best result (logarithmic); less is better"),
        &text(16),
        (GAP, GAP),
    )?;
    let mut x = GAP;
    let is_shown = |at: usize| groups.iter().any(|(_, medians)| medians.iter().any(|&(shown, _)| shown == at));
    for (at, library) in libraries.iter().enumerate().filter(|&(at, _)| is_shown(at)) {
        area.draw(&Rectangle::new([(x, 36), (x + BAR - 2, 36 + BAR - 2)], COLORS[at].filled()))?;
        area.draw_text(library, &text(13), (x + BAR + 2, 36))?;
        x += 34 + 7 * library.len() as i32;
    }
    let mut y = TOP + GAP;
    for (label, medians) in &groups {
        let best = medians.iter().fold(f64::MAX, |best, &(_, median)| best.min(median));
        let middle = y + medians.len() as i32 * BAR / 2;
        let right = text(13).pos(Pos::new(HPos::Right, VPos::Center));
        area.draw_text(label, &right, (LEFT - 8, middle))?;
        for &(at, median) in medians {
            let times = median / best;
            // The best result gets a short bar, too.
            let end = LEFT + 6 + (times.log10() * DECADE) as i32;
            area.draw(&Rectangle::new([(LEFT, y), (end, y + BAR - 2)], COLORS[at].filled()))?;
            let label = if times > 1.0 { format!("{}×", number(times)) } else { String::from("best") };
            area.draw_text(&label, &text(11).pos(Pos::new(HPos::Left, VPos::Center)), (end + 4, y + BAR / 2))?;
            y += BAR;
        }
        y += GAP;
    }
    area.present()?;
    Ok(())
}
