//! The orders in which a replay merges events. The replay of the JavaScript host has the same
//! orders.

use crate::random::Random;
use std::fmt;
use std::str::FromStr;

/// The order of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The order of the file.
    File,
    /// From the last to the first.
    Reverse,
    /// A random order, which the seed determines.
    Shuffle(u64),
}

impl Order {
    /// Brings elements from the order of the file into this order.
    pub(crate) fn arrange<T>(self, elements: &mut [T]) {
        match self {
            Self::File => {}
            Self::Reverse => elements.reverse(),
            Self::Shuffle(seed) => shuffle(elements, seed),
        }
    }
}

/// Fisher–Yates shuffle: from the last place down, swaps each element with one at or before it.
fn shuffle<T>(elements: &mut [T], seed: u64) {
    let mut random = Random::new(seed);
    for last in (1..elements.len()).rev() {
        elements.swap(last, random.below(last + 1));
    }
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "file" => Ok(Self::File),
            "reverse" => Ok(Self::Reverse),
            _ => match text.strip_prefix("shuffle:").map(str::parse) {
                Some(Ok(seed)) => Ok(Self::Shuffle(seed)),
                _ => Err("expected file, reverse or shuffle:SEED, with a SEED from 0 to 2^64 - 1".to_owned()),
            },
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("file"),
            Self::Reverse => f.write_str("reverse"),
            Self::Shuffle(seed) => write!(f, "shuffle:{seed}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Order;

    #[test]
    fn orders_keep_every_element_and_depend_on_the_seed() {
        let arranged = |order: Order| {
            let mut numbers: Vec<u8> = (0..100).collect();
            order.arrange(&mut numbers);
            numbers
        };
        let (seven, again, eight) =
            (arranged(Order::Shuffle(7)), arranged(Order::Shuffle(7)), arranged(Order::Shuffle(8)));
        assert_eq!(seven, again);
        assert_ne!(seven, eight);
        let mut sorted = seven.clone();
        sorted.sort_unstable();
        assert_ne!(sorted, seven);
        assert_eq!(sorted, arranged(Order::File));
        assert_eq!(arranged(Order::Reverse).first(), Some(&99));
    }

    #[test]
    fn displayed_orders_parse_to_the_same_order() {
        for order in [Order::File, Order::Reverse, Order::Shuffle(0), Order::Shuffle(u64::MAX)] {
            assert_eq!(order.to_string().parse(), Ok(order));
        }
        for wrong in ["", "File", "shuffle", "shuffle:", "shuffle:-1", "shuffle:18446744073709551616"] {
            assert!(wrong.parse::<Order>().is_err(), "{wrong}");
        }
    }
}
