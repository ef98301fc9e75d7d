//! What a record tells of properties: those that changed, and what they are now. What is compared is what the API
//! shows, which holds no secret.

use serde::Serialize;
use serde_json::{Map, Value};

/// How many characters of a text, and how many items of a list, a record holds.
const MOST_CHARACTERS: usize = 200;
const MOST_ITEMS: usize = 20;
/// What stands for the rest.
const REST: &str = "…";

/// What changes with every change says nothing.
const TIMES: [&str; 2] = ["updated_at", "last_updated"];

/// The properties that differ, as they are after the change: null where there is none any more.
#[must_use]
pub fn between(before: &impl Serialize, after: &impl Serialize) -> Map<String, Value> {
    let (before, after) = (properties(before), properties(after));
    let names = after.keys().chain(before.keys().filter(|name| !after.contains_key(*name)));
    let differs = |name: &&String| !TIMES.contains(&name.as_str()) && before.get(*name) != after.get(*name);
    let now = |name: &String| (name.clone(), after.get(name).cloned().map_or(Value::Null, shortened));
    names.filter(differs).map(now).collect()
}

fn properties(of: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(of) {
        Ok(Value::Object(properties)) => properties,
        _ => Map::new(),
    }
}

/// A value that is not too long for a record.
#[must_use]
pub fn shortened(value: Value) -> Value {
    match value {
        Value::String(text) => match text.char_indices().nth(MOST_CHARACTERS) {
            Some(_) => Value::String(text.chars().take(MOST_CHARACTERS).chain(REST.chars()).collect()),
            None => Value::String(text),
        },
        Value::Array(items) => {
            let rest = (items.len() > MOST_ITEMS).then(|| REST.into());
            items.into_iter().take(MOST_ITEMS).map(shortened).chain(rest).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_is_told_as_it_is_now() {
        let before =
            json!({ "name": "a", "email": "x", "gone": 1, "status": "active", "updated_at": 1, "last_updated": 1 });
        let after =
            json!({ "name": "b", "email": null, "come": [1], "status": "active", "updated_at": 2, "last_updated": 2 });
        let expected = json!({ "name": "b", "email": null, "gone": null, "come": [1] });
        assert_eq!(Value::Object(between(&before, &after)), expected);
        assert!(between(&after, &after).is_empty());
    }

    #[test]
    fn long_texts_and_lists_are_shortened() {
        assert_eq!(shortened(json!("é".repeat(200))), json!("é".repeat(200)));
        assert_eq!(shortened(json!("é".repeat(201))), json!(format!("{}…", "é".repeat(200))));
        let list = shortened(json!(vec!["x".repeat(300); 21]));
        assert_eq!(list.as_array().unwrap().len(), 21);
        assert_eq!(list[20], "…");
        assert_eq!(list[0].as_str().unwrap().chars().count(), 201);
        assert_eq!(shortened(json!(vec![1; 20])), json!(vec![1; 20]));
    }
}
