//! Off-policy evaluation: what another policy would have brought, from a log of what this one chose.

mod bounds;
mod crossfit;
mod difference;
mod estimators;
mod evaluate;
mod file;
mod log;
mod progressive;
mod sequence;
mod slope;

pub use bounds::{bernstein_lower, hoeffding_lower, interval, student_t_lower};
pub use crossfit::cross_fitted;
pub use difference::{ALPHA, DifferenceBound, clipped_difference, difference_bound};
pub use estimators::{Estimator, effective_sample_size, estimate, rounds};
pub use evaluate::{Estimates, Evaluation, Intervals, evaluate};
pub use file::LogFile;
pub use log::{LogError, LoggedRounds};
pub use progressive::progressive_propensities;
pub use sequence::{BettingSequence, Bound, GRID};
pub use slope::{LAMBDAS, slope};
