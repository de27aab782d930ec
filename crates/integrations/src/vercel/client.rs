//! One call to Vercel: address, credential, bounded answer, and what each status means.

use std::sync::Arc;

use reqwest::{Client, Method, StatusCode, Url, header::HeaderMap};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use wakeman_gateway::ports::Clock;
use wakeman_types::Timestamp;

use super::VercelOptions;
use crate::http::{
    BODY_BYTES_MAX, BuildError, Failure, Pace, Timeouts, base_address, http_client, is_html, parse, retry_after_ms,
    short, too_long,
};

pub(super) struct Wire {
    http: Client,
    base: Url,
    pub(super) project: String,
    team: Option<String>,
    token: SecretString,
    timeouts: Timeouts,
    /// Of what changes something.
    pace: Pace,
    clock: Arc<dyn Clock>,
}

impl Wire {
    pub(super) fn new(options: VercelOptions) -> Result<Self, BuildError> {
        let base = base_address("VERCEL_API_URL", &options.api_url, "https://api.vercel.com")?;
        if options.token.expose_secret().bytes().any(|byte| !(0x21..0x7f).contains(&byte)) {
            return Err(BuildError::Credential { setting: "VERCEL_TOKEN" });
        }
        let http = http_client(&base, options.timeouts)?;
        Ok(Self {
            http,
            base,
            project: options.project_id.trim().to_owned(),
            team: options.team_id,
            token: options.token,
            timeouts: options.timeouts,
            pace: Pace::new(options.gate),
            clock: options.clock,
        })
    }

    /// Reads a JSON answer called `what`.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        what: &str,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Failure> {
        let answer = async {
            let (headers, body) = self.exchange(Method::GET, self.address(path, query)).await?;
            if is_html(&headers, &body) {
                return Err(Failure::Shape {
                    reason: format!(
                        "{what}: a web page instead of JSON; is VERCEL_API_URL the address of Vercel's API?"
                    ),
                });
            }
            parse(what, &body)
        };
        answer.await.map_err(|failure| failure.scrubbed(self.token.expose_secret()))
    }

    /// Changes something, once; not while Vercel wants to be left alone. What is answered besides the status says nothing.
    pub(super) async fn post(&self, path: &str) -> Result<(), Failure> {
        self.pace.wait(&*self.clock).await?;
        let answer = self.exchange(Method::POST, self.address(path, &[])).await;
        let answer = answer.inspect_err(|failure| self.pace.note(failure, self.now()));
        answer.map(drop).map_err(|failure| failure.scrubbed(self.token.expose_secret()))
    }

    fn address(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        if !query.is_empty() || self.team.is_some() {
            url.query_pairs_mut().extend_pairs(query).extend_pairs(self.team.iter().map(|team| ("teamId", team)));
        }
        url
    }

    /// The present by our clock.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn exchange(&self, method: Method, url: Url) -> Result<(HeaderMap, Vec<u8>), Failure> {
        let lost = |error: &reqwest::Error| Failure::of_wire(error, self.timeouts.answer);
        let sent = self.http.request(method, url).bearer_auth(self.token.expose_secret()).send().await;
        let mut response = sent.map_err(|error| lost(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > BODY_BYTES_MAX => return Err(too_long()),
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                // The status of a broken answer still counts when it is bad news.
                Err(_) if !status.is_success() => break,
                Err(error) => return Err(lost(&error)),
            }
        }
        if !status.is_success() {
            return Err(self.classify(status, &headers, &body));
        }
        Ok((headers, body))
    }

    /// What a status that is not 2xx means.
    fn classify(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        let ErrorBody { error } = serde_json::from_slice(body).unwrap_or_default();
        let code = status.as_u16();
        let words = short(&error.message.unwrap_or_else(|| "request not accepted".to_owned()));
        match code {
            429 => Failure::Limited {
                reason: "429, rate limit".to_owned(),
                wait_ms: retry_after_ms(headers, self.clock.now()),
            },
            401 | 403 => Failure::Denied {
                reason: format!("{code}, {words}"),
                remedy:
                    "make a token that may see this project and set VERCEL_TOKEN; a team's project needs vercel.teamId"
                        .to_owned(),
            },
            408 | 500..=599 => Failure::Faulty { reason: code.to_string() },
            _ => Failure::Refused {
                status: code,
                code: error.code.unwrap_or_default(),
                reason: format!("{code}, {words}"),
                remedy: "check vercel.projectId and vercel.teamId".to_owned(),
            },
        }
    }
}

/// `{error: {code, message}}`, as far as it is there.
#[derive(Debug, Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    error: ErrorWords,
}

#[derive(Debug, Default, Deserialize)]
struct ErrorWords {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}
