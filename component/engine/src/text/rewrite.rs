//! The difference of two texts by words, for hosts that only know the text before and after.
//!
//! A word is a run of letters and digits, a run of blanks, a line break, or any other character. By
//! characters, a difference would tear words apart: merged with another one, it would leave parts
//! of words. Equal arguments have equal results on every replica and host.
//!
//! Source: E. W. Myers, "An O(ND) Difference Algorithm and Its Variations", 1986, the greedy
//! algorithm.

use super::unit::Lengths;
use crate::error::Error;
use crate::memory;
use crate::work;
use std::ops::Range;

/// The maximum number of words that are removed or inserted. If there are more, one replacement has
/// all words between the first and the last difference. Bounds the trace to 2 MB.
const MAX_DEPTH: usize = 1_000;
/// The maximum number of comparisons of words, where equal words count by their bytes, too. Only
/// large texts that repeat themselves need more; they are replaced in the same way.
const MAX_COMPARISONS: usize = 1 << 25;
/// Comparing this many bytes costs as much as another comparison.
const COMPARED_BYTES: usize = 16;

/// Removes `remove` scalar values at `at`, then inserts a part of the new text there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replacement {
    /// The position in scalar values in the text after the replacements before this one.
    pub(crate) at: u32,
    pub(crate) remove: u32,
    /// The inserted bytes of the new text.
    pub(crate) insert: Range<usize>,
}

/// Parts of both texts, in bytes. The first one is replaced by the second one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
}

/// Returns the replacements that make a text equal to another one; none if they are equal. They are
/// ascending, and each applies after the ones before it.
///
/// The replacements are minimal by words: they remove and insert as few words as possible, up to
/// `MAX_DEPTH` words and `MAX_COMPARISONS` comparisons. A replacement that only inserts or only
/// removes characters at one place, as typing does, is narrowed to these characters. All others
/// begin and end between words.
///
/// O(n + m) bytes, and O((n + m) · d) comparisons for d removed and inserted words, up to the
/// maximum. Takes 8 bytes of memory for each word between the first and the last difference.
///
/// # Errors
/// `LimitExceeded` if there is not enough memory.
pub(crate) fn rewrite(old: &str, new: &str) -> Result<Vec<Replacement>, Error> {
    let differences = differences(old, new)?;
    let mut replacements = Vec::new();
    memory::reserve(&mut replacements, differences.len())?;
    let (mut at, mut end) = (0_u32, 0);
    for difference in differences {
        let Difference { old: removed, new: insert } = narrowed(difference, old, new);
        at = at.saturating_add(scalars(new, end..insert.start));
        end = insert.start;
        replacements.push(Replacement { at, remove: scalars(old, removed), insert });
    }
    Ok(replacements)
}

fn scalars(text: &str, range: Range<usize>) -> u32 {
    text.get(range).map_or(0, |part| Lengths::of(part).scalars)
}

/// Returns the differences by words, in ascending order.
pub(super) fn differences(old: &str, new: &str) -> Result<Vec<Difference>, Error> {
    let mut differences = Vec::new();
    if old == new {
        return Ok(differences);
    }
    let prefix = words_start(old, new, common_prefix(old, new));
    let (old_rest, new_rest) = (&old[prefix..], &new[prefix..]);
    let suffix = words_end(old_rest, new_rest, common_suffix(old_rest, new_rest));
    let (old_middle, new_middle) = (&old_rest[..old_rest.len() - suffix], &new_rest[..new_rest.len() - suffix]);
    let whole = Difference { old: prefix..old.len() - suffix, new: prefix..new.len() - suffix };
    if !old_middle.is_empty() && !new_middle.is_empty() {
        let (of_old, of_new) = (words(old_middle)?, words(new_middle)?);
        let texts = Words { old: old_middle, new: new_middle, of_old: &of_old, of_new: &of_new };
        if let Some(trace) = texts.trace()? {
            texts.follow(&trace, prefix, &mut differences)?;
            return Ok(differences);
        }
    }
    memory::reserve(&mut differences, 1)?;
    differences.push(whole);
    Ok(differences)
}

/// Returns the number of common bytes at the start of both texts, up to the end of a character.
fn common_prefix(old: &str, new: &str) -> usize {
    let common = old.bytes().zip(new.bytes()).take_while(|(old, new)| old == new).count();
    old.floor_char_boundary(common).min(new.floor_char_boundary(common))
}

