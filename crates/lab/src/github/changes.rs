//! What the scenario's commits did to the default branch, and whether it was undone since.

use std::collections::BTreeMap;

use super::believable::{edited, slug};
use super::git::{Flat, Leaf, Oid, Store, merge_files};
use super::pulls::{Pull, PullState};
use super::script::{Event, paths_of};
use super::{BRANCH, Repo, branch_ref};
use crate::scenario::Change;
use crate::time::{MINUTE_MS, SECOND_MS};

/// How long after a repair the platform deploys by itself.
const REDEPLOY_AFTER_MS: i64 = 2 * MINUTE_MS;

/// A change of the scenario that stands on the default branch.
#[derive(Clone, Debug)]
pub(super) struct Applied {
    pub(super) change: String,
    pub(super) at_ms: i64,
    pub(super) commit: Oid,
    /// The files it touched: before and after.
    files: BTreeMap<String, (Option<Leaf>, Option<Leaf>)>,
    undone: bool,
}

impl Repo {
    /// Plays a merge: a branch with one commit, a pull request, and the merge of it.
    pub(super) fn play_merge(&mut self, change: &Change) {
        let base = self.main_head();
        let before = self.git.files_of(base);
        let after = self.edit_files(&before, &paths_of(change), &change.id);
        let lead_ms = (15 + self.dice.roll(&["lead", &change.id], 60) as i64) * MINUTE_MS;
        let base_ms = self.git.commit(base).map_or(0, |commit| commit.committer.at_ms);
        let wrote_ms = (change.at_ms - lead_ms).max(base_ms + SECOND_MS).min(change.at_ms);
        let head = self.write_commit(&after, vec![base], &change.title, &change.author, wrote_ms);
        let number = self.next_number(change.pr);
        let pull = Pull {
            id: self.next_id(),
            number,
            title: change.title.clone(),
            body: Some(format!("{}\n\nTested locally.", change.title)),
            author: change.author.clone(),
            head_branch: format!("{}/{}", slug(&change.author), slug(&change.title)),
            head,
            base_branch: BRANCH.to_owned(),
            base,
            created_ms: wrote_ms,
            updated_ms: change.at_ms,
            state: PullState::Open,
            draft: false,
            labels: Vec::new(),
        };
        let (title, message) = super::pulls::default_merge_message(&pull, false);
        self.pulls.insert(number, pull);
        let text = format!("{title}\n\n{message}");
        let merge = self.write_commit(&after, vec![base, head], &text, &change.author, change.at_ms);
        self.mark_merged(number, base, merge, &change.author);
        self.land(change, merge, &before, &after);
    }

    /// Plays a commit made straight on the default branch.
    pub(super) fn play_commit(&mut self, change: &Change) {
        let base = self.main_head();
        let before = self.git.files_of(base);
        let after = self.edit_files(&before, &paths_of(change), &change.id);
        let commit = self.write_commit(&after, vec![base], &change.title, &change.author, change.at_ms);
        self.land(change, commit, &before, &after);
    }

    fn edit_files(&mut self, before: &Flat, paths: &[String], label: &str) -> Flat {
        let mut after = before.clone();
        for path in paths {
            let old = self.git.bytes(before.get(path).copied());
            let text = edited(self.dice, path, &String::from_utf8_lossy(&old), label);
            let blob = self.git.put_blob(text.as_bytes());
            after.insert(path.clone(), Leaf { mode: super::git::FileMode::Regular, blob });
        }
        after
    }

    fn land(&mut self, change: &Change, commit: Oid, before: &Flat, after: &Flat) {
        let changed = Store::changes(before, after).into_iter();
        let files = changed.map(|file| (file.path, (file.before, file.after))).collect();
        let applied = Applied { change: change.id.clone(), at_ms: change.at_ms, commit, files, undone: false };
        self.applied.push(applied);
        self.git.set_ref(&branch_ref(BRANCH), commit);
        self.plan_push_run(commit, Some(&change.id));
    }

    /// Plans the run of a push, unless an incident that the push causes brings the first run itself.
    pub(super) fn plan_push_run(&mut self, commit: Oid, change: Option<&str>) {
        let now_ms = self.clock_ms;
        let planned = self.troubles.iter().any(|trouble| {
            let incident = &trouble.incident;
            let soon = (now_ms..=now_ms + super::trouble::SAME_RUN_MS).contains(&incident.at_ms);
            incident.effect == crate::scenario::Effect::CiRed
                && soon
                && change.is_some()
                && incident.cause.as_deref() == change
        });
        if !planned {
            self.agenda.add(now_ms + 20 * SECOND_MS, Event::PushRun { head: commit });
        }
    }

    /// The commit by which a change of the scenario stands on the default branch.
    pub(super) fn commit_of_change(&self, change: &str) -> Option<Oid> {
        self.applied.iter().find(|applied| applied.change == change).map(|applied| applied.commit)
    }

    /// Points a branch at a commit on behalf of the API. Returns the ids of the changes that this undid.
    pub(super) fn move_branch(&mut self, branch: &str, commit: Oid) -> Vec<String> {
        self.git.set_ref(&branch_ref(branch), commit);
        self.follow_branch(branch);
        if branch != BRANCH {
            return Vec::new();
        }
        let undone = self.newly_undone();
        if !undone.is_empty() {
            let causes: Vec<Option<&str>> = undone.iter().map(|id| Some(id.as_str())).collect();
            self.settle(&causes, "github.revert_pr");
            self.agenda.add(self.clock_ms + REDEPLOY_AFTER_MS, Event::Redeploy);
        }
        self.plan_push_run(commit, None);
        undone
    }

    /// Marks the changes whose effect is gone from the default branch, and names them and the deploys they made.
    fn newly_undone(&mut self) -> Vec<String> {
        let now = self.git.files_of(self.main_head());
        let gone: Vec<usize> = (0..self.applied.len())
            .filter(|at| !self.applied[*at].undone && self.is_undone(&self.applied[*at], &now))
            .collect();
        let mut ids = Vec::new();
        for at in gone {
            self.applied[at].undone = true;
            ids.push(self.applied[at].change.clone());
            ids.extend(self.deploys_of(at));
        }
        ids
    }

    /// A change is undone when taking it back changes nothing: every line it wrote is as it was before.
    fn is_undone(&self, applied: &Applied, now: &Flat) -> bool {
        !applied.files.is_empty()
            && applied.files.iter().all(|(path, (before, after))| {
                let present = now.get(path).copied();
                if present == *before {
                    return true;
                }
                let (Some(_), Some(_), Some(_)) = (before, after, present) else { return false };
                let texts = [*after, present, *before].map(|leaf| self.git.bytes(leaf));
                merge_files(&texts[0], &texts[1], &texts[2]).is_some_and(|merged| merged == *texts[1])
            })
    }

    /// The scenario's deploys whose newest commit was this change: to take it back is to take them back.
    fn deploys_of(&self, at: usize) -> Vec<String> {
        let from_ms = self.applied[at].at_ms;
        let next_ms = self.applied.iter().map(|other| other.at_ms).filter(|other| *other > from_ms).min();
        let mut deploys = self.script.changes().iter().filter(|change| {
            change.kind == crate::scenario::ChangeKind::Deploy
                && change.at_ms >= from_ms
                && change.at_ms <= self.clock_ms
                && next_ms.is_none_or(|next| change.at_ms < next)
        });
        deploys.next().map(|change| change.id.clone()).into_iter().collect()
    }
}
