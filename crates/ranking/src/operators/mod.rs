//! Simulated operators: does learning from reactions spare people noise without keeping anything from them?
//!
//! The people are invented: four temperaments, and silence when it suits them, not at random. [`study`] draws the findings too and is over in a moment;
//! the product's own study has the same people watch a simulated product. Either shows that the mechanism works where there is something to
//! learn, not how much real people would gain.

mod person;
mod study;
mod world;

pub use person::Person;
pub use study::{Count, OperatorResult, StudyReport, WEEKS_LEARNING, WEEKS_MEASURED, study};
pub use world::Temperament;
