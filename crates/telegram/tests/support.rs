//! A lab, a gateway that only keeps and owes, and a clock that runs fast.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, oneshot};
use wakeman_lab::client::{FaultMode, FaultRequest};
use wakeman_lab::{Lab, LabClient, Scenario, serve};
use wakeman_telegram::{Clock, TelegramError, TelegramOptions, run};
use wakeman_types::*;

/// How much faster time passes than on the wall.
const SPEED: i64 = 100;

/// The same where charts are drawn: a debug build takes tenths of a second for one, which must not be most of a lease.
const SPEED_OF_CHARTS: i64 = 10;

/// Milliseconds pass that many times faster.
pub struct FastClock {
    begun: Instant,
    speed: i64,
}

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.begun.elapsed().as_micros()).unwrap();
        Timestamp::from_ms(1_767_600_000_000 + passed * self.speed / 1_000)
    }

    fn sleep(&self, ms: i64) -> BoxFuture<'_, ()> {
        let micros = (ms.max(0) * 1_000 / self.speed).unsigned_abs();
        Box::pin(tokio::time::sleep(Duration::from_micros(micros)))
    }
}

/// One message owed, as the gateway would keep it.
struct Owed {
    delivery: Delivery,
    edit: Option<String>,
    edit_more: Vec<String>,
    reply_to: Option<String>,
    buttons: Vec<CardButton>,
    timezone: Option<String>,
    epoch: u64,
    attempt: u32,
    leased_until: Option<Timestamp>,
    not_before: Timestamp,
    in_doubt: bool,
    /// Tries that it cost.
    tries: u32,
    report: Option<DeliveryReport>,
}

#[derive(Default)]
struct State {
    inbox: BTreeMap<String, Inbound>,
    order: Vec<String>,
    repeated: u32,
    checkpoint: Option<String>,
    outbox: Vec<Owed>,
    live: Option<mpsc::UnboundedSender<LiveEvent>>,
    placed: Vec<(String, String, String)>,
    health: Vec<FrontendHealth>,
    /// Owes an answer to every text it takes.
    answers: bool,
}

/// The gateway as an adapter sees it.
pub struct FakeGateway {
    clock: Arc<FastClock>,
    state: Mutex<State>,
    bell: Notify,
    /// The next so many keeps fail before anything is kept.
    pub fail_accept: AtomicU32,
    /// The next so many keeps are kept, and nobody hears of it.
    pub lose_accept: AtomicU32,
    /// The next so many confirmations are not written.
    pub fail_confirm: AtomicU32,
}

