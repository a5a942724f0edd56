//! The calls on views of a running case.

use super::state::State;
use super::{Stop, World, named};
use crate::case::Step;
use crate::form;
use crate::host::{Document, Host, View};
use crate::view::ViewCall;
use converge::TextChange;
use serde_json::{Value as Json, json};

/// A view, and the replica whose text it shows.
pub(super) struct ViewOf<V> {
    pub(super) replica: String,
    view: V,
}

impl<H: Host> World<'_, H> {
    pub(super) fn call_view(&mut self, step: &Step, call: ViewCall) -> Result<Json, Stop> {
        let on = step.on.as_deref();
        if let ViewCall::Open(table, row, column, unit) = call {
            // A former view of this name is dropped first.
            let name = step.name.clone().unwrap_or_default();
            self.views.remove(&name);
            let view = self.on(step)?.open_view(&table, &row, &column, unit.into())?;
            self.views.insert(name, ViewOf { replica: on.unwrap_or_default().to_owned(), view });
            return Ok(Json::Null);
        }
        let ViewOf { replica, view } = named(&mut self.views, on)?;
        let document = named(&mut self.replicas, Some(replica))?;
        Ok(match call {
            ViewCall::Open(..) => Json::Null,
            ViewCall::Read([]) => view.read(document).into(),
            ViewCall::Length([]) => view.length(document).into(),
            ViewCall::Slice(start, end) => view.slice(document, start, end)?.into(),
            ViewCall::Edit(changes) => {
                form::event(&view.edit(document, changes.into_iter().map(Into::into).collect())?)
            }
            ViewCall::Take([]) => {
                let change = |TextChange { at, remove, insert }| json!([at, remove, insert]);
                view.take(document).map_or(Json::Null, |changes| changes.into_iter().map(change).collect())
            }
            ViewCall::Rewrite(text) => view.rewrite(document, &text)?.map_or(Json::Null, |event| form::event(&event)),
            ViewCall::Anchor(at, side) => {
                let anchor = view.anchor(document, at, side.into())?;
                self.add_bytes(step, anchor)
            }
            ViewCall::Position(anchor) => view.position(document, &anchor.resolve(&self.bytes)?)?.into(),
            ViewCall::Drop([]) => {
                self.views.remove(on.unwrap_or_default());
                Json::Null
            }
        })
    }

    /// Returns the state of the replica whose text a view shows.
    pub(super) fn view_state(&mut self, on: &str) -> Result<State, String> {
        let replica = &named(&mut self.views, Some(on))?.replica;
        State::of(named(&mut self.replicas, Some(replica))?)
    }
}
