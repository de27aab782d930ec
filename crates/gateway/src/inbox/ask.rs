//! A message that became a turn: accepted once by its key, followed to its end, told while it grows.

use std::sync::Arc;

use futures::StreamExt;
use wakeman_store::{Commit, Committed, Version, crash};
use wakeman_types::{
    AnswerView, AskRequest, Chat, ErrorKind, GatewayError, LiveEvent, Principal, Said, ThreadId, Timestamp, TurnAnswer,
    TurnEvent, TurnId, TurnState, TurnStream, View,
};

use super::{
    InboundRow, InboundState,
    chat::ChatRow,
    end::{End, Show, land},
    verbs::settled,
    work::{Inbox, Seat},
};
use crate::{
    deliver::{SentMessage, turn_key},
    desk::storage_error,
};

/// How often it is told that an answer is being worked on.
const TYPING_MS: i64 = 4_000;
/// A growing text is told so often at most; adapters edit less often still.
const TEXT_MS: i64 = 250;
/// How often the end of a turn is tried to be stored, a second apart.
const LAND_TRIES: u32 = 60;

/// The conversation of the message that `row` answers; `None`: it answers none that is known.
async fn replied_thread(inbox: &Inbox, row: &InboundRow) -> Result<Option<ThreadId>, GatewayError> {
    let Said::Text { reply_to: Some(reference), .. } = &row.inbound.said else { return Ok(None) };
    let id = SentMessage::row_id(row.channel, &row.inbound.chat, reference);
    let found = inbox.core.store.get::<SentMessage>(&id).await.map_err(|error| storage_error(&error))?;
    Ok(found.and_then(|found| found.value.thread))
}

async fn chat_thread(inbox: &Inbox, row: &InboundRow) -> Result<Option<ThreadId>, GatewayError> {
    let id = ChatRow::row_id(row.channel, &row.inbound.chat);
    let found = inbox.core.store.get::<ChatRow>(&id).await.map_err(|error| storage_error(&error))?;
    Ok(found.and_then(|found| found.value.thread))
}

/// The conversation that a message belongs to: the one of the message it answers, else the chat's.
pub(super) async fn current_thread(inbox: &Inbox, row: &InboundRow) -> Result<Option<ThreadId>, GatewayError> {
    match replied_thread(inbox, row).await? {
        Some(thread) => Ok(Some(thread)),
        None => chat_thread(inbox, row).await,
    }
}

/// Asks. `None`: it is being answered; else why it was not accepted.
pub(super) async fn ask(
    inbox: &Arc<Inbox>,
    row: &InboundRow,
    version: Version,
    from: &Principal,
    text: &str,
) -> Result<Option<End>, GatewayError> {
    let replied = replied_thread(inbox, row).await?;
    let thread = match &replied {
        Some(thread) => Some(thread.clone()),
        None => chat_thread(inbox, row).await?,
    };
    let mut events = match accepted(inbox, row, from, (text, thread)).await {
        Ok(events) => events,
        // Its end is not known yet: it is asked after again.
        Err(error) if error.kind == ErrorKind::AlreadyDecided => return Err(error),
        Err(error) => return Ok(Some(End::told(&inbox.core, row, InboundState::Refused, settled(error)?))),
    };
    let Some(TurnEvent::Accepted { thread_id, turn_id }) = events.next().await else {
        let text = "The answer broke off before it began; ask again.".to_owned();
        return Ok(Some(End::told(&inbox.core, row, InboundState::Failed, text)));
    };
    let asked = InboundRow { state: InboundState::Asked, detail: turn_id.to_string(), ..row.clone() };
    let at = inbox.core.now();
    let mut commit = Commit::new(at).replace(&asked, version);
    if replied.is_none() {
        let (channel, chat, thread) = (row.channel, row.inbound.chat.clone(), Some(thread_id.clone()));
        commit = commit.put(&ChatRow { channel, chat, thread, at });
    }
    crash::reach("inbound.asked.before");
    let landed = inbox.core.store.commit(commit).await.map_err(|error| storage_error(&error))?;
    crash::reach("inbound.asked.after");
    if let (Committed::Seq(_), Some(seat)) = (landed, inbox.sit(format!("turn:{turn_id}"))) {
        tokio::spawn(
            Following { inbox: Arc::clone(inbox), row: asked, turn: turn_id, thread: thread_id }.run(events, seat),
        );
    }
    Ok(None)
}

