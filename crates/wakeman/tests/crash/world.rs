//! What each action does in the lab: the payload as a draft would have written it from the world, and the call it makes.

use serde_json::{Value, json};
use wakeman_types::{Action, DAY_MS};

use super::lab::Lab;

/// A call that is counted, and made to fail.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub service: &'static str,
    pub method: &'static str,
    pub path: &'static str,
}

/// A row of the matrix: an action, and which of its calls comes to the outcome.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The action's kind, with the call where it makes several.
    pub name: &'static str,
    pub fails: Call,
    /// Every effect it has when it succeeds; each is there at most once.
    pub effects: &'static [Call],
    /// It sets a state, absolutely: the same again, and nothing in between, leaves one effect.
    pub absolute: bool,
    /// Labels are passed a second time too.
    pub twice: bool,
    /// Each step has a yes of its own.
    pub stepwise: bool,
    /// A card of it is drawn by the program too.
    pub drawn: bool,
}

const fn call(service: &'static str, method: &'static str, path: &'static str) -> Call {
    Call { service, method, path }
}

const ISSUE: Call = call("github", "POST", "/issues");
const COMMENT: Call = call("github", "POST", "/comments");
const PULL: Call = call("github", "POST", "/pulls");
const REF: Call = call("github", "POST", "/git/refs");
const MERGE: Call = call("github", "PUT", "/merge");
const RERUN: Call = call("github", "POST", "/rerun-failed-jobs");
const FLAG: Call = call("posthog", "PATCH", "/feature_flags/");
const ANNOTATION: Call = call("posthog", "POST", "/annotations/");
const ERROR: Call = call("posthog", "PATCH", "/error_tracking/");
const ROLLBACK: Call = call("vercel", "POST", "/rollback/");
const PROMOTE: Call = call("vercel", "POST", "/promote/");
/// GitHub's own revert is the only mutation.
const MUTATION: Call = call("github", "POST", "/graphql");
/// The receiver is this test's own.
const HOOK: Call = call("webhook", "POST", "/hook");

const fn row(name: &'static str, fails: Call, effects: &'static [Call]) -> Row {
    Row { name, fails, effects, absolute: false, twice: false, stepwise: false, drawn: true }
}

const fn absolute(name: &'static str, fails: Call, effects: &'static [Call]) -> Row {
    Row { absolute: true, ..row(name, fails, effects) }
}

/// Every remote action of the catalogue.
pub const ROWS: [Row; 18] = [
    Row { twice: true, ..row("github.open_issue", ISSUE, &[ISSUE]) },
    Row { twice: true, ..row("posthog.set_flag", FLAG, &[FLAG]) },
    row("github.comment", COMMENT, &[COMMENT]),
    row("github.revert_pr", PULL, &[PULL]),
    row("github.revert_pr, its branch", REF, &[PULL, REF]),
    Row { drawn: false, ..row("github.revert_pr, by GitHub", MUTATION, &[MUTATION]) },
    row("github.open_pr", PULL, &[PULL]),
    row("github.open_pr, its branch", REF, &[PULL, REF]),
    row("github.merge_pr", MERGE, &[MERGE]),
    row("github.rerun_failed_jobs", RERUN, &[RERUN]),
    row("posthog.annotate", ANNOTATION, &[ANNOTATION]),
    absolute("posthog.update_error_issue", ERROR, &[ERROR]),
    absolute("vercel.rollback", ROLLBACK, &[ROLLBACK]),
    absolute("vercel.promote", PROMOTE, &[PROMOTE]),
    row("webhook.post", HOOK, &[HOOK]),
    Row { stepwise: true, ..row("plan, step by step", FLAG, &[FLAG, ANNOTATION]) },
    row("plan", FLAG, &[FLAG, ANNOTATION]),
    row("plan, its second step", ANNOTATION, &[FLAG, ANNOTATION]),
];

/// A small world: what starts in a moment. A flag, a merge that is live, an error and a red run since.
pub const SCENARIO: &str = r#"
[scenario]
name = "crash"
seed = 1
start = "2026-01-15T09:00:00Z"
hours = 6
step_minutes = 60
warmup_hours = 2

[[metric]]
name = "Sign-ups"
kind = "count"
event = "signed_up"
level = 26
noise = "poisson"

[[change]]
id = "checkout-fast"
at = -1
kind = "flag"
title = "checkout-fast to half of the users"
author = "alan"
flag = "checkout-fast"
rollout = 0.5

[[change]]
id = "signup-form"
at = -1.8
kind = "merge"
title = "signup: new form"
author = "lin"
files = ["web/signup/form.ts", "web/signup/form.css"]
pr = 482

