//! Tail probabilities as normal scores, fast enough for every bucket, and the bands shown to people.

use statrs::function::erf::erfc;

/// A central 90 % lies between the 5 % and the 95 % quantile of the normal.
const Z_90: f64 = 1.644_853_6;

/// Upper tail of the standard normal.
pub(crate) fn normal_tail(z: f64) -> f64 {
    0.5 * erfc(z / std::f64::consts::SQRT_2)
}

/// The function g of Peizer and Pratt (1968), with its series near 1.
fn peizer_pratt_g(x: f64) -> f64 {
    let h = x - 1.0;
    if h.abs() < 1e-3 {
        return -h / 3.0 + h * h / 6.0;
    }
    if x <= 0.0 {
        return 1.0;
    }
    (1.0 - x * x + 2.0 * x * x.ln()) / (h * h)
}

/// The normal score of P(X ≤ s) for a binomial with `n` trials of probability `p`, all of them real numbers.
///
/// # Source
/// Peizer and Pratt (1968), "A normal approximation for binomial, F, beta, and other common, related tail
/// probabilities", JASA 63. Accurate to about 0.01 in the score even far out.
fn binomial_lower(s: f64, n: f64, p: f64) -> f64 {
    let q = 1.0 - p;
    let (hits, misses) = (s + 0.5, (n - s - 0.5).max(0.0));
    let d = s + 2.0 / 3.0 - (n + 1.0 / 3.0) * p + 0.02 * (q / (s + 1.0) - p / (misses + 0.5) + (q - 0.5) / (n + 1.0));
    let shape = 1.0 + q * peizer_pratt_g(hits / (n * p)) + p * peizer_pratt_g(misses / (n * q));
    d * (shape.max(0.0) / ((n + 1.0 / 6.0) * p * q)).sqrt()
}

/// Signed score of `x` under a lower-tail function: P(X ≤ x) below the mean, P(X ≥ x) above. Discreteness never helps.
fn two_sided(x: f64, mean: f64, lower: impl Fn(f64) -> f64) -> f64 {
    if x < mean {
        lower(x).min(0.0)
    } else if x > 0.5 {
        lower(x - 1.0).max(0.0)
    } else {
        0.0
    }
}

/// Signed normal score of a count with this mean and variance: negative binomial, Poisson when the variance is no larger.
pub(crate) fn count_score(x: f64, mean: f64, variance: f64) -> f64 {
    let excess = variance - mean;
    let size = if excess > mean * mean * 1e-7 { mean * mean / excess } else { 1e7 };
    let size = size.max(0.6);
    let p = mean / (size + mean);
    // P(NB ≤ x) with size r is P(Bin(r + x, μ/(r+μ)) ≤ x), also for a real r.
    two_sided(x, mean, |s| binomial_lower(s.max(-0.49), size + s, p))
}

/// Signed normal score of `share` of `n` when `p` is expected and the share's variance is `variance`: a binomial with as
/// many trials as give that variance.
pub(crate) fn share_score(share: f64, p: f64, variance: f64) -> f64 {
    let p = p.clamp(1e-9, 1.0 - 1e-9);
    let trials = (p * (1.0 - p) / variance).max(0.5);
    let hits = share * trials;
    // The upper tail through the misses, so that both tails have the same accuracy.
    if share < p {
        binomial_lower(hits, trials, p).min(0.0)
    } else {
        (-binomial_lower(trials - hits, trials, 1.0 - p)).max(0.0)
    }
}

/// Signed normal score of a positive quantity that is `ratio` times its mean and has this relative variance: a gamma, in steps
/// so small that they add a fiftieth to its variance, so that a zero is finite.
pub(crate) fn gamma_score(ratio: f64, relative_variance: f64) -> f64 {
    let steps = (50.0 / relative_variance.max(1e-9)).max(100.0);
    count_score(ratio * steps, steps, steps + relative_variance * steps * steps)
}

/// Central 90 % of a positive quantity with this mean and relative variance, as a gamma.
///
/// # Source
/// Wilson and Hilferty (1931): the cube root of a gamma is nearly normal.
pub(crate) fn gamma_band(mean: f64, relative_variance: f64) -> (f64, f64) {
    if mean <= 0.0 {
        return (0.0, 0.0);
    }
    // Beyond a relative variance of 2 the approximation folds over.
    let ninth = relative_variance.min(2.0) / 9.0;
    let at = |z: f64| mean * (1.0 - ninth + z * ninth.sqrt()).max(0.0).powi(3);
    (at(-Z_90), at(Z_90))
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Gamma, NegativeBinomial, Poisson};

    fn close(score: f64, tail: f64, what: &str) {
        let approx = normal_tail(score.abs());
        assert!((approx.ln() - tail.ln()).abs() < 0.08 * tail.ln().abs().max(1.0), "{what}: {approx} for {tail}");
    }

    #[test]
    fn counts_match_the_exact_tails() {
        for (mean, size) in [(0.5, 3.0), (4.0, 20.0), (96.0, 20.0), (1e4, 20.0)] {
            let exact = NegativeBinomial::new(size, size / (size + mean)).unwrap();
            for ratio in [0.0, 0.2, 0.5, 0.7, 1.6, 3.0, 6.0] {
                let x = (mean * ratio).round();
                let tail = if x < mean { exact.cdf(x as u64) } else { exact.sf((x as u64).saturating_sub(1)) };
                if tail > 1e-12 && tail < 0.4 {
                    close(count_score(x, mean, mean + mean * mean / size), tail, &format!("nb {mean} {size} at {x}"));
                }
            }
        }
        let exact = Poisson::new(12.0).unwrap();
        close(count_score(0.0, 12.0, 12.0), exact.cdf(0), "poisson at zero");
        close(count_score(36.0, 12.0, 12.0), exact.sf(35), "poisson spike");
    }

    #[test]
    fn shares_match_the_exact_tails() {
        for (n, p) in [(200.0, 0.1), (5000.0, 0.02), (400.0, 0.97)] {
            let exact = Binomial::new(p, n as u64).unwrap();
            for ratio in [0.6, 0.8, 0.95, 1.02, 1.5] {
                let x = (n * p * ratio).round().min(n);
                let tail = if x < n * p { exact.cdf(x as u64) } else { exact.sf(x as u64 - 1) };
                if tail > 1e-12 && tail < 0.4 {
                    close(share_score(x / n, p, p * (1.0 - p) / n), tail, &format!("binomial {n} {p} at {x}"));
                }
            }
        }
    }

    #[test]
    fn gammas_match_the_exact_tails() {
        for shape in [1.0, 20.0, 400.0] {
            let exact = Gamma::new(shape, shape).unwrap();
            for ratio in [0.05, 0.4, 0.8, 1.15, 1.6, 3.0] {
                let tail = if ratio < 1.0 { exact.cdf(ratio) } else { exact.sf(ratio) };
                if tail > 1e-12 && tail < 0.4 {
                    close(gamma_score(ratio, 1.0 / shape), tail, &format!("gamma {shape} at {ratio}"));
                }
            }
        }
        assert!(gamma_score(0.0, 1.5) > -2.5, "a zero in bursts is usual");
    }

    #[test]
    fn bands_hold_their_mean() {
        let (low, high) = gamma_band(96.0, 1.0 / 96.0 + 0.05);
        assert!(low > 55.0 && low < 70.0 && high > 130.0 && high < 145.0, "{low} {high}");
        assert_eq!(gamma_band(0.0, 1.0), (0.0, 0.0));
        assert!(gamma_band(1.0, 50.0).1 > 1.0);
    }
}
