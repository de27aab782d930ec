//! What the model is shown, chosen under a token budget by rules that stand here.
//!
//! In this order, each within its share: our instructions (always, whole) · what Wakeman knows (open findings, the pinned
//! context, the thread's notes and memory), as marked data · the thread's newest messages, oldest left out first · the question
//! (always, whole). Nothing from outside is ever in the system message.

use wakeman_present::{RenderContext, sanitize};
use wakeman_types::{Channel, Entity, Finding, Message, MessageRole, Note};

use super::{marked::marked, memory::ThreadMemory};
use crate::{deliver::PROMPT_VERSION, ports::ModelMessage};

/// Tokens of the conversation so far.
const WINDOW_TOKENS: usize = 3_000;
/// A long message that would get less room than this is left out.
const SHORT_TOKENS: usize = 100;
/// Tokens of a shortened message for its marks and what says that it is.
const SPARE_TOKENS: usize = 40;
/// Open findings that are shown.
const FINDINGS_MAX: usize = 6;
/// Notes that are shown, the newest.
const NOTES_MAX: usize = 6;
/// Characters of one line of what Wakeman knows.
const LINE_CHARS: usize = 200;
/// Lines that we put below a model's words: what they rest on and what else the record says. They quote titles and errors.
const OURS_BEGIN: [&str; 3] = ["No answer: ", "Rests on: ", "Unknown: "];
/// Messages that are looked at.
pub(super) const WINDOW_MESSAGES: usize = 24;

/// About how many tokens `text` has. Errs high: three bytes a token.
pub fn tokens(text: &str) -> usize {
    text.len().div_ceil(3)
}

/// How much of the conversation is shown; less after the model said that it was too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// As the rules say.
    Full,
    /// The newest quarter.
    Narrow,
    /// The question, and what was decided and named earlier in the thread.
    Bare,
}

impl Width {
    /// What to try after this one was too long. `None`: nothing is left to leave out.
    pub const fn narrower(self) -> Option<Self> {
        match self {
            Self::Full => Some(Self::Narrow),
            Self::Narrow => Some(Self::Bare),
            Self::Bare => None,
        }
    }

    const fn window_tokens(self) -> usize {
        match self {
            Self::Full => WINDOW_TOKENS,
            Self::Narrow => WINDOW_TOKENS / 4,
            Self::Bare => 0,
        }
    }
}

/// What there is to show.
pub struct Material<'a> {
    /// Our instructions.
    pub system: String,
    /// What the operator pinned of the project.
    pub pinned: Option<&'a str>,
    /// Findings that are not over, newest first.
    pub findings: &'a [Finding],
    /// The thread's notes, newest first.
    pub notes: &'a [Note],
    /// What was decided and named earlier in the thread.
    pub memory: &'a ThreadMemory,
    /// The thread's messages before the question, newest first.
    pub messages: &'a [Message],
    /// What is asked now.
    pub question: &'a str,
    /// Time and zone.
    pub render: RenderContext,
}

/// Puts together what the model is shown.
pub fn assemble(material: &Material<'_>, width: Width) -> Vec<ModelMessage> {
    let mut shown = vec![ModelMessage::System(material.system.clone())];
    if let Some(known) = known(material, width) {
        shown.push(ModelMessage::User(marked("Wakeman", &known)));
    }
    let mut left = width.window_tokens();
    let mut window = Vec::new();
    for message in material.messages {
        let mut parts = said(message);
        let mut cost = cost_of(&parts);
        if cost > left {
            // One long message does not hide what was said before it: it gets half of the room, the older ones the rest.
            if left / 2 < SHORT_TOKENS {
                break;
            }
            parts = said(&shortened(message, left / 2));
            cost = cost_of(&parts).min(left);
        }
        left -= cost;
        window.push(parts);
    }
    let older = material.messages.len() - window.len();
    if older > 0 {
        let (messages, are) = if older == 1 { ("message", "is") } else { ("messages", "are") };
        shown.push(ModelMessage::User(marked(
            "Wakeman",
            &format!("{older} earlier {messages} of this thread {are} left out"),
        )));
    }
    shown.extend(window.into_iter().rev().flatten());
    shown.push(ModelMessage::User(material.question.to_owned()));
    shown
}

