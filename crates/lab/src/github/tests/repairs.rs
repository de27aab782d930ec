//! Repairs: reverts of both kinds, and what stands in their way.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Site, each, seeded_site, site};

const BROKEN: &str = r#"
[[metric]]
name = "sign-ups"
kind = "count"
level = 50
[[change]]
id = "form"
at = 1
kind = "merge"
title = "signup: new form"
author = "lin"
files = ["web/signup/form.ts", "web/signup/rules.ts"]
pr = 482
[[change]]
id = "other"
at = 2
kind = "merge"
title = "search: faster"
author = "bo"
files = ["web/search.ts"]
[[incident]]
id = "drop"
at = 1.1
metric = "sign-ups"
effect = "drop"
magnitude = 0.6
cause = "form"
fix = "github.revert_pr"
"#;

/// Restores the files of a merged pull request on `branch`, by the git database. Returns the commit's id.
async fn restore(site: &Site, number: u64, branch: &str) -> String {
    let main = site.repo("/git/ref/heads/main").await["object"]["sha"].as_str().unwrap().to_owned();
    let merge = site.repo(&format!("/pulls/{number}")).await["merge_commit_sha"].as_str().unwrap().to_owned();
    let parent = site.repo(&format!("/git/commits/{merge}")).await["parents"][0]["sha"].as_str().unwrap().to_owned();
    let mut entries = Vec::new();
    for path in each(&site.repo(&format!("/pulls/{number}/files")).await, "filename") {
        let path = path.as_str().unwrap();
        let old = site.repo(&format!("/contents/{path}?ref={parent}")).await;
        let body = json!({"content": old["content"], "encoding": old["encoding"]});
        let (status, blob) = site.write(Method::POST, "/git/blobs", body).await;
        assert_eq!((status, &blob["sha"]), (201, &old["sha"]), "the same bytes have the same id");
        entries.push(json!({"path": path, "mode": "100644", "type": "blob", "sha": blob["sha"]}));
    }
    let (_, tree) = site.write(Method::POST, "/git/trees", json!({"base_tree": main, "tree": entries})).await;
    let commit = json!({"message": "restore", "tree": tree["sha"], "parents": [main]});
    let (_, commit) = site.write(Method::POST, "/git/commits", commit).await;
    let reference = json!({"ref": format!("refs/heads/{branch}"), "sha": commit["sha"]});
    let (status, made) = site.write(Method::POST, "/git/refs", reference.clone()).await;
    assert_eq!(status, 201, "{made}");
    let (status, again) = site.write(Method::POST, "/git/refs", reference).await;
    assert_eq!((status, &again["message"]), (422, &json!("Reference already exists")));
    commit["sha"].as_str().unwrap().to_owned()
}

async fn open(site: &Site, branch: &str) -> (u16, Value) {
    let body = json!({"title": "Revert", "head": branch, "base": "main", "body": "marker P-31"});
    site.write(Method::POST, "/pulls", body).await
}

#[tokio::test]
async fn a_file_level_revert_ends_the_incident_when_it_is_merged() {
    let site = site(BROKEN).await;
    site.at_hour(3);
    assert!(site.active("drop"));
    let head = restore(&site, 482, "wakeman/P-31").await;
    let (status, pull) = open(&site, "wakeman/P-31").await;
    assert_eq!((status, &pull["head"]["sha"], &pull["mergeable"]), (201, &json!(head), &json!(true)));
    assert_eq!(pull["mergeable_state"], "unstable", "checks are still running");
    let (status, twice) = open(&site, "wakeman/P-31").await;
    assert_eq!(
        (status, &twice["errors"][0]["message"]),
        (422, &json!("A pull request already exists for acme:wakeman/P-31."))
    );
    let checks = format!("/commits/{head}/check-runs");
    assert!(each(&site.repo(&checks).await["check_runs"], "status").contains(&json!("in_progress")));
    site.at_minute(3 * 60 + 3);
    assert_eq!(each(&site.repo(&checks).await["check_runs"], "conclusion"), [json!("success"), json!("success")]);

    let merge = format!("/pulls/{}/merge", pull["number"]);
    let (status, stale) = site.write(Method::PUT, &merge, json!({"sha": "0".repeat(40)})).await;
    assert_eq!((status, stale["message"].as_str().unwrap().contains("modified")), (409, true));
    assert!(site.active("drop"));
    let (status, done) = site.write(Method::PUT, &merge, json!({"sha": head})).await;
    assert_eq!((status, &done["merged"]), (200, &json!(true)));
    assert!(!site.active("drop"));
    let (status, _) = site.write(Method::PUT, &merge, json!({"sha": head})).await;
    assert_eq!(status, 405, "it is merged already");

    let deployments = site.repo("/deployments").await.as_array().unwrap().len();
    site.at_minute(3 * 60 + 6);
    let after = site.repo("/deployments").await;
    assert_eq!((after.as_array().unwrap().len(), &after[0]["sha"]), (deployments + 1, &done["sha"]));
}

