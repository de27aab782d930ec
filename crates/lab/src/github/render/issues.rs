//! Issues, pull requests in the issues' shape, comments.

use serde_json::{Value, json};

use super::super::issues::{Comment, Issue};
use super::super::pulls::Pull;
use super::{View, WEB, merge_into, node_id, stamp};

impl View<'_> {
    pub(in super::super) fn issue(&self, issue: &Issue) -> Value {
        let mut value = self.issue_frame(issue.number, "issues");
        let closed = issue.closed_ms.is_some();
        let more = json!({
            "id": issue.id, "node_id": node_id("I", issue.id), "title": issue.title, "body": issue.body,
            "user": self.user(&issue.author), "labels": self.labels(&issue.labels),
            "state": if closed { "closed" } else { "open" }, "state_reason": closed.then_some("completed"),
            "assignees": issue.assignees.iter().map(|login| self.user(login)).collect::<Vec<_>>(),
            "assignee": issue.assignees.first().map(|login| self.user(login)),
            "created_at": stamp(issue.created_ms), "updated_at": stamp(issue.updated_ms),
            "closed_at": issue.closed_ms.map(stamp),
        });
        merge_into(&mut value, more);
        value
    }

    /// A pull request as the issues API shows it.
    pub(in super::super) fn pull_as_issue(&self, pull: &Pull) -> Value {
        let mut value = self.issue_frame(pull.number, "pull");
        let html = format!("{WEB}/pull/{}", pull.number);
        let more = json!({
            "id": pull.id, "node_id": node_id("PR", pull.id), "title": pull.title, "body": pull.body,
            "user": self.user(&pull.author), "labels": self.labels(&pull.labels), "assignees": [], "assignee": null,
            "state": if pull.is_open() { "open" } else { "closed" }, "state_reason": null, "draft": pull.draft,
            "created_at": stamp(pull.created_ms), "updated_at": stamp(pull.updated_ms),
            "closed_at": pull.closed_ms().map(stamp),
            "pull_request": {
                "url": self.url(&format!("/pulls/{}", pull.number)), "html_url": html,
                "diff_url": format!("{html}.diff"), "patch_url": format!("{html}.patch"),
                "merged_at": pull.merge_commit().and(pull.closed_ms()).map(stamp),
            },
        });
        merge_into(&mut value, more);
        value
    }

    fn issue_frame(&self, number: u64, page: &str) -> Value {
        let url = self.url(&format!("/issues/{number}"));
        json!({
            "url": url, "repository_url": self.url(""), "labels_url": format!("{url}/labels{{/name}}"),
            "comments_url": format!("{url}/comments"), "events_url": format!("{url}/events"),
            "timeline_url": format!("{url}/timeline"), "html_url": format!("{WEB}/{page}/{number}"), "number": number,
            "locked": false, "active_lock_reason": null, "milestone": null, "author_association": "CONTRIBUTOR",
            "comments": self.repo.comments.iter().filter(|comment| comment.on == number).count(),
        })
    }

    pub(in super::super) fn comment(&self, comment: &Comment) -> Value {
        let page = if self.repo.pulls.contains_key(&comment.on) { "pull" } else { "issues" };
        json!({
            "id": comment.id, "node_id": node_id("IC", comment.id),
            "url": self.url(&format!("/issues/comments/{}", comment.id)),
            "html_url": format!("{WEB}/{page}/{}#issuecomment-{}", comment.on, comment.id),
            "issue_url": self.url(&format!("/issues/{}", comment.on)), "body": comment.body,
            "user": self.user(&comment.author), "created_at": stamp(comment.at_ms),
            "updated_at": stamp(comment.at_ms), "author_association": "CONTRIBUTOR",
        })
    }
}
