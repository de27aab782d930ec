//! `propose`: stages an action for a person to decide on. It never runs one: the card waits like every other.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use wakeman_types::{Citation, ExecutionMode, Finding, HOUR_MS, ProposalId, TurnAction};

use super::{
    Effect, ToolAnswer, ToolContext, ToolError, TypedTool,
    input::{needed, text, unstored},
    note::unsettled,
};
use crate::{
    act::asked::{self, Asked, Wish, WishKind},
    core::Core,
    modes::MUTE_MS_DEFAULT,
    wake::AddedWakeup,
};

/// Together these fit on a card's details, so that nothing is approved unseen.
const TITLE_LEN_MAX: usize = 200;
const BODY_LEN_MAX: usize = 3_000;
/// PostHog takes 400 bytes, and the marker is among them.
const NOTE_LEN_MAX: usize = 300;
/// The longest mute that a model may propose.
const MUTE_HOURS_MAX: f64 = 720.0;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    action: ActionName,
    number: Option<u64>,
    flag: Option<String>,
    on: Option<bool>,
    /// 0 to 1
    rollout: Option<f64>,
    title: Option<String>,
    body: Option<String>,
    /// it repairs or mutes
    finding: Option<String>,
    hours: Option<f64>,
    mode: Option<Mode>,
    /// id
    wakeup: Option<String>,
    /// UTC
    cron: Option<String>,
    /// it speaks only when: changed, open or open-or-changed
    only: Option<String>,
    /// like 5m
    jitter: Option<String>,
    files: Option<Vec<File>>,
    /// error, deployment or webhook
    id: Option<String>,
    status: Option<String>,
    payload: Option<serde_json::Map<String, Value>>,
}

/// A whole file; without text it is removed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct File {
    path: String,
    text: Option<String>,
}

#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum ActionName {
    RevertPr,
    MergePr,
    OpenIssue,
    SetFlag,
    Rerun,
    Rollback,
    Comment,
    FlagOffAndAnnotate,
    Mute,
    SetMode,
    PauseWakeup,
    ResumeWakeup,
    AddWakeup,
    OpenPr,
    Annotate,
    SetErrorStatus,
    Promote,
    PostWebhook,
}

/// The modes, without the words that explain them.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Observe,
    Propose,
    Execute,
}

impl ActionName {
    const fn kind(self) -> WishKind {
        match self {
            Self::RevertPr => WishKind::Revert,
            Self::MergePr => WishKind::Merge,
            Self::OpenIssue => WishKind::Issue,
            Self::SetFlag => WishKind::Flag,
            Self::Rerun => WishKind::Rerun,
            Self::Rollback => WishKind::Rollback,
            Self::Comment => WishKind::Comment,
            Self::FlagOffAndAnnotate => WishKind::FlagOffAndAnnotate,
            Self::Mute => WishKind::Mute,
            Self::SetMode => WishKind::Mode,
            Self::PauseWakeup | Self::ResumeWakeup | Self::AddWakeup => WishKind::Wakeup,
            Self::OpenPr => WishKind::Patch,
            Self::Annotate => WishKind::Annotate,
            Self::SetErrorStatus => WishKind::ErrorStatus,
            Self::Promote => WishKind::Deployment,
            Self::PostWebhook => WishKind::Webhook,
        }
    }
}

/// The tool.
pub struct Propose;

impl TypedTool for Propose {
    const NAME: &'static str = "propose";
    const DESCRIPTION: &'static str = "Show the operator a card to approve or reject; does nothing by itself";
    const DOING: &'static str = "drafting a proposal";
    const EFFECT: Effect = Effect::Propose;
    type Arguments = Arguments;

    fn available(&self, core: &Core) -> bool {
        WishKind::ALL.iter().any(|kind| asked::refusal(core, *kind).is_none())
    }

    async fn answer(&self, context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
        answer(context, arguments).await
    }
}

async fn answer(context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
    let core = context.core;
    if let Some(reason) = asked::refusal(core, arguments.action.kind()) {
        return Err(ToolError::Refused(reason));
    }
    let finding = match &arguments.finding {
        Some(id) => Some(finding(core, id.trim()).await?),
        None => None,
    };
    let wish = match arguments.action {
        ActionName::Mute => mute(finding.clone(), arguments.hours)?,
        _ => wish(arguments)?,
    };
    // A mute repairs nothing: the finding's proposal stays what it is.
    let finding = finding.filter(|_| !matches!(wish, Wish::Mute { .. }));
    match asked::stage(core, context.by, context.thread, wish, finding).await.map_err(|error| unsettled(&error))? {
        Asked::Staged(id) => Ok(staged(id, "staged; its card is shown to the operator, who decides")),
        Asked::Waits(id) => Ok(staged(id, "proposed already; nothing new was staged")),
        Asked::Refused(reason) | Asked::NotNow(reason) => Err(ToolError::Refused(reason)),
        Asked::Unknown { source_name, reason } => Err(ToolError::Unknown { source_name, reason }),
    }
}

