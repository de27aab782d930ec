//! What the chat surfaces share in memory: live events, the order of what came in, how each adapter is doing. Nothing here outlives
//! the process, and nothing is lost with it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use futures::{StreamExt, stream};
use tokio::sync::{Notify, broadcast};
use wakeman_types::{Channel, FrontendHealth, LiveEvent, LiveStream, Pairing, Timestamp};

/// Live events that a slow listener may lie behind; each text carries all that came before it.
const LIVE_MAX: usize = 256;
/// How long after its report was due an adapter counts as silent, and after it was fine last as ill: what passes by itself is no news.
/// With the longest wait of a report (ten seconds) and the inbox's look (five) it is told within a minute of when a success was due.
const PATIENCE_MS: i64 = 40_000;
/// Between two looks through what waits for an adapter that is away, in milliseconds.
const PASS_ON_MS: i64 = 5_000;

/// An adapter as it last reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reported {
    pub health: FrontendHealth,
    pub at: Timestamp,
    /// Since when every report says that it does not work.
    ill_since: Option<Timestamp>,
    /// It ended, and is begun anew by others if at all.
    ended: bool,
    /// Whether people were told that it is away.
    pub told: bool,
    /// When what waits for it was last looked through for what must be heard elsewhere.
    passed_on: Option<Timestamp>,
}

impl Reported {
    /// Why it counts as away at `now`; `None`: it is fine, or not so for long enough to tell.
    pub fn trouble(&self, now: Timestamp) -> Option<String> {
        let due = self.at.plus_ms(self.health.within_ms.max(0)).plus_ms(PATIENCE_MS);
        match self.ill_since {
            Some(since) if self.ended || now.since(since) >= PATIENCE_MS => Some(self.health.detail.clone()),
            _ if now > due => Some("its adapter has not reported".to_owned()),
            _ => None,
        }
    }
}