/// Counts one down; whether there was one.
fn counted(counter: &AtomicU32) -> bool {
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

fn broken<T>() -> Result<T, GatewayError> {
    Err(GatewayError::new(ErrorKind::Storage, "the disk is full"))
}

impl FakeGateway {
    pub fn new(clock: &Arc<FastClock>) -> Arc<Self> {
        Arc::new(Self {
            clock: Arc::clone(clock),
            state: Mutex::default(),
            bell: Notify::new(),
            fail_accept: AtomicU32::new(0),
            lose_accept: AtomicU32::new(0),
            fail_confirm: AtomicU32::new(0),
        })
    }

    pub fn answering(&self) {
        self.state.lock().unwrap().answers = true;
    }

    /// Everything that was taken, in its order.
    pub fn inbox(&self) -> Vec<Inbound> {
        let state = self.state.lock().unwrap();
        state.order.iter().map(|id| state.inbox[id].clone()).collect()
    }

    pub fn texts(&self) -> Vec<String> {
        let texts = self.inbox().into_iter().filter_map(|inbound| match inbound.said {
            Said::Text { text, .. } => Some(text),
            _ => None,
        });
        texts.collect()
    }

    pub fn checkpoint_now(&self) -> Option<String> {
        self.state.lock().unwrap().checkpoint.clone()
    }

    pub fn health(&self) -> Vec<FrontendHealth> {
        self.state.lock().unwrap().health.clone()
    }

    pub fn placed_at(&self) -> Vec<(String, String, String)> {
        self.state.lock().unwrap().placed.clone()
    }

    /// Owes a message; its number.
    pub fn owe(&self, chat: i64, text: &str) -> usize {
        self.owe_with(chat, text, |_| {})
    }

    /// Owes a message that is more than a text.
    pub fn owe_with(&self, chat: i64, text: &str, more: impl FnOnce(&mut ClaimedDelivery)) -> usize {
        let number = {
            let mut state = self.state.lock().unwrap();
            let number = state.outbox.len();
            state.outbox.push(owed(number, chat, text, more));
            number
        };
        self.bell.notify_waiters();
        number
    }

    /// What became of a message.
    pub fn report(&self, number: usize) -> Option<DeliveryReport> {
        self.state.lock().unwrap().outbox[number].report.clone()
    }

    pub fn settled(&self) -> usize {
        self.state.lock().unwrap().outbox.iter().filter(|owed| owed.report.is_some()).count()
    }

    pub fn owed(&self) -> usize {
        self.state.lock().unwrap().outbox.len()
    }

    pub fn tell(&self, event: LiveEvent) {
        self.state.lock().unwrap().live.as_ref().unwrap().send(event).unwrap();
    }

    pub fn listened_to(&self) -> bool {
        self.state.lock().unwrap().live.is_some()
    }
}

fn owed(number: usize, chat: i64, text: &str, more: impl FnOnce(&mut ClaimedDelivery)) -> Owed {
    let delivery = Delivery {
        id: DeliveryId::new(format!("d{number}")),
        channel: Channel::Telegram,
        chat: chat.to_string(),
        thread: None,
        class: DeliveryClass::Note,
        severity: Severity::Warning,
        finding: None,
        view: View::Answer(AnswerView { text: text.to_owned(), answer: TurnId::new("t"), state: TurnState::Answered }),
        key: None,
        reply_key: None,
        refresh: false,
        instead_of: None,
        told_elsewhere: false,
        created_at: Timestamp::from_ms(0),
    };
    let mut claimed = ClaimedDelivery {
        delivery,
        epoch: 0,
        attempt: 0,
        in_doubt: false,
        edit: None,
        edit_more: Vec::new(),
        reply_to: None,
        buttons: Vec::new(),
        timezone: None,
    };
    more(&mut claimed);
    Owed {
        delivery: claimed.delivery,
        edit: claimed.edit,
        edit_more: claimed.edit_more,
        reply_to: claimed.reply_to,
        buttons: claimed.buttons,
        timezone: claimed.timezone,
        epoch: 0,
        attempt: 0,
        leased_until: None,
        not_before: Timestamp::from_ms(0),
        in_doubt: false,
        tries: 0,
        report: None,
    }
}

impl Owed {
    fn claimable(&self, now: Timestamp) -> bool {
        self.report.is_none() && self.not_before <= now && self.leased_until.is_none_or(|until| until <= now)
    }
}

impl Frontend for FakeGateway {
    fn accept_inbound(&self, _: Channel, batch: Vec<Inbound>, checkpoint: Option<String>) -> Reply<'_, Accepted> {
        Box::pin(async move {
            if counted(&self.fail_accept) {
                return broken();
            }
            let mut accepted = Accepted::default();
            let mut state = self.state.lock().unwrap();
            for inbound in batch {
                if state.inbox.contains_key(&inbound.id) {
                    accepted.repeated += 1;
                    state.repeated += 1;
                    continue;
                }
                accepted.new += 1;
                state.order.push(inbound.id.clone());
                if let (true, Said::Text { text, .. }) = (state.answers, &inbound.said) {
                    let number = state.outbox.len();
                    let chat = inbound.chat.parse().unwrap();
                    state.outbox.push(owed(number, chat, &format!("re: {text}"), |_| {}));
                }
                state.inbox.insert(inbound.id.clone(), inbound);
            }
            state.checkpoint = checkpoint.or(state.checkpoint.take());
            drop(state);
            self.bell.notify_waiters();
            if counted(&self.lose_accept) { broken() } else { Ok(accepted) }
        })
    }

    fn checkpoint(&self, _: Channel) -> Reply<'_, Option<String>> {
        Box::pin(async { Ok(self.checkpoint_now()) })
    }

    fn live(&self, _: Channel) -> Reply<'_, LiveStream> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.state.lock().unwrap().live = Some(sender);
        let events = futures::stream::unfold(receiver, async |mut receiver| {
            receiver.recv().await.map(|event| (event, receiver))
        });
        Box::pin(async move { Ok(Box::pin(events) as LiveStream) })
    }

    fn placed<'a>(&'a self, _: Channel, chat: &'a str, key: &'a str, reference: &'a str) -> Reply<'a, ()> {
        self.state.lock().unwrap().placed.push((chat.to_owned(), key.to_owned(), reference.to_owned()));
        Box::pin(async { Ok(()) })
    }

    fn report_health(&self, _: Channel, health: FrontendHealth) -> Reply<'_, ()> {
        self.state.lock().unwrap().health.push(health);
        Box::pin(async { Ok(()) })
    }

    fn deliveries_ready(&self, _: Channel, wait_ms: i64) -> Reply<'_, ()> {
        Box::pin(async move {
            let until = self.clock.now().plus_ms(wait_ms);
            loop {
                let rung = self.bell.notified();
                tokio::pin!(rung);
                rung.as_mut().enable();
                let now = self.clock.now();
                let ready = self.state.lock().unwrap().outbox.iter().any(|owed| owed.claimable(now));
                if ready || now >= until {
                    return Ok(());
                }
                // Leases lapse by themselves: looked at every second of the fast clock.
                tokio::select! { () = rung => {}, () = self.clock.sleep(1_000) => {} }
            }
        })
    }

    fn claim_deliveries(&self, _: Channel, lease_ms: i64, limit: u32) -> Reply<'_, Vec<ClaimedDelivery>> {
        Box::pin(async move {
            let now = self.clock.now();
            let mut state = self.state.lock().unwrap();
            let ready = state.outbox.iter_mut().filter(|owed| owed.claimable(now)).take(limit as usize);
            let claim = |owed: &mut Owed| {
                owed.in_doubt |= owed.leased_until.is_some();
                owed.epoch += 1;
                owed.attempt += 1;
                owed.leased_until = Some(now.plus_ms(lease_ms));
                ClaimedDelivery {
                    delivery: owed.delivery.clone(),
                    epoch: owed.epoch,
                    attempt: owed.attempt,
                    in_doubt: owed.in_doubt,
                    edit: owed.edit.clone(),
                    edit_more: owed.edit_more.clone(),
                    reply_to: owed.reply_to.clone(),
                    buttons: owed.buttons.clone(),
                    timezone: owed.timezone.clone(),
                }
            };
            Ok(ready.map(claim).collect())
        })
    }

    fn confirm_delivery<'a>(&'a self, id: &'a DeliveryId, epoch: u64, report: DeliveryReport) -> Reply<'a, ()> {
        Box::pin(async move {
            if counted(&self.fail_confirm) {
                return broken();
            }
            let now = self.clock.now();
            let mut state = self.state.lock().unwrap();
            let owed = state.outbox.iter_mut().find(|owed| owed.delivery.id == *id).unwrap();
            if owed.epoch != epoch {
                return Err(GatewayError::new(ErrorKind::NotFound, "the lease is another's"));
            }
            assert_eq!(owed.report, None, "{id} was settled before");
            owed.leased_until = None;
            match report {
                // Three tries, as the gateway has it.
                DeliveryReport::Retry { not_before, .. } if owed.tries < 2 => {
                    (owed.tries, owed.not_before) = (owed.tries + 1, not_before);
                }
                DeliveryReport::Retry { reason, .. } => owed.report = Some(DeliveryReport::Failed { reason }),
                DeliveryReport::Unavailable { .. } => owed.not_before = now.plus_ms(15_000),
                done => owed.report = Some(done),
            }
            Ok(())
        })
    }
}

