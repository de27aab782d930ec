//! `backtest operators`: simulated people, and what learning from their reactions spares them.
//!
//! Drawn findings play decisions and reactions alone. With `--lab` the people watch the lab's product through the real gateway: its watchers,
//! findings, decisions, learnt states and verbs, in a throw-away instance of its own for each person and policy.

mod course;
mod judge;
mod person;
mod scene;
mod told;
mod weigh;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures::future::join_all;
use wakeman_ranking::operators::{StudyReport, Temperament, WEEKS_LEARNING, WEEKS_MEASURED, study};
use wakeman_types::MINUTE_MS;

use self::{
    course::{Course, Plan},
    scene::Size,
    weigh::weigh,
};
use crate::{
    args::BacktestOperatorsArgs,
    failure::{DONE, Failure},
    global::Global,
};

const WEEK_DAYS: i64 = 7;

/// The product of the study. Its alarm budget is wide, so that the policies and not the budget are compared.
const SIZE: Size = Size {
    days: (WEEKS_LEARNING + WEEKS_MEASURED) as i64 * WEEK_DAYS,
    metrics: 12,
    alarms_per_week: 70,
    look_ms: 30 * MINUTE_MS,
};

/// Plays and tells.
pub async fn run(global: &Global, args: &BacktestOperatorsArgs) -> Result<u8, Failure> {
    let progress = global.progress("simulating operators");
    let report = if args.lab {
        let stopped = crate::commands::run::stop_signal()?;
        let broken_off = Arc::new(AtomicBool::new(false));
        let days = i64::from(WEEKS_LEARNING) * WEEK_DAYS;
        let report = in_the_lab(SIZE, days, args.seed, &Temperament::ALL, &broken_off);
        tokio::pin!(report);
        tokio::select! {
            report = &mut report => report?,
            () = stopped => {
                broken_off.store(true, Ordering::Relaxed);
                // Each play ends at its next look and takes its folder with it.
                drop(report.await);
                return Err(Failure::interrupted());
            }
        }
    } else {
        study(args.seed).map_err(Failure::failed)?
    };
    drop(progress);
    if global.json {
        global.print_json(&report)?
    } else {
        global.print(&told::told(&report, args.lab))?
    }
    Ok(DONE)
}

/// Each of these people twice: under `rule-v1` to the end, and with `lints-v1` deciding after the days of learning.
async fn in_the_lab(
    size: Size,
    days_learning: i64,
    seed: u64,
    people: &[Temperament],
    broken_off: &Arc<AtomicBool>,
) -> Result<StudyReport, Failure> {
    // Each in a thread of its own: a play never waits for anything but itself.
    let play = |temperament, learns| {
        let plan = Plan { size, days_learning, seed, temperament, learns };
        let broken_off = Arc::clone(broken_off);
        let task = tokio::task::spawn_blocking(move || alone(plan, &broken_off));
        async move { task.await.map_err(Failure::failed)? }
    };
    let each = people.iter().map(|one| async {
        let (rule, lints) = tokio::join!(play(*one, false), play(*one, true));
        Ok::<(Temperament, Course, Course), Failure>((*one, rule?, lints?))
    });
    let courses = the_cause(join_all(each).await)?;
    Ok(weigh(seed, days_learning, &courses))
}

/// All of them, or why the first one failed: the rest was broken off for it.
fn the_cause<T>(each: Vec<Result<T, Failure>>) -> Result<Vec<T>, Failure> {
    let broken_off = Failure::interrupted().code();
    let (mut courses, mut failure) = (Vec::new(), None);
    for one in each {
        match one {
            Ok(course) => courses.push(course),
            Err(error) if failure.as_ref().is_none_or(|known: &Failure| known.code() == broken_off) => {
                failure = Some(error)
            }
            Err(_) => {}
        }
    }
    failure.map_or(Ok(courses), Err)
}

fn alone(plan: Plan, broken_off: &AtomicBool) -> Result<Course, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // The others need not go on without it.
    runtime.block_on(plan.play(broken_off)).inspect_err(|_| broken_off.store(true, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use wakeman_types::{DAY_MS, HOUR_MS};

    use super::*;

    /// Three metrics for three days: enough that every part of it is needed.
    const SMALL: Size = Size { days: 3, metrics: 3, alarms_per_week: 70, look_ms: HOUR_MS };

    #[tokio::test]
    async fn the_same_person_at_the_same_product_hears_the_same_until_what_was_learnt_decides() {
        let plan = |learns| Plan { size: SMALL, days_learning: 2, seed: 1, temperament: Temperament::Engineer, learns };
        let on = AtomicBool::new(false);
        let (rule, lints) = tokio::try_join!(plan(false).play(&on), plan(true).play(&on)).unwrap();
        let learning = |course: &Course| {
            let until = course.from.plus_ms(2 * DAY_MS);
            course.tellings.iter().filter(|telling| telling.judged.at < until).cloned().collect::<Vec<_>>()
        };
        assert!(!learning(&rule).is_empty());
        assert_eq!(learning(&rule), learning(&lints));
        assert!(rule.tellings.iter().all(|telling| telling.policy != "lints-v1"));
        assert!(rule.tellings.iter().any(|telling| telling.judged.incident.is_some()), "the product had trouble");
        assert!(lints.promotion.starts_with("lints-v1 is not promoted: "), "{}", lints.promotion);
        let decided = lints.tellings.iter().filter(|telling| telling.policy == "lints-v1");
        assert!(decided.count() > 0, "{:?}", lints.tellings);
        assert_eq!(weigh(1, 2, &[(Temperament::Engineer, rule, lints)]).critical_missed, 0);
    }

    #[tokio::test]
    async fn a_study_that_is_broken_off_ends_at_its_next_look() {
        let plan = Plan { size: SMALL, days_learning: 2, seed: 1, temperament: Temperament::Founder, learns: true };
        let failure = plan.play(&AtomicBool::new(true)).await.unwrap_err();
        assert_eq!(failure.to_string(), Failure::interrupted().to_string());
    }
}
