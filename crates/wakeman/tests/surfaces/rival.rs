//! A bot whose token another program polls with is of no use, and its operators hear so where it still works.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use serde_json::json;
use tokio::{net::TcpListener, sync::oneshot};
use wakeman_gateway::{
    Core, Desk, Guard, Hands, HealthBoard, Inbox, Readers,
    brain::prompts::PromptRegistry,
    config::{parse_settings, parse_tools, parse_wakeup},
    ports::{Clock, SystemRandom},
};
use wakeman_lab::{Lab, LabClient, Scenario, serve};
use wakeman_store::{Options, Store};
use wakeman_telegram::TelegramOptions;
use wakeman_types::{Channel, DeliveryReport, Frontend, OperatorId, Timestamp};

use super::room::{PATIENCE, SCENARIO};

/// How much faster time passes than on the wall: a minute in a second.
const SPEED: u64 = 60;

struct FastClock(Instant);

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        let passed = u64::try_from(self.0.elapsed().as_micros()).unwrap() * SPEED / 1_000;
        Timestamp::from_ms(1_767_600_000_000 + i64::try_from(passed).unwrap())
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        let left = u64::try_from(at.since(Clock::now(self)).max(0)).unwrap();
        Box::pin(tokio::time::sleep(Duration::from_micros(left * 1_000 / SPEED)))
    }
}

impl wakeman_telegram::Clock for FastClock {
    fn now(&self) -> Timestamp {
        Clock::now(self)
    }

    fn sleep(&self, ms: i64) -> BoxFuture<'_, ()> {
        self.sleep_until(Clock::now(self).plus_ms(ms))
    }
}

async fn core(folder: &std::path::Path, clock: Arc<FastClock>) -> Arc<Core> {
    let ada = json!({"id": "ada", "role": "owner", "principals": ["telegram:42", "discord:4001"]});
    let settings = json!({"operators": [ada]}).to_string();
    Arc::new(Core {
        instance: "test".to_owned(),
        store: Store::open(&folder.join("db"), Options::default()).await.unwrap(),
        settings: parse_settings(&settings, "settings.json").unwrap().value,
        tools: parse_tools("{}", "tools.json").unwrap().value,
        wakeups: parse_wakeup("{}", "wakeup.json").unwrap().value,
        prompts: PromptRegistry::load(&[]).0,
        default_prompt_version: None,
        warnings: Vec::new(),
        safe_mode: None,
        clock,
        random: Arc::new(SystemRandom::from_seed(1)),
        hands: Hands::default(),
        readers: Readers::default(),
        workspace: None,
        model: None,
        health: HealthBoard::default(),
        served: vec![Channel::Cli, Channel::Telegram, Channel::Discord],
        local_operator: OperatorId::new("cli:1000"),
        overlay: Default::default(),
        guard: Guard::default(),
        work: tokio::sync::Notify::new(),
        alarm: tokio::sync::Notify::new(),
        surfaces: Default::default(),
        calendars: Default::default(),
    })
}

/// What ada is told on Discord next.
async fn told(desk: &Desk) -> String {
    let next = async {
        loop {
            desk.deliveries_ready(Channel::Discord, 60_000).await.unwrap();
            let claimed = desk.claim_deliveries(Channel::Discord, 30_000, 1).await.unwrap();
            if let Some(claimed) = claimed.into_iter().next() {
                return claimed;
            }
        }
    };
    let claimed = tokio::time::timeout(PATIENCE, next).await.unwrap();
    assert_eq!(claimed.delivery.chat, "dm:4001");
    let sent = DeliveryReport::Sent { reference: Some("1".to_owned()) };
    desk.confirm_delivery(&claimed.delivery.id, claimed.epoch, sent).await.unwrap();
    let context = wakeman_present::RenderContext { now: claimed.delivery.created_at, zone: chrono_tz::Tz::UTC };
    wakeman_present::plain(&wakeman_present::doc(&claimed.delivery.view, &context))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rival_that_polls_for_a_minute_is_heard_of_on_the_other_channel_and_so_is_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FastClock(Instant::now()));
    let core = core(folder.path(), Arc::clone(&clock)).await;
    let desk = Arc::new(Desk::new(Arc::clone(&core)));
    let inbox = Inbox::new(core, Arc::clone(&desk));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let lab = LabClient::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let (_end, ended) = oneshot::channel::<()>();
    tokio::spawn(serve(Lab::new(Scenario::parse(SCENARIO).unwrap()), listener, ended));

    let mut options = TelegramOptions::new("77:secret".to_owned().into());
    options.api_url = Some(lab.service_url("telegram"));
    options.poll_seconds = 1;
    let adapter =
        wakeman_telegram::run(options, Arc::clone(&desk) as _, Arc::clone(&clock) as _, std::future::pending());
    let adapter = tokio::spawn(adapter);
    let answering = tokio::spawn(inbox.run(std::future::pending()));

    lab.telegram("config", &json!({"rival_polls": 1_000})).await.unwrap();
    assert_eq!(
        told(&desk).await,
        "Telegram does not work: another program polls with this bot's token (409); stop it, or give this one a token of its own. Messages for Telegram wait until it does."
    );
    lab.telegram("config", &json!({"rival_polls": 0})).await.unwrap();
    assert_eq!(told(&desk).await, "Telegram works again.");
    adapter.abort();
    answering.abort();
}
