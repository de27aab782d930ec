//! Posting to targets of the operator's own: only those that settings name, no redirects, one try.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use reqwest::{Client, Url};
use wakeman_gateway::ports::{HandsError, WebhookHands, WebhookRequest};

use crate::http::{BuildError, Failure, Timeouts, base_address, http_client};

/// The header by which a receiver tells a repeat.
const KEY_HEADER: &str = "idempotency-key";

/// The configured targets as [`WebhookHands`].
pub struct Webhooks {
    targets: BTreeMap<String, (Client, Url)>,
    timeouts: Timeouts,
}

impl Webhooks {
    /// Builds the adapter for these addresses by name; sends nothing.
    ///
    /// # Errors
    /// [`BuildError`] names what cannot be used.
    pub fn new(targets: impl IntoIterator<Item = (String, String)>, timeouts: Timeouts) -> Result<Self, BuildError> {
        let mut built = BTreeMap::new();
        for (name, address) in targets {
            let url = base_address("webhooks", &address, "https://ops.example.com/hook")?;
            built.insert(name, (http_client(&url, timeouts)?, url));
        }
        Ok(Self { targets: built, timeouts })
    }
}

impl WebhookHands for Webhooks {
    fn target(&self, name: &str) -> Option<String> {
        // Paths of such addresses are often secret, so only the origin is shown.
        self.targets.get(name).map(|(_, url)| url.origin().ascii_serialization())
    }

    fn post<'a>(&'a self, request: &'a WebhookRequest) -> BoxFuture<'a, Result<u16, HandsError>> {
        Box::pin(async move {
            let what = format!("posting to {}", request.name);
            let Some((client, url)) = self.targets.get(&request.name) else {
                let reason = format!("{what}: settings name no such webhook");
                return Err(HandsError::Permanent { reason });
            };
            let sent = client.post(url.clone()).header(KEY_HEADER, &request.key).json(&request.payload).send().await;
            let status = match sent {
                Ok(answer) => answer.status().as_u16(),
                Err(error) => {
                    return Err(match Failure::of_wire(&error, self.timeouts.answer) {
                        Failure::NotSent { reason } => {
                            HandsError::NotDone { reason: format!("{what}: {reason}"), not_before: None }
                        }
                        _ => HandsError::InDoubt { reason: format!("{what}: no whole answer came back") },
                    });
                }
            };
            match status {
                200..=299 => Ok(status),
                300..=399 => Err(HandsError::Permanent {
                    reason: format!(
                        "{what}: {status}, redirects are not followed; write the final address in settings"
                    ),
                }),
                429 => Err(HandsError::NotDone { reason: format!("{what}: 429"), not_before: None }),
                408 | 500.. => Err(HandsError::InDoubt { reason: format!("{what}: {status}") }),
                _ => Err(HandsError::Permanent { reason: format!("{what}: {status}, the receiver refuses it") }),
            }
        })
    }
}
