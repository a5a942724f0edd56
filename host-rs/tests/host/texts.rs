//! Tests of `TextView`: its functions in the crate's types, units, limits and lifetimes. The
//! conformance cases in `tests/conformance/texts` test what views do.

use crate::create;
use converge::{Doc, Error, EventId, Side, TextChange, TextUnit};

type Tested = Result<(), Error>;

/// Returns a document with a text.
fn with_text(peer: &str, text: &str) -> Result<Doc, Error> {
    let doc = create(peer)?;
    doc.insert("notes", "n1", [("body", text)])?;
    Ok(doc)
}

fn sync(from: &Doc, to: &Doc) -> Tested {
    to.merge_update(&from.update_since(&to.summary()?)?)?;
    Ok(())
}

#[test]
fn a_view_edits_while_others_do() -> Tested {
    let (ann, ben) = (with_text("ann", "one two")?, create("ben")?);
    sync(&ann, &ben)?;
    let view = ann.open_text("notes", "n1", "body")?;
    ben.splice("notes", "n1", "body", 3, 0, ",")?;
    sync(&ben, &ann)?;

    assert_eq!(view.edit([TextChange::new(7, 0, " three"), TextChange::new(0, 3, "1")])?, EventId::new("ann", 1));
    assert_eq!((view.length()?, view.slice(0, 3)?.as_str()), (12, "1, "));
    assert_eq!(view.take()?, Some(vec![TextChange::new(1, 0, ",")]));
    assert_eq!(view.take()?, Some(vec![]));
    assert_eq!(view.rewrite("1, 2 three")?, Some(EventId::new("ann", 2)));
    assert_eq!(view.rewrite("1, 2 three")?, None);
    assert_eq!(view.read()?.as_deref(), Some("1, 2 three"));
    Ok(())
}

#[test]
fn positions_are_in_the_unit_of_the_view() -> Tested {
    let doc = with_text("ann", "a\u{1f600}é")?;
    for (unit, length, inside) in
        [(TextUnit::Scalar, 3, None), (TextUnit::Utf16, 4, Some(2)), (TextUnit::Utf8, 7, Some(2))]
    {
        let view = doc.open_text_in("notes", "n1", "body", unit)?;
        assert_eq!(view.length()?, length);
        assert_eq!(view.position(&view.anchor(length, Side::Before)?)?, Some(length));
        if let Some(inside) = inside {
            let error = view.edit([TextChange::new(inside, 0, "x")]).unwrap_err();
            assert!(error.to_string().contains("inside of a character"), "{error}");
        }
    }
    assert_eq!(TextUnit::default(), TextUnit::Scalar);
    Ok(())
}

#[test]
fn anchors_stay_with_their_characters() -> Tested {
    let doc = with_text("ann", "Hello world")?;
    let view = doc.open_text("notes", "n1", "body")?;
    let (before, after) = (view.anchor(5, Side::Before)?, view.anchor(5, Side::After)?);
    view.edit([TextChange::new(5, 0, ",")])?;
    assert_eq!((view.position(&before)?, view.position(&after)?), (Some(5), Some(6)));
    assert!(matches!(view.position(b"anchor"), Err(Error::InvalidArgument(_))));
    assert!(matches!(view.anchor(13, Side::After), Err(Error::InvalidArgument(_))));
    doc.update("notes", "n1", [("body", 1)])?;
    assert_eq!((view.position(&before)?, view.take()?, view.read()?), (None, None, None));
    Ok(())
}

#[test]
fn a_view_keeps_its_document_alive_until_it_is_dropped() -> Tested {
    let doc = with_text("ann", "Hello")?;
    let views: Vec<_> = (0..1_024).map(|_| doc.open_text("notes", "n1", "body")).collect::<Result<_, _>>()?;
    let error = doc.open_text("notes", "n1", "body").unwrap_err();
    assert!(matches!(error, Error::LimitExceeded { limit, maximum: 1_024, .. } if limit == "views"));
    drop(views);
    let view = doc.open_text("notes", "n1", "body")?;
    drop(doc);
    view.edit([TextChange::new(5, 0, "!")])?;
    assert_eq!(view.read()?.as_deref(), Some("Hello!"));
    Ok(())
}

#[test]
fn inverses_of_events_are_operations() -> Tested {
    let doc = with_text("ann", "Hello world")?;
    let events = [doc.splice("notes", "n1", "body", 0, 5, "Bye")?, doc.add("notes", "n1", "stars", 2)?];
    doc.commit(doc.inverse_of(&events)?)?;
    let view = doc.open_text("notes", "n1", "body")?;
    assert_eq!(view.read()?.as_deref(), Some("Hello world"));
    assert!(matches!(doc.inverse_of(&[EventId::new("ben", 0)]), Err(Error::InvalidArgument(_))));
    doc.compact(&[doc.summary()?])?;
    assert!(matches!(doc.inverse_of(&events), Err(Error::Compacted(_))));
    Ok(())
}
