//! Telling a system of the operator's own, at an address that settings name.

use futures::future::BoxFuture;
use serde_json::Value;

use super::HandsError;

/// What is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookRequest {
    /// The name of the target in settings.
    pub name: String,
    /// The JSON body.
    pub payload: Value,
    /// Sent as a header, so that the receiver can tell a repeat.
    pub key: String,
}

/// Posting to configured targets.
pub trait WebhookHands: Send + Sync {
    /// Where the target of this name is, without anything secret in it: `https://ops.example.com`. `None`: there is none.
    fn target(&self, name: &str) -> Option<String>;
    /// Posts once; the status of the answer.
    fn post<'a>(&'a self, request: &'a WebhookRequest) -> BoxFuture<'a, Result<u16, HandsError>>;
}
