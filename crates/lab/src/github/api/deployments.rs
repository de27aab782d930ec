//! Deployments over REST.

use super::super::Repo;
use super::super::deployments::{DeployStatus, Deployment};
use super::super::render::ENVIRONMENT;
use super::{Answer, Call, Refusal, Reply};

pub(super) fn route(repo: &Repo, call: &Call, path: &[&str]) -> Answer {
    if call.method != "GET" {
        return Err(Refusal::NotFound);
    }
    let view = call.view(repo);
    let (id, rest) = match path {
        [] => return Ok(list(repo, call)),
        [id, rest @ ..] => (id.parse::<u64>().map_err(|_| Refusal::NotFound)?, rest),
    };
    let deployment = repo.deployments.iter().find(|deployment| deployment.id == id).ok_or(Refusal::NotFound)?;
    match rest {
        [] => Ok(Reply::json(view.deployment(deployment))),
        ["statuses"] => {
            let statuses: Vec<&DeployStatus> = deployment.statuses.iter().rev().collect();
            Ok(call.list(statuses, |status| view.deployment_status(deployment, status)))
        }
        ["statuses", status] => {
            let mut statuses = deployment.statuses.iter();
            let status = statuses.find(|known| known.id.to_string() == *status).ok_or(Refusal::NotFound)?;
            Ok(Reply::json(view.deployment_status(deployment, status)))
        }
        _ => Err(Refusal::NotFound),
    }
}

fn list(repo: &Repo, call: &Call) -> Reply {
    let wanted = |deployment: &&Deployment| {
        call.param("environment").is_none_or(|environment| environment.eq_ignore_ascii_case(ENVIRONMENT))
            && call.param("sha").is_none_or(|sha| sha == deployment.commit.to_string())
            && call
                .param("ref")
                .is_none_or(|name| name == super::super::BRANCH || name == deployment.commit.to_string())
            && call.param("task").is_none_or(|task| task == "deploy")
    };
    let found: Vec<&Deployment> = repo.deployments.iter().rev().filter(wanted).collect();
    let view = call.view(repo);
    call.list(found, |deployment| view.deployment(deployment))
}
