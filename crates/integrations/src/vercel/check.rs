//! A live check of address, token, team and project.

use serde::Deserialize;
use wakeman_gateway::ports::DeployRequest;

use super::{Vercel, deployments};
use crate::check::CheckOutcome;

#[derive(Debug, Deserialize)]
struct Project {
    #[serde(default)]
    name: Option<String>,
}

/// Tries the address, the token, the project and the list of its deployments. Changes nothing.
///
/// Whether a token may also roll back is not told by Vercel before somebody tries.
pub async fn check_vercel(vercel: &Vercel) -> CheckOutcome {
    let wire = &vercel.wire;
    let mut outcome = CheckOutcome::default();
    match wire.get::<Project>("project", &format!("/v9/projects/{}", wire.project), &[]).await {
        Ok(project) => {
            let name = project.name.unwrap_or_else(|| wire.project.clone());
            outcome.pass("Vercel project", name.clone());
            outcome.project = Some(name);
        }
        Err(failure) => {
            outcome.fail_with("Vercel project", failure.source());
            return outcome;
        }
    }
    let newest = DeployRequest { production: true, state: None, limit: 1 };
    match deployments::list(wire, newest).await {
        Ok(_) => outcome.pass("Vercel permissions", "deployments can be read"),
        Err(failure) => outcome.fail_with("Vercel permissions", failure.source()),
    }
    outcome
}