#[tokio::test]
async fn github_s_own_revert_works_beside_later_changes() {
    let site = site(BROKEN).await;
    site.at_hour(3);
    let query = "query($n: Int!) { repository(owner: \"acme\", name: \"app\") {
        pullRequest(number: $n) { id number merged mergeCommit { oid } headRefOid } } }";
    let found = site.graphql(query, json!({"n": 482})).await;
    let pull = &found["data"]["repository"]["pullRequest"];
    assert_eq!((&pull["number"], &pull["merged"]), (&json!(482), &json!(true)));
    let rest = site.repo("/pulls/482").await;
    assert_eq!((&pull["id"], &pull["mergeCommit"]["oid"]), (&rest["node_id"], &rest["merge_commit_sha"]));

    let mutation = "mutation($input: RevertPullRequestInput!) { revertPullRequest(input: $input) {
        clientMutationId revertPullRequest { number headRefName body } } }";
    let input = json!({"input": {"pullRequestId": pull["id"], "body": "marker", "clientMutationId": "c1"}});
    let made = site.graphql(mutation, input.clone()).await;
    let revert = &made["data"]["revertPullRequest"]["revertPullRequest"];
    assert_eq!((&revert["headRefName"], &revert["body"]), (&json!("revert-482-lin/signup-new-form"), &json!("marker")));
    assert!(site.active("drop"), "it opens a pull request, no more");
    let (status, _) = site.write(Method::PUT, &format!("/pulls/{}/merge", revert["number"]), json!({})).await;
    assert_eq!(status, 200);
    assert!(!site.active("drop"));

    let again = site.graphql(mutation, input).await;
    assert_eq!(again["errors"][0]["type"], "UNPROCESSABLE");
    let (_, tree) = site
        .write(Method::POST, "/git/trees", json!({"tree": [{"path": "a", "mode": "100644", "content": "a"}]}))
        .await;
    let main = site.repo("/git/ref/heads/main").await["object"]["sha"].clone();
    let commit = json!({"message": "m", "tree": tree["sha"], "parents": [main]});
    let (_, commit) = site.write(Method::POST, "/git/commits", commit).await;
    site.write(Method::POST, "/git/refs", json!({"ref": "refs/heads/side", "sha": commit["sha"]})).await;
    let (_, unmerged) = open(&site, "side").await;
    let input = json!({"input": {"pullRequestId": unmerged["node_id"]}});
    assert_eq!(site.graphql(mutation, input).await["errors"][0]["type"], "UNPROCESSABLE", "it is not merged");
}

#[tokio::test]
async fn graphql_mistakes_have_no_effect() {
    let site = site(BROKEN).await;
    site.at_hour(3);
    let id = site.repo("/pulls/482").await["node_id"].clone();
    let table = [
        (
            "mutation($i: X!) { revertPullRequest(input: $i) { nonsense } }",
            "Field 'nonsense' doesn't exist on type 'RevertPullRequestPayload'",
        ),
        ("mutation($i: X!) { revertPullRequest(input: $i) { pullRequest } }", "Field must have selections"),
        ("mutation { closeEverything { id } }", "Field 'closeEverything' doesn't exist on type 'Mutation'"),
        ("mutation { revertPullRequest { clientMutationId } }", "missing required arguments"),
        ("{ viewer { login } ", "Unexpected end of document"),
    ];
    for (query, message) in table {
        let answer = site.graphql(query, json!({"i": {"pullRequestId": id}})).await;
        assert!(answer["errors"][0]["message"].as_str().unwrap().contains(message), "{query}: {answer}");
        assert!(answer.get("data").is_none());
    }
    assert_eq!(site.repo("/pulls").await, json!([]));
    let missing = site.graphql("{ node(id: \"PR_x\") { id } viewer { login } }", json!({})).await;
    assert_eq!((&missing["errors"][0]["type"], &missing["data"]["node"]), (&json!("NOT_FOUND"), &Value::Null));
    let typed = site
        .graphql(
            "query($id: ID!) { node(id: $id) { __typename ... on PullRequest { n: number } ... on Issue { title } } }",
            json!({"id": id}),
        )
        .await;
    assert_eq!(typed["data"]["node"], json!({"__typename": "PullRequest", "n": 482}));
}

#[tokio::test]
async fn conflicts_cannot_be_merged() {
    let site = site(BROKEN).await;
    site.at_minute(90);
    let first = site.repo("/git/ref/heads/main").await["object"]["sha"].clone();
    site.at_hour(3);
    for (branch, parent) in [("one", &first), ("two", &first)] {
        let text = format!("{branch}\n");
        let entries = json!([{"path": "web/search.ts", "mode": "100644", "type": "blob", "content": text}]);
        let (_, tree) = site.write(Method::POST, "/git/trees", json!({"base_tree": parent, "tree": entries})).await;
        let (_, commit) = site
            .write(Method::POST, "/git/commits", json!({"message": branch, "tree": tree["sha"], "parents": [parent]}))
            .await;
        site.write(Method::POST, "/git/refs", json!({"ref": format!("refs/heads/{branch}"), "sha": commit["sha"]}))
            .await;
    }
    let (_, pull) = open(&site, "one").await;
    assert_eq!((&pull["mergeable"], &pull["mergeable_state"]), (&json!(false), &json!("dirty")));
    let (status, refused) = site.write(Method::PUT, &format!("/pulls/{}/merge", pull["number"]), json!({})).await;
    assert_eq!((status, &refused["message"]), (405, &json!("Pull Request is not mergeable")));
    let (status, none) = open(&site, "main").await;
    assert_eq!((status, &none["errors"][0]["message"]), (422, &json!("No commits between main and main")));
    let (status, missing) = open(&site, "nowhere").await;
    assert_eq!((status, &missing["errors"][0]["field"]), (422, &json!("head")));
}

