//! The abbreviations of cases: `repeat`, `times`, and decimal REALs.

use crate::form::{parse, real_bits};
use serde_json::{Value as Json, json};

/// Replaces every abbreviation with its long form: `repeat`, `times`, and REALs that are not
/// hexadecimal digits.
///
/// # Errors
/// Fails if an abbreviation is malformed.
pub(crate) fn expand(json: Json) -> Result<Json, String> {
    match json {
        Json::Array(items) => {
            let mut list = Vec::with_capacity(items.len());
            for item in items {
                match only_member(&item, "times") {
                    Some(times) => list.extend(copies(times)?),
                    None => list.push(expand(item)?),
                }
            }
            Ok(Json::Array(list))
        }
        Json::Object(members) => {
            let object = Json::Object(members);
            if let Some(argument) = only_member(&object, "repeat") {
                let (text, times): (String, usize) = parse(argument.clone())?;
                return Ok(Json::String(text.repeat(times)));
            }
            if let Some(Json::String(text)) = only_member(&object, "real") {
                return Ok(json!({ "real": format!("0x{:016x}", real_bits(text)?) }));
            }
            let Json::Object(members) = object else { unreachable!("the value is an object") };
            let members = members.into_iter().map(|(key, value)| Ok((key, expand(value)?)));
            Ok(Json::Object(members.collect::<Result<_, String>>()?))
        }
        other => Ok(other),
    }
}

/// Returns the elements that a `times` stands for.
fn copies(times: &Json) -> Result<Vec<Json>, String> {
    let (count, element, from): (u64, Json, u64) = match times.as_array().map(Vec::len) {
        Some(2) => parse(times.clone()).map(|(count, element)| (count, element, 0))?,
        _ => parse(times.clone())?,
    };
    (from..from + count).map(|number| expand(numbered(&element, number)?)).collect()
}

/// Replaces `{#}` in a copy of an element.
fn numbered(element: &Json, number: u64) -> Result<Json, String> {
    Ok(match element {
        Json::String(text) if text == "{#}" => number.into(),
        Json::String(text) => text.replace("{#}", &number.to_string()).into(),
        Json::Array(items) if items.iter().any(|item| only_member(item, "times").is_some()) => {
            return Err("times cannot be nested".to_owned());
        }
        Json::Array(items) => items.iter().map(|item| numbered(item, number)).collect::<Result<_, _>>()?,
        Json::Object(members) => {
            let members = members.iter().map(|(key, value)| Ok((key.clone(), numbered(value, number)?)));
            Json::Object(members.collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    })
}

/// Returns the value of `key` if it is the only member of an object.
fn only_member<'a>(json: &'a Json, key: &str) -> Option<&'a Json> {
    json.as_object().filter(|members| members.len() == 1)?.get(key)
}

#[cfg(test)]
mod tests {
    use super::expand;
    use serde_json::json;

    #[test]
    fn abbreviations_expand() {
        let short = json!([{"times": [2, ["{#}", "p{#}", {"real": "-0"}], 9]}, {"repeat": ["ab", 2]}, {"real": "1.5"}]);
        let zero = json!({"real": "0x8000000000000000"});
        let long = json!([[9, "p9", zero], [10, "p10", zero], "abab", {"real": "0x3ff8000000000000"}]);
        assert_eq!(expand(short).unwrap(), long);
        expand(json!([{"times": [2, [{"times": [2, "x"]}]]}])).unwrap_err();
    }
}
