//! Tests of `Session`: synchronization, lifetimes and errors.

use crate::{create, instance};
use converge::{Doc, Error, Session, SessionOptions, Store, StoreOptions};

/// Creates one side of a session, in an instance of its own.
fn side(peer: &str) -> Result<(Doc, Store, Session), Error> {
    let instance = instance()?;
    let (doc, store) = (instance.doc(peer)?, instance.store(peer, StoreOptions::default())?);
    let session = Session::open(&doc, &store, &SessionOptions::new("people"))?;
    Ok((doc, store, session))
}

/// Carries messages in both directions until neither side has one. Returns their number.
fn carry(one: &Session, other: &Session) -> Result<usize, Error> {
    let mut messages = 0;
    loop {
        let before = messages;
        for (from, to) in [(one, other), (other, one)] {
            for message in from.messages(1.0) {
                to.receive(&message?, 1.0)?;
                messages += 1;
            }
        }
        if messages == before {
            return Ok(messages);
        }
    }
}

#[test]
fn two_sides_converge() -> Result<(), Error> {
    let (ann, ben) = (side("ann")?, side("ben")?);
    ann.0.insert("people", "p1", [("name", "Alice")])?;
    ben.0.insert("people", "p2", [("name", "Ben")])?;
    ann.1.set("cursor", "ann", "p1", 1.0)?;
    assert_eq!(ann.2.progress()?.unsent, 1);
    carry(&ann.2, &ben.2)?;
    assert_eq!(ann.0.digest()?, ben.0.digest()?);
    assert_eq!(ann.1.get_all("cursor")?, ben.1.get_all("cursor")?);
    let progress = ben.2.progress()?;
    assert!(progress.in_sync && progress.known_there == ann.0.version()?);
    assert_eq!(carry(&ann.2, &ben.2)?, 0);
    Ok(())
}

#[test]
fn a_session_keeps_its_document_and_its_store_alive() -> Result<(), Error> {
    let (ann, ben) = (side("ann")?, side("ben")?);
    ann.0.insert("people", "p1", [("name", "Alice")])?;
    let instance = ben.0.instance().clone();
    let (doc, store, session) = ben;
    drop((doc, store));
    carry(&ann.2, &session)?;
    assert_eq!(session.progress()?.known_there, ann.0.version()?);
    drop(session);
    assert_eq!(instance.doc("cleo")?.peer()?, "cleo");
    Ok(())
}

#[test]
fn many_sessions_share_a_document() -> Result<(), Error> {
    let instance = instance()?;
    let (doc, store) = (instance.doc("relay")?, instance.store("relay", StoreOptions::default())?);
    let clients = ["ann", "ben", "cleo"].map(|peer| side(peer).expect("a valid name"));
    let options = SessionOptions::new("people");
    let sessions = clients.each_ref().map(|_| Session::open(&doc, &store, &options).expect("valid options"));
    for (client, session) in clients.iter().zip(&sessions) {
        client.0.insert("people", &client.0.peer()?, [("name", "x")])?;
        carry(&client.2, session)?;
    }
    for (client, session) in clients.iter().zip(&sessions) {
        carry(&client.2, session)?;
        assert_eq!(client.0.digest()?, doc.digest()?);
    }
    assert_eq!(doc.tables()?[0].rows, 3);
    Ok(())
}

#[test]
fn document_and_store_must_live_in_one_instance() -> Result<(), Error> {
    let doc = create("ann")?;
    let store = instance()?.store("ann", StoreOptions::default())?;
    let refused = Session::open(&doc, &store, &SessionOptions::new("people"));
    assert!(matches!(&refused, Err(Error::OtherInstance)));
    assert!(refused.unwrap_err().to_string().contains("doc.instance().store"));
    let store = doc.instance().store("ann", StoreOptions::default())?;
    Session::open(&doc, &store, &SessionOptions::new("people"))?;
    Ok(())
}

#[test]
fn an_error_ends_only_the_session() -> Result<(), Error> {
    let (ann, ben) = (side("ann")?, side("ben")?);
    ben.0.insert("people", "p1", [("name", "Ben")])?;
    assert!(matches!(ben.2.receive(b"noise", 1.0), Err(Error::Corrupt(_))));
    assert!(matches!(ben.2.poll(1.0), Err(Error::SessionEnded)));
    assert_eq!(ben.2.messages(1.0).count(), 1, "the iterator ends after the error");
    let again = Session::open(&ben.0, &ben.1, &SessionOptions::new("people"))?;
    carry(&ann.2, &again)?;
    assert_eq!(ann.0.digest()?, ben.0.digest()?);

    let other = Session::open(&ben.0, &ben.1, &SessionOptions::new("places"))?;
    let ann = Session::open(&ann.0, &ann.1, &SessionOptions::new("people"))?;
    let hello = ann.poll(1.0)?.expect("a session sends a hello first");
    assert!(matches!(other.receive(&hello, 1.0), Err(Error::Protocol(what)) if what.contains("places")));
    let empty = SessionOptions::new("");
    assert!(matches!(Session::open(&ben.0, &ben.1, &empty), Err(Error::InvalidArgument(_))));
    Ok(())
}
