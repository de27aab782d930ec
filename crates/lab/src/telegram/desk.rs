//! Everything Telegram remembers.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use serde_json::{Value, json};

use super::entities::Text;
use super::limit::Limits;

/// Updates that nobody took are kept up to this many.
const UPDATES_MAX: usize = 100_000;
/// The account in whose name anonymous administrators write.
pub(super) const ANONYMOUS_ID: i64 = 1_087_968_824;

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    Bot,
    Person(i64),
    /// An administrator in the name of the group.
    Anonymous,
}

/// A picture, of which only the measures are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Photo {
    pub(super) file_id: String,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) bytes: usize,
}

/// One message. With a picture its text is the caption.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: i64,
    pub(super) author: Author,
    pub(super) at: i64,
    pub(super) edited_at: Option<i64>,
    pub(super) topic: Option<i64>,
    pub(super) reply_to: Option<i64>,
    pub(super) text: Text,
    pub(super) photo: Option<Photo>,
    pub(super) keyboard: Option<Value>,
    /// Whoever sees it is shown the field to answer it.
    pub(super) asks_reply: bool,
    pub(super) forwarded: bool,
    pub(super) previews: bool,
    /// By person; the bot's own under its id.
    pub(super) reactions: BTreeMap<i64, String>,
}

/// A conversation. Private ones have the person's id.
#[derive(Debug, Clone, Default)]
pub(super) struct Chat {
    pub(super) id: i64,
    pub(super) title: String,
    pub(super) forum: bool,
    pub(super) topics: Vec<i64>,
    pub(super) messages: Vec<Message>,
    pub(super) last_id: i64,
    pub(super) blocked: bool,
    pub(super) typing: u64,
}

impl Chat {
    pub(super) fn private(&self) -> bool {
        self.id > 0
    }

    pub(super) fn message(&self, id: i64) -> Option<&Message> {
        self.messages.iter().rev().find(|message| message.id == id)
    }

    pub(super) fn message_mut(&mut self, id: i64) -> Option<&mut Message> {
        self.messages.iter_mut().rev().find(|message| message.id == id)
    }

    pub(super) fn json(&self, names: &HashMap<i64, String>) -> Value {
        if self.private() {
            return json!({"id": self.id, "type": "private", "first_name": name(names, self.id)});
        }
        let mut chat = json!({"id": self.id, "type": "supergroup", "title": self.title});
        if self.forum {
            chat["is_forum"] = json!(true);
        }
        chat
    }
}

fn name(names: &HashMap<i64, String>, id: i64) -> String {
    names.get(&id).cloned().unwrap_or_else(|| format!("User {id}"))
}

/// A press that the bot may still answer.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) id: String,
    pub(super) at: Instant,
    pub(super) answer: Option<Value>,
}

/// What can be set over the control plane.
#[derive(Debug, Clone)]
pub(super) struct Manners {
    pub(super) limits: bool,
    /// A bot in a group hears only what is said to it.
    pub(super) privacy: bool,
    /// How many further polls another instance wins.
    pub(super) rival_polls: u32,
    pub(super) username: String,
    pub(super) webhook: Option<String>,
    /// With what every text is refused that has a part to be shown in a way of its own.
    pub(super) refuse_entities: Option<String>,
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(super) chats: BTreeMap<i64, Chat>,
    pub(super) names: HashMap<i64, String>,
    pub(super) updates: Vec<(i64, Value)>,
    pub(super) last_update: i64,
    pub(super) allowed: Option<Vec<String>>,
    /// Counts polls: a poll that finds a newer one under way ends.
    pub(super) polls: u64,
    pub(super) queries: Vec<Query>,
    pub(super) commands: Value,
    pub(super) manners: Manners,
    pub(super) limits: Limits,
    pub(super) bot_id: i64,
    pub(super) last_file: u64,
}

impl Desk {
    /// An empty Telegram.
    pub(crate) fn new(seed: u64) -> Self {
        let manners = Manners {
            limits: true,
            privacy: true,
            rival_polls: 0,
            username: "watch_bot".into(),
            webhook: None,
            refuse_entities: None,
        };
        Self {
            chats: BTreeMap::new(),
            names: HashMap::new(),
            updates: Vec::new(),
            // "Update identifiers start from a certain positive number."
            last_update: 500_000_000 + i64::try_from(seed % 100_000_000).unwrap_or(0),
            allowed: None,
            polls: 0,
            queries: Vec::new(),
            commands: json!([]),
            manners,
            limits: Limits::default(),
            bot_id: 0,
            last_file: 0,
        }
    }

