//! Arguments that no caller should pass, and keys that were made to confuse others.

use crate::lists::PEERS;
use crate::seeds::{Random, ensure, for_each_seed};
use converge_engine::{Error, Invalid, Name, between, limits};

/// Parts of keys, complete and damaged. Names of seeds are added.
const PARTS: [&str; 22] = [
    "5",
    "6",
    "0000",
    "9zzz",
    ".",
    "-",
    " -",
    "a.",
    "a-",
    "b.",
    "z.",
    "A0000000000.",
    "A0000000001.",
    "zzzzzzzzzzz.",
    "zzzzzzzzzzy.",
    "zz",
    "0",
    "q0.",
    "q.",
    "é",
    " ",
    "0123456789",
];

fn key(random: &mut Random, names: &[String]) -> String {
    let part = |random: &mut Random| match random.below(3) {
        0 => random.pick(names).clone(),
        _ => (*random.pick(&PARTS)).to_owned(),
    };
    (0..random.below(12)).map(|_| part(random)).collect()
}

#[test]
fn no_key_confuses_others() {
    let names: Vec<String> = PEERS.iter().map(|peer| between(None, None, peer).unwrap()[1..11].to_owned()).collect();
    for_each_seed(20_000, |seed| {
        let mut random = Random::new(seed);
        for _ in 0..20 {
            let after = key(&mut random, &names);
            let before = if random.chance(1, 2) {
                format!("{after}{}", key(&mut random, &names))
            } else {
                key(&mut random, &names)
            };
            let before = random.chance(9, 10).then_some(before.as_str());
            let mut others = Vec::new();
            for peer in PEERS {
                match between(Some(&after), before, peer) {
                    Ok(key) => {
                        let is_between = after < key && before.is_none_or(|before| *key < *before);
                        ensure!(is_between, "{key:?} is not between {after:?} and {before:?}");
                        ensure!(!others.contains(&key), "{key:?} is of two seeds, between {after:?} and {before:?}");
                        others.push(key);
                    }
                    Err(Error::InvalidArgument(Invalid::KeysNotAscending { .. })) => {
                        ensure!(before.is_some_and(|before| *before <= *after), "{after:?} {before:?}");
                    }
                    Err(Error::InvalidArgument(Invalid::NoKeyBetween { .. })) => {
                        let added = before.and_then(|before| before.strip_prefix(after.as_str()));
                        ensure!(added.is_some_and(|added| added.chars().all(|c| c <= ' ')), "{after:?} {before:?}");
                    }
                    Err(error) => return Err(format!("{after:?} {before:?}: {error}")),
                }
            }
        }
        Ok(())
    });
}

#[test]
fn blocks_and_places_at_the_end_of_their_range_are_left() {
    let ann = &between(None, None, "ann").unwrap()[1..11];
    let ben = &between(None, None, "ben").unwrap()[1..11];
    let smallest = format!("5{ann}A0000000000.");
    assert_eq!(between(None, Some(&smallest), "ann").unwrap(), format!("4{ann}a."));
    let largest = format!("5{ann}zzzzzzzzzzz.");
    assert_eq!(between(Some(&largest), None, "ann").unwrap(), format!("{largest}a."));
    let last = format!("9zzz{ann}a.");
    assert_eq!(between(Some(&last), None, "ben").unwrap(), format!("{last}5{ben}a."));
    let first = format!("0000{ann}a.");
    assert_eq!(between(None, Some(&first), "ben").unwrap(), format!("0000{ann}a-.5{ben}a."));
}

#[test]
fn seeds_have_1_to_200_bytes() {
    assert_eq!(between(None, None, ""), Err(Error::InvalidArgument(Invalid::EmptyName(Name::Seed))));
    let too_long = "s".repeat(201);
    let error = Error::LimitExceeded { limit: &limits::PEER_BYTES, actual: 201 };
    assert_eq!(between(None, None, &too_long), Err(error));
    assert_eq!(between(None, None, &too_long[1..]).unwrap().len(), 13);
}

#[test]
fn keys_have_at_most_the_bytes_of_a_row_id() {
    let error = |actual| Err(Error::LimitExceeded { limit: &limits::ROW_BYTES, actual });
    let long = |bytes| "k".repeat(bytes);
    assert_eq!(between(Some(&long(4_097)), None, "ann"), error(4_097));
    assert_eq!(between(None, Some(&long(4_097)), "ann"), error(4_097));
    assert_eq!(between(Some(&long(4_096)), None, "ann"), error(4_110));
    assert_eq!(between(Some(&long(4_083)), None, "ann"), error(4_097));
    assert_eq!(between(Some(&long(4_082)), None, "ann").unwrap().len(), 4_096);
    assert_eq!(between(Some(&long(4_095)), Some(&long(4_096)), "ann"), error(4_109));
    assert_eq!(between(None, Some(&long(4_096)), "ann").unwrap().len(), 13);
    // The paths with the largest count of numbers and of blocks.
    let block = &between(None, None, "ann").unwrap()[..11];
    let numbers = format!("{block}{}", "a.".repeat(2_042));
    assert_eq!(between(Some(&numbers), None, "ann").unwrap(), format!("{block}b."));
    let blocks = format!("{block}a.").repeat(315);
    assert_eq!(between(Some(&blocks), None, "ann").unwrap(), format!("{block}b."));
    assert_eq!(between(Some(&blocks), None, "ben").unwrap().len(), 13);
    assert_eq!(between(Some(&blocks), Some(&format!("{blocks}a.")), "ben"), error(4_097));
}

#[test]
fn errors_say_what_to_do() {
    let message = |after, before| between(after, before, "ann").unwrap_err().to_string();
    assert_eq!(
        message(Some("b"), Some("a")),
        "the key \"b\" is not less than \"a\"; pass two neighbors in the order of their UTF-8 bytes"
    );
    assert_eq!(
        message(Some("a"), Some("a")),
        "no key fits between \"a\" and an equal key; set one of the two to a new key first"
    );
    assert_eq!(message(None, Some("")), "no key is less than the empty text; pass no key for the end of the list");
    assert_eq!(
        message(Some("a"), Some("a ")),
        "no key fits between \"a\" and \"a \", which only adds spaces or control characters; set one of the two to a \
         new key first"
    );
    assert_eq!(between(None, None, "").unwrap_err().to_string(), "the seed is empty; give it at least one byte");
}
