//! The world's state and how it moves. The clock stands still until [`World::advance_to`].

mod draw;
mod effect;
mod level;
mod plan;
mod stream;

pub use draw::{Dice, normal_quantile};
pub(crate) use plan::trials_event;
pub use stream::{Dim, Stream};

use crate::gate::EffectRecord;
use crate::scenario::{OutageMode, Scenario, Service};
use crate::{github, posthog, vercel};

/// The kind of action that edits a feature flag.
const SET_FLAG: &str = "posthog.set_flag";

/// Everything that exists at one instant.
pub struct World {
    /// What was read from the scenario's file; never changes.
    pub scenario: Scenario,
    /// Seeds every random number.
    pub seed: u64,
    /// The world's clock, Unix milliseconds.
    pub now_ms: i64,
    /// The repository.
    pub github: github::Repo,
    /// The deployments.
    pub vercel: vercel::Vercel,
    /// PostHog's flags, errors and so on.
    pub posthog: posthog::State,
    /// How each of the scenario's incidents (same order) ended early, if it did.
    pub endings: Vec<Option<Ending>>,
    /// Every request so far that could have changed something.
    pub effects: Vec<EffectRecord>,
    /// The product's events.
    pub streams: Vec<Stream>,
    stale_github: Option<github::Repo>,
    stale_vercel: Option<vercel::Vercel>,
}

/// The early end of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// When the repair took effect, Unix milliseconds.
    pub at_ms: i64,
    /// The kind of action that did it.
    pub by: String,
}

impl World {
    /// The world at its scenario's start, with its history.
    pub fn new(scenario: Scenario) -> World {
        let mut world = World {
            seed: scenario.seed,
            now_ms: scenario.history_start_ms(),
            github: github::Repo::new(&scenario),
            vercel: vercel::Vercel::new(&scenario),
            posthog: posthog::State::new(&scenario),
            endings: vec![None; scenario.incidents.len()],
            streams: plan::streams(&scenario),
            effects: Vec::new(),
            stale_github: None,
            stale_vercel: None,
            scenario,
        };
        let start_ms = world.scenario.start_ms;
        world.step_to(start_ms);
        world
    }

    /// Moves the clock; going backwards is ignored. Snapshots for stale answers are taken on the way.
    pub fn advance_to(&mut self, to_ms: i64) {
        let mut stops: Vec<i64> =
            self.scenario.outages.iter().flat_map(|outage| [outage.at_ms, outage.until_ms]).collect();
        stops.retain(|stop| (self.now_ms..=to_ms).contains(stop));
        stops.push(to_ms);
        stops.sort_unstable();
        for stop in stops {
            self.step_to(stop);
        }
    }

    fn step_to(&mut self, to_ms: i64) {
        if to_ms < self.now_ms {
            return;
        }
        self.now_ms = to_ms;
        self.github.advance(to_ms);
        self.vercel.advance(to_ms);
        self.grow_streams();
        github::sync(self);
        self.keep_snapshots();
    }

    /// Generates the steps up to the running one.
    fn grow_streams(&mut self) {
        let steps = (self.now_ms - self.scenario.history_start_ms()).div_euclid(self.scenario.step_ms) + 1;
        let context = stream::Context { scenario: &self.scenario, endings: &self.endings, flags: &self.posthog.flags };
        for place in 0..self.streams.len() {
            let (before, rest) = self.streams.split_at_mut(place);
            let Some(stream) = rest.first_mut() else { continue };
            while (stream.steps() as i64) < steps {
                stream.grow(&context, stream.rate.base().map(|base| &before[base]));
            }
        }
    }

    fn keep_snapshots(&mut self) {
        let stale = |service| self.outage(service).is_some_and(|mode| mode == OutageMode::Stale);
        let (github, vercel) = (stale(Service::Github), stale(Service::Vercel));
        self.stale_github = github.then(|| self.stale_github.take().unwrap_or_else(|| self.github.clone()));
        self.stale_vercel = vercel.then(|| self.stale_vercel.take().unwrap_or_else(|| self.vercel.clone()));
    }

