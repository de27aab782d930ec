//! Times in file names: `2026-04-20T05-10-00-000Z`.

use chrono::{DateTime, NaiveDateTime};
use wakeman_types::{ConversationId, ThreadId, Timestamp};

/// `at` as a folder name, to the millisecond, UTC: `2026-04-20T05-10-00-000Z`.
pub fn folder_time(at: Timestamp) -> String {
    let time = DateTime::from_timestamp_millis(at.ms()).unwrap_or_default();
    time.format("%Y-%m-%dT%H-%M-%S-%3fZ").to_string()
}

/// The instant that [`folder_time`] wrote; `None` for any other text.
pub fn parse_folder_time(text: &str) -> Option<Timestamp> {
    let (seconds, millis) = text.strip_suffix('Z')?.rsplit_once('-')?;
    let time = NaiveDateTime::parse_from_str(seconds, "%Y-%m-%dT%H-%M-%S").ok()?;
    let millis: i64 = millis.parse().ok().filter(|ms| (0..1000).contains(ms))?;
    Some(Timestamp::from_ms(time.and_utc().timestamp_millis() + millis))
}

/// The id, and folder name, of a conversation that begins at `at`: `conversation-<utc>-<threadId>`.
pub fn conversation_id(at: Timestamp, thread: &ThreadId) -> ConversationId {
    ConversationId::new(format!("conversation-{}-{thread}", folder_time(at)))
}