/// A lab with a Telegram, and a gateway.
pub struct Scene {
    pub lab: LabClient,
    pub gateway: Arc<FakeGateway>,
    clock: Arc<FastClock>,
    url: String,
    _stop: oneshot::Sender<()>,
}

/// An adapter at work.
pub struct Running {
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<Result<(), TelegramError>>,
}

impl Running {
    /// Ends it as a shutdown does.
    pub async fn stop(self) {
        drop(self.stop);
        self.task.await.unwrap().unwrap();
    }

    /// Ends it in the middle of whatever it does, as a crash does.
    pub async fn kill(self) {
        self.task.abort();
        drop(self.task.await);
    }

    /// Why it ended by itself.
    pub async fn ended(self) -> TelegramError {
        self.task.await.unwrap().unwrap_err()
    }
}

impl Scene {
    pub async fn start() -> Self {
        Self::at(SPEED).await
    }

    /// One in which charts are drawn.
    pub async fn with_charts() -> Self {
        Self::at(SPEED_OF_CHARTS).await
    }

    async fn at(speed: i64) -> Self {
        let head = "[scenario]\nname = \"t\"\nseed = 3\nstart = \"2026-01-05T08:00:00Z\"\nhours = 1\nstep_minutes = 5\nwarmup_hours = 1\n";
        let metric = "[[metric]]\nname = \"m\"\nkind = \"count\"\nlevel = 1\n";
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let scenario = Scenario::parse(&format!("{head}{metric}")).unwrap();
        tokio::spawn(serve(Lab::new(scenario), listener, stopped));
        let lab = LabClient::new(&base).unwrap();
        let clock = Arc::new(FastClock { begun: Instant::now(), speed });
        let scene =
            Self { url: lab.service_url("telegram"), lab, gateway: FakeGateway::new(&clock), clock, _stop: stop };
        // The lab's own pace is real time; ours is not.
        scene.set(json!({"limits": false})).await;
        scene
    }

