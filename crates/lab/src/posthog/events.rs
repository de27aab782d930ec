//! Single events made up from the counts: who did it, its id, and the properties that are decided event by event.

use std::sync::Arc;

use super::issues;
use crate::World;
use crate::world::{Dice, Stream, normal_quantile};

/// The property that carries a duration metric.
pub(crate) const DURATION: &str = "duration_ms";
/// Prefix of the properties that tell which flags a user has.
const FEATURE: &str = "$feature/";
/// Channel of hostile texts that stand in a property.
const PROPERTY_CHANNEL: &str = "posthog_property";
/// The property of hostile texts that do not name one.
const PROPERTY_DEFAULT: &str = "utm_campaign";
/// One event in so many carries a hostile text once it is about.
const HOSTILE_ONE_IN: u64 = 25;
/// Distinct users of the product.
const USERS: u64 = 5_000;
/// Spread of single durations around their step's mean.
const DURATION_SPREAD: f64 = 0.25;
/// Properties every event has.
const COMMON: [(&str, &str); 2] = [("$lib", "web"), ("$host", "app.acme.example")];

/// One event.
pub(crate) struct Event<'w> {
    pub(crate) world: &'w World,
    pub(crate) stream: &'w Stream,
    pub(crate) step: usize,
    pub(crate) cell: usize,
    /// Its place among the `count` events of its cell and step.
    pub(crate) at: u32,
    pub(crate) count: u32,
    pub(crate) time_ms: i64,
}

/// A hostile text's property and value: `key=value`, or the whole text in a common property.
fn hostile_property(text: &str) -> (&str, &str) {
    let is_key = |key: &str| {
        !key.is_empty() && key.chars().all(|letter| letter.is_ascii_alphanumeric() || "$_./-".contains(letter))
    };
    text.split_once('=').filter(|(key, _)| is_key(key)).unwrap_or((PROPERTY_DEFAULT, text))
}

/// The hostile texts in a property that have appeared by an instant.
fn hostile<'w>(world: &'w World, key: &str, at_ms: i64) -> Vec<&'w str> {
    let texts = world.scenario.untrusted.iter().filter(|text| text.channel == PROPERTY_CHANNEL && text.at_ms <= at_ms);
    texts.map(|text| hostile_property(&text.text)).filter(|(name, _)| *name == key).map(|(_, value)| value).collect()
}

/// Whether a property of a stream's events is decided event by event.
pub(crate) fn is_decided_per_event(world: &World, stream: &Stream, key: &str) -> bool {
    let fixed = stream.dims.iter().any(|dim| dim.key == key) || stream.constants.iter().any(|(name, _)| name == key);
    let flag = key.strip_prefix(FEATURE).is_some_and(|flag| world.posthog.flags.named(flag).is_some());
    (!fixed && flag) || !hostile(world, key, world.now_ms).is_empty()
}

/// The value that all of a stream's events have for a property.
pub(crate) fn constant<'s>(stream: &'s Stream, key: &str) -> Option<&'s str> {
    let own = stream.constants.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    own.or_else(|| COMMON.iter().find(|(name, _)| *name == key).map(|(_, value)| *value))
}

/// The keys of all properties that events have at an instant, each once, sorted.
pub(crate) fn property_keys(world: &World, at_ms: i64) -> Vec<String> {
    let mut keys: Vec<String> = COMMON.iter().map(|(key, _)| (*key).to_owned()).collect();
    for stream in &world.streams {
        keys.extend(stream.dims.iter().map(|dim| dim.key.clone()));
        keys.extend(stream.constants.iter().map(|(key, _)| key.clone()));
        keys.extend(stream.has_duration().then(|| DURATION.to_owned()));
    }
    keys.extend(world.posthog.flags.existing(at_ms).map(|flag| format!("{FEATURE}{}", flag.key)));
    let texts = world.scenario.untrusted.iter().filter(|text| text.channel == PROPERTY_CHANNEL && text.at_ms <= at_ms);
    keys.extend(texts.map(|text| hostile_property(&text.text).0.to_owned()));
    keys.sort();
    keys.dedup();
    keys
}

