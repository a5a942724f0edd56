//! The objects of an instance, by number.

use std::ops::{Index, IndexMut};

/// The number of an object in its table. It is valid until the object is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number(usize);

/// Objects by number. The numbers of removed objects are assigned again.
pub(super) struct Table<T> {
    objects: Vec<Option<T>>,
    free: Vec<Number>,
}

impl<T> Table<T> {
    /// Adds an object.
    pub(super) fn add(&mut self, object: T) -> Number {
        if let Some(number) = self.free.pop() {
            self.objects[number.0] = Some(object);
            return number;
        }
        self.objects.push(Some(object));
        Number(self.objects.len() - 1)
    }

    /// Removes and returns an object.
    pub(super) fn remove(&mut self, number: Number) -> T {
        let object = self.objects[number.0].take().expect(GONE);
        self.free.push(number);
        object
    }
}

/// The message of a panic that only a defect of this crate can cause: each object is removed by the
/// value that owns it.
const GONE: &str = "the object was removed before";

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { objects: Vec::new(), free: Vec::new() }
    }
}

impl<T> Index<Number> for Table<T> {
    type Output = T;

    fn index(&self, number: Number) -> &T {
        self.objects[number.0].as_ref().expect(GONE)
    }
}

impl<T> IndexMut<Number> for Table<T> {
    fn index_mut(&mut self, number: Number) -> &mut T {
        self.objects[number.0].as_mut().expect(GONE)
    }
}

/// An object that several owners keep alive.
pub(super) struct Shared<T> {
    pub(super) object: T,
    /// The number of owners.
    owners: usize,
}

impl<T> Table<Shared<T>> {
    /// Adds an object with one owner.
    pub(super) fn share(&mut self, object: T) -> Number {
        self.add(Shared { object, owners: 1 })
    }

    /// Adds an owner.
    pub(super) fn retain(&mut self, number: Number) {
        self[number].owners += 1;
    }

    /// Removes an owner, and the object if this was the last owner.
    pub(super) fn release(&mut self, number: Number) {
        let shared = &mut self[number];
        shared.owners -= 1;
        if shared.owners == 0 {
            self.remove(number);
        }
    }
}
