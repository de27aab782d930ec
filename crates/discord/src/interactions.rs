//! Slash commands, buttons and forms: answered at once, before anything else is done with them.

use reqwest::Method;
use serde_json::{Value, json};
use serenity::all::{
    CommandDataOptionValue, CreateActionRow, CreateInputText, CreateModal, InputTextStyle, Interaction,
};
use wakeman_types::Said;

use crate::Adapter;
use crate::body::{ASK, FORM, PRESS};
use crate::rest::{Ask, Rest};

/// The longest reason.
const REASON_MAX: u16 = 500;

/// How an interaction is answered first.
#[derive(Debug, PartialEq)]
pub(crate) enum First {
    /// "Heard"; a command is shown as it was typed, since what it comes to is a message of its own.
    Echo(String),
    /// "Heard"; nothing changes on the screen.
    Quiet,
    /// A form that asks for a reason.
    Form(Value),
}

/// What a person did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) first: First,
    /// `None`: a form was opened, nothing is said yet.
    pub(crate) said: Option<Said>,
}

/// Reads an interaction.
pub(crate) fn read(interaction: &Interaction) -> Option<Done> {
    match interaction {
        Interaction::Command(command) => {
            let mut words = format!("/{}", command.data.name);
            // In the order of the word's own usage, whatever the order they were filled in.
            let order = crate::commands::option_names(&command.data.name);
            let mut options: Vec<_> = command.data.options.iter().collect();
            options.sort_by_key(|option| order.iter().position(|name| *name == option.name));
            for option in options {
                if let CommandDataOptionValue::String(text) = &option.value {
                    words.push_str(&format!(" {}", text.trim()));
                }
            }
            let message = command.id.to_string();
            let said = Said::Text {
                text: words.clone(),
                message,
                reply_to: None,
                addressed: true,
                forwarded: false,
                edited: false,
            };
            Some(Done { first: First::Echo(words), said: Some(said) })
        }
        Interaction::Component(press) => {
            let message = press.message.id.to_string();
            let id = press.data.custom_id.as_str();
            if let Some(reference) = id.strip_prefix(ASK) {
                return Some(Done { first: First::Form(form(reference, &message)), said: None });
            }
            let reference = id.strip_prefix(PRESS).unwrap_or(id).to_owned();
            let said = Said::Press { reference, message: Some(message), note: None };
            Some(Done { first: First::Quiet, said: Some(said) })
        }
        Interaction::Modal(form) => {
            let (reference, message) = form.data.custom_id.strip_prefix(FORM)?.split_once(':')?;
            let rows = form.data.components.iter().flat_map(|row| &row.components);
            let note = rows.filter_map(|one| match one {
                serenity::all::ActionRowComponent::InputText(input) => input.value.clone(),
                _ => None,
            });
            let note = note.map(|text| text.trim().to_owned()).find(|text| !text.is_empty());
            let said = Said::Press { reference: reference.to_owned(), message: Some(message.to_owned()), note };
            Some(Done { first: First::Quiet, said: Some(said) })
        }
        _ => None,
    }
}

fn form(reference: &str, message: &str) -> Value {
    let input = CreateInputText::new(InputTextStyle::Paragraph, "Reason", "reason");
    let input = input.required(false).max_length(REASON_MAX).placeholder("may be left empty");
    let modal = CreateModal::new(format!("{FORM}{reference}:{message}"), "Reject");
    json!(modal.components(vec![CreateActionRow::InputText(input)]))
}

/// Answers an interaction, in the background.
pub(crate) fn acknowledge(adapter: &Adapter, data: &Value) {
    let (Some(id), Some(token)) = (data["id"].as_str(), data["token"].as_str()) else { return };
    let interaction = serde_json::from_value::<Interaction>(data.clone()).ok();
    // What cannot be read is acknowledged all the same: only then it is looked at more closely.
    let first = interaction.as_ref().and_then(read).map_or(First::Quiet, |done| done.first);
    let on_message = data.get("message").is_some_and(|message| !message.is_null());
    let answer = match &first {
        First::Form(form) => json!({"type": 9, "data": form}),
        First::Quiet if on_message => json!({"type": 6}),
        First::Quiet => json!({"type": 5, "data": {"flags": 64}}),
        First::Echo(_) => json!({"type": 5}),
    };
    adapter.chats.keep_token(&format!("i:{id}"), token);
    let rest = std::sync::Arc::clone(&adapter.rest);
    let (callback, original) = (
        format!("/interactions/{id}/{token}/callback"),
        format!("/webhooks/{}/{token}/messages/@original", adapter.chats.application()),
    );
    tokio::spawn(async move {
        if !answer_first(&rest, callback, answer).await {
            return;
        }
        if let First::Echo(words) = first {
            let text = wakeman_present::discord::escape(&format!("› {words}"));
            let body = crate::body::message(&text, &[]);
            if let Err(error) = rest.ask(Ask::new(Method::PATCH, original, Some(body))).await {
                tracing::debug!(%error, "discord: a command was not shown");
            }
        }
    });
}

/// The answer that is due within three seconds; tried again at once, for later is never.
async fn answer_first(rest: &Rest, path: String, body: Value) -> bool {
    for _ in 0..3 {
        match rest.ask(Ask::new(Method::POST, path.clone(), Some(body.clone()))).await {
            Ok(_) => return true,
            // An earlier try arrived.
            Err(crate::rest::RestError::Refused { code: 40_060, .. }) => return true,
            Err(error @ crate::rest::RestError::Refused { .. }) => {
                tracing::warn!(%error, "discord: an interaction was not answered in time");
                return false;
            }
            Err(error) => {
                tracing::debug!(%error, "discord: an interaction is answered again");
                tokio::time::sleep(error.retry_after().unwrap_or_default()).await;
            }
        }
    }
    false
}
