//! A gateway that takes what comes in, owes what it is told to owe, and can stand still where a process would die.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::{Mutex, MutexGuard};

use tokio::sync::{Notify, broadcast};
use wakeman_types::*;

/// Where the gateway stands still, as if the process were gone there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Halt {
    BeforeAccept,
    AfterAccept,
    AfterClaim,
    BeforeConfirm,
    AfterConfirm,
    BeforePlaced,
}

#[derive(Default)]
pub struct State {
    pub inbound: Vec<Inbound>,
    taken: BTreeSet<String>,
    pub repeated: u32,
    pub checkpoint: Option<String>,
    owed: Vec<ClaimedDelivery>,
    leased: BTreeMap<String, ClaimedDelivery>,
    pub reports: Vec<(String, DeliveryReport)>,
    pub placed: BTreeMap<(String, String), String>,
    pub health: Vec<FrontendHealth>,
    pub halt: Option<Halt>,
    /// It stood still.
    pub halted: bool,
    /// So many commits fail first.
    pub failing: u32,
    /// Owes an answer to every text it takes.
    pub answers: bool,
}

impl State {
    /// As the gateway hands out: the first of every chat in which nothing is under way.
    fn claim(&mut self, limit: usize) -> Vec<ClaimedDelivery> {
        let mut busy: BTreeSet<String> = self.leased.values().map(|one| one.delivery.chat.clone()).collect();
        let mut claimed = Vec::new();
        for one in std::mem::take(&mut self.owed) {
            if claimed.len() == limit || !busy.insert(one.delivery.chat.clone()) {
                self.owed.push(one);
                continue;
            }
            let one = ClaimedDelivery { attempt: one.attempt + 1, epoch: one.epoch + 1, ..one };
            self.leased.insert(one.delivery.id.to_string(), one.clone());
            claimed.push(one);
        }
        claimed
    }

    fn claimable(&self) -> bool {
        let busy = |chat: &str| self.leased.values().any(|one| one.delivery.chat == chat);
        self.owed.iter().any(|one| !busy(&one.delivery.chat))
    }
}

/// What the adapter sees of Wakeman.
pub struct Desk {
    state: Mutex<State>,
    owing: Notify,
    live: broadcast::Sender<LiveEvent>,
}

impl Default for Desk {
    fn default() -> Self {
        Self { state: Mutex::default(), owing: Notify::new(), live: broadcast::channel(64).0 }
    }
}

/// A note to a chat.
pub fn note(id: &str, chat: &str, text: &str) -> ClaimedDelivery {
    let delivery = Delivery {
        id: DeliveryId::new(id),
        channel: Channel::Discord,
        chat: chat.to_owned(),
        thread: None,
        class: DeliveryClass::Note,
        severity: Severity::Info,
        finding: None,
        view: View::Notice(NoticeView { text: text.to_owned() }),
        key: None,
        reply_key: None,
        refresh: false,
        instead_of: None,
        told_elsewhere: false,
        created_at: Timestamp::from_ms(0),
    };
    let (edit, edit_more, reply_to, buttons) = (None, Vec::new(), None, Vec::new());
    ClaimedDelivery {
        delivery,
        epoch: 0,
        attempt: 0,
        in_doubt: false,
        edit,
        edit_more,
        reply_to,
        buttons,
        timezone: None,
    }
}

impl Desk {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn owe(&self, one: ClaimedDelivery) {
        self.state().owed.push(one);
        self.owing.notify_waiters();
        self.owing.notify_one();
    }

    /// The process died: what was leased is owed again and in doubt, and nothing stands still any more.
    pub fn revive(&self) {
        let mut state = self.state();
        let lapsed: Vec<ClaimedDelivery> = std::mem::take(&mut state.leased).into_values().collect();
        for mut one in lapsed {
            one.in_doubt = true;
            state.owed.push(one);
        }
        (state.halt, state.halted) = (None, false);
    }

    /// Nothing is owed any more.
    pub fn disown(&self) {
        self.state().owed.clear();
    }

