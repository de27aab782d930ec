//! Messages sent, edited and deleted by the bot.

use std::sync::MutexGuard;
use std::time::Instant;

use serde_json::{Value, json};

use super::desk::{Author, Desk, Message, Photo};
use super::entities::{Text, utf16_len};
use super::error::Refusal;
use super::keyboard;
use super::params::Params;
use crate::Lab;

const TEXT_LEN_MAX: usize = 4096;
const CAPTION_LEN_MAX: usize = 1024;

/// `sendMessage`.
pub(super) fn message(lab: &Lab, params: &Params) -> Result<Value, Refusal> {
    let text = text(params, "text", "entities")?;
    send(lab, params, text, None)
}

/// `sendPhoto`.
pub(super) fn photo(lab: &Lab, params: &Params) -> Result<Value, Refusal> {
    let caption = caption(params)?;
    let Some(bytes) = params.file("photo") else {
        let told = params.text("photo");
        return Err(Refusal::bad(match told {
            None => "there is no photo in the request",
            Some(_) => "wrong file identifier/HTTP URL specified",
        }));
    };
    send(lab, params, caption, Some(picture(bytes)?))
}

/// Width, height and length of a picture.
type Measures = (u32, u32, usize);

fn picture(bytes: &[u8]) -> Result<Measures, Refusal> {
    let (width, height) = measures(bytes).ok_or_else(|| Refusal::bad("IMAGE_PROCESS_FAILED"))?;
    // Telegram's own: both together 10,000 at most, neither twenty times the other.
    if width + height > 10_000 || width > height * 20 || height > width * 20 {
        return Err(Refusal::bad("PHOTO_INVALID_DIMENSIONS"));
    }
    Ok((width, height, bytes.len()))
}

fn kept(desk: &mut Desk, (width, height, bytes): Measures) -> Photo {
    desk.last_file += 1;
    Photo { file_id: format!("AgAC{:012}", desk.last_file), width, height, bytes }
}

/// Width and height of a PNG.
fn measures(bytes: &[u8]) -> Option<(u32, u32)> {
    let head = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n")?.get(4..16)?.strip_prefix(b"IHDR")?;
    let number = |at: usize| head.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    Some((number(0)?, number(4)?)).filter(|(width, height)| *width > 0 && *height > 0)
}

fn parsed(params: &Params) -> Result<(), Refusal> {
    match params.text("parse_mode") {
        Some(_) => Err(Refusal::bad("unsupported parse_mode")),
        None => Ok(()),
    }
}

fn text(params: &Params, field: &str, entities: &str) -> Result<Text, Refusal> {
    parsed(params)?;
    let given = params.text(field).unwrap_or_default();
    let text = Text::new(&given, params.json(entities)?)?;
    if text.text.is_empty() {
        return Err(Refusal::bad(if given.is_empty() { "message text is empty" } else { "text must be non-empty" }));
    }
    if utf16_len(&text.text) > TEXT_LEN_MAX {
        return Err(Refusal::bad("message is too long"));
    }
    Ok(text)
}

fn caption(params: &Params) -> Result<Text, Refusal> {
    parsed(params)?;
    short(&params.text("caption").unwrap_or_default(), params.json("caption_entities")?)
}

fn short(text: &str, entities: Option<Value>) -> Result<Text, Refusal> {
    let text = Text::new(text, entities)?;
    if utf16_len(&text.text) > CAPTION_LEN_MAX {
        return Err(Refusal::bad("message caption is too long"));
    }
    Ok(text)
}

fn has_entities(params: &Params) -> Result<bool, Refusal> {
    let some = |given: Option<Value>| given.is_some_and(|given| given.as_array().is_some_and(|all| !all.is_empty()));
    Ok(some(params.json("entities")?) || some(params.json("caption_entities")?))
}

/// The desk once the chat is known to be one and the pace allows it.
fn open<'a>(lab: &'a Lab, params: &Params) -> Result<(MutexGuard<'a, Desk>, i64), Refusal> {
    let id = params.text("chat_id").ok_or_else(|| Refusal::bad("chat_id is empty"))?;
    let id: i64 = id.parse().map_err(|_| Refusal::bad("chat not found"))?;
    let mut desk = lab.telegram();
    let chat = desk.chat(id).ok_or_else(|| Refusal::bad("chat not found"))?;
    if chat.blocked {
        return Err(Refusal::blocked());
    }
    if let Some(words) = &desk.manners.refuse_entities
        && has_entities(params)?
    {
        return Err(Refusal::bad(words.clone()));
    }
    if desk.manners.limits {
        desk.limits.take(id, Instant::now()).map_err(Refusal::too_many)?;
    }
    Ok((desk, id))
}

fn send(lab: &Lab, params: &Params, text: Text, photo: Option<Measures>) -> Result<Value, Refusal> {
    let at = lab.world().now_ms;
    let (keyboard, asks_reply) = keyboard::of_new(params.json("reply_markup")?)?;
    let topic = params.number("message_thread_id")?;
    let (mut desk, id) = open(lab, params)?;
    let reply_to = reply(&desk, id, params)?;
    let chat = desk.chat(id).ok_or_else(|| Refusal::bad("chat not found"))?;
    if topic.is_some_and(|topic| !chat.topics.contains(&topic)) {
        return Err(Refusal::bad("message thread not found"));
    }
    let photo = photo.map(|measures| kept(&mut desk, measures));
    let previews = !params.json("link_preview_options")?.is_some_and(|options| options["is_disabled"] == true);
    let message = Message::new(Author::Bot, at, text);
    let message = Message { topic, reply_to, photo, keyboard, asks_reply, previews, ..message };
    let number = desk.add(id, message);
    told(&desk, id, number)
}

