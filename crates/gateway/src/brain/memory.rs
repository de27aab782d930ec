//! What a thread remembers beyond its window: the lines in which something was decided or named, so that ids and decisions
//! outlive the messages. Extracted by rule, so it costs no model call.

use serde::{Deserialize, Serialize};
use wakeman_types::{Entity, ThreadId};

/// Lines kept for a thread; the oldest go first.
const LINES_MAX: usize = 24;
/// Characters of a line.
const CHARS_MAX: usize = 160;
/// Words that mark a decision.
const DECISIONS: [&str; 9] =
    ["approve", "reject", "decided", "revert", "roll back", "rollback", "snooze", "mute", "agreed"];

/// What one thread remembers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadMemory {
    thread: String,
    lines: Vec<String>,
}

impl ThreadMemory {
    /// Nothing yet.
    pub fn of(thread: &ThreadId) -> Self {
        Self { thread: thread.to_string(), lines: Vec::new() }
    }

    /// Oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// Takes what `who` said. True if something was worth keeping.
    pub fn take(&mut self, who: &str, text: &str) -> bool {
        let before = self.lines.len();
        let worth = text.lines().map(str::trim).filter(|line| is_worth_keeping(line)).take(4);
        let mut changed = false;
        for line in worth {
            let kept: String = format!("{who}: {line}").chars().take(CHARS_MAX).collect();
            if !self.lines.contains(&kept) {
                self.lines.push(kept);
                changed = true;
            }
        }
        let over = self.lines.len().saturating_sub(LINES_MAX);
        self.lines.drain(..over);
        debug_assert!(self.lines.len() >= before.min(LINES_MAX));
        changed
    }
}

fn is_worth_keeping(line: &str) -> bool {
    let lower = line.to_lowercase();
    DECISIONS.iter().any(|word| lower.contains(word)) || line.split_whitespace().any(is_id)
}

/// `F-12`, `P-3`, `#482`, a commit.
fn is_id(word: &str) -> bool {
    let word = word.trim_matches(|c: char| c.is_ascii_punctuation() && c != '#' && c != '-');
    let digits = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit());
    let numbered = ["F-", "P-", "#"].iter().any(|prefix| word.strip_prefix(prefix).is_some_and(digits));
    let hex = word.bytes().all(|b| b.is_ascii_hexdigit());
    numbered || (hex && (7..=40).contains(&word.len()) && word.bytes().any(|b| b.is_ascii_digit()))
}

impl Entity for ThreadMemory {
    const KIND: &'static str = "memory";

    fn entity_id(&self) -> String {
        self.thread.clone()
    }

    fn sort_key(&self) -> i64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_decisions_are_kept_and_talk_is_not() {
        let mut memory = ThreadMemory::of(&ThreadId::new("t"));
        assert!(!memory.take("ada", "good morning, how are things?"));
        assert!(memory.take("ada", "what about F-128?\nnothing else"));
        assert!(memory.take("wakeman", "It was #482 (9c1e0d4).\nWe decided to wait.\nSure."));
        let lines: Vec<_> = memory.lines().collect();
        assert_eq!(
            lines,
            ["ada: what about F-128?", "wakeman: It was #482 (9c1e0d4).", "wakeman: We decided to wait."]
        );
    }

    #[test]
    fn memory_is_bounded_whatever_is_said() {
        let mut memory = ThreadMemory::of(&ThreadId::new("t"));
        for n in 0..1_000 {
            memory.take("ada", &format!("F-{n} {}", "x".repeat(1_000)));
        }
        assert_eq!(memory.lines().count(), LINES_MAX);
        assert!(memory.lines().all(|line| line.chars().count() <= CHARS_MAX));
        assert!(memory.lines().last().unwrap().starts_with("ada: F-999 "));
    }
}
