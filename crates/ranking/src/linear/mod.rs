//! The numbers below every linear policy: ridge regressions kept side by side, their factorisation, scaling of contexts.

mod bank;
mod cholesky;
mod fourier;
mod standardise;
mod state;

pub use bank::RidgeBank;
pub use fourier::FourierFeatures;
pub use standardise::Standardiser;
pub use state::{BANK_STATE_VERSION, BankState};