    pub fn tell(&self, event: LiveEvent) {
        let _ = self.live.send(event);
    }

    pub fn listeners(&self) -> usize {
        self.live.receiver_count()
    }

    async fn stand(&self, at: Halt) {
        let stands = {
            let mut state = self.state();
            let stands = state.halt == Some(at);
            state.halted |= stands;
            stands
        };
        if stands {
            pending::<()>().await;
        }
    }
}

impl Frontend for Desk {
    fn accept_inbound(&self, _: Channel, batch: Vec<Inbound>, checkpoint: Option<String>) -> Reply<'_, Accepted> {
        Box::pin(async move {
            if !batch.is_empty() {
                self.stand(Halt::BeforeAccept).await;
            }
            let mut accepted = Accepted::default();
            let some = !batch.is_empty();
            {
                let mut state = self.state();
                if state.failing > 0 {
                    state.failing -= 1;
                    return Err(GatewayError::new(ErrorKind::Storage, "the disk is full"));
                }
                for one in batch {
                    if state.taken.insert(one.id.clone()) {
                        accepted.new += 1;
                        if let (true, Said::Text { text, .. }) = (state.answers, &one.said) {
                            let owed = note(&format!("a{}", one.id), &one.chat, &format!("re: {text}"));
                            state.owed.push(owed);
                        }
                        state.inbound.push(one);
                    } else {
                        accepted.repeated += 1;
                    }
                }
                state.repeated += accepted.repeated;
                state.checkpoint = checkpoint.or(state.checkpoint.take());
            }
            self.owing.notify_one();
            if some {
                self.stand(Halt::AfterAccept).await;
            }
            Ok(accepted)
        })
    }

    fn checkpoint(&self, _: Channel) -> Reply<'_, Option<String>> {
        let checkpoint = self.state().checkpoint.clone();
        Box::pin(async move { Ok(checkpoint) })
    }

    fn live(&self, _: Channel) -> Reply<'_, LiveStream> {
        let events = self.live.subscribe();
        let stream = futures::stream::unfold(events, |mut events| async move {
            events.recv().await.ok().map(|event| (event, events))
        });
        Box::pin(async move { Ok(Box::pin(stream) as LiveStream) })
    }

    fn placed<'a>(&'a self, _: Channel, chat: &'a str, key: &'a str, reference: &'a str) -> Reply<'a, ()> {
        Box::pin(async move {
            self.stand(Halt::BeforePlaced).await;
            self.state().placed.insert((chat.to_owned(), key.to_owned()), reference.to_owned());
            Ok(())
        })
    }

    fn report_health(&self, _: Channel, health: FrontendHealth) -> Reply<'_, ()> {
        self.state().health.push(health);
        Box::pin(async { Ok(()) })
    }

    fn deliveries_ready(&self, _: Channel, _: i64) -> Reply<'_, ()> {
        Box::pin(async move {
            let owing = self.owing.notified();
            if !self.state().claimable() {
                owing.await;
            }
            Ok(())
        })
    }

    fn claim_deliveries(&self, _: Channel, _: i64, limit: u32) -> Reply<'_, Vec<ClaimedDelivery>> {
        Box::pin(async move {
            let claimed = self.state().claim(limit as usize);
            if !claimed.is_empty() {
                self.stand(Halt::AfterClaim).await;
            }
            Ok(claimed)
        })
    }

    fn confirm_delivery<'a>(&'a self, id: &'a DeliveryId, _: u64, report: DeliveryReport) -> Reply<'a, ()> {
        Box::pin(async move {
            self.stand(Halt::BeforeConfirm).await;
            {
                let mut state = self.state();
                let one = state.leased.remove(&id.to_string());
                // What is busy stays away until the test is over.
                if matches!(report, DeliveryReport::Retry { .. } | DeliveryReport::Unavailable { .. }) {
                    state.owed.extend(one);
                }
                state.reports.push((id.to_string(), report));
            }
            self.owing.notify_one();
            self.stand(Halt::AfterConfirm).await;
            Ok(())
        })
    }
}
