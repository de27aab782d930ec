//! From a delivery to what Telegram is sent.

use teloxide_core::types::{
    ForceReply, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions, MessageEntity, MessageId,
    ReplyParameters,
};
use wakeman_present::telegram::{Entity, EntityKind, TEXT_LEN_MAX, TelegramText, message};
use wakeman_present::{Block, Doc, Line, RenderContext, SENT_AGAIN, delivery_doc};
use wakeman_types::{CardButton, ClaimedDelivery};

/// Buttons in a row: so many letters and no more fit a telephone.
const ROW_LEN_MAX: usize = 28;
const ROW_BUTTONS_MAX: usize = 4;

fn mark() -> Block {
    Block::Text(Line::new().dim(SENT_AGAIN))
}

/// A delivery in words. One that may have come before says so.
pub(crate) fn worded(claimed: &ClaimedDelivery, ctx: &RenderContext) -> Doc {
    let mut doc = delivery_doc(&claimed.delivery, ctx);
    if claimed.in_doubt && claimed.edit.is_none() {
        doc.blocks.insert(0, mark());
    }
    doc
}

/// A further part of a long message, which may have come before and says so: the mark before it, in a message of its own if the part is
/// as long as one may be.
pub(crate) fn again(part: &TelegramText) -> Vec<TelegramText> {
    let mut marked = message(&Doc::bare().block(mark())).pop().unwrap_or_default();
    let before = utf16(&marked.text) + 1;
    if before + utf16(&part.text) > TEXT_LEN_MAX {
        return vec![marked, part.clone()];
    }
    marked.text = format!("{}\n{}", marked.text, part.text);
    let moved = |entity: &Entity| Entity { offset_utf16: entity.offset_utf16 + before, ..entity.clone() };
    marked.entities.extend(part.entities.iter().map(moved));
    vec![marked]
}

fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The entities of a text as Telegram takes them.
pub(crate) fn entities(text: &TelegramText) -> Vec<MessageEntity> {
    let entity = |entity: &Entity| {
        let (offset, length) = (entity.offset_utf16, entity.length_utf16);
        match &entity.kind {
            EntityKind::Bold => MessageEntity::bold(offset, length),
            EntityKind::Italic => MessageEntity::italic(offset, length),
            EntityKind::Pre => MessageEntity::pre(None, offset, length),
            EntityKind::Code { language } => {
                MessageEntity::pre(Some(language.clone()).filter(|name| !name.is_empty()), offset, length)
            }
        }
    };
    text.entities.iter().map(entity).collect()
}

/// Buttons in rows, in their order; a long one has a row of its own.
pub(crate) fn keyboard(buttons: &[CardButton]) -> InlineKeyboardMarkup {
    let mut rows: Vec<Vec<InlineKeyboardButton>> = Vec::new();
    let mut used = 0;
    for button in buttons {
        let length = button.label.chars().count();
        let fits = used + length <= ROW_LEN_MAX;
        match rows.last_mut().filter(|row| fits && row.len() < ROW_BUTTONS_MAX) {
            Some(row) => row.push(one(button)),
            None => {
                used = 0;
                rows.push(vec![one(button)]);
            }
        }
        used += length;
    }
    InlineKeyboardMarkup::new(rows)
}

fn one(button: &CardButton) -> InlineKeyboardButton {
    InlineKeyboardButton::callback(button.label.clone(), button.reference.clone())
}

/// Shows whoever reads it the field to answer it.
pub(crate) fn ask_reply() -> ForceReply {
    ForceReply::new().input_field_placeholder("the reason".to_owned())
}

/// No pictures of what a text may name.
pub(crate) fn no_previews() -> LinkPreviewOptions {
    LinkPreviewOptions {
        is_disabled: true,
        url: None,
        prefer_small_media: false,
        prefer_large_media: false,
        show_above_text: false,
    }
}

/// A reply to a message, if that is still there.
pub(crate) fn reply(reference: Option<&str>) -> Option<ReplyParameters> {
    let id = reference?.parse().ok()?;
    Some(ReplyParameters::new(MessageId(id)).allow_sending_without_reply())
}

#[cfg(test)]
mod tests {
    use wakeman_types::ButtonStyle;

    use super::*;

    #[test]
    fn buttons_stand_in_rows_that_a_telephone_shows_whole() {
        let button = |label: &str| CardButton {
            label: label.to_owned(),
            reference: "r".to_owned(),
            style: ButtonStyle::Plain,
            asks_reason: false,
        };
        let rows = |labels: &[&str]| -> Vec<Vec<String>> {
            let buttons: Vec<CardButton> = labels.iter().map(|label| button(label)).collect();
            let rows = keyboard(&buttons).inline_keyboard;
            rows.into_iter().map(|row| row.into_iter().map(|button| button.text).collect()).collect()
        };
        assert_eq!(
            rows(&["Useful", "Noise", "Snooze", "Why", "Propose revert of #482"]),
            [vec!["Useful", "Noise", "Snooze", "Why"], vec!["Propose revert of #482"]]
        );
        assert_eq!(rows(&["Approve", "Reject", "Details"]), [["Approve", "Reject", "Details"]]);
        assert_eq!(rows(&[]), Vec::<Vec<String>>::new());
    }
}
