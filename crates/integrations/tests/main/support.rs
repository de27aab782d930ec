//! A counterpart on loopback that says whatever a test wants, byte for byte, and remembers what it was asked.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use wakeman_gateway::{
    config::GithubCredential,
    ports::{Clock, WriteGate},
};
use wakeman_integrations::{Github, GithubOptions, Posthog, PosthogOptions, Timeouts, Vercel, VercelOptions};
use wakeman_types::Timestamp;

/// A credential that must never appear in an error.
pub const SECRET: &str = "phx_canary_0123456789";
/// Where the tests' clock stands: 2026-01-05T08:00:00Z.
pub const NOW: Timestamp = Timestamp::from_secs(1_767_600_000);

/// A clock that stands where it is put.
pub struct StillClock(AtomicI64);

impl StillClock {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(NOW.ms())))
    }

    pub fn put(&self, at: Timestamp) {
        self.0.store(at.ms(), Ordering::SeqCst);
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        self.put(at);
        Box::pin(std::future::ready(()))
    }
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Seen {
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The HogQL of a query call.
    pub fn hogql(&self) -> String {
        self.body["query"]["query"].as_str().unwrap_or_default().to_owned()
    }
}

/// What the counterpart says.
#[derive(Debug, Clone)]
pub enum Say {
    Json(u16, Value),
    Tagged(u16, Value, Vec<(&'static str, String)>),
    Text(u16, &'static str, String),
    /// Exactly these bytes, then the end of the connection.
    Raw(Vec<u8>),
    /// Half of the announced body, then the end of the connection.
    Truncated(u16),
    /// The request is read and the connection closed.
    Drop,
    /// The request is read and never answered.
    Hang,
}

type Answers = dyn Fn(&Seen, usize) -> Say + Send + Sync;

/// The counterpart. Stops with the test.
pub struct Fake {
    pub address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    server: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Fake {
    /// Starts a counterpart; the closure gets each request and its position, from 0.
    pub async fn start(answers: impl Fn(&Seen, usize) -> Say + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let answers: Arc<Answers> = Arc::new(answers);
        let log = Arc::clone(&seen);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answers), Arc::clone(&log)));
            }
        });
        Self { address, seen, server }
    }

    /// Says the same to everything.
    pub async fn always(say: Say) -> Self {
        Self::start(move |_, _| say.clone()).await
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("the log").clone()
    }

    pub fn calls(&self) -> usize {
        self.seen().len()
    }

    pub fn posthog(&self) -> Posthog {
        posthog(&self.address, StillClock::new(), 1.0)
    }

    pub fn github(&self) -> Github {
        github(&self.address, StillClock::new())
    }
}

async fn serve(mut stream: TcpStream, answers: Arc<Answers>, log: Arc<Mutex<Vec<Seen>>>) {
    let Some(seen) = read(&mut stream).await else { return };
    let nth = {
        let mut log = log.lock().expect("the log");
        log.push(seen.clone());
        log.len() - 1
    };
    let (status, kind, headers, body, cut) = match answers(&seen, nth) {
        Say::Json(status, body) => (status, "application/json", Vec::new(), body.to_string(), false),
        Say::Tagged(status, body, headers) => {
            let body = if status == 304 { String::new() } else { body.to_string() };
            (status, "application/json", headers, body, false)
        }
        Say::Text(status, kind, body) => (status, kind, Vec::new(), body, false),
        Say::Truncated(status) => (status, "application/json", Vec::new(), r#"{"results": [["#.to_owned(), true),
        Say::Raw(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            return;
        }
        Say::Drop => return,
        Say::Hang => return std::future::pending().await,
    };
    let length = if cut { body.len() * 2 } else { body.len() };
    let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "HTTP/1.1 {status} Said\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n{more}\r\n"
    );
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    while bytes.len() < end + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = serde_json::from_slice(&bytes[end + 4..]).unwrap_or(Value::Null);
    Some(Seen { method, target, headers, body })
}

/// Short enough for a test that waits for nothing, long enough for a busy machine to connect on loopback.
fn timeouts() -> Timeouts {
    Timeouts { connect: Duration::from_secs(5), answer: Duration::from_secs(20), poll: Duration::from_millis(1) }
}

fn secret() -> secrecy::SecretString {
    SECRET.to_owned().into()
}

pub fn posthog_options(address: &str, clock: Arc<StillClock>) -> PosthogOptions {
    let _ = rustls::crypto::ring::default_provider().install_default();
    PosthogOptions {
        host: address.to_owned(),
        project_id: "1".to_owned(),
        key: secret(),
        rate_share: 1.0,
        timeouts: timeouts(),
        clock,
        gate: WriteGate::default(),
    }
}

