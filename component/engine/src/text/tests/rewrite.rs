//! Rewrites: the result, its size compared with a naive algorithm, and the cost.

use super::random::for_each_seed;
use super::world::Random;
use crate::text::rewrite::{Difference, differences};
use crate::text::{Replacement, rewrite};
use crate::work;

/// Applies replacements one after another.
fn applied(old: &str, new: &str, replacements: &[Replacement]) -> String {
    let mut text: Vec<char> = old.chars().collect();
    let mut end = 0;
    for replacement in replacements {
        let (at, remove) = (replacement.at as usize, replacement.remove as usize);
        assert!(at > end || end == 0, "{replacements:?} touch");
        text.splice(at..at + remove, new[replacement.insert.clone()].chars());
        end = at + new[replacement.insert.clone()].chars().count();
    }
    text.iter().collect()
}

/// Returns the replacements, as positions, counts of removed characters, and inserted texts.
fn checked<'a>(old: &str, new: &'a str) -> Vec<(u32, u32, &'a str)> {
    let replacements = rewrite(old, new).unwrap();
    assert_eq!(applied(old, new, &replacements), new);
    replacements.into_iter().map(|it| (it.at, it.remove, &new[it.insert])).collect()
}

#[test]
fn replaces_words() {
    for text in ["", "x", "one two", "😀\r\n"] {
        assert_eq!(checked(text, text), []);
    }
    assert_eq!(checked("", "new text"), [(0, 0, "new text")]);
    assert_eq!(checked("old text", ""), [(0, 8, "")]);
    assert_eq!(checked("abc", "xyz"), [(0, 3, "xyz")]);
    // Words are replaced as a whole, also if they have characters in common.
    assert_eq!(checked("the cat sat", "the cut sit"), [(4, 3, "cut"), (8, 3, "sit")]);
    assert_eq!(checked("a cart", "a cat cart"), [(2, 0, "cat ")]);
    assert_eq!(checked("one two three", "one three"), [(4, 4, "")]);
    assert_eq!(checked("f(a, b)", "f(b, a)"), [(2, 1, "b"), (5, 1, "a")]);
    // Typing and deleting change only the characters.
    assert_eq!(checked("hel wor", "hell worl"), [(3, 0, "l"), (8, 0, "l")]);
    assert_eq!(checked("hello world", "held"), [(3, 7, "")]);
    assert_eq!(checked("hello", "hel big world lo"), [(3, 0, " big world ")]);
    // Positions count scalar values.
    assert_eq!(checked("😀😀 é ok", "😀😀 é no, ok"), [(5, 0, "no, ")]);
    assert_eq!(checked("a😀 b", "a😃 b"), [(0, 2, "a😃")]);
    assert_eq!(checked("e\u{301} x", "e\u{302} x"), [(0, 2, "e\u{302}")]);
    assert_eq!(checked("a\r\nb", "a\nb"), [(1, 1, "")]);
    assert_eq!(checked("a\rb", "a\nb"), [(1, 1, "\n")]);
    // Chinese and Japanese characters are words.
    assert_eq!(checked("今天天气很好", "今天天氣很好"), [(3, 1, "氣")]);
    // The bytes of these characters have the same end.
    assert_eq!(checked("日 ö", "旦 ç"), [(0, 1, "旦"), (2, 1, "ç")]);
}

/// Returns the words of a text, by the definition.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let kind = |char: char| {
        if char.is_ascii_punctuation() || "\r\n日、".contains(char) {
            0
        } else {
            1 + usize::from(" \t".contains(char))
        }
    };
    for char in text.chars() {
        match words.last_mut() {
            Some(word) if kind(char) != 0 && word.chars().all(|other| kind(other) == kind(char)) => word.push(char),
            Some(word) if word == "\r" && char == '\n' => word.push(char),
            _ => words.push(char.to_string()),
        }
    }
    words
}

/// Returns the number of words of a longest common subsequence.
fn common(old: &[String], new: &[String]) -> usize {
    let mut row = vec![0; new.len() + 1];
    for word in old {
        let mut diagonal = 0;
        for (at, other) in new.iter().enumerate() {
            let next = if word == other { diagonal + 1 } else { row[at + 1].max(row[at]) };
            diagonal = std::mem::replace(&mut row[at + 1], next);
        }
    }
    row[new.len()]
}

const PARTS: [&str; 16] =
    ["a", "b", "ab", " ", "  ", "\t", ".", "\r\n", "\n", "\r", "é", "e\u{301}", "😀", "日", "、", "a1"];

