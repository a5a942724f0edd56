//! Integers as ASCII digits and letters, in their order. No integer's text begins with that of
//! another one.
//!
//! The first character says how many digits follow. Integers next to 0 have no digits, so that
//! short keys stay short; the length grows with the logarithm of the absolute value.

use std::iter::successors;

/// The digits in ascending order.
pub(super) const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The number of digits.
pub(super) const BASE: i64 = 62;

/// A range of integers and their texts.
#[derive(Debug)]
pub(super) struct Code {
    /// The index of the smallest first character among the digits. The first characters stand for:
    /// negative integers with `long` to 1 digits, the integers from `-short` to `short - 1`, and
    /// larger ones with 1 to `long` digits.
    first: i64,
    long: i64,
    short: i64,
}

/// The numbers of the keys of a block. They begin with a letter.
pub(super) const NUMBER: Code = Code { first: 10, long: 10, short: 16 };
/// The places of blocks. They begin with a decimal digit.
pub(super) const PLACE: Code = Code { first: 0, long: 3, short: 2 };

impl Code {
    /// Returns the largest integer. The smallest one is `-1 - max`.
    const fn max(&self) -> i64 {
        let (mut max, mut power, mut digits) = (self.short.saturating_sub(1), 1_i64, 0_i64);
        while digits < self.long {
            power = power.saturating_mul(BASE);
            max = max.saturating_add(power);
            digits = digits.saturating_add(1);
        }
        max
    }

    /// Returns the next larger integer, or `None` at the largest one.
    pub(super) fn next(&self, integer: i64) -> Option<i64> {
        (integer < self.max()).then(|| integer.saturating_add(1))
    }

    /// Returns the next smaller integer, or `None` at the smallest one.
    pub(super) fn previous(&self, integer: i64) -> Option<i64> {
        // The complement of two integers has the opposite order.
        self.next(!integer).map(|integer| !integer)
    }

    /// Appends the text of an integer.
    pub(super) fn encode(&self, integer: i64, text: &mut String) {
        // A negative integer is encoded as its complement, with all characters reversed in order.
        let (absolute, is_negative) = if integer < 0 { (!integer, true) } else { (integer, false) };
        let mut push = |digit: i64, last: i64| {
            let digit = if is_negative { last.saturating_sub(digit) } else { digit };
            let digit = usize::try_from(digit).ok().and_then(|index| DIGITS.get(index));
            text.extend(digit.copied().map(char::from));
        };
        let middle = self.first.saturating_add(self.long).saturating_add(self.short);
        let last = middle.saturating_mul(2).saturating_sub(1);
        if absolute < self.short {
            push(middle.saturating_add(absolute), last);
            return;
        }
        let mut rest = absolute.saturating_sub(self.short);
        let (mut digits, mut power) = (1_i64, BASE);
        while rest >= power {
            rest = rest.saturating_sub(power);
            power = power.saturating_mul(BASE);
            digits = digits.saturating_add(1);
        }
        push(middle.saturating_add(self.short).saturating_sub(1).saturating_add(digits), last);
        for power in successors(Some(power / BASE), |power| Some(power / BASE)).take_while(|power| *power > 0) {
            push(rest.checked_div(power).unwrap_or_default() % BASE, BASE - 1);
        }
    }

    /// Decodes the integer at the start of a text, and returns it with the rest of the text.
    pub(super) fn decode<'t>(&self, text: &'t str) -> Option<(i64, &'t str)> {
        let first = digit(*text.as_bytes().first()?)?.saturating_sub(self.first);
        let zero = self.long.saturating_add(self.short);
        let is_negative = first < zero;
        let absolute =
            if is_negative { zero.saturating_sub(1).saturating_sub(first) } else { first.saturating_sub(zero) };
        let digits = absolute.saturating_sub(self.short.saturating_sub(1)).max(0);
        if first < 0 || digits > self.long {
            return None;
        }
        let (content, rest) = text.split_at_checked(usize::try_from(digits).ok()?.saturating_add(1))?;
        let (mut value, mut smaller, mut power) = (0_i64, 0_i64, 1_i64);
        for byte in content.bytes().skip(1) {
            let digit = if is_negative { (BASE - 1).saturating_sub(digit(byte)?) } else { digit(byte)? };
            value = value.saturating_mul(BASE).saturating_add(digit);
            // All integers with fewer digits.
            smaller = smaller.saturating_add(if power > 1 { power } else { 0 });
            power = power.saturating_mul(BASE);
        }
        let absolute = match digits {
            0 => absolute,
            _ => self.short.saturating_add(smaller).saturating_add(value),
        };
        Some((if is_negative { !absolute } else { absolute }, rest))
    }
}

fn digit(byte: u8) -> Option<i64> {
    DIGITS.binary_search(&byte).ok().and_then(|index| i64::try_from(index).ok())
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::unwrap_used,
        reason = "tests read only their own texts"
    )]

    use super::{Code, NUMBER, PLACE};

    fn encoded(code: &Code, integer: i64) -> String {
        let mut text = String::new();
        code.encode(integer, &mut text);
        text
    }

    #[test]
    fn integers_are_encoded_in_their_order() {
        for code in [NUMBER, PLACE] {
            let powers = (1..=code.long as u32).map(|digits| 62_i64.pow(digits)).scan(code.short, |sum, power| {
                *sum += power;
                Some(*sum)
            });
            let ends = powers.flat_map(|end| [end - 1, -end]).flat_map(|end| end - 2..=end + 2);
            let in_range = |integer: &i64| (-1 - code.max()..=code.max()).contains(integer);
            let mut integers: Vec<i64> = (-5_000..5_000).chain(ends).filter(in_range).collect();
            integers.sort_unstable();
            integers.dedup();
            for pair in integers.windows(2) {
                let (low, high) = (encoded(&code, pair[0]), encoded(&code, pair[1]));
                assert!(low < high && !high.starts_with(&low), "{pair:?}: {low} {high}");
            }
            for integer in integers {
                let text = encoded(&code, integer) + ".0";
                assert_eq!(code.decode(&text), Some((integer, ".0")));
                for end in 0..text.len() - 2 {
                    assert_eq!(code.decode(&text[..end]), None, "{text}");
                }
            }
            assert_eq!((code.next(code.max()), code.previous(-1 - code.max())), (None, None));
            assert_eq!((code.next(-1), code.previous(0)), (Some(0), Some(-1)));
        }
        assert_eq!([-17, -16, -1, 0, 15, 16].map(|number| encoded(&NUMBER, number)), ["Jz", "K", "Z", "a", "p", "q0"]);
        assert_eq!([-3, -2, -1, 0, 1, 2].map(|place| encoded(&PLACE, place)), ["2z", "3", "4", "5", "6", "70"]);
        let ends = |code: &Code| (encoded(code, -1 - code.max()), encoded(code, code.max()));
        assert_eq!(ends(&NUMBER), ("A0000000000".to_owned(), "zzzzzzzzzzz".to_owned()));
        assert_eq!(ends(&PLACE), ("0000".to_owned(), "9zzz".to_owned()));
    }

    #[test]
    fn other_texts_are_not_integers() {
        for text in ["", "0", "9", "q", "J.", "z000000000", "q\u{e9}", "A000000000~", ".", "é"] {
            assert_eq!(NUMBER.decode(text), None, "{text:?}");
        }
        for text in ["", "a", "A", "7", "9zz", "2.", "0é0", "é"] {
            assert_eq!(PLACE.decode(text), None, "{text:?}");
        }
    }
}
