//! How the adapter is doing: the last heartbeat that Discord acknowledged, and whether what is owed gets through.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use wakeman_types::{Channel, FrontendHealth};

use crate::Adapter;

/// What is wrong when heartbeats get no answer.
pub(crate) const SILENT: &str = "Discord stopped answering on the open connection; it is opened again";
/// How long after a heartbeat its answer may take before it counts as silence.
const GRACE: Duration = Duration::from_secs(5);
/// How long after it is due a report may come.
const REPORT_GRACE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct State {
    problem: Option<String>,
    beat: Option<(Instant, Duration)>,
    /// Why the newest message did not get through; `None`: it did.
    unsent: Option<String>,
}

/// What is known of the connection.
#[derive(Debug, Default)]
pub(crate) struct Health {
    state: Mutex<State>,
    changed: Notify,
    /// A request came to nothing: nothing is claimed before one works again.
    ill: AtomicBool,
}

impl Health {
    fn change(&self, act: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = (state.problem.clone(), state.unsent.is_some());
        act(&mut state);
        if (&state.problem, state.unsent.is_some()) != (&before.0, before.1) {
            self.changed.notify_one();
        }
    }

    /// Discord answered a heartbeat, or told something; the next is due after `interval`.
    pub(crate) fn beat(&self, interval: Duration) {
        let first = self.state.lock().unwrap_or_else(PoisonError::into_inner).beat.is_none();
        self.change(|state| {
            state.problem = None;
            state.beat = Some((Instant::now(), interval));
        });
        if first {
            self.changed.notify_one();
        }
    }

    /// Something is wrong until the next heartbeat.
    pub(crate) fn broken(&self, problem: &str) {
        self.change(|state| state.problem = Some(problem.to_owned()));
    }

    /// What was owed got through, or was answered at least; `why`: it was not, however well the socket is.
    pub(crate) fn sent(&self, why: Option<String>) {
        self.change(|state| state.unsent = why);
    }

    /// Notes whether requests work.
    pub(crate) fn set_ill(&self, ill: bool) {
        self.ill.store(ill, Ordering::SeqCst);
    }

    /// Whether the last that is known of requests is that they do not work.
    pub(crate) fn is_ill(&self) -> bool {
        self.ill.load(Ordering::SeqCst)
    }

    fn told(&self, report: Duration) -> FrontendHealth {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let late = |beat| Instant::now() >= late_at(beat);
        let (ok, detail) = match (&state.problem, state.beat) {
            (Some(problem), _) => (false, problem.clone()),
            (None, None) => (false, "not connected yet".to_owned()),
            (None, Some(beat)) if late(beat) => (false, SILENT.to_owned()),
            (None, Some(_)) => match &state.unsent {
                Some(why) => (false, format!("cannot send: {why}")),
                None => (true, "connected".to_owned()),
            },
        };
        let within_ms = i64::try_from((report + REPORT_GRACE).as_millis()).unwrap_or(i64::MAX);
        FrontendHealth { ok, detail, within_ms }
    }

    /// When the next report is due: after `report`, or as soon as the answer to a heartbeat is late.
    fn due(&self, report: Duration) -> Instant {
        let (now, beat) = (Instant::now(), self.state.lock().unwrap_or_else(PoisonError::into_inner).beat);
        let late = beat.map(late_at).filter(|late| *late > now);
        late.map_or(now + report, |late| late.min(now + report))
    }
}

/// When the silence after a heartbeat's answer has lasted too long: the next one was due before that.
fn late_at((at, interval): (Instant, Duration)) -> Instant {
    at + interval + GRACE
}

/// Tells the gateway, once.
pub(crate) async fn report(adapter: &Adapter) {
    let health = adapter.health.told(adapter.options.pace.report);
    if let Err(error) = adapter.gateway.report_health(Channel::Discord, health).await {
        tracing::warn!(%error, "discord: health could not be reported");
    }
}

/// Tells the gateway whenever something changes, and at least every so often.
pub(crate) async fn serve(adapter: &Adapter) {
    loop {
        report(adapter).await;
        tokio::select! {
            () = adapter.health.changed.notified() => {}
            () = tokio::time::sleep_until(adapter.health.due(adapter.options.pace.report)) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: Duration = Duration::from_secs(20);

    #[tokio::test(start_paused = true)]
    async fn a_heartbeat_without_an_answer_is_told_as_soon_as_it_is_late() {
        let health = Health::default();
        assert!(!health.told(REPORT).ok, "not connected yet");
        health.beat(Duration::from_millis(41_250));
        let begun = Instant::now();
        while health.told(REPORT).ok {
            assert_eq!(health.told(REPORT).within_ms, 30_000);
            tokio::time::sleep_until(health.due(REPORT)).await;
        }
        // With the gateway's patience (forty seconds) and its look (five) this is told elsewhere within a minute of when it was due.
        assert_eq!(begun.elapsed(), Duration::from_millis(46_250));
        assert_eq!(health.due(REPORT), Instant::now() + REPORT, "and then at its usual times");
        health.beat(Duration::from_millis(41_250));
        assert!(health.told(REPORT).ok);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_did_not_get_through_is_told_until_one_does() {
        let health = Health::default();
        health.beat(Duration::from_secs(41));
        health.changed.notified().await;
        health.sent(Some("Discord answers 503".to_owned()));
        health.changed.notified().await;
        health.beat(Duration::from_secs(41));
        let told = health.told(REPORT);
        assert_eq!((told.ok, told.detail.as_str()), (false, "cannot send: Discord answers 503"));
        health.sent(None);
        health.changed.notified().await;
        assert!(health.told(REPORT).ok);
    }
}
