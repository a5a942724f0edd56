//! Replicas with editors. Each editor has a copy of the text that it keeps by what its view
//! returns.

use crate::seeds::{Checked, Random, ensure, for_each_seed, same};
use converge_engine::{Cell, Doc, Error, Invalid, RowOp, TextChange, Unit, ViewNumber};

/// Texts to insert, some of which have several units a character.
const TEXTS: [&str; 8] = ["a", "bc", "def g", "ß", "\u{10ffff}", "e\u{301}", "\r\n", "👩\u{200d}👧"];

struct Editor {
    view: ViewNumber,
    unit: Unit,
    copy: String,
}

impl Editor {
    /// Returns the boundaries of the copy's characters, in the unit of the view.
    fn places(&self) -> Vec<u32> {
        let mut places = vec![0];
        for char in self.copy.chars() {
            let units = match self.unit {
                Unit::Scalar => 1,
                Unit::Utf16 => char.len_utf16(),
                Unit::Utf8 => char.len_utf8(),
            };
            places.push(places[places.len() - 1] + units as u32);
        }
        places
    }

    /// Applies changes to the copy, as an editor does.
    fn apply(&mut self, changes: &[TextChange]) -> Checked {
        for TextChange { at, remove, insert } in changes {
            let places = self.places();
            let at =
                places.binary_search(at).map_err(|_| format!("{at} is inside of a character of {:?}", self.copy))?;
            let end = at as u32;
            let end = places.binary_search(&(places[end as usize] + remove));
            let end = end.map_err(|_| format!("the end of {at} {remove} is not in {:?}", self.copy))?;
            let chars: Vec<char> = self.copy.chars().collect();
            let kept = chars[..at].iter().copied().chain(insert.chars()).chain(chars[end..].iter().copied());
            self.copy = kept.collect();
        }
        Ok(())
    }
}

struct Replica {
    doc: Doc,
    editors: Vec<Editor>,
}

fn text(doc: &Doc) -> Option<String> {
    let cells = doc.get("t", "r")?;
    match cells.into_iter().find(|cell| cell.column == "x")?.value {
        converge_engine::Value::Text(text) => Some(text),
        _ => None,
    }
}

#[test]
fn copies_follow_their_documents() {
    for_each_seed(600, |seed| {
        let mut random = Random::new(seed);
        let mut replicas = Vec::new();
        for peer in ["a", "b", "c"] {
            let doc = Doc::create(peer).map_err(|error| error.to_string())?;
            replicas.push(Replica { doc, editors: Vec::new() });
        }
        if random.chance(3, 4) {
            replicas[0].doc.insert("t", "r", Vec::new()).map_err(|error| error.to_string())?;
        }
        for _ in 0..60 {
            let at = random.below(3);
            step(&mut replicas, at, &mut random)?;
            let Replica { doc, editors } = &mut replicas[at];
            doc.dbg_check();
            for editor in editors.iter() {
                let now = text(doc).unwrap_or_default();
                let units = |text: &str| match editor.unit {
                    Unit::Scalar => text.chars().count(),
                    Unit::Utf16 => text.encode_utf16().count(),
                    Unit::Utf8 => text.len(),
                };
                same("the length", &(doc.view_length(editor.view) as usize), &units(&now))?;
                let whole = doc.view_slice(editor.view, 0, units(&now) as u32);
                same("the slice", &whole, &Ok(now))?;
            }
        }
        Ok(())
    });
}

