//! A lab on a free port, an adapter that runs against it, and the people to play.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use wakeman_discord::{DiscordError, DiscordOptions, Pace};
use wakeman_lab::{Lab, Scenario, serve};
use wakeman_types::{Inbound, Said, Timestamp};

use crate::desk::Desk;

pub const ADA: &str = "4001";
const HEAD: &str = "[scenario]\nname = \"test\"\nseed = 1\nstart = \"2026-01-05T08:00:00Z\"\nhours = 1\nstep_minutes = 5\nwarmup_hours = 1\n[[metric]]\nname = \"m\"\nkind = \"count\"\nlevel = 1\nnoise = \"poisson\"\n";
/// Far beyond what anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A Discord and an adapter on it.
pub struct World {
    pub desk: Arc<Desk>,
    base: String,
    http: Client,
    adapter: Option<JoinHandle<Result<(), DiscordError>>>,
}

impl World {
    /// A lab with nobody connected yet.
    pub async fn quiet() -> World {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve(Lab::new(Scenario::parse(HEAD).unwrap()), listener, std::future::pending::<()>()));
        let http = Client::builder().no_proxy().build().unwrap();
        let world = World { desk: Arc::default(), base, http, adapter: None };
        world.play(json!({"do": "limits", "messages": 50, "seconds": 0.2})).await;
        world
    }

    /// A lab and an adapter that is connected.
    pub async fn new() -> World {
        let mut world = World::quiet().await;
        world.start().await;
        world
    }

    fn options(&self) -> DiscordOptions {
        DiscordOptions {
            token: "a.b.c".into(),
            api_url: Some(format!("{}/discord", self.base)),
            zone: chrono_tz::UTC,
            now: Arc::new(|| Timestamp::from_ms(1_767_600_000_000)),
            chance: Arc::new(|| 0.5),
            pace: Pace {
                retry: Duration::from_millis(5),
                open: Duration::from_secs(2),
                beat: Duration::from_millis(5),
                every: Duration::from_millis(1),
                edit: Duration::from_millis(5),
                report: Duration::from_millis(50),
                ..Pace::default()
            },
        }
    }

    /// Begins a process of the adapter and waits until it is connected.
    pub async fn start(&mut self) {
        let before = self.state().await["connections"].as_u64().unwrap();
        self.start_anyhow();
        self.until("connected", async |world| {
            let state = world.state().await;
            let again = state["connections"].as_u64() > Some(before) && state["connected"] == 1;
            let listens = world.desk.listeners() > 0 && !state["commands"].as_array().unwrap().is_empty();
            (again && listens).then_some(())
        })
        .await;
    }

    /// Begins a process of the adapter.
    pub fn start_anyhow(&mut self) {
        let run = wakeman_discord::run(self.options(), self.desk.clone(), std::future::pending());
        self.adapter = Some(tokio::spawn(run));
    }

    /// Kills the adapter where it stands.
    pub async fn kill(&mut self) {
        let adapter = self.adapter.take().unwrap();
        adapter.abort();
        assert!(adapter.await.is_err(), "it was still running");
        self.desk.revive();
    }

    /// How the adapter ended by itself.
    pub async fn ended(&mut self) -> Result<(), DiscordError> {
        tokio::time::timeout(PATIENCE, self.adapter.take().unwrap()).await.unwrap().unwrap()
    }

    /// Something happens on Discord; the id of what came of it.
    pub async fn play(&self, deed: Value) -> String {
        let answer = self.http.post(format!("{}/_lab/discord", self.base)).json(&deed).send().await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(status, 201, "{body}");
        body["id"].as_str().unwrap_or_default().to_owned()
    }

    pub async fn say(&self, channel: &str, text: &str) -> String {
        self.play(json!({"do": "say", "user": ADA, "name": "ada", "channel": channel, "text": text})).await
    }

    pub async fn fault(&self, pattern: &str, mode: &str, times: u32) {
        let order = json!({"service": "discord", "match": pattern, "mode": mode, "times": times});
        let answer = self.http.post(format!("{}/_lab/faults", self.base)).json(&order).send().await.unwrap();
        assert_eq!(answer.status(), 201);
    }

    /// So long nothing more of it.
    pub async fn throttle(&self, pattern: &str, seconds: f64) {
        let deed = json!({"do": "throttle", "match": pattern, "retry_after": seconds, "global": false, "times": 1});
        self.play(deed).await;
    }

    pub async fn get(&self, path: &str) -> Value {
        self.http.get(format!("{}{path}", self.base)).send().await.unwrap().json().await.unwrap()
    }

    pub async fn state(&self) -> Value {
        self.get("/_lab/discord").await
    }

    /// The messages of a channel as people see them.
    pub async fn seen(&self, channel: &str) -> Vec<Value> {
        let room = self.get(&format!("/_lab/discord/channels/{channel}")).await;
        room["messages"].as_array().cloned().unwrap_or_default()
    }

    /// What the bot said in a channel.
    pub async fn said(&self, channel: &str) -> Vec<String> {
        let bot = self.state().await["bot"].clone();
        let mine = self.seen(channel).await.into_iter().filter(|one| one["author"] == bot);
        mine.map(|one| one["content"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until something is so.
    pub async fn until<T>(&self, what: &str, is: impl AsyncFn(&World) -> Option<T>) -> T {
        let wait = async {
            loop {
                if let Some(found) = is(self).await {
                    return found;
                }
                // The lab is asked each time, so the others get their turn.
                self.state().await;
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .unwrap_or_else(|_| panic!("never {what}; {} things in", self.desk.state().inbound.len()))
    }

    /// Waits for so many things to have come in; all of them.
    pub async fn inbound(&self, count: usize) -> Vec<Inbound> {
        let take = async |world: &World| {
            let state = world.desk.state();
            (state.inbound.len() >= count).then(|| state.inbound.clone())
        };
        self.until(&format!("{count} things in"), take).await
    }

    /// Waits for so many reports on deliveries.
    pub async fn reports(&self, count: usize) -> Vec<(String, wakeman_types::DeliveryReport)> {
        let take = async |world: &World| {
            let state = world.desk.state();
            (state.reports.len() >= count).then(|| state.reports.clone())
        };
        self.until(&format!("{count} reports"), take).await
    }

    pub async fn halted(&self) {
        self.until("halted", async |world| world.desk.state().halted.then_some(())).await;
    }
}

/// The words of a text.
pub fn words(one: &Inbound) -> &str {
    match &one.said {
        Said::Text { text, .. } => text,
        other => panic!("{other:?}"),
    }
}
