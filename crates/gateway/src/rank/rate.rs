//! How often findings of a kind were useful.

use wakeman_ranking::SourceKind;
use wakeman_store::{ListQuery, StoreError};

use super::rows::{ReactionRecord, features_from};
use crate::core::Core;

/// Reactions that are looked back at, the newest.
const LOOKED_BACK: usize = 200;
/// What is believed before anybody reacted, and how many reactions that belief is worth: one word alone decides nothing.
const PRIOR: (f64, f64) = (0.5, 4.0);

/// What was lately made of findings of this source, the newest first.
///
/// # Errors
/// [`StoreError`] if the past could not be read.
pub(super) async fn of_source(core: &Core, code: f64) -> Result<Vec<ReactionRecord>, StoreError> {
    let found = core.store.list::<ReactionRecord>(&ListQuery::newest(LOOKED_BACK)).await?.items;
    let of_kind = found
        .into_iter()
        .map(|found| found.value)
        .filter(|record| features_from(&record.features).and_then(|features| features.get("source")) == Some(code));
    Ok(of_kind.collect())
}

/// The mean worth of findings from this source to whoever reacted lately, drawn towards a half; `None`: nobody did.
///
/// # Errors
/// [`StoreError`] if the past could not be read.
pub(crate) async fn useful_rate(core: &Core, source: SourceKind) -> Result<Option<f64>, StoreError> {
    let found = of_source(core, f64::from(source as u8)).await?;
    Ok(rate(found.iter().filter_map(|record| record.worth)))
}

fn rate(worth: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = worth.fold((0.0, 0_u32), |(sum, count), worth| (sum + worth, count + 1));
    (count > 0).then(|| (sum + PRIOR.0 * PRIOR.1) / (f64::from(count) + PRIOR.1))
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn few_words_say_little_and_many_say_what_they_say() {
        assert_eq!(rate(std::iter::empty()), None);
        assert_eq!(rate(std::iter::once(0.0)), Some(0.4));
        assert!(rate(std::iter::repeat_n(0.0, 36)).is_some_and(|rate| rate <= 0.05));
        assert!(rate(std::iter::repeat_n(1.0, 100)).is_some_and(|rate| rate > 0.98));
    }
}
