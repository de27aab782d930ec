//! Two courses of one person, compared.

use std::collections::BTreeSet;

use wakeman_ranking::operators::{Count, OperatorResult, StudyReport, Temperament};
use wakeman_types::{DAY_MS, Interruption};

use super::course::{Course, Telling};

const WEEK_MS: i64 = 7 * DAY_MS;

/// The report of these people: under `rule-v1`, and with `lints-v1`.
pub fn weigh(seed: u64, days_learning: i64, all: &[(Temperament, Course, Course)]) -> StudyReport {
    let operators: Vec<OperatorResult> =
        all.iter().map(|(who, rule, lints)| one(*who, rule, lints, days_learning * DAY_MS)).collect();
    StudyReport::of(seed, operators)
}

fn one(temperament: Temperament, rule: &Course, lints: &Course, learning_ms: i64) -> OperatorResult {
    let measured = |course: &Course| -> Vec<Telling> {
        let begun = course.from.plus_ms(learning_ms);
        course.tellings.iter().filter(|telling| telling.judged.at >= begun).cloned().collect()
    };
    let (by_rule, by_lints) = (measured(rule), measured(lints));
    let told: BTreeSet<&str> =
        by_lints.iter().filter(|t| now(t)).filter_map(|t| t.judged.incident.as_deref()).collect();
    let useful = useful(&by_rule);
    OperatorResult {
        temperament,
        rule: count(&by_rule),
        lints: count(&by_lints),
        useful_kept: u32::try_from(useful.iter().filter(|incident| told.contains(**incident)).count())
            .unwrap_or(u32::MAX),
        promotion: lints.promotion.clone(),
        noise_by_week: weeks(rule, rule.weeks()).into_iter().zip(weeks(lints, rule.weeks())).collect(),
    }
}

fn now(telling: &Telling) -> bool {
    telling.chosen == Interruption::Now
}

fn useful(tellings: &[Telling]) -> BTreeSet<&str> {
    let of_use = tellings.iter().filter(|t| now(t) && t.judged.useful && !t.judged.critical);
    of_use.filter_map(|t| t.judged.incident.as_deref()).collect()
}

/// An incident is useful once; noise is noise each time.
fn count(tellings: &[Telling]) -> Count {
    let mut count = Count { useful: u32::try_from(useful(tellings).len()).unwrap_or(u32::MAX), ..Count::default() };
    for telling in tellings {
        if telling.judged.critical {
            count.critical_missed += u32::from(!now(telling) && !telling.muted());
        } else if now(telling) {
            count.interruptions += 1;
            count.noise += u32::from(!telling.judged.useful);
        }
    }
    count
}

fn weeks(course: &Course, all: usize) -> Vec<u32> {
    let mut weeks = vec![0; all];
    for telling in course.tellings.iter().filter(|t| now(t) && !t.judged.useful && !t.judged.critical) {
        let week = usize::try_from(telling.judged.at.since(course.from) / WEEK_MS).unwrap_or(0);
        // The very last look is at the end of the last week.
        weeks[week.min(all - 1)] += 1;
    }
    weeks
}
