//! `gatesim schema`: the JSON Schema of a kind of file, so that editors complete and check it.
//!
//! The schemas are made from the types that read the files; a design file has no type, and its
//! schema is made from the questions and their answers.
//!
//! - [`knobs`]: the fields of a scenario file, read from its schema, for `gatesim list knobs`.

pub mod knobs;

use clap::{Args, ValueEnum};
use gatesim_model::design::Design;
use gatesim_sim::plan::{
    Plan, UNIT,
    scenario::{Scenario, WEIGHTS},
};
use schemars::{
    JsonSchema, Schema,
    generate::SchemaSettings,
    json_schema,
    transform::{RecursiveTransform, Transform},
};
use serde_json::{Map, Value, json};

use crate::{
    exit::Exit,
    output::Output,
    target::{accepted, capsule},
};

/// Print the JSON Schema of a kind of file, for editors.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SchemaArgs {
    /// The kind of file.
    #[arg(value_enum)]
    pub file: FileKind,
}

/// Files that people write or edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FileKind {
    /// What a run throws at a design, as ranges and weights.
    Scenario,
    /// One run, as `gatesim replay --save-plan` writes it.
    Plan,
    /// The answers to the open questions of the protocol.
    Design,
    /// A failing run that is kept.
    Capsule,
    /// What a design is known to break.
    Accepted,
}

const EXAMPLES: &str = "\
Examples:
  gatesim schema scenario
  gatesim schema design > design.schema.json

A TOML file names its schema in its first line: #:schema design.schema.json";

/// Runs the command.
pub fn schema(args: &SchemaArgs, out: &mut Output) -> anyhow::Result<Exit> {
    out.line(text(args.file)?)?;
    Ok(Exit::Held)
}

/// The schema of a kind of file as text.
fn text(file: FileKind) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(&of(file))?)
}

/// The schema of a kind of file.
pub fn of(file: FileKind) -> Schema {
    match file {
        FileKind::Scenario => of_type::<Scenario>(),
        FileKind::Plan => of_type::<Plan>(),
        FileKind::Capsule => of_type::<capsule::Written<'_>>(),
        FileKind::Accepted => of_type::<accepted::WrittenList<'_>>(),
        FileKind::Design => design(),
    }
}

/// Draft 7 is what editors of TOML understand. TOML has no null: what may be left out is not null.
fn of_type<T: JsonSchema>() -> Schema {
    let mut schema = SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<T>();
    RecursiveTransform(without_null).transform(&mut schema);
    schema
}

fn without_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|one| one != "null");
        if let [only] = &types[..] {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|one| one.get("type") != Some(&"null".into()));
        if let [only] = &choices[..] {
            let only = only.clone();
            schema.remove("anyOf");
            schema.insert("allOf".to_owned(), json!([only]));
        }
    }
    if schema.get("default") == Some(&Value::Null) {
        schema.remove("default");
    }
}

fn design() -> Schema {
    let mut properties = Map::new();
    let known = Design::builtin_names();
    properties.insert(
        "base".to_owned(),
        json!({
            "type": "string", "examples": known,
            "description": "The design that gives every answer that is not written here."
        }),
    );
    for (key, text) in [
        ("name", "What the design is called."),
        ("summary", "What it is, in one sentence."),
    ] {
        properties.insert(
            key.to_owned(),
            json!({ "type": "string", "description": text }),
        );
    }
    for question in Design::questions() {
        let answers = question.answers.iter();
        let answers: Vec<Value> = answers
            .map(|answer| json!({ "const": answer.name, "description": answer.doc.trim() }))
            .collect();
        properties.insert(
            question.key.to_owned(),
            json!({ "description": question.doc.trim(), "oneOf": answers }),
        );
    }
    json_schema!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Design",
        "description": "The answers to the open questions of the protocol.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// Editors read the schemas that lie beside the files. `UPDATE_SCHEMAS=1` writes them.
    #[test]
    fn the_schemas_beside_the_files_are_those_of_this_build() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds/schema");
        for kind in FileKind::value_variants() {
            let name = kind.to_possible_value().unwrap();
            let path = directory.join(format!("{}.json", name.get_name()));
            let expected = text(*kind).unwrap() + "\n";
            if std::env::var_os("UPDATE_SCHEMAS").is_some() {
                fs::write(&path, &expected).unwrap();
            }
            let file = fs::read_to_string(&path).unwrap_or_default();
            assert!(
                file == expected,
                "{}: run this test with UPDATE_SCHEMAS=1",
                path.display()
            );
        }
    }

    /// A file that people read is found by an editor.
    #[test]
    fn every_built_in_scenario_and_design_names_its_schema() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (directory, line) in [
            ("seeds/scenarios", "#:schema ../schema/scenario.json"),
            ("model/designs", "#:schema ../../seeds/schema/design.json"),
        ] {
            for file in fs::read_dir(root.join(directory)).unwrap() {
                let path = file.unwrap().path();
                let text = fs::read_to_string(&path).unwrap();
                assert!(text.starts_with(&format!("{line}\n")), "{}", path.display());
            }
        }
    }
}
