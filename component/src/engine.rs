//! The interface `engine`: its version and limits, and the inspection of bytes.

use crate::Component;
use crate::contract::exports::converge::sync::engine::{Guest, Inspection, Limit};
use crate::contract::exports::converge::sync::types;
use converge_engine::{VERSION, inspect, limits};

impl Guest for Component {
    fn version() -> String {
        VERSION.to_owned()
    }

    fn limits() -> Vec<Limit> {
        limits::ALL.iter().map(|limit| Limit { name: limit.name.to_owned(), maximum: limit.maximum }).collect()
    }

    fn inspect(bytes: Vec<u8>) -> Result<Inspection, types::Error> {
        Ok(inspect(&bytes)?.into())
    }
}
