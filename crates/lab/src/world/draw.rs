//! Random numbers that depend on nothing but a seed, a label and a place, so that the order of calls does not matter
//! and an effect scales a number instead of drawing another.

use rand::RngCore;
use rand_distr::{Distribution, Gamma};

/// Weyl constant of SplitMix64.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
/// Means above which a normal approximation is exact enough for counts.
const NORMAL_FROM: f64 = 60.0;

/// A source of numbers for one purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dice(u64);

/// The finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Dice {
    /// Dice of a world's seed for one purpose.
    pub fn new(seed: u64, label: &str) -> Dice {
        let start = mix(seed.wrapping_add(GOLDEN));
        Dice(label.bytes().fold(start, |hash, byte| mix(hash ^ u64::from(byte)).wrapping_add(GOLDEN)))
    }

    /// 64 random bits for a place.
    pub fn bits(self, place: u64, lane: u64) -> u64 {
        mix(mix(self.0 ^ place.wrapping_mul(GOLDEN)).wrapping_add(lane.wrapping_mul(GOLDEN)))
    }

    /// A number strictly between 0 and 1.
    pub fn uniform(self, place: u64, lane: u64) -> f64 {
        ((self.bits(place, lane) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// A standard normal number.
    pub fn normal(self, place: u64, lane: u64) -> f64 {
        normal_quantile(self.uniform(place, lane))
    }

    /// A gamma number of mean 1 and this shape: what turns a Poisson into a negative binomial.
    pub fn gamma(self, place: u64, lane: u64, shape: f64) -> f64 {
        let mut bits = Stream(self.bits(place, lane));
        Gamma::new(shape, 1.0 / shape).map_or(1.0, |gamma| gamma.sample(&mut bits))
    }

    /// A whole number below `below` (at least 1).
    pub fn below(self, place: u64, lane: u64, below: u64) -> u64 {
        self.bits(place, lane) % below.max(1)
    }
}

/// SplitMix64, for distributions that need a stream of bits.
struct Stream(u64);

impl RngCore for Stream {
    fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// The standard normal quantile, relative error below 1.15e-9 (Acklam, 2003).
pub fn normal_quantile(share: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] =
        [7.784_695_709_041_462e-3, 3.224_671_290_700_398e-1, 2.445_134_137_142_996, 3.754_408_661_907_416];
    const TAIL: f64 = 0.024_25;
    let polynomial = |coefficients: &[f64], x: f64| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
    let tail = |q: f64| polynomial(&C, q) / (polynomial(&D, q) * q + 1.0);
    if share < TAIL {
        tail((-2.0 * share.ln()).sqrt())
    } else if share > 1.0 - TAIL {
        -tail((-2.0 * (1.0 - share).ln()).sqrt())
    } else {
        let q = share - 0.5;
        let r = q * q;
        polynomial(&A, r) * q / (polynomial(&B, r) * r + 1.0)
    }
}

/// The Poisson quantile: for a fixed `share` it grows with `mean`.
pub fn poisson(mean: f64, share: f64) -> u32 {
    if mean <= 0.0 {
        return 0;
    }
    if mean > NORMAL_FROM {
        // Cornish-Fisher: a normal with the Poisson's skewness.
        let z = normal_quantile(share);
        return (mean + z * mean.sqrt() + (z * z - 1.0) / 6.0 + 0.5).max(0.0) as u32;
    }
    let mut mass = (-mean).exp();
    let mut below = mass;
    let mut count = 0;
    while below < share && count < 1_000 {
        count += 1;
        mass *= mean / f64::from(count);
        below += mass;
    }
    count
}

/// The binomial quantile of `trials` with this chance: for a fixed `share` it grows with both.
pub fn binomial(trials: u32, chance: f64, share: f64) -> u32 {
    let chance = chance.clamp(0.0, 1.0);
    if chance > 0.5 {
        return trials - binomial(trials, 1.0 - chance, 1.0 - share);
    }
    let mean = f64::from(trials) * chance;
    if trials == 0 || chance <= 0.0 {
        return 0;
    }
    if mean > NORMAL_FROM {
        let z = normal_quantile(share);
        let skewed = mean + z * (mean * (1.0 - chance)).sqrt() + (z * z - 1.0) * (1.0 - 2.0 * chance) / 6.0;
        return ((skewed + 0.5).max(0.0) as u32).min(trials);
    }
    let odds = chance / (1.0 - chance);
    let mut mass = (1.0 - chance).powi(trials as i32);
    let mut below = mass;
    let mut count = 0;
    while below < share && count < trials {
        mass *= odds * f64::from(trials - count) / f64::from(count + 1);
        below += mass;
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (share, want) in [(0.5, 0.0), (0.975, 1.959_964), (0.001, -3.090_232), (0.25, -0.674_490)] {
            assert!((normal_quantile(share) - want).abs() < 1e-5, "{share}");
        }
        for (mean, share, want) in
            [(3.0, 0.5, 3), (3.0, 0.99, 8), (0.1, 0.9, 0), (100.0, 0.5, 100), (400.0, 0.975, 440)]
        {
            assert_eq!(poisson(mean, share), want, "{mean} {share}");
        }
        for (trials, chance, share, want) in [(10, 0.5, 0.5, 5), (20, 0.9, 0.5, 18), (1_000, 0.3, 0.5, 300)] {
            assert_eq!(binomial(trials, chance, share), want, "{trials} {chance}");
        }
    }

    #[test]
    fn draws_have_the_mean_and_spread_they_should() {
        let dice = Dice::new(7, "draws");
        let draws: Vec<f64> = (0..20_000)
            .map(|place| f64::from(poisson(12.0 * dice.gamma(place, 1, 20.0), dice.uniform(place, 0))))
            .collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        assert!((mean - 12.0).abs() < 0.15, "{mean}");
        assert!((variance - (12.0 + 144.0 / 20.0)).abs() < 1.0, "{variance}");
    }

    proptest! {
        #[test]
        fn more_expected_never_means_fewer(mean in 0.0f64..200.0, more in 0.0f64..50.0, share in 0.0001f64..0.9999) {
            prop_assert!(poisson(mean, share) <= poisson(mean + more, share) + 1);
        }

        #[test]
        fn a_binomial_stays_within_its_trials(trials in 0u32..5_000, chance in 0.0f64..=1.0, share in 0.0001f64..0.9999) {
            prop_assert!(binomial(trials, chance, share) <= trials);
        }
    }
}
