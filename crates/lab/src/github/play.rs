//! Playing what the script says: each event as it changes the repository.

use super::actions::Trigger;
use super::believable::first_version;
use super::git::{FileMode, Flat, Leaf, Oid};
use super::issues::{NewIssue, Release};
use super::pulls::NewPull;
use super::script::{Event, FOUNDER};
use super::{BRANCH, Repo, branch_ref};
use crate::scenario::{Change, ChangeKind, Effect, Untrusted};
use crate::time::HOUR_MS;

impl Repo {
    /// The first commit: every file that will ever be touched, and the usual ones.
    pub(super) fn found(&mut self) {
        let mut files = Flat::new();
        for path in self.script.paths() {
            let blob = self.git.put_blob(first_version(self.dice, &path).as_bytes());
            files.insert(path, Leaf { mode: FileMode::Regular, blob });
        }
        let commit = self.write_commit(&files, Vec::new(), "Initial commit", FOUNDER, self.clock_ms);
        self.git.set_ref(&branch_ref(BRANCH), commit);
    }

    pub(super) fn play(&mut self, event: Event) {
        match event {
            Event::Change(at) => self.play_change(at),
            Event::Untrusted(at) => self.play_untrusted(at),
            Event::TroubleBegins(at) => self.begin_trouble(at),
            Event::TroubleEnds(at) => self.end_trouble(at),
            Event::PushRun { head } => self.start_push_run(head),
            Event::FinishRun { run } => self.finish_run(run),
            Event::SettleDeployment { id } => self.settle_deployment(id),
            Event::Redeploy => self.redeploy(),
        }
    }

    fn play_change(&mut self, at: usize) {
        let change = self.script.changes()[at].clone();
        match change.kind {
            ChangeKind::Merge => self.play_merge(&change),
            ChangeKind::Config => self.play_commit(&change),
            ChangeKind::Deploy => {
                let trouble = self.trouble_of_deploy(&change);
                self.deploy(&change.title, &change.author, trouble);
            }
            ChangeKind::Release => self.play_release(&change),
            ChangeKind::Flag | ChangeKind::Experiment => {}
        }
    }

    fn play_release(&mut self, change: &Change) {
        let version = |word: &&str| {
            let digits = word.trim_start_matches('v');
            digits.contains('.')
                && digits.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
        };
        let named = change.title.split_whitespace().find(version).map(str::to_owned);
        let tag = named.unwrap_or_else(|| format!("v1.{}.0", self.releases.len() + 1));
        self.git.set_ref(&format!("refs/tags/{tag}"), self.main_head());
        let id = self.next_id();
        let (name, author) = (change.title.clone(), change.author.clone());
        self.releases.push(Release { id, tag, name, author, at_ms: change.at_ms });
    }

    fn play_untrusted(&mut self, at: usize) {
        let Untrusted { channel, text, .. } = self.script.untrusted[at].clone();
        let label = format!("text {at}");
        let author = self.dice.pick(&["stranger", &label], &["ghost-rider", "nightcoder", "helpful-dev", "xq-9"]);
        let title: String = text.lines().next().unwrap_or_default().chars().take(120).collect();
        match channel.as_str() {
            "commit_message" => {
                let head = self.stranger_commit(&text, author, &label);
                self.git.set_ref(&branch_ref(BRANCH), head);
                self.plan_push_run(head, None);
            }
            "github_issue" => {
                let author = author.to_owned();
                self.open_issue(NewIssue { title, body: Some(text), author, ..NewIssue::default() });
            }
            "pr_body" => {
                let title =
                    self.dice.pick(&["title", &label], &["docs: fix a typo", "docs: clearer steps", "chore: tidy"]);
                let head = self.stranger_commit(title, author, &label);
                let head_branch = format!("{author}/patch-{}", at + 1);
                self.git.set_ref(&branch_ref(&head_branch), head);
                let new = NewPull {
                    title: title.to_owned(),
                    body: Some(text),
                    author: author.to_owned(),
                    head_branch,
                    base_branch: BRANCH.to_owned(),
                    draft: false,
                };
                // Branch and commit are new, so nothing is in the way.
                let _opened = self.open_pull(new);
            }
            _ => {}
        }
    }

    fn stranger_commit(&mut self, message: &str, author: &str, label: &str) -> Oid {
        let base = self.main_head();
        let mut files = self.git.files_of(base);
        let path = "docs/setup.md";
        let old = self.git.bytes(files.get(path).copied());
        let text = super::believable::edited(self.dice, path, &String::from_utf8_lossy(&old), label);
        let blob = self.git.put_blob(text.as_bytes());
        files.insert(path.to_owned(), Leaf { mode: FileMode::Regular, blob });
        self.write_commit(&files, vec![base], message, author, self.clock_ms)
    }

    fn begin_trouble(&mut self, at: usize) {
        if self.troubles[at].ended_ms.is_some() {
            return;
        }
        let incident = self.troubles[at].incident.clone();
        match incident.effect {
            Effect::CiRed => {
                let cause = incident.cause.as_deref().and_then(|id| self.commit_of_change(id));
                let trigger = if cause.is_some() { Trigger::Push } else { Trigger::Schedule };
                self.start_short_run(trigger, cause.unwrap_or_else(|| self.main_head()));
            }
            Effect::DeployStuck => {
                let begun = self.deployments.iter().any(|deployment| deployment.trouble == Some(at));
                let until_ms = incident.until_ms.unwrap_or(i64::MAX).min(incident.at_ms + HOUR_MS);
                let mut planned = self.script.changes().iter().filter(|change| change.kind == ChangeKind::Deploy);
                let soon = planned.any(|change| (incident.at_ms..until_ms).contains(&change.at_ms));
                if !begun && !soon {
                    self.redeploy();
                }
            }
            _ => {}
        }
    }

    /// An incident nobody repaired is over: the next run is green, the next deployment becomes ready.
    fn end_trouble(&mut self, at: usize) {
        if self.troubles[at].ended_ms.is_some() {
            return;
        }
        self.troubles[at].ended_ms = Some(self.clock_ms);
        match self.troubles[at].incident.effect {
            Effect::CiRed => self.start_short_run(Trigger::Schedule, self.main_head()),
            Effect::DeployStuck => self.redeploy(),
            _ => {}
        }
    }
}
