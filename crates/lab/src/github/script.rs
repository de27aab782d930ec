//! What will happen to the repository, and when: read from the scenario once; `play` carries it out.

use std::collections::{BTreeMap, BTreeSet};

use super::believable::slug;
use super::git::Oid;
use super::trouble::Trouble;
use crate::Scenario;
use crate::scenario::{Change, ChangeKind, Effect, Untrusted};
use crate::time::DAY_MS;

/// Who the background history is by.
pub(super) const FOUNDER: &str = "mira";
/// Files every repository of this world has.
const BASE_FILES: [&str; 6] =
    ["README.md", "package.json", "config/app.toml", ".github/workflows/ci.yml", "docs/setup.md", "src/index.ts"];
/// Pull requests merged before the scenario's history: days before it, title, file.
const BACKGROUND: [(i64, &str, &str); 4] = [
    (12, "deps: bump minor versions", "package.json"),
    (9, "docs: describe the local setup", "docs/setup.md"),
    (6, "ci: cache the package store", ".github/workflows/ci.yml"),
    (3, "index: drop an unused import", "src/index.ts"),
];

/// Something that happens at its time.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A change of the scenario or of the background, by index.
    Change(usize),
    /// A hostile text, by index.
    Untrusted(usize),
    /// The trouble of this index begins.
    TroubleBegins(usize),
    /// The trouble of this index has run its time.
    TroubleEnds(usize),
    /// The run of a push to the default branch starts.
    PushRun { head: Oid },
    /// The latest attempt of a run is over.
    FinishRun { run: u64 },
    /// A build is over.
    SettleDeployment { id: u64 },
    /// The platform deploys the head by itself.
    Redeploy,
}

/// Events by time; those of one instant in the order they were added.
#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    events: BTreeMap<(i64, u64), Event>,
    added: u64,
}

impl Agenda {
    pub(super) fn add(&mut self, at_ms: i64, event: Event) {
        self.added += 1;
        self.events.insert((at_ms, self.added), event);
    }

    /// Takes the next event due by `now_ms`.
    pub(super) fn next_until(&mut self, now_ms: i64) -> Option<(i64, Event)> {
        let (at_ms, _) = *self.events.first_key_value()?.0;
        if at_ms > now_ms {
            return None;
        }
        self.events.pop_first().map(|((at_ms, _), event)| (at_ms, event))
    }
}

/// The scenario as far as this service shows it.
#[derive(Debug)]
pub(super) struct Script {
    history_start_ms: i64,
    /// The background's changes, then the scenario's.
    changes: Vec<Change>,
    troubles: Vec<Trouble>,
    pub(super) untrusted: Vec<Untrusted>,
    first_number: u64,
}

