//! What an answer rests on, under the answer.

use wakeman_types::{AnswerView, Citation, TurnAction};

use crate::{
    Block, Doc, Line, RenderContext, Style,
    safe::{sanitize, sanitize_piece},
};

/// Characters of one thing an answer rests on.
const CITATION_LEN_MAX: usize = 140;
/// Things that are named; the rest is counted.
const CITATIONS_MAX: usize = 8;

/// The answer of a turn as a message of its own: every line of it, with its spaces, and no live link.
pub fn answer_doc(view: &AnswerView) -> Doc {
    let text = sanitize_piece(view.text.trim_end());
    text.split('\n').fold(Doc::bare(), |doc, line| match line.trim_end() {
        "" => doc.gap(),
        line => doc.block(Block::Text(Line::new().with(line, Style::Plain))),
    })
}

/// The lines under an answer: what it staged, what it rests on, what could not be read. Empty where there is nothing to say.
pub fn answer_footer(citations: &[Citation], actions: &[TurnAction], ctx: &RenderContext) -> String {
    let mut lines = Vec::new();
    for action in actions {
        match action {
            TurnAction::Proposal { id } => lines.push(format!("⏳ {id} waits for a decision; nothing has run.")),
            TurnAction::Note => lines.push("A note was written to this thread.".to_owned()),
        }
    }
    let rests: Vec<String> = citations.iter().filter_map(|citation| basis(citation, ctx)).collect();
    if !rests.is_empty() {
        let more = rests.len().saturating_sub(CITATIONS_MAX);
        let shown = rests[..rests.len().min(CITATIONS_MAX)].join(" · ");
        let more = if more > 0 { format!(" · and {more} more") } else { String::new() };
        lines.push(format!("Rests on: {shown}{more}"));
    }
    for citation in citations {
        if let Citation::Unknown { source, reason } = citation {
            let (source, reason) = (sanitize(source, 40), sanitize(reason, CITATION_LEN_MAX));
            lines.push(format!("Unknown: {source} could not be read ({reason})."));
        }
    }
    lines.join("\n")
}

fn basis(citation: &Citation, ctx: &RenderContext) -> Option<String> {
    Some(match citation {
        Citation::Finding { id } => id.to_string(),
        Citation::Proposal { id } => id.to_string(),
        Citation::Change { id } => sanitize(id.as_str(), 60),
        Citation::Query { source, query, as_of } => {
            let as_of = as_of.map(|at| format!(", data up to {}", ctx.clock(at))).unwrap_or_default();
            format!("{}: {}{as_of}", sanitize(source, 40), sanitize(query, CITATION_LEN_MAX))
        }
        Citation::Link { title, url } => format!("{} ({})", sanitize(title, 60), sanitize(url, CITATION_LEN_MAX)),
        Citation::Unknown { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use wakeman_types::{ChangeId, FindingId, ProposalId, Timestamp};

    use super::*;

    #[test]
    fn an_answer_says_what_it_staged_what_it_rests_on_and_what_is_unknown() {
        let ctx = RenderContext { now: Timestamp(1_776_654_000_000), zone: chrono_tz::Tz::UTC };
        let citations = [
            Citation::Finding { id: FindingId::new(128) },
            Citation::Query {
                source: "PostHog".to_owned(),
                query: "SELECT count()\nFROM events".to_owned(),
                as_of: Some(Timestamp(1_776_654_000_000)),
            },
            Citation::Change { id: ChangeId::new("github:pr:482") },
            Citation::Unknown { source: "Vercel".to_owned(), reason: "502".to_owned() },
        ];
        let actions = [TurnAction::Proposal { id: ProposalId::new(3) }, TurnAction::Note];
        insta::assert_snapshot!(answer_footer(&citations, &actions, &ctx), @r"
    ⏳ P-3 waits for a decision; nothing has run.
    A note was written to this thread.
    Rests on: F-128 · PostHog: SELECT count() ⏎ FROM events, data up to 03:00 · github:pr:482
    Unknown: Vercel could not be read (502).
    ");
        assert_eq!(answer_footer(&[], &[], &ctx), "");
    }
}
