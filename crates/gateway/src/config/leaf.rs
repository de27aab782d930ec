//! Single values: how each is written, and what is said of one that is not.
//!
//! Every reader here turns text into a value or into the sentence "… is not a …; write it like …".

use std::{fmt, marker::PhantomData};

use chrono_tz::{TZ_VARIANTS, Tz};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};
use wakeman_types::{Channel, ExecutionMode, MetricKind, OperatorId, Principal, PrincipalError, Role, Severity};

use super::{duration::parse_duration_ms, explain::quote};

/// A value written as one JSON string.
pub(crate) trait Leaf: Sized {
    /// `a duration; write it like "30m"`.
    const WANTED: &'static str;

    /// The value, or why the text is none; `Err(None)`: the usual sentence will do.
    fn read(text: &str) -> Result<Self, Option<String>>;
}

/// Reads a [`Leaf`] wherever serde expects a value.
pub(crate) struct Read<T>(pub T);

impl<'de, T: Leaf> Deserialize<'de> for Read<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text<T>(PhantomData<T>);
        impl<T: Leaf> de::Visitor<'_> for Text<T> {
            type Value = T;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::WANTED)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
                T::read(text)
                    .map_err(|why| E::custom(why.unwrap_or_else(|| format!("{} is not {}", quote(text), T::WANTED))))
            }
        }
        from.deserialize_str(Text(PhantomData)).map(Read)
    }
}

pub(crate) fn one<'de, D: Deserializer<'de>, T: Leaf>(from: D) -> Result<T, D::Error> {
    Read::deserialize(from).map(|read| read.0)
}

pub(crate) fn some<'de, D: Deserializer<'de>, T: Leaf>(from: D) -> Result<Option<T>, D::Error> {
    one(from).map(Some)
}

pub(crate) fn list<'de, D: Deserializer<'de>, T: Leaf>(from: D) -> Result<Vec<T>, D::Error> {
    Ok(Vec::<Read<T>>::deserialize(from)?.into_iter().map(|read| read.0).collect())
}

pub(crate) fn some_list<'de, D: Deserializer<'de>, T: Leaf>(from: D) -> Result<Option<Vec<T>>, D::Error> {
    list(from).map(Some)
}

fn named<T: Copy>(text: &str, names: &[(&str, T)]) -> Result<T, Option<String>> {
    names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
        let all: Vec<_> = names.iter().map(|(name, _)| *name).collect();
        Some(format!("{} is not one of {}", quote(text), all.join(", ")))
    })
}

impl Leaf for ExecutionMode {
    const WANTED: &'static str = "a mode; write observe, propose or execute in quotes";
    fn read(text: &str) -> Result<Self, Option<String>> {
        named(text, &[("observe", Self::Observe), ("propose", Self::Propose), ("execute", Self::Execute)])
    }
}

/// Whether a patch may touch what runs in CI, what decides which packages are installed, and who must review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProtectedPaths {
    /// No patch may.
    #[default]
    Never,
    /// One that an owner approves may.
    Owner,
}

impl Leaf for ProtectedPaths {
    const WANTED: &'static str = "who may let a patch touch protected paths; write never or owner in quotes";
    fn read(text: &str) -> Result<Self, Option<String>> {
        named(text, &[("never", Self::Never), ("owner", Self::Owner)])
    }
}

/// What a message is about, for a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RouteKind {
    /// A finding, what becomes of it, many at once, a model's note about it.
    Finding,
    /// A card, and what becomes of it.
    Proposal,
    /// A source that went silent or is back.
    Source,
    /// What did not interrupt.
    Digest,
    /// What a wakeup tells, tips too.
    Brief,
    /// Anything else that Wakeman says of itself.
    Notice,
}

impl Leaf for RouteKind {
    const WANTED: &'static str = "what a message is about; write it like \"finding\"";
    fn read(text: &str) -> Result<Self, Option<String>> {
        let names = [
            ("finding", Self::Finding),
            ("proposal", Self::Proposal),
            ("source", Self::Source),
            ("digest", Self::Digest),
            ("brief", Self::Brief),
            ("notice", Self::Notice),
        ];
        named(text, &names)
    }
}

/// A length of time, written like `30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(with = "String")]
pub struct DurationMs(i64);