fn cost_of(parts: &[ModelMessage]) -> usize {
    parts.iter().map(|part| words_of(part) + 4).sum()
}

/// Head and tail of a message that is too long for `room` tokens.
fn shortened(message: &Message, room: usize) -> Message {
    let text = &message.content;
    let half = room.saturating_sub(SPARE_TOKENS) * 3 / 2;
    let (head, tail) = (text.floor_char_boundary(half), text.ceil_char_boundary(text.len().saturating_sub(half)));
    if head >= tail {
        return message.clone();
    }
    let content = format!("{}\n({} bytes left out)\n{}", &text[..head], tail - head, &text[tail..]);
    Message { content, ..message.clone() }
}

/// A message as the model is shown it. Only a model's own words are shown as such: what Wakeman says by itself, and what it puts
/// below an answer, quotes titles and errors from outside.
fn said(message: &Message) -> Vec<ModelMessage> {
    let data = |text: &str| ModelMessage::User(marked("Wakeman", text));
    let of_model = message.channel != Channel::System && message.extra.contains_key(PROMPT_VERSION);
    let (own, ours) = match message.role {
        MessageRole::User => return vec![ModelMessage::User(message.content.clone())],
        MessageRole::Agent if of_model => message.content.split_at(ours_from(&message.content)),
        MessageRole::Agent | MessageRole::System => ("", message.content.as_str()),
    };
    let own = own.trim_end();
    let own = (!own.is_empty()).then(|| ModelMessage::Assistant { text: own.to_owned(), calls: Vec::new() });
    own.into_iter().chain((!ours.is_empty()).then(|| data(ours))).collect()
}

/// Where in an answer the lines begin that are not the model's.
fn ours_from(text: &str) -> usize {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if OURS_BEGIN.iter().any(|begin| line.starts_with(begin)) {
            return at;
        }
        at += line.len();
    }
    at
}

fn words_of(message: &ModelMessage) -> usize {
    match message {
        ModelMessage::System(text)
        | ModelMessage::User(text)
        | ModelMessage::Assistant { text, .. }
        | ModelMessage::Tool { content: text, .. } => tokens(text),
    }
}

fn known(material: &Material<'_>, width: Width) -> Option<String> {
    let mut lines = if width == Width::Bare { Vec::new() } else { standing(material) };
    // However narrow it gets: ids and decisions outlive the window.
    lines.extend(material.memory.lines().map(|line| format!("earlier: {}", sanitize(line, LINE_CHARS))));
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// How things stand now.
fn standing(material: &Material<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(pinned) = material.pinned {
        lines.push(format!("project: {}", sanitize(pinned, LINE_CHARS)));
    }
    for finding in material.findings.iter().take(FINDINGS_MAX) {
        lines.push(finding_line(finding, &material.render));
    }
    if material.findings.len() > FINDINGS_MAX {
        lines.push(format!("and {} more open findings", material.findings.len() - FINDINGS_MAX));
    }
    for note in material.notes.iter().take(NOTES_MAX) {
        lines.push(format!("note by {}: {}", sanitize(&note.author, 40), sanitize(&note.content, LINE_CHARS)));
    }
    lines
}

fn finding_line(finding: &Finding, render: &RenderContext) -> String {
    let title = wakeman_present::headline(finding, render);
    let cause = finding.likely_cause().map(|cause| {
        format!("; likely cause, {:.0} %: {}", cause.probability * 100.0, sanitize(&cause.change.title, 80))
    });
    format!("{} {}: {title}{}", finding.id, finding.state_name(), cause.unwrap_or_default())
}
