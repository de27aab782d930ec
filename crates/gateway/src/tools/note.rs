//! `note`: writes something down beside the conversation, for later turns and for people.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use wakeman_present::visible;
use wakeman_store::{Commit, ListQuery};
use wakeman_types::{Note, Thread, ThreadId, TurnAction};

use super::{
    Effect, ToolAnswer, ToolContext, ToolError, TypedTool,
    input::{text, unstored},
};
use crate::{
    core::Core,
    settle::{SettleError, Wanted, settle},
};

/// The longest note, in characters.
const NOTE_LEN_MAX: usize = 4_000;
/// Who the notes of a model are by.
const AUTHOR: &str = "model";

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    text: String,
}

/// The tool.
pub struct NoteTool;

impl TypedTool for NoteTool {
    const NAME: &'static str = "note";
    const DESCRIPTION: &'static str = "Keep a note in this conversation";
    const DOING: &'static str = "writing a note";
    const EFFECT: Effect = Effect::Propose;
    type Arguments = Arguments;

    async fn answer(&self, context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
        answer(context, arguments).await
    }
}

async fn answer(context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
    let content = visible(&text("text", Some(arguments.text), NOTE_LEN_MAX)?);
    match write(context.core, context.thread, &content).await {
        Ok(true) => {
            Ok(ToolAnswer { content: "noted".to_owned(), citations: Vec::new(), actions: vec![TurnAction::Note] })
        }
        Ok(false) => Err(ToolError::Refused(format!("there is no conversation {} to note it in", context.thread))),
        Err(error) => Err(unsettled(&error)),
    }
}

/// Why a write did not happen.
pub(super) fn unsettled(error: &SettleError) -> ToolError {
    match error {
        SettleError::Store(error) => unstored(error),
        SettleError::Contended { .. } => ToolError::Refused(error.to_string()),
    }
}

async fn write(core: &Core, id: &ThreadId, content: &str) -> Result<bool, SettleError> {
    settle!(core, "the conversation", async {
        let Some(found) = core.store.get::<Thread>(id.as_str()).await? else { return Ok(Wanted::Nothing(false)) };
        let newest = core.store.list::<Note>(&ListQuery::newest(1).parent(id.as_str())).await?;
        let now = core.now();
        let note = Note {
            thread_id: id.clone(),
            ordinal: newest.items.first().map_or(0, |note| note.value.ordinal) + 1,
            created_at: now,
            author: AUTHOR.to_owned(),
            content: content.to_owned(),
            extra: serde_json::Map::new(),
        };
        let thread = Thread { updated_at: now, ..found.value };
        let event = core.event("note.written", AUTHOR, id, json!({"ordinal": note.ordinal}));
        let commit = Commit::new(now).insert(&note).replace(&thread, found.version).event(event);
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), true))
    })
}
