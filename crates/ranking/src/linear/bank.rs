//! K ridge regressions of one dimension, side by side.
//!
//! The inverses lie in blocks of four arms, number by number: one pass over a block scores four arms at once with vector
//! instructions. All room is made at the start; scoring and updating allocate nothing.

use crate::bandit::BanditError;

use super::cholesky::{SymmetricPacked, packed_len};

/// Arms of one block.
pub(super) const LANES: usize = 4;
/// Rows of a block that one step of the scoring takes; blocks are filled up to a multiple.
const STEP: usize = 4;
/// Updates of one arm after which its inverse is made anew from its data, so that rounding does not add up.
const REFACTOR_EVERY: u32 = 512;
/// The same when old data are forgotten: then the ridge has to be put back, too.
const REFACTOR_EVERY_FORGETTING: u32 = 64;
/// Uncertainty of an arm that was left alone grows at most by this factor between two of its updates.
const INFLATION_MAX: f64 = 1e6;

/// For each arm a ridge regression of reward on context: θ = (Σ γᵃ x xᵀ + λI)⁻¹ Σ γᵃ r x.
///
/// Updated by the Sherman–Morrison formula and re-factored by Cholesky every few hundred updates. With γ < 1 each update of any arm
/// ages the data of all: the mean of an arm that was left alone stays, its uncertainty grows up to that of the prior.
///
/// # Source
/// Hoerl, Kennard (1970); Li et al. (2010), algorithm 1; Russac, Vernade, Cappé (2019) for γ.
#[derive(Debug, Clone)]
pub struct RidgeBank {
    pub(super) arms: usize,
    pub(super) dim: usize,
    pub(super) ridge: f64,
    pub(super) gamma: f64,
    /// Per block, per packed entry, per lane.
    pub(super) inverse: Vec<f64>,
    /// Per block, per coordinate, per lane.
    pub(super) theta: Vec<f64>,
    /// Per arm: Σ x xᵀ packed.
    pub(super) data: Vec<f64>,
    /// Per arm: Σ r x.
    pub(super) moment: Vec<f64>,
    /// Per lane: by how much the uncertainty has grown since the arm's last update.
    pub(super) inflation: Vec<f64>,
    /// Per arm: updates since the last factorisation.
    pub(super) since: Vec<u32>,
    products: Vec<f64>,
    direction: Vec<f64>,
    factor: SymmetricPacked,
}

/// Rows of a block of packed entries.
fn rows(dim: usize) -> usize {
    packed_len(dim).next_multiple_of(STEP)
}

impl RidgeBank {
    /// `arms` regressions of dimension `dim`, with ridge λ > 0 and forgetting 0 < γ ≤ 1 (1: nothing is forgotten).
    pub fn new(arms: usize, dim: usize, ridge: f64, gamma: f64) -> Self {
        let blocks = arms.div_ceil(LANES);
        let mut bank = Self {
            arms,
            dim,
            ridge,
            gamma,
            inverse: vec![0.0; blocks * rows(dim) * LANES],
            theta: vec![0.0; blocks * dim * LANES],
            data: vec![0.0; arms * packed_len(dim)],
            moment: vec![0.0; arms * dim],
            inflation: vec![1.0; blocks * LANES],
            since: vec![0; arms],
            products: vec![0.0; rows(dim)],
            direction: vec![0.0; dim],
            factor: SymmetricPacked::new(dim),
        };
        for arm in 0..arms {
            bank.reset(arm);
        }
        bank
    }

    /// How many arms.
    pub fn arms(&self) -> usize {
        self.arms
    }

    /// The dimension of a context.
    pub fn dimension(&self) -> usize {
        self.dim
    }

    /// How long `means` and `variances` of [`Self::score`] are: the arms, filled up to whole blocks.
    pub fn lanes(&self) -> usize {
        self.inflation.len()
    }

    /// The expected reward θ·x of each arm; values beyond the arms mean nothing.
    pub fn means(&self, x: &[f64], means: &mut [f64]) {
        for (block, out) in self.theta.chunks_exact((self.dim * LANES).max(1)).zip(means.chunks_exact_mut(LANES)) {
            let mut sum = [0.0; LANES];
            for (line, &value) in block.chunks_exact(LANES).zip(x) {
                for (s, t) in sum.iter_mut().zip(line) {
                    *s += t * value;
                }
            }
            out.copy_from_slice(&sum);
        }
    }

    /// The expected reward of each arm, and its variance xᵀ(…)⁻¹x in units of the noise; values beyond the arms mean nothing.
    pub fn score(&mut self, x: &[f64], means: &mut [f64], variances: &mut [f64]) {
        self.means(x, means);
        self.multiply_out(x);
        let width = self.products.len() * LANES;
        for (block, out) in self.inverse.chunks_exact(width.max(1)).zip(variances.chunks_exact_mut(LANES)) {
            out.copy_from_slice(&quadratic(block, &self.products));
        }
        if self.gamma < 1.0 {
            let prior = x.iter().map(|v| v * v).sum::<f64>() / self.ridge;
            for (variance, inflation) in variances.iter_mut().zip(&self.inflation) {
                *variance = (*variance * inflation).min(prior);
            }
        }
    }

