//! The bindings of the contract's world `mutator`, which share their types with those of the
//! engine, and the conversions that a transaction needs in a guest.

use super::super::convert::{Convert, list, records};
use crate::{Error, KeyRange, RowId, ScanOptions, mutators};

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

records! {
    RowId => types::RowId { table, row }
    types::ScanOptions => ScanOptions { range as convert, descending, limit, after, columns }
}

impl Convert<Call> for mutators::Call {
    fn convert(self) -> Call {
        let Self { name, arguments, caller } = self;
        Call { name, arguments: list(arguments), caller }
    }
}

impl Convert<KeyRange> for types::KeyRange {
    fn convert(self) -> KeyRange {
        match self {
            Self::All => KeyRange::All,
            Self::Equal(id) => KeyRange::Equal(id),
            Self::AtLeast(id) => KeyRange::AtLeast(id),
            Self::AtMost(id) => KeyRange::AtMost(id),
            Self::Between(types::KeyBounds { first, last }) => KeyRange::Between(first, last),
            Self::StartsWith(start) => KeyRange::StartsWith(start),
        }
    }
}

/// Converts the result of a call for a guest. An error that is not a case of the contract, because
/// the instance is gone, is returned as it is.
pub(crate) fn answer<From: Convert<To>, To>(result: Result<From, Error>) -> wasmtime::Result<Result<To, types::Error>> {
    Ok(match result {
        Ok(value) => Ok(value.convert()),
        Err(error) => Err(contract_error(error)?),
    })
}

/// Converts an error to the contract's, or returns an error that the contract does not have.
fn contract_error(error: Error) -> Result<types::Error, Error> {
    Ok(match error {
        Error::InvalidArgument(rule) => types::Error::InvalidArgument(rule),
        Error::LimitExceeded { limit, maximum, actual } => {
            types::Error::LimitExceeded(types::ExceededLimit { limit, maximum, actual })
        }
        Error::NoSuchRow { table, row } => types::Error::NoSuchRow(types::RowId { table, row }),
        Error::Corrupt(what) => types::Error::Corrupt(what),
        Error::UnsupportedVersion(version) => types::Error::UnsupportedVersion(version),
        Error::UnsupportedFeature(feature) => types::Error::UnsupportedFeature(feature),
        Error::Compacted(horizon) => types::Error::Compacted(list(horizon)),
        Error::Protocol(rule) => types::Error::Protocol(rule),
        Error::SessionEnded => types::Error::SessionEnded,
        Error::Other(what) => types::Error::Other(what),
        other => return Err(other),
    })
}

/// The types of the engine's bindings, in the form that the bindings of an imported interface have.
/// The interface has no functions, so there is nothing to link.
#[allow(missing_docs, unreachable_pub)]
pub mod types {
    pub use super::super::bindings::types::*;
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
