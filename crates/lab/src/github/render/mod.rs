//! GitHub's JSON for the things of the repository. Shapes are those of the REST description; times have whole seconds.

mod actions;
mod commits;
mod deployments;
mod issues;
mod pulls;

pub(super) use actions::{WORKFLOW_ID, WORKFLOW_PATH};
pub(super) use deployments::ENVIRONMENT;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::believable::Dice;
use super::{BRANCH, NAME, OWNER, Repo};

/// Web pages of the repository; nothing answers there.
pub(super) const WEB: &str = "https://github.com/acme/app";

/// The repository seen through the API at `base` (scheme, host and prefix, no slash at the end).
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) repo: &'a Repo,
    pub(super) base: &'a str,
}

/// `2026-01-05T08:00:00Z`.
pub(super) fn stamp(ms: i64) -> String {
    crate::time::utc(ms).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// An opaque global id, as GraphQL uses it.
pub(super) fn node_id(kind: &str, id: impl std::fmt::Display) -> String {
    format!("{kind}_{}", URL_SAFE_NO_PAD.encode(format!("{kind}:{id}")))
}

/// A stable id for a login.
pub(super) fn user_id(login: &str) -> u64 {
    Dice::new(0).roll(&["user", login], 90_000_000) + 1_000_000
}

impl View<'_> {
    /// The API address of something inside the repository.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/repos/{OWNER}/{NAME}{path}", self.base)
    }

    pub(super) fn user(&self, login: &str) -> Value {
        let (id, url) = (user_id(login), format!("{}/users/{login}", self.base));
        let kind = match login {
            OWNER => "Organization",
            _ if login.ends_with("[bot]") => "Bot",
            _ => "User",
        };
        json!({
            "login": login, "id": id, "node_id": node_id("U", id), "type": kind, "site_admin": false,
            "avatar_url": format!("https://avatars.githubusercontent.com/u/{id}?v=4"), "gravatar_id": "",
            "url": url, "html_url": format!("https://github.com/{login}"), "user_view_type": "public",
            "followers_url": format!("{url}/followers"), "following_url": format!("{url}/following{{/other_user}}"),
            "gists_url": format!("{url}/gists{{/gist_id}}"), "starred_url": format!("{url}/starred{{/owner}}{{/repo}}"),
            "subscriptions_url": format!("{url}/subscriptions"), "organizations_url": format!("{url}/orgs"),
            "repos_url": format!("{url}/repos"), "events_url": format!("{url}/events{{/privacy}}"),
            "received_events_url": format!("{url}/received_events"),
        })
    }

    /// The repository as it stands inside other things.
    pub(super) fn repository_brief(&self) -> Value {
        let id = user_id("acme/app");
        json!({
            "id": id, "node_id": node_id("R", id), "name": NAME, "full_name": format!("{OWNER}/{NAME}"),
            "owner": self.user(OWNER), "private": true, "html_url": WEB, "description": "The product.", "fork": false,
            "url": self.url(""), "commits_url": self.url("/commits{/sha}"), "pulls_url": self.url("/pulls{/number}"),
            "issues_url": self.url("/issues{/number}"), "deployments_url": self.url("/deployments"),
            "releases_url": self.url("/releases{/id}"), "default_branch": BRANCH,
        })
    }

    pub(super) fn repository(&self) -> Value {
        let mut repository = self.repository_brief();
        let newest = self.repo.git.commit(self.repo.main_head()).map_or(0, |commit| commit.committer.at_ms);
        let open = self.repo.pulls.values().filter(|pull| pull.is_open()).count()
            + self.repo.issues.values().filter(|issue| issue.closed_ms.is_none()).count();
        let more = json!({
            "visibility": "private", "archived": false, "disabled": false, "has_issues": true, "has_projects": false,
            "has_wiki": false, "has_pages": false, "has_downloads": false, "is_template": false, "topics": [],
            "open_issues_count": open, "forks_count": 0, "stargazers_count": 0, "watchers_count": 0, "size": 2048,
            "language": "TypeScript", "license": null, "homepage": null, "mirror_url": null,
            "created_at": stamp(self.repo.script.born_ms()), "updated_at": stamp(newest), "pushed_at": stamp(newest),
            "permissions": {"admin": false, "maintain": false, "push": true, "triage": true, "pull": true},
            "allow_merge_commit": true, "allow_squash_merge": true, "allow_rebase_merge": false,
            "allow_auto_merge": false, "delete_branch_on_merge": false,
            "clone_url": format!("{WEB}.git"), "ssh_url": format!("git@github.com:{OWNER}/{NAME}.git"),
        });
        merge_into(&mut repository, more);
        repository
    }

    pub(super) fn labels(&self, names: &[String]) -> Value {
        let label = |name: &String| {
            let id = Dice::new(0).roll(&["label", name], 9_000_000) + 1;
            json!({
                "id": id, "node_id": node_id("LA", id), "name": name, "color": "ededed", "default": false,
                "description": null, "url": self.url(&format!("/labels/{name}").replace(' ', "%20")),
            })
        };
        names.iter().map(label).collect()
    }
}

/// Adds the members of one object to another.
pub(super) fn merge_into(target: &mut Value, more: Value) {
    if let (Value::Object(target), Value::Object(more)) = (target, more) {
        target.extend(more);
    }
}
