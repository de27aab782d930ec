//! Deployments and releases.

use serde_json::{Value, json};

use super::super::deployments::{DeployState, DeployStatus, Deployment};
use super::super::issues::Release;
use super::super::{BRANCH, DEPLOY_USER};
use super::{View, WEB, node_id, stamp};

/// The one environment.
pub(in super::super) const ENVIRONMENT: &str = "production";

impl View<'_> {
    pub(in super::super) fn deployment(&self, deployment: &Deployment) -> Value {
        let url = self.url(&format!("/deployments/{}", deployment.id));
        let updated_ms = deployment.statuses.last().map_or(deployment.created_ms, |status| status.at_ms);
        json!({
            "url": url, "id": deployment.id, "node_id": node_id("DE", deployment.id), "task": "deploy",
            "original_environment": ENVIRONMENT, "environment": ENVIRONMENT, "description": deployment.title,
            "created_at": stamp(deployment.created_ms), "updated_at": stamp(updated_ms),
            "statuses_url": format!("{url}/statuses"), "repository_url": self.url(""),
            "creator": self.user(DEPLOY_USER), "sha": deployment.commit.to_string(), "ref": BRANCH,
            "payload": {"actor": deployment.author}, "transient_environment": false, "production_environment": true,
            "performed_via_github_app": null,
        })
    }

    pub(in super::super) fn deployment_status(&self, deployment: &Deployment, status: &DeployStatus) -> Value {
        let url = self.url(&format!("/deployments/{}", deployment.id));
        let description = match status.state {
            DeployState::InProgress => "Deployment is building",
            DeployState::Success => "Deployment has completed",
            DeployState::Failure => "Deployment has failed",
            DeployState::Inactive => "A newer deployment took its place",
        };
        let site = "https://app.acme.example";
        json!({
            "url": format!("{url}/statuses/{}", status.id), "id": status.id, "node_id": node_id("DES", status.id),
            "state": status.state.word(), "creator": self.user(DEPLOY_USER), "description": description,
            "environment": ENVIRONMENT, "target_url": site, "log_url": site, "environment_url": site,
            "created_at": stamp(status.at_ms), "updated_at": stamp(status.at_ms), "deployment_url": url,
            "repository_url": self.url(""), "performed_via_github_app": null,
        })
    }

    pub(in super::super) fn release(&self, release: &Release) -> Value {
        let url = self.url(&format!("/releases/{}", release.id));
        let tag = &release.tag;
        json!({
            "url": url, "html_url": format!("{WEB}/releases/tag/{tag}"), "assets_url": format!("{url}/assets"),
            "upload_url": format!("{url}/assets{{?name,label}}"), "id": release.id,
            "node_id": node_id("RE", release.id), "tag_name": tag, "target_commitish": BRANCH, "name": release.name,
            "body": release.name, "draft": false, "prerelease": false, "immutable": false,
            "created_at": stamp(release.at_ms), "published_at": stamp(release.at_ms),
            "author": self.user(&release.author), "assets": [],
            "tarball_url": self.url(&format!("/tarball/{tag}")), "zipball_url": self.url(&format!("/zipball/{tag}")),
        })
    }
}
