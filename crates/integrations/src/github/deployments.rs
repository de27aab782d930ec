//! Deployments: how they stand, and those that reached users as changes.

use serde::Deserialize;
use wakeman_gateway::ports::DeploymentFact;
use wakeman_types::{Change, ChangeId, ChangeKind, ChangeRef, Timestamp, short_sha};

use super::{answers::Account, client::Wire, memory::Memory, poll::Details};
use crate::http::{At, Failure};

#[derive(Debug, Clone, Deserialize)]
struct Deployment {
    id: u64,
    sha: String,
    environment: String,
    created_at: At,
    #[serde(default)]
    creator: Option<Account>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    production_environment: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
struct Status {
    state: String,
    created_at: At,
    #[serde(default)]
    log_url: Option<String>,
    #[serde(default)]
    target_url: Option<String>,
}

/// A deployment whose status is final as far as we care.
#[derive(Debug, Clone)]
pub(super) struct Settled {
    pub(super) sha: String,
    /// When it reached users; only for production, only if it succeeded.
    pub(super) live_at: Option<Timestamp>,
    fact: DeploymentFact,
    change: Option<Change>,
}

/// Recent deployments, newest first, and those that went live since then as changes.
pub(super) async fn read(
    wire: &Wire,
    memory: &mut Memory,
    details: &mut Details,
    since: Timestamp,
) -> Result<(Vec<DeploymentFact>, Vec<Change>), Failure> {
    let listed = wire.get_cached::<Vec<Deployment>>("deployment list", "/deployments?per_page=30").await?;
    let (mut facts, mut changes) = (Vec::new(), Vec::new());
    for deployment in listed.iter() {
        let standing = match memory.deployments.get(&deployment.id) {
            Some(settled) => settled.clone(),
            None if !details.take() => continue,
            None => {
                let path = format!("/deployments/{}/statuses?per_page=30", deployment.id);
                let statuses = match wire.get_cached::<Vec<Status>>("statuses of a deployment", &path).await {
                    Err(failure) if failure.is_gone() => continue,
                    other => other?,
                };
                let standing = standing(deployment, &statuses);
                let over = matches!(standing.fact.status.as_str(), "success" | "failure" | "error" | "inactive");
                // What is older than all that is looked at is not asked about again. By the source's clock: ours may be elsewhere.
                if over || deployment.created_at.0 < since {
                    memory.deployments.insert(deployment.id, standing.clone());
                }
                standing
            }
        };
        changes.extend(standing.change.filter(|_| standing.live_at.is_some_and(|at| at >= since)));
        facts.push(standing.fact);
    }
    Ok((facts, changes))
}

/// Deployments with their newest status, as somebody asked for them.
pub(super) async fn list(wire: &Wire, limit: usize) -> Result<Vec<DeploymentFact>, Failure> {
    let path = format!("/deployments?per_page={}", limit.clamp(1, 100));
    let listed: Vec<Deployment> = wire.ask("deployment list", &path).await?;
    let mut facts = Vec::with_capacity(listed.len());
    for deployment in &listed {
        let path = format!("/deployments/{}/statuses?per_page=30", deployment.id);
        let statuses: Vec<Status> = wire.ask("statuses of a deployment", &path).await?;
        facts.push(standing(deployment, &statuses).fact);
    }
    Ok(facts)
}

fn standing(deployment: &Deployment, statuses: &[Status]) -> Settled {
    let newest = statuses.iter().max_by_key(|status| status.created_at);
    let success = statuses.iter().filter(|status| status.state == "success").min_by_key(|status| status.created_at);
    let production = deployment.production_environment == Some(true)
        || deployment.environment.eq_ignore_ascii_case("production")
        || deployment.environment.eq_ignore_ascii_case("prod");
    let live = success.filter(|_| production);
    Settled {
        sha: deployment.sha.clone(),
        live_at: live.map(|status| status.created_at.0),
        fact: DeploymentFact {
            id: deployment.id,
            sha: deployment.sha.clone(),
            environment: deployment.environment.clone(),
            status: newest.map_or_else(|| "pending".to_owned(), |status| status.state.clone()),
            created_at: deployment.created_at.0,
            status_at: newest.map_or(deployment.created_at, |status| status.created_at).0,
        },
        change: live.map(|status| change(deployment, status)),
    }
}

fn change(deployment: &Deployment, live: &Status) -> Change {
    let words = deployment.description.clone().filter(|words| !words.trim().is_empty());
    let address = [&live.log_url, &live.target_url].into_iter().flatten().find(|url| !url.is_empty());
    Change {
        id: ChangeId::new(format!("deploy:{}", deployment.id)),
        kind: ChangeKind::Deploy,
        at: deployment.created_at.0,
        live_at: Some(live.created_at.0),
        title: words.unwrap_or_else(|| format!("{} to {}", short_sha(&deployment.sha), deployment.environment)),
        author: deployment.creator.as_ref().map(|creator| creator.login.clone()),
        url: address.cloned(),
        reference: ChangeRef::Deployment {
            id: deployment.id,
            sha: deployment.sha.clone(),
            environment: deployment.environment.clone(),
        },
        files: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn standing_of(environment: &str, states: &[(&str, &str)]) -> Settled {
        let deployment = serde_json::from_value(json!({
            "id": 7, "sha": "0123456789", "environment": environment, "created_at": "2026-01-05T08:00:00Z"
        }));
        let statuses: Vec<Status> = states
            .iter()
            .map(|(state, at)| serde_json::from_value(json!({"state": state, "created_at": at})).expect("a status"))
            .collect();
        standing(&deployment.expect("a deployment"), &statuses)
    }

    #[test]
    fn a_deployment_is_live_from_its_first_success_in_production() {
        let replaced = standing_of(
            "Production",
            &[
                ("inactive", "2026-01-05T09:00:00Z"),
                ("success", "2026-01-05T08:04:00Z"),
                ("in_progress", "2026-01-05T08:01:00Z"),
            ],
        );
        assert_eq!(replaced.fact.status, "inactive");
        assert_eq!(replaced.live_at, Some(replaced.fact.created_at.plus_ms(240_000)));
        assert!(replaced.change.is_some());

        let preview = standing_of("preview", &[("success", "2026-01-05T08:04:00Z")]);
        assert_eq!((preview.fact.status.as_str(), preview.live_at), ("success", None));
        let young = standing_of("production", &[]);
        assert_eq!((young.fact.status.as_str(), young.fact.status_at), ("pending", young.fact.created_at));
    }
}