    /// Expected reward and variance of one arm alone; as [`Self::score`], without needing room.
    pub fn score_one(&self, arm: usize, x: &[f64]) -> (f64, f64) {
        let (block, lane, width) = (arm / LANES, arm % LANES, self.products.len() * LANES);
        let mean = self.coefficients(arm).zip(x).map(|(t, v)| t * v).sum();
        let mut lines = self.inverse[block * width..(block + 1) * width].chunks_exact(LANES);
        let mut variance = 0.0;
        for (i, &a) in x.iter().enumerate() {
            let before: f64 = lines.by_ref().take(i).zip(x).map(|(line, b)| line[lane] * b).sum();
            variance += a * (2.0 * before + a * lines.next().map_or(0.0, |line| line[lane]));
        }
        if self.gamma < 1.0 {
            let prior = x.iter().map(|v| v * v).sum::<f64>() / self.ridge;
            variance = (variance * self.inflation[arm]).min(prior);
        }
        (mean, variance)
    }

    /// Adds the share `keep` of what another bank of the same shape has learnt.
    ///
    /// # Errors
    /// [`BanditError::Arms`] or [`BanditError::Dimension`] where the shapes differ.
    pub fn absorb(&mut self, other: &Self, keep: f64) -> Result<(), BanditError> {
        if other.arms != self.arms {
            return Err(BanditError::Arms { arms: self.arms, got: other.arms });
        }
        if other.dim != self.dim {
            return Err(BanditError::Dimension { expected: self.dim, got: other.dim });
        }
        self.data.iter_mut().zip(&other.data).for_each(|(to, from)| *to += keep * from);
        self.moment.iter_mut().zip(&other.moment).for_each(|(to, from)| *to += keep * from);
        (0..self.arms).for_each(|arm| self.refactor(arm));
        Ok(())
    }

    /// The products `x_i x_j` as a packed form takes them: off the diagonal twice.
    fn multiply_out(&mut self, x: &[f64]) {
        let mut products = self.products.iter_mut();
        for (i, &a) in x.iter().enumerate() {
            let twice = 2.0 * a;
            for (&b, out) in x[..i].iter().zip(&mut products) {
                *out = twice * b;
            }
            if let Some(out) = products.next() {
                *out = a * a;
            }
        }
    }

    /// Learns that `arm` at `x` brought `reward`, counted `weight` times (1 for an ordinary observation).
    pub fn update(&mut self, arm: usize, x: &[f64], reward: f64, weight: f64) {
        self.age(arm);
        self.remember(arm, x, reward, weight);
        let due = if self.gamma < 1.0 { REFACTOR_EVERY_FORGETTING } else { REFACTOR_EVERY };
        self.since[arm] += 1;
        if self.since[arm] >= due {
            self.refactor(arm);
        } else {
            self.sherman_morrison(arm, x, reward, weight);
        }
    }

    /// Everybody's data get one step older; the played arm's age is settled.
    fn age(&mut self, arm: usize) {
        if self.gamma >= 1.0 {
            return;
        }
        let older = 1.0 / self.gamma;
        for inflation in &mut self.inflation {
            *inflation = (*inflation * older).min(INFLATION_MAX);
        }
        self.fade(arm, 1.0 / self.inflation[arm]);
        self.inflation[arm] = 1.0;
    }

    /// Multiplies the weight of all an arm has learnt by `keep` (0 < keep ≤ 1), the ridge included until the next factorisation.
    fn fade(&mut self, arm: usize, keep: f64) {
        let (at, n) = (arm * packed_len(self.dim), packed_len(self.dim));
        self.data[at..at + n].iter_mut().for_each(|v| *v *= keep);
        self.moment[arm * self.dim..(arm + 1) * self.dim].iter_mut().for_each(|v| *v *= keep);
        let grow = 1.0 / keep;
        self.inverse_of(arm).for_each(|v| *v *= grow);
    }

    fn remember(&mut self, arm: usize, x: &[f64], reward: f64, weight: f64) {
        let n = packed_len(self.dim);
        let mut data = self.data[arm * n..(arm + 1) * n].iter_mut();
        for (i, &a) in x.iter().enumerate() {
            let weighted = weight * a;
            for (d, &b) in data.by_ref().take(i + 1).zip(x) {
                *d += weighted * b;
            }
        }
        for (m, &a) in self.moment[arm * self.dim..(arm + 1) * self.dim].iter_mut().zip(x) {
            *m += weight * reward * a;
        }
    }

