//! Where a calendar is: a file of the instance, or an address.

use std::fmt;

use schemars::JsonSchema;

use super::{explain::quote, leaf::Leaf};

/// The folder that files are read from.
const FOLDER: &str = "read-only/";
/// Longest address and path.
const LEN_MAX: usize = 2_000;

/// An ICS file under `read-only/`, or a web address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(with = "String")]
pub enum CalendarSource {
    /// A path below `read-only/`.
    File(String),
    /// The whole address. Such an address is often secret, so it is shown to nobody.
    Url(String),
}

impl CalendarSource {
    /// As it is written: what tells it from others.
    pub fn as_str(&self) -> &str {
        match self {
            Self::File(text) | Self::Url(text) => text,
        }
    }
}

/// Without what is secret in it: `read-only/holidays.ics`, `the calendar at calendar.example`.
impl fmt::Display for CalendarSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{FOLDER}{path}"),
            Self::Url(url) => write!(f, "the calendar at {}", host(url).unwrap_or("its address")),
        }
    }
}

fn host(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    rest.split(['/', '?', '#']).next().filter(|host| !host.is_empty())
}

/// As an error names it: of what may be an address only its beginning, and never what is secret in it.
fn shown(text: &str) -> String {
    let first = text.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let address = text.contains(['@', ':', '\\', '?', '#']) || is_host(first, text);
    match address && !text.contains("://") {
        true => quote(&format!("{}…", first.rsplit('@').next().unwrap_or_default())),
        false => quote(text),
    }
}

/// Whether the first part of a path reads like the host of an address whose `https://` is missing.
fn is_host(first: &str, path: &str) -> bool {
    first.len() < path.len() && first.contains('.') && !matches!(first, "." | "..")
}

impl Leaf for CalendarSource {
    const WANTED: &'static str = "a calendar; name an ICS file in read-only/ like \"holidays.ics\" or write an address like \
         \"https://calendar.example/holidays.ics\"";

    fn read(text: &str) -> Result<Self, Option<String>> {
        let text = text.trim();
        let wrong = || Some(format!("{} is not {}", shown(text), Self::WANTED));
        if text.is_empty() || text.len() > LEN_MAX || text.chars().any(char::is_control) {
            return Err(wrong());
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            let path = text.strip_prefix(FOLDER).unwrap_or(text);
            let inside = !path.contains('\\') && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
            // Such a path would be shown whole, and be nowhere.
            let host = path.len() == text.len() && path.split('/').next().is_some_and(|first| is_host(first, path));
            return match inside && !host {
                true => Ok(Self::File(path.to_owned())),
                false if host => Err(Some(format!(
                    "{} is not a calendar; write https:// before an address, or {FOLDER} before a file",
                    shown(text)
                ))),
                false => Err(wrong()),
            };
        };
        let url = match scheme {
            "webcal" | "webcals" => format!("https://{rest}"),
            _ => text.to_owned(),
        };
        let host = host(&url).ok_or_else(wrong)?;
        let here = ["127.0.0.1", "localhost", "[::1]"]
            .iter()
            .any(|own| host.strip_prefix(own).is_some_and(|port| port.is_empty() || port.starts_with(':')));
        let private = url.starts_with("https://") || (here && url.starts_with("http://"));
        let clean = url.bytes().all(|b| b.is_ascii_graphic()) && !host.contains('@');
        if private && clean { Ok(Self::Url(url)) } else { Err(wrong()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calendar_is_a_file_of_the_instance_or_an_address_that_is_shown_without_its_secret() {
        let table = [
            ("holidays.ics", "read-only/holidays.ics"),
            ("read-only/team/off.ics", "read-only/team/off.ics"),
            ("https://calendar.example/private-4711/basic.ics?x=1", "the calendar at calendar.example"),
            ("webcal://calendar.example/me.ics", "the calendar at calendar.example"),
            ("http://127.0.0.1:8080/me.ics", "the calendar at 127.0.0.1:8080"),
        ];
        for (text, shown) in table {
            assert_eq!(CalendarSource::read(text).unwrap().to_string(), shown, "{text}");
        }
        for text in [
            "",
            "../settings.json",
            "/etc/passwd",
            "a//b.ics",
            "a\\b.ics",
            "http://calendar.example/me.ics",
            "http://localhost.evil.example/me.ics",
            "https://me:pw@calendar.example/me.ics",
            "file:///etc/passwd",
            "https://",
            "a\nb.ics",
        ] {
            assert!(CalendarSource::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_wrong_address_is_named_without_its_secret() {
        let table = [
            ("http://calendar.example/private-4711/basic.ics", "\"http://calendar.example/…\" is not a calendar; name"),
            ("https://me:4711@calendar.example/me.ics", "\"https://calendar.example/…\" is not a calendar; name"),
            ("https://calendar.example/a b?key=4711", "\"https://calendar.example/…\" is not a calendar; name"),
            ("calendar.example/private-4711/basic.ics", "\"calendar.example…\" is not a calendar; write https://"),
            ("me:4711@calendar.example/me.ics", "\"calendar.example…\" is not a calendar; write https://"),
            ("https:\\\\calendar.example\\4711", "\"https:…\" is not a calendar; name"),
            ("../settings.json", "\"../settings.json\" is not a calendar; name"),
        ];
        for (text, want) in table {
            let said = CalendarSource::read(text).unwrap_err().unwrap();
            assert!(said.starts_with(want) && !said.contains("4711"), "{text}: {said}");
        }
        assert!(CalendarSource::read("read-only/team.d/off.ics").is_ok());
        // Also where a list is wanted, and at the start.
        for busy in ["\"https://calendar.example/private-4711/me.ics\"", "[\"http://calendar.example/private-4711\"]"] {
            let text = format!(
                "{{\"operators\": [{{\"id\": \"ada\", \"role\": \"owner\", \"principals\": [], \"busy\": {busy}}}]}}"
            );
            let said = super::super::parse_settings(&text, "settings.json").unwrap_err().lines().join(" ");
            assert!(said.contains("calendar.example/…") && !said.contains("4711"), "{said}");
        }
    }
}
