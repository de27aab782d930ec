//! Saying something in a thread: one message in the conversation, one delivery for each destination.

use chrono_tz::Tz;
use wakeman_present::RenderContext;
use wakeman_store::{Commit, ListQuery, OutboxRow, StoreError, Version};
use wakeman_types::{
    Channel, Delivery, DeliveryClass, FindingId, Message, MessageId, MessageRole, Proposal, ProposalState,
    ProposalView, Severity, Thread, ThreadId, Timestamp, View,
};

use super::{
    held::{Held, can_wait},
    keys::{Keys, asking_key, finding_key, is_refresh, keys_of, said_aloud},
    place::{Place, places_of},
    route::{Matter, asleep, awake, card_destinations, destinations, zone_at},
    scrub::{scrub, without_credentials},
};
use crate::{core::Core, instance::conversation_id};

/// The key of a message under which the prompt's version is kept with what a model wrote.
pub(crate) const PROMPT_VERSION: &str = "promptVersion";

/// Something to say.
pub struct Post {
    /// How strictly it must arrive.
    pub class: DeliveryClass,
    /// How bad the thing it tells of is.
    pub severity: Severity,
    /// The finding it tells of.
    pub finding: Option<FindingId>,
    /// What it says.
    pub view: View,
    /// Whether it goes out at all, or is only kept in the thread (a digest line, a silent finding).
    pub quiet: bool,
}

/// A thread that is about to be spoken in. Its changes join the commit of whatever is said, so both exist or neither.
#[derive(Clone)]
pub struct ThreadWriter {
    thread: Thread,
    version: Version,
    ordinal: u64,
    messages: Vec<Message>,
    outbox: Vec<OutboxRow>,
    /// For those who have quiet hours.
    held: Vec<Held>,
    /// Where its messages stand in chats.
    places: Vec<Place>,
}

impl ThreadWriter {
    /// A thread that does not exist yet.
    pub fn create(core: &Core, channel: Channel, title: String) -> Self {
        let (id, now) = (core.thread_id(), core.now());
        let thread = Thread {
            conversation_id: conversation_id(now, &id),
            thread_id: id,
            channel,
            title,
            created_at: now,
            updated_at: now,
        };
        Self {
            thread,
            version: Version::ABSENT,
            ordinal: 0,
            messages: Vec::new(),
            outbox: Vec::new(),
            held: Vec::new(),
            places: Vec::new(),
        }
    }

    /// A thread as it stands. `None`: there is no such thread.
    pub async fn load(core: &Core, id: &ThreadId) -> Result<Option<Self>, StoreError> {
        let Some(found) = core.store.get::<Thread>(id.as_str()).await? else { return Ok(None) };
        let newest = core.store.list::<Message>(&ListQuery::newest(1).parent(id.as_str())).await?;
        let ordinal = newest.items.first().map_or(0, |message| message.value.ordinal);
        Ok(Some(Self {
            thread: found.value,
            version: found.version,
            ordinal,
            messages: Vec::new(),
            outbox: Vec::new(),
            held: Vec::new(),
            places: places_of(core, id).await?,
        }))
    }

    /// Its id.
    pub fn id(&self) -> &ThreadId {
        &self.thread.thread_id
    }

    /// Says `post` here.
    pub fn say(&mut self, core: &Core, post: Post) {
        self.say_also(core, post, Vec::new());
    }

    /// Says `post` here, and to the chats in `more` too.
    pub fn say_also(&mut self, core: &Core, post: Post, more: Vec<(Channel, String)>) {
        self.write_post(core, &post);
        if post.quiet {
            return;
        }
        let matter = Matter::of(&post.view, post.severity);
        let mut chats = match &post.view {
            View::Proposal(card) => card_destinations(core, &card.proposal, post.severity),
            _ => destinations(core, matter),
        };
        let asleep = asleep(core, matter);
        if needs_a_person(&post.view) {
            chats.extend(asleep.iter().cloned());
        }
        for chat in more {
            if !chats.contains(&chat) {
                chats.push(chat);
            }
        }
        self.owe(core, &post, chats, &asleep);
    }

    /// Says `post` here, and to these chats alone: it is meant for one person.
    pub fn say_to(&mut self, core: &Core, post: Post, chats: Vec<(Channel, String)>) {
        self.write_post(core, &post);
        self.owe(core, &post, chats, &[]);
    }

    /// Shows these chats what the thread holds already.
    pub fn show_to(&mut self, core: &Core, post: &Post, chats: Vec<(Channel, String)>) {
        self.owe(core, post, chats, &[]);
    }

    /// Says here what holds times as words, to each chat in the zone in which it reads them.
    pub fn say_in_zones(&mut self, core: &Core, post: impl Fn(Tz) -> Post) {
        let record = post(core.zone());
        self.write_post(core, &record);
        let matter = Matter::of(&record.view, record.severity);
        for chat in destinations(core, matter) {
            let post = post(zone_at(core, chat.0, &chat.1));
            self.owe(core, &post, vec![chat], &[]);
        }
        for chat in asleep(core, matter) {
            let post = post(zone_at(core, chat.0, &chat.1));
            self.owe(core, &post, Vec::new(), &[chat]);
        }
    }

