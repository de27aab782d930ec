//! Random Fourier features: a linear model over them is a smooth non-linear one over the contexts.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// A fixed random map z ↦ √(2/D) cos(W z + b), whose inner products approximate a Gaussian kernel.
///
/// The rows of W are normal with deviation 1/(width √d): contexts that are standardised lie about √d from the origin, so the same
/// width means the same smoothness at every dimension.
///
/// # Source
/// Rahimi, Recht (2007), "Random features for large-scale kernel machines".
#[derive(Debug, Clone, PartialEq)]
pub struct FourierFeatures {
    dimension: usize,
    weights: Vec<f64>,
    phases: Vec<f64>,
    scale: f64,
}

impl FourierFeatures {
    /// `count` features of contexts of this dimension. The same seed gives the same map, so only the seed needs to be stored.
    pub fn new(dimension: usize, count: usize, width: f64, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let deviation = 1.0 / (width * (dimension.max(1) as f64).sqrt());
        let weights = (0..count * dimension).map(|_| random.sample::<f64, _>(StandardNormal) * deviation).collect();
        let phases = (0..count).map(|_| random.random::<f64>() * std::f64::consts::TAU).collect();
        Self { dimension, weights, phases, scale: (2.0 / count.max(1) as f64).sqrt() }
    }

    /// How many features come out.
    pub fn len(&self) -> usize {
        self.phases.len()
    }

    /// True for a map to nothing.
    pub fn is_empty(&self) -> bool {
        self.phases.is_empty()
    }

    /// Writes the features of `context` to `out`, which has [`Self::len`] values.
    pub fn map(&self, context: &[f64], out: &mut [f64]) {
        if self.dimension == 0 {
            out.fill(0.0);
            return;
        }
        let rows = self.weights.chunks_exact(self.dimension).zip(&self.phases).zip(out);
        for ((row, phase), out) in rows {
            let angle: f64 = row.iter().zip(context).map(|(w, x)| w * x).sum::<f64>() + phase;
            *out = self.scale * angle.cos();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_products_are_those_of_the_gaussian_kernel() {
        let map = FourierFeatures::new(3, 4000, 1.0, 7);
        let (a, b) = ([0.3, -0.2, 1.0], [0.1, 0.4, 0.2]);
        let (mut fa, mut fb) = (vec![0.0; 4000], vec![0.0; 4000]);
        map.map(&a, &mut fa);
        map.map(&b, &mut fb);
        let got: f64 = fa.iter().zip(&fb).map(|(x, y)| x * y).sum();
        let squared: f64 = a.iter().zip(&b).map(|(x, y)| (x - y) * (x - y)).sum();
        let want = (-squared / (2.0 * 3.0)).exp();
        assert!((got - want).abs() < 0.03, "{got} {want}");
        assert_eq!(map, FourierFeatures::new(3, 4000, 1.0, 7));
    }
}
