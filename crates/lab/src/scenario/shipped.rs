//! The scenarios that come with the crate, embedded.

use std::io::{Error, ErrorKind};

use super::{Scenario, ScenarioError};

const SHIPPED: [(&str, &str); 7] = [
    ("bad-merge", include_str!("../../scenarios/bad-merge.toml")),
    ("quiet", include_str!("../../scenarios/quiet.toml")),
    ("unexplained", include_str!("../../scenarios/unexplained.toml")),
    ("replay", include_str!("../../scenarios/replay.toml")),
    ("flag-rollback", include_str!("../../scenarios/flag-rollback.toml")),
    ("red-main", include_str!("../../scenarios/red-main.toml")),
    ("vercel-rollback", include_str!("../../scenarios/vercel-rollback.toml")),
];

const FILES: [(&str, &str); 1] = [("nyc_taxi.csv", include_str!("../../scenarios/nyc_taxi.csv"))];

/// Names and texts of the shipped scenarios; the first is the default.
pub fn shipped() -> &'static [(&'static str, &'static str)] {
    &SHIPPED
}

/// A `csv` file that a shipped scenario names.
pub(super) fn embedded_file(path: &str) -> std::io::Result<String> {
    let missing = || Error::new(ErrorKind::NotFound, "no such file");
    FILES.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned()).ok_or_else(missing)
}

impl Scenario {
    /// The shipped scenario of that name.
    ///
    /// # Errors
    /// [`ScenarioError::NoSuch`] with the names there are.
    pub fn shipped(name: &str) -> Result<Scenario, ScenarioError> {
        let Some((_, text)) = SHIPPED.iter().find(|(known, _)| *known == name) else {
            let known: Vec<_> = SHIPPED.iter().map(|(name, _)| *name).collect();
            return Err(ScenarioError::NoSuch { name: name.to_owned(), known: known.join(", ") });
        };
        Scenario::parse(text)
    }
}
