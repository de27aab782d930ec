//! Which deployment production shows, and pointing it at another.

use serde::Deserialize;
use wakeman_gateway::ports::{DeployFacts, DeployRequest, HandsError};
use wakeman_types::Timestamp;

use super::{client::Wire, deployments};
use crate::http::Failure;

#[derive(Debug, Deserialize)]
struct Project {
    #[serde(default)]
    targets: Targets,
}

#[derive(Debug, Default, Deserialize)]
struct Targets {
    #[serde(default)]
    production: Option<Live>,
}

#[derive(Debug, Deserialize)]
struct Live {
    id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deployment {
    id: String,
    #[serde(default)]
    ready_state: Option<String>,
    created_at: i64,
    #[serde(default)]
    is_rollback_candidate: Option<bool>,
    #[serde(default)]
    git_source: Option<GitSource>,
    #[serde(default)]
    meta: Option<Meta>,
}

#[derive(Debug, Deserialize)]
struct GitSource {
    #[serde(default)]
    sha: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(default)]
    github_commit_sha: Option<String>,
}

/// What production shows now.
pub(super) async fn production(wire: &Wire) -> Result<Option<DeployFacts>, HandsError> {
    let project: Result<Project, Failure> = wire.get("project", &format!("/v9/projects/{}", wire.project), &[]).await;
    let project = project.map_err(|failure| failure.reading("reading production from Vercel", wire.now()))?;
    match project.targets.production {
        Some(live) => deployment(wire, &live.id).await.map(Some),
        None => Ok(None),
    }
}

/// One deployment.
pub(super) async fn deployment(wire: &Wire, id: &str) -> Result<DeployFacts, HandsError> {
    let what = format!("reading deployment {id} from Vercel");
    let read: Result<Deployment, Failure> = wire.get("deployment", &format!("/v13/deployments/{id}"), &[]).await;
    let one = read.map_err(|failure| failure.reading(&what, wire.now()))?;
    let by_source = one.git_source.and_then(|source| source.sha);
    Ok(DeployFacts {
        id: one.id,
        sha: by_source.or_else(|| one.meta.and_then(|meta| meta.github_commit_sha)),
        ready: one.ready_state.as_deref() == Some("READY"),
        candidate: one.is_rollback_candidate.unwrap_or(false),
        created_at: Timestamp::from_ms(one.created_at),
    })
}

/// Deployments that production can be rolled back to, newest first.
pub(super) async fn candidates(wire: &Wire) -> Result<Vec<DeployFacts>, HandsError> {
    let request = DeployRequest { production: true, state: Some("READY"), limit: 100 };
    let listed = deployments::list(wire, request).await;
    let listed = listed.map_err(|failure| failure.reading("reading deployments from Vercel", wire.now()))?;
    let mut found: Vec<DeployFacts> = listed
        .into_iter()
        .filter(|card| card.rollback_candidate)
        .map(|card| DeployFacts {
            id: card.id,
            sha: card.sha,
            ready: card.state == "READY",
            candidate: true,
            created_at: card.created_at,
        })
        .collect();
    found.sort_by_key(|facts| std::cmp::Reverse(facts.created_at));
    Ok(found)
}

/// Points production at a deployment.
pub(super) async fn point(wire: &Wire, version: &str, verb: &str, id: &str) -> Result<(), HandsError> {
    let path = format!("{version}/projects/{}/{verb}/{id}", wire.project);
    let sent = wire.post(&path).await;
    sent.map_err(|failure| failure.writing(&format!("asking Vercel for a {verb} to {id}"), wire.now()))
}