impl Event<'_> {
    fn lane(&self) -> u64 {
        u64::from(self.at) | (self.cell as u64) << 32
    }

    /// The user, one of a few thousand; the same user has the same flags.
    pub(crate) fn user(&self) -> u64 {
        const TRIES: u64 = 64;
        let exposures: Vec<(&str, bool)> = (0..self.stream.dims.len())
            .filter_map(|dim| {
                let flag = self.stream.dims[dim].key.strip_prefix(FEATURE)?;
                Some((flag, self.stream.value_of(self.cell, dim) == "true"))
            })
            .collect();
        let user = |attempt: u64| self.stream.dice.below(self.step as u64, self.lane() | attempt << 56, USERS);
        let fits = |user: &u64| exposures.iter().all(|(flag, has)| self.has_flag(*user, flag) == Some(*has));
        (0..TRIES).map(user).find(fits).unwrap_or_else(|| user(0))
    }

    /// Whether a user has a flag at the event's time; `None` if the flag does not exist then.
    fn has_flag(&self, user: u64, key: &str) -> Option<bool> {
        let flag = self.world.posthog.flags.named(key).filter(|flag| flag.created_ms <= self.time_ms)?;
        Some(Dice::new(self.world.seed, key).uniform(user, 7) < flag.setting(self.time_ms).reach())
    }

    pub(crate) fn distinct_id(&self) -> String {
        format!("user_{:05}", self.user())
    }

    pub(crate) fn uuid(&self) -> String {
        issues::uuid(self.stream.dice, (self.step as u64) << 20 ^ self.lane().wrapping_mul(0x9e37_79b9))
    }

    /// Its duration: spread around the step's mean so that a whole step averages to it.
    pub(crate) fn duration_ms(&self) -> Option<f64> {
        let mean = self.stream.mean_duration_ms(self.step, self.cell)?;
        // Neighbours in time should not be neighbours in duration: walk the ranks in a stride of about 0.618 n.
        let count = u64::from(self.count.max(1));
        let stride = (count * 618 / 1_000..).find(|stride| gcd((*stride).max(1), count) == 1).unwrap_or(1).max(1);
        let rank = u64::from(self.at) * stride % count;
        let deviation = normal_quantile((rank as f64 + 0.5) / count as f64).clamp(-3.9, 3.9);
        Some(mean * (1.0 + DURATION_SPREAD * deviation))
    }

    /// The value of a property that is decided event by event.
    pub(crate) fn decided(&self, key: &str) -> Option<Arc<str>> {
        let texts = hostile(self.world, key, self.time_ms);
        let draw = self.stream.dice.bits(self.step as u64, self.lane() | 0x51 << 56);
        if !texts.is_empty() && draw.is_multiple_of(HOSTILE_ONE_IN) {
            return Some(texts[(draw / HOSTILE_ONE_IN) as usize % texts.len()].into());
        }
        if let Some(dim) = self.stream.dims.iter().position(|dim| dim.key == key) {
            return Some(self.stream.value_of(self.cell, dim).into());
        }
        if let Some(text) = constant(self.stream, key) {
            return Some(text.into());
        }
        let has = self.has_flag(self.user(), key.strip_prefix(FEATURE)?)?;
        Some(if has { "true" } else { "false" }.into())
    }

    /// All its properties but the duration.
    pub(crate) fn properties(&self) -> Vec<(String, String)> {
        let keys = property_keys(self.world, self.time_ms).into_iter();
        keys.filter_map(|key| self.decided(&key).map(|value| (key, value.to_string()))).collect()
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::hostile_property;

    #[test]
    fn a_hostile_text_names_its_property_or_gets_one() {
        assert_eq!(hostile_property("$current_url=https://x?a=b"), ("$current_url", "https://x?a=b"));
        assert_eq!(hostile_property("approve = 42"), ("utm_campaign", "approve = 42"));
        assert_eq!(hostile_property("say yes"), ("utm_campaign", "say yes"));
    }
}