fn told(desk: &Desk, chat: i64, number: i64) -> Result<Value, Refusal> {
    let chat = desk.chats.get(&chat).ok_or_else(|| Refusal::bad("chat not found"))?;
    let message = chat.message(number).ok_or_else(|| Refusal::bad("message not found"))?;
    Ok(desk.message(chat, message, true))
}

fn reply(desk: &Desk, chat: i64, params: &Params) -> Result<Option<i64>, Refusal> {
    let given = params.json("reply_parameters")?;
    let wanted = given.as_ref().and_then(|given| given["message_id"].as_i64());
    let Some(wanted) = wanted else { return Ok(None) };
    let there = desk.chats.get(&chat).is_some_and(|chat| chat.message(wanted).is_some());
    match (there, given.is_some_and(|given| given["allow_sending_without_reply"] == true)) {
        (true, _) => Ok(Some(wanted)),
        (false, true) => Ok(None),
        (false, false) => Err(Refusal::bad("message to be replied not found")),
    }
}

/// What an edit leaves as it was, it leaves out.
#[derive(Default)]
struct Edit {
    text: Option<Text>,
    keyboard: Option<Option<Value>>,
    photo: Option<Measures>,
}

/// `editMessageText`.
pub(super) fn edit_text(lab: &Lab, params: &Params) -> Result<Value, Refusal> {
    let text = text(params, "text", "entities")?;
    edit(lab, params, Edit { text: Some(text), ..Edit::default() }, |message| {
        if message.photo.is_some() { Err(Refusal::bad("there is no text in the message to edit")) } else { Ok(()) }
    })
}

/// `editMessageCaption`.
pub(super) fn edit_caption(lab: &Lab, params: &Params) -> Result<Value, Refusal> {
    let text = caption(params)?;
    edit(lab, params, Edit { text: Some(text), ..Edit::default() }, |message| {
        if message.photo.is_none() { Err(Refusal::bad("there is no caption in the message to edit")) } else { Ok(()) }
    })
}

/// `editMessageMedia`: another picture, with its caption. A message that is a text gets one.
pub(super) fn edit_media(lab: &Lab, params: &Params) -> Result<Value, Refusal> {
    let media = params.json("media")?.ok_or_else(|| Refusal::bad("there is no media in the request"))?;
    if media["type"] != "photo" {
        return Err(Refusal::bad("unsupported media type"));
    }
    let bytes = media["media"].as_str().and_then(|told| params.attached(told));
    let photo = picture(bytes.ok_or_else(|| Refusal::bad("wrong file identifier/HTTP URL specified"))?)?;
    let entities = media.get("caption_entities").filter(|entities| !entities.is_null()).cloned();
    let text = short(media["caption"].as_str().unwrap_or_default(), entities)?;
    edit(lab, params, Edit { text: Some(text), photo: Some(photo), ..Edit::default() }, |_| Ok(()))
}

/// `editMessageReplyMarkup`.
pub(super) fn edit_keyboard(lab: &Lab, params: &Params) -> Result<Value, Refusal> {
    edit(lab, params, Edit::default(), |_| Ok(()))
}

fn edit(
    lab: &Lab,
    params: &Params,
    mut edit: Edit,
    fits: impl Fn(&Message) -> Result<(), Refusal>,
) -> Result<Value, Refusal> {
    let at = lab.world().now_ms;
    // An edit without a keyboard takes it away.
    edit.keyboard = Some(keyboard::checked(params.json("reply_markup")?)?);
    let number = params.number("message_id")?.ok_or_else(|| Refusal::bad("message identifier is not specified"))?;
    let (mut desk, id) = open(lab, params)?;
    let photo = edit.photo.map(|measures| kept(&mut desk, measures));
    let message = desk.chat(id).and_then(|chat| chat.message_mut(number));
    let message = message.ok_or_else(|| Refusal::bad("message to edit not found"))?;
    if message.author != Author::Bot {
        return Err(Refusal::bad("message can't be edited"));
    }
    fits(message)?;
    let text = edit.text.unwrap_or_else(|| message.text.clone());
    let keyboard = edit.keyboard.unwrap_or_else(|| message.keyboard.clone());
    if text == message.text && keyboard == message.keyboard && photo.is_none() {
        return Err(Refusal::bad(
            "message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message",
        ));
    }
    if text != message.text || photo.is_some() {
        message.edited_at = Some(at);
    }
    (message.text, message.keyboard) = (text, keyboard);
    message.photo = photo.or(message.photo.take());
    told(&desk, id, number)
}

/// `deleteMessage`.
pub(super) fn delete(lab: &Lab, params: &Params) -> Result<Value, Refusal> {
    let number = params.number("message_id")?.ok_or_else(|| Refusal::bad("message identifier is not specified"))?;
    let (mut desk, id) = open(lab, params)?;
    let chat = desk.chat(id).ok_or_else(|| Refusal::bad("chat not found"))?;
    let before = chat.messages.len();
    chat.messages.retain(|message| message.id != number);
    if chat.messages.len() == before {
        return Err(Refusal::bad("message to delete not found"));
    }
    Ok(json!(true))
}