[[change]]
id = "signup-form-live"
at = -1.6
kind = "deploy"
title = "deploy: signup form"
author = "lin"

[[change]]
id = "again-live"
at = -1.2
kind = "deploy"
title = "deploy: again"
author = "lin"

[[incident]]
id = "errors"
at = -1.5
duration_hours = 20
metric = "Sign-ups"
effect = "new_error"
magnitude = 60
cause = "signup-form"
"#;

/// The same with a default branch that is red.
pub const RED: &str = r#"
[[incident]]
id = "red"
at = -1.5
duration_hours = 20
metric = "Sign-ups"
effect = "ci_red"
magnitude = 1
cause = "signup-form"
"#;

/// What the world is asked for a payload.
struct World<'a> {
    lab: &'a Lab,
    state: Value,
}

const MARKER: &str = "wakeman-proposal: default/P-1/1";

/// The action of this row as it stands in the lab now.
pub fn action(lab: &Lab, row: &Row, hook: &str) -> Action {
    let world = World { lab, state: lab.get("/_lab/state") };
    match row.name.split(',').next().unwrap() {
        "github.open_issue" => world.github(
            "github.open_issue",
            json!({"title": "Sign-ups fell", "body": format!("…\n<!-- {MARKER} -->"), "marker": MARKER}),
            Value::Null,
        ),
        "github.comment" => world.github(
            "github.comment",
            json!({"number": 482, "body": format!("It broke sign-ups.\n<!-- {MARKER} -->"), "marker": MARKER}),
            Value::Null,
        ),
        "github.revert_pr" => world.revert(if row.name.ends_with("by GitHub") { "platform" } else { "files" }),
        "github.open_pr" => world.open_pr(),
        "github.merge_pr" => world.merge(),
        "github.rerun_failed_jobs" => world.rerun(),
        "posthog.set_flag" => world.flag(),
        "posthog.annotate" => world.annotate(1),
        "posthog.update_error_issue" => world.error(),
        "vercel.rollback" => world.production("vercel.rollback"),
        "vercel.promote" => world.production("vercel.promote"),
        "webhook.post" => {
            let arguments = json!({"name": "ops", "payload": {"text": "sign-ups are back"}});
            plain("webhook.post", json!({}), arguments, json!({"target": hook}))
        }
        _ => {
            let steps = json!({"steps": [world.flag(), world.annotate(2)]});
            plain("plan", json!({"flag": "checkout-fast"}), steps, Value::Null)
        }
    }
}

/// The same as something is drawn that expired: a revert never without its merge.
pub fn to_draw(lab: &Lab, row: &Row, hook: &str) -> Action {
    let revert = action(lab, row, hook);
    if revert.kind != "github.revert_pr" {
        return revert;
    }
    let from_revert = |field: &str| json!({"data_from_step": 1, "field": field});
    let arguments = json!({"number": from_revert("number"), "head_sha": from_revert("head_sha")});
    let merge = plain("github.merge_pr", revert.target.clone(), arguments, Value::Null);
    plain("plan", revert.target.clone(), json!({"steps": [revert, merge]}), Value::Null)
}

fn plain(kind: &str, target: Value, arguments: Value, revision: Value) -> Action {
    Action { kind: kind.to_owned(), target, arguments, revision }
}

