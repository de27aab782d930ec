//! GitHub: one repository with its history, pull requests, workflow runs, deployments, releases and issues.
//!
//! Owns: the repository's state ([`Repo`]) and the REST and GraphQL answers about it ([`router`]).
//! Must not: know the product's numbers; repairs are reported to the world, which decides what they end.
//! Start at [`Repo::advance`] for how time moves it, then `api` for what is asked of it.

mod actions;
mod api;
mod believable;
mod changes;
pub(crate) mod deployments;
mod git;
mod graphql;
mod issues;
mod play;
mod pulls;
mod render;
mod script;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod trouble;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use api::router;

use crate::{Scenario, World};
use actions::Run;
use api::Limits;
use believable::Dice;
use changes::Applied;
pub(crate) use deployments::Deployment;
use git::{Commit, Flat, Oid, Signature, Store};
use issues::{Comment, Issue, Release};
use pulls::Pull;
use script::{Agenda, Script};
use trouble::Trouble;

/// The account that owns the repository.
pub(crate) const OWNER: &str = "acme";
/// The repository's name.
pub(crate) const NAME: &str = "app";
/// The default branch.
pub(crate) const BRANCH: &str = "main";
/// Whom every access token belongs to.
const API_USER: &str = "acme-ops";
/// Who records deployments.
const DEPLOY_USER: &str = "vercel[bot]";
/// Ids count up from here, over all kinds of things.
const FIRST_ID: u64 = 41_000_000;

/// The full ref name of a branch.
fn branch_ref(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

/// Brings the services up to date with the world before one of them answers: repairs made elsewhere count here too,
/// and Vercel builds what GitHub lists.
pub(crate) fn sync(world: &mut World) {
    let active: BTreeSet<String> = world
        .scenario
        .incidents
        .iter()
        .filter(|incident| world.incident_active(&incident.id, world.now_ms))
        .map(|incident| incident.id.clone())
        .collect();
    world.github.sync_troubles(&active);
    world.vercel.note(&world.github);
}

/// The repository's state at one instant; a clone is a snapshot.
#[derive(Debug, Clone)]
pub struct Repo {
    script: Arc<Script>,
    dice: Dice,
    clock_ms: i64,
    agenda: Agenda,
    last_id: u64,
    last_number: u64,
    reserved_numbers: BTreeSet<u64>,
    git: Store,
    pulls: BTreeMap<u64, Pull>,
    issues: BTreeMap<u64, Issue>,
    comments: Vec<Comment>,
    runs: Vec<Run>,
    deployments: Vec<Deployment>,
    releases: Vec<Release>,
    applied: Vec<Applied>,
    troubles: Vec<Trouble>,
    limits: Limits,
}

impl Repo {
    /// The repository with its first commit, long before the scenario's history.
    pub fn new(scenario: &Scenario) -> Repo {
        let script = Arc::new(Script::new(scenario));
        let mut repo = Repo {
            dice: Dice::new(scenario.seed),
            clock_ms: script.born_ms(),
            agenda: script.agenda(),
            last_id: FIRST_ID,
            last_number: script.numbers_before(),
            reserved_numbers: script.reserved_numbers(),
            troubles: script.troubles(),
            script,
            git: Store::default(),
            pulls: BTreeMap::new(),
            issues: BTreeMap::new(),
            comments: Vec::new(),
            runs: Vec::new(),
            deployments: Vec::new(),
            releases: Vec::new(),
            applied: Vec::new(),
            limits: Limits::default(),
        };
        repo.found();
        repo
    }

    /// Moves the repository to `now_ms`: what was to happen by then has happened, in order.
    pub fn advance(&mut self, now_ms: i64) {
        while let Some((at_ms, event)) = self.agenda.next_until(now_ms) {
            self.clock_ms = self.clock_ms.max(at_ms);
            self.play(event);
        }
        self.clock_ms = self.clock_ms.max(now_ms);
    }

    /// The workflow runs that an incident made fail, for `/_lab/state?truth=1`.
    pub fn run_ids(&self, incident: &str) -> Vec<u64> {
        let mine = |run: &&Run| run.trouble.is_some_and(|at| self.troubles[at].incident.id == incident);
        self.runs.iter().filter(mine).map(|run| run.id).collect()
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The number of the next issue or pull request: `wanted`, or the next one no change of the scenario asks for.
    fn next_number(&mut self, wanted: Option<u64>) -> u64 {
        let taken = |number: u64| self.pulls.contains_key(&number) || self.issues.contains_key(&number);
        let free = |number: &u64| !taken(*number) && !self.reserved_numbers.contains(number);
        let number = wanted
            .filter(|number| !taken(*number))
            .unwrap_or_else(|| (self.last_number + 1..).find(free).unwrap_or(self.last_number + 1));
        self.last_number = self.last_number.max(number);
        number
    }

    fn main_head(&self) -> Oid {
        self.git.reference(&branch_ref(BRANCH)).expect("invariant: the default branch exists")
    }

    /// Stores a tree and a commit of it; author and committer are the same person at the same time.
    fn write_commit(&mut self, files: &Flat, parents: Vec<Oid>, message: &str, login: &str, at_ms: i64) -> Oid {
        let tree = self.git.put_tree(files);
        let author = signature(login, at_ms);
        let committer = author.clone();
        self.git.put_commit(Commit { tree, parents, author, committer, message: message.to_owned() })
    }
}

/// Domain of the addresses GitHub gives to people who hide theirs.
const EMAIL_DOMAIN: &str = "users.noreply.github.com";

fn signature(login: &str, at_ms: i64) -> Signature {
    Signature { name: login.to_owned(), email: format!("{login}@{EMAIL_DOMAIN}"), at_ms }
}

/// The account behind a commit's address, if it is one of GitHub's.
fn login_of(signature: &Signature) -> Option<&str> {
    let (login, domain) = signature.email.split_once('@')?;
    (domain == EMAIL_DOMAIN).then(|| login.rsplit_once('+').map_or(login, |(_, login)| login))
}
