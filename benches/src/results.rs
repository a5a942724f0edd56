//! Figures and the results of a run, stored as JSON.

use crate::libraries::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The unit of a figure. Larger is better for `PerSecond` only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    #[serde(rename = "ns")]
    Nanoseconds,
    #[serde(rename = "ms")]
    Milliseconds,
    #[serde(rename = "bytes")]
    Bytes,
    #[serde(rename = "")]
    Count,
    #[serde(rename = "% of a core")]
    PercentOfACore,
    #[serde(rename = "events/s")]
    PerSecond,
}

impl Unit {
    pub fn name(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Milliseconds => "ms",
            Self::Bytes => "bytes",
            Self::Count => "",
            Self::PercentOfACore => "% of a core",
            Self::PerSecond => "events/s",
        }
    }

    pub fn more_is_better(self) -> bool {
        self == Self::PerSecond
    }
}

/// One measurement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figure {
    pub name: String,
    pub unit: Unit,
    pub value: f64,
}

impl Figure {
    pub fn new(name: &str, value: f64, unit: Unit) -> Self {
        Self { name: name.to_owned(), unit, value }
    }

    /// Returns the nanoseconds of each of `count` operations that took `seconds` together.
    pub fn per(name: &str, seconds: f64, count: usize, unit: Unit) -> Self {
        Self::new(name, seconds * 1e9 / count as f64, unit)
    }
}

/// The measurements of one figure of one library in all rounds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    pub unit: Unit,
    /// In the order of the rounds.
    pub values: Vec<f64>,
}

impl Measured {
    pub fn median(&self) -> f64 {
        let mut values = self.values.clone();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
    }

    /// Returns the range of the values as a fraction of the median.
    pub fn spread(&self) -> f64 {
        let (min, max) = self.values.iter().fold((f64::MAX, f64::MIN), |(a, b), &v| (a.min(v), b.max(v)));
        (max - min) / self.median().abs().max(f64::MIN_POSITIVE)
    }
}

/// The figures of a work, in the order of their first measurement, each by library.
pub type OfWork = Vec<(String, BTreeMap<String, Measured>)>;

/// The results of a run.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Results {
    pub machine: String,
    pub versions: Vec<String>,
    pub command: String,
    pub date: String,
    pub rounds: usize,
    pub seed: u64,
    pub works: BTreeMap<String, OfWork>,
}

impl Results {
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    pub fn write(&self, path: &Path) -> Result<()> {
        Ok(fs::write(path, serde_json::to_string_pretty(self)? + "\n")?)
    }

    pub fn add(&mut self, work: &str, library: &str, figures: Vec<Figure>) {
        let of_work = self.works.entry(work.to_owned()).or_default();
        for Figure { name, unit, value } in figures {
            let at = of_work.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
                of_work.push((name, BTreeMap::new()));
                of_work.len() - 1
            });
            let empty = || Measured { unit, values: Vec::new() };
            of_work[at].1.entry(library.to_owned()).or_insert_with(empty).values.push(value);
        }
    }

    /// Returns the median of a figure, or `None` if it was not measured.
    pub fn median(&self, work: &str, figure: &str, library: &str) -> Option<f64> {
        let (_, by_library) = self.works.get(work)?.iter().find(|(name, _)| name == figure)?;
        by_library.get(library).map(Measured::median)
    }
}
