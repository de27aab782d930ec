//! A conversation as it is read back.

use wakeman_types::{Message, MessageRole, Note, ThreadView};

use crate::{
    Block, Doc, Line, RenderContext, Style,
    safe::{own_lines, sanitize, sanitize_lines},
};

/// Lines of one message that are shown, and the longest of them in characters.
const MESSAGE_LINES_MAX: usize = 60;
const MESSAGE_LEN_MAX: usize = 2_000;

/// What was said, oldest first, then the notes.
pub fn thread_doc(view: &ThreadView, ctx: &RenderContext) -> Doc {
    let thread = &view.thread;
    let head = Line::new().strong(sanitize(&thread.title, 120));
    let mut doc = Doc::bare().block(Block::Headline(head));
    if view.messages.is_empty() {
        doc = doc.text("Nothing was said yet.");
    }
    for message in &view.messages {
        doc = with_message(doc.gap(), message, ctx);
    }
    for note in &view.notes {
        doc = with_note(doc.gap(), note, ctx);
    }
    let id = sanitize(thread.thread_id.as_str(), 80);
    doc.gap().footer(format!("{id} · {}", thread.channel))
}

fn with_message(doc: Doc, message: &Message, ctx: &RenderContext) -> Doc {
    let who = match message.role {
        MessageRole::System => Line::new().dim("system"),
        MessageRole::User => Line::new().strong("operator"),
        MessageRole::Agent => Line::new().strong("wakeman"),
    };
    let head = Line::new().dim(ctx.time(message.created_at)).plain(" ").join(who);
    let (lines, style) = match message.role {
        MessageRole::Agent => (own_lines(&message.content, MESSAGE_LINES_MAX, MESSAGE_LEN_MAX), Style::Plain),
        _ => (sanitize_lines(&message.content, MESSAGE_LINES_MAX, MESSAGE_LEN_MAX), Style::Outside),
    };
    with_lines(doc.text(head), lines, style)
}

/// A model's words stand apart from what code says: `Model's note:`.
fn with_note(doc: Doc, note: &Note, ctx: &RenderContext) -> Doc {
    let (who, style) = match note.author.as_str() {
        "model" => ("Model's note:".to_owned(), Style::Model),
        author => (format!("Note of {}:", sanitize(author, 60)), Style::Outside),
    };
    let head = Line::new().dim(ctx.time(note.created_at)).plain(" ").dim(who);
    with_lines(doc.text(head), sanitize_lines(&note.content, MESSAGE_LINES_MAX, MESSAGE_LEN_MAX), style)
}

fn with_lines(doc: Doc, lines: Vec<String>, style: Style) -> Doc {
    lines.into_iter().fold(doc, |doc, line| doc.block(Block::Indented(Line::new().with(line, style))))
}
