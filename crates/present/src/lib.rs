//! The wording of every message a person sees, once, for every surface.
//!
//! Owns: the words and numbers of view models, the operator's verbs, what makes outside text safe to show, charts as text.
//! Must not: do I/O, read a clock or a zone from anywhere but its arguments, know a platform's markup anywhere but in its own module.
//! Start at [`doc`] for a view model, at [`Doc`] for what a surface renders, at [`parse_verb`] for what an operator types.
#![warn(missing_docs)]

mod answer;
mod brief;
mod cause;
mod chart;
mod check;
mod context;
mod control;
mod details;
pub mod discord;
mod doc;
mod finding;
mod learnt;
mod lists;
mod nearest;
mod notice;
mod number;
mod plain;
#[cfg(feature = "png")]
mod png;
mod proposal;
mod ranking;
mod recovery;
mod safe;
mod settled;
mod split;
mod status;
mod table;
pub mod telegram;
mod thread;
mod tip;
mod verb;
mod wakeup;
mod why;

use wakeman_types::{Delivery, View};

pub use answer::{answer_doc, answer_footer};
pub use brief::brief_doc;
pub use chart::{
    CellRole, Chart, ChartCell, ChartMark, TimeTick, ValueTick, Window, braille_chart, chart_alt, sparkline,
};
pub use check::{check_words, recovered_words};
pub use context::{RenderContext, ZoneError, parse_zone};
pub use control::{control_doc, mute_line};
pub use details::{DETAILS_LEN_MAX, details_doc, written_len};
pub use doc::{Block, Button, Doc, Frame, Line, Span, Style, Tone};
pub use finding::{feedback_line, finding_doc, headline, standing_line, subject_name};
pub use learnt::{features_doc, learnt_stats_doc, scores_doc};
pub use lists::{findings_table, proposals_table, threads_table};
pub use notice::{SENT_AGAIN, ask_reason_doc, digest_doc, model_note_doc, notice_doc, source_doc, storm_doc};
pub use number::{probability, span};
pub use plain::plain;
#[cfg(feature = "png")]
pub use png::{ChartImage, IMAGE_HEIGHT, IMAGE_WIDTH, Theme, chart_image, chart_png};
pub use proposal::proposal_doc;
pub use ranking::{forgotten_line, promotion_line, ranking_chat_doc, ranking_doc, reset_line, rolled_back_line};
pub use recovery::recovery_doc;
pub use safe::{exact, sanitize, sanitize_lines, sanitize_piece, visible};
pub use settled::{settled_doc, settled_line};
pub use split::{Piece, pieces, split, utf16_len};
pub use status::{pairing_line, proper_name, status_doc, whoami_doc};
pub use table::{Align, Column, Table};
pub use thread::thread_doc;
pub use tip::{prompt_stats_doc, tip_doc, tip_view_doc, tip_why_doc};
pub use verb::{
    DURATION_MS_MAX, Part, RankingWord, Verb, VerbError, chat_words, help_doc, parse_duration, parse_verb, verb_words,
    with_slash,
};
pub use wakeup::{occurrences_table, wakeups_table};
pub use why::why_doc;

/// What a surface shows of a message that it was handed: its words, and where it was owed first.
pub fn delivery_doc(delivery: &Delivery, ctx: &RenderContext) -> Doc {
    let words = doc(&delivery.view, ctx);
    match delivery.instead_of {
        Some(channel) => words.block(Block::Text(Line::new().dim(notice::instead_of(channel)))),
        None => words,
    }
}

/// Words any view model that can be delivered.
pub fn doc(view: &View, ctx: &RenderContext) -> Doc {
    match view {
        View::Finding(view) => finding_doc(view, ctx),
        View::Recovery(view) => recovery_doc(view, ctx),
        View::Proposal(view) => proposal_doc(&view.proposal, ctx),
        View::Settled(view) => settled_doc(view, ctx),
        View::Source(view) => source_doc(view, ctx),
        View::Digest(view) => digest_doc(view, ctx),
        View::Brief(view) => brief_doc(view, ctx),
        View::Tip(view) => tip_view_doc(view, ctx),
        View::Storm(view) => storm_doc(view, ctx),
        View::Notice(view) => notice_doc(view),
        View::ModelNote(view) => model_note_doc(view),
        View::AskReason(view) => ask_reason_doc(view),
        View::Status(view) => status_doc(view, ctx),
        View::Findings(page) => findings_table(&page.items, ctx),
        View::Proposals(page) => proposals_table(&page.items, ctx),
        View::Details(view) => details_doc(&view.proposal, ctx),
        View::Why(view) => why_doc(view, ctx),
        View::TipWhy(view) => tip_why_doc(view, ctx),
        View::Control(view) => control_doc(view, ctx),
        View::Ranking(view) => ranking_chat_doc(view),
        View::Wakeups(view) => wakeups_table(&view.items, ctx),
        View::Occurrences(page) => occurrences_table(&page.items, ctx),
        View::Threads(page) => threads_table(&page.items, ctx),
        View::Thread(view) => thread_doc(view, ctx),
        View::Whoami(view) => whoami_doc(view),
        View::Help => help_doc(),
        View::Answer(view) => answer_doc(view),
    }
}
