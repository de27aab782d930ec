//! A bank as it is stored, and the checks a stored one must pass.

use serde::{Deserialize, Serialize};

use super::{
    bank::RidgeBank,
    cholesky::{SymmetricPacked, packed_len},
};
use crate::bandit::BanditError;

/// Version of the stored form.
pub const BANK_STATE_VERSION: u32 = 1;
/// How far a stored inverse may be from the inverse of the stored data, relative to the prior's.
const DISAGREEMENT_MAX: f64 = 1e-6;

/// What a [`RidgeBank`] comes to in a row: everything, to the last bit, so that a restored bank decides as the first would have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BankState {
    /// [`BANK_STATE_VERSION`].
    pub version: u32,
    /// How many arms.
    pub arms: usize,
    /// How many coordinates a context has.
    pub dimension: usize,
    /// λ.
    pub ridge: f64,
    /// γ.
    pub gamma: f64,
    /// As in the bank.
    pub inverse: Vec<f64>,
    /// As in the bank.
    pub theta: Vec<f64>,
    /// As in the bank.
    pub data: Vec<f64>,
    /// As in the bank.
    pub moment: Vec<f64>,
    /// As in the bank.
    pub inflation: Vec<f64>,
    /// As in the bank.
    pub since: Vec<u32>,
}

impl RidgeBank {
    /// What to store.
    pub fn state(&self) -> BankState {
        BankState {
            version: BANK_STATE_VERSION,
            arms: self.arms,
            dimension: self.dim,
            ridge: self.ridge,
            gamma: self.gamma,
            inverse: self.inverse.clone(),
            theta: self.theta.clone(),
            data: self.data.clone(),
            moment: self.moment.clone(),
            inflation: self.inflation.clone(),
            since: self.since.clone(),
        }
    }

    /// A bank from what was stored.
    ///
    /// # Errors
    /// [`BanditError::Corrupt`] names the part that cannot be: of another version, of the wrong length, no number, or an inverse that
    /// is not the inverse of the data.
    pub fn restore(state: BankState) -> Result<Self, BanditError> {
        let corrupt = |part: &'static str, what: String| Err(BanditError::Corrupt { part, what });
        if state.version != BANK_STATE_VERSION {
            return corrupt("version", format!("{} where {BANK_STATE_VERSION} is known", state.version));
        }
        if !(state.ridge.is_finite() && state.ridge > 0.0) {
            return corrupt("ridge", format!("{}; it must be above 0", state.ridge));
        }
        if !(state.gamma > 0.0 && state.gamma <= 1.0) {
            return corrupt("gamma", format!("{}; it must be above 0 and at most 1", state.gamma));
        }
        // Before anything is allocated: a wrong shape must not ask for all the memory there is.
        let shape = state.arms.checked_mul(state.dimension);
        if state.arms == 0 || state.dimension == 0 || shape != Some(state.moment.len()) {
            let (arms, dim, got) = (state.arms, state.dimension, state.moment.len());
            return corrupt("moment", format!("{got} numbers for {arms} arms of dimension {dim}"));
        }
        let mut bank = Self::new(state.arms, state.dimension, state.ridge, state.gamma);
        fill("data", &mut bank.data, state.data)?;
        fill("inverse", &mut bank.inverse, state.inverse)?;
        fill("theta", &mut bank.theta, state.theta)?;
        fill("moment", &mut bank.moment, state.moment)?;
        fill("inflation", &mut bank.inflation, state.inflation)?;
        if bank.inflation.iter().any(|v| *v < 1.0) {
            return corrupt("inflation", "below 1".to_owned());
        }
        if state.since.len() != bank.arms {
            return corrupt("since", format!("{} numbers for {} arms", state.since.len(), bank.arms));
        }
        bank.since = state.since;
        (0..bank.arms).try_for_each(|arm| bank.check(arm))?;
        Ok(bank)
    }

    /// Whether an arm's inverse is that of its data. Where old data are forgotten the ridge fades between factorisations, so only
    /// positive definiteness can be asked.
    fn check(&self, arm: usize) -> Result<(), BanditError> {
        let corrupt = |part, what: String| Err(BanditError::Corrupt { part, what });
        let n = packed_len(self.dim);
        let mut fresh = SymmetricPacked::new(self.dim);
        fresh.load(&self.data[arm * n..(arm + 1) * n], self.ridge);
        if !fresh.invert() {
            return corrupt("data", format!("arm {arm} is not positive definite"));
        }
        let mut stored = SymmetricPacked::new(self.dim);
        stored.values_mut().iter_mut().zip(self.inverse_values(arm)).for_each(|(to, from)| *to = from);
        let largest = stored.values().iter().zip(fresh.values()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        if self.gamma >= 1.0 && largest * self.ridge > DISAGREEMENT_MAX {
            return corrupt("inverse", format!("arm {arm} differs by {largest:.3e} from its data"));
        }
        if !stored.factor() {
            return corrupt("inverse", format!("arm {arm} is not positive definite"));
        }
        Ok(())
    }

    fn inverse_values(&self, arm: usize) -> impl Iterator<Item = f64> + '_ {
        let width = self.inverse.len() / self.inflation.len() * super::bank::LANES;
        let (block, lane) = (arm / super::bank::LANES, arm % super::bank::LANES);
        self.inverse[block * width..(block + 1) * width].chunks_exact(super::bank::LANES).map(move |line| line[lane])
    }
}

fn fill(part: &'static str, to: &mut Vec<f64>, from: Vec<f64>) -> Result<(), BanditError> {
    if from.len() != to.len() {
        return Err(BanditError::Corrupt { part, what: format!("{} numbers where {} belong", from.len(), to.len()) });
    }
    if let Some(at) = from.iter().position(|v| !v.is_finite()) {
        return Err(BanditError::Corrupt { part, what: format!("{} at {at}", from[at]) });
    }
    *to = from;
    Ok(())
}
