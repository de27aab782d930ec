//! A client made by others must understand the answers.

use octocrab::Octocrab;
use octocrab::models::commits::{Commit, CommitComparison, GitCommitObject};
use octocrab::models::issues::{Comment, Issue};
use octocrab::models::pulls::PullRequest;
use octocrab::models::repos::{
    Branch, Content, Deployment, DeploymentStatus, DiffEntry, Object, Ref, Release, RepoCommit,
};
use octocrab::models::workflows::{Job, Run};
use octocrab::models::{self, Author, CheckRuns, CombinedStatus, GitBlob, GitTree, RateLimit, Repository};
use octocrab::params;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{Site, site};

const WORLD: &str = r#"
[[change]]
id = "form"
at = 1
kind = "merge"
title = "signup: new form"
author = "lin"
files = ["web/signup/form.ts"]
pr = 482
[[change]]
id = "ship"
at = 1.1
kind = "deploy"
title = "deploy"
author = "lin"
[[change]]
id = "cut"
at = 1.2
kind = "release"
title = "v2.4.0"
author = "ada"
[[untrusted]]
at = 1
channel = "github_issue"
text = "broken"
[[untrusted]]
at = 1
channel = "pr_body"
text = "body"
"#;

async fn crab() -> (Site, Octocrab) {
    let site = site(WORLD).await;
    site.at_hour(2);
    let uri = format!("{}/github", site.address);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let crab =
        Octocrab::builder().base_uri(uri).unwrap().personal_token("t".to_owned()).build_with_reqwest(http).unwrap();
    (site, crab)
}

async fn fits<T: DeserializeOwned>(crab: &Octocrab, path: &str) -> T {
    let answer: Result<serde_json::Value, _> = crab.get(format!("/repos/acme/app{path}"), None::<&()>).await;
    let value = answer.unwrap_or_else(|error| panic!("{path}: {error:?}"));
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{path}: {error}: {value}"))
}

#[tokio::test]
async fn typed_models_take_every_answer() {
    let (_site, crab) = crab().await;
    fits::<Repository>(&crab, "").await;
    let pull: PullRequest = fits(&crab, "/pulls/482").await;
    assert_eq!((pull.merged, pull.state), (Some(true), Some(models::IssueState::Closed)));
    fits::<Vec<PullRequest>>(&crab, "/pulls?state=all").await;
    fits::<Vec<DiffEntry>>(&crab, "/pulls/482/files").await;
    fits::<Vec<Commit>>(&crab, "/pulls/482/commits").await;
    let commit: Commit = fits(&crab, "/commits/main").await;
    assert!(commit.files.is_some_and(|files| !files.is_empty()));
    fits::<Vec<RepoCommit>>(&crab, "/commits").await;
    fits::<Vec<PullRequest>>(&crab, &format!("/commits/{}/pulls", commit.sha)).await;
    let checks: CheckRuns = fits(&crab, "/commits/main/check-runs").await;
    assert_eq!(checks.total_count, 2);
    fits::<models::checks::ListCheckRuns>(&crab, "/commits/main/check-runs").await;
    fits::<CombinedStatus>(&crab, "/commits/main/status").await;
    let compared: CommitComparison = fits(&crab, &format!("/compare/{}...main", commit.parents[0].sha)).await;
    assert_eq!((compared.ahead_by, compared.behind_by), (2, 0));
    fits::<Content>(&crab, "/contents/web/signup/form.ts").await;
    fits::<Vec<Content>>(&crab, "/contents/web").await;
    let reference: Ref = fits(&crab, "/git/ref/heads/main").await;
    let Object::Commit { sha, .. } = reference.object else { panic!("a commit") };
    let object: GitCommitObject = fits(&crab, &format!("/git/commits/{sha}")).await;
    let tree: GitTree = fits(&crab, &format!("/git/trees/{}?recursive=1", object.tree.sha)).await;
    let file = tree.tree.iter().find(|entry| entry.path == "web/signup/form.ts").unwrap();
    fits::<GitBlob>(&crab, &format!("/git/blobs/{}", file.sha)).await;
    fits::<Branch>(&crab, "/branches/main").await;
    fits::<Vec<Branch>>(&crab, "/branches").await;
}

#[tokio::test]
async fn typed_models_take_runs_deployments_releases_and_issues() {
    let (_site, crab) = crab().await;
    #[derive(serde::Deserialize)]
    struct Runs {
        workflow_runs: Vec<Run>,
    }
    #[derive(serde::Deserialize)]
    struct Jobs {
        jobs: Vec<Job>,
    }
    let runs: Runs = fits(&crab, "/actions/runs?branch=main").await;
    let jobs: Jobs = fits(&crab, &format!("/actions/runs/{}/jobs", runs.workflow_runs[0].id)).await;
    assert_eq!(jobs.jobs.len(), 2);
    let deployments: Vec<Deployment> = fits(&crab, "/deployments").await;
    fits::<Vec<DeploymentStatus>>(&crab, &format!("/deployments/{}/statuses", deployments[0].id)).await;
    let releases: Vec<Release> = fits(&crab, "/releases").await;
    assert_eq!(releases[0].tag_name, "v2.4.0");
    let issues: Vec<Issue> = fits(&crab, "/issues?state=all").await;
    let issue = issues.iter().find(|issue| issue.pull_request.is_none()).unwrap();
    assert_eq!(issue.body.as_deref(), Some("broken"));
    crab.issues("acme", "app").create_comment(issue.number, "seen").await.unwrap();
    fits::<Vec<Comment>>(&crab, &format!("/issues/{}/comments", issue.number)).await;
    let limit: RateLimit = crab.get("/rate_limit", None::<&()>).await.unwrap();
    assert_eq!(limit.rate.limit, 5_000);
    let me: Author = crab.get("/user", None::<&()>).await.unwrap();
    assert_eq!(me.login, "acme-ops");
}

#[tokio::test]
async fn the_client_s_own_calls_work() {
    let (_site, crab) = crab().await;
    let page = crab.pulls("acme", "app").list().state(params::State::All).per_page(2).send().await.unwrap();
    assert_eq!(page.items.len(), 2);
    let next = crab.get_page::<PullRequest>(&page.next).await.unwrap().unwrap();
    assert_ne!(next.items[0].number, page.items[0].number);
    let runs = crab.workflows("acme", "app").list_all_runs().branch("main").send().await.unwrap();
    assert!(runs.total_count.is_some());
    let created = crab.issues("acme", "app").create("title").body("body").send().await.unwrap();
    assert_eq!(crab.issues("acme", "app").get(created.number).await.unwrap().title, "title");
    let missing = crab.pulls("acme", "app").get(99_999).await.unwrap_err();
    let octocrab::Error::GitHub { source, .. } = missing else { panic!("GitHub's own error") };
    assert_eq!((source.status_code.as_u16(), source.message.as_str()), (404, "Not Found"));
    let viewer: serde_json::Value = crab.graphql(&json!({"query": "{ viewer { login } }"})).await.unwrap();
    assert_eq!(viewer["viewer"]["login"], "acme-ops");
    let wrong = crab.graphql::<serde_json::Value>(&json!({"query": "{ nothing }"})).await;
    assert!(matches!(wrong, Err(octocrab::Error::Graphql { .. })));
    let found = crab.search().issues_and_pull_requests("repo:acme/app is:pr is:open").send().await.unwrap();
    assert_eq!(found.items.len(), 1);
}
