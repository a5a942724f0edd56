//! Serves documents to many clients.
//!
//! [`hub::Hub`] is one document with its connections, without input and output other than its file.

pub mod hub;
