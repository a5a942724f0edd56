//! A test rig for replicas. The library reads real histories. The program `converge-rig` replays
//! them, runs their authors as live replicas over sockets, and runs replicas in simulated networks.

pub mod history;
