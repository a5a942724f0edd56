//! The rooms of the engine, `docs/architecture.md`: a module uses only what stands to its left.

use std::fs;
use std::path::{Path, PathBuf};

/// From left to right; those in one entry may use each other.
const ROOMS: [&[&str]; 16] = [
    &["work"],
    &["sort"],
    &["limits", "error"],
    &["memory"],
    &["codec"],
    &["value"],
    &["id"],
    &["clock"],
    &["graph"],
    &["lanes"],
    &["oplog"],
    &["chain"],
    &["rows"],
    &["doc"],
    &["ephemeral"],
    &["session"],
];

/// What stands to the left and is not seen all the same.
const UNSEEN: [(&str, &[&str]); 1] = [("ephemeral", &["clock", "graph", "lanes", "oplog", "chain", "rows", "doc"])];

fn place(room: &str) -> Option<usize> {
    ROOMS.iter().position(|rooms| rooms.contains(&room))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn arrows_point_to_the_left() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut arrows = 0;
    for path in sources(&src) {
        let inside = path.strip_prefix(&src).unwrap().with_extension("");
        let room = inside.iter().next().unwrap().to_str().unwrap().to_owned();
        if room == "lib" {
            continue;
        }
        let here = place(&room).unwrap_or_else(|| panic!("{room} is not in the list of rooms"));
        let text = fs::read_to_string(&path).unwrap();
        for mention in text.split("crate::").skip(1) {
            let used: String = mention.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let there =
                place(&used).unwrap_or_else(|| panic!("{path:?} uses {used}, which is not in the list of rooms"));
            assert!(there <= here, "{path:?}: {room} uses {used}, which stands to its right");
            let unseen = UNSEEN.iter().any(|(room_of, unseen)| *room_of == room && unseen.contains(&used.as_str()));
            assert!(!unseen, "{path:?}: {room} uses {used}, of which it knows nothing");
            arrows += usize::from(there < here);
        }
    }
    assert!(arrows > 20, "only {arrows} arrows were read");
}
