//! Issues and comments.

use super::Repo;

/// An issue that is not a pull request.
#[derive(Clone, Debug)]
pub(super) struct Issue {
    pub(super) id: u64,
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) author: String,
    pub(super) labels: Vec<String>,
    pub(super) assignees: Vec<String>,
    pub(super) created_ms: i64,
    pub(super) updated_ms: i64,
    pub(super) closed_ms: Option<i64>,
}

/// A comment on an issue or a pull request.
#[derive(Clone, Debug)]
pub(super) struct Comment {
    pub(super) id: u64,
    /// The number of the issue or pull request.
    pub(super) on: u64,
    pub(super) author: String,
    pub(super) body: String,
    pub(super) at_ms: i64,
}

/// What somebody asks for when opening an issue.
#[derive(Clone, Debug, Default)]
pub(super) struct NewIssue {
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) author: String,
    pub(super) labels: Vec<String>,
    pub(super) assignees: Vec<String>,
}

/// A published release and its tag.
#[derive(Clone, Debug)]
pub(super) struct Release {
    pub(super) id: u64,
    pub(super) tag: String,
    pub(super) name: String,
    pub(super) author: String,
    pub(super) at_ms: i64,
}

impl Repo {
    pub(super) fn open_issue(&mut self, new: NewIssue) -> u64 {
        let (id, number) = (self.next_id(), self.next_number(None));
        let issue = Issue {
            id,
            number,
            title: new.title,
            body: new.body,
            author: new.author,
            labels: new.labels,
            assignees: new.assignees,
            created_ms: self.clock_ms,
            updated_ms: self.clock_ms,
            closed_ms: None,
        };
        self.issues.insert(number, issue);
        number
    }

    pub(super) fn add_comment(&mut self, on: u64, author: &str, body: &str) -> Comment {
        let comment =
            Comment { id: self.next_id(), on, author: author.to_owned(), body: body.to_owned(), at_ms: self.clock_ms };
        self.comments.push(comment.clone());
        let now_ms = self.clock_ms;
        if let Some(issue) = self.issues.get_mut(&on) {
            issue.updated_ms = now_ms;
        }
        if let Some(pull) = self.pulls.get_mut(&on) {
            pull.updated_ms = now_ms;
        }
        comment
    }
}
