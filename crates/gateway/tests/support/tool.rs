//! A tool that does what a test scripted.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::Notify;
use wakeman_gateway::{
    Core,
    tools::{Effect, Tool, ToolAnswer, ToolContext, ToolError},
};

type Answers = dyn Fn(&Value) -> Result<ToolAnswer, ToolError> + Send + Sync;

/// What the tool was called with, and how many of it ran at one time.
#[derive(Default)]
pub struct ToolLog {
    pub calls: Mutex<Vec<Value>>,
    running: AtomicUsize,
    pub most: AtomicUsize,
    begun: Notify,
}

impl ToolLog {
    /// Resolves once a call is under way.
    pub async fn begun(&self) {
        self.begun.notified().await;
    }
}

pub struct FakeTool {
    name: &'static str,
    effect: Effect,
    /// `None`: it never does.
    answers: Option<Box<Answers>>,
    log: Arc<ToolLog>,
}

impl FakeTool {
    pub fn boxed(
        name: &'static str,
        effect: Effect,
        answers: impl Fn(&Value) -> Result<ToolAnswer, ToolError> + Send + Sync + 'static,
    ) -> (Box<dyn Tool>, Arc<ToolLog>) {
        Self::of(name, effect, Some(Box::new(answers)))
    }

    /// One that is still looking when everybody has gone home.
    pub fn hanging(name: &'static str) -> (Box<dyn Tool>, Arc<ToolLog>) {
        Self::of(name, Effect::Read, None)
    }

    fn of(name: &'static str, effect: Effect, answers: Option<Box<Answers>>) -> (Box<dyn Tool>, Arc<ToolLog>) {
        let log = Arc::new(ToolLog::default());
        (Box::new(Self { name, effect, answers, log: log.clone() }), log)
    }
}

pub fn says(text: impl Into<String>) -> Result<ToolAnswer, ToolError> {
    Ok(ToolAnswer { content: text.into(), ..ToolAnswer::default() })
}

impl Tool for FakeTool {
    fn name(&self) -> &'static str {
        self.name
    }

    fn description(&self) -> &'static str {
        "Looks."
    }

    fn doing(&self) -> &'static str {
        "looking"
    }

    fn parameters(&self) -> Value {
        json!({"type": "object"})
    }

    fn effect(&self) -> Effect {
        self.effect
    }

    fn available(&self, _core: &Core) -> bool {
        true
    }

    fn run<'a>(&'a self, _context: ToolContext<'a>, arguments: Value) -> BoxFuture<'a, Result<ToolAnswer, ToolError>> {
        Box::pin(async move {
            self.log.begun.notify_one();
            let now = self.log.running.fetch_add(1, Ordering::SeqCst) + 1;
            self.log.most.fetch_max(now, Ordering::SeqCst);
            tokio::task::yield_now().await;
            self.log.running.fetch_sub(1, Ordering::SeqCst);
            self.log.calls.lock().unwrap().push(arguments.clone());
            match &self.answers {
                Some(answers) => answers(&arguments),
                None => std::future::pending().await,
            }
        })
    }
}
