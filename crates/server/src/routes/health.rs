//! `GET /healthz`.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use wakeman_types::{ComponentView, Principal, StatusView, Timestamp};

use super::Brain;

#[derive(Debug, Serialize)]
pub(super) struct Health {
    ok: bool,
    version: String,
    components: BTreeMap<String, Component>,
}

#[derive(Debug, Serialize)]
struct Component {
    ok: bool,
    last_success: Option<Timestamp>,
    detail: String,
}

/// 200 while every configured component works, else 503.
pub(super) async fn healthz(State(gateway): Brain) -> (StatusCode, Json<Health>) {
    let health = match gateway.status(&Principal::system()).await {
        Ok(status) => Health::of(status),
        Err(error) => Health::blind(error.message),
    };
    let status = if health.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(health))
}

impl Health {
    fn of(status: StatusView) -> Self {
        let ok = status.components.iter().all(|component| component.ok || !component.configured);
        let components = status.components.into_iter().map(Component::named).collect();
        Self { ok, version: status.version, components }
    }

    /// The gateway itself cannot say.
    fn blind(detail: String) -> Self {
        let gateway = Component { ok: false, last_success: None, detail };
        Self {
            ok: false,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            components: BTreeMap::from([("gateway".to_owned(), gateway)]),
        }
    }
}

impl Component {
    fn named(view: ComponentView) -> (String, Self) {
        (view.name, Self { ok: view.ok, last_success: view.last_success, detail: view.detail })
    }
}
