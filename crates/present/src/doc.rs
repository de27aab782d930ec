//! What a surface renders: lines of styled spans, with slots for a chart, a table and buttons.

use crate::{Chart, Table, Verb, safe::sanitize};

/// Characters of what a button would do.
const PRESSING_LEN_MAX: usize = 160;

/// The mood of a whole message: decides its mark and the colour of its edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tone {
    /// 🔴 Wakes people.
    Critical,
    /// 🟠 Worth a look today.
    Warning,
    /// 🟢 Came back.
    Good,
    /// ⚪ Can wait for the digest.
    Quiet,
    /// ⏳ Waits for a decision.
    Awaiting,
    /// No mark.
    Plain,
}

impl Tone {
    /// The one mark of a message, empty for [`Tone::Plain`]. These five are the only emoji ever shown.
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Critical => "🔴",
            Self::Warning => "🟠",
            Self::Good => "🟢",
            Self::Quiet => "⚪",
            Self::Awaiting => "⏳",
            Self::Plain => "",
        }
    }
}

/// How a span is meant; each surface decides how that looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Style {
    /// Running text.
    Plain,
    /// What the eye should find first.
    Strong,
    /// Secondary: ids, ages, notes.
    Dim,
    /// A severity mark; the text is one of [`Tone::mark`].
    Mark(Tone),
    /// A value that is fine.
    Good,
    /// A value that is not.
    Bad,
    /// Text from outside, already made safe; never rendered as markup or as a live link.
    Outside,
    /// Words of a language model, set apart from what code says.
    Model,
}

/// A piece of text with one meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The text, free of control characters and line breaks.
    pub text: String,
    /// How it is meant.
    pub style: Style,
}

/// One logical line; a surface may wrap it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// Its pieces, in order.
    pub spans: Vec<Span>,
}

impl Line {
    /// An empty line to append to.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends `text` in `style`; empty text is dropped.
    pub fn with(mut self, text: impl Into<String>, style: Style) -> Self {
        self.push(text, style);
        self
    }

    /// Appends running text.
    pub fn plain(self, text: impl Into<String>) -> Self {
        self.with(text, Style::Plain)
    }

    /// Appends text the eye should find first.
    pub fn strong(self, text: impl Into<String>) -> Self {
        self.with(text, Style::Strong)
    }

    /// Appends secondary text.
    pub fn dim(self, text: impl Into<String>) -> Self {
        self.with(text, Style::Dim)
    }

    /// Appends outside text, which must come from [`crate::sanitize`].
    pub fn outside(self, text: impl Into<String>) -> Self {
        self.with(text, Style::Outside)
    }

    /// Appends the mark of `tone` and a space; nothing for [`Tone::Plain`].
    pub fn mark(self, tone: Tone) -> Self {
        let marked = self.with(tone.mark(), Style::Mark(tone));
        if tone == Tone::Plain { marked } else { marked.plain(" ") }
    }

    /// Appends every span of `other`.
    pub fn join(mut self, other: Self) -> Self {
        self.spans.extend(other.spans);
        self
    }

    /// Appends `text` in `style` in place.
    pub fn push(&mut self, text: impl Into<String>, style: Style) {
        let text = text.into();
        if !text.is_empty() {
            self.spans.push(Span { text, style });
        }
    }

    /// The text alone.
    pub fn text(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// `lines` as one line with `separator` between them.
    pub fn joined(lines: impl IntoIterator<Item = Self>, separator: &str) -> Self {
        lines
            .into_iter()
            .filter(|line| !line.is_empty())
            .fold(Self::new(), |all, line| if all.is_empty() { line } else { all.plain(separator).join(line) })
    }
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Self::new().plain(text)
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self::new().plain(text)
    }
}

/// One part of a message, from top to bottom.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// The line that decides whether the next is read.
    Headline(Line),
    /// A line of the body.
    Text(Line),
    /// A line under the one above, `  · …`.
    Bullet(Line),
    /// A line that belongs to the one above, set in.
    Indented(Line),
    /// One step of a plan.
    Step {
        /// From 1.
        number: usize,
        /// What happens.
        text: Line,
        /// The condition it depends on; may be empty.
        note: Line,
    },
    /// A picture of the numbers; plain text leaves it out.
    Chart(Box<Chart>),
    /// Rows with aligned columns.
    Table(Table),
    /// A blank line.
    Gap,
}

/// What a tap or a key does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// What it says: `Approve`.
    pub label: String,
    /// The key it answers to in a terminal: one lower-case letter, unique in the message.
    pub key: char,
    /// What it asks the gateway for.
    pub verb: Verb,
}

impl Button {
    /// A button that does `verb`.
    pub fn new(label: impl Into<String>, key: char, verb: Verb) -> Self {
        Self { label: label.into(), key, verb }
    }
}

/// Whether a message stands on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Frame {
    /// One thing, set off from what is around it.
    Card,
    /// Lines in the flow of a terminal or chat.
    Bare,
}

/// One message, worded and structured, in no platform's markup.
#[derive(Debug, Clone, PartialEq)]
pub struct Doc {
    /// Its mood.
    pub tone: Tone,
    /// Whether it stands on its own.
    pub frame: Frame,
    /// Its parts, from top to bottom.
    pub blocks: Vec<Block>,
    /// What can be done from here.
    pub buttons: Vec<Button>,
    /// The last, dim line: ids.
    pub footer: Option<Line>,
}

impl Doc {
    /// An empty card.
    pub fn card(tone: Tone) -> Self {
        Self { tone, frame: Frame::Card, blocks: Vec::new(), buttons: Vec::new(), footer: None }
    }

    /// An empty message in the flow.
    pub fn bare() -> Self {
        Self { tone: Tone::Plain, frame: Frame::Bare, blocks: Vec::new(), buttons: Vec::new(), footer: None }
    }

    /// Appends the headline with the message's mark before it.
    pub fn headline(mut self, line: impl Into<Line>) -> Self {
        let marked = Line::new().mark(self.tone).join(line.into());
        self.blocks.push(Block::Headline(marked));
        self
    }

    /// Appends a line of the body; an empty one is dropped.
    pub fn text(mut self, line: impl Into<Line>) -> Self {
        let line = line.into();
        if !line.is_empty() {
            self.blocks.push(Block::Text(line));
        }
        self
    }

    /// Appends a bullet.
    pub fn bullet(mut self, line: impl Into<Line>) -> Self {
        self.blocks.push(Block::Bullet(line.into()));
        self
    }

    /// Appends a blank line unless one is there or nothing is.
    pub fn gap(mut self) -> Self {
        if !matches!(self.blocks.last(), None | Some(Block::Gap)) {
            self.blocks.push(Block::Gap);
        }
        self
    }

    /// Appends any block.
    pub fn block(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }

    /// Appends a button.
    pub fn button(mut self, button: Button) -> Self {
        self.buttons.push(button);
        self
    }

    /// Sets the last line.
    pub fn footer(mut self, line: impl Into<String>) -> Self {
        self.footer = Some(Line::new().dim(line));
        self
    }

    /// What one of its buttons would do, in one line: `Approve · P-31 for F-128 · digest 4f9a1c22e07b`.
    pub fn pressing(&self, button: &Button) -> String {
        let about = self.footer.as_ref().map(Line::text);
        let digest = match &button.verb {
            Verb::Approve { digest: Some(digest), .. } => Some(format!("digest {digest}")),
            _ => None,
        };
        let parts = [Some(button.label.clone()), about, digest].into_iter().flatten();
        sanitize(&parts.collect::<Vec<_>>().join(" · "), PRESSING_LEN_MAX)
    }
}