    /// The bot as a user.
    pub(super) fn bot(&self) -> Value {
        json!({"id": self.bot_id, "is_bot": true, "first_name": "Watch", "username": self.manners.username})
    }

    pub(super) fn person(&self, id: i64) -> Value {
        json!({"id": id, "is_bot": false, "first_name": name(&self.names, id)})
    }

    /// The chat with that id; a private one comes to be when it is first spoken of, as if the person had pressed "Start".
    pub(super) fn chat(&mut self, id: i64) -> Option<&mut Chat> {
        if id > 0 {
            self.chats.entry(id).or_insert_with(|| Chat { id, ..Chat::default() });
        }
        self.chats.get_mut(&id)
    }

    /// A message as the API tells it.
    pub(super) fn message(&self, chat: &Chat, message: &Message, with_reply: bool) -> Value {
        let chat_json = chat.json(&self.names);
        let mut told = json!({"message_id": message.id, "date": message.at / 1_000, "chat": chat_json});
        match message.author {
            Author::Bot => told["from"] = self.bot(),
            Author::Person(id) => told["from"] = self.person(id),
            Author::Anonymous => {
                told["from"] =
                    json!({"id": ANONYMOUS_ID, "is_bot": true, "first_name": "Group", "username": "GroupAnonymousBot"});
                told["sender_chat"] = chat_json;
            }
        }
        let key = |text: &'static str, caption: &'static str| if message.photo.is_some() { caption } else { text };
        if !message.text.text.is_empty() {
            told[key("text", "caption")] = json!(message.text.text);
            let entities = message.text.all();
            if !entities.is_empty() {
                told[key("entities", "caption_entities")] = json!(entities);
            }
        }
        if let Some(photo) = &message.photo {
            told["photo"] = json!([{
                "file_id": photo.file_id, "file_unique_id": format!("u{}", photo.file_id),
                "width": photo.width, "height": photo.height, "file_size": photo.bytes,
            }]);
        }
        if let Some(topic) = message.topic {
            (told["message_thread_id"], told["is_topic_message"]) = (json!(topic), json!(true));
        }
        if let Some(at) = message.edited_at {
            told["edit_date"] = json!(at / 1_000);
        }
        if let Some(keyboard) = &message.keyboard {
            told["reply_markup"] = keyboard.clone();
        }
        if message.forwarded {
            let origin =
                json!({"type": "hidden_user", "sender_user_name": "Somebody", "date": message.at / 1_000 - 60});
            told["forward_origin"] = origin;
        }
        let replied = message.reply_to.filter(|_| with_reply).and_then(|id| chat.message(id));
        if let Some(replied) = replied {
            told["reply_to_message"] = self.message(chat, replied, false);
        }
        told
    }

    /// Queues an update if the bot asked for its kind.
    pub(super) fn push(&mut self, kind: &str, what: Value) {
        // Unless asked for, these are not sent.
        let unusual = ["message_reaction", "message_reaction_count", "chat_member"];
        let wanted = match &self.allowed {
            Some(allowed) => allowed.iter().any(|allowed| allowed == kind),
            None => !unusual.contains(&kind),
        };
        if wanted && self.updates.len() < UPDATES_MAX {
            self.last_update += 1;
            let mut update = json!({"update_id": self.last_update});
            update[kind] = what;
            self.updates.push((self.last_update, update));
        }
    }

    /// Adds a message to its chat and answers its number.
    pub(super) fn add(&mut self, chat: i64, message: Message) -> i64 {
        let Some(chat) = self.chat(chat) else { return 0 };
        chat.last_id += 1;
        let id = chat.last_id;
        chat.messages.push(Message { id, ..message });
        id
    }
}

impl Message {
    /// A message that only has a text.
    pub(super) fn new(author: Author, at: i64, text: Text) -> Self {
        Self {
            id: 0,
            author,
            at,
            edited_at: None,
            topic: None,
            reply_to: None,
            text,
            photo: None,
            keyboard: None,
            asks_reply: false,
            forwarded: false,
            previews: true,
            reactions: BTreeMap::new(),
        }
    }
}
