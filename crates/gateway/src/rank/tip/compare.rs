//! Is another tip policy better than the active one, by the log of tips? The same comparison as for interruptions.

use wakeman_ranking::{
    PolicyId,
    bandit::BanditError,
    ope::DifferenceBound,
    promotion::Evidence,
    tip::{TIP_REGISTRY, TipContext},
};
use wakeman_store::StoreError;
use wakeman_types::Timestamp;

use super::{place_of, rows::TipRecord};
use crate::{
    core::Core,
    rank::judge::{Compared, compared},
};

/// What the model of worth sees of an item: a constant, and everything that is known.
fn encoded(item: &TipContext) -> Option<Vec<f64>> {
    let features: [f64; TIP_REGISTRY.len()] = item.features().ok()?;
    Some(std::iter::once(1.0).chain(features).collect())
}

/// One tip with a reaction, or whose time for one has passed; `None`: there may still be one, or the record cannot be used.
fn round(record: &TipRecord, place: usize) -> Option<Compared> {
    if record.tip.worth.is_none() && !record.silent {
        return None;
    }
    let arms: Vec<Vec<f64>> = record.items.iter().map(|item| encoded(&item.context)).collect::<Option<_>>()?;
    let (base, target) = (record.opinions.first()?, record.opinions.get(place)?);
    let logged = *record.logging().get(record.chosen)?;
    let whole = [&base.propensities, &target.propensities].iter().all(|one| one.len() == arms.len());
    (whole && logged > 0.0).then(|| Compared {
        target: target.propensities.clone(),
        base: base.propensities.clone(),
        chosen: record.chosen,
        logged,
        shown: arms[record.chosen].clone(),
        arms,
        worth: record.tip.worth,
    })
}

/// V(policy) − V(egreedy-v1) by the tips since then. `log` is newest first.
///
/// # Errors
/// [`BanditError`] names the feature that cannot be.
pub(in crate::rank) fn difference(
    log: &[TipRecord],
    policy: &str,
    since: Timestamp,
) -> Result<DifferenceBound, BanditError> {
    let place = place_of(policy).unwrap_or(0);
    let rounds = log.iter().rev().filter(|record| record.tip.at >= since);
    compared(rounds.filter_map(|record| round(record, place)), |_, worth| worth)
}

/// Everything a promotion of this policy is judged by, of the tips since then. A tip interrupts nobody: it comes when it is asked for, or at a wakeup.
///
/// # Errors
/// The past could not be read.
pub(in crate::rank) async fn evidence(
    core: &Core,
    policy: PolicyId,
    from: Option<Timestamp>,
) -> Result<Result<Evidence, BanditError>, StoreError> {
    let from = from.unwrap_or(Timestamp(i64::MIN));
    let mut log = super::log(core).await?;
    log.retain(|record| record.tip.at >= from);
    let judged = super::judged::judged(&log, place_of(policy.as_str()).unwrap_or(0));
    Ok(difference(&log, policy.as_str(), from).map(|difference| Evidence {
        difference,
        ess: judged.ess.unwrap_or(0.0),
        agreement: judged.agreement.unwrap_or(0.0),
        interruptions_per_week: 0.0,
        budget_per_week: f64::from(core.settings.monitor.alarm_budget_per_week),
    }))
}
