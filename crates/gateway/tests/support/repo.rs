//! A repository that keeps count of what is done to it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use futures::future::BoxFuture;
use wakeman_gateway::ports::{
    Checks, CommentFacts, CommentRequest, HandsError, IssueFacts, IssueRequest, Merged, OpenedPull, PatchRequest,
    PullFacts, PullFile, RepoHands, RevertRequest, RunFacts, RunStatus,
};
use wakeman_types::Timestamp;

use super::fault::{Fault, Script};

#[derive(Clone)]
enum Effect {
    Revert(RevertRequest),
    Platform(RevertRequest, String),
    Merge(u64, String),
    Issue(IssueRequest),
    Comment(CommentRequest),
    Patch(PatchRequest),
    Rerun(u64),
}

#[derive(Default)]
pub struct State {
    pub pulls: BTreeMap<u64, PullFacts>,
    /// Paths that were changed since the merge.
    pub touched: Vec<String>,
    branches: BTreeMap<String, u64>,
    markers: Vec<(String, u64)>,
    pub issues: Vec<(String, u64)>,
    pub comments: Vec<(String, u64)>,
    /// Of a commit; passed, if nothing is set.
    pub checks: Option<Checks>,
    /// Workflow run 71, which failed at its first attempt.
    pub run: Option<RunFacts>,
    effects: Vec<String>,
    calls: usize,
    late: Vec<Effect>,
}