fn step(replicas: &mut [Replica], at: usize, random: &mut Random) -> Checked {
    let other = (at + 1 + random.below(2)) % 3;
    let update = replicas[other].doc.update_since(&replicas[at].doc.summary()).map_err(|error| error.to_string())?;
    let Replica { doc, editors } = &mut replicas[at];
    match random.below(16) {
        0..4 => drop(doc.merge_update(&update).map_err(|error| error.to_string())?),
        4 if editors.len() < 3 => {
            let unit = *random.pick(&[Unit::Scalar, Unit::Utf16, Unit::Utf8]);
            let view = doc.open_view("t", "r", "x", unit).map_err(|error| error.to_string())?;
            let copy = doc.read_view(view).unwrap_or_default();
            editors.push(Editor { view, unit, copy });
        }
        5 => {
            let op = match random.below(6) {
                0 => RowOp::Delete { table: "t".into(), row: "r".into() },
                1 => RowOp::Unset { table: "t".into(), row: "r".into(), columns: vec!["x".into()] },
                2 => RowOp::Insert { table: "t".into(), row: "r".into(), cells: vec![Cell::new("x", "new")] },
                3 => RowOp::Insert { table: "t".into(), row: "r".into(), cells: vec![Cell::new("x", 7)] },
                _ => RowOp::Insert { table: "t".into(), row: "r".into(), cells: Vec::new() },
            };
            match doc.commit(vec![op]) {
                Ok(_) | Err(Error::NoSuchRow { .. }) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        6 => {
            let saved = doc.save();
            let mut loaded = Doc::load(doc.peer(), &saved).map_err(|error| error.to_string())?;
            same("the saved bytes", &loaded.save(), &saved)?;
            for editor in editors.iter_mut() {
                editor.view = loaded.open_view("t", "r", "x", editor.unit).map_err(|error| error.to_string())?;
                editor.copy = loaded.read_view(editor.view).unwrap_or_default();
            }
            *doc = loaded;
        }
        7 if random.chance(1, 2) => {
            let horizon = doc.summary();
            let others: Vec<Vec<u8>> = (0..3).filter(|it| *it != at).map(|it| replicas[it].doc.summary()).collect();
            let doc = &mut replicas[at].doc;
            // A summary that names unknown events is refused.
            drop(doc.compact(&[vec![horizon], others].concat()));
        }
        8 => {
            if let Some(editor) = pick(editors, random) {
                let to = (0..random.below(6)).map(|_| *random.pick(&TEXTS)).collect::<String>();
                let to = if random.chance(1, 2) { format!("{} {to}", editor.copy) } else { to };
                match doc.rewrite_view(editor.view, &to) {
                    Ok(event) => {
                        ensure!(event.is_some() || editor.copy == to, "{:?} was not rewritten to {to:?}", editor.copy);
                        editor.copy = to;
                    }
                    Err(Error::NoSuchRow { .. } | Error::InvalidArgument(Invalid::NotAText { .. })) => {}
                    Err(error) => return Err(format!("rewrite: {error}")),
                }
            }
        }
        9 | 10 => {
            if let Some(editor) = pick(editors, random) {
                let now = text(doc);
                let taken = doc.take_view(editor.view);
                same("whether the cell is a text", &taken.is_some(), &now.is_some())?;
                match taken {
                    Some(changes) => editor.apply(&changes)?,
                    None => editor.copy.clear(),
                }
                same("the copy", &editor.copy, &now.unwrap_or_default())?;
                let more = doc.take_view(editor.view).unwrap_or_default();
                same("changes after a take", &more, &Vec::new())?;
            }
        }
        _ => {
            if let Some(editor) = pick(editors, random) {
                let mut edited = Editor { view: editor.view, unit: editor.unit, copy: editor.copy.clone() };
                let mut changes = Vec::new();
                for _ in 0..1 + random.below(3) {
                    let places = edited.places();
                    let start = random.below(places.len());
                    let end = (start + random.below(4)).min(places.len() - 1);
                    let insert = if random.chance(3, 4) { *random.pick(&TEXTS) } else { "" };
                    let (at, remove) = (places[start], places[end] - places[start]);
                    changes.push(TextChange { at, remove, insert: insert.to_owned() });
                    edited.apply(&changes[changes.len() - 1..])?;
                }
                match doc.edit_view(editor.view, &changes) {
                    Ok(_) => editor.copy = edited.copy,
                    Err(Error::NoSuchRow { .. } | Error::InvalidArgument(Invalid::NotAText { .. })) => {}
                    Err(error) => return Err(format!("edit {changes:?} of {:?}: {error}", editor.copy)),
                }
            }
        }
    }
    Ok(())
}

fn pick<'a>(editors: &'a mut [Editor], random: &mut Random) -> Option<&'a mut Editor> {
    let len = editors.len();
    if len == 0 { None } else { editors.get_mut(random.below(len)) }
}
