//! The calls on update readers of a running case.

use super::{Stop, World, named};
use crate::case::Step;
use crate::form;
use crate::host::{Host, UpdateReader};
use crate::reader::ReaderCall;
use serde_json::Value as Json;

impl<H: Host> World<'_, H> {
    pub(super) fn call_reader(&mut self, step: &Step, call: ReaderCall) -> Result<Json, Stop> {
        let on = step.on.as_deref();
        match call {
            ReaderCall::Open(update) => {
                let reader = self.host.open_reader(&update.resolve(&self.bytes)?)?;
                self.readers.insert(step.name.clone().unwrap_or_default(), reader);
                Ok(Json::Null)
            }
            ReaderCall::Next(limit) => Ok(form::batch(&named(&mut self.readers, on)?.next(limit))),
            ReaderCall::Drop([]) => {
                named(&mut self.readers, on)?;
                self.readers.remove(on.unwrap_or_default());
                Ok(Json::Null)
            }
        }
    }
}
