//! A typed client of a lab's control plane, for whoever drives a lab over HTTP.

use std::time::Duration;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

pub use crate::gate::{EffectRecord, FaultMode, FaultRequest};

/// A lab answers from memory; longer means it is gone.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Why a lab could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It did not answer.
    #[error("the lab at {url} does not answer; check that `lab serve` is running there")]
    Unreachable {
        /// The address asked.
        url: String,
        /// Why not.
        #[source]
        source: reqwest::Error,
    },
    /// It refused.
    #[error("the lab at {url} refused ({status}): {detail}")]
    Refused {
        /// The address asked.
        url: String,
        /// HTTP status.
        status: u16,
        /// What it says.
        detail: String,
    },
    /// It answered something else.
    #[error("{url} did not answer like a lab; check the address")]
    NotALab {
        /// The address asked.
        url: String,
        /// What is wrong with the answer.
        #[source]
        source: reqwest::Error,
    },
}

/// The lab's state.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct LabState {
    /// The scenario's name.
    pub scenario: String,
    /// Its seed.
    pub seed: u64,
    /// The clock, RFC 3339.
    pub now: String,
    /// The first watched instant.
    pub start: String,
    /// The last.
    pub end: String,
    /// Length of a step of the metrics, minutes.
    pub step_minutes: u64,
    /// What to configure clients with, by service.
    pub services: Services,
}

/// Ids of the lab's services.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Services {
    /// PostHog.
    pub posthog: PosthogService,
    /// GitHub.
    pub github: GithubService,
    /// Vercel.
    pub vercel: VercelService,
}

/// PostHog's ids.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PosthogService {
    /// The project.
    pub project_id: String,
}

/// GitHub's names.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct GithubService {
    /// `owner/name`.
    pub repository: String,
    /// The default branch.
    pub default_branch: String,
}

/// Vercel's ids.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct VercelService {
    /// The project.
    pub project_id: String,
    /// The team.
    pub team_id: String,
}

/// An incident as it really was.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TrueIncident {
    /// The scenario's id.
    pub id: String,
    /// When it began, RFC 3339.
    pub start: String,
    /// When it ended or will end; `None`: it does not.
    pub end: Option<String>,
    /// The metric it is about.
    pub metric: Option<String>,
    /// What it does.
    pub effect: String,
    /// How much.
    #[serde(default)]
    pub magnitude: f64,
    /// Id of the change that caused it, or `none`.
    pub cause: String,
    /// The kind of action that ends it.
    pub fix: Option<String>,
    /// The kind of action that did end it.
    pub ended_by: Option<String>,
    /// The PostHog events in which it shows.
    pub events: Vec<String>,
    /// The issue of the error tracker, for a new error.
    pub error_issue_id: Option<String>,
    /// Its name.
    pub error_name: Option<String>,
    /// The workflow runs it made fail so far.
    #[serde(default)]
    pub run_ids: Vec<u64>,
    /// The deployments it held up so far.
    #[serde(default)]
    pub deployment_ids: Vec<String>,
}

/// A change as the scenario has it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TrueChange {
    /// The scenario's id.
    pub id: String,
    /// When it took effect, RFC 3339.
    pub at: String,
    /// What sort it was.
    pub kind: String,
    /// Its title.
    pub title: String,
    /// The flag it edited.
    pub flag: Option<String>,
    /// Its pull request, if the scenario names one.
    pub pr: Option<u64>,
    /// The paths it touched.
    #[serde(default)]
    pub files: Vec<String>,
}

/// The truth of the scenario.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct LabTruth {
    /// What went wrong.
    pub incidents: Vec<TrueIncident>,
    /// What people did.
    pub changes: Vec<TrueChange>,
}

/// Drives one lab.
#[derive(Debug, Clone)]
pub struct LabClient {
    http: reqwest::Client,
    base: String,
}

impl LabClient {
    /// A client of the lab at `base`, for example `http://127.0.0.1:6910`.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] if no HTTP client can be made.
    pub fn new(base: &str) -> Result<LabClient, ClientError> {
        // The client insists on a TLS provider even for loopback HTTP; an already installed one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder().timeout(TIMEOUT).no_proxy();
        if base.starts_with("http://") {
            // A machine without certificates can still talk to its own loopback.
            builder = builder.tls_certs_only([]);
        }
        let http = builder.build();
        let base = base.trim_end_matches('/').to_owned();
        http.map(|http| LabClient { http, base: base.clone() })
            .map_err(|source| ClientError::Unreachable { url: base, source })
    }

