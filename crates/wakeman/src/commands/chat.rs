//! `chat`: one turn after the other, the operator's words in between, and what is owed to the terminal above the line typed.
//!
//! Where either end is no terminal it is plain: a line in, its answer out, no prompt and no control codes. Any words of a model may be
//! followed by a call of a tool, and were then only a remark: where they cannot be taken back, an answer is printed when it has ended.

use std::{future::Future, io::IsTerminal as _, sync::Arc};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    sync::Mutex,
};
use wakeman_cli::{Flow, Ids, LineEditor, Offer, Pressed, Typed};
use wakeman_gateway::without_credentials;
use wakeman_present::{self as present, Verb, parse_verb};
use wakeman_types::{AskRequest, GatewayError, ListRequest, Principal, ThreadId, View};

use super::{
    ahead::Ahead,
    chat_above::{above, keys, offered},
    show::clock,
    talk::{Shown, close, turn},
    verbs,
};
use crate::{
    args::ChatArgs,
    attach::{Attached, attach},
    compose,
    failure::{DONE, Failure},
    global::Global,
};

/// What the operator typed before, in `storage/`.
const HISTORY_FILE: &str = "chat-history";
/// Interrupted, as shells say it.
const INTERRUPTED: u8 = 130;
const WELCOME: &str = "Ask anything, or use a word: status, findings, why F-…, proposals. Tab completes, /help lists them, \
                       ctrl-c stops an answer, ctrl-d leaves.";

/// `chat`
pub async fn chat(global: &Global, args: ChatArgs) -> Result<u8, Failure> {
    let attached = attach(global).await?;
    let by = global.principal();
    let offer = Offer::default();
    let mut talk =
        Talk { global, attached: &attached, by: &by, thread: args.thread.map(ThreadId::new), offer, ahead: None };
    let outcome =
        if global.interactive && !global.json { at_terminal(&mut talk).await } else { plain(&mut talk).await };
    close(attached).await;
    outcome
}

/// What one line led to.
enum Next {
    /// Another line.
    More,
    /// The end.
    Leave,
}

/// One conversation.
struct Talk<'a> {
    global: &'a Global,
    attached: &'a Attached,
    by: &'a Principal,
    thread: Option<ThreadId>,
    /// The card that a key answers.
    offer: Offer,
    /// What is typed while an answer comes.
    ahead: Option<Ahead>,
}

/// Lines from a pipe. Ends with its input; what failed is told and the next line goes on.
async fn plain(talk: &mut Talk<'_>) -> Result<u8, Failure> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        let line = tokio::select! {
            line = lines.next_line() => line?,
            _ = tokio::signal::ctrl_c() => return Ok(INTERRUPTED),
        };
        let Some(line) = line else { return Ok(DONE) };
        if let Next::Leave = talk.said(line.trim()).await {
            return Ok(DONE);
        }
    }
}

/// Lines from a person. Where the terminal cannot move its cursor, as from a pipe.
async fn at_terminal(talk: &mut Talk<'_>) -> Result<u8, Failure> {
    let dir = talk.global.existing_dir()?;
    let mut editor = LineEditor::new(&dir.storage().join(HISTORY_FILE), talk.offer.clone(), talk.global.style)?;
    talk.global.note(&Flow::whole(WELCOME, talk.global.style.width));
    let Ok(printer) = editor.above() else { return plain(talk).await };
    let guard = compose::load(&dir).map(|config| config.secrets.guard()).unwrap_or_default();
    // Held while something is answered: what arrives meanwhile waits for the prompt.
    let screen = Arc::new(Mutex::new(()));
    let mut held = Some(Arc::clone(&screen).lock_owned().await);
    let arriving = above(talk.global, talk.attached, talk.by, printer, &screen, talk.offer.clone());
    tokio::pin!(arriving);
    let mut warned = false;
    talk.ahead = Ahead::new().ok();
    loop {
        let typed = if let Some(line) = talk.ahead.as_ref().and_then(Ahead::next) {
            Ok(Typed::Line(line))
        } else {
            editor.set_ids(talk.ids().await);
            drop(held.take());
            let reading = tokio::task::spawn_blocking(move || {
                let typed = editor.read("› ");
                (editor, typed)
            });
            let (back, typed) = beside(reading, &mut arriving).await.map_err(Failure::failed)?;
            editor = back;
            held = Some(beside(Arc::clone(&screen).lock_owned(), &mut arriving).await);
            typed
        };
        let line = match typed? {
            Typed::End => return Ok(DONE),
            Typed::Cleared => {
                warned = false;
                continue;
            }
            Typed::Interrupt if warned => return Ok(INTERRUPTED),
            Typed::Interrupt => {
                warned = true;
                talk.global.note("ctrl-c again leaves, or ctrl-d");
                continue;
            }
            Typed::Line(line) => line,
        };
        warned = false;
        match talk.offer.entered(&line) {
            Pressed::Button(button) => beside(talk.does(button.verb), &mut arriving).await,
            Pressed::TooSoon => {
                talk.global.note("A card has only just come. Nothing was decided; look, then answer it.")
            }
            Pressed::Nothing => {
                if without_credentials(&guard, &line).is_none() {
                    editor.keep(&line)?;
                }
                if let Next::Leave = beside(talk.said(line.trim()), &mut arriving).await {
                    return Ok(DONE);
                }
            }
        }
    }
}

