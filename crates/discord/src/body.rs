//! Bodies of messages: never a ping, never a preview, a nonce so that the same is said once.

use std::hash::{DefaultHasher, Hasher};

use serde_json::{Value, json};
use serenity::all::{ButtonStyle as Look, CreateActionRow, CreateButton, MessageFlags};
use wakeman_types::{ButtonStyle, CardButton};

/// Buttons in one row, rows in one message.
const ROW: usize = 5;
/// The longest text on a button.
const LABEL_MAX: usize = 80;
/// What a button's id begins with: the press counts at once, or a form asks for the reason first.
pub(crate) const PRESS: &str = "p:";
/// See [`PRESS`].
pub(crate) const ASK: &str = "r:";
/// The form's id: the button's reference and the message it is on.
pub(crate) const FORM: &str = "s:";

/// A picture below a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) png: Vec<u8>,
    pub(crate) alt: String,
}

impl Picture {
    /// What tells it from another.
    pub(crate) fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.png);
        hasher.finish()
    }
}

/// A nonce that is always the same for the same thing: 64 bits of FNV-1a over `parts`, in decimal, 20 digits of the 25 there may be.
pub(crate) fn nonce(parts: &[&str]) -> String {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, step).to_string()
}

/// What is the same in every message and edit.
pub(crate) fn message(content: &str, buttons: &[CardButton]) -> Value {
    json!({
        "content": content,
        "allowed_mentions": {"parse": [], "replied_user": false},
        "flags": MessageFlags::SUPPRESS_EMBEDS,
        "components": rows(buttons),
    })
}

/// The same as a new message.
pub(crate) fn new_message(content: &str, buttons: &[CardButton], nonce: &str, reply_to: Option<&str>) -> Value {
    let mut body = message(content, buttons);
    body["nonce"] = json!(nonce);
    body["enforce_nonce"] = json!(true);
    if let Some(id) = reply_to.filter(|id| id.parse::<u64>().is_ok()) {
        // What it answers may be gone: it is said all the same.
        body["message_reference"] = json!({"message_id": id, "fail_if_not_exists": false});
    }
    body
}

/// With a picture as its attachment.
pub(crate) fn with_picture(mut body: Value, picture: &Picture) -> Value {
    let alt: String = picture.alt.chars().take(1_000).collect();
    body["attachments"] = json!([{"id": "0", "filename": "chart.png", "description": alt}]);
    body
}

fn rows(buttons: &[CardButton]) -> Vec<CreateActionRow> {
    let row = |some: &[CardButton]| CreateActionRow::Buttons(some.iter().map(button).collect());
    buttons.chunks(ROW).take(ROW).map(row).collect()
}

fn button(button: &CardButton) -> CreateButton {
    let look = match button.style {
        ButtonStyle::Plain => Look::Secondary,
        ButtonStyle::Yes => Look::Success,
        ButtonStyle::No => Look::Danger,
    };
    let before = if button.asks_reason { ASK } else { PRESS };
    let label: String = button.label.chars().take(LABEL_MAX).collect();
    CreateButton::new(format!("{before}{}", button.reference)).label(label).style(look)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_fits_and_tells_parts_apart() {
        assert_eq!(nonce(&["a", "b"]), nonce(&["a", "b"]));
        assert_ne!(nonce(&["a", "b"]), nonce(&["ab", ""]));
        assert!(nonce(&[&"x".repeat(200)]).len() <= 20);
    }

    #[test]
    fn a_message_pings_nobody_and_shows_no_previews() {
        let style = [ButtonStyle::Plain, ButtonStyle::Yes, ButtonStyle::No];
        let buttons: Vec<CardButton> = (0..7)
            .map(|n| CardButton {
                label: format!("B{n}"),
                reference: format!("ref{n}"),
                style: style[n % 3],
                asks_reason: n == 2,
            })
            .collect();
        let body = new_message("hi", &buttons, "1", Some("42"));
        assert_eq!(body["allowed_mentions"], json!({"parse": [], "replied_user": false}));
        assert_eq!((&body["flags"], &body["enforce_nonce"]), (&json!(4), &json!(true)));
        let first = &body["components"][0]["components"];
        assert_eq!(first[0]["custom_id"], "p:ref0");
        assert_eq!((&first[2]["custom_id"], &first[2]["style"]), (&json!("r:ref2"), &json!(4)));
        assert_eq!(body["components"][1]["components"].as_array().unwrap().len(), 2);
        assert_eq!(new_message("hi", &[], "1", Some("i:9")).get("message_reference"), None);
    }
}