impl Script {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let history_start_ms = scenario.history_start_ms().min(first_instant(scenario));
        let mut changes = background(history_start_ms);
        changes.extend(scenario.changes.iter().cloned());
        let troubles = scenario
            .incidents
            .iter()
            .filter(|incident| matches!(incident.effect, Effect::CiRed | Effect::DeployStuck))
            .map(|incident| Trouble { incident: incident.clone(), ended_ms: None })
            .collect();
        let mut script =
            Self { history_start_ms, changes, troubles, untrusted: scenario.untrusted.clone(), first_number: 0 };
        script.first_number = script.plan_numbers(scenario.seed);
        script
    }

    /// The number before the first one: such that the smallest number the scenario asks for comes in its turn.
    fn plan_numbers(&self, seed: u64) -> u64 {
        let Some(smallest) = self.reserved_numbers().first().copied() else { return 300 + seed % 100 };
        let asked = self.changes.iter().find(|change| change.pr == Some(smallest));
        let before_ms = asked.map_or(0, |change| change.at_ms);
        let pulls = self.changes.iter().filter(|change| change.kind == ChangeKind::Merge);
        let earlier = pulls.filter(|change| change.pr.is_none() && change.at_ms <= before_ms).count();
        let texts = self.untrusted.iter().filter(|text| takes_number(text) && text.at_ms <= before_ms).count();
        smallest.saturating_sub((earlier + texts) as u64 + 1)
    }

    pub(super) fn numbers_before(&self) -> u64 {
        self.first_number
    }

    pub(super) fn reserved_numbers(&self) -> BTreeSet<u64> {
        self.changes.iter().filter(|change| change.kind == ChangeKind::Merge).filter_map(|change| change.pr).collect()
    }

    /// When the repository was made.
    pub(super) fn born_ms(&self) -> i64 {
        self.history_start_ms - 30 * DAY_MS
    }

    pub(super) fn troubles(&self) -> Vec<Trouble> {
        self.troubles.clone()
    }

    pub(super) fn changes(&self) -> &[Change] {
        &self.changes
    }

    pub(super) fn change(&self, id: &str) -> Option<&Change> {
        self.changes.iter().find(|change| change.id == id)
    }

    /// Everything the scenario plans; of one instant, commits come before deployments and these before incidents.
    pub(super) fn agenda(&self) -> Agenda {
        let mut agenda = Agenda::default();
        let ships = |change: &Change| matches!(change.kind, ChangeKind::Deploy | ChangeKind::Release);
        for later in [false, true] {
            for (at, change) in self.changes.iter().enumerate().filter(|(_, change)| ships(change) == later) {
                agenda.add(change.at_ms, Event::Change(at));
            }
            if !later {
                for (at, text) in self.untrusted.iter().enumerate() {
                    agenda.add(text.at_ms, Event::Untrusted(at));
                }
            }
        }
        for (at, trouble) in self.troubles.iter().enumerate() {
            agenda.add(trouble.incident.at_ms, Event::TroubleBegins(at));
            if let Some(until_ms) = trouble.incident.until_ms {
                agenda.add(until_ms, Event::TroubleEnds(at));
            }
        }
        agenda
    }

    /// Every path that a change touches, and the base files.
    pub(super) fn paths(&self) -> BTreeSet<String> {
        let touched = self.changes.iter().flat_map(paths_of);
        BASE_FILES.iter().map(|path| (*path).to_owned()).chain(touched).collect()
    }
}

fn first_instant(scenario: &Scenario) -> i64 {
    let changes = scenario.changes.iter().map(|change| change.at_ms);
    let incidents = scenario.incidents.iter().map(|incident| incident.at_ms);
    let texts = scenario.untrusted.iter().map(|text| text.at_ms);
    changes.chain(incidents).chain(texts).min().unwrap_or(i64::MAX)
}

fn takes_number(text: &Untrusted) -> bool {
    matches!(text.channel.as_str(), "github_issue" | "pr_body")
}

/// The changes before the scenario's history: some merges, and the deployment that is live when it begins.
fn background(history_start_ms: i64) -> Vec<Change> {
    let change = |kind, at_ms, title: &str, files: Vec<String>| Change {
        id: format!("background {}", slug(title)),
        at_ms,
        kind,
        title: title.to_owned(),
        author: FOUNDER.to_owned(),
        files,
        frames: Vec::new(),
        flag: None,
        rollout: None,
        pr: None,
    };
    let merges = BACKGROUND.iter().map(|(days, title, file)| {
        change(ChangeKind::Merge, history_start_ms - days * DAY_MS, title, vec![(*file).to_owned()])
    });
    let live_ms = history_start_ms - 2 * DAY_MS;
    merges.chain([change(ChangeKind::Deploy, live_ms, "weekly deployment", Vec::new())]).collect()
}

/// The files a change touches: those it names, or one that suits its title.
pub(super) fn paths_of(change: &Change) -> Vec<String> {
    if !matches!(change.kind, ChangeKind::Merge | ChangeKind::Config) {
        return Vec::new();
    }
    let named: Vec<String> = change
        .files
        .iter()
        .map(|path| path.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/"))
        .filter(|path| !path.is_empty())
        .collect();
    match change.kind {
        _ if !named.is_empty() => named,
        ChangeKind::Config => vec!["config/app.toml".to_owned()],
        _ => vec![format!("src/{}.ts", slug(&change.title))],
    }
}
