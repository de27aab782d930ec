//! A lab on a free port and a client to ask it with.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use wakeman_lab::{Lab, LabClient, Scenario, serve};

/// Half a day of two metrics with one step of five minutes.
pub const HEAD: &str = r#"
[scenario]
name = "test"
seed = 11
start = "2026-01-05T08:00:00Z"
hours = 12
step_minutes = 5
warmup_hours = 72

[[metric]]
name = "signed_up"
kind = "count"
level = 60
noise = "poisson"
segments = { browser = ["chrome", "safari"], shares = [0.6, 0.4] }

[[metric]]
name = "paid"
kind = "ratio"
of = "signed_up"
level = 0.4

[[metric]]
name = "latency"
kind = "duration"
level = 300
"#;

pub fn scenario(more: &str) -> Scenario {
    Scenario::parse(&format!("{HEAD}{more}")).unwrap_or_else(|error| panic!("{error}"))
}

/// A lab being served; stops when dropped.
pub struct Served {
    pub lab: Arc<Lab>,
    pub client: LabClient,
    pub base: String,
    http: reqwest::Client,
    _stop: oneshot::Sender<()>,
}

impl Served {
    pub async fn start(scenario: Scenario) -> Served {
        Served::of(Lab::new(scenario)).await
    }

    /// A lab that keeps nobody waiting.
    pub async fn hasty(scenario: Scenario) -> Served {
        Served::of(Lab::hasty(scenario)).await
    }

    async fn of(lab: Arc<Lab>) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(serve(Arc::clone(&lab), listener, stopped));
        let client = LabClient::new(&base).unwrap();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        Served { lab, client, base, http, _stop: stop }
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth("phx_test")
    }

    pub fn plain(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// Status and JSON of a request with a token.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask(Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// The rows of a HogQL query.
    pub async fn hogql(&self, query: &str) -> Value {
        let body = json!({"query": {"kind": "HogQLQuery", "query": query}});
        let (status, body) = self.ask(Method::POST, "/posthog/api/projects/1/query/", Some(body)).await;
        assert_eq!(status, 200, "{query}: {body}");
        body["results"].clone()
    }

    /// The first value of a HogQL query.
    pub async fn number(&self, query: &str) -> f64 {
        let rows = self.hogql(query).await;
        rows[0][0].as_f64().unwrap_or_else(|| panic!("{query}: {rows}"))
    }

    /// Events per hour of a condition between two hours of the scenario.
    pub async fn hourly(&self, condition: &str, from: f64, to: f64) -> f64 {
        let start = 1_767_600_000.0;
        let (a, b) = (start + from * 3_600.0, start + to * 3_600.0);
        self.number(&format!("SELECT count() / {} FROM events WHERE {condition} AND timestamp >= toDateTime({a}) AND timestamp < toDateTime({b})", to - from)).await
    }
}