    /// Owes a card that waits once more, where it stands and disturbs nobody: nothing is seen of that, unless somebody deleted it.
    pub fn ask_again(&mut self, core: &Core, proposal: &Proposal) {
        let (key, now) = (asking_key(proposal), core.now());
        let post = Post {
            class: DeliveryClass::Card,
            severity: Severity::Info,
            finding: proposal.finding,
            view: View::Proposal(Box::new(ProposalView { proposal: proposal.clone() })),
            quiet: false,
        };
        let stands = |place: &&Place| place.key == key && place.channel != Channel::Cli;
        for place in self.places.iter().filter(stands) {
            if awake(core, place.channel, &place.chat) == Some(true) {
                let keys = Keys { key: Some(key.clone()), reply_key: proposal.finding.map(finding_key) };
                let again = self.delivery(core, &post, (place.channel, &place.chat), keys, now);
                self.outbox.push(outbox_row(core, &again));
            }
        }
    }

    fn write_post(&mut self, core: &Core, post: &Post) {
        let context = RenderContext { now: core.now(), zone: core.zone() };
        let content = wakeman_present::plain(&wakeman_present::doc(&post.view, &context));
        let prompt = match &post.view {
            View::Brief(brief) => brief.prompt.clone(),
            View::ModelNote(note) => Some(note.prompt_version.clone()),
            View::Tip(view) => view.tip.as_ref().and_then(|tip| tip.prompt_version.clone()),
            _ => None,
        };
        self.write(core, MessageRole::Agent, Channel::System, content, prompt);
    }

    /// Writes a message down, owed to nobody. `prompt_version` is kept with what a model wrote. Returns its id.
    pub fn write(
        &mut self,
        core: &Core,
        role: MessageRole,
        channel: Channel,
        content: String,
        prompt_version: Option<String>,
    ) -> MessageId {
        let now = core.now();
        // Threads are told on every surface and shown to models.
        let content = without_credentials(&core.guard, &content).unwrap_or(content);
        self.ordinal += 1;
        self.thread.updated_at = now;
        let version = prompt_version.map(|version| (PROMPT_VERSION.to_owned(), version.into()));
        let message = Message {
            conversation_id: self.thread.conversation_id.clone(),
            thread_id: self.thread.thread_id.clone(),
            message_id: core.message_id(),
            role,
            channel,
            content,
            created_at: now,
            ordinal: self.ordinal,
            extra: version.into_iter().collect(),
        };
        let id = message.message_id.clone();
        self.messages.push(message);
        id
    }

    /// Whether anything of what was said goes out now.
    pub fn owes(&self) -> bool {
        !self.outbox.is_empty()
    }

    fn owe(&mut self, core: &Core, post: &Post, mut chats: Vec<(Channel, String)>, asleep: &[(Channel, String)]) {
        let (keys, now) = (keys_of(&post.view), core.now());
        // What edits a message goes wherever that message stands.
        for place in self.places.iter().filter(|place| keys.key.as_ref().is_some_and(|key| place.shows(key))) {
            let chat = (place.channel, place.chat.clone());
            if keys.key.as_ref() != Some(&place.key) {
                let own = Keys { key: Some(place.key.clone()), reply_key: None };
                self.outbox.push(outbox_row(core, &self.delivery(core, post, (chat.0, &chat.1), own, now)));
            } else if !chats.contains(&chat) {
                chats.push(chat);
            }
        }
        if can_wait(&post.view) {
            for (channel, chat) in asleep.iter().filter(|chat| !chats.contains(chat)) {
                self.held.push(Held::of(core, &self.delivery(core, post, (*channel, chat), keys.clone(), now)));
            }
        }
        for (channel, chat) in chats {
            let row = |keys: Keys| outbox_row(core, &self.delivery(core, post, (channel, &chat), keys, now));
            let aloud = said_aloud(&post.view).filter(|_| channel != Channel::Cli);
            let rows: Vec<OutboxRow> = [Some(keys.clone()), aloud].into_iter().flatten().map(row).collect();
            self.outbox.extend(rows);
        }
    }

    fn delivery(
        &self,
        core: &Core,
        post: &Post,
        (channel, chat): (Channel, &str),
        keys: Keys,
        now: Timestamp,
    ) -> Delivery {
        Delivery {
            id: core.delivery_id(),
            channel,
            chat: chat.to_owned(),
            thread: Some(self.thread.thread_id.clone()),
            class: post.class,
            severity: post.severity,
            finding: post.finding,
            view: post.view.clone(),
            refresh: is_refresh(&post.view, keys.key.as_deref()),
            key: keys.key,
            reply_key: keys.reply_key,
            instead_of: None,
            told_elsewhere: core.surfaces.is_away(channel, now),
            created_at: now,
        }
    }

    /// Adds what was said to `commit`. It conflicts if somebody else spoke in the thread since it was loaded.
    pub fn finish(self, mut commit: Commit) -> Commit {
        commit = commit.replace(&self.thread, self.version);
        for message in &self.messages {
            commit = commit.insert(message);
        }
        let commit = self.held.iter().fold(commit, |commit, held| commit.put(held));
        self.outbox.into_iter().fold(commit, Commit::send)
    }
}

/// Whether it waits for nobody's quiet hours: nothing goes on until a person looked.
fn needs_a_person(view: &View) -> bool {
    matches!(view, View::Settled(view) if view.proposal.state == ProposalState::NeedsReview)
}

/// A delivery as the store keeps it.
pub(crate) fn outbox_row(core: &Core, delivery: &Delivery) -> OutboxRow {
    let mut body = serde_json::to_value(delivery).expect("invariant: a delivery is plain data with string keys");
    scrub(&core.guard, &mut body);
    OutboxRow {
        id: delivery.id.to_string(),
        channel: delivery.channel.name().to_owned(),
        chat: delivery.chat.clone(),
        body,
        not_before: delivery.created_at,
    }
}
