//! Keys that were written by hand, or by another generator.

use converge_engine::{Error, Invalid, between};

/// Returns all texts of up to three of these characters.
fn texts() -> Vec<String> {
    let characters = ["\0", "\n", " ", "!", "-", ".", "0", "A", "a", "z", "é"];
    let mut texts = vec![String::new()];
    let mut from = 0;
    for _ in 0..3 {
        let longer: Vec<String> = texts[from..]
            .iter()
            .flat_map(|text| characters.iter().map(move |added| format!("{text}{added}")))
            .collect();
        from = texts.len();
        texts.extend(longer);
    }
    texts
}

#[test]
fn a_key_fits_between_all_texts_unless_one_adds_only_spaces_to_the_other() {
    let texts = texts();
    for after in &texts {
        let key = between(Some(after), None, "ann").unwrap();
        assert!(key > *after, "{after:?} {key:?}");
        for before in &texts {
            let result = between(Some(after), Some(before), "ann");
            let describe = || format!("{after:?} {before:?} {result:?}");
            let is_without_room =
                before.strip_prefix(after.as_str()).is_some_and(|added| added.chars().all(|c| c <= ' '));
            match &result {
                Ok(key) => {
                    assert!(after < key && key < before, "{}", describe());
                    let other = between(Some(after), Some(before), "ben").unwrap();
                    assert!(after < &other && other < *before && other != *key, "{} {other:?}", describe());
                }
                Err(Error::InvalidArgument(Invalid::KeysNotAscending { .. })) => {
                    assert!(before <= after, "{}", describe());
                }
                Err(Error::InvalidArgument(Invalid::NoKeyBetween { .. })) => assert!(is_without_room, "{}", describe()),
                Err(_) => panic!("{}", describe()),
            }
        }
    }
}

#[test]
fn none_is_the_start_and_the_end() {
    for text in ["!", "a", "7r2pLnQkSVKa.", "\u{10ffff}"] {
        assert_eq!(between(None, Some(text), "ann"), between(Some(""), Some(text), "ann"));
        assert!(between(Some(text), None, "ann").unwrap().as_str() > text);
    }
}

/// Keys as `fractional-indexing` makes them.
#[test]
fn keys_of_another_generator_are_continued() {
    let mut list: Vec<String> = ["Zz", "a0", "a00V", "a0V", "a0VG", "a1", "b00"].map(str::to_owned).to_vec();
    for round in 0..4 {
        for index in (0..=list.len()).rev() {
            let after = index.checked_sub(1).map(|index| list[index].as_str());
            let key = between(after, list.get(index).map(String::as_str), ["ann", "ben"][round % 2]).unwrap();
            list.insert(index, key);
        }
        assert!(list.is_sorted_by(|low, high| low < high), "{list:?}");
    }
}
