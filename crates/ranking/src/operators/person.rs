//! What a simulated person does about what they are told.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wakeman_types::Interruption;

use crate::reward::Reaction;

/// The chance in what one simulated person does. Same seed, same questions, same reactions.
#[derive(Debug, Clone)]
pub struct Person(ChaCha8Rng);

impl Person {
    /// A person of this seed.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// What they do about a finding that is of use to them or not, told at this hour of their day, and how many milliseconds later; `None`
    /// for silence.
    ///
    /// Silence is not random: what is useful gets an answer more often than noise, an interruption more often than a line of the digest,
    /// by night less is answered. One word in twenty is the wrong one.
    pub fn reacts(&mut self, useful: bool, local_hour: f64, told: Interruption) -> Option<(Reaction, i64)> {
        let random = &mut self.0;
        let awake = if (7.0..23.0).contains(&local_hour) { 1.0 } else { 0.7 };
        let answers = match (told, useful) {
            (Interruption::Now, true) => 0.85,
            (Interruption::Now, false) => 0.55,
            (Interruption::Digest, true) => 0.35,
            (Interruption::Digest, false) => 0.15,
            (Interruption::Silent, _) => 0.0,
        };
        let (draw, slip, which) = (random.random::<f64>(), random.random::<f64>(), random.random::<f64>());
        if draw > answers * awake {
            return None;
        }
        let after_ms = (random.random_range(1.0..30.0) * 60_000.0) as i64;
        let reaction = match (useful != (slip < 0.05), which) {
            (true, w) if w < 0.6 => Reaction::Useful,
            (true, w) if w < 0.8 => Reaction::Approved,
            (true, _) => Reaction::Acknowledged { after_ms },
            (false, w) if w < 0.7 => Reaction::Noise,
            (false, w) if w < 0.9 => Reaction::Muted,
            (false, _) => Reaction::Snoozed,
        };
        Some((reaction, after_ms))
    }
}
