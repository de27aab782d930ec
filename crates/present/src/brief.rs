//! What a wakeup tells: only what changed, in at most six lines, and a model's note set apart.

use wakeman_types::{BriefLine, BriefView, Change, Proposal, ProposalState, Timestamp};

use crate::{
    Block, Doc, Line, RenderContext, Style,
    cause::NAME_LEN_MAX,
    finding::{headline, tone},
    lists::progress,
    number::counted,
    proposal::title,
    safe::{sanitize, sanitize_lines},
    status::proper_name,
};

/// Lines of a brief, its headline among them.
const LINES_MAX: usize = 6;
/// Lines of a model's note, and the longest of them in characters: as long as the brain lets a note be.
const NOTE_LINES_MAX: usize = 12;
const NOTE_LEN_MAX: usize = 1_600;
/// Longest title of a change, in characters.
const TITLE_LEN_MAX: usize = 48;

/// `Morning brief · since yesterday 09:00` and a line for each thing; `Nothing changed since yesterday 09:00.` is a complete brief.
pub fn brief_doc(view: &BriefView, ctx: &RenderContext) -> Doc {
    let since = ctx.time(view.since);
    let mut doc = Doc::bare();
    doc = if view.lines.is_empty() {
        doc.block(Block::Headline(format!("Nothing changed since {since}.").into()))
    } else {
        let head = Line::new().strong(sanitize(&view.title, NAME_LEN_MAX)).dim(format!(" · since {since}"));
        lines(doc.block(Block::Headline(head)), view, ctx)
    };
    if let Some(note) = &view.note {
        doc = doc.gap().text(Line::new().dim("Model's note:"));
        // Who asked a question of their own reads the whole answer; the surfaces split what is too long for one message.
        let (lines, len) = if view.own { (usize::MAX, usize::MAX) } else { (NOTE_LINES_MAX, NOTE_LEN_MAX) };
        for line in sanitize_lines(note, lines, len) {
            doc = doc.block(Block::Indented(Line::new().with(line, Style::Model)));
        }
    }
    if let Some(why) = &view.no_model {
        doc = doc.text(Line::new().dim(format!("No model's note: {}.", sanitize(why, 200))));
    }
    match &view.budget {
        Some(warning) => doc.gap().text(Line::new().dim(sanitize(warning, 200))),
        None => doc,
    }
}

/// What does not fit is counted.
fn lines(doc: Doc, view: &BriefView, ctx: &RenderContext) -> Doc {
    let room = LINES_MAX - 1;
    let shown = if view.lines.len() > room { room - 1 } else { view.lines.len() };
    let doc = view.lines.iter().take(shown).fold(doc, |doc, one| doc.text(line(one, ctx)));
    match view.lines.len() - shown {
        0 => doc,
        more => doc.text(Line::new().dim(format!("and {more} more: `findings` and `proposals` list them"))),
    }
}

fn line(line: &BriefLine, ctx: &RenderContext) -> Line {
    match line {
        BriefLine::Finding { finding } => {
            let unknown = if finding.unknown_since.is_some() && !finding.is_over() { ", unknown now" } else { "" };
            Line::new()
                .mark(tone(finding))
                .strong(format!("{} ", finding.id))
                .plain(format!("{}{unknown}", headline(finding, ctx)))
        }
        BriefLine::Proposal { proposal } => proposal_line(proposal, ctx),
        BriefLine::Source { source, silent, last_success, reason } => {
            source_line(&proper_name(source), *silent, *last_success, reason, ctx)
        }
        BriefLine::Changes { count, newest } => changes_line(*count, newest),
    }
}

fn proposal_line(proposal: &Proposal, ctx: &RenderContext) -> Line {
    let mark = match proposal.state {
        ProposalState::Pending => crate::proposal::tone(proposal.state),
        _ => crate::Tone::Plain,
    };
    let name = Line::new().mark(mark).strong(format!("{} ", proposal.id)).plain(format!("{}: ", title(proposal)));
    name.join(progress(proposal, ctx))
}

fn source_line(name: &str, silent: bool, last: Option<Timestamp>, reason: &str, ctx: &RenderContext) -> Line {
    if !silent {
        return format!("{name} answers again.").into();
    }
    let since =
        last.map_or_else(|| "has not answered yet".to_owned(), |at| format!("has not answered since {}", ctx.time(at)));
    let reason = sanitize(reason, 80);
    let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
    format!("{name} {since}{reason}: what it would say is unknown, not fine.").into()
}

/// `3 changes: #482 signup: new form, flag checkout-fast, deploy 9c1e0d4`
fn changes_line(count: u32, newest: &[Change]) -> Line {
    let named = newest.iter().map(|change| {
        let (label, title) = (sanitize(&change.label(), NAME_LEN_MAX), sanitize(&change.title, TITLE_LEN_MAX));
        if title.is_empty() || label.ends_with(&title) { label } else { format!("{label} {title}") }
    });
    let mut named: Vec<String> = named.collect();
    let rest = (count as usize).saturating_sub(named.len());
    if rest > 0 {
        named.push(format!("and {rest} more"));
    }
    Line::new().plain(format!("{}: ", counted(count.into(), "change"))).outside(named.join(", "))
}