impl DurationMs {
    /// A duration of so many milliseconds.
    pub const fn new(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds; above 0.
    pub const fn ms(self) -> i64 {
        self.0
    }
}

impl Leaf for DurationMs {
    const WANTED: &'static str = "a duration; write it like \"30m\"";
    fn read(text: &str) -> Result<Self, Option<String>> {
        parse_duration_ms(text).map(Self).ok_or(None)
    }
}

/// A base URL with scheme `http` or `https`, without a slash at the end, credentials, query or fragment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(with = "String")]
pub struct HttpUrl(String);

impl HttpUrl {
    /// Checks and trims `text`; `None` when it is not such a URL.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let host = rest.split('/').next().unwrap_or_default();
        let clean = text.bytes().all(|b| b.is_ascii_graphic()) && !rest.contains(['?', '#', '\\', '"', '<', '>']);
        let named = host.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'[');
        (clean && named && !host.contains('@')).then(|| Self(text.trim_end_matches('/').to_owned()))
    }

    /// The URL, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Leaf for HttpUrl {
    const WANTED: &'static str = "a web address; write it like \"https://eu.posthog.com\"";
    fn read(text: &str) -> Result<Self, Option<String>> {
        Self::parse(text).ok_or(None)
    }
}

/// A repository: `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(with = "String")]
pub struct Repository {
    /// The account or organisation.
    pub owner: String,
    /// The repository's name there.
    pub name: String,
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl Leaf for Repository {
    const WANTED: &'static str = "a repository; write it like \"acme/app\"";
    fn read(text: &str) -> Result<Self, Option<String>> {
        let word = |part: &str| {
            !matches!(part, "" | "." | "..")
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        };
        match text.split_once('/') {
            Some((owner, name)) if word(owner) && word(name) => {
                Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
            }
            _ => Err(None),
        }
    }
}

impl Leaf for Tz {
    const WANTED: &'static str = "a timezone; write it like \"Europe/Berlin\"";
    fn read(text: &str) -> Result<Self, Option<String>> {
        text.parse().map_err(|_| {
            // "Berlin" alone is the slip people make.
            let city = |zone: &&Tz| zone.name().rsplit('/').next().is_some_and(|c| c.eq_ignore_ascii_case(text));
            // Etc/GMT+2 is two hours behind, not ahead: nobody who writes GMT+2 means it.
            let mut places = TZ_VARIANTS.iter().filter(|zone| !zone.name().starts_with("Etc/"));
            let close = places.clone().find(|zone| zone.name().eq_ignore_ascii_case(text));
            close
                .or_else(|| places.find(city))
                .map(|zone| format!("{} is not a timezone; did you mean \"{zone}\"?", quote(text)))
        })
    }
}

impl Leaf for Channel {
    const WANTED: &'static str = "a channel; write one of telegram, discord, cli, web, api in quotes";
    fn read(text: &str) -> Result<Self, Option<String>> {
        text.parse().ok().filter(|channel| *channel != Self::System).ok_or_else(|| {
            Some(format!("{} is not a channel; write one of telegram, discord, cli, web, api", quote(text)))
        })
    }
}

impl Leaf for Principal {
    const WANTED: &'static str = "a principal; write it like \"telegram:123456789\" (channel, colon, numeric id)";
    fn read(text: &str) -> Result<Self, Option<String>> {
        let principal: Self = match text.parse() {
            Ok(principal) => principal,
            Err(PrincipalError::Shape(_)) => return Err(None),
            Err(PrincipalError::Channel(name)) => return <Channel as Leaf>::read(&name).and(Err(None)),
        };
        if principal.channel() == Channel::System {
            return Err(Some(format!("{} is Wakeman itself and stands for nobody; remove it", quote(text))));
        }
        if principal.id().len() > 1 && principal.id().starts_with('0') {
            return Err(Some(format!("{} has leading zeros that no channel sends; remove them", quote(text))));
        }
        Ok(principal)
    }
}

impl Leaf for OperatorId {
    const WANTED: &'static str = "an operator's id; write it like \"ada\" (letters, digits, - _ .)";
    fn read(text: &str) -> Result<Self, Option<String>> {
        // `cli:1000` is how an approver list names a local account that no operator lists.
        let local = matches!(text.parse::<Principal>(), Ok(p) if p.channel() == Channel::Cli);
        let word = (1..=64).contains(&text.chars().count())
            && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if word || local { Ok(Self::new(text)) } else { Err(None) }
    }
}

impl Leaf for Role {
    const WANTED: &'static str = "a role; write viewer, approver or owner in quotes";
    fn read(text: &str) -> Result<Self, Option<String>> {
        named(text, &[("viewer", Self::Viewer), ("approver", Self::Approver), ("owner", Self::Owner)])
    }
}

impl Leaf for Severity {
    const WANTED: &'static str = "a severity; write info, warning or critical in quotes";
    fn read(text: &str) -> Result<Self, Option<String>> {
        named(text, &[("info", Self::Info), ("warning", Self::Warning), ("critical", Self::Critical)])
    }
}

impl Leaf for MetricKind {
    const WANTED: &'static str = "a kind of metric; write count, ratio or duration in quotes";
    fn read(text: &str) -> Result<Self, Option<String>> {
        named(text, &[("count", Self::Count), ("ratio", Self::Ratio), ("duration", Self::Duration)])
    }
}
