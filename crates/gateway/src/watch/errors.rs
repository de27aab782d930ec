//! Errors of the product: what is new since the watch looks, and whether it stopped.

use std::collections::HashMap;

use wakeman_types::{DAY_MS, HOUR_MS, MINUTE_MS, Severity, Subject, Timestamp};

use crate::{act::verify::Standing, findings::Detection, ports::ErrorIssue};

/// Occurrences from which a new error is worth a finding, once it has lasted; a blip is not.
const WORTH: u64 = 5;
/// How long it must have lasted.
const LASTED_MS: i64 = 10 * MINUTE_MS;
/// Occurrences from which it is worth one at once.
const WORTH_AT_ONCE: u64 = 30;
/// Errors first seen this long before the first look count as new.
const NEW_MS: i64 = HOUR_MS;
/// An error that was not seen for this long, and for this many of its usual gaps, has stopped.
const QUIET_MS: i64 = 30 * MINUTE_MS;
const QUIET_GAPS: i64 = 6;
/// From this many an hour a new error is critical.
const CRITICAL_PER_HOUR: f64 = 120.0;
/// New errors remembered at most; the oldest go first.
const REMEMBERED_MAX: usize = 200;

/// The errors that are new since the watch began.
#[derive(Default)]
pub(super) struct Errors {
    since: Option<Timestamp>,
    fresh: HashMap<String, ErrorIssue>,
    under_way: HashMap<String, Timestamp>,
    now: Timestamp,
}

impl Errors {
    /// Goes on from the findings that are under way: these errors stay new, whenever they began.
    pub fn resume(&mut self, open: impl IntoIterator<Item = (String, Timestamp)>) {
        self.under_way.extend(open);
    }

    /// From when on errors are asked for, as of `now` (the source's own time).
    pub fn since(&self, now: Timestamp) -> Timestamp {
        self.since.unwrap_or_else(|| now.plus_ms(-NEW_MS)).max(now.plus_ms(-DAY_MS))
    }

    /// Takes an answer as of `now` (the source's own time). Returns what is new and goes on.
    pub fn take(&mut self, issues: Vec<ErrorIssue>, now: Timestamp) -> Vec<Detection> {
        let since = *self.since.get_or_insert(now.plus_ms(-NEW_MS));
        self.now = now;
        for issue in issues {
            let is_new = issue.first_seen >= since || self.under_way.contains_key(&issue.id);
            if issue.status == "active" && is_new {
                self.fresh.insert(issue.id.clone(), issue);
            }
        }
        self.forget_old();
        let goes_on = |issue: &&ErrorIssue| is_worth(issue) && !is_quiet(issue, now);
        let mut on: Vec<&ErrorIssue> = self.fresh.values().filter(goes_on).collect();
        on.sort_by(|a, b| a.id.cmp(&b.id));
        on.into_iter().map(|issue| detection(issue, now)).collect()
    }

