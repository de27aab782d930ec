//! Sending and editing one message, in as many parts as it needs.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;
use wakeman_types::CardButton;

use crate::Adapter;
use crate::backoff::Backoff;
use crate::body::{self, Picture};
use crate::chats::Shown;
use crate::rest::{Ask, RestError, TIMEOUT, id_of};

/// Tries of one request: the nonce, or the edit, makes a further one harmless.
const TRIES: u32 = 3;

/// A message to be shown.
pub(crate) struct Post<'a> {
    pub(crate) channel: u64,
    pub(crate) parts: &'a [String],
    pub(crate) buttons: &'a [CardButton],
    pub(crate) picture: Option<&'a Picture>,
    /// What makes it the same message when it is tried again.
    pub(crate) nonce: [&'a str; 2],
    pub(crate) reply_to: Option<&'a str>,
    /// It only brings up to date what stands there: what was deleted stays away.
    pub(crate) refresh: bool,
    /// When it has to be over.
    pub(crate) until: Instant,
}

/// Shows a message: what stands there is edited, what is missing is sent, what is too much is taken away.
pub(crate) async fn show(adapter: &Adapter, shown: &mut Shown, post: &Post<'_>) -> Result<(), RestError> {
    for (place, text) in post.parts.iter().enumerate() {
        let last = place + 1 == post.parts.len();
        let buttons = if last { post.buttons } else { &[] };
        let picture = post.picture.filter(|_| last);
        let says = format!("{text}\u{0}{buttons:?}\u{0}{:?}", picture.map(|picture| (&picture.alt, picture.hash())));
        if shown.says.get(place) == Some(&says) {
            continue;
        }
        let id = match shown.ids.get(place) {
            Some(id) => match edit(adapter, post, *id, text, buttons, picture).await {
                Err(error) if error.is_gone() && post.refresh => *id,
                Err(error) if error.is_gone() => send(adapter, post, place, (text, buttons, picture)).await?,
                result => result.map(|()| *id)?,
            },
            None => send(adapter, post, place, (text, buttons, picture)).await?,
        };
        put(&mut shown.ids, place, id);
        put(&mut shown.says, place, says);
    }
    while shown.ids.len() > post.parts.len().max(1) {
        let Some(id) = shown.ids.pop() else { break };
        shown.says.truncate(shown.ids.len());
        let path = format!("/channels/{}/messages/{id}", post.channel);
        // It may be gone already; what matters was said.
        let _ = ask(adapter, post, || Ask::new(Method::DELETE, path.clone(), None)).await;
    }
    Ok(())
}

fn put<T>(list: &mut Vec<T>, place: usize, value: T) {
    match list.get_mut(place) {
        Some(old) => *old = value,
        None => list.push(value),
    }
}

/// The parts of a new message: its text, buttons and picture.
type Said<'a> = (&'a str, &'a [CardButton], Option<&'a Picture>);

async fn send(adapter: &Adapter, post: &Post<'_>, place: usize, said: Said<'_>) -> Result<u64, RestError> {
    let (text, buttons, picture) = said;
    let nonce = body::nonce(&[post.nonce[0], post.nonce[1], &place.to_string()]);
    let reply_to = post.reply_to.filter(|_| place == 0);
    let fresh = with(body::new_message(text, buttons, &nonce, reply_to), picture);
    let path = format!("/channels/{}/messages", post.channel);
    let answer = ask(adapter, post, || Ask {
        picture,
        channel: Some(post.channel),
        ..Ask::new(Method::POST, path.clone(), Some(fresh.clone()))
    });
    let answer = answer.await?;
    let id = id_of(&answer)?;
    // The nonce brought back what an earlier try said: there may have been less to say, and its buttons mean nothing any more.
    let other_words = answer["content"].as_str().is_some_and(|content| content.trim() != text.trim());
    if other_words || pressable(&answer["components"]) != pressable(&fresh["components"]) {
        edit(adapter, post, id, text, buttons, picture).await?;
    }
    Ok(id)
}

/// What the buttons of a message hand back.
fn pressable(rows: &Value) -> Vec<&str> {
    let rows = rows.as_array().into_iter().flatten();
    let buttons = rows.flat_map(|row| row["components"].as_array().into_iter().flatten());
    buttons.filter_map(|button| button["custom_id"].as_str()).collect()
}

async fn edit(
    adapter: &Adapter,
    post: &Post<'_>,
    id: u64,
    text: &str,
    buttons: &[CardButton],
    picture: Option<&Picture>,
) -> Result<(), RestError> {
    let mut edited = with(body::message(text, buttons), picture);
    if picture.is_none() {
        // One that stood there belongs to other words.
        edited["attachments"] = json!([]);
    }
    let path = format!("/channels/{}/messages/{id}", post.channel);
    let answer = ask(adapter, post, || Ask {
        picture,
        channel: Some(post.channel),
        ..Ask::new(Method::PATCH, path.clone(), Some(edited.clone()))
    });
    answer.await.map(|_| ())
}

fn with(value: Value, picture: Option<&Picture>) -> Value {
    picture.map_or_else(|| value.clone(), |picture| body::with_picture(value.clone(), picture))
}

/// Asks within the channel's allowance, and again where that can help and harms nothing.
async fn ask<'a>(adapter: &Adapter, post: &Post<'_>, what: impl Fn() -> Ask<'a>) -> Result<Value, RestError> {
    // So that the last answer is here before the time is over.
    let until = post.until - TIMEOUT;
    let mut tries = Backoff::new(&adapter.options);
    loop {
        if Instant::now() >= until {
            return Err(RestError::Late);
        }
        adapter.rest.allowance.wait(post.channel, until).await.map_err(RestError::Throttled)?;
        let error = match adapter.rest.ask(what()).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        match &error {
            // The allowance knows how long.
            RestError::Throttled(_) => {}
            RestError::Server(_) | RestError::Silent(_) | RestError::Unreached(_) if tries.tries() + 1 < TRIES => {
                tracing::debug!(%error, "discord: asked again");
                tries.wait(None).await;
            }
            _ => return Err(error),
        }
    }
}