    pub async fn set(&self, config: Value) {
        self.lab.telegram("config", &config).await.unwrap();
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn run(&self) -> Running {
        self.run_with("77:secret", &self.url)
    }

    pub fn run_with(&self, token: &str, url: &str) -> Running {
        self.run_polling(token, url, 1)
    }

    /// With polls that wait so long.
    pub fn run_polling(&self, token: &str, url: &str, poll_seconds: u32) -> Running {
        let mut options = TelegramOptions::new(token.to_owned().into());
        options.api_url = Some(url.to_owned());
        options.poll_seconds = poll_seconds;
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async move { drop(stopped.await) };
        let gateway = Arc::clone(&self.gateway) as Arc<dyn Frontend>;
        let task = tokio::spawn(run(options, gateway, Arc::clone(&self.clock) as Arc<dyn Clock>, stopped));
        Running { stop, task }
    }

    /// Somebody writes; the message's number.
    pub async fn say(&self, user: i64, text: &str) -> i64 {
        let said = self.lab.telegram("say", &json!({"user": user, "text": text})).await.unwrap();
        said["message"].as_i64().unwrap()
    }

    pub async fn fault(&self, pattern: &str, mode: FaultMode, times: u32) {
        let order = FaultRequest { service: "telegram".into(), pattern: format!("(?i){pattern}$"), mode, times };
        self.lab.fault(&order).await.unwrap();
    }

    /// What the bot has said in a chat.
    pub async fn seen(&self, chat: i64) -> Vec<Value> {
        let Ok(chat) = self.lab.telegram_chat(chat).await else { return Vec::new() };
        chat["messages"].as_array().unwrap().iter().filter(|message| message["from"] == "bot").cloned().collect()
    }

    pub async fn seen_texts(&self, chat: i64) -> Vec<String> {
        self.seen(chat).await.iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect()
    }

    /// Looks until it is so; fails after half a minute of the wall.
    pub async fn until(&self, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        let looked = async {
            while !is_so().await {
                self.clock.sleep(500).await;
            }
        };
        let health = || format!("{:?}", self.gateway.health().last());
        tokio::time::timeout(Duration::from_secs(30), looked).await.unwrap_or_else(|_| panic!("{what}: {}", health()));
    }

    /// Waits until all that is owed is settled.
    pub async fn all_settled(&self) {
        self.until("everything settled", async || self.gateway.settled() == self.gateway.owed()).await;
    }
}