#[tokio::test]
async fn refs_move_forward_only_unless_forced_and_deleting_closes() {
    let site = site(BROKEN).await;
    site.at_hour(3);
    let head = restore(&site, 482, "wakeman/P-1").await;
    let (_, pull) = open(&site, "wakeman/P-1").await;
    let main = site.repo("/git/ref/heads/main").await["object"]["sha"].clone();
    let path = "/git/refs/heads/wakeman/P-1";
    let (status, _) = site.write(Method::PATCH, path, json!({"sha": main})).await;
    assert_eq!(status, 422);
    let tree = site.repo(&format!("/git/commits/{head}")).await["tree"]["sha"].clone();
    let (_, next) =
        site.write(Method::POST, "/git/commits", json!({"message": "more", "tree": tree, "parents": [head]})).await;
    let (status, moved) = site.write(Method::PATCH, path, json!({"sha": next["sha"]})).await;
    assert_eq!((status, &moved["object"]["sha"]), (200, &next["sha"]));
    let number = pull["number"].clone();
    assert_eq!(site.repo(&format!("/pulls/{number}")).await["head"]["sha"], next["sha"]);
    let (status, _) = site.write(Method::DELETE, path, json!({})).await;
    assert_eq!(status, 204);
    let closed = site.repo(&format!("/pulls/{number}")).await;
    assert_eq!((&closed["state"], &closed["merged"]), (&json!("closed"), &json!(false)));
}

#[tokio::test]
async fn issues_are_opened_commented_labelled_and_closed() {
    let site = site(BROKEN).await;
    let body = json!({"title": "Sign-ups down", "body": "marker P-9", "labels": ["incident"]});
    let (status, issue) = site.write(Method::POST, "/issues", body).await;
    assert_eq!((status, &issue["user"]["login"]), (201, &json!("acme-ops")));
    let path = format!("/issues/{}", issue["number"]);
    let (status, _) = site.write(Method::POST, &format!("{path}/comments"), json!({"body": "seen"})).await;
    assert_eq!(status, 201);
    assert_eq!(each(&site.repo(&format!("{path}/comments")).await, "body"), [json!("seen")]);
    let (_, labels) = site.write(Method::POST, &format!("{path}/labels"), json!({"labels": ["p1"]})).await;
    assert_eq!(each(&labels, "name"), [json!("incident"), json!("p1")]);
    let found = site.get("/github/search/issues?q=%22marker%20P-9%22+in:body+is:issue").await;
    assert_eq!(found["total_count"], 1);
    site.write(Method::PATCH, &path, json!({"state": "closed"})).await;
    assert_eq!(site.repo(&path).await["state"], "closed");
    let (status, refused) = site.write(Method::POST, "/issues", json!({"body": "no title"})).await;
    assert_eq!((status, &refused["errors"][0]["code"]), (422, &json!("missing_field")));
}

#[tokio::test]
async fn with_later_changes_to_the_same_file_a_revert_repairs_or_is_refused() {
    let later = "
[[change]]
id = \"later\"
at = 2.5
kind = \"merge\"
title = \"signup: wider\"
author = \"bo\"
files = [\"web/signup/form.ts\"]";
    let (mut repaired, mut refused) = (0, 0);
    for seed in 0..24 {
        let site = seeded_site(seed, &format!("{BROKEN}{later}")).await;
        site.at_hour(3);
        let id = site.repo("/pulls/482").await["node_id"].clone();
        let mutation =
            "mutation($id: ID!) { revertPullRequest(input: {pullRequestId: $id}) { revertPullRequest { number } } }";
        let made = site.graphql(mutation, json!({"id": id})).await;
        let number = &made["data"]["revertPullRequest"]["revertPullRequest"]["number"];
        if number.is_null() {
            refused += 1;
            assert_eq!(made["errors"][0]["type"], "UNPROCESSABLE");
            assert_eq!(site.repo("/pulls").await, json!([]));
            continue;
        }
        let (status, _) = site.write(Method::PUT, &format!("/pulls/{number}/merge"), json!({})).await;
        assert_eq!((status, site.active("drop")), (200, false), "seed {seed}");
        repaired += 1;
    }
    assert!(repaired > refused && refused > 0, "{repaired} repaired, {refused} refused");
}
