//! Whether what is owed gets through: polls may be answered for hours while no message is.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use wakeman_types::Timestamp;

use crate::Clock;

/// What passes so soon is not told, in milliseconds. With this, a send in doubt has gone out again, after its lease, before the gateway tells
/// people that nothing can be sent.
const SETTLE_MS: i64 = 5_000;

/// How the newest send or edit went.
#[derive(Debug, Default)]
pub(crate) struct Sending {
    /// `None`: it got through, or was refused by a Telegram that is well.
    unsent: Mutex<Option<Unsent>>,
    changed: Notify,
}

/// Nothing gets through.
#[derive(Debug)]
struct Unsent {
    /// Why the newest did not.
    why: String,
    /// Since when none does.
    since: Timestamp,
    /// Whether that lasts long enough to be told.
    lasts: bool,
}

impl Sending {
    fn lock(&self) -> MutexGuard<'_, Option<Unsent>> {
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how one went that ended at `now`; `why`: it did not get through.
    pub(crate) fn went(&self, why: Option<String>, now: Timestamp) {
        let mut unsent = self.lock();
        let differs = unsent.is_some() != why.is_some();
        let before = unsent.take().map(|unsent| (unsent.since, unsent.lasts));
        let (since, lasts) = before.unwrap_or((now, false));
        *unsent = why.map(|why| Unsent { why, since, lasts });
        if differs {
            self.changed.notify_one();
        }
    }

    /// What is wrong with it.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.lock().as_ref().filter(|unsent| unsent.lasts).map(|unsent| format!("cannot send: {}", unsent.why))
    }

    /// Resolves once it has not worked for a while, or works again.
    pub(crate) async fn changed(&self, clock: &dyn Clock) {
        loop {
            let due = self.lock().as_ref().filter(|unsent| !unsent.lasts).map(|unsent| unsent.since.plus_ms(SETTLE_MS));
            let wait = async {
                match due {
                    Some(due) => clock.sleep(due.since(clock.now())).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.changed.notified() => if self.lock().is_none() {
                    return;
                },
                () = wait => {
                    if let Some(unsent) = self.lock().as_mut() {
                        unsent.lasts = true;
                    }
                    return;
                }
            }
        }
    }
}