    /// The base URL of a service: `posthog`, `github`, `vercel`.
    pub fn service_url(&self, service: &str) -> String {
        format!("{}/{service}", self.base)
    }

    /// The lab's state.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn state(&self) -> Result<LabState, ClientError> {
        self.send("state", |http, url| http.get(url)).await
    }

    /// What really happened. Meant for the time after play.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn truth(&self) -> Result<LabTruth, ClientError> {
        self.send("state?truth=1", |http, url| http.get(url)).await
    }

    /// Moves the clock to an RFC 3339 instant; answers the clock.
    ///
    /// # Errors
    /// [`ClientError::Refused`] if that is in the past.
    pub async fn advance(&self, to: &str) -> Result<String, ClientError> {
        #[derive(Deserialize)]
        struct Now {
            now: String,
        }
        let now: Now = self.send("advance", |http, url| http.post(url).json(&json!({ "to": to }))).await?;
        Ok(now.now)
    }

    /// Every request so far that could have changed something.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn effects(&self) -> Result<Vec<EffectRecord>, ClientError> {
        self.send("effects", |http, url| http.get(url)).await
    }

    /// Orders a fault.
    ///
    /// # Errors
    /// [`ClientError::Refused`] if the order does not do.
    pub async fn fault(&self, order: &FaultRequest) -> Result<(), ClientError> {
        let _: Value = self.send("faults", |http, url| http.post(url).json(order)).await?;
        Ok(())
    }

    /// The faults still in force.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn faults(&self) -> Result<Vec<FaultRequest>, ClientError> {
        self.send("faults", |http, url| http.get(url)).await
    }

    /// Says how the model proxy answers from now on: a list of rules, see `POST /_lab/model`.
    ///
    /// # Errors
    /// [`ClientError::Refused`] if a rule does not do.
    pub async fn order_model(&self, rules: &Value) -> Result<(), ClientError> {
        let _: Value = self.send("model", |http, url| http.post(url).json(rules)).await?;
        Ok(())
    }

    /// What the model proxy was told and asked: its rules, its names, the number of requests and the last of them.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn model(&self) -> Result<Value, ClientError> {
        self.send("model", |http, url| http.get(url)).await
    }

    /// Something happens on Discord: `{"do": "say", "user": "4001", "channel": "dm", "text": "status"}`.
    ///
    /// # Errors
    /// [`ClientError::Refused`] if it cannot.
    pub async fn discord(&self, deed: &Value) -> Result<Value, ClientError> {
        self.send("discord", |http, url| http.post(url).json(deed)).await
    }

    /// A channel of Discord's as people see it: by id, name or `dm:<user id>`.
    ///
    /// # Errors
    /// [`ClientError::Refused`] if there is none.
    pub async fn discord_channel(&self, name: &str) -> Result<Value, ClientError> {
        self.send(&format!("discord/channels/{name}"), |http, url| http.get(url)).await
    }

    /// Does something as one of Telegram's people: `say`, `press`, `react`, `edit`, `delete`, `block`, `update`, `chat`, `config`.
    ///
    /// # Errors
    /// [`ClientError::Refused`] if they cannot.
    pub async fn telegram(&self, what: &str, order: &Value) -> Result<Value, ClientError> {
        self.send(&format!("telegram/{what}"), |http, url| http.post(url).json(order)).await
    }

    /// A chat as the people in it see it.
    ///
    /// # Errors
    /// [`ClientError::Refused`] if there is none.
    pub async fn telegram_chat(&self, id: i64) -> Result<Value, ClientError> {
        self.send(&format!("telegram/chat?id={id}"), |http, url| http.get(url)).await
    }

    /// How Telegram is set, what is pending there, and how presses were answered.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn telegram_config(&self) -> Result<Value, ClientError> {
        self.send("telegram/config", |http, url| http.get(url)).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        path: &str,
        request: impl FnOnce(&reqwest::Client, String) -> reqwest::RequestBuilder,
    ) -> Result<T, ClientError> {
        let url = format!("{}/_lab/{path}", self.base);
        let unreachable = |source| ClientError::Unreachable { url: url.clone(), source };
        let response = request(&self.http, url.clone()).send().await.map_err(unreachable)?;
        let status = response.status();
        if status.is_success() {
            return response.json().await.map_err(|source| ClientError::NotALab { url, source });
        }
        let text = response.text().await.unwrap_or_default();
        let told = serde_json::from_str::<Value>(&text).ok();
        let detail = told.and_then(|told| told.get("error")?.as_str().map(str::to_owned)).unwrap_or(text);
        Err(ClientError::Refused { url, status: status.as_u16(), detail })
    }
}