    /// The new errors, for the correlation.
    pub fn fresh(&self) -> Vec<ErrorIssue> {
        let mut all: Vec<ErrorIssue> = self.fresh.values().cloned().collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// How an error stands.
    pub fn standing(&self, id: &str) -> Standing {
        match self.fresh.get(id) {
            Some(issue) if is_quiet(issue, self.now) => Standing::Recovered,
            Some(_) => Standing::Still,
            // Not seen within a day of asking: it stopped.
            None if self.since.is_some_and(|since| self.now.since(since) > DAY_MS) => Standing::Recovered,
            None => Standing::Unknown,
        }
    }

    /// Whether an error was seen in the last `age_ms` milliseconds.
    pub fn occurred_within(&self, id: &str, age_ms: i64) -> bool {
        self.fresh.get(id).is_some_and(|issue| self.now.since(issue.last_seen) < age_ms)
    }

    fn forget_old(&mut self) {
        while self.fresh.len() > REMEMBERED_MAX {
            let oldest = self.fresh.values().min_by_key(|issue| (issue.last_seen, issue.id.clone()));
            let Some(id) = oldest.map(|issue| issue.id.clone()) else { return };
            self.fresh.remove(&id);
        }
    }
}

/// The fingerprint of an error's finding.
fn fingerprint(id: &str) -> String {
    format!("error:{id}")
}

fn is_worth(issue: &ErrorIssue) -> bool {
    let lasted = issue.last_seen.since(issue.first_seen) >= LASTED_MS;
    issue.occurrences >= WORTH_AT_ONCE || (issue.occurrences >= WORTH && lasted)
}

fn is_quiet(issue: &ErrorIssue, now: Timestamp) -> bool {
    let span = issue.last_seen.since(issue.first_seen).max(1);
    let gap = span / i64::try_from(issue.occurrences).unwrap_or(i64::MAX).max(1);
    now.since(issue.last_seen) > QUIET_MS.max(gap.saturating_mul(QUIET_GAPS))
}

fn detection(issue: &ErrorIssue, now: Timestamp) -> Detection {
    let hours = (now.since(issue.first_seen).max(10 * MINUTE_MS)) as f64 / HOUR_MS as f64;
    let per_hour = issue.occurrences as f64 / hours;
    Detection {
        fingerprint: fingerprint(&issue.id),
        subject: Subject::Error {
            issue: issue.id.clone(),
            name: issue.name.clone(),
            description: issue.description.chars().take(300).collect(),
            source: issue.source.clone(),
            function: issue.function.clone(),
        },
        severity: if per_hour >= CRITICAL_PER_HOUR { Severity::Critical } else { Severity::Warning },
        since: issue.first_seen,
        seen_at: now,
        began: Detection::around(issue.first_seen, 10 * MINUTE_MS),
        measure: None,
        occurrences: issue.occurrences,
        series: Vec::new(),
        step_ms: 0,
        head_sha: None,
        effect: 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue(id: &str, first_min: i64, last_min: i64, occurrences: u64) -> ErrorIssue {
        ErrorIssue {
            id: id.into(),
            name: "TypeError".into(),
            description: "x is undefined".into(),
            status: "active".into(),
            source: None,
            function: None,
            first_seen: Timestamp(first_min * MINUTE_MS),
            last_seen: Timestamp(last_min * MINUTE_MS),
            occurrences,
            volume: Vec::new(),
        }
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp(minute * MINUTE_MS)
    }

    #[test]
    fn an_old_error_is_no_news_and_a_new_one_is_once_it_repeats() {
        let mut errors = Errors::default();
        assert!(errors.take(vec![issue("old", 0, 500, 900)], at(500)).is_empty());
        assert!(errors.take(vec![issue("new", 505, 509, 4)], at(510)).is_empty());
        assert!(errors.take(vec![issue("new", 505, 512, 9)], at(513)).is_empty(), "a blip so far");
        let seen = errors.take(vec![issue("new", 505, 515, 12)], at(516));
        assert!(matches!(&seen[..], [seen] if seen.occurrences == 12 && seen.since == at(505)));
        assert_eq!(errors.take(vec![issue("burst", 515, 516, 40), issue("new", 505, 515, 12)], at(517)).len(), 2);
    }

    #[test]
    fn it_is_over_only_after_a_silence_that_is_long_for_it() {
        let mut errors = Errors::default();
        errors.take(Vec::new(), at(500));
        errors.take(vec![issue("new", 505, 600, 10)], at(601));
        assert_eq!(errors.standing("new"), Standing::Still);
        assert_eq!(errors.take(Vec::new(), at(640)).len(), 1, "its gaps are 9 minutes");
        assert!(errors.take(Vec::new(), at(660)).is_empty());
        assert_eq!(errors.standing("new"), Standing::Recovered);
    }

    #[test]
    fn whether_it_occurred_since_a_repair_is_told_by_its_last_occurrence() {
        let mut errors = Errors::default();
        errors.take(Vec::new(), at(500));
        errors.take(vec![issue("new", 505, 600, 10)], at(630));
        assert!(errors.occurred_within("new", 31 * MINUTE_MS) && !errors.occurred_within("new", 30 * MINUTE_MS));
        assert!(!errors.occurred_within("unknown", 31 * MINUTE_MS));
    }

    #[test]
    fn after_a_restart_an_error_whose_finding_is_open_is_still_followed() {
        let mut errors = Errors::default();
        errors.resume([("known".to_owned(), at(10))]);
        assert_eq!(errors.take(vec![issue("known", 10, 499, 900), issue("old", 0, 499, 900)], at(500)).len(), 1);
    }
}
