//! A document as facts to read: what each attribute is called, and its values.

use serde_json::{Map, Value, json};

/// What stands elsewhere on the page, or means nothing to people.
const ELSEWHERE: [&str; 6] = ["schemas", "id", "meta", "active", "groups", "members"];

/// Characters of a value; certificates are longer.
const SHOWN: usize = 200;

/// Every attribute of `doc` that has a value, in its order; those of the extensions too, but for those in `without`.
pub(super) fn of(doc: &Value, without: &[&str]) -> Vec<Value> {
    let mut facts = Vec::new();
    for (name, value) in doc.as_object().into_iter().flatten() {
        match value {
            _ if ELSEWHERE.contains(&name.as_str()) || without.contains(&name.as_str()) => {}
            Value::Object(parts) if name == "name" || name.starts_with("urn:") => {
                facts.extend(parts.iter().map(|(name, value)| fact(name, value)));
            }
            value => facts.push(fact(name, value)),
        }
    }
    facts
}

fn fact(name: &str, value: &Value) -> Value {
    let values: Vec<Value> = match value {
        Value::Array(values) => values.iter().map(shown).collect(),
        value => vec![shown(value)],
    };
    json!({ "label": label(name), "values": values })
}

/// A value, and the user whom it names.
fn shown(value: &Value) -> Value {
    let manager = value.get("$ref").and_then(Value::as_str).filter(|at| at.contains("/Users/"));
    let user = manager.and(value["value"].as_str());
    let text = match (user, value["displayName"].as_str()) {
        (Some(_), Some(name)) => name.to_owned(),
        _ => words(value),
    };
    let is_whole = text.chars().count() <= SHOWN;
    let text = if is_whole { text } else { text.chars().take(SHOWN).chain(['…']).collect() };
    json!({ "text": text, "user": user })
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(value) => if *value { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Array(values) => values.iter().map(words).collect::<Vec<_>>().join(", "),
        Value::Object(parts) => complex(parts),
    }
}

/// The value first, or all there is; then what it is for.
fn complex(parts: &Map<String, Value>) -> String {
    let beside = ["value", "formatted", "display", "type", "primary"];
    let main = ["value", "formatted", "display"].iter().find_map(|name| parts.get(*name)).map(words);
    let main = main.unwrap_or_else(|| {
        let others = parts.iter().filter(|(name, _)| !beside.contains(&name.as_str()));
        others.map(|(_, value)| words(value)).collect::<Vec<_>>().join(", ")
    });
    let kind = parts.get("type").map(words);
    let primary = (parts.get("primary") == Some(&Value::Bool(true))).then(|| "primary".to_owned());
    match kind.into_iter().chain(primary).collect::<Vec<_>>().join(", ") {
        notes if notes.is_empty() => main,
        notes => format!("{main} ({notes})"),
    }
}

/// `familyName` as people read it.
fn label(name: &str) -> String {
    let mut label = String::new();
    for letter in name.trim_start_matches('$').chars() {
        match letter {
            letter if label.is_empty() => label.extend(letter.to_uppercase()),
            letter if letter.is_uppercase() => label.extend([' '].into_iter().chain(letter.to_lowercase())),
            letter => label.push(letter),
        }
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_as_facts() {
        let doc = json!({
            "schemas": ["x"], "id": "1", "userName": "ada", "active": true,
            "name": { "familyName": "Lovelace" },
            "emails": [{ "value": "a@x.test", "type": "work", "primary": true }, { "value": "b@x.test" }],
            "addresses": [{ "streetAddress": "1 St", "locality": "London", "type": "home" }],
            "urn:example:User": { "floor": 3, "manager": { "value": "9", "$ref": "https://x/Users/9", "displayName": "Bob" } },
            "urn:other:User": { "x": "y" },
        });
        let facts = of(&doc, &["urn:other:User"]);
        let read = |fact: &Value| {
            let texts: Vec<&str> =
                fact["values"].as_array().into_iter().flatten().filter_map(|value| value["text"].as_str()).collect();
            format!("{}: {}", fact["label"].as_str().unwrap_or_default(), texts.join(" | "))
        };
        assert_eq!(
            facts.iter().map(read).collect::<Vec<_>>(),
            [
                "User name: ada",
                "Family name: Lovelace",
                "Emails: a@x.test (work, primary) | b@x.test",
                "Addresses: 1 St, London (home)",
                "Floor: 3",
                "Manager: Bob",
            ]
        );
        assert_eq!(facts[5]["values"][0]["user"], "9");
        assert_eq!(shown(&"x".repeat(300).into())["text"].as_str().map(|text| text.chars().count()), Some(201));
    }
}
