//! When a metric is not what it should be, and what probably made it so. Pure functions of their input.
//!
//! Owns: the streaming [`Detector`] (one per metric), its calibration, and [`correlate()`], which ranks the changes that could
//! be the cause of an anomaly.
//! Must not: do I/O, read a clock, draw random numbers, or word anything for a person (reasons are data, see [`Reason`]).
//! Start at [`Detector::observe`] and [`correlate()`].
#![warn(missing_docs)]

mod baseline;
mod calibration;
mod config;
mod correlate;
mod detector;
mod episode;
mod noise;
mod onset;
mod recent;
mod tails;
mod verdict;
mod windows;

pub use config::{Bucket, Config, ConfigError, Kind};
pub use correlate::{
    Anomaly, CandidateChange, ChangeKind, ErrorEvidence, FlagSplit, Ranked, Ranking, Reason, correlate,
};
pub use detector::Detector;
pub use verdict::{Band, Direction, Learning, Onset, Point, Trend, Verdict};
