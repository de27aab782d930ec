//! What every request to a service passes: outages, faults and the log of effects. Credentials are the services' own.

mod fault;
pub(crate) mod multipart;
mod outage;
mod reads;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::scenario::{OutageMode, Service};
use crate::serve::NoReply;
use crate::time::rfc3339;
use crate::{Lab, discord, github, posthog, telegram, vercel};
pub(crate) use fault::Faults;
pub use fault::{FaultMode, FaultRequest};

/// Bodies larger than this are refused.
const BODY_BYTES_MAX: usize = 40 << 20;
/// A request that is to get no answer is let go after this; by then every client has given up.
pub(crate) const SILENCE: Duration = Duration::from_secs(300);
/// The same where nobody has time to wait for it: the connection then closes without an answer, which comes to the same.
pub(crate) const SHORT_SILENCE: Duration = Duration::from_millis(50);

/// One request that could have changed something, as `/_lab/effects` tells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EffectRecord {
    /// When it was made, RFC 3339, lab time.
    pub at: String,
    /// `posthog`, `github`, `vercel` or `telegram`.
    pub service: String,
    /// HTTP method.
    pub method: String,
    /// Path and query below the service's base URL.
    pub path: String,
    /// The body: JSON if it is, its parts if it has some, else the text, else null.
    pub body: Json,
    /// Whether it took effect.
    pub applied: bool,
}

/// A request kept as long as it is needed more than once.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    service: Service,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    /// The service's prefix, which handlers put into the addresses they answer with.
    original: axum::extract::OriginalUri,
}

/// Puts the gate in front of a service.
pub(crate) fn guarded(router: Router<Arc<Lab>>, service: Service, lab: &Arc<Lab>) -> Router<Arc<Lab>> {
    router.layer(from_fn_with_state((Arc::clone(lab), service), pass))
}

async fn pass(State((lab, service)): State<(Arc<Lab>, Service)>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let original = parts.extensions.get().cloned();
    let kept = Kept {
        service,
        method: parts.method.clone(),
        original: original.unwrap_or(axum::extract::OriginalUri(parts.uri.clone())),
        uri: parts.uri.clone(),
        headers: std::mem::take(&mut parts.headers),
        body: body.clone(),
    };
    parts.headers.clone_from(&kept.headers);
    let outage = lab.world().outage(service);
    match outage {
        Some(OutageMode::Timeout) => {
            kept.record(&lab, false);
            return silence(&lab).await;
        }
        Some(mode @ (OutageMode::TooManyRequests | OutageMode::ServerError)) => {
            kept.record(&lab, false);
            let seconds = lab.world().outage_seconds_left(service);
            return outage::answer(service, mode, seconds, lab.faults().next_number());
        }
        Some(OutageMode::Stale) | None => {}
    }
    let order = lab.faults().order(service, kept.method.as_str(), kept.path());
    match order {
        Some(FaultMode::Throttled) => {
            kept.record(&lab, false);
            outage::answer(service, OutageMode::TooManyRequests, 1, lab.faults().next_number())
        }
        Some(FaultMode::NotApplied) => {
            kept.record(&lab, false);
            bad_gateway()
        }
        Some(FaultMode::Never) => {
            kept.record(&lab, false);
            silence(&lab).await
        }
        Some(FaultMode::Late) => {
            let place = kept.record(&lab, false);
            let now_ms = lab.world().now_ms;
            lab.faults().delay(kept, now_ms, place);
            no_reply()
        }
        Some(mode @ (FaultMode::Applied | FaultMode::ReplyLost)) => {
            let response = next.run(Request::from_parts(parts, Body::from(body))).await;
            let (_, applied) = judged(&kept, response).await;
            kept.record(&lab, applied);
            if mode == FaultMode::Applied { bad_gateway() } else { no_reply() }
        }
        None => {
            let response = next.run(Request::from_parts(parts, Body::from(body))).await;
            let (response, applied) = judged(&kept, response).await;
            kept.record(&lab, applied);
            response
        }
    }
}

impl Kept {
    fn path(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }

    /// Writes the request to the log if it could change something; its place there.
    fn record(&self, lab: &Lab, applied: bool) -> Option<usize> {
        if reads::is_read(self.service, &self.method, self.uri.path(), &self.body) {
            return None;
        }
        let text = || String::from_utf8_lossy(&self.body).into_owned();
        let body = if self.body.is_empty() {
            Json::Null
        } else {
            // Of a message with files, what is said; the files only by name.
            let kind = self.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            let said = discord::payload(kind, &self.body).map(String::into_bytes);
            let parts = || multipart::told(kind, &self.body).unwrap_or_else(|| text().into());
            serde_json::from_slice(said.as_deref().unwrap_or(&self.body)).unwrap_or_else(|_| parts())
        };
        let mut world = lab.world();
        let record = EffectRecord {
            at: rfc3339(world.now_ms),
            service: self.service.word().to_owned(),
            method: self.method.to_string(),
            path: self.path().to_owned(),
            body,
            applied,
        };
        world.effects.push(record);
        Some(world.effects.len() - 1)
    }

    /// Carries the request out now, past the gate.
    async fn carry_out(self, lab: &Arc<Lab>) -> bool {
        let router = match self.service {
            Service::Posthog => posthog::router(),
            Service::Github => github::router(),
            Service::Vercel => vercel::router(),
            Service::Discord => discord::router(),
            Service::Telegram => telegram::router(),
            Service::Model => return false,
        };
        let mut request = Request::new(Body::from(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().clone_from(&self.headers);
        request.extensions_mut().insert(self.original.clone());
        let answered = tower::ServiceExt::oneshot(router.with_state(Arc::clone(lab)), request).await;
        let response = answered.unwrap_or_else(|never| match never {});
        judged(&self, response).await.1
    }
}

/// Carries out the delayed requests that are due by `to_ms`, each at its time.
pub(crate) async fn catch_up(lab: &Arc<Lab>, to_ms: i64) {
    loop {
        let due = lab.faults().due(to_ms);
        let Some(late) = due else { return };
        lab.world().advance_to(late.due_ms);
        let applied = late.request.carry_out(lab).await;
        if let Some(record) =
            late.place.and_then(|place| lab.world().effects.get_mut(place).map(|record| record.applied = applied))
        {
            tracing::debug!(?record, applied, "lab: a late request was carried out");
        }
    }
}

/// The response again, and whether the request took effect. GraphQL says so in its body only.
async fn judged(kept: &Kept, response: Response) -> (Response, bool) {
    let success = response.status().is_success();
    if !success || !kept.uri.path().ends_with("/graphql") {
        return (response, success);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    let failed = serde_json::from_slice::<Json>(&body).is_ok_and(|answer| answer.get("errors").is_some());
    (Response::from_parts(parts, Body::from(body)), !failed)
}

pub(crate) fn bad_gateway() -> Response {
    let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
    (StatusCode::BAD_GATEWAY, [(header::CACHE_CONTROL, "no-cache")], Html(page)).into_response()
}

fn no_reply() -> Response {
    let mut response = StatusCode::GATEWAY_TIMEOUT.into_response();
    response.extensions_mut().insert(NoReply);
    response
}

/// No answer, until everybody has given up.
pub(crate) async fn silence(lab: &Lab) -> Response {
    tokio::time::sleep(lab.silence).await;
    no_reply()
}
