//! From a running turn to whoever listens. What the listener has not taken yet is joined together, so that a slow one costs the
//! turn nothing and holds no more than the answer's own length.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use futures::Stream;
use wakeman_types::{TurnAnswer, TurnEvent};

use crate::{deliver::without_credentials, guard::Guard};

/// Tool notices that wait; beyond, the oldest of them are dropped: they are of the moment only.
const WAITING_MAX: usize = 64;

#[derive(Default)]
struct Shared {
    waiting: VecDeque<TurnEvent>,
    ended: bool,
    listener: Option<Waker>,
}

/// The turn's end. Once it is dropped, the listener hears no more.
#[derive(Default)]
pub struct Teller(Arc<Mutex<Shared>>);

/// The listener's end. Ends after `done`.
pub struct Listener(Arc<Mutex<Shared>>);

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Teller {
    /// Who listens to this one.
    pub fn listener(&self) -> Listener {
        Listener(Arc::clone(&self.0))
    }

    /// Tells of `event`.
    pub fn tell(&self, event: TurnEvent) {
        let mut shared = lock(&self.0);
        if shared.ended {
            return;
        }
        match (shared.waiting.back_mut(), event) {
            (Some(TurnEvent::Token { token: so_far }), TurnEvent::Token { token }) => so_far.push_str(&token),
            (_, TurnEvent::Reset) => {
                // What nobody has seen need not be taken back.
                shared.waiting.retain(|event| !matches!(event, TurnEvent::Token { .. }));
                shared.waiting.push_back(TurnEvent::Reset);
            }
            (_, event) => shared.waiting.push_back(event),
        }
        if shared.waiting.len() > WAITING_MAX
            && let Some(oldest) = shared.waiting.iter().position(|event| matches!(event, TurnEvent::Tool { .. }))
        {
            shared.waiting.remove(oldest);
        }
        if let Some(listener) = shared.listener.take() {
            listener.wake();
        }
    }

    /// More of the answer.
    pub fn words(&self, token: &str) {
        self.tell(TurnEvent::Token { token: token.to_owned() });
    }

    /// The last word.
    pub fn done(&self, answer: TurnAnswer) {
        self.tell(TurnEvent::Done { answer: Box::new(answer) });
        self.end();
    }

    fn end(&self) {
        let mut shared = lock(&self.0);
        shared.ended = true;
        if let Some(listener) = shared.listener.take() {
            listener.wake();
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a credential of several words begins with.
const KEY_BEGINS: &str = "-----BEGIN";

/// Lets whole words through, without credentials: half of one cannot be known.
pub struct CleanWords<'a> {
    guard: &'a Guard,
    held: String,
}

impl<'a> CleanWords<'a> {
    /// Nothing is held yet.
    pub const fn new(guard: &'a Guard) -> Self {
        Self { guard, held: String::new() }
    }

    /// Takes the next piece and gives what can be shown now.
    pub fn take(&mut self, piece: &str) -> Option<String> {
        self.held.push_str(piece);
        let words = self.held.char_indices().rfind(|(_, c)| c.is_whitespace()).map_or(0, |(at, c)| at + c.len_utf8());
        // From where a key may begin on, everything waits for the end.
        let end = self.held.find(KEY_BEGINS).map_or(words, |key| words.min(key));
        if end == 0 {
            return None;
        }
        let rest = self.held.split_off(end);
        let ready = std::mem::replace(&mut self.held, rest);
        Some(self.clean(ready))
    }

    /// What is left at the end.
    pub fn rest(self) -> Option<String> {
        (!self.held.is_empty()).then(|| self.clean(self.held.clone()))
    }

    fn clean(&self, text: String) -> String {
        without_credentials(self.guard, &text).unwrap_or(text)
    }
}

impl Stream for Listener {
    type Item = TurnEvent;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<TurnEvent>> {
        let mut shared = lock(&self.0);
        match shared.waiting.pop_front() {
            Some(event) => Poll::Ready(Some(event)),
            None if shared.ended => Poll::Ready(None),
            None => {
                shared.listener = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;

    fn answer() -> TurnAnswer {
        TurnAnswer {
            thread_id: wakeman_types::ThreadId::new("t"),
            turn_id: wakeman_types::TurnId::new("turn"),
            state: wakeman_types::TurnState::Answered,
            response: "abc".to_owned(),
            failure: None,
            actions: Vec::new(),
            citations: Vec::new(),
            prompt_version: None,
            usage: wakeman_types::Usage::default(),
        }
    }

    #[tokio::test]
    async fn words_nobody_took_are_joined_and_the_end_always_arrives() {
        let teller = Teller::default();
        let listener = teller.listener();
        for piece in ["a", "b", "c"] {
            teller.words(piece);
        }
        teller.done(answer());
        teller.words("too late");
        let got: Vec<_> = listener.collect().await;
        assert_eq!(got, [TurnEvent::Token { token: "abc".to_owned() }, TurnEvent::Done { answer: Box::new(answer()) }]);
    }

    #[tokio::test]
    async fn what_was_taken_back_unseen_is_not_told() {
        let teller = Teller::default();
        let listener = teller.listener();
        teller.words("let me look");
        teller.tell(TurnEvent::Reset);
        teller.words("it fell");
        teller.done(answer());
        let got: Vec<_> = listener.collect().await;
        assert_eq!(got[..2], [TurnEvent::Reset, TurnEvent::Token { token: "it fell".to_owned() }]);
    }

    #[test]
    fn a_credential_is_never_shown_however_the_words_are_cut() {
        let guard = Guard::of([("POSTHOG_API_KEY", "hunter2-of-acme")]);
        let token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
        let text = format!("so the key is hunter2-of-acme, größer\u{2003}als {token}: ok");
        let key = "and -----BEGIN RSA PRIVATE KEY-----\nMIIE abc\n-----END";
        let whole = format!("{text} {key}");
        let chars: Vec<char> = whole.chars().collect();
        for size in 1..=chars.len() {
            let mut clean = CleanWords::new(&guard);
            let mut shown: String =
                chars.chunks(size).filter_map(|piece| clean.take(&piece.iter().collect::<String>())).collect();
            shown.extend(clean.rest());
            let removed = "[secret removed]";
            assert_eq!(
                shown,
                format!("so the key is {removed}, größer\u{2003}als {removed}: ok and {removed}"),
                "{size}"
            );
        }
    }

    #[tokio::test]
    async fn a_teller_that_is_gone_keeps_nobody_waiting() {
        let teller = Teller::default();
        let listener = teller.listener();
        let (got, ()) = tokio::join!(listener.collect::<Vec<_>>(), async move {
            tokio::task::yield_now().await;
            teller.words("half");
            drop(teller);
        });
        assert_eq!(got, [TurnEvent::Token { token: "half".to_owned() }]);
    }

    #[tokio::test]
    async fn notices_are_bounded() {
        let teller = Teller::default();
        let listener = teller.listener();
        for n in 0..1_000 {
            teller.tell(TurnEvent::Tool { name: n.to_string(), doing: String::new() });
        }
        teller.done(answer());
        assert!(listener.count().await <= WAITING_MAX + 1);
    }
}
