//! `engine`: facts about the engine.

use crate::Component;
use crate::contract::exports::converge::sync::engine::{Guest, Limit};
use converge_engine::{VERSION, limits};

impl Guest for Component {
    fn version() -> String {
        VERSION.to_owned()
    }

    fn limits() -> Vec<Limit> {
        limits::ALL.iter().map(|limit| Limit { name: limit.name.to_owned(), most: limit.most }).collect()
    }
}
