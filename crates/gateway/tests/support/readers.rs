//! Sources that a conversation asks: they answer a fixed world, or fail when a test says so.

use std::sync::{Arc, Mutex};

use futures::future::{BoxFuture, ready};
use serde_json::{Value, json};
use wakeman_gateway::{
    Readers,
    ports::{
        Annotation, BucketAnswer, BucketRequest, CodeReader, CommitCard, CommitRequest, DeployCard, DeployReader,
        DeployRequest, DeploymentFact, DiffFile, DiffOf, ErrorIssue, FileAnswer, FlagCard, FunnelRequest, FunnelStep,
        JobCard, LogTail, Openness, ProductReader, QueryAnswer, QueryRequest, RunFact, RunRequest, RunStatus,
        SourceError, TopicCard, TrendAnswer, TrendLine, TrendRequest,
    },
};
use wakeman_types::{Bucket, HOUR_MS, Timestamp};

use super::{MERGE_SHA, NOW, minutes};

#[derive(Default)]
pub struct FakeReaders {
    /// Every call fails with this.
    pub down: Mutex<Option<SourceError>>,
    /// Rows of every query, however many were wanted.
    pub rows: Mutex<Option<Vec<Vec<Value>>>>,
    /// What the file, the log, the patch and every title say.
    pub text: Mutex<Option<String>>,
    /// What was asked, in words.
    pub asked: Mutex<Vec<String>>,
}

type Answer<'a, T> = BoxFuture<'a, Result<T, SourceError>>;

impl FakeReaders {
    pub fn all(self: &Arc<Self>) -> Readers {
        Readers { product: Some(self.clone()), code: Some(self.clone()), deploys: Some(self.clone()), calendars: None }
    }

    pub fn fail(&self, error: SourceError) {
        *self.down.lock().unwrap() = Some(error);
    }

    pub fn say(&self, text: &str) {
        *self.text.lock().unwrap() = Some(text.to_owned());
    }

    fn words(&self, otherwise: &str) -> String {
        self.text.lock().unwrap().clone().unwrap_or_else(|| otherwise.to_owned())
    }

    fn answer<T: Send + 'static>(&self, asked: String, value: T) -> Answer<'static, T> {
        self.asked.lock().unwrap().push(asked);
        let down = self.down.lock().unwrap().clone();
        Box::pin(ready(down.map_or(Ok(value), Err)))
    }
}

impl ProductReader for FakeReaders {
    fn query<'a>(&'a self, request: QueryRequest<'a>) -> Answer<'a, QueryAnswer> {
        let rows = self.rows.lock().unwrap().clone();
        let rows = rows.unwrap_or_else(|| vec![vec![json!("signed_up"), json!(41)], vec![json!(null), json!(2.5)]]);
        let columns = vec!["event".to_owned(), "count()".to_owned()];
        let asked = format!("{} LIMIT {}", request.sql, request.rows_max);
        let hidden = request.hidden.join(",");
        let answer = QueryAnswer { columns, rows, more: false, asked: asked.clone(), as_of: Some(NOW) };
        self.answer(format!("query {asked} hidden {hidden}"), answer)
    }

    fn trends<'a>(&'a self, request: TrendRequest<'a>) -> Answer<'a, TrendAnswer> {
        let point = |hour: i64, value: f64| (format!("2026-04-20 {hour:02}:00:00"), value);
        let points = vec![point(1, 96.0), point(2, 41.0)];
        let line = |event: &String| TrendLine { label: event.clone(), total: 137.0, points: points.clone() };
        let lines = request.events.iter().map(line).collect();
        let asked = format!("trends {:?} {:?}", request.events, request.interval);
        self.answer(asked, TrendAnswer { lines, zone: "UTC".to_owned(), as_of: Some(NOW) })
    }

    fn funnel<'a>(&'a self, request: FunnelRequest<'a>) -> Answer<'a, Vec<FunnelStep>> {
        let step = |(at, event): (usize, &String)| FunnelStep {
            event: event.clone(),
            users: 100 >> at,
            median_ms: (at > 0).then_some(90_000),
        };
        let steps = request.steps.iter().enumerate().map(step).collect();
        self.answer("funnel".to_owned(), steps)
    }

    fn error_issues<'a>(&'a self, since: Timestamp, search: Option<&'a str>) -> Answer<'a, Vec<ErrorIssue>> {
        let issue = ErrorIssue {
            id: "0190".to_owned(),
            name: "TypeError".to_owned(),
            description: self.words("email is undefined"),
            status: "active".to_owned(),
            source: Some("web/signup/form.ts".to_owned()),
            function: Some("submit".to_owned()),
            first_seen: NOW.plus_ms(-minutes(25)),
            last_seen: NOW,
            occurrences: 31,
            volume: Vec::new(),
        };
        self.answer(format!("errors {} {search:?}", since.since(NOW)), vec![issue])
    }

    fn flag_list<'a>(&'a self, _: Option<&'a str>) -> Answer<'a, Vec<FlagCard>> {
        let flag = FlagCard {
            key: "checkout-fast".to_owned(),
            name: "Fast checkout".to_owned(),
            active: true,
            rollout: Some(0.05),
            version: 12,
            updated_at: Some(NOW),
            updated_by: Some("alan".to_owned()),
        };
        self.answer("flags".to_owned(), vec![flag])
    }

