//! The interface `ephemeral`: stores as resources.

use crate::Component;
use crate::contract::exports::converge::sync::ephemeral as wit;
use crate::contract::exports::converge::sync::types;
use crate::convert::list;
use converge_engine as engine;
use std::cell::RefCell;
use std::rc::Rc;

/// A store, shared with its sessions.
pub(crate) struct Store(pub(crate) Rc<RefCell<engine::Store>>);

impl wit::Guest for Component {
    type Store = Store;
}

impl wit::GuestStore for Store {
    fn create(peer: String, options: wit::StoreOptions) -> Result<wit::Store, types::Error> {
        let store = engine::Store::create(&peer, options.into())?;
        Ok(wit::Store::new(Self(Rc::new(RefCell::new(store)))))
    }

    fn peer(&self) -> String {
        self.0.borrow().peer().to_owned()
    }

    fn set(&self, namespace: String, key: String, value: types::Value, now: f64) -> Result<wit::Entry, types::Error> {
        Ok(self.0.borrow_mut().set(&namespace, &key, value.into(), now)?.into())
    }

    fn remove(&self, namespace: String, key: String, now: f64) -> Result<Option<wit::Entry>, types::Error> {
        Ok(self.0.borrow_mut().remove(&namespace, &key, now)?.map(Into::into))
    }

    fn get(&self, namespace: String, key: String) -> Option<wit::Entry> {
        self.0.borrow().get(&namespace, &key).map(Into::into)
    }

    fn get_all(&self, namespace: String) -> Vec<wit::Entry> {
        list(self.0.borrow().get_all(&namespace))
    }

    fn namespaces(&self) -> Vec<String> {
        self.0.borrow().namespaces()
    }

    fn merge_entries(&self, entries: Vec<wit::Entry>, now: f64) -> Result<Vec<wit::Entry>, types::Error> {
        Ok(list(self.0.borrow_mut().merge_entries(list(entries), now)?))
    }

    fn snapshot(&self, namespaces: Vec<String>) -> Vec<u8> {
        self.0.borrow().snapshot(&namespaces)
    }

    fn take_update(&self) -> Option<Vec<u8>> {
        self.0.borrow_mut().take_update()
    }

    fn merge_update(&self, update: Vec<u8>, now: f64) -> Result<Vec<wit::Entry>, types::Error> {
        Ok(list(self.0.borrow_mut().merge_update(&update, now)?))
    }

    fn refused(&self) -> u32 {
        self.0.borrow().refused()
    }

    fn expire(&self, now: f64) -> Result<Vec<wit::Entry>, types::Error> {
        Ok(list(self.0.borrow_mut().expire(now)?))
    }

    fn leave(&self, now: f64) -> Result<Vec<wit::Entry>, types::Error> {
        Ok(list(self.0.borrow_mut().leave(now)?))
    }
}
