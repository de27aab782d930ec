//! Pull requests: opening, following their branch, merging, reverting.

use super::git::{Conflict, Flat, Oid, merge_trees};
use super::{API_USER, BRANCH, Repo, branch_ref};

/// Where a pull request stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PullState {
    Open,
    Closed { at_ms: i64 },
    Merged { at_ms: i64, commit: Oid, by: String },
}

/// A pull request.
#[derive(Clone, Debug)]
pub(super) struct Pull {
    pub(super) id: u64,
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) author: String,
    pub(super) head_branch: String,
    /// The branch's commit; no longer moves once the request is closed.
    pub(super) head: Oid,
    pub(super) base_branch: String,
    /// The base branch's commit when the request was last compared; the merge's first parent once merged.
    pub(super) base: Oid,
    pub(super) created_ms: i64,
    pub(super) updated_ms: i64,
    pub(super) state: PullState,
    pub(super) draft: bool,
    pub(super) labels: Vec<String>,
}

impl Pull {
    pub(super) fn is_open(&self) -> bool {
        self.state == PullState::Open
    }

    pub(super) fn merge_commit(&self) -> Option<Oid> {
        match self.state {
            PullState::Merged { commit, .. } => Some(commit),
            _ => None,
        }
    }

    pub(super) fn closed_ms(&self) -> Option<i64> {
        match self.state {
            PullState::Open => None,
            PullState::Closed { at_ms } | PullState::Merged { at_ms, .. } => Some(at_ms),
        }
    }
}

/// What somebody asks for when opening a pull request.
#[derive(Clone, Debug)]
pub(super) struct NewPull {
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) author: String,
    pub(super) head_branch: String,
    pub(super) base_branch: String,
    pub(super) draft: bool,
}

/// Why a pull request was not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum OpenError {
    /// A branch does not exist.
    #[error("{field} is not a branch; push it first")]
    NoBranch {
        /// `head` or `base`.
        field: &'static str,
    },
    /// One is open for the same branches.
    #[error("A pull request already exists for {label}.")]
    Exists {
        /// `owner:branch`.
        label: String,
    },
    /// The head has nothing that the base lacks.
    #[error("No commits between {base} and {head}")]
    NoCommits {
        /// Base branch.
        base: String,
        /// Head branch.
        head: String,
    },
}

/// How to merge.
#[derive(Clone, Debug, Default)]
pub(super) struct MergeOrder {
    pub(super) expected_head: Option<String>,
    pub(super) squash: bool,
    pub(super) title: Option<String>,
    pub(super) message: Option<String>,
}

/// Why a pull request was not merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum MergeError {
    /// Closed, merged, a draft, or in conflict.
    #[error("Pull Request is not mergeable")]
    NotMergeable,
    /// The head is not what the caller saw.
    #[error("Head branch was modified. Review and try the merge again.")]
    HeadMoved,
}

/// Why a pull request was not reverted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RevertError {
    /// Only merged ones can be.
    #[error("Pull request must be merged before it can be reverted.")]
    NotMerged,
    /// Later commits are in the way, or nothing is left to undo.
    #[error(
        "Sorry, this pull request couldn't be reverted automatically. It may have already been reverted, or the \
         content may have changed since it was merged."
    )]
    Conflict,
}

impl Repo {
    /// Opens a pull request between two branches of the repository and starts its checks.
    pub(super) fn open_pull(&mut self, new: NewPull) -> Result<u64, OpenError> {
        let missing = |field| OpenError::NoBranch { field };
        let head = self.git.reference(&branch_ref(&new.head_branch)).ok_or(missing("head"))?;
        let base = self.git.reference(&branch_ref(&new.base_branch)).ok_or(missing("base"))?;
        let same = |pull: &Pull| pull.head_branch == new.head_branch && pull.base_branch == new.base_branch;
        if self.pulls.values().any(|pull| pull.is_open() && same(pull)) {
            return Err(OpenError::Exists { label: format!("{}:{}", super::OWNER, new.head_branch) });
        }
        if self.git.is_ancestor(head, base) {
            return Err(OpenError::NoCommits { base: new.base_branch, head: new.head_branch });
        }
        let number = self.next_number(None);
        let pull = Pull {
            id: self.next_id(),
            number,
            title: new.title,
            body: new.body,
            author: new.author,
            head_branch: new.head_branch,
            head,
            base_branch: new.base_branch,
            base,
            created_ms: self.clock_ms,
            updated_ms: self.clock_ms,
            state: PullState::Open,
            draft: new.draft,
            labels: Vec::new(),
        };
        self.pulls.insert(number, pull);
        self.start_pull_run(number);
        Ok(number)
    }

    /// The tree a merge would have now.
    pub(super) fn merge_preview(&mut self, pull: &Pull) -> Result<Flat, Conflict> {
        let unknown = || Conflict { path: pull.base_branch.clone() };
        let base_head = self.git.reference(&branch_ref(&pull.base_branch)).ok_or_else(unknown)?;
        let ancestor = self.git.merge_base(base_head, pull.head).ok_or_else(unknown)?;
        let (base, ours, theirs) =
            (self.git.files_of(ancestor), self.git.files_of(base_head), self.git.files_of(pull.head));
        merge_trees(&mut self.git, &base, &ours, &theirs)
    }

