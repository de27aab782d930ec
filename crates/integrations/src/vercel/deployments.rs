//! Deployments of the project.

use serde::Deserialize;
use wakeman_gateway::ports::{DeployCard, DeployRequest};
use wakeman_types::Timestamp;

use super::client::Wire;
use crate::http::Failure;

#[derive(Debug, Deserialize)]
struct Page {
    deployments: Vec<Deployment>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deployment {
    uid: String,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    ready_state: Option<String>,
    #[serde(default)]
    target: Option<String>,
    #[serde(default)]
    is_rollback_candidate: Option<bool>,
    /// Unix milliseconds, as `ready`.
    created: i64,
    #[serde(default)]
    ready: Option<i64>,
    #[serde(default)]
    meta: Option<Meta>,
    #[serde(default)]
    inspector_url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(default)]
    github_commit_sha: Option<String>,
    #[serde(default)]
    github_commit_message: Option<String>,
    #[serde(default)]
    github_commit_author_login: Option<String>,
}

/// The newest deployments.
pub(super) async fn list(wire: &Wire, request: DeployRequest<'_>) -> Result<Vec<DeployCard>, Failure> {
    let limit = request.limit.clamp(1, 100).to_string();
    let mut query = vec![("projectId", wire.project.as_str()), ("limit", limit.as_str())];
    query.extend(request.production.then_some(("target", "production")));
    query.extend(request.state.map(|state| ("state", state)));
    let page: Page = wire.get("deployment list", "/v7/deployments", &query).await?;
    Ok(page.deployments.into_iter().map(card).collect())
}

fn card(from: Deployment) -> DeployCard {
    let meta = from.meta.unwrap_or_default();
    let title = meta.github_commit_message.and_then(|words| words.lines().next().map(str::to_owned));
    DeployCard {
        id: from.uid,
        state: from.state.or(from.ready_state).unwrap_or_else(|| "unknown".to_owned()),
        target: from.target.unwrap_or_else(|| "preview".to_owned()),
        rollback_candidate: from.is_rollback_candidate.unwrap_or(false),
        created_at: Timestamp::from_ms(from.created),
        ready_at: from.ready.map(Timestamp::from_ms),
        sha: meta.github_commit_sha,
        title,
        author: meta.github_commit_author_login,
        url: from.inspector_url,
    }
}
