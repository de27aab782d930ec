//! Which change probably caused an anomaly. Same input, same probabilities: nothing here learns or draws.
//!
//! Changes and "no change we know of" compete as causes, each with a rate (events per hour at the onset):
//!
//! - a change: P(a change of its kind breaks something) × density of its lead time × likelihood ratios of the evidence
//!   (files in new errors, names, the flag's split, what its rollout could do, the failing head commit);
//! - none: how often metrics of this kind break by themselves.
//!
//! A probability is a rate divided by the sum of all. A merge acts from when its deploy made it live; a deploy that carries
//! known merges hands its weight to them.

mod evidence;
mod input;
mod lead_time;
mod names;
mod reason;
mod split;

pub use input::{Anomaly, CandidateChange, ChangeKind, ErrorEvidence, FlagSplit};
pub use reason::{Ranked, Ranking, Reason};

use evidence::Weighed;

/// How often a metric breaks with no change of ours behind it: once in two weeks, per hour.
const NONE_RATE: f64 = 1.0 / (14.0 * 24.0);
/// Share of its weight that a deploy keeps when what it carries is known: the machinery itself can fail.
const DEPLOY_KEEPS: f64 = 0.1;

/// Ranks `changes` as causes of `anomaly`, most probable first, ties by id. All probabilities and
/// [`Ranking::none_probability`] sum to 1. The order of `changes` does not matter.
pub fn correlate(anomaly: &Anomaly, changes: &[CandidateChange]) -> Ranking {
    let mut changes: Vec<&CandidateChange> = changes.iter().collect();
    changes.sort_by(|a, b| a.id.cmp(&b.id).then(a.at_ms.cmp(&b.at_ms)));
    let ships = Shipping::of(&changes);
    let mut weighed: Vec<Weighed> = changes
        .iter()
        .enumerate()
        .map(|(i, change)| evidence::weigh(anomaly, change, ships.deploy_of(i, &changes)))
        .collect();
    ships.pass_on(&changes, &mut weighed);
    let total = NONE_RATE + weighed.iter().map(|w| w.rate).sum::<f64>();
    let mut ranked: Vec<Ranked> = changes
        .iter()
        .zip(weighed)
        .map(|(change, w)| Ranked { id: change.id.clone(), probability: w.rate / total, reasons: w.reasons })
        .collect();
    ranked.sort_by(|a, b| b.probability.total_cmp(&a.probability).then_with(|| a.id.cmp(&b.id)));
    Ranking { ranked, none_probability: NONE_RATE / total }
}

/// Which deploy carries which change: pairs of indices (deploy, carried).
struct Shipping(Vec<(usize, usize)>);

impl Shipping {
    fn of(changes: &[&CandidateChange]) -> Self {
        let is_carrier = |c: &CandidateChange| matches!(c.kind, ChangeKind::Deploy | ChangeKind::Release);
        let mut pairs = Vec::new();
        for (d, deploy) in changes.iter().enumerate().filter(|(_, c)| is_carrier(c)) {
            for (m, merge) in changes.iter().enumerate().filter(|(_, c)| !is_carrier(c)) {
                if deploy.carries.contains(&merge.id) || merge.live_by.as_deref() == Some(&deploy.id) {
                    pairs.push((d, m));
                }
            }
        }
        Self(pairs)
    }

    /// The first deploy that made a change live.
    fn deploy_of<'a>(&self, change: usize, changes: &[&'a CandidateChange]) -> Option<&'a CandidateChange> {
        let carriers = self.0.iter().filter(|(_, m)| *m == change).map(|(d, _)| changes[*d]);
        carriers.min_by_key(|deploy| deploy.live_from_ms())
    }

    /// Moves weight from each deploy to what it carries, in proportion to how suspect that is by itself.
    fn pass_on(&self, changes: &[&CandidateChange], weighed: &mut [Weighed]) {
        for deploy in 0..changes.len() {
            let carried: Vec<usize> = self.0.iter().filter(|(d, _)| *d == deploy).map(|(_, m)| *m).collect();
            let suspicion: f64 = carried.iter().map(|&m| weighed[m].rate).sum();
            if suspicion <= 0.0 {
                continue;
            }
            let passed = weighed[deploy].rate * (1.0 - DEPLOY_KEEPS);
            let shares: Vec<f64> = carried.iter().map(|&m| passed * weighed[m].rate / suspicion).collect();
            carried.iter().zip(shares).for_each(|(&m, share)| weighed[m].rate += share);
            weighed[deploy].rate -= passed;
            let ids = carried.iter().map(|&m| changes[m].id.clone()).collect();
            weighed[deploy].reasons.push(Reason::Carries { ids });
        }
    }
}
