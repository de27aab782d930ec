//! What became of everything.

use serde::Serialize;
use wakeman_types::{Channel, ConversationId, ThreadId};

use crate::instance::conversation::BadLine;

/// The account of a takeover: a function of the directory that was read, so reading it twice gives the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TakeoverReport {
    /// Conversations, in the order of their folders.
    pub conversations: Vec<ConversationReport>,
    /// Threads in all.
    pub threads: usize,
    /// Messages in all.
    pub messages: usize,
    /// Notes in all.
    pub notes: usize,
    /// Every value of `settings.json`.
    pub settings: Vec<SettingReport>,
    /// Every value of `tools.json`.
    pub tools: Vec<SettingReport>,
    /// Every line of the schedule of `wakeup.json`.
    pub wakeups: Vec<WakeupReport>,
    /// Ids of its prompts.
    pub prompts: Vec<String>,
    /// Every file and where it went.
    pub files: Vec<CopiedFile>,
    /// Lines that could not be used, verbatim.
    pub unreadable: Vec<BadLine>,
    /// What a person should know or do, most urgent first.
    pub warnings: Vec<String>,
}

impl TakeoverReport {
    /// One line with every count.
    pub fn summary(&self) -> String {
        let unknown = self.settings.iter().chain(&self.tools).filter(|setting| !setting.used).count();
        let count = |n: usize, one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
        [
            [count(self.threads, "thread"), count(self.messages, "message"), count(self.notes, "note")].join(", "),
            [count(self.settings.len(), "setting"), count(self.tools.len(), "tool setting")].join(" and ")
                + &format!(", {unknown} of them kept without effect"),
            [count(self.prompts.len(), "prompt"), count(self.wakeups.len(), "wakeup")].join(" and "),
            count(self.files.len(), "file"),
            count(self.unreadable.len(), "unreadable line") + " kept verbatim",
        ]
        .join("; ")
    }
}

/// One conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConversationReport {
    /// Its folder.
    pub conversation_id: ConversationId,
    /// Its thread.
    pub thread_id: ThreadId,
    /// The channel it is on now.
    pub channel: Channel,
    /// The channel as the files name it, where that is another word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imported_channel: Option<String>,
    /// Messages taken over.
    pub messages: usize,
    /// Notes taken over.
    pub notes: usize,
    /// Lines kept verbatim instead.
    pub unreadable: usize,
}

/// One value of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SettingReport {
    /// Its path.
    pub key: String,
    /// Whether it has an effect here. If not, it stays in the file all the same.
    pub used: bool,
    /// What to do instead, where something is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One line of the schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WakeupReport {
    /// Its prompt.
    pub prompt_id: String,
    /// `06:30 UTC`, or the cron pattern with its zone.
    pub when: String,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CopiedFile {
    /// Below the directory that was read.
    pub from: String,
    /// Below the instance; `None`: left behind.
    pub to: Option<String>,
    /// Why it went there, where that is not plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
