//! Vercel's JSON; times are Unix milliseconds.

use serde_json::{Value, json};

use super::Vercel;
use crate::github::{BRANCH, Deployment, NAME, OWNER, Repo};

/// The domains that always show production.
pub(super) const DOMAINS: [&str; 2] = ["app.acme.example", "app-acme.vercel.app"];
const USERNAME: &str = "acme-ops";

/// The project at one instant, and the id by which the caller knows it.
pub(super) struct View<'a> {
    pub(super) vercel: &'a Vercel,
    pub(super) repo: &'a Repo,
    pub(super) at_ms: i64,
    pub(super) project_id: String,
}

impl<'a> View<'a> {
    /// The deployments that exist, newest first.
    pub(super) fn deployments(&self) -> Vec<&'a Deployment> {
        self.repo.deployments().iter().rev().filter(|deployment| deployment.created_ms <= self.at_ms).collect()
    }

    pub(super) fn production(&self) -> Option<&'a Deployment> {
        self.vercel.production(self.repo.deployments(), self.at_ms)
    }

    pub(super) fn is_production(&self, deployment: &Deployment) -> bool {
        self.production().is_some_and(|live| live.id == deployment.id)
    }

    /// Whether production can be rolled back to it: it was live once and is not now.
    pub(super) fn is_candidate(&self, deployment: &Deployment) -> bool {
        self.vercel.was_live(self.repo.deployments(), deployment, self.at_ms) && !self.is_production(deployment)
    }

    pub(super) fn state(&self, deployment: &Deployment) -> &'static str {
        let past = |time: Option<i64>| time.is_some_and(|time| time <= self.at_ms);
        match () {
            () if past(deployment.ready_ms()) => "READY",
            () if past(deployment.failed_ms()) => "ERROR",
            () => "BUILDING",
        }
    }

    fn substate(&self, deployment: &Deployment) -> Option<&'static str> {
        let live = self.vercel.was_live(self.repo.deployments(), deployment, self.at_ms);
        (self.state(deployment) == "READY").then_some(if live { "PROMOTED" } else { "STAGED" })
    }

    fn url(&self, deployment: &Deployment) -> String {
        format!("{NAME}-{}-{OWNER}.vercel.app", self.vercel.code(&format!("url {}", deployment.id), 9).to_lowercase())
    }

    fn meta(&self, deployment: &Deployment) -> Value {
        json!({
            "githubDeployment": "1", "githubOrg": OWNER, "githubRepo": NAME, "githubCommitOrg": OWNER,
            "githubCommitRepo": NAME, "githubCommitRef": BRANCH, "githubCommitSha": deployment.commit.to_string(),
            "githubCommitMessage": self.repo.message_of(deployment.commit),
            "githubCommitAuthorLogin": deployment.author, "githubCommitAuthorName": deployment.author,
        })
    }

    fn creator(&self, deployment: &Deployment) -> Value {
        let uid = self.vercel.code(&format!("user {}", deployment.author), 24);
        json!({"uid": uid, "username": deployment.author, "githubLogin": deployment.author})
    }

    /// A deployment as in lists.
    pub(super) fn listed(&self, deployment: &Deployment) -> Value {
        let ready = deployment.ready_ms().filter(|ready| *ready <= self.at_ms);
        let state = self.state(deployment);
        json!({
            "uid": self.vercel.id_of(deployment), "name": NAME, "projectId": self.project_id,
            "url": self.url(deployment), "created": deployment.created_ms, "createdAt": deployment.created_ms,
            "buildingAt": deployment.created_ms, "ready": ready, "source": "git", "type": "LAMBDAS",
            "target": "production", "state": state, "readyState": state, "readySubstate": self.substate(deployment),
            "isRollbackCandidate": self.is_candidate(deployment), "checksState": "completed", "aliasError": null,
            "aliasAssigned": if self.is_production(deployment) { ready } else { None },
            "creator": self.creator(deployment), "meta": self.meta(deployment),
            "inspectorUrl": format!("https://vercel.com/{OWNER}/{NAME}/{}", &self.vercel.id_of(deployment)[4..]),
        })
    }

    /// A deployment by itself.
    pub(super) fn in_full(&self, deployment: &Deployment) -> Value {
        let mut value = self.listed(deployment);
        let live = self.is_production(deployment);
        let alias: Vec<&str> = if live { DOMAINS.to_vec() } else { Vec::new() };
        let failed = self.state(deployment) == "ERROR";
        let more = json!({
            "id": value["uid"], "status": value["state"], "alias": alias, "aliasAssigned": live, "version": 2,
            "public": false, "regions": ["iad1"], "ownerId": self.team_id(),
            "project": {"id": self.project_id, "name": NAME},
            "errorCode": failed.then_some("BUILD_FAILED"),
            "errorMessage": failed.then_some("Command \"npm run build\" did not finish in time"),
            "gitSource": {
                "type": "github", "org": OWNER, "repo": NAME, "ref": BRANCH, "sha": deployment.commit.to_string(),
            },
        });
        if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
            value.extend(more);
        }
        value
    }

    pub(super) fn team_id(&self) -> String {
        format!("team_{}", self.vercel.code("team", 24))
    }

    pub(super) fn project(&self) -> Value {
        let latest: Vec<Value> = self.deployments().into_iter().take(5).map(|one| self.in_full(one)).collect();
        let mut past = self.vercel.assignments.iter().rev().filter(|one| one.at_ms <= self.at_ms);
        let last = past.next();
        let rolled_back = last.filter(|one| !one.automatic);
        let request = last.map(|one| {
            let target = self.repo.deployments().iter().find(|deployment| deployment.id == one.deployment);
            json!({
                "jobStatus": "succeeded", "requestedAt": one.at_ms,
                "type": if one.automatic { "promote" } else { "rollback" },
                "toDeploymentId": target.map(|deployment| self.vercel.id_of(deployment)), "fromDeploymentId": null,
            })
        });
        let born = self.repo.deployments().first().map_or(self.at_ms, |deployment| deployment.created_ms);
        json!({
            "id": self.project_id, "name": NAME, "accountId": self.team_id(), "framework": "nextjs",
            "createdAt": born, "updatedAt": last.map_or(born, |one| one.at_ms), "live": true,
            "autoAssignCustomDomains": rolled_back.is_none(), "lastAliasRequest": request,
            "lastRollbackTarget": rolled_back.and(request.as_ref()).map(|request| request["toDeploymentId"].clone()),
            "link": {"type": "github", "org": OWNER, "repo": NAME, "productionBranch": BRANCH},
            "targets": {"production": self.production().map(|live| self.in_full(live))}, "latestDeployments": latest,
        })
    }

    pub(super) fn aliases(&self, deployment: &Deployment) -> Vec<Value> {
        let live = DOMAINS.iter().filter(|_| self.is_production(deployment));
        let alias = |domain: &&str| {
            json!({
                "uid": self.vercel.code(&format!("alias {domain}"), 24), "alias": domain,
                "created": crate::time::rfc3339(deployment.created_ms), "redirect": null,
                "deploymentId": self.vercel.id_of(deployment), "projectId": self.project_id,
            })
        };
        live.map(alias).collect()
    }

    pub(super) fn user(&self) -> Value {
        json!({"user": {
            "id": self.vercel.code("user", 24), "email": "ops@acme.example", "name": "Acme Ops", "username": USERNAME,
            "defaultTeamId": self.team_id(), "limited": false,
        }})
    }
}