fn staged(id: ProposalId, words: &str) -> ToolAnswer {
    ToolAnswer {
        content: format!("{id}: {words}"),
        citations: vec![Citation::Proposal { id }],
        actions: vec![TurnAction::Proposal { id }],
    }
}

async fn finding(core: &Core, id: &str) -> Result<Finding, ToolError> {
    let found = core.store.get::<Finding>(id).await.map_err(|error| unstored(&error))?;
    match found.map(|found| found.value) {
        Some(finding) if finding.is_over() => Err(ToolError::Refused(format!("{} is over", finding.id))),
        Some(finding) => Ok(finding),
        None => Err(ToolError::Refused(format!("there is no finding {}", wakeman_present::sanitize(id, 40)))),
    }
}

fn wish(arguments: Arguments) -> Result<Wish, ToolError> {
    Ok(match arguments.action {
        ActionName::RevertPr => Wish::Revert { number: needed("number", arguments.number, "revert_pr")? },
        ActionName::MergePr => Wish::Merge { number: needed("number", arguments.number, "merge_pr")? },
        ActionName::SetFlag => {
            if arguments.rollout.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
                return Err(ToolError::Arguments("`rollout`: is not a share from 0 to 1".to_owned()));
            }
            Wish::Flag {
                key: text("flag", arguments.flag, 200)?,
                active: needed("on", arguments.on, "set_flag")?,
                rollout: arguments.rollout,
            }
        }
        ActionName::OpenIssue => Wish::Issue {
            title: text("title", arguments.title, TITLE_LEN_MAX)?,
            body: text("body", arguments.body, BODY_LEN_MAX)?,
        },
        ActionName::Rerun => Wish::Rerun { run: needed("number", arguments.number, "rerun")? },
        ActionName::Rollback => Wish::Rollback,
        ActionName::Comment => Wish::Comment {
            number: needed("number", arguments.number, "comment")?,
            body: text("body", arguments.body, BODY_LEN_MAX)?,
        },
        ActionName::FlagOffAndAnnotate => Wish::FlagOffAndAnnotate { key: text("flag", arguments.flag, 200)? },
        ActionName::Mute => return mute(None, arguments.hours),
        ActionName::SetMode => Wish::Mode {
            mode: match needed("mode", arguments.mode, "set_mode")? {
                Mode::Observe => ExecutionMode::Observe,
                Mode::Propose => ExecutionMode::Propose,
                Mode::Execute => ExecutionMode::Execute,
            },
        },
        ActionName::PauseWakeup => Wish::Wakeup { id: text("wakeup", arguments.wakeup, 200)?, paused: true },
        ActionName::ResumeWakeup => Wish::Wakeup { id: text("wakeup", arguments.wakeup, 200)?, paused: false },
        ActionName::OpenPr => Wish::Patch {
            files: needed("files", arguments.files, "open_pr")?
                .into_iter()
                .map(|file| (file.path, file.text))
                .collect(),
            title: text("title", arguments.title, TITLE_LEN_MAX)?,
            body: text("body", arguments.body, BODY_LEN_MAX)?,
        },
        ActionName::Annotate => Wish::Annotate { content: text("body", arguments.body, NOTE_LEN_MAX)? },
        ActionName::SetErrorStatus => {
            Wish::ErrorStatus { issue: text("id", arguments.id, 200)?, status: text("status", arguments.status, 40)? }
        }
        ActionName::Promote => Wish::Deployment { id: text("id", arguments.id, 200)? },
        ActionName::PostWebhook => Wish::Webhook {
            name: text("id", arguments.id, 100)?,
            payload: needed("payload", arguments.payload, "post_webhook")?,
        },
        ActionName::AddWakeup => Wish::AddWakeup {
            added: AddedWakeup {
                prompt_id: None,
                title: text("title", arguments.title, TITLE_LEN_MAX)?,
                prompt: text("body", arguments.body, BODY_LEN_MAX)?,
                time_utc: None,
                cron: Some(text("cron", arguments.cron, 100)?),
                timezone: None,
                late: None,
                only: arguments.only,
                jitter: arguments.jitter,
            },
        },
    })
}

/// "Stop telling me about this", with its scope, the finding's subject, and its end.
fn mute(finding: Option<Finding>, hours: Option<f64>) -> Result<Wish, ToolError> {
    let finding = needed("finding", finding, "mute")?;
    let for_ms = match hours {
        None => Some(MUTE_MS_DEFAULT),
        Some(0.0) => None,
        // A bounded positive number of milliseconds.
        #[allow(clippy::cast_possible_truncation, reason = "checked to be below a year")]
        Some(hours) if hours > 0.0 && hours <= MUTE_HOURS_MAX => Some((hours * HOUR_MS as f64) as i64),
        Some(_) => return Err(ToolError::Arguments("`hours`: is not from 0 to 720".to_owned())),
    };
    Ok(Wish::Mute { finding: Box::new(finding), for_ms })
}
