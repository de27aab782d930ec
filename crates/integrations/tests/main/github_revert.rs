//! Reverts against the simulated GitHub: end to end, cut off anywhere, in every state an earlier attempt can leave.

use serde_json::{Value, json};
use wakeman_gateway::ports::{HandsError, PullFile, RepoHands, RevertRequest};
use wakeman_integrations::Github;
use wakeman_lab::client::FaultMode;
use wakeman_types::{HOUR_MS, Timestamp};

use crate::support::*;

const BRANCH: &str = "wakeman/P-31";

async fn bad_merge() -> (World, Github, RevertRequest, Vec<PullFile>) {
    let world = World::shipped("bad-merge").await;
    let now = world.at_minute(120).await;
    let github = world.github();
    let pull = github.pull(482).await.expect("the bad merge");
    let files = github.pull_files(482).await.expect("its files");
    let request = request(&pull.merge_sha.expect("it is merged"), &files, now);
    (world, github, request, files)
}

fn request(merge_sha: &str, files: &[PullFile], at: Timestamp) -> RevertRequest {
    RevertRequest {
        branch: BRANCH.into(),
        base: "main".into(),
        merge_sha: merge_sha.into(),
        number: 482,
        paths: files.iter().map(|file| file.path.clone()).collect(),
        title: "Revert #482".into(),
        body: "Sign-ups are down.\n\nwakeman:P-31".into(),
        at,
    }
}

/// A call of somebody else's to the lab's GitHub.
async fn outsider(world: &World, method: reqwest::Method, path: &str, body: Value) -> Value {
    let url = format!("{}/github/repos/acme/app{path}", world.address);
    let answer = reqwest::Client::new().request(method, url).bearer_auth("ada").json(&body).send().await;
    answer.expect("an answer").json().await.expect("JSON")
}

fn count(applied: &[String], what: &str) -> usize {
    applied.iter().filter(|effect| effect.as_str() == what).count()
}

#[tokio::test]
async fn a_merge_is_reverted_file_by_file_and_merged() {
    let (world, github, request, files) = bad_merge().await;
    assert_eq!(files.len(), 3);
    assert_eq!(github.changed_since("main", &files).await.expect("a comparison"), Vec::<String>::new());

    let opened = github.open_revert(&request).await.expect("a revert");
    let facts = github.pull(opened.number).await.expect("the revert");
    assert!(facts.open && facts.head_sha == opened.head_sha && facts.base == "main");
    assert_eq!(github.pull_by_head(BRANCH).await.expect("a look").map(|pull| pull.number), Some(opened.number));
    let since = request.at.plus_ms(-HOUR_MS);
    let found = github.pull_by_marker("wakeman:P-31", since).await.expect("a look");
    assert_eq!(found.map(|pull| pull.number), Some(opened.number));
    let reverted = github.pull_files(opened.number).await.expect("its files");
    let mut paths: Vec<&str> = reverted.iter().map(|file| file.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["web/signup/form.css", "web/signup/form.ts", "web/signup/validate.ts"]);

    let again = github.open_revert(&request).await.expect("the same revert");
    assert_eq!(again, opened, "asked twice, made once");
    assert_eq!(count(&world.applied().await, "POST /pulls"), 1);
    assert_eq!(count(&world.applied().await, "POST /git/refs"), 1);

    let merged = github.merge(opened.number, &opened.head_sha).await.expect("merged");
    assert_eq!(github.merge(opened.number, &opened.head_sha).await.expect("merged before"), merged);
    assert_eq!(count(&world.applied().await, &format!("PUT /pulls/{}/merge", opened.number)), 1);
    let mut changed = github.changed_since("main", &files).await.expect("a comparison");
    changed.sort_unstable();
    assert_eq!(changed, paths, "the files are no longer as the bad merge left them");
    assert_eq!(github.branch_head("main").await.expect("a head"), merged.sha);
    assert_eq!(github.open_revert(&request).await.expect("done long ago").number, opened.number);
}

