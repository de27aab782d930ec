//! What an operator made of earlier tips: what not to show again, and the features that describe them.

use std::f64::consts::TAU;

use chrono::{Datelike, TimeZone, Timelike};
use wakeman_ranking::tip::TipContext;
use wakeman_store::{ListQuery, StoreError};
use wakeman_types::{DAY_MS, Finding, HOUR_MS, OperatorId, Proposal, ProposalState, Timestamp, TipKind};

use super::{candidates::Candidate, rows::TipRecord};
use crate::core::Core;

/// Tips that are looked back at, the newest.
const LOOKED_BACK: usize = 200;
/// Of these, those whose end is looked up.
const FOLLOWED: usize = 50;
/// What was shown is not shown again for so long.
const PAUSE_MS: i64 = 20 * HOUR_MS;
/// What was called noise, for so long.
const NOISE_MS: i64 = 30 * DAY_MS;

/// An operator's past with tips.
pub(super) struct Past {
    records: Vec<TipRecord>,
    completion_rate: Option<f64>,
    preferred_hour: Option<f64>,
    acceptance_rate: Option<f64>,
    hours_to_react: Option<f64>,
}

/// Looks back. An item of the code host that was shown and is no longer among `found` is taken to be done.
///
/// # Errors
/// [`StoreError`] if the past could not be read.
pub(super) async fn of(core: &Core, operator: &OperatorId, found: &[Candidate]) -> Result<Past, StoreError> {
    let query = ListQuery::newest(LOOKED_BACK).state(operator.as_str());
    let items = core.store.list::<TipRecord>(&query).await?.items;
    let records: Vec<TipRecord> = items.into_iter().map(|found| found.value).collect();
    let mut done = Vec::new();
    for record in records.iter().take(FOLLOWED) {
        done.extend(is_done(core, record, found).await?);
    }
    let words: Vec<f64> = records.iter().filter_map(|record| record.tip.worth).collect();
    let delays = records.iter().filter_map(|record| {
        let first = record.reactions.first()?;
        Some(first.at.since(record.tip.at).max(0) as f64 / HOUR_MS as f64)
    });
    let hours = records.iter().filter_map(|record| Some(hour(core, operator, record.reactions.first()?.at)));
    Ok(Past {
        completion_rate: mean(done.into_iter().map(|done| f64::from(u8::from(done)))),
        preferred_hour: usual_hour(hours),
        acceptance_rate: mean(words.into_iter().map(|worth| f64::from(u8::from(worth >= 0.5)))),
        hours_to_react: mean(delays),
        records,
    })
}

/// Whether what the tip was about is done; `None`: it cannot be told.
async fn is_done(core: &Core, record: &TipRecord, found: &[Candidate]) -> Result<Option<bool>, StoreError> {
    let store = &core.store;
    let still = || found.iter().any(|item| item.about == record.tip.about);
    Ok(match (record.tip.kind, record.tip.finding, record.tip.proposal) {
        (TipKind::Finding, Some(id), _) => {
            let finding = store.get::<Finding>(&id.to_string()).await?;
            finding.map(|finding| finding.value.is_over())
        }
        (TipKind::Proposal, _, Some(id)) => {
            let proposal = store.get::<Proposal>(&id.to_string()).await?;
            proposal.map(|proposal| !matches!(proposal.value.state, ProposalState::Pending | ProposalState::Expired))
        }
        (TipKind::Pull | TipKind::Issue, ..) => Some(!still()),
        _ => None,
    })
}

impl Past {
    /// Whether this operator may be shown the item now.
    pub fn wants(&self, item: &Candidate, now: Timestamp) -> bool {
        !self.records.iter().filter(|record| record.tip.about == item.about).any(|record| {
            let age = now.since(record.tip.at);
            age < PAUSE_MS || (age < NOISE_MS && record.tip.worth == Some(0.0))
        })
    }

    /// What the policies see of an item.
    pub fn context(&self, core: &Core, operator: &OperatorId, item: &Candidate, open_items: usize) -> TipContext {
        let now = core.now();
        let zone = core.settings.timezone_of(operator);
        let local = zone.timestamp_millis_opt(now.ms()).single();
        TipContext {
            local_hour: hour(core, operator, now),
            weekday: local.map_or(0, |local| u8::try_from(local.weekday().num_days_from_monday()).unwrap_or(0)),
            overdue: item.overdue,
            age_days: now.since(item.since).max(0) as f64 / DAY_MS as f64,
            priority: item.priority,
            completion_rate: self.completion_rate,
            preferred_hour: self.preferred_hour,
            open_items: u32::try_from(open_items).unwrap_or(u32::MAX),
            acceptance_rate: self.acceptance_rate,
            hours_to_react: self.hours_to_react,
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// The hour of the day where they are, 0 up to 24.
fn hour(core: &Core, operator: &OperatorId, at: Timestamp) -> f64 {
    let local = core.settings.timezone_of(operator).timestamp_millis_opt(at.ms()).single();
    local.map_or(0.0, |local| f64::from(local.num_seconds_from_midnight()) / 3600.0)
}

/// The mean on the clock's circle; `None` where the hours say nothing.
fn usual_hour(hours: impl Iterator<Item = f64>) -> Option<f64> {
    let (sin, cos) = hours.fold((0.0, 0.0), |(sin, cos), hour| {
        let (s, c) = (hour / 24.0 * TAU).sin_cos();
        (sin + s, cos + c)
    });
    (f64::hypot(sin, cos) > 1e-9).then(|| (f64::atan2(sin, cos) / TAU * 24.0).rem_euclid(24.0))
}

#[cfg(test)]
mod tests {
    use super::usual_hour;

    #[test]
    fn the_usual_hour_goes_round_midnight() {
        let usual = |hours: &[f64]| usual_hour(hours.iter().copied());
        assert_eq!(usual(&[]), None);
        assert!((usual(&[9.0, 11.0]).unwrap() - 10.0).abs() < 1e-9);
        let night = usual(&[23.0, 1.0]).unwrap();
        assert!(!(1e-9..=24.0 - 1e-9).contains(&night), "{night}");
        assert_eq!(usual(&[3.0, 15.0]).map(|_| ()), None, "opposite hours say nothing");
    }
}
