//! A test rig for replicas. The library reads real histories, and has a client of the server. The
//! program `converge-rig` replays histories, runs their authors as live replicas over sockets, runs
//! replicas in simulated networks, and measures a server under load.

pub mod history;
pub mod net;
