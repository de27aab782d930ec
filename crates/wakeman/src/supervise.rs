//! Parts that may fail without taking others along: each in a task of its own, begun again with growing pauses.

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;
use wakeman_gateway::ports::{Clock, Random};

/// The first pause, doubled with each failure in a row.
const PAUSE_MS: i64 = 1_000;
/// The longest.
const PAUSE_MS_MAX: i64 = 60_000;
/// Who worked for so long begins with the first pause again.
const STEADY_MS: i64 = 60_000;
/// How long a part may take to end once it was told to.
const GRACE: Duration = Duration::from_secs(3);

/// Begins the part anew; it ends well only when it was told to.
pub type Start = Box<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// A part under supervision.
pub struct Part {
    /// Its name in health and log.
    pub name: &'static str,
    /// Begins it.
    pub start: Start,
}

/// Keeps `part` running until `stopped`. `tell` hears why it ended each time; a panic is an end like any other.
pub async fn supervise(
    part: Part,
    clock: &dyn Clock,
    random: &dyn Random,
    tell: impl Fn(&str, String),
    mut stopped: watch::Receiver<bool>,
) {
    let mut failures: u32 = 0;
    loop {
        let began = clock.now();
        let mut task = tokio::spawn((part.start)());
        let ended = tokio::select! {
            ended = &mut task => ended,
            () = told(&mut stopped) => {
                if tokio::time::timeout(GRACE, &mut task).await.is_err() {
                    task.abort();
                }
                return;
            }
        };
        // Told to end, the part may be quicker than this.
        if *stopped.borrow() {
            return;
        }
        let why = match ended {
            Ok(Ok(())) => "it stopped".to_owned(),
            Ok(Err(why)) => why,
            Err(error) if error.is_panic() => "it crashed, a defect of Wakeman; the log says where".to_owned(),
            Err(_) => "it was cancelled".to_owned(),
        };
        if clock.now().since(began) >= STEADY_MS {
            failures = 0;
        }
        let pause = pause_ms(failures, random.number());
        failures = failures.saturating_add(1);
        tracing::error!(part = part.name, why, pause_ms = pause, "run.part_ended");
        tell(part.name, format!("{why}; it starts again in {} s", (pause + 999) / 1_000));
        tokio::select! {
            () = clock.sleep_until(clock.now().plus_ms(pause)) => {}
            () = told(&mut stopped) => return,
        }
    }
}

/// Resolves once it is time to end. By itself, so that no guard of the channel is held meanwhile.
async fn told(stopped: &mut watch::Receiver<bool>) {
    drop(stopped.wait_for(|stopped| *stopped).await);
}

/// Doubled with each failure, between half of it and all of it, so that parts that failed together do not come back together.
fn pause_ms(failures: u32, dice: u64) -> i64 {
    let whole = (PAUSE_MS << failures.min(16)).min(PAUSE_MS_MAX);
    let share = i64::try_from(dice % 1_000).unwrap_or(0);
    whole / 2 + whole / 2 * share / 1_000
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    };

    use wakeman_gateway::ports::{SystemClock, SystemRandom};
    use wakeman_types::Timestamp;

    use super::*;

    /// A clock whose pauses are over at once, and which remembers how long they were.
    #[derive(Default)]
    struct Skipping(Mutex<(i64, Vec<i64>)>);

    impl Clock for Skipping {
        fn now(&self) -> Timestamp {
            Timestamp(self.0.lock().unwrap().0)
        }

        fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
            let mut state = self.0.lock().unwrap();
            let pause = at.ms() - state.0;
            state.1.push(pause);
            state.0 = at.ms();
            Box::pin(tokio::task::yield_now())
        }
    }

    #[tokio::test]
    async fn one_that_fails_or_panics_is_begun_again_later_each_time_and_stops_no_other() {
        let (stop, stopped) = watch::channel(false);
        let tries = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&tries);
        let shaky = Part {
            name: "telegram",
            start: Box::new(move || {
                let nth = counted.fetch_add(1, Ordering::SeqCst);
                let end = stop.clone();
                Box::pin(async move {
                    match nth {
                        0 => panic!("as a test wants"),
                        1..8 => Err("409".to_owned()),
                        _ => {
                            end.send_replace(true);
                            std::future::pending().await
                        }
                    }
                })
            }),
        };
        let steady_begun = Arc::new(AtomicU32::new(0));
        let begun = Arc::clone(&steady_begun);
        let ends = stopped.clone();
        let steady = Part {
            name: "discord",
            start: Box::new(move || {
                begun.fetch_add(1, Ordering::SeqCst);
                let mut ends = ends.clone();
                Box::pin(async move {
                    let _ = ends.wait_for(|stopped| *stopped).await;
                    Ok(())
                })
            }),
        };
        let (clock, random) = (Skipping::default(), SystemRandom::from_seed(7));
        let said = Mutex::new(Vec::new());
        let tell = |name: &str, why: String| said.lock().unwrap().push(format!("{name}: {why}"));
        tokio::join!(
            supervise(shaky, &clock, &random, tell, stopped.clone()),
            supervise(steady, &SystemClock, &random, |_, _| {}, stopped)
        );
        assert_eq!((tries.load(Ordering::SeqCst), steady_begun.load(Ordering::SeqCst)), (9, 1));
        let pauses = clock.0.lock().unwrap().1.clone();
        let doubled = pauses.iter().zip([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
        for (pause, whole) in doubled {
            assert!((whole / 2..=whole).contains(pause), "{pauses:?}");
        }
        let said = said.into_inner().unwrap();
        assert!(
            said[0]
                .starts_with("telegram: it crashed, a defect of Wakeman; the log says where; it starts again in 1 s"),
            "{said:?}"
        );
        assert!(said[1].starts_with("telegram: 409; it starts again in"), "{said:?}");
    }
}
