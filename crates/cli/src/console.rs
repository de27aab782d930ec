//! A stream of deliveries as an operator at a terminal sees it.

use std::io::{self, Write};

use wakeman_present::{Doc, RenderContext, delivery_doc, sanitize};
use wakeman_types::{Delivery, ThreadId};

use crate::{TermStyle, paint::paint, render, wrap::width_of};

/// Prints deliveries one after the other: each with its time, a rule where the conversation changes.
#[derive(Debug)]
pub struct Console<W> {
    out: W,
    style: TermStyle,
    thread: Option<ThreadId>,
    begun: bool,
}

impl Console<Vec<u8>> {
    /// What was printed since the last time, for whoever passes it on.
    pub fn taken(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }
}

impl<W: Write> Console<W> {
    /// A console that writes to `out`.
    pub fn new(out: W, style: TermStyle) -> Self {
        Self { out, style, thread: None, begun: false }
    }

    /// Prints one delivery and returns the message, for a question about its buttons. `ctx.now` is the time it arrives.
    ///
    /// # Errors
    /// What the output says.
    pub fn print(&mut self, delivery: &Delivery, ctx: &RenderContext) -> io::Result<Doc> {
        let doc = delivery_doc(delivery, ctx);
        let changed = !self.begun || self.thread != delivery.thread;
        let time = ctx.clock(ctx.now);
        let head = match &delivery.thread {
            _ if !changed => time,
            Some(thread) => self.rule(&format!("{time} {}", sanitize(thread.as_str(), 40))),
            None => self.rule(&time),
        };
        let blank = if self.begun { "\n" } else { "" };
        let head = paint(&head, "2", &self.style);
        write!(self.out, "{blank}{head}\n{}", render(&doc, &self.style))?;
        self.out.flush()?;
        self.thread.clone_from(&delivery.thread);
        self.begun = true;
        Ok(doc)
    }

    /// Prints any other message in the flow.
    ///
    /// # Errors
    /// What the output says.
    pub fn say(&mut self, doc: &Doc) -> io::Result<()> {
        write!(self.out, "{}", render(doc, &self.style))?;
        self.out.flush()
    }

    fn rule(&self, text: &str) -> String {
        let bar = if self.style.unicode { "─" } else { "-" };
        format!("{text} {}", bar.repeat(self.style.width.saturating_sub(width_of(text) + 1)))
    }
}
