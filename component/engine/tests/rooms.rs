//! Checks the layout of the engine that `docs/architecture.md` describes: a module uses only
//! modules to its left, no two files of a room use each other, every type has a name of its own,
//! and code that reads bytes denies the lints for it.
//!
//! The tests read the sources word by word. A mention of a type counts as a use of the file that
//! defines it, and so does a call of a function if the engine has only one function of that name.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the engine, from left to right.
const ROOMS: [&str; 21] = [
    "convert",
    "work",
    "sort",
    "limits",
    "error",
    "ordering",
    "memory",
    "codec",
    "value",
    "id",
    "tree",
    "clock",
    "graph",
    "lanes",
    "oplog",
    "chain",
    "text",
    "rows",
    "doc",
    "ephemeral",
    "session",
];

/// For a room, the rooms to its left that it must not use.
const UNSEEN: [(&str, &[&str]); 1] =
    [("ephemeral", &["tree", "clock", "graph", "lanes", "oplog", "chain", "text", "rows", "doc"])];

/// The files and folders of `doc`, from left to right. Those in one entry do not use each other.
const DOC: [&[&str]; 17] = [
    &["incoming", "reserved", "translation", "fork_index"],
    &["prints", "waiting"],
    &["mod"],
    &["identity", "branches"],
    &["below", "chains", "room"],
    &["names"],
    &["events", "missing", "runs", "dbg_check"],
    &["check", "drafts"],
    &["edits"],
    &["bytes"],
    &["since"],
    &["merge"],
    &["local", "reader", "exchange"],
    &["transaction"],
    &["views", "inverse"],
    &["anchors"],
    &["horizon"],
];

/// Types that are only used by code that reads bytes from outside.
const READERS: [&str; 2] = ["Reader<'", "Column<'"];
/// The lints that such code denies.
const LINTS: [&str; 5] = [
    "#![deny(",
    "clippy::indexing_slicing",
    "clippy::arithmetic_side_effects",
    "clippy::as_conversions",
    "clippy::unwrap_used",
];

/// The maximum width of a line of comments.
const MAX_COMMENT_COLUMNS: usize = 100;

/// A file of the engine without comments, the content of string literals, and unit tests.
struct Source {
    /// The path inside of `src`, such as `doc/merge/mod.rs`.
    path: String,
    code: String,
}

impl Source {
    fn room(&self) -> &str {
        first_part(&self.path)
    }

    /// Returns the folder of the file.
    fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Returns whether the file is the `mod.rs` of a folder that contains the other file.
    fn is_root_of(&self, other: &Self) -> bool {
        self.path.ends_with("/mod.rs") && other.path.starts_with(&format!("{}/", self.folder()))
    }

    /// Returns the names of the types that the file defines.
    fn types(&self) -> impl Iterator<Item = &str> {
        self.code.lines().filter_map(|line| {
            let is_inside = line.starts_with(' ');
            let mut words = from_keyword(line);
            let is_type = match words.next()? {
                "struct" | "enum" | "trait" => true,
                "type" => !is_inside,
                _ => false,
            };
            words.next().filter(|_| is_type)
        })
    }

    /// Returns the names of the functions that the file defines.
    fn functions(&self) -> impl Iterator<Item = &str> {
        let pairs = words(&self.code).zip(words(&self.code).skip(1));
        pairs.filter(|(word, name)| word.text == "fn" && name.between == " ").map(|(_, name)| name.text)
    }
}

/// Words that precede the keyword of an item.
const VISIBILITY: [&str; 5] = ["pub", "crate", "super", "in", "doc"];

fn first_part(path: &str) -> &str {
    path.split('/').next().unwrap_or(path).trim_end_matches(".rs")
}

/// Returns the position of a file or folder of `doc` from the left.
fn position_in_doc(path: &str) -> usize {
    let name = first_part(path);
    let found = DOC.iter().position(|names| names.contains(&name));
    found.unwrap_or_else(|| panic!("{name} is not in the list of the modules of doc"))
}

/// A word of source code.
#[derive(Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    /// The word before this one.
    last: &'a str,
    /// The text between the word before and this one.
    between: &'a str,
    /// The text after this word.
    behind: &'a str,
}

impl Word<'_> {
    /// Returns whether this is a call of a function of a module or value.
    fn is_call(self) -> bool {
        self.behind.starts_with('(') && (self.between.ends_with('.') || self.between == "::")
    }

    /// Returns whether this is a variant or an item of a type, such as `Peer` in `Name::Peer`.
    fn is_of_type(self) -> bool {
        self.between == "::" && self.last.starts_with(char::is_uppercase)
    }
}

fn words(code: &str) -> impl Iterator<Item = Word<'_>> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let (mut rest, mut last) = (code, "");
    std::iter::from_fn(move || {
        let (between, from) = rest.split_at(rest.find(is_part)?);
        let (text, behind) = from.split_at(from.find(|c| !is_part(c)).unwrap_or(from.len()));
        rest = behind;
        Some(Word { text, last: std::mem::replace(&mut last, text), between, behind })
    })
}