pub fn posthog(address: &str, clock: Arc<StillClock>, rate_share: f64) -> Posthog {
    Posthog::new(PosthogOptions { rate_share, ..posthog_options(address, clock) }).expect("an adapter")
}

/// An adapter that gives up on an answer soon.
pub fn hasty_posthog(address: &str) -> Posthog {
    let hasty = Timeouts { answer: Duration::from_millis(100), ..timeouts() };
    Posthog::new(PosthogOptions { timeouts: hasty, ..posthog_options(address, StillClock::new()) }).expect("an adapter")
}

pub fn github_options(address: &str, clock: Arc<StillClock>) -> GithubOptions {
    let _ = rustls::crypto::ring::default_provider().install_default();
    GithubOptions {
        api_url: address.to_owned(),
        repository: "acme/app".to_owned(),
        default_branch: "main".to_owned(),
        credential: GithubCredential::Token(secret()),
        timeouts: timeouts(),
        clock,
        gate: WriteGate::default(),
    }
}

pub fn github(address: &str, clock: Arc<StillClock>) -> Github {
    Github::new(github_options(address, clock)).expect("an adapter")
}

pub fn hasty_github(address: &str) -> Github {
    let hasty = Timeouts { answer: Duration::from_millis(100), ..timeouts() };
    Github::new(GithubOptions { timeouts: hasty, ..github_options(address, StillClock::new()) }).expect("an adapter")
}

/// An address where nobody listens.
pub async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

/// A lab on a free port, with its clock and ours standing at the scenario's start.
pub struct World {
    pub lab: wakeman_lab::LabClient,
    pub address: String,
    pub clock: Arc<StillClock>,
    pub start: Timestamp,
    server: JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub fn vercel(address: &str, clock: Arc<StillClock>) -> Vercel {
    let options = VercelOptions {
        api_url: address.to_owned(),
        project_id: "prj_acme".to_owned(),
        team_id: Some("team_acme".to_owned()),
        token: SECRET.into(),
        timeouts: Timeouts { answer: Duration::from_millis(600), ..Timeouts::default() },
        clock,
        gate: WriteGate::default(),
    };
    Vercel::new(options).expect("an adapter")
}

impl World {
    /// Starts the lab with a shipped scenario.
    pub async fn shipped(name: &str) -> Self {
        let scenario = wakeman_lab::Scenario::shipped(name).expect("a shipped scenario");
        let start = Timestamp::from_ms(scenario.start_ms);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let lab = wakeman_lab::Lab::new(scenario);
        let server = tokio::spawn(async move {
            let _ = wakeman_lab::serve(lab, listener, std::future::pending::<()>()).await;
        });
        let clock = StillClock::new();
        clock.put(start);
        let lab = wakeman_lab::LabClient::new(&address).expect("a client");
        Self { lab, address, clock, start, server }
    }

    /// Moves both clocks to `minutes` after the start.
    pub async fn at_minute(&self, minutes: i64) -> Timestamp {
        let to = self.start.plus_ms(minutes * 60_000);
        let text = chrono::DateTime::from_timestamp_millis(to.ms()).expect("an instant").to_rfc3339();
        self.lab.advance(&text).await.expect("the lab moves");
        self.clock.put(to);
        to
    }

    pub fn posthog(&self) -> Posthog {
        posthog(&format!("{}/posthog", self.address), self.clock.clone(), 1.0)
    }

    pub fn github(&self) -> Github {
        github(&format!("{}/github", self.address), self.clock.clone())
    }

    pub fn vercel(&self) -> Vercel {
        vercel(&format!("{}/vercel", self.address), self.clock.clone())
    }

    /// `METHOD path` of everything that was applied, without the prefix that is the same for all.
    pub async fn applied(&self) -> Vec<String> {
        let effects = self.lab.effects().await.expect("effects");
        let short = |path: &str| path.rsplit_once("/acme/app").map_or(path, |(_, rest)| rest).to_owned();
        effects
            .iter()
            .filter(|effect| effect.applied)
            .map(|effect| format!("{} {}", effect.method, short(&effect.path)))
            .collect()
    }

    /// Orders a fault for the next call that matches.
    pub async fn fault(&self, service: &str, pattern: &str, mode: wakeman_lab::client::FaultMode) {
        let order = wakeman_lab::client::FaultRequest {
            service: service.to_owned(),
            pattern: pattern.to_owned(),
            mode,
            times: 1,
        };
        self.lab.fault(&order).await.expect("the order is taken");
    }
}
