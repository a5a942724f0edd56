//! Charts of disagreement and messages over time.

use super::Tick;
use super::arguments::Topology;
use plotters::prelude::*;
use std::error::Error;

const WIDTH: u32 = 960;
const HEIGHT: u32 = 640;

/// Draws an SVG with two charts, with a line for each topology.
pub(super) fn draw(runs: &[(Topology, Vec<Tick>)]) -> Result<String, Box<dyn Error>> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT)).into_drawing_area();
        area.fill(&WHITE)?;
        let halves = area.split_evenly((2, 1));
        let [upper, lower] = &halves[..] else { return Err("the chart area cannot be split".into()) };
        lines(upper, "pairs of peers that disagree", runs, |tick| tick.disagreeing)?;
        lines(lower, "messages sent in a tick of 16 ms", runs, |tick| tick.messages)?;
        area.present()?;
    }
    Ok(svg)
}

fn lines(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    caption: &str,
    runs: &[(Topology, Vec<Tick>)],
    of: impl Fn(&Tick) -> usize,
) -> Result<(), Box<dyn Error>> {
    let ticks = runs.iter().map(|(_, ticks)| ticks.len()).max().unwrap_or(1);
    let max = runs.iter().flat_map(|(_, ticks)| ticks).map(&of).max().unwrap_or(1).max(1);
    let mut chart = ChartBuilder::on(area)
        .caption(caption, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(28)
        .y_label_area_size(56)
        .build_cartesian_2d(0..ticks, 0..max + max / 10 + 1)?;
    chart.configure_mesh().x_desc("tick").draw()?;
    for (at, (topology, ticks)) in runs.iter().enumerate() {
        let color = Palette99::pick(at).to_rgba();
        let points = ticks.iter().map(&of).enumerate();
        let line = chart.draw_series(LineSeries::new(points, color.stroke_width(2)))?;
        line.label(topology.to_string()).legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color));
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.3)).draw()?;
    Ok(())
}
