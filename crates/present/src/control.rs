//! What it may do by itself, and what people stopped.

use wakeman_types::{ControlView, ExecutionMode, HaltSet, ModeSet, Mute};

use crate::{Block, Doc, Line, RenderContext, Style, cause::NAME_LEN_MAX, safe::sanitize};

/// The mode with its origin, a halt, what runs unattended, what is muted.
pub fn control_doc(view: &ControlView, ctx: &RenderContext) -> Doc {
    let mut doc = Doc::bare();
    if let Some(halt) = &view.halt {
        doc = doc.block(Block::Headline(halt_line(halt, ctx)));
    }
    let origin = match &view.set {
        Some(set) => format!(" ({}; the settings say {})", set_by(set, ctx), view.configured),
        None => " (settings)".to_owned(),
    };
    doc = doc.text(Line::new().strong(format!("Mode {}", view.mode)).plain(origin));
    if view.mode == ExecutionMode::Execute {
        doc = doc.text(unattended(view));
    }
    view.mutes.iter().fold(doc, |doc, mute| doc.text(mute_line(mute, ctx)))
}

/// `Halted by ada 14:41: nothing is run until an owner says "resume".`
pub(crate) fn halt_line(halt: &HaltSet, ctx: &RenderContext) -> Line {
    let by = sanitize(halt.by.as_str(), NAME_LEN_MAX);
    let reason = halt.reason.as_ref().map_or_else(String::new, |reason| format!(" ({})", sanitize(reason, 200)));
    let line = Line::new().with(format!("Halted by {by} {}{reason}", ctx.time(halt.at)), Style::Bad);
    line.plain(": nothing is run until an owner says \"resume\".")
}

/// `set by ada 14:41`
pub(crate) fn set_by(set: &ModeSet, ctx: &RenderContext) -> String {
    format!("set by {} {}", sanitize(set.by.as_str(), NAME_LEN_MAX), ctx.time(set.at))
}

fn unattended(view: &ControlView) -> Line {
    if view.classes.is_empty() {
        return Line::new().dim("Nothing runs unattended: execute.classes in read-only/settings.json names no class.");
    }
    let classes: Vec<String> = view.classes.iter().map(|class| sanitize(class, NAME_LEN_MAX)).collect();
    Line::new().plain(format!("Unattended: {}, each at most {} times an hour.", classes.join(", "), view.per_hour))
}

/// `F-12 muted by ada 14:41 until 16:41`
pub fn mute_line(mute: &Mute, ctx: &RenderContext) -> Line {
    let by = sanitize(mute.by.as_str(), NAME_LEN_MAX);
    let until = match mute.until {
        Some(until) => format!("until {}", ctx.time(until)),
        None => format!("until \"unmute {}\"", mute.finding),
    };
    let line = Line::new().strong(mute.finding.to_string());
    let line = match mute.subject.as_str() {
        "" => line,
        subject => line.plain(" ").outside(sanitize(subject, NAME_LEN_MAX)),
    };
    line.plain(format!(" muted by {by} {} {until}", ctx.time(mute.at)))
}
