//! Deadline, retries, fallback, cooldown and breaker, in paused time.

use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use wakeman_gateway::ports::{Bill, Clock, ModelError, Random, SystemRandom};
use wakeman_types::Timestamp;

use super::super::guard::BREAKER_MS;
use super::{Chain, Plan, Progress, Trouble};

/// The runtime's paused clock: what is slept passes at once, and is counted.
struct Paused(tokio::time::Instant);

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(i64::try_from(self.0.elapsed().as_millis()).unwrap())
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        let wait = u64::try_from(at.since(self.now())).unwrap_or(0);
        Box::pin(tokio::time::sleep(std::time::Duration::from_millis(wait)))
    }
}

/// What a host does when it is asked.
#[derive(Clone)]
enum Does {
    Answers,
    Fails(Trouble),
    /// Says these words, then fails.
    Says(&'static str, Trouble),
    /// Says these words, or nothing, and then no more.
    Hangs(Option<&'static str>),
}

/// Tells the compiler what a closure is.
fn asking<'a, F: Fn(&'a str) -> BoxFuture<'a, Result<String, Trouble>>>(ask: F) -> F {
    ask
}

struct World {
    chain: Chain,
    clock: Arc<Paused>,
    asked: Mutex<Vec<(i64, String)>>,
    billed: Mutex<Vec<Bill>>,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(Paused(tokio::time::Instant::now()));
        let random: Arc<dyn Random> = Arc::new(SystemRandom::from_seed(7));
        Self { chain: Chain::new(clock.clone(), random), clock, asked: Mutex::default(), billed: Mutex::default() }
    }

    /// One call with a minute's time; `script` answers by alias and how often that was asked in this call.
    async fn call(&self, aliases: &[&str], script: impl Fn(&str, usize) -> Does) -> Result<String, ModelError> {
        self.call_within(60_000, aliases, script).await
    }

    async fn call_within(
        &self,
        limit_ms: i64,
        aliases: &[&str],
        script: impl Fn(&str, usize) -> Does,
    ) -> Result<String, ModelError> {
        let progress = Progress::default();
        let plan =
            Plan { aliases: aliases.to_vec(), deadline: self.clock.now().plus_ms(limit_ms), progress: &progress };
        let before = self.asked.lock().unwrap().len();
        let ask = asking(|alias| {
            let mut asked = self.asked.lock().unwrap();
            let nth = asked[before..].iter().filter(|(_, other)| other == alias).count();
            asked.push((self.clock.now().ms(), alias.to_owned()));
            let (does, progress) = (script(alias, nth), &progress);
            Box::pin(async move {
                match does {
                    Does::Answers => Ok(alias.to_owned()),
                    Does::Fails(trouble) => Err(trouble),
                    Does::Says(words, trouble) => {
                        progress.start();
                        progress.say(words);
                        Err(trouble)
                    }
                    Does::Hangs(words) => {
                        if let Some(words) = words {
                            progress.start();
                            progress.say(words);
                        }
                        std::future::pending().await
                    }
                }
            })
        });
        let (result, billed) = self.chain.run(&plan, ask).await;
        self.billed.lock().unwrap().extend(billed);
        result
    }

    fn names(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(_, name)| name.clone()).collect()
    }

    fn times(&self) -> Vec<i64> {
        self.asked.lock().unwrap().iter().map(|(at, _)| *at).collect()
    }
}

fn down() -> Trouble {
    Trouble::unavailable("500, down")
}

fn limited(seconds: Option<i64>) -> Trouble {
    Trouble::Limited { reason: "429, slowly".to_owned(), wait_ms: seconds.map(|s| s * 1000) }
}

fn denied(ours: bool) -> Trouble {
    Trouble::Denied { reason: "401, no".to_owned(), ours }
}

fn cut(text: &str) -> Trouble {
    Trouble::Cut { text: text.to_owned(), reason: "gone".to_owned(), bill: Bill::default() }
}

fn empty(cost_usd: Option<f64>) -> Trouble {
    Trouble::Empty { bill: Bill { cost_usd, ..Bill::default() } }
}