/// Returns the number of common bytes at the end of both texts, from the start of a character.
fn common_suffix(old: &str, new: &str) -> usize {
    let common = old.bytes().rev().zip(new.bytes().rev()).take_while(|(old, new)| old == new).count();
    // The common bytes begin with continuations of a character of which the first byte differs.
    common - old.as_bytes()[old.len() - common..].iter().take_while(|byte| **byte & 0xc0 == 0x80).count()
}

/// Returns the start of the words at a position, up to which the texts are the same.
fn words_start(old: &str, new: &str, at: usize) -> usize {
    let mut start = at;
    while !(is_between_words(old, start) && is_between_words(new, start)) {
        start = old.floor_char_boundary(start - 1);
    }
    start
}

/// Returns the length of the common end without the words that begin before it.
fn words_end(old: &str, new: &str, length: usize) -> usize {
    let mut length = length;
    while !(is_between_words(old, old.len() - length) && is_between_words(new, new.len() - length)) {
        length = old.len() - old.ceil_char_boundary(old.len() - length + 1);
    }
    length
}

/// The kinds of characters that make up words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CharKind {
    Letter,
    Blank,
    /// Is a word of its own.
    Single,
}

/// Returns the kind of a character.
///
/// Outside of ASCII, almost everything is a letter: letters of all scripts, combining marks, emoji
/// and what joins these. The exceptions are punctuation, and the scripts that write no blanks
/// between words: Chinese and Japanese characters are words of their own. The tables of `char` know
/// more, but would add to the size of the component.
fn kind_of(char: char) -> CharKind {
    match char {
        '0'..='9' | 'A'..='Z' | 'a'..='z' => CharKind::Letter,
        ' ' | '\t' => CharKind::Blank,
        // ASCII; Latin-1 punctuation; general punctuation but the joiners of letters and of emoji.
        '\0'..='\u{bf}' | '\u{2000}'..='\u{200b}' | '\u{200e}'..='\u{206f}' => CharKind::Single,
        // Radicals to Yi; compatibility ideographs and forms; wide forms; ideographs of plane 2.
        '\u{2e80}'..='\u{a4cf}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe4f}'
        | '\u{ff00}'..='\u{ffef}'
        | '\u{20000}'..='\u{3ffff}' => CharKind::Single,
        _ => CharKind::Letter,
    }
}

/// Returns whether a word ends or begins at a position, which is between characters.
fn is_between_words(text: &str, at: usize) -> bool {
    let (before, behind) = text.split_at(at);
    let (Some(last), Some(next)) = (before.chars().next_back(), behind.chars().next()) else { return true };
    if (last, next) == ('\r', '\n') {
        return false;
    }
    kind_of(last) == CharKind::Single || kind_of(last) != kind_of(next)
}

/// A word: its hash, and where it ends. It begins where the one before it ends.
#[derive(Debug, Clone, Copy)]
struct Word {
    end: u32,
    hash: u32,
}

/// Returns the words of a text. O(n).
fn words(text: &str) -> Result<Vec<Word>, Error> {
    let mut words: Vec<Word> = Vec::new();
    let mut start = 0;
    for end in text.char_indices().map(|(at, _)| at).skip(1).chain([text.len()]) {
        if !is_between_words(text, end) {
            continue;
        }
        work::step();
        memory::reserve(&mut words, 1)?;
        words.push(Word { end: end as u32, hash: crc32fast::hash(&text.as_bytes()[start..end]) });
        start = end;
    }
    Ok(words)
}

/// Two texts as words.
#[derive(Debug, Clone, Copy)]
struct Words<'a> {
    old: &'a str,
    new: &'a str,
    of_old: &'a [Word],
    of_new: &'a [Word],
}

/// Returns the start of a word.
fn start_of(words: &[Word], index: usize) -> usize {
    index.checked_sub(1).map_or(0, |before| words[before].end as usize)
}

