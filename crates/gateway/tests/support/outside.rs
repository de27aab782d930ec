//! Production, annotations, errors and a webhook that keep count of what is done to them.

use std::sync::{Mutex, MutexGuard};

use futures::future::BoxFuture;
use wakeman_gateway::ports::{
    AnnotationFacts, AnnotationRequest, DeployFacts, DeployHands, ErrorFacts, HandsError, ProductHands, WebhookHands,
    WebhookRequest,
};
use wakeman_types::Timestamp;

use super::fault::{Fault, Script};

#[derive(Clone)]
enum Effect {
    Production(String, &'static str),
    Annotate(String),
    Status(String),
    Post(String),
}

pub struct Outside {
    /// What production shows.
    pub production: String,
    /// The status of error `e1`.
    pub status: String,
    /// Where the webhook `ops` is.
    pub target: Option<String>,
    pub annotations: Vec<String>,
    effects: Vec<String>,
    late: Vec<Effect>,
}

/// `dpl_2` is live and `dpl_1` was; error `e1` is active; the webhook `ops` is at `https://ops.example.com`.
pub struct FakeOutside {
    state: Mutex<Outside>,
    script: Script,
}

impl FakeOutside {
    pub fn new() -> Self {
        let state = Outside {
            production: "dpl_2".to_owned(),
            status: "active".to_owned(),
            target: Some("https://ops.example.com".to_owned()),
            annotations: Vec::new(),
            effects: Vec::new(),
            late: Vec::new(),
        };
        Self { state: Mutex::new(state), script: Script::default() }
    }

    pub fn state(&self) -> MutexGuard<'_, Outside> {
        self.state.lock().unwrap()
    }

    pub fn fail(&self, call: &'static str, faults: &[Fault]) {
        self.script.add(call, faults);
    }

    pub async fn died(&self) {
        self.script.died().await;
    }

    pub fn effects(&self) -> Vec<String> {
        self.state().effects.clone()
    }

    pub fn land_late(&self) {
        let mut state = self.state();
        for effect in std::mem::take(&mut state.late) {
            state.apply(&effect);
        }
    }

    async fn act(&self, call: &'static str, effect: Effect) -> Result<(), HandsError> {
        let Some(fault) = self.script.next(call) else {
            self.state().apply(&effect);
            return Ok(());
        };
        if fault == Fault::Overtaken {
            self.land_late();
            self.state().apply(&effect);
            return Ok(());
        }
        if fault.applies() {
            self.state().apply(&effect);
        }
        if fault == Fault::Late {
            self.state().late.push(effect);
        }
        if fault.dies() { self.script.die().await } else { Err(fault.error()) }
    }
}

impl Outside {
    /// A repeat of an absolute change is no further effect.
    fn apply(&mut self, effect: &Effect) {
        match effect {
            Effect::Production(id, _) if self.production == *id => {}
            Effect::Production(id, verb) => {
                self.production.clone_from(id);
                self.effects.push(format!("{verb} {id}"));
            }
            Effect::Annotate(content) => {
                self.annotations.push(content.clone());
                self.effects.push("annotate".to_owned());
            }
            Effect::Status(status) if self.status == *status => {}
            Effect::Status(status) => {
                self.status.clone_from(status);
                self.effects.push(format!("status {status}"));
            }
            Effect::Post(key) => self.effects.push(format!("post {key}")),
        }
    }
}

fn deployment(id: &str, live: &str) -> DeployFacts {
    let digits = id.trim_start_matches("dpl_");
    let number = digits.parse::<i64>().unwrap_or(0);
    DeployFacts {
        id: id.to_owned(),
        sha: Some(digits.repeat(40)),
        ready: true,
        candidate: id != live,
        created_at: Timestamp(number * 1000),
    }
}

impl DeployHands for FakeOutside {
    fn production(&self) -> BoxFuture<'_, Result<Option<DeployFacts>, HandsError>> {
        Box::pin(async move {
            self.script.read("production").await?;
            let live = self.state().production.clone();
            Ok(Some(deployment(&live, &live)))
        })
    }

    fn deployment<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<DeployFacts, HandsError>> {
        let live = self.state().production.clone();
        Box::pin(std::future::ready(Ok(deployment(id, &live))))
    }

    fn candidates(&self) -> BoxFuture<'_, Result<Vec<DeployFacts>, HandsError>> {
        let live = self.state().production.clone();
        let all = ["dpl_3", "dpl_2", "dpl_1"].into_iter().filter(|id| *id != live).map(|id| deployment(id, &live));
        Box::pin(std::future::ready(Ok(all.collect())))
    }

    fn rollback<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), HandsError>> {
        Box::pin(self.act("rollback", Effect::Production(id.to_owned(), "rollback")))
    }

    fn promote<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), HandsError>> {
        Box::pin(self.act("promote", Effect::Production(id.to_owned(), "promote")))
    }
}

impl ProductHands for FakeOutside {
    fn project(&self) -> &str {
        "1"
    }

    fn annotate<'a>(&'a self, request: &'a AnnotationRequest) -> BoxFuture<'a, Result<AnnotationFacts, HandsError>> {
        Box::pin(async move {
            self.act("annotate", Effect::Annotate(request.content.clone())).await?;
            Ok(AnnotationFacts { id: 1 })
        })
    }

    fn annotation_by_marker<'a>(
        &'a self,
        marker: &'a str,
    ) -> BoxFuture<'a, Result<Option<AnnotationFacts>, HandsError>> {
        Box::pin(async move {
            self.script.read("annotation_by_marker").await?;
            let found = self.state().annotations.iter().any(|content| content.contains(marker));
            Ok(found.then_some(AnnotationFacts { id: 1 }))
        })
    }

    fn error<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<ErrorFacts, HandsError>> {
        Box::pin(async move {
            self.script.read("error").await?;
            if id != "e1" {
                return Err(HandsError::Permanent { reason: format!("there is no error {id}") });
            }
            Ok(ErrorFacts { id: id.to_owned(), name: "TypeError".to_owned(), status: self.state().status.clone() })
        })
    }

    fn set_error_status<'a>(&'a self, id: &'a str, status: &'a str) -> BoxFuture<'a, Result<ErrorFacts, HandsError>> {
        Box::pin(async move {
            self.act("set_error_status", Effect::Status(status.to_owned())).await?;
            Ok(ErrorFacts { id: id.to_owned(), name: "TypeError".to_owned(), status: status.to_owned() })
        })
    }
}

impl WebhookHands for FakeOutside {
    fn target(&self, name: &str) -> Option<String> {
        self.state().target.clone().filter(|_| name == "ops")
    }

    fn post<'a>(&'a self, request: &'a WebhookRequest) -> BoxFuture<'a, Result<u16, HandsError>> {
        Box::pin(async move {
            self.act("post", Effect::Post(request.key.clone())).await?;
            Ok(200)
        })
    }
}
