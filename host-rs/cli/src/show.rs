//! Formats names, values, operations and heads, and parses heads. Names and texts from files are
//! escaped: they can contain line feeds and control characters.

use converge::{Cell, EventId, PeerVersion, RowOp, Value};
use std::fmt::{self, Write};
use std::str::FromStr;

/// The maximum number of operations in the summary of an event.
const MAX_SHORT_OPERATIONS: usize = 3;
/// The maximum number of columns of an operation in the summary.
const MAX_SHORT_COLUMNS: usize = 4;
/// The maximum number of characters of a name in the summary.
const MAX_SHORT_NAME_CHARS: usize = 60;

/// A peer. Characters other than letters, digits and `-._~@+` are written as `%XX` for each byte,
/// so that lists of events can be parsed.
pub(crate) struct Peer<'a>(pub(crate) &'a str);

impl fmt::Display for Peer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for character in self.0.chars() {
            if character.is_alphanumeric() || "-._~@+".contains(character) {
                text.push(character);
                continue;
            }
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                write!(text, "%{byte:02X}")?;
            }
        }
        f.pad(&text)
    }
}

/// Events, as `PEER:COUNTER,PEER:COUNTER`; the empty string if there are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heads(pub(crate) Vec<EventId>);

impl Heads {
    /// Returns the last event of each peer in a version.
    pub(crate) fn of_version(version: &[PeerVersion]) -> Self {
        let last = |of: &PeerVersion| Some(EventId::new(&of.peer, of.count.checked_sub(1)?));
        Self(version.iter().filter_map(last).collect())
    }
}

impl fmt::Display for Heads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, EventId { peer, counter }) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{}:{counter}", Peer(peer))?;
        }
        Ok(())
    }
}

impl FromStr for Heads {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let events = text.split(',').filter(|_| !text.is_empty());
        events.map(event).collect::<Result<_, _>>().map(Self)
    }
}

/// Parses an event.
fn event(text: &str) -> Result<EventId, String> {
    let parts = text.rsplit_once(':').and_then(|(peer, counter)| {
        let digits = !counter.is_empty() && counter.bytes().all(|byte| byte.is_ascii_digit());
        Some(EventId::new(plain(peer)?, digits.then(|| counter.parse().ok())??))
    });
    let expected = "PEER:COUNTER, as `converge log` prints it, with %XX for special characters in the name";
    parts.ok_or_else(|| format!("{text:?} is not an event; expected {expected}"))
}

/// Parses the name of a peer in the format of [`Peer`].
fn plain(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend(rest.bytes());
    }
    String::from_utf8(bytes).ok().filter(|name| !name.is_empty())
}

/// The name of a table, a row or a column. Escaped and in quotation marks if it has special
/// characters.
pub(crate) struct Name<'a>(pub(crate) &'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |character: char| character.is_alphanumeric() || "-._~@+/:#$%&*".contains(character);
        if !self.0.is_empty() && self.0.chars().all(is_plain) { f.pad(self.0) } else { f.pad(&format!("{:?}", self.0)) }
    }
}

/// A value, written as in SQLite; texts are escaped as in Rust.
struct Content<'a>(&'a Value);

impl fmt::Display for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => f.write_str("null"),
            Value::Boolean(value) => write!(f, "{value}"),
            Value::Integer(value) => write!(f, "{value}"),
            Value::Real(value) => write!(f, "{value:?}"),
            Value::Text(value) => write!(f, "{value:?}"),
            Value::Blob(value) => {
                f.write_str("x'")?;
                value.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_char('\'')
            }
        }
    }
}

/// An operation with all details: `insert TABLE ROW COLUMN=VALUE…`, `unset TABLE ROW COLUMN…`,
/// `splice TABLE ROW COLUMN@AT-REMOVED+INSERTED`, `add TABLE ROW COLUMN+AMOUNT`.
pub(crate) struct Op<'a>(pub(crate) &'a RowOp);

impl fmt::Display for Op<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", kind(self.0), Name(self.0.table()), Name(self.0.row()))?;
        match self.0 {
            RowOp::Insert { cells, .. } | RowOp::Update { cells, .. } => {
                cells.iter().try_for_each(|Cell { column, value }| write!(f, " {}={}", Name(column), Content(value)))
            }
            RowOp::Unset { columns, .. } => columns.iter().try_for_each(|column| write!(f, " {}", Name(column))),
            RowOp::Splice { column, at, remove, insert, .. } => {
                write!(f, " {}@{at}-{remove}+{insert:?}", Name(column))
            }
            RowOp::Add { column, amount, .. } => write!(f, " {}{amount:+}", Name(column)),
            _ => Ok(()),
        }
    }
}

/// A summary of an event's operations, without values, which fits into a line.
pub(crate) struct Short<'a>(pub(crate) &'a [RowOp]);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        for (place, op) in self.0.iter().take(MAX_SHORT_OPERATIONS).enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}{} {} {}", kind(op), short(op.table()), short(op.row()))?;
            let columns = columns(op);
            for (place, column) in columns.iter().take(MAX_SHORT_COLUMNS).enumerate() {
                let separator = if place == 0 { ' ' } else { ',' };
                write!(f, "{separator}{}", short(column))?;
            }
            if columns.len() > MAX_SHORT_COLUMNS {
                write!(f, ",+{}", columns.len() - MAX_SHORT_COLUMNS)?;
            }
        }
        match self.0.len().saturating_sub(MAX_SHORT_OPERATIONS) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// Formats a name, of which long ones are cut off.