    fn annotations(&self, _: Timestamp) -> Answer<'_, Vec<Annotation>> {
        let note = Annotation { at: NOW, text: "launch".to_owned(), by: None };
        self.answer("annotations".to_owned(), vec![note])
    }

    fn series<'a>(&'a self, request: BucketRequest<'a>) -> Answer<'a, BucketAnswer> {
        let bucket = |at: i64, value: f64| (0, Bucket { start: request.from.plus_ms(at), value, weight: 0.0 });
        let buckets = vec![bucket(0, 96.0), bucket(request.step_ms, 41.0)];
        let answer = BucketAnswer { server_now: NOW, buckets, refused: Vec::new() };
        self.answer(format!("series {}", request.step_ms / 60_000), answer)
    }
}

impl FakeReaders {
    fn topic(&self, number: u64) -> TopicCard {
        TopicCard {
            number,
            title: self.words("signup: new form"),
            state: "merged",
            author: Some("lin".to_owned()),
            created_at: NOW.plus_ms(-HOUR_MS),
            updated_at: NOW,
            merged_at: Some(NOW.plus_ms(-minutes(30))),
            branches: Some(("form".to_owned(), "main".to_owned())),
            labels: vec!["web".to_owned()],
            body: Some("Replaces the form.".to_owned()),
            comments: vec![(NOW, None, "looks good".to_owned())],
            url: Some(format!("https://github.com/acme/app/pull/{number}")),
        }
    }
}

impl CodeReader for FakeReaders {
    fn commits(&self, request: CommitRequest) -> Answer<'_, Vec<CommitCard>> {
        let title = self.words("signup: new form");
        let card = CommitCard { sha: MERGE_SHA.to_owned(), at: NOW, author: None, title, url: None };
        self.answer(format!("commits {:?} {}", request.path, request.limit), vec![card])
    }

    fn pull_list(&self, state: Openness, _: usize) -> Answer<'_, Vec<TopicCard>> {
        self.answer(format!("pulls {state:?}"), vec![self.topic(482)])
    }

    fn pull_request(&self, number: u64) -> Answer<'_, TopicCard> {
        self.answer(format!("pull {number}"), self.topic(number))
    }

    fn issue_list(&self, state: Openness, _: usize) -> Answer<'_, Vec<TopicCard>> {
        self.answer(format!("issues {state:?}"), Vec::new())
    }

    fn issue(&self, number: u64) -> Answer<'_, TopicCard> {
        self.answer(format!("issue {number}"), self.topic(number))
    }

    fn diff(&self, of: DiffOf) -> Answer<'_, Vec<DiffFile>> {
        let patch = Some(self.words("@@ -1 +1 @@\n-old\n+new"));
        let path = "a.ts".to_owned();
        let file = DiffFile { path, status: "modified".to_owned(), added: 1, removed: 1, patch };
        self.answer(format!("diff {of:?}"), vec![file])
    }

    fn file<'a>(&'a self, path: &'a str, at: Option<&'a str>) -> Answer<'a, FileAnswer> {
        self.answer(format!("file {path} {at:?}"), FileAnswer::Text(self.words("export {};\n")))
    }

    fn run_list(&self, request: RunRequest) -> Answer<'_, Vec<RunFact>> {
        let run = RunFact {
            id: 1,
            workflow: "ci".to_owned(),
            sha: MERGE_SHA.to_owned(),
            status: RunStatus::Failed,
            attempt: 1,
            created_at: NOW,
            updated_at: NOW,
            url: None,
        };
        self.answer(format!("runs {:?}", request.state), vec![run])
    }

    fn jobs(&self, run: u64) -> Answer<'_, Vec<JobCard>> {
        let job = JobCard {
            id: 7,
            name: "test".to_owned(),
            state: "failure".to_owned(),
            failed_steps: vec!["npm test".to_owned()],
            started_at: Some(NOW),
            ended_at: None,
        };
        self.answer(format!("jobs {run}"), vec![job])
    }

    fn job_log(&self, job: u64, _: usize) -> Answer<'_, LogTail> {
        let text = self.words("Error: 1 test failed\n");
        self.answer(format!("log {job}"), LogTail { bytes: 90_000, text })
    }

    fn deployment_list(&self, limit: usize) -> Answer<'_, Vec<DeploymentFact>> {
        let one = DeploymentFact {
            id: 3,
            sha: MERGE_SHA.to_owned(),
            environment: "production".to_owned(),
            status: "success".to_owned(),
            created_at: NOW,
            status_at: NOW,
        };
        self.answer(format!("deployments {limit}"), vec![one])
    }
}

impl DeployReader for FakeReaders {
    fn deployments<'a>(&'a self, request: DeployRequest<'a>) -> Answer<'a, Vec<DeployCard>> {
        let card = DeployCard {
            id: "dpl_1".to_owned(),
            state: "READY".to_owned(),
            target: "production".to_owned(),
            rollback_candidate: false,
            created_at: NOW,
            ready_at: None,
            sha: Some(MERGE_SHA.to_owned()),
            title: Some(self.words("signup: new form")),
            author: Some("lin".to_owned()),
            url: None,
        };
        self.answer(format!("vercel {:?} {}", request.state, request.production), vec![card])
    }
}
