//! The bindings of the contract's world `mutator`, which share their types with those of the
//! engine.

use super::list;
use crate::mutators;

pub(crate) use generated::converge::sync::transactions::{Host, HostTransaction};
pub(crate) use generated::exports::converge::sync::mutators::{Call, MutationError};
pub(crate) use generated::{Mutator, MutatorPre};

#[allow(missing_docs)]
mod generated {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "mutator",
        with: {
            "converge:sync/types": super::types,
            "converge:sync/transactions.transaction": crate::Transaction,
        },
        imports: { default: trappable },
    });
}

impl From<mutators::Call> for Call {
    fn from(mutators::Call { name, arguments, caller }: mutators::Call) -> Self {
        Self { name, arguments: list(arguments), caller }
    }
}

/// The types of the engine's bindings, in the form that the bindings of an imported interface have.
/// The interface has no functions, so there is nothing to link.
#[allow(missing_docs, unreachable_pub)]
pub mod types {
    pub use crate::contract::types::*;
    use wasmtime::component::{HasData, Linker};

    pub trait Host {}
    impl<State: ?Sized> Host for State {}

    pub trait HostWithStore<State> {}
    impl<State, Data: ?Sized> HostWithStore<State> for Data {}

    pub fn add_to_linker<State, Data: HasData>(
        _: &mut Linker<State>,
        _: fn(&mut State) -> Data::Data<'_>,
    ) -> wasmtime::Result<()> {
        Ok(())
    }
}
