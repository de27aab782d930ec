//! Posting to targets of the operator's own: only those that settings name, no redirects, one try, at a pace.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::BoxFuture;
use reqwest::{Client, Url, header::HeaderMap};
use wakeman_gateway::ports::{Clock, HandsError, WebhookHands, WebhookRequest, WriteGate};

use crate::http::{BuildError, Failure, Pace, Timeouts, base_address, http_client, retry_after_ms};

/// The header by which a receiver tells a repeat.
const KEY_HEADER: &str = "idempotency-key";

/// The configured targets as [`WebhookHands`].
pub struct Webhooks {
    targets: BTreeMap<String, Target>,
    timeouts: Timeouts,
    clock: Arc<dyn Clock>,
}

struct Target {
    client: Client,
    url: Url,
    /// Of its host, which other targets may share.
    pace: Arc<Pace>,
}

impl Webhooks {
    /// Builds the adapter for these addresses by name; sends nothing.
    ///
    /// # Errors
    /// [`BuildError`] names what cannot be used.
    pub fn new(
        targets: impl IntoIterator<Item = (String, String)>,
        timeouts: Timeouts,
        (clock, gate): (Arc<dyn Clock>, WriteGate),
    ) -> Result<Self, BuildError> {
        let mut built = BTreeMap::new();
        let mut hosts: BTreeMap<String, Arc<Pace>> = BTreeMap::new();
        for (name, address) in targets {
            let url = base_address("webhooks", &address, "https://ops.example.com/hook")?;
            let pace = Arc::clone(
                hosts.entry(url.origin().ascii_serialization()).or_insert_with(|| Arc::new(Pace::new(gate.clone()))),
            );
            built.insert(name, Target { client: http_client(&url, timeouts)?, url, pace });
        }
        Ok(Self { targets: built, timeouts, clock })
    }

    async fn exchange(&self, target: &Target, request: &WebhookRequest) -> Result<u16, Failure> {
        target.pace.wait(&*self.clock).await?;
        let post = target.client.post(target.url.clone()).header(KEY_HEADER, &request.key).json(&request.payload);
        let answer = post.send().await.map_err(|error| match Failure::of_wire(&error, self.timeouts.answer) {
            Failure::Lost { .. } => Failure::Lost { reason: "no whole answer came back".to_owned() },
            other => other,
        })?;
        let status = answer.status().as_u16();
        self.judge(status, answer.headers()).inspect_err(|failure| target.pace.note(failure, self.clock.now()))
    }

    /// What its status means.
    fn judge(&self, status: u16, headers: &HeaderMap) -> Result<u16, Failure> {
        let wait_ms = retry_after_ms(headers, self.clock.now());
        let refused = |words: &str, remedy: &str| Failure::Refused {
            status,
            code: String::new(),
            reason: format!("{status}, {words}"),
            remedy: remedy.to_owned(),
        };
        match status {
            200..=299 => Ok(status),
            300..=399 => Err(refused("redirects are not followed", "write the final address in settings")),
            429 => Err(Failure::Limited { reason: "429".to_owned(), wait_ms }),
            // A refusal that names a time is no refusal for good.
            403 if wait_ms.is_some() => Err(Failure::Limited { reason: "403".to_owned(), wait_ms }),
            408 | 500.. => Err(Failure::Faulty { reason: status.to_string() }),
            _ => Err(refused("the receiver refuses it", "look at what it expects")),
        }
    }
}

impl WebhookHands for Webhooks {
    fn target(&self, name: &str) -> Option<String> {
        // Paths of such addresses are often secret, so only the origin is shown.
        self.targets.get(name).map(|target| target.url.origin().ascii_serialization())
    }

    fn post<'a>(&'a self, request: &'a WebhookRequest) -> BoxFuture<'a, Result<u16, HandsError>> {
        Box::pin(async move {
            let what = format!("posting to {}", request.name);
            let Some(target) = self.targets.get(&request.name) else {
                let reason = format!("{what}: settings name no such webhook");
                return Err(HandsError::Permanent { reason });
            };
            self.exchange(target, request).await.map_err(|failure| failure.writing(&what, self.clock.now()))
        })
    }
}
