//! The service over real HTTP: a lab on a free port, its clock moved by the test.

mod incidents;
mod lists;
mod repairs;
mod typed;

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::time::{HOUR_MS, MINUTE_MS};
use crate::{Lab, Scenario};

/// A lab being served, and a client of it.
pub(crate) struct Site {
    pub(crate) lab: Arc<Lab>,
    pub(crate) address: String,
    client: reqwest::Client,
}

/// A served lab whose clock stands at the start of the scenario with this text.
pub(crate) async fn site(scenario: &str) -> Site {
    seeded_site(5, scenario).await
}

/// The same for one seed.
async fn seeded_site(seed: u64, scenario: &str) -> Site {
    let times = "start = \"2026-01-05T08:00:00Z\"\nhours = 48\nstep_minutes = 5\nwarmup_hours = 24";
    let text = format!("[scenario]\nname = \"t\"\nseed = {seed}\n{times}\n{scenario}");
    let lab = Lab::new(Scenario::parse(&text).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(crate::serve(Arc::clone(&lab), listener, std::future::pending::<()>()));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    Site { lab, address, client }
}

impl Site {
    /// Moves the clock to this many minutes after the start.
    pub(crate) fn at_minute(&self, minutes: i64) {
        let mut world = self.lab.world();
        let to_ms = world.scenario.start_ms + minutes * MINUTE_MS;
        world.advance_to(to_ms);
    }

    pub(crate) fn at_hour(&self, hours: i64) {
        self.at_minute(hours * HOUR_MS / MINUTE_MS);
    }

    pub(crate) fn active(&self, incident: &str) -> bool {
        let world = self.lab.world();
        world.incident_active(incident, world.now_ms)
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = self.client.request(method, format!("{}{path}", self.address)).bearer_auth("token");
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// A read that must succeed.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.send(Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "GET {path}: {body}");
        body
    }

    /// A read inside the repository that must succeed.
    async fn repo(&self, path: &str) -> Value {
        self.get(&format!("/github/repos/acme/app{path}")).await
    }

    /// A write inside the repository: its status as a number, and the body.
    async fn write(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let (status, body) = self.send(method, &format!("/github/repos/acme/app{path}"), Some(body)).await;
        (status.as_u16(), body)
    }

    async fn graphql(&self, query: &str, variables: Value) -> Value {
        let body = json!({"query": query, "variables": variables});
        let (status, body) = self.send(Method::POST, "/github/graphql", Some(body)).await;
        assert_eq!(status, StatusCode::OK);
        body
    }

    /// A raw GET with headers, for what [`Site::send`] hides.
    pub(crate) async fn raw(&self, path: &str, headers: &[(&'static str, &str)]) -> reqwest::Response {
        let mut request = self.client.get(format!("{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }
}

/// One member of each item of a list.
fn each(list: &Value, member: &str) -> Vec<Value> {
    list.as_array().unwrap().iter().map(|item| item[member].clone()).collect()
}