/// Shared by the desk, the inbox and the adapters of one process.
#[derive(Debug, Default)]
pub struct Surfaces {
    live: Mutex<HashMap<Channel, broadcast::Sender<LiveEvent>>>,
    order: AtomicI64,
    frontends: Mutex<BTreeMap<&'static str, (Channel, Reported)>>,
    /// Accounts that were let in at run time.
    paired: Mutex<Vec<Pairing>>,
    /// Rings when something came in, in one of `places` or nobody knows where.
    pub(crate) arrived: Notify,
    /// Chats that something came into since the inbox last took them up.
    places: Mutex<BTreeSet<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Surfaces {
    fn sender(&self, channel: Channel) -> broadcast::Sender<LiveEvent> {
        lock(&self.live).entry(channel).or_insert_with(|| broadcast::Sender::new(LIVE_MAX)).clone()
    }

    /// What happens on `channel` from now on.
    pub fn listen(&self, channel: Channel) -> LiveStream {
        let receiver = self.sender(channel).subscribe();
        stream::unfold(receiver, |mut receiver| async move {
            loop {
                match receiver.recv().await {
                    Ok(event) => return Some((event, receiver)),
                    // What was missed is in what follows.
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        })
        .boxed()
    }

    /// Whether somebody listens on `channel`.
    pub fn is_attended(&self, channel: Channel) -> bool {
        lock(&self.live).get(&channel).is_some_and(|sender| sender.receiver_count() > 0)
    }

    /// Whoever listens hears no more: their streams end.
    pub fn hush(&self) {
        lock(&self.live).clear();
    }

    /// Tells whoever listens on `channel`; nobody is fine.
    pub fn tell(&self, channel: Channel, event: LiveEvent) {
        // Fails only while nobody listens.
        let _ = self.sender(channel).send(event);
    }

    /// A number larger than every one given out before: what comes in at the same millisecond keeps its order.
    pub(crate) fn order(&self, now: Timestamp) -> i64 {
        let next = |last: i64| last.saturating_add(1).max(now.ms().saturating_mul(1_000));
        let before = self.order.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| Some(next(last)));
        next(before.unwrap_or_default())
    }

    /// Something came into these chats.
    pub(crate) fn arrived_in(&self, places: impl IntoIterator<Item = String>) {
        lock(&self.places).extend(places);
        self.arrived.notify_one();
    }

    /// The chats that something came into since they were last taken.
    pub(crate) fn take_places(&self) -> BTreeSet<String> {
        std::mem::take(&mut *lock(&self.places))
    }

    /// Accounts that were let in at run time, as last read.
    pub(crate) fn paired(&self) -> Vec<Pairing> {
        lock(&self.paired).clone()
    }

    pub(crate) fn set_paired(&self, all: Vec<Pairing>) {
        *lock(&self.paired) = all;
    }

    /// Takes an adapter's word.
    pub(crate) fn reported(&self, channel: Channel, health: FrontendHealth, at: Timestamp) {
        self.know(channel, health, at, false);
    }

    /// An adapter ended with an error, perhaps before it reported anything.
    pub(crate) fn ended(&self, channel: Channel, why: String, at: Timestamp) {
        self.know(channel, FrontendHealth { ok: false, detail: why, within_ms: PATIENCE_MS }, at, true);
    }

    fn know(&self, channel: Channel, health: FrontendHealth, at: Timestamp, ended: bool) {
        let mut frontends = lock(&self.frontends);
        let before = frontends.get(channel.name()).map(|(_, before)| before);
        let told = before.is_some_and(|before| before.told);
        let ill_since = before.and_then(|before| before.ill_since).or(Some(at)).filter(|_| !health.ok);
        // Begun anew it first says that it is not connected yet.
        let ended = ended || (!health.ok && before.is_some_and(|before| before.ended));
        let passed_on = before.and_then(|before| before.passed_on).filter(|_| !health.ok);
        frontends.insert(channel.name(), (channel, Reported { health, at, ill_since, ended, told, passed_on }));
    }

    /// Whether `channel` has not worked for so long that what is owed there is owed elsewhere too.
    pub(crate) fn is_away(&self, channel: Channel, now: Timestamp) -> bool {
        lock(&self.frontends).get(channel.name()).is_some_and(|(_, reported)| reported.trouble(now).is_some())
    }

    /// Every adapter that reported in this process's time.
    pub(crate) fn reports(&self) -> Vec<(Channel, Reported)> {
        lock(&self.frontends).values().cloned().collect()
    }

    /// Whether what waits for `channel`, which is away, is looked through now: what was being sent when that began is in doubt later.
    pub(crate) fn passes_on(&self, channel: Channel, now: Timestamp) -> bool {
        let mut frontends = lock(&self.frontends);
        let Some((_, reported)) = frontends.get_mut(channel.name()) else { return false };
        let is_due = reported.passed_on.is_none_or(|at| now.since(at) >= PASS_ON_MS);
        if is_due {
            reported.passed_on = Some(now);
        }
        is_due
    }

    /// People were told that `channel` is away, or that it is back.
    pub(crate) fn told(&self, channel: Channel, away: bool) {
        if let Some((_, reported)) = lock(&self.frontends).get_mut(channel.name()) {
            reported.told = away;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_poll_is_no_trouble_and_some_time_of_them_or_an_end_is() {
        let surfaces = Surfaces::default();
        let at = |seconds: i64| Timestamp::from_ms(seconds * 1_000);
        let says = |ok: bool, seconds: i64| {
            let health = FrontendHealth { ok, detail: "502".to_owned(), within_ms: 30_000 };
            surfaces.reported(Channel::Telegram, health, at(seconds));
        };
        let away = |seconds: i64| surfaces.is_away(Channel::Telegram, at(seconds));
        assert!(!away(0), "nothing is known of it");
        says(false, 0);
        assert!(!away(39));
        says(true, 39);
        says(false, 70);
        says(false, 100);
        assert!(!away(109));
        assert!(away(110), "ill since 70");
        says(true, 131);
        assert!(!away(131) && !away(201) && away(202), "silent for long after its report was due");
        surfaces.ended(Channel::Telegram, "the token is refused".to_owned(), at(300));
        assert!(away(300), "at once");
        says(false, 301);
        assert!(away(301), "begun anew it does not work yet");
        says(true, 302);
        assert!(!away(302));
    }

    #[tokio::test]
    async fn a_channel_is_attended_while_somebody_listens_and_the_end_is_heard() {
        let surfaces = Surfaces::default();
        assert!(!surfaces.is_attended(Channel::Cli));
        let listening = surfaces.listen(Channel::Cli);
        assert!(surfaces.is_attended(Channel::Cli) && !surfaces.is_attended(Channel::Telegram));
        drop(listening);
        assert!(!surfaces.is_attended(Channel::Cli));
        let mut listening = surfaces.listen(Channel::Cli);
        surfaces.hush();
        assert!(listening.next().await.is_none() && !surfaces.is_attended(Channel::Cli));
    }
}
