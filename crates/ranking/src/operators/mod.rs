//! Simulated operators: does learning from reactions spare people noise without keeping anything from them?
//!
//! A simulation beside the lab, and no more than that: the findings are drawn, the temperaments are invented, and the operators are silent when it suits
//! them, not at random. It shows that the mechanism works where there is something to learn, not how much real people would gain.

mod study;
mod world;

pub use study::{Count, OperatorResult, StudyReport, WEEKS_LEARNING, WEEKS_MEASURED, study};
pub use world::Temperament;