impl World<'_> {
    fn repository(&self) -> &str {
        self.state["services"]["github"]["repository"].as_str().unwrap()
    }

    fn repo(&self, path: &str) -> Value {
        self.lab.get(&format!("/github/repos/{}/{path}", self.repository()))
    }

    fn posthog(&self, scope: &str, path: &str) -> Value {
        let project = self.state["services"]["posthog"]["project_id"].as_str().unwrap();
        self.lab.get(&format!("/posthog/api/{scope}/{project}/{path}"))
    }

    fn github(&self, kind: &str, arguments: Value, revision: Value) -> Action {
        plain(kind, json!({"repository": self.repository()}), arguments, revision)
    }

    fn revert(&self, method: &str) -> Action {
        let pull = self.repo("pulls/482");
        let files = self.repo("pulls/482/files");
        let files: Vec<Value> = files.as_array().unwrap().iter().map(|f| json!([f["filename"], f["sha"]])).collect();
        let paths: Vec<&Value> = files.iter().map(|file| &file[0]).collect();
        let arguments = json!({
            "number": 482, "base": "main", "branch": "wakeman/P-1", "method": method, "paths": paths,
            "title": "Revert #482", "body": format!("So.\n<!-- {MARKER} -->"), "marker": MARKER,
        });
        self.github("github.revert_pr", arguments, json!({"merge_sha": pull["merge_commit_sha"], "files": files}))
    }

    fn open_pr(&self) -> Action {
        let path = "docs/setup.md";
        let blob = self.repo(&format!("contents/{path}?ref=main"))["sha"].clone();
        let arguments = json!({
            "base": "main", "branch": "wakeman/P-1", "title": "Say how to set it up", "marker": MARKER,
            "body": format!("So.\n<!-- {MARKER} -->"), "files": [{"path": path, "text": "Ask somebody.\n"}],
        });
        self.github("github.open_pr", arguments, json!({"files": [[path, blob]]}))
    }

    /// Somebody's open pull request, with its checks done.
    fn merge(&self) -> Action {
        let post = |path: &str, body: &Value| {
            self.lab.ask("POST", &format!("/github/repos/{}/{path}", self.repository()), body)
        };
        let head = self.repo("git/ref/heads/main")["object"]["sha"].clone();
        let base = self.repo(&format!("git/commits/{}", head.as_str().unwrap()))["tree"]["sha"].clone();
        let blob = post("git/blobs", &json!({"content": "Ask lin.\n", "encoding": "utf-8"}))["sha"].clone();
        let file = json!({"path": "docs/who.md", "mode": "100644", "type": "blob", "sha": blob});
        let tree = post("git/trees", &json!({"base_tree": base, "tree": [file]}))["sha"].clone();
        let commit = post("git/commits", &json!({"message": "Say whom to ask", "tree": tree, "parents": [head]}));
        post("git/refs", &json!({"ref": "refs/heads/lin/who", "sha": commit["sha"]}));
        let pull = post("pulls", &json!({"title": "Say whom to ask", "head": "lin/who", "base": "main", "body": ""}));
        self.lab.advance_to("2026-01-15T09:40:00Z");
        let arguments = json!({"number": pull["number"], "head_sha": pull["head"]["sha"]});
        self.github("github.merge_pr", arguments, Value::Null)
    }

    fn rerun(&self) -> Action {
        let runs = self.repo("actions/runs?per_page=50");
        let run = runs["workflow_runs"].as_array().unwrap().iter().find(|run| run["conclusion"] == "failure").unwrap();
        let revision = json!({"workflow": run["name"], "sha": run["head_sha"], "attempt": run["run_attempt"]});
        self.github("github.rerun_failed_jobs", json!({"run": run["id"]}), revision)
    }

    fn flag(&self) -> Action {
        let flags = self.posthog("projects", "feature_flags/");
        let flag = &flags["results"][0];
        let rollout = flag["filters"]["groups"][0]["rollout_percentage"].as_f64().map(|percent| percent / 100.0);
        let revision =
            json!({"id": flag["id"], "version": flag["version"], "active": flag["active"], "rollout": rollout});
        let arguments = json!({"key": flag["key"], "active": false, "rollout": null});
        plain("posthog.set_flag", json!({"flag": flag["key"]}), arguments, revision)
    }

    fn annotate(&self, step: u32) -> Action {
        let marker = format!("wakeman-proposal: default/P-1/{step}");
        let arguments = json!({"content": format!("flag off ({marker})"), "at": 20_468 * DAY_MS, "marker": marker});
        plain("posthog.annotate", json!({}), arguments, Value::Null)
    }

    fn error(&self) -> Action {
        let errors = self.posthog("environments", "error_tracking/issues/");
        let error = &errors["results"][0];
        let arguments = json!({"issue": error["id"], "status": "resolved"});
        let revision = json!({"name": error["name"], "status": error["status"]});
        plain("posthog.update_error_issue", json!({}), arguments, revision)
    }

    fn production(&self, kind: &str) -> Action {
        let project = self.state["services"]["vercel"]["project_id"].as_str().unwrap();
        let query = format!("/vercel/v7/deployments?projectId={project}&target=production&state=READY");
        let all = self.lab.get(&query)["deployments"].as_array().unwrap().clone();
        let live = self.lab.get(&format!("/vercel/v9/projects/{project}"))["targets"]["production"]["id"].clone();
        let sha =
            |id: &Value| all.iter().find(|one| one["uid"] == *id).map(|one| one["meta"]["githubCommitSha"].clone());
        let target = all.iter().find(|one| one["uid"] != live && one["isRollbackCandidate"] == true).unwrap();
        let revision = json!({
            "production": live, "production_sha": sha(&live), "target_sha": target["meta"]["githubCommitSha"],
        });
        plain(kind, json!({"project": project}), json!({"deployment": target["uid"]}), revision)
    }
}