/// Waits for `wanted` while `other`, which never ends, goes on.
async fn beside<T>(wanted: impl Future<Output = T>, other: &mut (impl Future<Output = ()> + Unpin)) -> T {
    tokio::select! {
        done = wanted => done,
        () = other => std::future::pending().await,
    }
}

impl Talk<'_> {
    /// Does what a line says; a failure is told and ends nothing.
    async fn said(&mut self, line: &str) -> Next {
        let slashed = line.strip_prefix('/');
        match line {
            "" => {}
            "/quit" | "/exit" => return Next::Leave,
            "/new" => {
                self.thread = None;
                self.global.note("A new conversation begins with your next message.");
            }
            "/stop" => self.stop().await,
            // A word is done at once and costs nothing; anything else is a turn.
            text => match (parse_verb(slashed.unwrap_or(text)), slashed) {
                (Ok(verb), None) if verb.erases() => self.global.note(&present::with_slash(&verb)),
                (Ok(verb), _) => self.does(verb).await,
                (Err(error), Some(_)) => self.tell(Err(Failure::usage(error))),
                (Err(_), None) => {
                    let outcome = self.ask(text).await;
                    self.tell(outcome);
                }
            },
        }
        Next::More
    }

    fn tell(&self, outcome: Result<(), Failure>) {
        if let Err(failure) = outcome {
            self.global.complain(&failure.to_string());
        }
    }

    /// An answer under way here is stopped by ctrl-c, and by the same word typed meanwhile; this stops one that somebody else waits for in the same conversation.
    async fn stop(&self) {
        let Some(thread) = &self.thread else { return self.global.note("Nothing is being answered.") };
        match self.attached.gateway.stop(self.by, thread).await {
            Ok(0) => self.global.note("Nothing is being answered."),
            Ok(_) => self.global.note("Stopped."),
            Err(error) => self.global.complain(&error.to_string()),
        }
    }

    /// Does what a word or a card's key says. Ctrl-C ends the waiting where a daemon does it; here it is run to its end.
    async fn does(&self, verb: Verb) {
        let shown = verb.clone();
        let doing = verbs::run(self.global, self.attached, self.by, verb);
        let outcome = tokio::select! {
            outcome = doing => outcome,
            true = self.given_up() => return self.global.note("Stopped waiting; it may still happen."),
        };
        let worked = outcome.is_ok();
        if let (true, Verb::Reject { id, .. }) = (worked, &shown) {
            // What came of it stands there already.
            self.offer.rejected(*id);
        }
        self.tell(outcome);
        if worked && self.global.interactive {
            self.offer_shown(&shown).await;
        }
    }

    async fn given_up(&self) -> bool {
        self.attached.embedded.is_none() && tokio::signal::ctrl_c().await.is_ok()
    }

    async fn ask(&mut self, text: &str) -> Result<(), Failure> {
        let request = AskRequest { message: text.to_owned(), thread_id: self.thread.clone(), ..AskRequest::default() };
        // What is piped on cannot be taken back.
        let how = Shown { live: std::io::stdout().is_terminal(), ahead: self.ahead.as_ref() };
        let answer = turn(self.global, &*self.attached.gateway, self.by, request, how).await?;
        if self.global.json {
            self.global.print_json(&answer)?;
        }
        self.thread = Some(answer.thread_id);
        Ok(())
    }

    /// A card that was asked for is the newest one too.
    async fn offer_shown(&self, verb: &Verb) {
        let Ok(Some(view)) = self.view_of(verb).await else { return };
        let Ok((now, zone)) = clock(&*self.attached.gateway, self.by).await else { return };
        offered(&self.offer, &view, &present::doc(&view, &self.global.context(now, &zone)));
        self.tell(self.global.print(&keys(&self.offer, self.global)));
    }

    async fn view_of(&self, verb: &Verb) -> Result<Option<View>, GatewayError> {
        let gateway = &self.attached.gateway;
        Ok(match verb {
            Verb::Finding(id) => Some(View::Finding(Box::new(gateway.finding(self.by, *id).await?))),
            Verb::Proposal(id) => Some(View::Details(Box::new(gateway.proposal(self.by, *id).await?))),
            _ => None,
        })
    }

    /// What can be completed. A gateway that does not answer completes nothing.
    async fn ids(&self) -> Ids {
        let gateway = &self.attached.gateway;
        let (findings, proposals, threads) = tokio::join!(
            gateway.findings(self.by, ListRequest::default()),
            gateway.proposals(self.by, ListRequest::default()),
            gateway.threads(self.by, ListRequest::default()),
        );
        Ids {
            findings: findings
                .map(|page| page.items.iter().map(|one| one.id.to_string()).collect())
                .unwrap_or_default(),
            proposals: proposals
                .map(|page| page.items.iter().map(|one| one.id.to_string()).collect())
                .unwrap_or_default(),
            threads: threads
                .map(|page| page.items.iter().map(|one| one.thread_id.to_string()).collect())
                .unwrap_or_default(),
        }
    }
}