#[test]
fn random_texts_are_rewritten_by_as_few_words_as_possible() {
    for_each_seed(20_000, |seed| {
        let mut random = Random(seed);
        let parts = 1 + random.below(PARTS.len());
        let part = |random: &mut Random| PARTS[(random.below(parts) + seed as usize) % PARTS.len()];
        let mut old: Vec<&str> = (0..random.below(20)).map(|_| part(&mut random)).collect();
        let mut new = old.clone();
        if random.chance(1, 4) {
            new = (0..random.below(20)).map(|_| part(&mut random)).collect();
        }
        for _ in 0..random.below(5) {
            let at = random.below(new.len() + 1);
            let end = (at + random.below(3)).min(new.len());
            let insert: Vec<&str> = (0..random.below(3)).map(|_| part(&mut random)).collect();
            new.splice(at..end, insert);
        }
        if random.chance(1, 2) {
            std::mem::swap(&mut old, &mut new);
        }
        let (old, new) = (old.concat(), new.concat());
        checked(&old, &new);
        let (of_old, of_new) = (words(&old), words(&new));
        // Between words, whose number is minimal.
        let starts = |words: &[String]| -> Vec<usize> {
            let lengths = words.iter().scan(0, |end, word| Some(std::mem::replace(end, *end + word.len())));
            lengths.chain([words.concat().len()]).collect()
        };
        let (starts_of_old, starts_of_new) = (starts(&of_old), starts(&of_new));
        let index = |starts: &[usize], at: usize| starts.binary_search(&at).expect("a torn word");
        let differences = differences(&old, &new).unwrap();
        let changed: usize = differences
            .iter()
            .map(|Difference { old, new }| {
                let removed = index(&starts_of_old, old.end) - index(&starts_of_old, old.start);
                removed + index(&starts_of_new, new.end) - index(&starts_of_new, new.start)
            })
            .sum();
        assert_eq!(changed, of_old.len() + of_new.len() - 2 * common(&of_old, &of_new), "{old:?} {new:?}");
        // Narrowed replacements only insert or only remove.
        let replacements = rewrite(&old, &new).unwrap();
        assert_eq!(replacements.len(), differences.len());
        for (replacement, difference) in replacements.iter().zip(&differences) {
            let is_whole = replacement.insert == difference.new;
            assert!(is_whole || replacement.remove == 0 || replacement.insert.is_empty());
        }
    });
}

#[test]
fn a_changed_word_in_a_long_text_costs_little() {
    let old = "The quick brown fox jumps over the lazy dog.\n".repeat(1 << 15);
    let at = old.len() / 2 / 45 * 45;
    let new = format!("{}slow{}", &old[..at + 4], &old[at + 9..]);
    let (steps, replacements) = work::count(|| checked(&old, &new).len());
    assert!(replacements == 1 && steps < 100, "{steps} steps");
    // One at the start and one at the end.
    let new = format!("A{}cat.\n", &old[3..old.len() - 5]);
    let (steps, found) = work::count(|| checked(&old, &new));
    assert_eq!(found, [(0, 3, "A"), (new.len() as u32 - 5, 3, "cat")]);
    assert!(steps < 6_000_000, "{steps} steps");
}

#[test]
fn the_work_for_texts_that_differ_everywhere_is_bounded() {
    let text = |words: usize, word: fn(usize) -> &'static str| -> String { (0..words).map(word).collect() };
    // Words in turns, which match almost everywhere but for one word in three.
    let old = |words: usize| text(words, |at| ["a ", "b ", "c "][at % 3]);
    let new = |words: usize| text(words, |at| ["b ", "a ", "c "][at % 3]);
    let steps = |words: usize| {
        let (old, new) = (old(words), new(words));
        let (steps, found) = work::count(|| checked(&old, &new).len());
        assert!(found == 1 || words < 1_000, "{found} replacements");
        steps
    };
    let (one, two) = (steps(20_000), steps(40_000));
    assert!(two as f64 <= 2.5 * one as f64, "{one} steps, then {two}");
    assert!(two <= 35_000_000, "{two} steps");
    // Large texts that are the same everywhere but for a thousand words.
    let new: String = (0..500_000).map(|at| if at % 400 == 7 { "b." } else { "a." }).collect();
    let (steps, found) = work::count(|| checked(&"a.".repeat(500_000), &new).len());
    assert!(found == 1 && steps <= 36_000_000, "{found} replacements, {steps} steps");
    // A thousand removed and inserted words are found, and no more.
    let changed = |count: usize| -> usize {
        let (old, new) = (text(count, |_| "a."), text(count, |_| "b."));
        checked(&old, &new).len()
    };
    assert_eq!((changed(500), changed(501)), (500, 1));
    // A large insertion into a word is not a replacement of the word.
    let new = format!("wo{}rd", "x y ".repeat(10_000));
    assert_eq!(checked("word", &new).len(), 1);
    assert_eq!(checked("word", &new)[0].1, 0);
}