/// Returns the words of an item, beginning with its keyword.
fn from_keyword(item: &str) -> impl Iterator<Item = &str> {
    words(item).map(|word| word.text).skip_while(|word| VISIBILITY.contains(word))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Returns a line without its comment and without the content of its string literals.
fn without_comment(line: &str) -> String {
    let line = line.split("//").next().unwrap();
    line.split('"').step_by(2).collect::<Vec<_>>().join("\"\"")
}

/// Reads the files of the engine, except for unit tests.
fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let inside = |path: &Path| path.strip_prefix(&src).unwrap().to_str().unwrap().replace('\\', "/");
    let is_tests = |path: &str| path.ends_with("tests.rs") || path.contains("tests/");
    let mut sources = Vec::new();
    for path in files(&src).into_iter().filter(|path| !is_tests(&inside(path)) && inside(path) != "lib.rs") {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
        let code = code.lines().map(without_comment).collect::<Vec<_>>().join("\n");
        sources.push(Source { path: inside(&path), code });
    }
    assert!(sources.len() > 50, "only {} files were found", sources.len());
    sources
}

/// Returns the pairs of files of one room of which the first uses the second, each with an item
/// that the first uses.
fn arrows(sources: &[Source]) -> BTreeMap<(&str, &str), &str> {
    let mut definitions: BTreeMap<(bool, &str), Vec<&str>> = BTreeMap::new();
    for source in sources {
        source.types().for_each(|name| definitions.entry((false, name)).or_default().push(&source.path));
        source.functions().for_each(|name| definitions.entry((true, name)).or_default().push(&source.path));
    }
    let mut arrows = BTreeMap::new();
    for source in sources {
        for item in source.code.split(";\n").map(str::trim_start) {
            let is_use = from_keyword(item).next() == Some("use");
            // A re-export is not a use.
            if is_use && item.starts_with("pub") {
                continue;
            }
            for word in words(item) {
                let is_import = is_use && !word.behind.starts_with("::");
                let function = definitions.get(&(true, word.text)).filter(|_| word.is_call() || is_import);
                let a_type = definitions.get(&(false, word.text)).filter(|_| !word.is_of_type());
                if let Some([there]) = function.or(a_type).map(Vec::as_slice)
                    && *there != source.path
                    && first_part(there) == source.room()
                {
                    arrows.insert((source.path.as_str(), *there), word.text);
                }
            }
        }
    }
    arrows
}

#[test]
fn arrows_point_to_the_left() {
    let place = |name: &str| {
        let found = ROOMS.iter().position(|room| *room == name);
        found.unwrap_or_else(|| panic!("{name} is not in the list of rooms"))
    };
    let mut arrows = 0;
    for source in sources() {
        let room = source.room();
        let here = place(room);
        for mention in source.code.split("crate::").skip(1) {
            let used = words(mention).next().unwrap().text;
            let there = place(used);
            let Source { path, .. } = &source;
            assert!(there <= here, "{path}: {room} uses {used}, which is to its right");
            let unseen = UNSEEN.iter().any(|(room_of, unseen)| *room_of == room && unseen.contains(&used));
            assert!(!unseen, "{path}: {room} uses {used}, which it must not know");
            arrows += usize::from(there < here);
        }
    }
    assert!(arrows > 20, "only {arrows} arrows were read");
}

#[test]
fn arrows_inside_of_doc_point_to_the_left() {
    let sources = sources();
    let mut count = 0;
    for ((from, to), item) in arrows(&sources) {
        let (Some(here), Some(there)) = (from.strip_prefix("doc/"), to.strip_prefix("doc/")) else { continue };
        if first_part(here) != first_part(there) {
            let is_left = position_in_doc(there) < position_in_doc(here);
            assert!(is_left, "{from} uses {item} of {to}, which is not to its left");
            count += 1;
        }
    }
    assert!(count > 50, "only {count} arrows were read");
}

#[test]
fn no_two_files_of_a_room_use_each_other() {
    let sources = sources();
    let by_path: BTreeMap<&str, &Source> = sources.iter().map(|source| (source.path.as_str(), source)).collect();
    let arrows = arrows(&sources);
    for (&(from, to), item) in &arrows {
        let (one, other) = (by_path[from], by_path[to]);
        // The other files of a folder extend the types of its `mod.rs`.
        let is_extended = one.is_root_of(other) || other.is_root_of(one);
        if let Some(back) = arrows.get(&(to, from)).filter(|_| !is_extended) {
            panic!("{from} uses {item} of {to}, which uses {back} of {from}");
        }
    }
}

#[test]
fn every_type_has_a_name_of_its_own() {
    let sources = sources();
    let mut types: BTreeMap<&str, &str> = BTreeMap::new();
    for source in &sources {
        for name in source.types() {
            let other = types.insert(name, &source.path);
            assert_eq!(other, None, "{name} is also a type of {}", source.path);
        }
    }
    assert!(types.len() > 100, "only {} types were found", types.len());
}

#[test]
fn code_that_reads_bytes_denies_the_lints_for_input() {
    let sources = sources();
    let keeps = |source: &Source| LINTS.iter().all(|rule| source.code.contains(rule));
    let mut count = 0;
    for source in sources.iter().filter(|source| READERS.iter().any(|reader| source.code.contains(reader))) {
        let is_kept = keeps(source) || sources.iter().any(|root| root.is_root_of(source) && keeps(root));
        assert!(is_kept, "{} reads bytes but does not deny {LINTS:?}", source.path);
        count += 1;
    }
    assert!(count > 20, "only {count} files read bytes");
}

#[test]
fn comments_are_at_most_100_columns_wide() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut count = 0;
    for path in files(&src) {
        let text = fs::read_to_string(&path).unwrap();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("//")) {
            assert!(line.chars().count() <= MAX_COMMENT_COLUMNS, "{}:{}: {line}", path.display(), index + 1);
            count += 1;
        }
    }
    assert!(count > 1000, "only {count} lines of comments were found");
}
