//! The simulated product that the operators watch: a scenario of the lab, drawn from a seed.
//!
//! Small things and large ones, with and without a cause, by day and by night; changes that cause nothing; and what the detector makes of
//! plain chance. Nothing in it knows of the operators.

use wakeman_lab::{
    Scenario,
    scenario::{Change, ChangeKind, Effect, Incident, Metric, MetricKind, Noise},
    world::Dice,
};
use wakeman_types::{DAY_MS, HOUR_MS, MINUTE_MS};

/// Monday, 5 January 2026.
const START_MS: i64 = 1_767_571_200_000;
/// What the detectors learn from before anybody is told of anything.
const WARMUP_MS: i64 = 14 * DAY_MS;
/// Nothing begins so shortly after the start, or before the end.
const MARGIN_MS: i64 = 6 * HOUR_MS;

/// Name, event, level per five minutes, for a part or a duration also of which metric.
type Row = (&'static str, &'static str, MetricKind, f64, Option<&'static str>);

/// From busy to quiet; what others are of comes before them.
const METRICS: [Row; 12] = [
    ("Page views", "$pageview", MetricKind::Count, 180.0, None),
    ("Sign-ups", "signed_up", MetricKind::Count, 45.0, None),
    ("Checkouts", "checkout_completed", MetricKind::Count, 30.0, None),
    ("Searches", "searched", MetricKind::Count, 90.0, None),
    ("Activation", "activated", MetricKind::Ratio, 0.62, Some("Sign-ups")),
    ("Checkout time", "checkout_completed", MetricKind::Duration, 420.0, Some("Checkouts")),
    ("Uploads", "uploaded", MetricKind::Count, 60.0, None),
    ("Comments", "commented", MetricKind::Count, 36.0, None),
    ("Search time", "searched", MetricKind::Duration, 180.0, Some("Searches")),
    ("Shares", "shared", MetricKind::Count, 24.0, None),
    ("Invites", "invited", MetricKind::Count, 14.0, None),
    ("Exports", "exported", MetricKind::Count, 8.0, None),
];

/// How long, and how much of a product.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Days from the first look to the last.
    pub days: i64,
    /// How many of the metrics.
    pub metrics: usize,
    /// Alarms a week that the product is set to.
    pub alarms_per_week: u32,
    /// Between two looks, milliseconds.
    pub look_ms: i64,
}

/// The scenario of this size and seed.
pub fn scenario(size: Size, seed: u64) -> Scenario {
    let mut scene = Scene {
        dice: Dice::new(seed, "operators"),
        drawn: 0,
        scenario: Scenario {
            name: "operators".to_owned(),
            seed,
            start_ms: START_MS,
            watched_ms: size.days * DAY_MS,
            step_ms: 5 * MINUTE_MS,
            warmup_ms: WARMUP_MS,
            metrics: METRICS[..size.metrics.clamp(1, METRICS.len())].iter().map(metric).collect(),
            changes: Vec::new(),
            incidents: Vec::new(),
            outages: Vec::new(),
            untrusted: Vec::new(),
        },
    };
    for at in 0..scene.scenario.metrics.len() {
        // A problem that comes back within a day is the same finding again.
        scene.every((28, 52), |scene, at_ms| scene.trouble_of(at, at_ms));
    }
    scene.every((7, 17), Scene::error);
    scene.every((27, 47), Scene::red_build);
    scene.every((27, 47), Scene::stuck_deployment);
    scene.every((5, 13), |scene, at_ms| drop(scene.change(at_ms)));
    scene.scenario.changes.sort_by_key(|change| change.at_ms);
    scene.scenario
}

fn metric((name, event, kind, level, of): &Row) -> Metric {
    let noise = match kind {
        MetricKind::Count | MetricKind::Ratio => Noise::Poisson,
        MetricKind::Duration => Noise::Normal { deviation: 0.05 },
    };
    let swing = if *kind == MetricKind::Count { 0.35 } else { 0.03 };
    Metric {
        name: (*name).to_owned(),
        kind: *kind,
        level: *level,
        of: of.map(str::to_owned),
        daily_amplitude: swing,
        weekly_amplitude: swing / 4.0,
        trend_per_day: 0.0,
        noise,
        event: (*event).to_owned(),
        segments: Vec::new(),
        lag_ms: 0,
        replay: None,
    }
}

struct Scene {
    dice: Dice,
    /// Numbers drawn so far.
    drawn: u64,
    scenario: Scenario,
}

