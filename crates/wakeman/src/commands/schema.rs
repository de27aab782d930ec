//! `schema NAME`: the JSON Schema of a file people write or of an object others read.

use schemars::{Schema, schema_for};
use serde_json::json;
use wakeman_gateway::{act::catalogue, config};
use wakeman_types as types;

use crate::{
    args::SchemaArgs,
    failure::{DONE, Failure},
    global::Global,
};

/// Makes one schema.
type Make = fn() -> Schema;

/// Files people write.
const FILES: [&str; 3] = ["settings", "tools", "wakeup"];
/// No schema, but a list in the same place: the boundaries that `WAKEMAN_CRASH_AT` knows.
const CRASH_LABELS: &str = "crash-labels";
/// Objects others read.
const NAMES: [(&str, Make); 14] = [
    ("finding", || schema_for!(types::Finding)),
    ("proposal", || schema_for!(types::Proposal)),
    ("change", || schema_for!(types::Change)),
    ("delivery", || schema_for!(types::Delivery)),
    ("view", || schema_for!(types::View)),
    ("status", || schema_for!(types::StatusView)),
    ("why", || schema_for!(types::WhyView)),
    ("thread", || schema_for!(types::Thread)),
    ("message", || schema_for!(types::Message)),
    ("turn", || schema_for!(types::Turn)),
    ("wakeup-entry", || schema_for!(types::WakeupView)),
    ("occurrence", || schema_for!(types::Occurrence)),
    ("choice", || schema_for!(types::ChoiceRecord)),
    ("error", || schema_for!(types::GatewayError)),
];

/// Prints one schema, or the names there are.
pub fn run(global: &Global, args: SchemaArgs) -> Result<u8, Failure> {
    let actions = catalogue::ALL.map(|class| class.kind());
    let Some(name) = args.name else {
        let names: Vec<&str> =
            FILES.into_iter().chain(NAMES.iter().map(|(name, _)| *name)).chain(actions).chain([CRASH_LABELS]).collect();
        if global.json {
            global.print_json(&names)?;
        } else {
            global.print(&format!("{}\n", names.join("\n")))?;
        }
        return Ok(DONE);
    };
    let object = || NAMES.iter().find(|(known, _)| *known == name).map(|(_, schema)| json!(schema()));
    let action = || catalogue::class(&name).map(|class| class.schema());
    if name == CRASH_LABELS {
        if global.json {
            global.print_json(&wakeman_store::crash::LABELS)?;
        } else {
            global.print(&format!("{}\n", wakeman_store::crash::LABELS.join("\n")))?;
        }
        return Ok(DONE);
    }
    let schema = config::schema(&name).map(|schema| json!(schema)).or_else(object).or_else(action);
    let Some(schema) = schema else {
        return Err(Failure::usage(format!("there is no schema \"{name}\"; `wakeman schema` lists them")));
    };
    global.print(&format!("{schema:#}\n"))?;
    Ok(DONE)
}