#[derive(Default)]
pub struct FakeRepo {
    state: Mutex<State>,
    script: Script,
    hook: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl FakeRepo {
    /// Holds the merged pull request 482.
    pub fn new() -> Self {
        let repo = Self::default();
        repo.state().pulls.insert(482, merged(482));
        repo.state().run = Some(RunFacts {
            id: 71,
            workflow: "CI".to_owned(),
            sha: "9c1e0d4aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(),
            attempt: 1,
            status: RunStatus::Failed,
        });
        repo
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn fail(&self, call: &'static str, faults: &[Fault]) {
        self.script.add(call, faults);
    }

    /// Returns once a call was reached at which the process dies.
    pub async fn died(&self) {
        self.script.died().await;
    }

    /// What took effect, in order.
    pub fn effects(&self) -> Vec<String> {
        self.state().effects.clone()
    }

    /// Calls with an effect that reached the remote.
    pub fn calls(&self) -> usize {
        self.state().calls
    }

    /// What was on its way arrives.
    pub fn land_late(&self) {
        let mut state = self.state();
        for effect in std::mem::take(&mut state.late) {
            let _ = state.apply(&effect);
        }
    }

    /// Runs this while the next call with an effect is under way.
    pub fn at_the_next_call(&self, hook: impl FnOnce() + Send + 'static) {
        *self.hook.lock().unwrap() = Some(Box::new(hook));
    }

    async fn act(&self, call: &'static str, effect: Effect) -> Result<u64, HandsError> {
        if let Some(hook) = self.hook.lock().unwrap().take() {
            hook();
        }
        match self.script.next(call) {
            overtaken @ (None | Some(Fault::Overtaken)) => {
                if overtaken.is_some() {
                    self.land_late();
                }
                let mut state = self.state();
                state.calls += 1;
                state.apply(&effect)
            }
            Some(fault) => {
                if fault.applies() {
                    let mut state = self.state();
                    state.calls += 1;
                    state.apply(&effect)?;
                }
                if fault == Fault::Late {
                    self.state().late.push(effect);
                }
                if fault.dies() { self.script.die().await } else { Err(fault.error()) }
            }
        }
    }
}

impl State {
    /// The number of what there is afterwards.
    fn apply(&mut self, effect: &Effect) -> Result<u64, HandsError> {
        match effect {
            Effect::Revert(request) => {
                if let Some(number) = self.branches.get(&request.branch) {
                    return Ok(*number);
                }
                let number = self.open(&request.base, (&request.title, &request.body));
                self.branches.insert(request.branch.clone(), number);
                self.effects.push(format!("open #{number}: {} on {}", request.title, request.branch));
                Ok(number)
            }
            Effect::Platform(request, marker) => {
                let number = self.open(&request.base, (&request.title, &request.body));
                self.markers.push((marker.clone(), number));
                self.effects.push(format!("open #{number}: {} by the platform", request.title));
                Ok(number)
            }
            Effect::Merge(number, head) => self.merge(*number, head),
            Effect::Issue(request) => {
                let number = 900 + self.issues.len() as u64;
                self.issues.push((request.body.clone(), number));
                self.effects.push(format!("open issue #{number}: {}", request.title));
                Ok(number)
            }
            Effect::Comment(request) => {
                let id = 500 + self.comments.len() as u64;
                self.comments.push((request.body.clone(), id));
                self.effects.push(format!("comment on #{}", request.number));
                Ok(id)
            }
            Effect::Patch(request) => {
                if let Some(number) = self.branches.get(&request.branch) {
                    return Ok(*number);
                }
                let number = self.open(&request.base, (&request.title, &request.body));
                self.branches.insert(request.branch.clone(), number);
                self.effects.push(format!("open #{number}: {} on {}", request.title, request.branch));
                Ok(number)
            }
            Effect::Rerun(id) => {
                let run = self.run.as_mut().unwrap();
                if run.status == RunStatus::Pending {
                    return Err(HandsError::Permanent { reason: "403, it is already running".to_owned() });
                }
                (run.attempt, run.status) = (run.attempt + 1, RunStatus::Pending);
                self.effects.push(format!("rerun {id} as attempt {}", run.attempt));
                Ok(*id)
            }
        }
    }

    fn merge(&mut self, number: u64, head: &str) -> Result<u64, HandsError> {
        let pull = self.pulls.get_mut(&number).unwrap();
        if pull.head_sha != head {
            return Err(HandsError::Precondition { reason: format!("#{number} has another head") });
        }
        if !pull.merged {
            (pull.merged, pull.open, pull.merge_sha) = (true, false, Some(format!("merge{number}")));
            self.effects.push(format!("merge #{number}"));
        }
        Ok(number)
    }

    fn open(&mut self, base: &str, (title, body): (&str, &str)) -> u64 {
        let number = self.pulls.keys().max().unwrap() + 1;
        let facts = PullFacts {
            title: title.to_owned(),
            body: body.to_owned(),
            open: true,
            merged: false,
            merge_sha: None,
            base: base.to_owned(),
            ..merged(number)
        };
        self.pulls.insert(number, facts);
        number
    }
}

fn merged(number: u64) -> PullFacts {
    PullFacts {
        number,
        title: "signup: new form".to_owned(),
        open: false,
        merged: true,
        merge_sha: Some("9c1e0d4aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned()),
        head_sha: format!("{number:040x}"),
        base: "main".to_owned(),
        checks: Checks::Passed,
        mergeable: Some(true),
        body: String::new(),
    }
}

fn missing(what: String) -> HandsError {
    HandsError::Permanent { reason: format!("{what} does not exist") }
}

impl RepoHands for FakeRepo {
    fn pull(&self, number: u64) -> BoxFuture<'_, Result<PullFacts, HandsError>> {
        Box::pin(async move {
            self.script.read("pull").await?;
            self.state().pulls.get(&number).cloned().ok_or_else(|| missing(format!("#{number}")))
        })
    }

    fn pull_files(&self, _: u64) -> BoxFuture<'_, Result<Vec<PullFile>, HandsError>> {
        Box::pin(async move {
            self.script.read("pull_files").await?;
            let file = |path: &str| PullFile { path: path.to_owned(), blob: Some(format!("blob-{path}")) };
            Ok(vec![file("web/signup/form.ts"), file("web/signup/form.css")])
        })
    }

    fn checks<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Checks, HandsError>> {
        Box::pin(async move {
            self.script.read("checks").await?;
            Ok(self.state().checks.unwrap_or(Checks::Passed))
        })
    }

    fn branch_head<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<String, HandsError>> {
        Box::pin(std::future::ready(Ok("head".to_owned())))
    }

    fn changed_since<'a>(
        &'a self,
        _: &'a str,
        files: &'a [PullFile],
    ) -> BoxFuture<'a, Result<Vec<String>, HandsError>> {
        Box::pin(async move {
            self.script.read("changed_since").await?;
            let touched = &self.state().touched;
            Ok(files.iter().map(|file| file.path.clone()).filter(|path| touched.contains(path)).collect())
        })
    }

    fn open_revert<'a>(&'a self, request: &'a RevertRequest) -> BoxFuture<'a, Result<OpenedPull, HandsError>> {
        Box::pin(async move {
            let number = self.act("open_revert", Effect::Revert(request.clone())).await?;
            Ok(self.opened(number))
        })
    }

    fn open_platform_revert<'a>(
        &'a self,
        request: &'a RevertRequest,
        marker: &'a str,
    ) -> BoxFuture<'a, Result<OpenedPull, HandsError>> {
        Box::pin(async move {
            let effect = Effect::Platform(request.clone(), marker.to_owned());
            let number = self.act("open_platform_revert", effect).await?;
            Ok(self.opened(number))
        })
    }

    fn pull_by_head<'a>(&'a self, branch: &'a str) -> BoxFuture<'a, Result<Option<PullFacts>, HandsError>> {
        Box::pin(async move {
            self.script.read("pull_by_head").await?;
            let state = self.state();
            Ok(state.branches.get(branch).and_then(|number| state.pulls.get(number)).cloned())
        })
    }

    fn pull_by_marker<'a>(
        &'a self,
        marker: &'a str,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<Option<PullFacts>, HandsError>> {
        Box::pin(async move {
            self.script.read("pull_by_marker").await?;
            let state = self.state();
            let found = state.markers.iter().find(|(known, _)| known == marker);
            Ok(found.and_then(|(_, number)| state.pulls.get(number)).cloned())
        })
    }

    fn merge<'a>(&'a self, number: u64, head_sha: &'a str) -> BoxFuture<'a, Result<Merged, HandsError>> {
        Box::pin(async move {
            let number = self.act("merge", Effect::Merge(number, head_sha.to_owned())).await?;
            Ok(Merged { sha: format!("merge{number}") })
        })
    }

    fn open_issue<'a>(&'a self, request: &'a IssueRequest) -> BoxFuture<'a, Result<IssueFacts, HandsError>> {
        Box::pin(async move {
            let number = self.act("open_issue", Effect::Issue(request.clone())).await?;
            Ok(IssueFacts { number, url: format!("https://github.com/acme/app/issues/{number}") })
        })
    }

    fn issue_by_marker<'a>(
        &'a self,
        marker: &'a str,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<Option<IssueFacts>, HandsError>> {
        Box::pin(async move {
            self.script.read("issue_by_marker").await?;
            let state = self.state();
            let found = state.issues.iter().find(|(body, _)| body.contains(marker));
            Ok(found.map(|(_, number)| IssueFacts { number: *number, url: String::new() }))
        })
    }

    fn run(&self, id: u64) -> BoxFuture<'_, Result<RunFacts, HandsError>> {
        Box::pin(async move {
            self.script.read("run").await?;
            let run = self.state().run.clone().filter(|run| run.id == id);
            run.ok_or_else(|| missing(format!("run {id}")))
        })
    }

    fn rerun_failed_jobs(&self, id: u64) -> BoxFuture<'_, Result<(), HandsError>> {
        Box::pin(async move { self.act("rerun", Effect::Rerun(id)).await.map(drop) })
    }

    fn comment<'a>(&'a self, request: &'a CommentRequest) -> BoxFuture<'a, Result<CommentFacts, HandsError>> {
        Box::pin(async move {
            let id = self.act("comment", Effect::Comment(request.clone())).await?;
            Ok(CommentFacts { id, url: String::new() })
        })
    }

    fn comment_by_marker<'a>(
        &'a self,
        _: u64,
        marker: &'a str,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<Option<CommentFacts>, HandsError>> {
        Box::pin(async move {
            self.script.read("comment_by_marker").await?;
            let state = self.state();
            let found = state.comments.iter().find(|(body, _)| body.contains(marker));
            Ok(found.map(|(_, id)| CommentFacts { id: *id, url: String::new() }))
        })
    }

    fn files_at<'a>(&'a self, _: &'a str, paths: &'a [String]) -> BoxFuture<'a, Result<Vec<PullFile>, HandsError>> {
        let file = |path: &String| PullFile { path: path.clone(), blob: Some(format!("blob-{path}")) };
        Box::pin(std::future::ready(Ok(paths.iter().map(file).collect())))
    }

    fn open_patch<'a>(&'a self, request: &'a PatchRequest) -> BoxFuture<'a, Result<OpenedPull, HandsError>> {
        Box::pin(async move {
            let number = self.act("open_patch", Effect::Patch(request.clone())).await?;
            Ok(self.opened(number))
        })
    }
}

impl FakeRepo {
    fn opened(&self, number: u64) -> OpenedPull {
        let head_sha = self.state().pulls[&number].head_sha.clone();
        OpenedPull { number, head_sha, url: format!("https://github.com/acme/app/pull/{number}") }
    }
}
