//! The interface `ordering`: keys for ordered lists.

use crate::Component;
use crate::contract::exports::converge::sync::ordering::Guest;
use crate::contract::exports::converge::sync::types;

impl Guest for Component {
    fn between(after: Option<String>, before: Option<String>, seed: String) -> Result<String, types::Error> {
        Ok(converge_engine::between(after.as_deref(), before.as_deref(), &seed)?)
    }
}
