//! Which method a request calls.

use std::sync::Arc;

use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::error::Refusal;
use super::params::Params;
use super::{answer, send, updates};
use crate::Lab;

/// Larger uploads are refused, as the API does.
const UPLOAD_BYTES_MAX: usize = 50 << 20;

/// `/bot<token>/<method>`, relative to the service's base URL.
pub(crate) fn router() -> Router<Arc<Lab>> {
    Router::new().fallback(serve)
}

/// The method that a path calls, in small letters.
pub(super) fn method_of(path: &str) -> Option<String> {
    let (_, method) = path.trim_start_matches('/').strip_prefix("bot")?.split_once('/')?;
    Some(method.to_ascii_lowercase())
}

/// Whether the method that a path calls leaves everything as it was.
pub(crate) fn changes_nothing(path: &str) -> bool {
    method_of(path).is_some_and(|method| method.starts_with("get") || method == "sendchataction")
}

async fn serve(State(lab): State<Arc<Lab>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, UPLOAD_BYTES_MAX).await.unwrap_or_default();
    match call(&lab, &parts.uri, &parts.headers, &body).await {
        Ok(result) => Json(json!({"ok": true, "result": result})).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn call(
    lab: &Arc<Lab>,
    uri: &axum::http::Uri,
    headers: &axum::http::HeaderMap,
    body: &Bytes,
) -> Result<Value, Refusal> {
    let path = uri.path();
    let method = method_of(path).ok_or_else(Refusal::not_found)?;
    let token = path.trim_start_matches("/bot").split('/').next().unwrap_or_default();
    lab.telegram().bot_id = bot_of(token).ok_or_else(Refusal::unauthorized)?;
    let params = Params::read(uri, headers, body)?;
    match method.as_str() {
        "getupdates" => updates::get(lab, &params).await,
        "getme" => Ok(me(lab)),
        "deletewebhook" => updates::delete_webhook(lab, &params),
        "getwebhookinfo" => updates::webhook_info(lab),
        "sendmessage" => send::message(lab, &params),
        "sendphoto" => send::photo(lab, &params),
        "editmessagetext" => send::edit_text(lab, &params),
        "editmessagemedia" => send::edit_media(lab, &params),
        "editmessagecaption" => send::edit_caption(lab, &params),
        "editmessagereplymarkup" => send::edit_keyboard(lab, &params),
        "deletemessage" => send::delete(lab, &params),
        "sendchataction" => answer::chat_action(lab, &params),
        "answercallbackquery" => answer::callback_query(lab, &params),
        "setmessagereaction" => answer::reaction(lab, &params),
        "setmycommands" => answer::set_commands(lab, &params),
        "getmycommands" => Ok(lab.telegram().commands.clone()),
        _ => Err(Refusal::not_found()),
    }
}

/// The bot's id: what stands before the colon of its token.
fn bot_of(token: &str) -> Option<i64> {
    let (id, secret) = token.split_once(':').or_else(|| token.split_once("%3A"))?;
    let is_secret = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    id.parse().ok().filter(|id| *id > 0 && !secret.is_empty() && secret.chars().all(is_secret))
}

fn me(lab: &Lab) -> Value {
    let desk = lab.telegram();
    let mut me = desk.bot();
    (me["can_join_groups"], me["can_read_all_group_messages"]) = (json!(true), json!(!desk.manners.privacy));
    (me["supports_inline_queries"], me["has_main_web_app"]) = (json!(false), json!(false));
    me["can_connect_to_business"] = json!(false);
    me
}
