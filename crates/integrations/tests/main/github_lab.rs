//! GitHub against the simulated one: polling.

use wakeman_gateway::ports::{CodeRequest, CodeSource, RunStatus};
use wakeman_integrations::check_github;
use wakeman_types::{ChangeKind, ChangeRef, DAY_MS, HOUR_MS, MINUTE_MS};

use crate::support::*;

/// Calls that the lab's GitHub has counted against the hour; unchanged answers are free.
async fn counted(world: &World) -> u64 {
    let answer = reqwest::Client::new()
        .get(format!("{}/github/rate_limit", world.address))
        .bearer_auth("x")
        .send()
        .await
        .expect("an answer");
    let body: serde_json::Value = answer.json().await.expect("JSON");
    body["resources"]["core"]["used"].as_u64().expect("a number")
}

#[tokio::test]
async fn the_history_of_the_scenario_becomes_changes() {
    let world = World::shipped("bad-merge").await;
    let now = world.at_minute(120).await;
    let github = world.github();
    let since = now.plus_ms(-3 * DAY_MS);
    let answer = github.poll(CodeRequest { since, round: 0 }).await.expect("a poll");
    let by_id = |id: &str| answer.changes.iter().find(|change| change.id.as_str() == id).cloned();

    let signup = by_id("pr:482").expect("the bad merge");
    assert_eq!((signup.title.as_str(), signup.author.as_deref()), ("signup: new form", Some("lin")));
    assert!(signup.files.contains(&"web/signup/form.ts".to_owned()), "{:?}", signup.files);
    assert_eq!(signup.at.since(world.start), 90 * MINUTE_MS);
    let live = signup.live_at.expect("it went live").since(signup.at);
    assert!((0..=15 * MINUTE_MS).contains(&live), "{live}");

    let config: Vec<_> = answer.changes.iter().filter(|change| change.kind == ChangeKind::Config).collect();
    assert!(config.iter().any(|change| change.title == "config: quieter request logs"), "{config:?}");
    assert!(config.iter().all(|change| !change.title.starts_with("Merge ")), "{config:?}");
    assert!(
        answer
            .changes
            .iter()
            .any(|change| matches!(&change.reference, ChangeRef::Release { tag } if tag.contains("1.18")))
    );
    let deploys = answer.changes.iter().filter(|change| change.kind == ChangeKind::Deploy);
    assert!(deploys.clone().count() >= 2 && deploys.clone().all(|change| change.live_at.is_some()));
    assert!(!answer.runs.is_empty() && !answer.deployments.is_empty());
    assert!(answer.runs.iter().any(|run| run.status == RunStatus::Passed));
}

#[tokio::test]
async fn warm_rounds_are_free_and_new_things_are_seen() {
    let world = World::shipped("bad-merge").await;
    let now = world.at_minute(80).await;
    let github = world.github();
    github.poll(CodeRequest { since: now.plus_ms(-2 * DAY_MS), round: 0 }).await.expect("a first poll");
    let before = counted(&world).await;
    for round in 1..=6 {
        github.poll(CodeRequest { since: now.plus_ms(-HOUR_MS), round }).await.expect("a poll");
    }
    assert_eq!(counted(&world).await, before, "unchanged answers cost nothing");

    let now = world.at_minute(100).await;
    let answer = github.poll(CodeRequest { since: now.plus_ms(-HOUR_MS), round: 7 }).await.expect("a poll");
    let merge = answer.changes.iter().find(|change| change.id.as_str() == "pr:482").expect("the new merge");
    assert!(!merge.files.is_empty());
}

#[tokio::test]
async fn the_lab_passes_the_check() {
    let world = World::shipped("bad-merge").await;
    let outcome = check_github(&world.github()).await;
    assert_eq!(outcome.project.as_deref(), Some("acme/app"));
    assert!(outcome.user.is_some());
    assert_eq!(outcome.missing, Vec::<String>::new());
    // The lab's clock stands in the past; everything else must pass.
    let failed: Vec<_> =
        outcome.checks.iter().filter(|check| check.remedy.is_some()).map(|check| check.name.as_str()).collect();
    assert!(failed.iter().all(|name| *name == "GitHub clock"), "{failed:?}");
}
