//! The uses of a model. Only the proxy knows which model an alias is.

use serde::Serialize;

use crate::config::Ai;

/// A use of a model, as prompt files name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alias {
    /// Answers people.
    Chat,
    /// Chooses who answers.
    Router,
    /// Writes tips.
    TipGenerator,
    /// Turns text to vectors.
    Embedder,
    /// Grades answers, offline only.
    Judge,
}

impl Alias {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Chat, Self::Router, Self::TipGenerator, Self::Embedder, Self::Judge];

    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Router => "router",
            Self::TipGenerator => "tip-generator",
            Self::Embedder => "embedder",
            Self::Judge => "judge",
        }
    }

    /// The proxy's name for it, by the settings.
    pub fn at_proxy(self, ai: &Ai) -> &str {
        match self {
            Self::Chat => &ai.aliases.chat,
            Self::Router => &ai.aliases.router,
            Self::TipGenerator => &ai.aliases.tip_generator,
            Self::Embedder => &ai.aliases.embedder,
            Self::Judge => &ai.aliases.judge,
        }
    }

    /// The proxy's name to try when the first fails, by the settings.
    pub fn fallback(self, ai: &Ai) -> Option<&str> {
        let fallback = &ai.fallback;
        match self {
            Self::Chat => &fallback.chat,
            Self::Router => &fallback.router,
            Self::TipGenerator => &fallback.tip_generator,
            Self::Embedder => &fallback.embedder,
            Self::Judge => &fallback.judge,
        }
        .as_deref()
    }
}
