//! What a live check of a credential found, in words.

use wakeman_gateway::ports::SourceError;

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was tried: `PostHog key`, `GitHub repository`, …
    pub name: String,
    /// What was found.
    pub detail: String,
    /// What a person can do about it; `None` when there is nothing to do.
    pub remedy: Option<String>,
}

/// Everything a live check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckOutcome {
    /// Whom the credential belongs to, where the service tells.
    pub user: Option<String>,
    /// The project or repository it gives access to.
    pub project: Option<String>,
    /// Scopes or permissions that are missing, in the service's own words: `query:read`, `contents:write`.
    pub missing: Vec<String>,
    /// How far this machine's clock is ahead of the service's, in milliseconds.
    pub clock_skew_ms: Option<i64>,
    /// Everything that was tried, in order.
    pub checks: Vec<Check>,
}

/// A clock this far off makes fresh data look missing.
const CLOCK_SKEW_LIMIT_MS: i64 = 60_000;

impl CheckOutcome {
    /// Whether nothing needs a person.
    pub fn ok(&self) -> bool {
        self.checks.iter().all(|check| check.remedy.is_none())
    }

    pub(crate) fn pass(&mut self, name: &str, detail: impl Into<String>) {
        self.checks.push(Check { name: name.to_owned(), detail: detail.into(), remedy: None });
    }

    pub(crate) fn fail(&mut self, name: &str, detail: impl Into<String>, remedy: impl Into<String>) {
        self.checks.push(Check { name: name.to_owned(), detail: detail.into(), remedy: Some(remedy.into()) });
    }

    pub(crate) fn fail_with(&mut self, name: &str, error: SourceError) {
        let (detail, remedy) = match error {
            SourceError::Denied { reason, remedy } | SourceError::Rejected { reason, remedy } => (reason, remedy),
            SourceError::Limited { reason, .. } => (reason, "wait a minute and check again".to_owned()),
            SourceError::Unavailable { reason } => (reason, "check the address and the network, then again".to_owned()),
            SourceError::Shape { reason } => (reason, "check that the address is the service's API".to_owned()),
        };
        self.fail(name, detail, remedy);
    }

    /// Notes how far our clock is ahead of the service's.
    pub(crate) fn clock(&mut self, name: &str, skew_ms: i64) {
        self.clock_skew_ms = Some(skew_ms);
        let seconds = skew_ms.abs() / 1000;
        let far = match seconds {
            ..=119 => format!("{seconds} s"),
            120..=7_199 => format!("{} min", seconds / 60),
            7_200..=172_799 => format!("{} h", seconds / 3_600),
            _ => format!("{} days", seconds / 86_400),
        };
        let side = if skew_ms > 0 { "ahead of" } else { "behind" };
        if skew_ms.abs() > CLOCK_SKEW_LIMIT_MS {
            self.fail(
                name,
                format!("this machine is {far} {side} the service"),
                "set the clock, e.g. `timedatectl set-ntp true`",
            );
        } else {
            self.pass(name, format!("within {} s of the service", seconds.max(1)));
        }
    }
}