#[tokio::test(start_paused = true)]
async fn every_try_that_is_billed_is_counted_whatever_comes_in_the_end() {
    let bill = |cost_usd| Bill { cost_usd, ..Bill::default() };
    let world = World::new();
    let does = |_: &str, nth| match nth {
        0 => Does::Fails(empty(Some(0.5))),
        1 => Does::Fails(down()),
        _ => Does::Answers,
    };
    assert_eq!(world.call(&["chat"], does).await, Ok("chat".to_owned()));
    assert_eq!(*world.billed.lock().unwrap(), [bill(Some(0.5))]);
    let world = World::new();
    world.call(&["chat", "small"], |_, nth| Does::Fails(empty((nth == 0).then_some(0.5)))).await.unwrap_err();
    assert_eq!(*world.billed.lock().unwrap(), [bill(Some(0.5)), bill(Some(0.5)), bill(None)]);
    let world = World::new();
    world.call(&["chat"], |_, _| Does::Hangs(Some("It fell"))).await.unwrap_err();
    assert_eq!(*world.billed.lock().unwrap(), [bill(None)], "words came, so somebody is billed");
    let world = World::new();
    world.call(&["chat"], |_, _| Does::Hangs(None)).await.unwrap_err();
    assert_eq!(*world.billed.lock().unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_three_times_with_growing_pauses_and_nothing_else_is() {
    for (trouble, tries) in [
        (down(), 3),
        (limited(None), 3),
        (empty(None), 3),
        (cut(""), 3),
        (denied(true), 1),
        (denied(false), 1),
        (Trouble::TooLong { reason: "8192".to_owned() }, 1),
        (Trouble::Rejected { reason: "400, no such model".to_owned() }, 1),
    ] {
        let world = World::new();
        let error = world.call(&["chat"], |_, _| Does::Fails(trouble.clone())).await.unwrap_err();
        let now = world.clock.now();
        assert_eq!(error, trouble.clone().into_error(now), "the last one is told");
        assert_eq!(world.names().len(), tries, "{trouble:?}");
        if let [first, second, third] = world.times()[..] {
            assert!((200..=400).contains(&(second - first)), "{trouble:?}: {}", second - first);
            assert!((400..=800).contains(&(third - second)), "{trouble:?}: {}", third - second);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_try_that_works_ends_it() {
    let world = World::new();
    let does = |_: &str, nth| if nth < 2 { Does::Fails(down()) } else { Does::Answers };
    assert_eq!(world.call(&["chat"], does).await, Ok("chat".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn after_the_first_word_nothing_is_tried_again() {
    for trouble in [cut("It fell"), down(), limited(Some(1))] {
        let world = World::new();
        let error = world.call(&["chat", "small"], |_, _| Does::Says("It fell", trouble.clone())).await.unwrap_err();
        assert_eq!(world.names(), ["chat"], "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_deadline_holds_for_everything() {
    let world = World::new();
    assert_eq!(world.call(&["chat"], |_, _| Does::Hangs(None)).await, Err(ModelError::TimedOut { limit_ms: 60_000 }));
    assert_eq!(world.clock.now().ms(), 60_000);
    // The second try begins late and ends with the first one's deadline.
    let world = World::new();
    let does = |_: &str, nth| if nth == 0 { Does::Fails(down()) } else { Does::Hangs(None) };
    assert_eq!(world.call_within(5_000, &["chat"], does).await, Err(ModelError::TimedOut { limit_ms: 5_000 }));
    assert_eq!(world.clock.now().ms(), 5_000);
    // A pause that would reach the deadline is not begun: the reason is told at once.
    let world = World::new();
    let error = world.call_within(150, &["chat"], |_, _| Does::Fails(down())).await.unwrap_err();
    assert_eq!((error, world.clock.now().ms()), (down().into_error(Timestamp::from_ms(0)), 0));
    assert_eq!(world.call_within(0, &["chat"], |_, _| Does::Answers).await, Err(ModelError::TimedOut { limit_ms: 0 }));
}

#[tokio::test(start_paused = true)]
async fn words_that_were_shown_are_kept_when_time_is_up() {
    let world = World::new();
    let error = world.call(&["chat", "small"], |_, _| Does::Hangs(Some("It fell"))).await.unwrap_err();
    let reason = "it was cut off after 60 s (ai.timeoutMs bounds it)".to_owned();
    assert_eq!(error, ModelError::Cut { text: "It fell".to_owned(), reason });
    assert_eq!(world.names(), ["chat"], "it had begun, so the fallback was not asked");
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_is_waited_for_if_the_deadline_allows() {
    let world = World::new();
    let does = |_: &str, nth| if nth == 0 { Does::Fails(limited(Some(7))) } else { Does::Answers };
    assert_eq!(world.call(&["chat"], does).await, Ok("chat".to_owned()));
    assert_eq!(world.times(), [0, 7_000]);

    let world = World::new();
    let error = world.call(&["chat"], |_, _| Does::Fails(limited(Some(900)))).await.unwrap_err();
    let until = Some(Timestamp::from_ms(900_000));
    assert_eq!(
        error,
        ModelError::Limited { reason: "429, slowly".to_owned(), until },
        "not a silent quarter of an hour"
    );
    assert_eq!((world.names().len(), world.clock.now().ms()), (1, 0));
    // Until then nothing is sent, by no call.
    world.clock.sleep_until(Timestamp::from_ms(100_000)).await;
    let error = world.call(&["chat"], |_, _| Does::Answers).await.unwrap_err();
    assert_eq!(error, ModelError::Limited { reason: "429, slowly".to_owned(), until });
    assert_eq!(world.names().len(), 1);
    world.clock.sleep_until(Timestamp::from_ms(900_000)).await;
    assert_eq!(world.call(&["chat"], |_, _| Does::Answers).await, Ok("chat".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn the_fallback_answers_at_once_and_is_preferred_while_the_first_rests() {
    for trouble in [
        down(),
        limited(Some(20)),
        limited(None),
        empty(None),
        denied(false),
        cut(""),
        Trouble::Rejected { reason: "400, no such model".to_owned() },
    ] {
        let world = World::new();
        let does = |alias: &str, _| if alias == "chat" { Does::Fails(trouble.clone()) } else { Does::Answers };
        for _ in 0..2 {
            assert_eq!(world.call(&["chat", "small"], does).await, Ok("small".to_owned()), "{trouble:?}");
        }
        assert_eq!(world.names(), ["chat", "small", "small"], "{trouble:?}");
        assert_eq!(world.clock.now().ms(), 0, "{trouble:?}: nobody waited");
        world.clock.sleep_until(Timestamp::from_ms(BREAKER_MS)).await;
        assert_eq!(world.call(&["chat", "small"], |_, _| Does::Answers).await, Ok("chat".to_owned()), "{trouble:?}");
    }
    // A conversation that is too long is too long for both.
    let world = World::new();
    let long = Trouble::TooLong { reason: "8192".to_owned() };
    assert!(world.call(&["chat", "small"], |_, _| Does::Fails(long.clone())).await.is_err());
    assert_eq!(world.names(), ["chat"]);
}

#[tokio::test(start_paused = true)]
async fn both_down_is_three_tries_in_turn() {
    let world = World::new();
    assert!(world.call(&["chat", "small"], |_, _| Does::Fails(down())).await.is_err());
    assert_eq!(world.names(), ["chat", "small", "chat"]);
}

#[tokio::test(start_paused = true)]
async fn a_first_alias_that_hangs_leaves_time_for_the_fallback() {
    let world = World::new();
    let does = |alias: &str, _| if alias == "chat" { Does::Hangs(None) } else { Does::Answers };
    assert_eq!(world.call(&["chat", "small"], does).await, Ok("small".to_owned()));
    assert_eq!(world.times(), [0, 40_000], "two thirds of the time");
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_stops_everything_for_a_while() {
    let world = World::new();
    let error = world.call(&["chat", "small"], |_, _| Does::Fails(denied(true))).await.unwrap_err();
    assert_eq!(error, ModelError::Denied { reason: "401, no".to_owned() });
    for at in [1, BREAKER_MS / 2, BREAKER_MS - 1] {
        world.clock.sleep_until(Timestamp::from_ms(at)).await;
        assert!(world.call(&["chat", "other"], |_, _| Does::Answers).await.is_err(), "{at}");
    }
    assert_eq!(world.names(), ["chat"], "nothing was sent meanwhile");
    world.clock.sleep_until(Timestamp::from_ms(BREAKER_MS)).await;
    assert_eq!(world.call(&["chat"], |_, _| Does::Answers).await, Ok("chat".to_owned()));
    assert_eq!(world.call(&["chat"], |_, _| Does::Answers).await, Ok("chat".to_owned()), "closed again");
}

#[tokio::test(start_paused = true)]
async fn a_key_refused_behind_one_alias_stops_that_alias_only() {
    let world = World::new();
    assert!(world.call(&["chat"], |_, _| Does::Fails(denied(false))).await.is_err());
    assert!(world.call(&["chat"], |_, _| Does::Answers).await.is_err(), "still closed");
    assert_eq!(world.call(&["other"], |_, _| Does::Answers).await, Ok("other".to_owned()));
    assert_eq!(world.names(), ["chat", "other"]);
}
