//! Pull requests.

use serde_json::{Value, json};

use super::super::git::{FileChange, Oid, Store};
use super::super::pulls::{Pull, PullState};
use super::super::{OWNER, branch_ref};
use super::{View, WEB, merge_into, node_id, stamp};

impl View<'_> {
    /// The commit a pull request is compared with: the base branch's head, or what it was when merged or closed.
    pub(in super::super) fn base_of(&self, pull: &Pull) -> Oid {
        let head = self.repo.git.reference(&branch_ref(&pull.base_branch)).filter(|_| pull.is_open());
        head.unwrap_or(pull.base)
    }

    /// The files a pull request changes.
    pub(in super::super) fn pull_changes(&self, pull: &Pull) -> Vec<FileChange> {
        let git = &self.repo.git;
        let ancestor = git.merge_base(self.base_of(pull), pull.head);
        let before = ancestor.map(|oid| git.files_of(oid)).unwrap_or_default();
        Store::changes(&before, &git.files_of(pull.head))
    }

    /// The commits a pull request brings, oldest first.
    pub(in super::super) fn pull_commits(&self, pull: &Pull) -> Vec<Oid> {
        let mut commits = self.repo.git.log(pull.head, Some(self.base_of(pull)));
        commits.reverse();
        commits
    }

    /// A pull request as in lists.
    pub(in super::super) fn pull(&self, pull: &Pull) -> Value {
        let number = pull.number;
        let (url, html) = (self.url(&format!("/pulls/{number}")), format!("{WEB}/pull/{number}"));
        let issue = self.url(&format!("/issues/{number}"));
        let statuses = self.url(&format!("/statuses/{}", pull.head));
        let mut value = json!({
            "url": url, "id": pull.id, "node_id": node_id("PR", pull.id), "html_url": html,
            "diff_url": format!("{html}.diff"), "patch_url": format!("{html}.patch"), "issue_url": issue,
            "number": number, "state": if pull.is_open() { "open" } else { "closed" }, "locked": false,
            "title": pull.title, "user": self.user(&pull.author), "body": pull.body,
            "created_at": stamp(pull.created_ms), "updated_at": stamp(pull.updated_ms),
            "closed_at": pull.closed_ms().map(stamp),
            "merged_at": pull.merge_commit().and(pull.closed_ms()).map(stamp),
            "merge_commit_sha": pull.merge_commit().map(|oid| oid.to_string()),
            "assignee": null, "assignees": [], "requested_reviewers": [], "requested_teams": [],
            "labels": self.labels(&pull.labels), "milestone": null, "draft": pull.draft,
            "commits_url": format!("{url}/commits"), "review_comments_url": format!("{url}/comments"),
            "review_comment_url": self.url("/pulls/comments{/number}"), "comments_url": format!("{issue}/comments"),
            "statuses_url": statuses, "author_association": "CONTRIBUTOR", "auto_merge": null,
            "active_lock_reason": null,
        });
        let ends = json!({
            "head": self.branch_end(&pull.head_branch, pull.head),
            "base": self.branch_end(&pull.base_branch, pull.base),
            "_links": {
                "self": {"href": url}, "html": {"href": html}, "issue": {"href": issue},
                "comments": {"href": format!("{issue}/comments")},
                "review_comments": {"href": format!("{url}/comments")},
                "review_comment": {"href": self.url("/pulls/comments{/number}")},
                "commits": {"href": format!("{url}/commits")}, "statuses": {"href": statuses},
            },
        });
        merge_into(&mut value, ends);
        value
    }

    fn branch_end(&self, branch: &str, oid: Oid) -> Value {
        json!({
            "label": format!("{OWNER}:{branch}"), "ref": branch, "sha": oid.to_string(), "user": self.user(OWNER),
            "repo": self.repository_brief(),
        })
    }

    /// A pull request by itself; `mergeable` is what a merge attempt would find.
    pub(in super::super) fn pull_in_full(&self, pull: &Pull, mergeable: Option<bool>) -> Value {
        let mut value = self.pull(pull);
        let files = self.pull_changes(pull);
        let counted: Vec<Value> = files.iter().map(|file| self.file(file, pull.head)).collect();
        let sum = |key: &str| counted.iter().filter_map(|file| file[key].as_u64()).sum::<u64>();
        let merged_by = match &pull.state {
            PullState::Merged { by, .. } => self.user(by),
            _ => Value::Null,
        };
        let comments = self.repo.comments.iter().filter(|comment| comment.on == pull.number).count();
        let more = json!({
            "merged": pull.merge_commit().is_some(), "mergeable": mergeable, "rebaseable": mergeable,
            "mergeable_state": self.mergeable_state(pull, mergeable), "merged_by": merged_by, "comments": comments,
            "review_comments": 0, "maintainer_can_modify": false, "commits": self.pull_commits(pull).len(),
            "additions": sum("additions"), "deletions": sum("deletions"), "changed_files": files.len(),
        });
        merge_into(&mut value, more);
        value
    }

    fn mergeable_state(&self, pull: &Pull, mergeable: Option<bool>) -> &'static str {
        match mergeable {
            None => "unknown",
            Some(false) => "dirty",
            Some(true) if pull.draft => "draft",
            Some(true) if self.checks_pass(pull.head) => "clean",
            Some(true) => "unstable",
        }
    }

    fn checks_pass(&self, head: Oid) -> bool {
        let mut runs = self.repo.runs.iter().filter(|run| run.head == head);
        runs.all(|run| run.latest().success == Some(true))
    }
}
