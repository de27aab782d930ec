//! What can follow what is typed: the operator's words, their ids and states.

use wakeman_present::verb_words;

/// Words of a chat alone.
const CHAT_WORDS: [&str; 4] = ["/new", "/stop", "/help", "/quit"];
const FINDING_STATES: [&str; 4] = ["open", "acknowledged", "snoozed", "resolved"];
const PROPOSAL_STATES: [&str; 4] = ["pending", "executing", "needs_review", "succeeded"];
const MODES: [&str; 3] = ["observe", "propose", "execute"];
const SPANS: [&str; 4] = ["30m", "2h", "8h", "1d"];

/// The ids there are, as the gateway listed them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    /// `F-…`, newest first.
    pub findings: Vec<String>,
    /// `P-…`, newest first.
    pub proposals: Vec<String>,
    /// Conversations, newest first.
    pub threads: Vec<String>,
}

/// Where the word under the cursor begins (a byte of `line`), and what it may become. `cursor` is a byte of `line`.
///
/// In a question only ids are completed: other words are the operator's own.
pub fn complete(line: &str, cursor: usize, ids: &Ids) -> (usize, Vec<String>) {
    let typed = line.get(..cursor).unwrap_or(line);
    let start = typed.rfind(' ').map_or(0, |space| space + 1);
    let begun = &typed[start..];
    let before: Vec<&str> = typed[..start].split_whitespace().collect();
    let known = match before.first() {
        None => first_words(begun),
        Some(first) => following(first.trim_start_matches('/'), before.len(), ids),
    };
    let known = if known.is_empty() && !begun.is_empty() { all_ids(ids) } else { known };
    let fits = |word: &String| word.len() >= begun.len() && starts_with(word, begun) && word != begun;
    (start, known.into_iter().filter(fits).collect())
}

fn starts_with(word: &str, begun: &str) -> bool {
    word.get(..begun.len()).is_some_and(|head| head.eq_ignore_ascii_case(begun))
}

fn first_words(begun: &str) -> Vec<String> {
    if begun.starts_with('/') {
        let slashed = verb_words().map(|(word, ..)| format!("/{word}"));
        let mut all: Vec<String> = CHAT_WORDS.iter().map(|word| (*word).to_owned()).chain(slashed).collect();
        all.sort_unstable();
        all.dedup();
        return all;
    }
    verb_words().map(|(word, ..)| word.to_owned()).collect()
}

/// What the word `first` takes at `position` (1 for what follows it directly), as its usage says.
fn following(first: &str, position: usize, ids: &Ids) -> Vec<String> {
    let usage = verb_words().find(|(word, ..)| *word == first).map_or("", |(_, usage, _)| usage);
    let Some(wanted) = usage.split_whitespace().nth(position - 1) else { return Vec::new() };
    let owned = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
    match wanted {
        _ if wanted.contains("F-") => ids.findings.clone(),
        _ if wanted.contains("P-") => ids.proposals.clone(),
        "[ID]" => ids.threads.clone(),
        "[STATE]" if first == "findings" => owned(&FINDING_STATES),
        "[STATE]" => owned(&PROPOSAL_STATES),
        "[MODE]" => owned(&MODES),
        "2h" | "[2h]" => owned(&SPANS),
        "useful|noise" => owned(&["useful", "noise"]),
        _ => Vec::new(),
    }
}

fn all_ids(ids: &Ids) -> Vec<String> {
    ids.findings.iter().chain(&ids.proposals).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> Ids {
        let owned = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        Ids { findings: owned(&["F-128", "F-12"]), proposals: owned(&["P-31"]), threads: owned(&["thread_7f00"]) }
    }

    #[test]
    fn words_and_ids_are_completed_where_they_can_stand() {
        let table: [(&str, usize, &[&str]); 15] = [
            ("fi", 0, &["findings", "finding"]),
            ("/st", 0, &["/status", "/stop"]),
            ("/n", 0, &["/new"]),
            ("why ", 4, &["F-128", "F-12"]),
            ("why f-12", 4, &["F-128", "F-12"]),
            ("why F-12", 4, &["F-128"]),
            ("/approve p", 9, &["P-31"]),
            ("approve F", 8, &[]),
            ("findings re", 9, &["resolved"]),
            ("snooze F-12 2", 12, &["2h"]),
            ("feedback F-12 ", 14, &["useful", "noise"]),
            ("threads t", 8, &["thread_7f00"]),
            ("mode e", 5, &["execute"]),
            ("what became of P-", 15, &["P-31"]),
            ("is it 旗", 6, &[]),
        ];
        for (line, start, want) in table {
            let (at, found) = complete(line, line.len(), &ids());
            assert_eq!((at, found.iter().map(String::as_str).collect::<Vec<_>>()), (start, want.to_vec()), "{line}");
        }
    }

    #[test]
    fn a_cursor_inside_the_line_completes_what_is_before_it() {
        assert_eq!(complete("why F-1 please", 7, &ids()), (4, vec!["F-128".to_owned(), "F-12".to_owned()]));
        assert_eq!(complete("旗", 1, &ids()).0, 0, "not a boundary");
    }
}