impl Scene {
    fn uniform(&mut self) -> f64 {
        self.drawn += 1;
        self.dice.uniform(self.drawn, 0)
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Something happens over and over, so many hours apart.
    fn every(&mut self, (least, most): (i32, i32), happens: impl Fn(&mut Self, i64)) {
        let apart = |scene: &mut Self| (scene.between(f64::from(least), f64::from(most)) * HOUR_MS as f64) as i64;
        let (mut at_ms, end_ms) = (START_MS + MARGIN_MS, self.scenario.end_ms() - MARGIN_MS);
        at_ms += (apart(self) as f64 * self.uniform()) as i64;
        while at_ms < end_ms {
            happens(self, at_ms);
            at_ms += apart(self);
        }
    }

    /// Of 100: 6 that wake anybody, 47 small ones, 47 large ones.
    fn trouble_of(&mut self, metric: usize, at_ms: i64) {
        let (kind, name) = (self.scenario.metrics[metric].kind, self.scenario.metrics[metric].name.clone());
        let (how_bad, down) = (self.uniform(), self.uniform() < 0.6);
        let (effect, (low, high)) = match (kind, down, how_bad) {
            (MetricKind::Duration, _, bad) if bad < 0.06 => (Effect::Shift, (2.4, 3.0)),
            (MetricKind::Duration, _, bad) if bad < 0.53 => (Effect::Shift, (1.2, 1.36)),
            (MetricKind::Duration, ..) => (Effect::Shift, (1.55, 1.8)),
            (_, _, bad) if bad < 0.06 => (Effect::Drop, (0.6, 0.85)),
            (MetricKind::Count, false, bad) if bad < 0.53 => (Effect::Spike, (1.2, 1.38)),
            (MetricKind::Count, false, _) => (Effect::Spike, (1.6, 2.5)),
            (_, _, bad) if bad < 0.53 => (Effect::Drop, (0.17, 0.29)),
            _ => (Effect::Drop, (0.36, 0.42)),
        };
        let (magnitude, hours) = (self.between(low, high), self.between(1.5, 3.5));
        let cause = self.cause(at_ms);
        self.incident(at_ms, (effect, magnitude), hours, Some(name), cause);
    }

    fn error(&mut self, at_ms: i64) {
        let rate = if self.uniform() < 0.05 { 220.0 } else { self.between(12.0, 70.0) };
        let hours = self.between(1.5, 4.0);
        let cause = self.cause(at_ms);
        self.incident(at_ms, (Effect::NewError, rate), hours, None, cause);
    }

    fn red_build(&mut self, at_ms: i64) {
        let hours = self.between(1.0, 3.0);
        let cause = self.cause(at_ms);
        self.incident(at_ms, (Effect::CiRed, 1.0), hours, None, cause);
    }

    fn stuck_deployment(&mut self, at_ms: i64) {
        let hours = self.between(1.5, 3.0);
        let cause = self.cause(at_ms);
        self.incident(at_ms, (Effect::DeployStuck, 1.0), hours, None, cause);
    }

    /// Half of what goes wrong somebody merged, some minutes before.
    fn cause(&mut self, at_ms: i64) -> Option<String> {
        let before = (self.between(3.0, 12.0) * MINUTE_MS as f64) as i64;
        (self.uniform() < 0.5).then(|| self.change(at_ms - before))
    }

    fn change(&mut self, at_ms: i64) -> String {
        const AREAS: [&str; 6] = ["signup", "checkout", "search", "upload", "profile", "mail"];
        const AUTHORS: [&str; 4] = ["ada", "grace", "alan", "lin"];
        let (area, author) = ((self.uniform() * 6.0) as usize % 6, (self.uniform() * 4.0) as usize % 4);
        let (nth, area) = (self.scenario.changes.len(), AREAS[area]);
        let id = format!("change-{nth}");
        self.scenario.changes.push(Change {
            id: id.clone(),
            at_ms,
            kind: ChangeKind::Merge,
            title: format!("{area}: step {nth}"),
            author: AUTHORS[author].to_owned(),
            files: vec![format!("web/{area}/step-{nth}.ts")],
            frames: Vec::new(),
            flag: None,
            rollout: None,
            pr: None,
        });
        id
    }

    fn incident(
        &mut self,
        at_ms: i64,
        (effect, magnitude): (Effect, f64),
        hours: f64,
        metric: Option<String>,
        cause: Option<String>,
    ) {
        let nth = self.scenario.incidents.len();
        self.scenario.incidents.push(Incident {
            id: format!("{}-{nth}", effect.word()),
            at_ms,
            until_ms: Some(at_ms + (hours * HOUR_MS as f64) as i64),
            metric,
            effect,
            magnitude,
            onset_ms: 0,
            segment: None,
            fix: cause.is_some().then(|| "github.revert_pr".to_owned()),
            cause,
        });
    }
}
