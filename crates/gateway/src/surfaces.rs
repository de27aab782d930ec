//! What the chat surfaces share in memory: live events and the order of what came in. Nothing here outlives the process, and
//! nothing is lost with it.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use futures::{StreamExt, stream};
use tokio::sync::{Notify, broadcast};
use wakeman_types::{Channel, LiveEvent, LiveStream, Timestamp};

/// Live events that a slow listener may lie behind; each text carries all that came before it.
const LIVE_MAX: usize = 256;
/// Shared by the desk, the inbox and the adapters of one process.
#[derive(Debug, Default)]
pub struct Surfaces {
    live: Mutex<HashMap<Channel, broadcast::Sender<LiveEvent>>>,
    order: AtomicI64,
    /// Rings when something came in.
    pub(crate) arrived: Notify,
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
}
