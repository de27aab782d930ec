//! Talking: one turn (`ask`), or one after the other (`chat`).

use std::{fmt::Write as _, io::IsTerminal};

use futures::StreamExt;
use tokio::io::{AsyncBufReadExt, BufReader};
use wakeman_cli::Progress;
use wakeman_present::{parse_verb, sanitize_piece};
use wakeman_types::{
    AskRequest, ErrorKind, Gateway, Principal, ThreadId, TurnAnswer, TurnEvent, TurnState, TurnStream,
};

use super::verbs;
use crate::{
    args::{AskArgs, ChatArgs},
    attach::{Attached, attach},
    failure::{DONE, Failure},
    global::Global,
};

/// `ask TEXT [--thread ID]`
pub async fn ask(global: &Global, args: AskArgs) -> Result<u8, Failure> {
    let by = global.principal();
    let attached = attach(global).await?;
    let request = AskRequest {
        message: args.text.join(" "),
        thread_id: args.thread.map(ThreadId::new),
        prompt_version: args.prompt_version,
        key: None,
    };
    let outcome = turn(global, &*attached.gateway, &by, request).await;
    close(attached).await;
    let answer = outcome?;
    if global.json {
        global.print_json(&answer)?;
    }
    exit_code(&answer)
}

async fn close(attached: Attached) {
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

/// Asks, shows the answer as it comes, and stops it on ctrl-c.
async fn turn(
    global: &Global,
    gateway: &dyn Gateway,
    by: &Principal,
    request: AskRequest,
) -> Result<TurnAnswer, Failure> {
    let events = gateway.ask(by, request).await?;
    Follow { global, gateway, by, shown: String::new(), progress: None }.until_done(events).await
}

/// Shows one turn.
struct Follow<'a> {
    global: &'a Global,
    gateway: &'a dyn Gateway,
    by: &'a Principal,
    /// What is on the screen of the answer.
    shown: String,
    progress: Option<Progress>,
}

impl Follow<'_> {
    async fn until_done(mut self, mut events: TurnStream) -> Result<TurnAnswer, Failure> {
        let mut thread = None;
        self.wait("thinking");
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                _ = tokio::signal::ctrl_c() => {
                    if let Some(thread) = &thread {
                        self.gateway.stop(self.by, thread).await?;
                    }
                    continue;
                }
            };
            match event {
                Some(TurnEvent::Accepted { thread_id, .. }) => thread = Some(thread_id),
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

    fn wait(&mut self, label: &str) {
        let terminal = std::io::stderr().is_terminal() && !self.global.json && self.global.verbosity >= 0;
        self.progress = None;
        self.progress = Some(Progress::start(label, terminal, self.global.style));
    }

    fn words(&mut self, token: &str) -> Result<(), Failure> {
        self.progress = None;
        self.shown.push_str(token);
        if self.global.json { Ok(()) } else { self.global.print(&sanitize_piece(token)) }
    }

    fn tool(&mut self, doing: &str) -> Result<(), Failure> {
        self.wait(doing);
        Ok(())
    }

    /// What was shown was only a remark on the way.
    fn take_back(&mut self) -> Result<(), Failure> {
        let had = !std::mem::take(&mut self.shown).is_empty();
        if had && !self.global.json { self.global.print("\n\n") } else { Ok(()) }
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
        self.global.print(&format!("{}\n", out.trim_end()))
    }
}

/// `chat`
pub async fn chat(global: &Global, args: ChatArgs) -> Result<u8, Failure> {
    let by = global.principal();
    let attached = attach(global).await?;
    let outcome = talk(global, &attached, &by, args).await;
    close(attached).await;
    outcome
}

async fn talk(global: &Global, attached: &Attached, by: &Principal, args: ChatArgs) -> Result<u8, Failure> {
    let mut thread = args.thread.map(ThreadId::new);
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    if global.interactive {
        global.note("Ask anything, or use a verb: status, findings, why F-…, proposals, approve P-…. /new begins a thread, /quit ends.");
    }
    loop {
        prompt(global)?;
        let line = tokio::select! {
            line = lines.next_line() => line?,
            _ = tokio::signal::ctrl_c() => return Ok(130),
        };
        let Some(line) = line else { return Ok(DONE) };
        match line.trim() {
            "" => {}
            "/quit" | "/exit" => return Ok(DONE),
            "/new" => {
                thread = None;
                global.note("A new thread begins with your next message.");
            }
            text => {
                if let Err(failure) = reply(global, attached, by, &mut thread, text).await {
                    global.complain(&failure.to_string());
                }
            }
        }
    }
}

fn prompt(global: &Global) -> Result<(), Failure> {
    if global.interactive && !global.json { global.print("\n› ") } else { Ok(()) }
}

/// A verb is done at once and costs nothing; anything else is a turn.
async fn reply(
    global: &Global,
    attached: &Attached,
    by: &Principal,
    thread: &mut Option<ThreadId>,
    text: &str,
) -> Result<(), Failure> {
    let slashed = text.strip_prefix('/');
    match (parse_verb(slashed.unwrap_or(text)), slashed) {
        (Ok(verb), _) => verbs::run(global, attached, by, verb).await,
        (Err(error), Some(_)) => Err(Failure::usage(error)),
        (Err(_), None) => {
            let request = AskRequest { message: text.to_owned(), thread_id: thread.clone(), ..AskRequest::default() };
            let answer = turn(global, &*attached.gateway, by, request).await?;
            if global.json {
                global.print_json(&answer)?;
            }
            *thread = Some(answer.thread_id);
            Ok(())
        }
    }
}
