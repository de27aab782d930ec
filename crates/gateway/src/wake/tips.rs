//! The wakeup that tells one thing worth doing: each operator their own, in their own chats.

use std::collections::BTreeMap;

use wakeman_types::{Channel, DeliveryClass, Occurrence, OccurrenceState, OperatorId, Severity, ThreadId, View};

use super::{overlay::last_read, pass::Wake, state::WakeupState};
use crate::{
    config::RouteKind,
    core::Core,
    deliver::{Matter, Post, ThreadWriter, listeners},
    notify::is_quiet,
    rank::{self, Picked},
    settle::{SettleError, Wanted, settle},
};

/// Where one operator is told of something.
type Chats = Vec<(Channel, String)>;

/// A tip with where it goes.
struct Told {
    picked: Picked,
    chats: Chats,
}

/// Everybody who hears of what is not urgent, with their chats; who wants quiet now is left out.
fn audience(core: &Core) -> BTreeMap<OperatorId, Chats> {
    let mut all: BTreeMap<OperatorId, Chats> = BTreeMap::new();
    for (channel, chat, whose) in listeners(core, Matter { severity: Severity::Info, kind: RouteKind::Brief }) {
        let operator = match whose {
            Some(operator) if is_quiet(core, operator) => continue,
            Some(operator) => operator.id.clone(),
            None if channel == Channel::Cli => core.local_operator.clone(),
            None => continue,
        };
        all.entry(operator).or_default().push((channel, chat));
    }
    all
}

/// How a slot is accounted for.
fn reason(asked: usize, told: usize) -> String {
    match (asked, told) {
        (0, _) => "nobody is there to be told now".to_owned(),
        (_, 0) => "nothing worth a tip".to_owned(),
        (_, 1) => "told".to_owned(),
        (_, told) => format!("told {told} operators"),
    }
}

impl Wake {
    /// Ends a slot with a tip for each operator who has something worth one. Nothing worth a tip is said to nobody.
    ///
    /// # Errors
    /// [`SettleError`] if it could not be stored; the next pass runs the slot again.
    pub(super) async fn tips(&self, row: &Occurrence, thread: &ThreadId) -> Result<(), SettleError> {
        let wait_ms = i64::try_from(self.core.settings.ai.timeout_ms).unwrap_or(i64::MAX);
        let brain = self.brain.as_ref().map(|brain| (brain, wait_ms));
        let audience = audience(&self.core);
        let (asked, mut told) = (audience.len(), Vec::new());
        for (operator, chats) in audience {
            match rank::pick(&self.core, brain, &operator).await {
                Ok(picked) if picked.view.tip.is_some() => told.push(Told { picked, chats }),
                Ok(_) => {}
                Err(error) => {
                    return self.end(row, OccurrenceState::Missed, &error.message).await;
                }
            }
        }
        let reason = reason(asked, told.len());
        if told.is_empty() {
            return self.end(row, OccurrenceState::Ran, &reason).await;
        }
        let ended = Occurrence { state: OccurrenceState::Ran, reason, ..row.clone() };
        self.say_tips(&ended, &told, thread).await
    }

    /// The slot's end, the tips' place in the log and the words are one commit.
    async fn say_tips(&self, ended: &Occurrence, told: &[Told], thread: &ThreadId) -> Result<(), SettleError> {
        let core = &*self.core;
        settle!(core, "the wakeup's thread", async {
            let Some((mut commit, mut row)) = self.ending(ended).await? else {
                return Ok::<_, SettleError>(Wanted::Nothing(()));
            };
            let title = last_read(core).config.title(&ended.prompt_id).to_owned();
            let mut writer = match ThreadWriter::load(core, thread).await? {
                Some(writer) => writer,
                None => ThreadWriter::create(core, Channel::System, title),
            };
            row.thread_id = Some(writer.id().clone());
            if let Some(mut state) = core.store.get::<WakeupState>(&ended.wakeup_id).await? {
                state.value.thread = Some(writer.id().clone());
                state.value.said_at = Some(core.now());
                commit = commit.replace(&state.value, state.version);
            }
            for one in told {
                let post = Post {
                    class: DeliveryClass::Note,
                    severity: Severity::Info,
                    finding: None,
                    view: View::Tip(Box::new(one.picked.view.clone())),
                    quiet: false,
                };
                writer.say_to(core, post, one.chats.clone());
                commit = one.picked.shown(core, commit);
            }
            Ok(Wanted::Commit(Box::new(writer.finish(commit.put(&row))), ()))
        })
    }
}
