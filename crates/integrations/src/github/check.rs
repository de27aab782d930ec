//! Live checks of address, token, repository, permissions and clock.

use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use super::{Github, answers::Account};
use crate::{
    check::CheckOutcome,
    http::{Failure, date_header, short},
};

#[derive(Debug, Deserialize)]
struct Repository {
    full_name: String,
    default_branch: String,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    permissions: Option<Permissions>,
}

#[derive(Debug, Deserialize)]
struct Permissions {
    #[serde(default)]
    push: bool,
}

/// Tries the address, the token, the repository, what it may read and write, and the clock. Changes nothing.
pub async fn check_github(github: &Github) -> CheckOutcome {
    let wire = &github.wire;
    let mut outcome = CheckOutcome::default();
    if let Some(app) = wire.credential.app() {
        // An app belongs to no user; that it gets a token says that key, number and installation fit.
        match wire.credential.token().await {
            Ok(_) => outcome.pass("GitHub app", format!("app {app} is installed on {}", wire.repository())),
            Err(failure) => {
                outcome.fail_with("GitHub app", failure.source());
                return outcome;
            }
        }
        if check_repository(github, &mut outcome).await {
            check_reads(github, &mut outcome).await;
        }
        return outcome;
    }
    match wire.get_outside::<Account>("user", "/user").await {
        Ok((account, headers)) => {
            outcome.pass("GitHub token", format!("belongs to {}", account.login));
            outcome.user = Some(account.login);
            check_scopes(&headers, &mut outcome);
            if let Some(theirs) = date_header(&headers) {
                outcome.clock("GitHub clock", wire.now().since(theirs));
            }
        }
        // An app's token belongs to no user; it can do everything else.
        Err(Failure::Denied { reason, .. }) if reason.starts_with("403") => {}
        Err(failure) => {
            outcome.fail_with("GitHub token", failure.source());
            return outcome;
        }
    }
    if check_repository(github, &mut outcome).await {
        check_reads(github, &mut outcome).await;
    }
    outcome
}

/// A classic token tells its scopes with every answer. A fine-grained one and an app do not.
fn check_scopes(headers: &HeaderMap, outcome: &mut CheckOutcome) {
    let told = headers.get("x-oauth-scopes").and_then(|scopes| scopes.to_str().ok());
    let Some(scopes) = told.filter(|scopes| !scopes.trim().is_empty()) else { return };
    let has = |wanted: &str| scopes.split(',').any(|scope| scope.trim() == wanted);
    match has("repo") || has("public_repo") {
        true => outcome.pass("GitHub scopes", short(scopes)),
        false => {
            outcome.missing.push("repo".to_owned());
            outcome.fail(
                "GitHub scopes",
                format!("the token has only {}: no pull request, issue or run can be made with it", short(scopes)),
                "give the token the scope repo",
            );
        }
    }
}

/// Returns whether the repository can be seen at all.
async fn check_repository(github: &Github, outcome: &mut CheckOutcome) -> bool {
    let found = match github.wire.get::<Repository>("repository", "").await {
        Ok(found) => found,
        Err(failure) => {
            outcome.fail_with("GitHub repository", failure.source());
            return false;
        }
    };
    outcome.project = Some(found.full_name.clone());
    if !found.full_name.eq_ignore_ascii_case(github.wire.repository()) {
        outcome.fail(
            "GitHub repository",
            format!("{} is now {}", github.wire.repository(), found.full_name),
            "set `github.repository` to the new name",
        );
    } else if found.archived {
        outcome.fail("GitHub repository", format!("{} is archived", found.full_name), "nothing can be repaired there");
    } else {
        outcome.pass("GitHub repository", found.full_name);
    }
    if found.default_branch != github.branch {
        outcome.fail(
            "GitHub branch",
            format!("the default branch is {}, settings say {}", found.default_branch, github.branch),
            format!("set `github.defaultBranch` to \"{}\", unless another branch is deployed", found.default_branch),
        );
    }
    if found.permissions.is_some_and(|permissions| !permissions.push) {
        outcome.missing.push("contents:write".to_owned());
        outcome.fail(
            "GitHub permissions",
            "the token may not write: no revert can be opened or merged",
            "give it contents, pull requests and issues read and write",
        );
    }
    true
}

/// Each list that a poll reads.
async fn check_reads(github: &Github, outcome: &mut CheckOutcome) {
    let lists = [
        ("pull_requests:read", "/pulls?per_page=1"),
        ("contents:read", "/commits?per_page=1"),
        ("actions:read", "/actions/runs?per_page=1"),
        ("deployments:read", "/deployments?per_page=1"),
    ];
    let before = outcome.checks.len();
    for (permission, path) in lists {
        match github.wire.get::<Value>(permission, path).await {
            Ok(_) => {}
            Err(Failure::Denied { reason, remedy } | Failure::Refused { status: 404, reason, remedy, .. }) => {
                outcome.missing.push(permission.to_owned());
                outcome.fail("GitHub permissions", format!("{permission}: {reason}"), remedy);
            }
            Err(failure) => outcome.fail_with("GitHub permissions", failure.source()),
        }
    }
    if outcome.checks.len() == before {
        outcome.pass("GitHub permissions", "pull requests, commits, runs and deployments can be read");
    }
}