    /// (A + w x xᵀ)⁻¹ = A⁻¹ − w v vᵀ / (1 + w x·v) with v = A⁻¹x, and θ moves along v by the error.
    fn sherman_morrison(&mut self, arm: usize, x: &[f64], reward: f64, weight: f64) {
        let (block, lane) = (arm / LANES, arm % LANES);
        let width = self.products.len() * LANES;
        let inverse = &mut self.inverse[block * width..(block + 1) * width];
        let v = &mut self.direction;
        v.fill(0.0);
        let mut lines = inverse.chunks_exact(LANES);
        for i in 0..x.len() {
            let (mut sum, xi) = (0.0, x[i]);
            for ((line, &xj), vj) in lines.by_ref().take(i).zip(x).zip(v.iter_mut()) {
                sum += line[lane] * xj;
                *vj += line[lane] * xi;
            }
            let diagonal = lines.next().map_or(0.0, |line| line[lane]);
            v[i] += sum + diagonal * xi;
        }
        let spread: f64 = v.iter().zip(x).map(|(a, b)| a * b).sum();
        let scale = weight / (1.0 + weight * spread);
        let mut lines = inverse.chunks_exact_mut(LANES);
        for (i, &vi) in v.iter().enumerate() {
            let scaled = scale * vi;
            for (&vj, line) in v.iter().take(i + 1).zip(&mut lines) {
                line[lane] -= scaled * vj;
            }
        }
        let theta = &mut self.theta[block * self.dim * LANES..(block + 1) * self.dim * LANES];
        let mean: f64 = theta.chunks_exact(LANES).zip(x).map(|(t, b)| t[lane] * b).sum();
        let step = scale * (reward - mean);
        for (t, &vi) in theta.chunks_exact_mut(LANES).zip(v.iter()) {
            t[lane] += step * vi;
        }
    }

    /// Makes an arm's inverse and coefficients anew from its data. If rounding has spoilt the data, the arm starts again.
    pub fn refactor(&mut self, arm: usize) {
        let n = packed_len(self.dim);
        self.since[arm] = 0;
        self.factor.load(&self.data[arm * n..(arm + 1) * n], self.ridge);
        if !self.factor.invert() {
            self.reset(arm);
            return;
        }
        self.factor.times(&self.moment[arm * self.dim..(arm + 1) * self.dim], &mut self.direction);
        let (block, lane, width) = (arm / LANES, arm % LANES, self.products.len() * LANES);
        let lines = self.inverse[block * width..(block + 1) * width].chunks_exact_mut(LANES);
        for (line, &value) in lines.zip(self.factor.values()) {
            line[lane] = value;
        }
        let theta = self.theta[block * self.dim * LANES..(block + 1) * self.dim * LANES].chunks_exact_mut(LANES);
        for (line, &value) in theta.zip(&self.direction) {
            line[lane] = value;
        }
    }

    /// Keeps only the share `keep` of what an arm has learnt; 0 for nothing.
    pub fn forget(&mut self, arm: usize, keep: f64) {
        if keep > 0.0 {
            self.fade(arm, keep.min(1.0));
            self.refactor(arm);
        } else {
            self.reset(arm);
        }
    }

    /// Back to the prior.
    fn reset(&mut self, arm: usize) {
        let n = packed_len(self.dim);
        self.data[arm * n..(arm + 1) * n].fill(0.0);
        self.moment[arm * self.dim..(arm + 1) * self.dim].fill(0.0);
        self.inflation[arm] = 1.0;
        self.refactor(arm);
    }

    /// The coefficients of one arm.
    pub fn coefficients(&self, arm: usize) -> impl Iterator<Item = f64> + '_ {
        let (block, lane) = (arm / LANES, arm % LANES);
        self.theta[block * self.dim * LANES..(block + 1) * self.dim * LANES].chunks_exact(LANES).map(move |t| t[lane])
    }

    fn inverse_of(&mut self, arm: usize) -> impl Iterator<Item = &mut f64> {
        let (block, lane, width) = (arm / LANES, arm % LANES, self.products.len() * LANES);
        self.inverse[block * width..(block + 1) * width].chunks_exact_mut(LANES).map(move |line| &mut line[lane])
    }
}

/// Four arms' quadratic forms at once: four rows a step, so that no sum waits for the one before.
fn quadratic(block: &[f64], products: &[f64]) -> [f64; LANES] {
    let mut sums = [[0.0; LANES]; STEP];
    for (lines, four) in block.chunks_exact(LANES * STEP).zip(products.chunks_exact(STEP)) {
        for ((sum, line), p) in sums.iter_mut().zip(lines.chunks_exact(LANES)).zip(four) {
            for (s, value) in sum.iter_mut().zip(line) {
                *s += value * p;
            }
        }
    }
    let mut total = [0.0; LANES];
    for lane in 0..LANES {
        total[lane] = (sums[0][lane] + sums[1][lane]) + (sums[2][lane] + sums[3][lane]);
    }
    total
}
