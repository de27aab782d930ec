//! Talking: one turn, as `ask` and `chat` show it.

use std::{fmt::Write as _, io::IsTerminal as _};

use futures::StreamExt;
use tokio::signal::unix::{Signal, SignalKind, signal};
use wakeman_cli::{Flow, Progress};
use wakeman_present::{parse_verb, sanitize_piece};
use wakeman_types::{
    AskRequest, ErrorKind, Gateway, Principal, ThreadId, TurnAnswer, TurnEvent, TurnState, TurnStream,
};

use super::{ahead::Ahead, verbs};
use crate::{
    args::AskArgs,
    attach::{Attached, attach},
    failure::{DONE, Failure},
    global::Global,
};

/// `ask TEXT [--thread ID]`
pub async fn ask(global: &Global, args: AskArgs) -> Result<u8, Failure> {
    let by = global.principal();
    let message = args.text.join(" ");
    // A word with a slash is one of ours everywhere: it is done, not thought about.
    if message.trim_start().starts_with('/') {
        return verbs::once(global, parse_verb(&message).map_err(Failure::usage)?).await;
    }
    let attached = attach(global).await?;
    let request = AskRequest {
        message,
        thread_id: args.thread.map(ThreadId::new),
        prompt_version: args.prompt_version,
        key: None,
    };
    // What is piped on cannot be taken back: it gets the answer when it is one.
    let live = std::io::stdout().is_terminal();
    let outcome = turn(global, &*attached.gateway, &by, request, Shown { live, ahead: None }).await;
    close(attached).await;
    let answer = outcome?;
    if global.json {
        global.print_json(&answer)?;
    }
    exit_code(&answer)
}

/// Lets go of the gateway.
pub(super) async fn close(attached: Attached) {
    if let Some(embedded) = attached.embedded {
        embedded.close().await;
    }
}

/// The answer is printed already; the exit code says the rest.
fn exit_code(answer: &TurnAnswer) -> Result<u8, Failure> {
    match answer.state {
        TurnState::Answered => Ok(DONE),
        TurnState::Stopped => Ok(130),
        _ => Ok(match answer.failure {
            Some(ErrorKind::Invalid) => 2,
            Some(ErrorKind::Refused) => 3,
            Some(ErrorKind::Unavailable) => 4,
            _ => 1,
        }),
    }
}

/// How a turn is shown.
pub(super) struct Shown<'a> {
    /// Whether its words are shown as they come, also those that are taken back.
    pub(super) live: bool,
    /// What is typed meanwhile, at a terminal.
    pub(super) ahead: Option<&'a Ahead>,
}

/// Asks, shows the answer as it comes, and stops it on ctrl-c and on a typed `/stop`.
pub(super) async fn turn(
    global: &Global,
    gateway: &dyn Gateway,
    by: &Principal,
    request: AskRequest,
    how: Shown<'_>,
) -> Result<TurnAnswer, Failure> {
    // One listener for all of the turn: what is pressed while it is accepted, or while an event is shown, is not lost.
    let interrupts = signal(SignalKind::interrupt())?;
    let events = gateway.ask(by, request).await?;
    // A pipe gets the text as it is.
    let width = if global.interactive { global.style.width } else { 0 };
    Follow { global, gateway, by, how, shown: String::new(), flow: Flow::new(width), progress: None }
        .until_done(events, interrupts)
        .await
}

/// Resolves when somebody types that the answer should end.
async fn stop_typed(ahead: Option<&Ahead>) {
    match ahead {
        Some(ahead) => ahead.stop().await,
        None => std::future::pending().await,
    }
}

/// Shows one turn.
struct Follow<'a> {
    global: &'a Global,
    gateway: &'a dyn Gateway,
    by: &'a Principal,
    how: Shown<'a>,
    /// What is on the screen of the answer.
    shown: String,
    flow: Flow,
    progress: Option<Progress>,
}

impl Follow<'_> {
    async fn until_done(mut self, mut events: TurnStream, mut interrupts: Signal) -> Result<TurnAnswer, Failure> {
        let mut thread = None;
        let mut stopping = false;
        self.wait("thinking");
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                _ = interrupts.recv() => {
                    if std::mem::replace(&mut stopping, true) {
                        // It is asked to stop and does not: nobody is kept waiting.
                        return Err(Failure::interrupted());
                    }
                    self.stop(thread.as_ref()).await?;
                    continue;
                }
                () = stop_typed(self.how.ahead) => {
                    stopping = true;
                    self.stop(thread.as_ref()).await?;
                    continue;
                }
            };
            match event {
                Some(TurnEvent::Accepted { thread_id, .. }) => {
                    if stopping {
                        self.stop(Some(&thread_id)).await?;
                    }
                    thread = Some(thread_id);
                }
                Some(TurnEvent::Token { token }) => self.words(&token)?,
                Some(TurnEvent::Tool { doing, .. }) => self.tool(&doing)?,
                Some(TurnEvent::Reset) => self.take_back()?,
                Some(TurnEvent::Done { answer }) => {
                    self.rest(&answer.response)?;
                    return Ok(*answer);
                }
                None => return Err(Failure::failed("the answer broke off; `threads` shows what came of it")),
            }
        }
    }

    /// Asks the turn to end; one that is not accepted yet is asked when it is.
    async fn stop(&self, thread: Option<&ThreadId>) -> Result<(), Failure> {
        if let Some(thread) = thread {
            self.gateway.stop(self.by, thread).await?;
        }
        Ok(())
    }

    fn wait(&mut self, label: &str) {
        self.progress = None;
        self.progress = Some(self.global.progress(label));
    }

    fn words(&mut self, token: &str) -> Result<(), Failure> {
        if !self.how.live {
            return Ok(());
        }
        self.progress = None;
        self.shown.push_str(token);
        let text = self.flow.push(&sanitize_piece(token));
        if self.global.json { Ok(()) } else { self.global.print(&text) }
    }

    fn tool(&mut self, doing: &str) -> Result<(), Failure> {
        if !self.global.json {
            self.global.print(&self.flow.end())?;
        }
        self.wait(doing);
        Ok(())
    }

    /// What was shown was only a remark on the way.
    fn take_back(&mut self) -> Result<(), Failure> {
        let had = !std::mem::take(&mut self.shown).is_empty();
        let text = self.flow.end() + &self.flow.push("\n\n");
        if had && !self.global.json { self.global.print(&text) } else { Ok(()) }
    }

    /// What of the whole answer is not on the screen yet: the footer, or all of it.
    fn rest(&mut self, response: &str) -> Result<(), Failure> {
        self.progress = None;
        if self.global.json {
            return Ok(());
        }
        let mut out = String::new();
        match response.strip_prefix(self.shown.trim()) {
            Some(rest) => out.push_str(&sanitize_piece(rest)),
            None => {
                let gap = if self.shown.is_empty() { "" } else { "\n\n" };
                let _ = write!(out, "{gap}{}", sanitize_piece(response));
            }
        }
        let text = self.flow.push(out.trim_end()) + &self.flow.end();
        self.global.print(&format!("{text}\n"))
    }
}
