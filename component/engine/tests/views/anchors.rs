//! Anchors: they stay with their characters on every replica, before and after compaction.

use crate::seeds::{Random, ensure, for_each_seed, same};
use converge_engine::{Doc, Error, Invalid, Side, Unit, Value};

fn text(doc: &Doc) -> String {
    let cells = doc.get("t", "r").unwrap_or_default();
    match cells.into_iter().find(|cell| cell.column == "x").map(|cell| cell.value) {
        Some(Value::Text(text)) => text,
        _ => String::new(),
    }
}

/// Letters exist once, so the position of the letter of an anchor is known.
#[test]
fn anchors_stay_with_their_letters() {
    for_each_seed(600, |seed| {
        let mut random = Random::new(seed);
        let (mut docs, mut views) = (Vec::new(), Vec::new());
        for peer in ["a", "b", "c"] {
            let mut doc = Doc::create(peer).map_err(|error| error.to_string())?;
            views.push(doc.open_view("t", "r", "x", Unit::Utf16).map_err(|error| error.to_string())?);
            docs.push(doc);
        }
        let cells = if random.chance(1, 2) { vec![converge_engine::Cell::new("x", "012345")] } else { Vec::new() };
        docs[0].insert("t", "r", cells).map_err(|error| error.to_string())?;
        let mut next = 0x1_0000_u32;
        // Each anchor with its side and its letter.
        let mut anchors: Vec<(Vec<u8>, Side, Option<char>)> = Vec::new();
        for _ in 0..40 {
            let at = random.below(3);
            let other = (at + 1 + random.below(2)) % 3;
            let update = docs[other].update_since(&docs[at].summary()).map_err(|error| error.to_string())?;
            let (doc, view) = (&mut docs[at], views[at]);
            match random.below(8) {
                0..3 => drop(doc.merge_update(&update).map_err(|error| error.to_string())?),
                3 => {
                    let own = doc.summary();
                    let horizon: Vec<Vec<u8>> = (0..3).map(|it| docs[it].summary()).collect();
                    // A summary that names unknown events is refused.
                    drop(docs[at].compact(&[horizon, vec![own]].concat()));
                }
                4 => {
                    doc.take_view(view);
                    let now: Vec<char> = text(doc).chars().collect();
                    let place = random.below(now.len() + 1);
                    let side = if random.chance(1, 2) { Side::Before } else { Side::After };
                    let units: usize = now[..place].iter().map(|char| char.len_utf16()).sum();
                    let anchor = doc.anchor_view(view, units as u32, side).map_err(|error| error.to_string())?;
                    let letter = if side == Side::Before { place.checked_sub(1) } else { Some(place) };
                    anchors.push((anchor, side, letter.and_then(|place| now.get(place)).copied()));
                }
                _ => {
                    let length = text(doc).chars().count();
                    let start = random.below(length + 1);
                    let remove = (random.below(3) * random.below(2)).min(length - start);
                    let letters: String = (0..random.below(3))
                        .map(|_| {
                            next += 1;
                            char::from_u32(next).unwrap()
                        })
                        .collect();
                    match doc.splice("t", "r", "x", (start as u32, remove as u32), letters) {
                        Ok(_) | Err(Error::NoSuchRow { .. }) => {}
                        Err(error) => return Err(error.to_string()),
                    }
                }
            }
            let (doc, view) = (&mut docs[at], views[at]);
            doc.take_view(view);
            let now = text(doc);
            for (anchor, side, letter) in &anchors {
                let found = doc.anchor_position(view, anchor).map_err(|error| error.to_string())?;
                let units = |text: &str| text.encode_utf16().count() as u32;
                let expected = match letter {
                    None if *side == Side::Before => Some(0),
                    None => Some(units(&now)),
                    Some(letter) => now.find(*letter).map(|start| match side {
                        Side::Before => units(&now[..start + letter.len_utf8()]),
                        Side::After => units(&now[..start]),
                    }),
                };
                let is_here = doc.get("t", "r").is_some_and(|cells| !cells.is_empty());
                match (expected, found) {
                    (Some(_), _) if is_here => same("the position", &found, &expected)?,
                    (None, Some(found)) => ensure!(found <= units(&now), "{found} is beyond {now:?}"),
                    _ => {}
                }
            }
        }
        Ok(())
    });
}

#[test]
fn bytes_that_are_no_anchor_are_refused() -> Result<(), Error> {
    let mut doc = Doc::create("a")?;
    doc.insert("t", "r", Vec::new())?;
    let view = doc.open_view("t", "r", "x", Unit::Scalar)?;
    doc.splice("t", "r", "x", (0, 0), "abc")?;
    doc.take_view(view);
    let anchor = doc.anchor_view(view, 1, Side::After)?;
    assert_eq!(doc.anchor_position(view, &anchor)?, Some(1));
    for end in 0..anchor.len() {
        let cut = doc.anchor_position(view, &anchor[..end]);
        // The name of the peer comes last, and an unknown peer has no characters.
        assert!(cut == Err(Invalid::UnknownAnchor.into()) || cut == Ok(None), "{end} bytes: {cut:?}");
    }
    let mut random = Random::new(1);
    for _ in 0..10_000 {
        let mut damaged = anchor.clone();
        let at = random.below(damaged.len());
        damaged[at] = random.next() as u8;
        let _ = doc.anchor_position(view, &damaged);
    }
    assert!(matches!(doc.anchor_view(view, 4, Side::After), Err(Error::InvalidArgument(_))));
    doc.close_view(view);
    assert_eq!(doc.anchor_position(view, &anchor), Err(Invalid::ClosedView.into()));
    Ok(())
}