async fn accepted(
    inbox: &Inbox,
    row: &InboundRow,
    from: &Principal,
    (text, thread): (&str, Option<ThreadId>),
) -> Result<TurnStream, GatewayError> {
    let request = |thread_id| AskRequest {
        message: text.to_owned(),
        thread_id,
        prompt_version: None,
        key: Some(row.inbound.id.clone()),
    };
    match inbox.desk.ask(from, request(thread.clone())).await {
        // The conversation is gone: a new one begins.
        Err(error) if error.kind == ErrorKind::NotFound && thread.is_some() => {
            inbox.desk.ask(from, request(None)).await
        }
        answer => answer,
    }
}

/// A turn on its way to its end.
struct Following {
    inbox: Arc<Inbox>,
    row: InboundRow,
    turn: TurnId,
    thread: ThreadId,
}

impl Following {
    async fn run(self, mut events: TurnStream, seat: Seat) {
        let core = &self.inbox.core;
        let (mut text, mut told_at) = (String::new(), Timestamp(i64::MIN / 2));
        self.typing();
        let answer = loop {
            let event = tokio::select! {
                biased;
                event = events.next() => event,
                () = core.clock.sleep_until(core.now().plus_ms(TYPING_MS)) => {
                    self.typing();
                    continue;
                }
            };
            match event {
                Some(TurnEvent::Token { token }) => {
                    text.push_str(&token);
                    if core.now().since(told_at) >= TEXT_MS {
                        told_at = core.now();
                        self.tell(&text);
                    }
                }
                Some(TurnEvent::Reset) => text.clear(),
                Some(TurnEvent::Tool { .. } | TurnEvent::Accepted { .. }) => self.typing(),
                Some(TurnEvent::Done { answer }) => break Some(*answer),
                None => break None,
            }
        };
        self.end(answer).await;
        drop(seat);
    }

    fn typing(&self) {
        let chat = self.row.inbound.chat.clone();
        self.inbox.core.surfaces.tell(self.row.channel, LiveEvent::Typing { chat });
    }

    fn tell(&self, text: &str) {
        let reply_to = match &self.row.inbound.said {
            Said::Text { message, .. } => Some(message.clone()),
            _ => None,
        };
        let (chat, key) = (self.row.inbound.chat.clone(), turn_key(&self.turn));
        let event = LiveEvent::Text { chat, key, reply_to, text: text.to_owned() };
        self.inbox.core.surfaces.tell(self.row.channel, event);
    }

    /// Stores the end. What cannot be stored now is taken up by the next start.
    async fn end(&self, answer: Option<TurnAnswer>) {
        let core = &self.inbox.core;
        for _ in 0..LAND_TRIES {
            match self.land(answer.as_ref()).await {
                Ok(()) => return,
                Err(error) => tracing::error!(%error, inbound.id = self.row.inbound.id, "inbox.end"),
            }
            core.clock.sleep_until(core.now().plus_ms(1_000)).await;
        }
    }

    async fn land(&self, answer: Option<&TurnAnswer>) -> Result<(), GatewayError> {
        let core = &self.inbox.core;
        let id = InboundRow::row_id(self.row.channel, &self.row.inbound.id);
        let found = core.store.get::<InboundRow>(&id).await.map_err(|error| storage_error(&error))?;
        let Some(found) = found.filter(|found| found.value.state == InboundState::Asked) else { return Ok(()) };
        land(core, &found.value, found.version, self.ending(answer)).await.map(drop)
    }

    fn ending(&self, answer: Option<&TurnAnswer>) -> End {
        let core = &self.inbox.core;
        let Some(answer) = answer else {
            let text = "The answer broke off; `threads` shows what came of it.".to_owned();
            return End::told(core, &self.row, InboundState::Failed, text);
        };
        let state = match answer.state {
            TurnState::Answered => InboundState::Answered,
            TurnState::Stopped => InboundState::Done,
            TurnState::Interrupted => InboundState::Interrupted,
            TurnState::Failed | TurnState::Accepted => InboundState::Failed,
        };
        let view = AnswerView { text: answer.response.clone(), answer: self.turn.clone(), state: answer.state };
        let show = Show {
            key: Some(turn_key(&self.turn)),
            thread: Some(self.thread.clone()),
            ..Show::plain(View::Answer(view))
        };
        End { show: Some(show), ..End::new(core, state, self.turn.to_string()) }
    }
}