fn short(name: &str) -> String {
    match name.char_indices().nth(MAX_SHORT_NAME_CHARS) {
        Some((end, _)) => format!("{}…", Name(name.get(..end).unwrap_or(name))),
        None => Name(name).to_string(),
    }
}

/// Returns the kind of an operation.
fn kind(op: &RowOp) -> &'static str {
    match op {
        RowOp::Insert { .. } => "insert",
        RowOp::Update { .. } => "update",
        RowOp::Delete { .. } => "delete",
        RowOp::Unset { .. } => "unset",
        RowOp::Splice { .. } => "splice",
        RowOp::Add { .. } => "add",
        _ => "unknown",
    }
}

/// Returns the columns that an operation sets, removes or edits.
fn columns(op: &RowOp) -> Vec<&str> {
    match op {
        RowOp::Insert { cells, .. } | RowOp::Update { cells, .. } => {
            cells.iter().map(|cell| cell.column.as_str()).collect()
        }
        RowOp::Unset { columns, .. } => columns.iter().map(String::as_str).collect(),
        RowOp::Splice { column, .. } | RowOp::Add { column, .. } => vec![column],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Heads, Name, Op, Short};
    use converge::{EventId, PeerVersion, RowOp, Value};

    #[test]
    fn displayed_heads_parse_to_the_same_heads() {
        for peer in ["ann", "a,b", "a:1", "%", "%41", "über ann", "\u{1b}[31m\n", "漢字", "\u{202e}"] {
            let heads = Heads(vec![EventId::new(peer, 0), EventId::new("z", u32::MAX)]);
            let shown = heads.to_string();
            assert_eq!(shown.matches(',').count(), 1, "{shown}");
            assert!(!shown.chars().any(char::is_control), "{shown:?}");
            assert_eq!(shown.parse(), Ok(heads));
        }
        assert_eq!("".parse(), Ok(Heads(vec![])));
        assert_eq!(Heads(vec![EventId::new("a b", 3)]).to_string(), "a%20b:3");
        for wrong in [
            "ann",
            "ann:",
            ":1",
            "ann:-1",
            "ann:+1",
            "ann:4294967296",
            "ann:1,",
            ",",
            "%4:1",
            "%g0:1",
            "%+1:1",
            "%ff:1",
        ] {
            assert!(wrong.parse::<Heads>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_version_is_the_last_event_of_each_peer() {
        let version = [("a", 3), ("b", 0), ("c", 1)].map(|(peer, count)| PeerVersion { peer: peer.into(), count });
        assert_eq!(Heads::of_version(&version).to_string(), "a:2,c:0");
    }

    #[test]
    fn special_characters_in_names_are_escaped() {
        assert_eq!(Name("src/a.rs").to_string(), "src/a.rs");
        assert_eq!(Name("").to_string(), "\"\"");
        assert_eq!(Name("a b").to_string(), "\"a b\"");
        assert_eq!(Name("\u{1b}]0;\n\"").to_string(), "\"\\u{1b}]0;\\n\\\"\"");
    }

    #[test]
    fn operations_are_formatted_with_details_and_as_summaries() {
        let cells: [(&str, Value); 6] = [
            ("a", Value::Null),
            ("b", true.into()),
            ("c", (-1).into()),
            ("d", 2.0.into()),
            ("e", "x\ny".into()),
            ("f", Value::Blob(vec![0, 255])),
        ];
        let insert = RowOp::insert("t", "r 1", cells);
        let full = "insert t \"r 1\" a=null b=true c=-1 d=2.0 e=\"x\\ny\" f=x'00ff'";
        assert_eq!(Op(&insert).to_string(), full);
        let delete = RowOp::delete("t", "x".repeat(61));
        let ops = [insert, RowOp::update("t", "r", [("a", 1)]), delete.clone(), delete.clone(), delete];
        let shortest = format!("insert t \"r 1\" a,b,c,d,+2; update t r a; delete t {}…; and 2 more", "x".repeat(60));
        assert_eq!(Short(&ops).to_string(), shortest);
        assert_eq!(Short(&[]).to_string(), "nothing");
        let unset = RowOp::unset("t", "r", ["a", "b c", "d", "e", "f"]);
        assert_eq!(Op(&unset).to_string(), "unset t r a \"b c\" d e f");
        assert_eq!(Short(&[unset]).to_string(), "unset t r a,\"b c\",d,e,+1");
        let splice = RowOp::splice("t", "r", "a b", 5, 2, "x\ny");
        assert_eq!(Op(&splice).to_string(), "splice t r \"a b\"@5-2+\"x\\ny\"");
        assert_eq!(Short(&[splice]).to_string(), "splice t r \"a b\"");
        assert_eq!(Op(&RowOp::add("t", "r", "a b", 2)).to_string(), "add t r \"a b\"+2");
        assert_eq!(Op(&RowOp::add("t", "r", "n", -2)).to_string(), "add t r n-2");
        assert_eq!(Short(&[RowOp::add("t", "r", "n", -2)]).to_string(), "add t r n");
    }
}
