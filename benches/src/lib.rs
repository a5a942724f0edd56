//! What the work costs, side by side with other libraries: the parts of the two programs here.

pub mod chart;
pub mod compare;
pub mod libraries;
pub mod report;
pub mod results;
pub mod run;
pub mod works;
