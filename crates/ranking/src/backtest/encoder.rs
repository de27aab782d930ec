//! From a raw context of a file to what a linear policy sees: scaled without looking ahead, with a constant, of length about one.

use crate::catalogue::PolicyId;
use crate::linear::{FourierFeatures, Standardiser};

/// Standard deviations beyond which a value says no more.
const CLIP: f64 = 4.0;
/// Random Fourier features of `linrff-v1`.
const FOURIER_COUNT: usize = 200;
/// Their width, in typical distances from the mean.
const FOURIER_WIDTH: f64 = 1.0;

/// 1, then the standardised context divided by √d, then its random Fourier features if there are any.
///
/// Dividing by √d gives contexts about the length of the constant whatever the dimension, so that one ridge and one α fit all.
#[derive(Debug, Clone)]
pub struct Encoder {
    scale: Standardiser,
    fourier: Option<FourierFeatures>,
    standard: Vec<f64>,
    out: Vec<f64>,
}

impl Encoder {
    /// For contexts of this dimension.
    pub fn new(dimension: usize, fourier: Option<FourierFeatures>) -> Self {
        let length = 1 + dimension + fourier.as_ref().map_or(0, FourierFeatures::len);
        let mut out = vec![0.0; length];
        out[0] = 1.0;
        Self { scale: Standardiser::new(dimension, CLIP), fourier, standard: vec![0.0; dimension], out }
    }

    /// What the named policy sees of contexts of this dimension. `seed` draws the random features, where there are any.
    pub fn of(policy: PolicyId, dimension: usize, seed: u64) -> Self {
        let fourier =
            (policy == PolicyId::LinrffV1).then(|| FourierFeatures::new(dimension, FOURIER_COUNT, FOURIER_WIDTH, seed));
        Self::new(dimension, fourier)
    }

    /// How many values come out.
    pub fn dimension(&self) -> usize {
        self.out.len()
    }

    /// Encodes the next context. Depends on those before it and on itself, on no later one.
    pub fn encode(&mut self, context: &[f64]) -> &[f64] {
        self.scale.observe(context, &mut self.standard);
        let dimension = self.standard.len();
        let shrink = 1.0 / (dimension.max(1) as f64).sqrt();
        for (out, value) in self.out[1..].iter_mut().zip(&self.standard) {
            *out = value * shrink;
        }
        if let Some(fourier) = &self.fourier {
            fourier.map(&self.standard, &mut self.out[1 + dimension..]);
        }
        &self.out
    }
}