#[tokio::test]
async fn an_attempt_that_was_cut_off_anywhere_is_continued() {
    for step in ["POST .*/git/trees$", "POST .*/git/commits$", "POST .*/git/refs$", "POST .*/pulls$"] {
        for mode in [FaultMode::NotApplied, FaultMode::Applied, FaultMode::ReplyLost] {
            let (world, github, request, _) = bad_merge().await;
            world.fault("github", step, mode).await;
            let first = github.open_revert(&request).await;
            assert!(matches!(first, Err(HandsError::InDoubt { .. })), "{step} {mode:?}: {first:?}");
            let opened = github.open_revert(&request).await.unwrap_or_else(|error| panic!("{step} {mode:?}: {error}"));
            let applied = world.applied().await;
            assert_eq!(count(&applied, "POST /pulls"), 1, "{step} {mode:?}: {applied:?}");
            assert_eq!(count(&applied, "POST /git/refs"), 1, "{step} {mode:?}: {applied:?}");
            assert_eq!(github.open_revert(&request).await.expect("the same"), opened);
        }
    }
}

#[tokio::test]
async fn a_base_that_moved_on_between_two_attempts_changes_nothing() {
    let (world, github, request, _) = bad_merge().await;
    world.fault("github", "POST .*/pulls$", FaultMode::NotApplied).await;
    assert!(github.open_revert(&request).await.is_err());
    let branch = github.branch_head(BRANCH).await.expect("the branch is there");
    world.at_minute(200).await;
    let opened = github.open_revert(&request).await.expect("a revert");
    assert_eq!(opened.head_sha, branch, "the commit of the first attempt");
}

#[tokio::test]
async fn a_pull_request_that_a_person_closed_is_not_opened_again() {
    let (world, github, request, _) = bad_merge().await;
    let opened = github.open_revert(&request).await.expect("a revert");
    let path = format!("/pulls/{}", opened.number);
    outsider(&world, reqwest::Method::PATCH, &path, json!({"state": "closed"})).await;
    let Err(HandsError::Permanent { reason }) = github.open_revert(&request).await else { panic!("it is closed") };
    assert!(reason.contains("closed by a person"), "{reason}");
    let Err(HandsError::Permanent { reason }) = github.merge(opened.number, &opened.head_sha).await else {
        panic!("it is closed")
    };
    assert!(reason.contains("somebody closed it"), "{reason}");
    assert_eq!(count(&world.applied().await, "POST /pulls"), 1);
}

#[tokio::test]
async fn a_pull_request_of_the_same_branch_with_other_words_is_not_taken_for_ours() {
    let (_world, github, request, _) = bad_merge().await;
    github.open_revert(&request).await.expect("somebody's revert");
    let later = RevertRequest { title: "Revert #480".into(), body: "Other words".into(), ..request };
    let Err(HandsError::Permanent { reason }) = github.open_revert(&later).await else { panic!("not ours") };
    assert!(reason.contains("for something else; set another github.branchPrefix"), "{reason}");
}

#[tokio::test]
async fn a_branch_with_other_work_is_left_alone() {
    let (world, github, request, _) = bad_merge().await;
    let head = github.branch_head("main").await.expect("a head");
    let made = json!({"ref": format!("refs/heads/{BRANCH}"), "sha": head});
    outsider(&world, reqwest::Method::POST, "/git/refs", made).await;
    let Err(HandsError::Permanent { reason }) = github.open_revert(&request).await else { panic!("not ours") };
    assert!(reason.contains("exists with other work"), "{reason}");
    assert_eq!(count(&world.applied().await, "POST /pulls"), 0);
}

#[tokio::test]
async fn a_revert_that_somebody_pushed_to_is_not_ours_any_more() {
    let (world, github, request, _) = bad_merge().await;
    let opened = github.open_revert(&request).await.expect("a revert");
    let commit =
        outsider(&world, reqwest::Method::GET, &format!("/git/commits/{}", opened.head_sha), Value::Null).await;
    let more = json!({"message": "one more thing", "tree": commit["tree"]["sha"], "parents": [opened.head_sha]});
    let more = outsider(&world, reqwest::Method::POST, "/git/commits", more).await;
    let moved = json!({"sha": more["sha"]});
    outsider(&world, reqwest::Method::PATCH, &format!("/git/refs/heads/{BRANCH}"), moved).await;
    assert!(matches!(github.open_revert(&request).await, Err(HandsError::Permanent { .. })));
    let Err(HandsError::Precondition { reason }) = github.merge(opened.number, &opened.head_sha).await else {
        panic!("the head moved")
    };
    assert!(reason.contains("somebody pushed to it"), "{reason}");
}