impl Words<'_> {
    fn bytes_of_old(&self, old: usize) -> usize {
        self.of_old.get(old).map_or(0, |word| word.end as usize - start_of(self.of_old, old))
    }

    fn are_equal(&self, old: usize, new: usize) -> bool {
        work::step();
        let (Some(of_old), Some(of_new)) = (self.of_old.get(old), self.of_new.get(new)) else { return false };
        let text_of_old = || &self.old.as_bytes()[start_of(self.of_old, old)..of_old.end as usize];
        let text_of_new = || &self.new.as_bytes()[start_of(self.of_new, new)..of_new.end as usize];
        of_old.hash == of_new.hash && text_of_old() == text_of_new()
    }

    /// Returns, for each number of edits, how many old words the furthest path on each diagonal
    /// has. The diagonals of `d` edits are -d, -d + 2, ..., d; on diagonal `k`, a path has `k` more
    /// old words than new ones. Returns `None` if `MAX_DEPTH` edits or `MAX_COMPARISONS` are not
    /// enough.
    fn trace(&self) -> Result<Option<Vec<u32>>, Error> {
        let mut trace: Vec<u32> = Vec::new();
        let mut comparisons = 0;
        for depth in 0..=MAX_DEPTH {
            memory::reserve(&mut trace, depth + 1)?;
            for at in 0..=depth {
                let mut old = self.furthest(&trace, depth, at).0;
                let mut new = old + depth - 2 * at;
                comparisons += 1;
                while self.are_equal(old, new) && comparisons <= MAX_COMPARISONS {
                    comparisons += 1 + self.bytes_of_old(old) / COMPARED_BYTES;
                    (old, new) = (old + 1, new + 1);
                }
                if comparisons > MAX_COMPARISONS {
                    return Ok(None);
                }
                trace.push(old as u32);
                if old == self.of_old.len() && new == self.of_new.len() {
                    return Ok(Some(trace));
                }
            }
        }
        Ok(None)
    }

    /// Returns where the path with `depth` edits on a diagonal begins after its last edit, as a
    /// number of old words, and whether this edit inserts. `at` is the index of the diagonal.
    fn furthest(&self, trace: &[u32], depth: usize, at: usize) -> (usize, bool) {
        let Some(before) = depth.checked_sub(1) else { return (0, false) };
        let row = before * depth / 2;
        let of = |at: usize| trace[row + at] as usize;
        let inserted = (at < depth).then(|| of(at));
        let removed = at.checked_sub(1).map(|at| of(at) + 1);
        match (inserted, removed) {
            (Some(inserted), Some(removed)) if inserted >= removed => (inserted, true),
            (_, Some(removed)) => (removed, false),
            (inserted, None) => (inserted.unwrap_or(0), true),
        }
    }

    /// Adds the differences of a trace, of which the last path ends at the end of both texts.
    /// `offset` is the position of both texts.
    fn follow(&self, trace: &[u32], offset: usize, differences: &mut Vec<Difference>) -> Result<(), Error> {
        // The last path is the last entry of the trace.
        let depth = (0..=MAX_DEPTH).rev().find(|depth| depth * (depth + 1) / 2 < trace.len()).unwrap_or(0);
        let mut at = trace.len() - 1 - depth * (depth + 1) / 2;
        for depth in (1..=depth).rev() {
            work::step();
            let (old, is_insert) = self.furthest(trace, depth, at);
            let new = (old + depth) - 2 * at;
            // The words of the edit.
            let (of_old, of_new) = if is_insert { (old..old, new - 1..new) } else { (old - 1..old, new..new) };
            let bytes = |words: &[Word], range: Range<usize>| {
                offset + start_of(words, range.start)..offset + start_of(words, range.end)
            };
            let edit = Difference { old: bytes(self.of_old, of_old), new: bytes(self.of_new, of_new) };
            match differences.last_mut() {
                Some(next) if next.old.start == edit.old.end && next.new.start == edit.new.end => {
                    (next.old.start, next.new.start) = (edit.old.start, edit.new.start);
                }
                _ => {
                    memory::reserve(differences, 1)?;
                    differences.push(edit);
                }
            }
            at = if is_insert { at } else { at - 1 };
        }
        differences.reverse();
        Ok(())
    }
}

/// Returns a difference without the common start and end of both parts, if one part is empty then.
fn narrowed(difference: Difference, old: &str, new: &str) -> Difference {
    let Difference { old: of_old, new: of_new } = difference.clone();
    let (removed, inserted) = (&old[of_old.clone()], &new[of_new.clone()]);
    let prefix = common_prefix(removed, inserted);
    let suffix = common_suffix(&removed[prefix..], &inserted[prefix..]);
    if prefix + suffix < removed.len().min(inserted.len()) {
        return difference;
    }
    Difference { old: of_old.start + prefix..of_old.end - suffix, new: of_new.start + prefix..of_new.end - suffix }
}
