//! Benchmarks of converge and other libraries: the code that both programs share.

pub mod chart;
pub mod compare;
pub mod libraries;
pub mod report;
pub mod results;
pub mod run;
pub mod works;
