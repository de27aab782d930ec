//! A simulated metric: daily and weekly seasons, a trend, overdispersed noise, and perhaps an incident.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Binomial, Distribution, Gamma, Poisson, StandardNormal};
use std::f64::consts::TAU;
use wakeman_detect::{Bucket, Config, Detector, Kind, Verdict};

pub const STEP: i64 = 300_000;
pub const DAY: i64 = 288;
pub const HOUR: i64 = 12;
/// A Monday.
const START: i64 = 1_700_438_400_000;

/// What happens to the level.
#[derive(Clone, Copy)]
pub struct Incident {
    /// First bucket.
    pub from: i64,
    /// Bucket after the last.
    pub to: i64,
    /// What the level is multiplied by.
    pub times: f64,
    /// Buckets until the full effect.
    pub onset: i64,
}

pub struct Metric {
    rng: ChaCha8Rng,
    pub kind: Kind,
    pub level: f64,
    pub daily: f64,
    pub weekly: f64,
    pub incident: Option<Incident>,
}

impl Metric {
    pub fn new(kind: Kind, level: f64, seed: u64) -> Self {
        let (daily, weekly) = if kind == Kind::Count { (0.4, 0.2) } else { (0.05, 0.02) };
        Self { rng: ChaCha8Rng::seed_from_u64(seed), kind, level, daily, weekly, incident: None }
    }

    pub fn with(mut self, from: i64, hours: i64, times: f64) -> Self {
        self.incident = Some(Incident { from, to: from + hours * HOUR, times, onset: 0 });
        self
    }

    pub fn with_onset(mut self, buckets: i64) -> Self {
        self.incident.iter_mut().for_each(|incident| incident.onset = buckets);
        self
    }

    pub fn start_ms(i: i64) -> i64 {
        START + i * STEP
    }

    fn mean(&self, i: i64) -> f64 {
        let day = i as f64 / DAY as f64;
        let season = (1.0 + self.daily * (TAU * (day - 0.3)).sin()) * (1.0 + self.weekly * (TAU * day / 7.0).sin());
        let mean = self.level * season * (1.0 + 0.003 * day);
        match self.incident.filter(|incident| (incident.from..incident.to).contains(&i)) {
            Some(incident) => {
                let part = ((i - incident.from + 1) as f64 / incident.onset.max(1) as f64).min(1.0);
                mean * (1.0 + (incident.times - 1.0) * part)
            }
            None => mean,
        }
    }

    /// Bucket number `i`. Call in order: the noise is drawn from one stream.
    pub fn bucket(&mut self, i: i64) -> Bucket {
        let (mean, start) = (self.mean(i), Self::start_ms(i));
        let traffic = 200.0 * (1.0 + 0.4 * (TAU * i as f64 / DAY as f64).sin());
        match self.kind {
            Kind::Count => Bucket::count(start, self.negative_binomial(mean)),
            Kind::Ratio => {
                let share = Beta::new(mean * 300.0, (1.0 - mean) * 300.0).map_or(mean, |d| d.sample(&mut self.rng));
                let hits = Binomial::new(traffic as u64, share).map_or(0, |d| d.sample(&mut self.rng));
                Bucket::ratio(start, hits as f64 / traffic.floor(), traffic.floor())
            }
            Kind::Duration => {
                let samples = (traffic / 4.0).round();
                let mut normal = || self.rng.sample::<f64, _>(StandardNormal);
                let value = mean * (1.0 + 0.05 * normal()) * (1.0 + 0.6 / samples.sqrt() * normal());
                Bucket::duration(start, value.max(1.0), samples)
            }
        }
    }

    /// Size 20, as the lab has it.
    fn negative_binomial(&mut self, mean: f64) -> f64 {
        if mean <= 0.0 {
            return 0.0;
        }
        let rate: f64 = Gamma::new(20.0, mean / 20.0).map_or(mean, |d| d.sample(&mut self.rng));
        Poisson::new(rate).map_or(0.0, |d| d.sample(&mut self.rng))
    }

    /// A detector with the default configuration that has seen the first `buckets`.
    pub fn watched(&mut self, buckets: i64) -> Detector {
        let mut detector = detector(self.kind);
        feed(&mut detector, self, 0, buckets, |_, _| {});
        detector
    }
}

pub fn detector(kind: Kind) -> Detector {
    Detector::new(Config::new(kind, STEP)).expect("the default configuration is sound")
}

/// Feeds buckets `from..to` and hands every verdict to `look`.
pub fn feed(detector: &mut Detector, metric: &mut Metric, from: i64, to: i64, mut look: impl FnMut(i64, &Verdict)) {
    for i in from..to {
        let verdict = detector.observe(metric.bucket(i));
        look(i, &verdict);
    }
}