    /// Random numbers of this world for one purpose.
    pub fn dice(&self, label: &str) -> Dice {
        Dice::new(self.seed, label)
    }

    /// How the service fails now, if it does.
    pub fn outage(&self, service: Service) -> Option<OutageMode> {
        let now_ms = self.now_ms;
        let mut now = self.scenario.outages.iter().filter(|outage| (outage.at_ms..outage.until_ms).contains(&now_ms));
        now.find(|outage| outage.service == service).map(|outage| outage.mode)
    }

    /// Seconds until the service is well again; 0 if it is.
    pub fn outage_seconds_left(&self, service: Service) -> i64 {
        let now_ms = self.now_ms;
        let mut all = self.scenario.outages.iter().filter(|outage| outage.service == service);
        let current = all.find(|outage| (outage.at_ms..outage.until_ms).contains(&now_ms));
        current.map_or(0, |outage| (outage.until_ms - now_ms + 999) / 1_000)
    }

    /// The instant the service's answers are about: the beginning of a stale outage, else now.
    pub fn seen_ms(&self, service: Service) -> i64 {
        let now_ms = self.now_ms;
        let stale = |outage: &&crate::scenario::Outage| {
            outage.service == service
                && outage.mode == OutageMode::Stale
                && (outage.at_ms..outage.until_ms).contains(&now_ms)
        };
        self.scenario.outages.iter().find(stale).map_or(now_ms, |outage| outage.at_ms.min(now_ms))
    }

    /// The repository as reads see it: a snapshot during a stale outage. Writes go to [`World::github`].
    pub fn github_view(&self) -> &github::Repo {
        self.stale_github.as_ref().unwrap_or(&self.github)
    }

    /// The deployments as reads see them: a snapshot during a stale outage. Writes go to [`World::vercel`].
    pub fn vercel_view(&self) -> &vercel::Vercel {
        self.stale_vercel.as_ref().unwrap_or(&self.vercel)
    }

    /// Whether the incident has begun and is neither over nor repaired at `at_ms`.
    pub fn incident_active(&self, id: &str, at_ms: i64) -> bool {
        let all = self.scenario.incidents.iter().zip(&self.endings);
        all.into_iter().any(|(incident, ending)| {
            incident.id == id
                && incident.at_ms <= at_ms
                && incident.until_ms.is_none_or(|until| at_ms < until)
                && ending.as_ref().is_none_or(|ending| at_ms < ending.at_ms)
        })
    }

    /// A repair took effect now: ends the incidents whose cause is `change_id` ("none": no change) and whose fix is
    /// `action_kind`, if they have begun and are not over. Nothing happens if there are none.
    pub fn landed(&mut self, change_id: &str, action_kind: &str) {
        let now_ms = self.now_ms;
        for (incident, ending) in self.scenario.incidents.iter().zip(&mut self.endings) {
            let theirs = incident.cause.as_deref().unwrap_or("none") == change_id;
            let begun = incident.at_ms <= now_ms && incident.until_ms.is_none_or(|until| now_ms < until);
            if theirs && begun && ending.is_none() && incident.fix.as_deref() == Some(action_kind) {
                *ending = Some(Ending { at_ms: now_ms, by: action_kind.to_owned() });
            }
        }
    }

    /// A flag was edited now: if that undoes what a change did to it, the change's repair has landed.
    pub fn flag_edited(&mut self, key: &str) {
        let now_ms = self.now_ms;
        let reach = self.posthog.flags.reach(key, now_ms).unwrap_or(0.0);
        let undone = |change: &&crate::scenario::Change| {
            let edit = change.flag_edit().filter(|(flag, _)| *flag == key && change.at_ms <= now_ms);
            edit.is_some_and(|(_, rollout)| if rollout > 0.0 { reach <= 0.0 } else { reach > 0.0 })
        };
        let changes: Vec<String> =
            self.scenario.changes.iter().filter(undone).map(|change| change.id.clone()).collect();
        for change in changes {
            self.landed(&change, SET_FLAG);
        }
    }
}
