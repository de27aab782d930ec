//! What is neither a finding nor a card: a source that went silent, the digest, a plain line.

use wakeman_types::{
    AskReasonView, Channel, DigestLine, DigestView, ModelNoteView, NoticeView, SourceNotice, StormView,
};

use crate::{
    Block, Doc, Line, RenderContext, Tone,
    cause::NAME_LEN_MAX,
    finding::{headline, tone},
    number::{counted, span},
    safe::{sanitize, sanitize_lines},
    status::proper_name,
};

/// Beside a message of which it is not known whether an earlier try arrived.
pub const SENT_AGAIN: &str = "Sent again: an earlier try may have arrived.";

/// Under a message that was owed on another channel first.
pub(crate) fn instead_of(channel: Channel) -> String {
    format!("Told here because {} did not confirm it.", proper_name(channel.name()))
}

/// Longest line of a notice, in characters, and the most lines it has.
const NOTICE_LEN_MAX: usize = 400;
const NOTICE_LINES_MAX: usize = 20;
/// The most lines of a model's note that are shown.
const NOTE_LINES_MAX: usize = 8;

/// `PostHog has not answered for 9 min (429, next try 14:58). Its 14 metrics are unknown, not fine.`
pub fn source_doc(view: &SourceNotice, ctx: &RenderContext) -> Doc {
    let source = sanitize(&view.source, NAME_LEN_MAX);
    let Some(since) = view.silent_since else {
        return Doc::card(Tone::Plain).block(Block::Headline(format!("{source} answers again.").into()));
    };
    let reason = sanitize(&view.reason, 160);
    let next = view.next_try.map(|at| format!("next try {}", ctx.time(at)));
    let details: Vec<String> = Some(reason).filter(|text| !text.is_empty()).into_iter().chain(next).collect();
    let details = if details.is_empty() { String::new() } else { format!(" ({})", details.join(", ")) };
    let head = format!("{source} has not answered for {}{details}.", span(ctx.now.since(since)));
    let unknown = match view.metrics {
        0 if source == "GitHub" => " Merges, runs and deployments since then are unknown.".to_owned(),
        0 => String::new(),
        1 => " Its 1 metric is unknown, not fine.".to_owned(),
        number => format!(" Its {} are unknown, not fine.", counted(number.into(), "metric")),
    };
    Doc::card(Tone::Plain).block(Block::Headline(Line::new().strong(head).plain(unknown)))
}

/// `P-3 is rejected. Why? …`
pub fn ask_reason_doc(view: &AskReasonView) -> Doc {
    let text = format!("{} is rejected. Why? Answer this message, and the reason is kept with it.", view.proposal);
    Doc::bare().text(text)
}

/// The findings that did not interrupt, one line each, ranked; "Nothing changed since …" is a complete digest.
pub fn digest_doc(view: &DigestView, ctx: &RenderContext) -> Doc {
    let since = ctx.time(view.since);
    if view.lines.is_empty() {
        return Doc::card(Tone::Quiet).headline(format!("Nothing changed since {since}."));
    }
    let count = counted(view.lines.len() as u64, "finding");
    let head = Line::new().strong(format!("{count} since {since} that could wait"));
    (1..).zip(&view.lines).fold(Doc::card(Tone::Quiet).headline(head), |doc, (number, line)| {
        doc.block(Block::Step { number, text: digest_line(line, ctx), note: Line::new() })
    })
}

fn digest_line(line: &DigestLine, ctx: &RenderContext) -> Line {
    let reason = sanitize(&line.reason, 60);
    let told = Line::new().plain(headline(&line.finding, ctx)).plain(format!(" · {reason}"));
    told.dim(format!(" · {}", line.finding.id))
}

/// Many findings at once, told as one, with the worst of them.
pub fn storm_doc(view: &StormView, ctx: &RenderContext) -> Doc {
    let count = counted(view.count.into(), "finding");
    let head =
        Line::new().strong(format!("{count} at once")).plain(format!(" since {}", ctx.time_with_age(view.since)));
    Doc::card(tone(&view.worst))
        .headline(head)
        .text(Line::new().plain("The worst: ").outside(headline(&view.worst, ctx)).dim(format!(" · {}", view.worst.id)))
        .text("They are told in this one message; `findings` lists them all.")
}

/// A model's words about a finding, dim and named as such, never inside the finding's own message.
pub fn model_note_doc(view: &ModelNoteView) -> Doc {
    let lines = sanitize_lines(&view.text, NOTE_LINES_MAX, NOTICE_LEN_MAX);
    let head = Line::new().dim(format!("Model's note on {}:", view.finding));
    let doc = Doc::card(Tone::Quiet).block(Block::Text(head));
    let shown = lines.into_iter().filter(|line| !line.is_empty());
    let doc = shown.fold(doc, |doc, line| doc.block(Block::Text(Line::new().dim(line))));
    doc.footer(sanitize(&view.prompt_version, 60))
}

/// A plain line from Wakeman itself; it may quote outside text, so it is made safe like any other.
pub fn notice_doc(view: &NoticeView) -> Doc {
    let lines = sanitize_lines(&view.text, NOTICE_LINES_MAX, NOTICE_LEN_MAX);
    lines.into_iter().fold(Doc::bare(), |doc, line| doc.block(Block::Text(line.into())))
}