    /// Merges a pull request. Returns the new commit and the ids of the changes it undid.
    pub(super) fn merge_pull(&mut self, number: u64, order: &MergeOrder) -> Result<(Oid, Vec<String>), MergeError> {
        let pull = self.pulls.get(&number).cloned().ok_or(MergeError::NotMergeable)?;
        if !pull.is_open() || pull.draft {
            return Err(MergeError::NotMergeable);
        }
        if order.expected_head.as_ref().is_some_and(|sha| *sha != pull.head.to_string()) {
            return Err(MergeError::HeadMoved);
        }
        let files = self.merge_preview(&pull).map_err(|_| MergeError::NotMergeable)?;
        let base_head = self.git.reference(&branch_ref(&pull.base_branch)).ok_or(MergeError::NotMergeable)?;
        let (title, message) = default_merge_message(&pull, order.squash);
        let message = [order.title.clone().unwrap_or(title), order.message.clone().unwrap_or(message)];
        let parents = if order.squash { vec![base_head] } else { vec![base_head, pull.head] };
        let text = message.join("\n\n").trim_end().to_owned();
        let commit = self.write_commit(&files, parents, &text, API_USER, self.clock_ms);
        let undone = self.move_branch(&pull.base_branch, commit);
        self.mark_merged(number, base_head, commit, API_USER);
        Ok((commit, undone))
    }

    pub(super) fn mark_merged(&mut self, number: u64, base: Oid, commit: Oid, by: &str) {
        let at_ms = self.clock_ms;
        if let Some(pull) = self.pulls.get_mut(&number) {
            pull.base = base;
            pull.updated_ms = at_ms;
            pull.state = PullState::Merged { at_ms, commit, by: by.to_owned() };
        }
    }

    /// GitHub's own revert: a new branch and a pull request that undoes a merged one. Returns its number.
    pub(super) fn revert_pull(&mut self, number: u64, new: RevertOrder) -> Result<u64, RevertError> {
        let pull = self.pulls.get(&number).cloned().ok_or(RevertError::NotMerged)?;
        let merge = pull.merge_commit().ok_or(RevertError::NotMerged)?;
        let (after, before, now) =
            (self.git.files_of(merge), self.git.files_of(pull.base), self.git.files_of(self.main_head()));
        let files = merge_trees(&mut self.git, &after, &now, &before).map_err(|_| RevertError::Conflict)?;
        if files == now {
            return Err(RevertError::Conflict);
        }
        let title = new.title.unwrap_or_else(|| format!("Revert \"{}\"", pull.title));
        let body = new.body.unwrap_or_else(|| format!("Reverts {}/{}#{number}", super::OWNER, super::NAME));
        let message = format!("Revert \"{}\"\n\nThis reverts commit {merge}.", pull.title);
        let commit = self.write_commit(&files, vec![self.main_head()], &message, API_USER, self.clock_ms);
        let branch = self.free_branch(&format!("revert-{number}-{}", pull.head_branch));
        self.git.set_ref(&branch_ref(&branch), commit);
        let request = NewPull {
            title,
            body: Some(body),
            author: API_USER.to_owned(),
            head_branch: branch,
            base_branch: BRANCH.to_owned(),
            draft: new.draft,
        };
        self.open_pull(request).map_err(|_| RevertError::Conflict)
    }

    fn free_branch(&self, wanted: &str) -> String {
        let taken = |name: &str| self.git.reference(&branch_ref(name)).is_some();
        let numbered = (1..).map(|n| format!("{wanted}-{n}"));
        std::iter::once(wanted.to_owned()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
    }

    /// Lets open pull requests follow their branch; a deleted branch closes them.
    pub(super) fn follow_branch(&mut self, branch: &str) {
        let target = self.git.reference(&branch_ref(branch));
        let at_ms = self.clock_ms;
        let mut pushed = Vec::new();
        for pull in self.pulls.values_mut().filter(|pull| pull.is_open() && pull.head_branch == branch) {
            pull.updated_ms = at_ms;
            match target {
                Some(head) if head != pull.head => {
                    pull.head = head;
                    pushed.push(pull.number);
                }
                Some(_) => {}
                None => pull.state = PullState::Closed { at_ms },
            }
        }
        for number in pushed {
            self.start_pull_run(number);
        }
    }
}

/// What somebody asks for when reverting; the rest is GitHub's wording.
#[derive(Clone, Debug, Default)]
pub(super) struct RevertOrder {
    pub(super) title: Option<String>,
    pub(super) body: Option<String>,
    pub(super) draft: bool,
}

/// GitHub's title and body of a merge commit.
pub(super) fn default_merge_message(pull: &Pull, squash: bool) -> (String, String) {
    if squash {
        return (format!("{} (#{})", pull.title, pull.number), pull.body.clone().unwrap_or_default());
    }
    let title = format!("Merge pull request #{} from {}/{}", pull.number, super::OWNER, pull.head_branch);
    (title, pull.title.clone())
}