#[tokio::test]
async fn files_that_are_gone_or_new_are_put_back_as_they_were() {
    let (world, github, request, _) = bad_merge().await;
    // A merge that adds one file and removes another, made by hand on top of main.
    let head = github.branch_head("main").await.expect("a head");
    let commit = outsider(&world, reqwest::Method::GET, &format!("/git/commits/{head}"), Value::Null).await;
    let tree = json!({"base_tree": commit["tree"]["sha"], "tree": [
        {"path": "web/added.ts", "mode": "100755", "type": "blob", "content": "new\n"},
        {"path": "web/signup/form.ts", "mode": "100644", "type": "blob", "sha": null},
    ]});
    let tree = outsider(&world, reqwest::Method::POST, "/git/trees", tree).await;
    let made = json!({"message": "swap", "tree": tree["sha"], "parents": [head]});
    let made = outsider(&world, reqwest::Method::POST, "/git/commits", made).await;
    let sha = made["sha"].as_str().expect("a commit").to_owned();
    outsider(&world, reqwest::Method::PATCH, "/git/refs/heads/main", json!({"sha": sha})).await;

    let paths = vec!["web/added.ts".to_owned(), "web/signup/form.ts".to_owned(), "never/was.ts".to_owned()];
    let swapped = RevertRequest { merge_sha: sha, number: 999, paths, ..request };
    let opened = github.open_revert(&swapped).await.expect("a revert");
    let mut files = github.pull_files(opened.number).await.expect("its files");
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(files.len(), 2);
    assert_eq!((files[0].path.as_str(), files[0].blob.is_none()), ("web/added.ts", true));
    assert_eq!((files[1].path.as_str(), files[1].blob.is_some()), ("web/signup/form.ts", true));
    github.merge(opened.number, &opened.head_sha).await.expect("merged");
    let nothing = RevertRequest { branch: "wakeman/P-32".into(), ..swapped };
    let Err(HandsError::Permanent { reason }) = github.open_revert(&nothing).await else { panic!("nothing is left") };
    assert!(reason.contains("nothing to revert"), "{reason}");
}

#[tokio::test]
async fn the_platforms_own_revert_is_found_by_its_marker() {
    let (world, github, request, _) = bad_merge().await;
    let since = request.at.plus_ms(-HOUR_MS);
    assert_eq!(github.pull_by_marker("wakeman:P-77", since).await.expect("a look"), None);
    world.fault("github", "POST /graphql", FaultMode::ReplyLost).await;
    let lost = github.open_platform_revert(&request, "wakeman:P-77").await;
    assert!(matches!(lost, Err(HandsError::InDoubt { .. })), "{lost:?}");
    let found = github.pull_by_marker("wakeman:P-77", since).await.expect("a look").expect("it was made all the same");
    assert!(found.open && !found.merged);
    assert!(github.merge(found.number, &found.head_sha).await.is_ok());
}

#[tokio::test]
async fn a_merge_in_doubt_is_settled_by_asking_again() {
    for mode in [FaultMode::NotApplied, FaultMode::Applied, FaultMode::ReplyLost] {
        let (world, github, request, _) = bad_merge().await;
        let opened = github.open_revert(&request).await.expect("a revert");
        world.fault("github", "PUT .*/merge$", mode).await;
        let lost = github.merge(opened.number, &opened.head_sha).await;
        assert!(matches!(lost, Err(HandsError::InDoubt { .. })), "{mode:?}: {lost:?}");
        let merged = github.merge(opened.number, &opened.head_sha).await.expect("merged now or before");
        assert_eq!(github.branch_head("main").await.expect("a head"), merged.sha, "{mode:?}");
        assert_eq!(count(&world.applied().await, &format!("PUT /pulls/{}/merge", opened.number)), 1, "{mode:?}");
    }
}

#[tokio::test]
async fn the_layout_of_github_enterprise_is_understood() {
    let (world, _, request, _) = bad_merge().await;
    let github = github(&format!("{}/github/api/v3", world.address), world.clock.clone());
    assert_eq!(github.pull(482).await.expect("over REST").number, 482);
    let opened = github.open_platform_revert(&request, "wakeman:P-31").await.expect("over GraphQL");
    assert!(github.pull(opened.number).await.expect("the revert").open);
}
