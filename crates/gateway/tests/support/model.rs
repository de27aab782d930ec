//! A model that says what a test scripted, and remembers what it was shown.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use futures::future::{BoxFuture, pending};
use wakeman_gateway::ports::{
    Bill, Completion, Embeddings, Finish, Model, ModelError, ModelFailure, ModelMessage, ModelRequest, TextSink,
    ToolCall,
};
use wakeman_types::Timestamp;

/// What the model does next.
pub enum Says {
    /// These words, in pieces of a word.
    Words(&'static str),
    /// The same, from a host that tells no price and counts no tokens.
    Unpriced(&'static str),
    /// Nothing but these calls: name and arguments.
    Calls(Vec<(&'static str, String)>),
    /// A failure.
    Fails(ModelError),
    /// Exactly this.
    Exactly(Result<Completion, ModelFailure>),
    /// The words, and then our own adapter breaks.
    Panics(&'static str),
    /// The words, and then nothing ever.
    Hangs(&'static str),
}

/// What it says at its n-th call.
pub type Script = fn(usize) -> Says;

#[derive(Default)]
pub struct FakeModel {
    script: Mutex<VecDeque<Says>>,
    /// What to do when the script is at its end.
    for_ever: Mutex<Option<Script>>,
    asked: Mutex<Vec<ModelRequest>>,
    hanging: tokio::sync::Notify,
}

impl FakeModel {
    pub fn new(script: Vec<Says>) -> Arc<Self> {
        Arc::new(Self { script: Mutex::new(script.into()), ..Self::default() })
    }

    pub fn for_ever(says: Script) -> Arc<Self> {
        Arc::new(Self { for_ever: Mutex::new(Some(says)), ..Self::default() })
    }

    pub fn asked(&self) -> Vec<ModelRequest> {
        self.asked.lock().unwrap().clone()
    }

    /// Resolves once a call hangs.
    pub async fn hung(&self) {
        self.hanging.notified().await;
    }

    /// Everything it was shown in its last call, as one text.
    pub fn last_shown(&self) -> String {
        let asked = self.asked.lock().unwrap();
        let messages = &asked.last().unwrap().messages;
        messages.iter().map(|message| format!("{message:?}\n")).collect()
    }

    pub fn last_system(&self) -> String {
        match &self.asked.lock().unwrap().last().unwrap().messages[0] {
            ModelMessage::System(text) => text.clone(),
            other => panic!("{other:?}"),
        }
    }
}

pub fn completion(text: &str, calls: Vec<ToolCall>) -> Completion {
    let finish = if calls.is_empty() { Finish::Stop } else { Finish::ToolCalls };
    Completion {
        text: text.to_owned(),
        calls,
        cut_call: None,
        finish,
        bill: Bill { prompt_tokens: Some(100), completion_tokens: Some(10), cost_usd: Some(0.001) },
        earlier: Vec::new(),
        alias: "chat".to_owned(),
    }
}

impl Model for FakeModel {
    fn complete<'a>(
        &'a self,
        request: &'a ModelRequest,
        words: TextSink<'a>,
    ) -> BoxFuture<'a, Result<Completion, ModelFailure>> {
        Box::pin(async move {
            let turn = {
                let mut asked = self.asked.lock().unwrap();
                asked.push(request.clone());
                asked.len()
            };
            let next = self.script.lock().unwrap().pop_front();
            let next = next.or_else(|| self.for_ever.lock().unwrap().map(|says| says(turn)));
            match next.expect("the model was asked more often than scripted") {
                Says::Words(text) => {
                    text.split_inclusive(' ').for_each(words);
                    Ok(completion(text, Vec::new()))
                }
                Says::Unpriced(text) => {
                    words(text);
                    Ok(Completion { bill: Bill::default(), ..completion(text, Vec::new()) })
                }
                Says::Calls(calls) => {
                    let call = |(n, (name, arguments)): (usize, (&str, String))| ToolCall {
                        id: format!("call_{turn}_{n}"),
                        name: name.to_owned(),
                        arguments,
                    };
                    Ok(completion("", calls.into_iter().enumerate().map(call).collect()))
                }
                Says::Fails(error) => {
                    if let ModelError::Cut { text, .. } = &error {
                        words(text);
                    }
                    Err(error.into())
                }
                Says::Exactly(outcome) => {
                    if let Ok(done) = &outcome {
                        words(&done.text);
                    }
                    outcome
                }
                Says::Panics(text) => {
                    words(text);
                    panic!("as a test wants")
                }
                Says::Hangs(text) => {
                    words(text);
                    self.hanging.notify_one();
                    pending().await
                }
            }
        })
    }

    fn embed<'a>(
        &'a self,
        _alias: &'a str,
        _texts: &'a [String],
        _deadline: Timestamp,
    ) -> BoxFuture<'a, Result<Embeddings, ModelError>> {
        Box::pin(async { Err(ModelError::Empty) })
    }

    fn aliases(&self, _deadline: Timestamp) -> BoxFuture<'_, Result<Vec<String>, ModelError>> {
        Box::pin(async { Ok(vec!["chat".to_owned()]) })
    }
}
