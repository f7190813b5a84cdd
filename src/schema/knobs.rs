//! `gatesim list knobs`: every field of a scenario file. All of it is read from the schema of the
//! file, which is made from the types that read it.

use serde::Serialize;
use serde_json::Value;

use super::{FileKind, UNIT, WEIGHTS};

/// A field of a scenario file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Knob {
    /// The table it stands in; empty for the top of the file.
    pub table: String,
    /// Its key in that table.
    pub name: String,
    /// What it says, in one sentence.
    pub text: String,
    /// What is written there: a number, a range, weights, a list, a switch or a text.
    pub form: &'static str,
    /// The unit of its numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The least and the greatest number, or length of a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounds: Option<(u64, u64)>,
    /// The values that are allowed, if they are a fixed set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
    /// Whether a file must say it.
    pub required: bool,
    /// What it is if a file does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
}

/// Every field, in the order of the schema.
pub fn knobs() -> Vec<Knob> {
    let root = super::of(FileKind::Scenario).to_value();
    let mut knobs = Vec::new();
    Walk {
        root: &root,
        knobs: &mut knobs,
    }
    .table("", &root);
    knobs
}

struct Walk<'a> {
    root: &'a Value,
    knobs: &'a mut Vec<Knob>,
}

impl<'a> Walk<'a> {
    fn table(&mut self, path: &str, table: &'a Value) {
        let required: Vec<&str> = list(table, "required").filter_map(Value::as_str).collect();
        let fields = table.get("properties").and_then(Value::as_object);
        let (mut tables, fields): (Vec<_>, Vec<_>) = fields
            .into_iter()
            .flatten()
            .filter(|(_, field)| field.get("const").is_none())
            .partition(|(_, field)| self.inner(field).is_some());
        for (name, field) in fields {
            self.field(path, name, field, required.contains(&name.as_str()));
        }
        for variant in list(table, "oneOf") {
            let kind = variant.pointer("/properties/kind/const");
            self.table(
                &format!("{path}, kind = {}", kind.unwrap_or(&Value::Null)),
                variant,
            );
        }
        tables.sort_by_key(|(_, field)| self.inner(field).is_some_and(|(dots, _)| dots == "[]"));
        for (name, field) in tables {
            if let Some((dots, inner)) = self.inner(field) {
                let dot = if path.is_empty() { "" } else { "." };
                self.table(&format!("{path}{dot}{name}{dots}"), inner);
            }
        }
    }

    /// The table that a field is, or of which it is a list.
    fn inner(&self, field: &'a Value) -> Option<(&'static str, &'a Value)> {
        let (dots, table) = match field.get("items") {
            Some(items) => ("[]", self.resolved(items)),
            None => ("", self.resolved(field)),
        };
        let is_table = table.get("properties").is_some() && table.get(WEIGHTS).is_none();
        is_table.then_some((dots, table))
    }

    fn field(&mut self, table: &str, name: &str, field: &'a Value, required: bool) {
        let value = self.resolved(field);
        let items = value.get("items").map(|items| self.resolved(items));
        let one = items.unwrap_or(value);
        let number = |of: &Value, key: &str| of.get(key).and_then(Value::as_u64);
        let is_range = items.is_some() && number(value, "maxItems") == Some(2);
        let weights = value.get(WEIGHTS).and_then(|_| value.get("properties"));
        let form = match one.get("type").and_then(Value::as_str) {
            _ if weights.is_some() => "weights",
            _ if is_range => "range",
            _ if items.is_some() => "list",
            Some("boolean") => "switch",
            Some("integer") => "number",
            _ => "text",
        };
        let allowed = match weights.and_then(Value::as_object) {
            Some(weights) => weights.keys().cloned().collect(),
            None => names(one),
        };
        let text = field
            .get("description")
            .or_else(|| value.get("description"));
        self.knobs.push(Knob {
            table: table.to_owned(),
            name: name.to_owned(),
            text: text
                .and_then(Value::as_str)
                .unwrap_or_default()
                .replace('\n', " "),
            form,
            unit: one.get(UNIT).and_then(Value::as_str).map(str::to_owned),
            bounds: number(one, "minimum").zip(number(one, "maximum")),
            allowed,
            required,
            default: field.get("default").cloned(),
        });
    }

    /// What a reference refers to.
    fn resolved(&self, schema: &'a Value) -> &'a Value {
        let only = list(schema, "allOf").next().unwrap_or(schema);
        let target = only.get("$ref").and_then(Value::as_str);
        let target = target.and_then(|target| self.root.pointer(target.trim_start_matches('#')));
        target.unwrap_or(only)
    }
}

/// The names of a fixed set of values.
fn names(schema: &Value) -> Vec<String> {
    let explained = list(schema, "oneOf").flat_map(|one| list(one, "enum").chain(one.get("const")));
    let all = list(schema, "enum").chain(explained);
    all.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn list<'a>(schema: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    schema
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_sentence_and_bounds_or_a_fixed_set_of_values() {
        let knobs = knobs();
        assert!(knobs.len() > 80, "{}", knobs.len());
        for knob in knobs {
            let Knob {
                table, name, form, ..
            } = &knob;
            assert!(knob.text.ends_with('.'), "[{table}] {name} has no sentence");
            let is_limited = knob.bounds.is_some() || !knob.allowed.is_empty();
            assert!(
                is_limited || matches!(*form, "switch" | "text"),
                "[{table}] {name} has no bounds: {knob:?}"
            );
        }
    }
}
