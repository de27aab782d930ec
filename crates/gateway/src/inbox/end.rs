//! The one end of what came in: its outcome, and what is said of it, in one commit.

use wakeman_store::{Commit, Committed, EntityRef, Version, crash};
use wakeman_types::{
    Delivery, DeliveryClass, FindingId, GatewayError, LiveEvent, NoticeView, Said, Severity, ThreadId, View,
};

use super::{InboundRow, InboundState};
use crate::{
    core::Core,
    deliver::{Place, outbox_row, reply_to_message},
    desk::storage_error,
    pairing,
};

/// Something to show in the chat it came from.
#[derive(Debug, Clone)]
pub(super) struct Show {
    pub view: View,
    /// The message it becomes.
    pub key: Option<String>,
    /// It is a message of its own even if there is one with this key: asked for again, it is shown again.
    pub afresh: bool,
    pub thread: Option<ThreadId>,
    pub finding: Option<FindingId>,
}

impl Show {
    pub fn plain(view: View) -> Self {
        Self { view, key: None, afresh: false, thread: None, finding: None }
    }

    pub fn notice(text: impl Into<String>) -> Self {
        Self::plain(View::Notice(NoticeView { text: text.into() }))
    }
}

/// How it ends.
pub(super) struct End {
    pub state: InboundState,
    /// What became of it, in words; what a press is answered with.
    pub detail: String,
    pub show: Option<Show>,
    /// What changes with it.
    pub commit: Commit,
    /// Somebody is let in by it.
    pub pairs: bool,
}

impl End {
    pub fn new(core: &Core, state: InboundState, detail: impl Into<String>) -> Self {
        Self { state, detail: detail.into(), show: None, commit: Commit::durable(core.now()), pairs: false }
    }

    pub fn ignored(core: &Core, why: &str) -> Self {
        Self::new(core, InboundState::Ignored, why)
    }

    /// Ends with these words, which are said in the chat, or answer the press.
    pub fn told(core: &Core, row: &InboundRow, state: InboundState, text: String) -> Self {
        let spoken = matches!(row.inbound.said, Said::Text { .. });
        let show = spoken.then(|| Show::notice(text.clone()));
        Self { show, ..Self::new(core, state, text) }
    }
}

/// The reference of the message that an answer replies to.
fn replied_to(row: &InboundRow) -> Option<&str> {
    match &row.inbound.said {
        Said::Text { message, .. } => Some(message),
        Said::Press { message, .. } => message.as_deref(),
        Said::Reaction { .. } | Said::Other { .. } => None,
    }
}

fn delivery(core: &Core, row: &InboundRow, show: Show) -> Delivery {
    Delivery {
        id: core.delivery_id(),
        channel: row.channel,
        chat: row.inbound.chat.clone(),
        thread: show.thread,
        class: DeliveryClass::Note,
        severity: Severity::Info,
        finding: show.finding,
        view: show.view,
        key: show.key,
        reply_key: replied_to(row).map(reply_to_message),
        refresh: false,
        instead_of: None,
        told_elsewhere: false,
        created_at: core.now(),
    }
}

/// Commits the end of `row`, which was read at `version`. False: somebody else changed what it depends on; nothing was written.
pub(super) async fn land(core: &Core, row: &InboundRow, version: Version, end: End) -> Result<bool, GatewayError> {
    let End { state, detail, show, mut commit, pairs } = end;
    if let Some(show) = show {
        if let Some(key) = show.key.as_ref().filter(|_| show.afresh) {
            let there = Place::row_id(row.channel, &row.inbound.chat, key);
            let found = core.store.get::<Place>(&there).await.map_err(|error| storage_error(&error))?;
            if let Some(place) = found {
                commit = commit.delete(EntityRef::to::<Place>(there)).put(&place.value.earlier());
            }
        }
        commit = commit.send(outbox_row(core, &delivery(core, row, show)));
    }
    commit.essential |= InboundRow::is_essential(&row.inbound);
    let ended = InboundRow { state, detail, ended_at: Some(core.now()), ..row.clone() };
    crash::reach("inbound.ended.before");
    let landed = core.store.commit(commit.replace(&ended, version)).await.map_err(|error| storage_error(&error))?;
    crash::reach("inbound.ended.after");
    match landed {
        Committed::Conflict(conflict) => {
            tracing::debug!(%conflict, inbound.id = row.inbound.id, "inbox.lost_race");
            return Ok(false);
        }
        Committed::Seq(_) => {}
    }
    if pairs && let Err(error) = pairing::load(core).await {
        // They are known all the same; what is owed reaches them after the next start.
        tracing::error!(%error, "pairing.load");
    }
    if matches!(row.inbound.said, Said::Press { .. }) {
        let (inbound, alert) = (row.inbound.id.clone(), ended.state != InboundState::Done);
        core.surfaces.tell(row.channel, LiveEvent::Answer { inbound, text: ended.detail, alert });
    }
    Ok(true)
}
