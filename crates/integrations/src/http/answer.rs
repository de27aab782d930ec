//! Reading answers: strict where we rely on a field, silent about the rest.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _};
use serde_json::Value;
use wakeman_gateway::{Mismatch, decode};
use wakeman_types::{DAY_MS, Timestamp};

use super::Failure;

/// Longest piece of a service's own words that is passed on.
const WORDS_MAX: usize = 240;

/// An instant as services write it: RFC 3339, with a space for the `T` or without a zone (then UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At(pub(crate) Timestamp);

impl At {
    pub(crate) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let instant = DateTime::parse_from_rfc3339(text)
            .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%:z"))
            .map(|at| at.timestamp_millis())
            .or_else(|_| {
                NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
                    .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f"))
                    .map(|at| at.and_utc().timestamp_millis())
            });
        instant.ok().map(|ms| Self(Timestamp::from_ms(ms)))
    }
}

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::read(&text).ok_or_else(|| D::Error::custom(format!("\"{}\" is not a time", short(&text))))
    }
}

/// The instant in RFC 3339, UTC, milliseconds only where there are some.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    let digits = if at.ms().rem_euclid(1000) == 0 { SecondsFormat::Secs } else { SecondsFormat::Millis };
    DateTime::<Utc>::from_timestamp_millis(at.ms()).unwrap_or_default().to_rfc3339_opts(digits, true)
}

/// A service's words on one line: control characters out, spaces collapsed, cut.
pub(crate) fn short(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > WORDS_MAX {
            return line.chars().take(WORDS_MAX).chain(['…']).collect();
        }
    }
    line
}

/// Whether this is a web page: a wrong address, a proxy, a login form.
pub(crate) fn is_html(headers: &HeaderMap, body: &[u8]) -> bool {
    let says_so = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"));
    says_so || body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| *byte == b'<')
}

/// Reads `body` as the answer called `what`; a mismatch names the field.
pub(crate) fn parse<T: DeserializeOwned>(what: &str, body: &[u8]) -> Result<T, Failure> {
    let mut from = serde_json::Deserializer::from_slice(body);
    let parsed = decode(&mut from).map_err(|error| mismatch(what, &error))?;
    from.end().map_err(|error| Failure::Shape { reason: format!("{what}: {}", short(&error.to_string())) })?;
    Ok(parsed)
}

/// The same for a value that is already JSON.
pub(crate) fn parse_value<T: DeserializeOwned>(what: &str, value: Value) -> Result<T, Failure> {
    decode(value).map_err(|error| mismatch(what, &error))
}

fn mismatch(what: &str, error: &Mismatch) -> Failure {
    let path = error.path.to_string();
    let inner = short(&without_value(error.reason.clone()));
    let reason = if path == "." { format!("{what}: {inner}") } else { format!("{what}: `{path}`: {inner}") };
    Failure::Shape { reason }
}

/// The parser's words without the text it found: that may be anybody's.
fn without_value(mut words: String) -> String {
    if let (Some(start), Some(end)) = (words.find("string \""), words.rfind("\", expected")) {
        words.replace_range(start + "string ".len()..=end, "…");
    }
    words
}

/// The longest wait that is honoured: a service that errs, or a clock that does, must not stop us until a restart.
const WAIT_MS_MAX: i64 = DAY_MS;

/// How long `Retry-After` asks to wait: seconds, or a date; a day at most.
pub(crate) fn retry_after_ms(headers: &HeaderMap, now: Timestamp) -> Option<i64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds.is_finite() && seconds >= 0.0).then(|| ((seconds * 1000.0).ceil() as i64).min(WAIT_MS_MAX));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some(Timestamp::from_ms(date.timestamp_millis()).since(now).clamp(0, WAIT_MS_MAX))
}

/// The service's own clock, as its `Date` header tells it.
pub(crate) fn date_header(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(DATE)?.to_str().ok()?;
    DateTime::parse_from_rfc2822(text).ok().map(|at| Timestamp::from_ms(at.timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;
    use serde::Deserialize;

    use super::*;

    #[test]
    fn times_are_read_however_they_are_written() {
        for text in [
            "2026-01-05T08:00:00Z",
            "2026-01-05T09:00:00+01:00",
            "2026-01-05T08:00:00.000000Z",
            "2026-01-05 08:00:00+00:00",
            "2026-01-05T08:00:00",
            " 2026-01-05 08:00:00.000 ",
        ] {
            assert_eq!(At::read(text).map(|at| rfc3339(at.0)).as_deref(), Some("2026-01-05T08:00:00Z"), "{text}");
        }
        assert_eq!(At::read("yesterday"), None);
    }

    #[test]
    fn a_mismatch_names_the_field() {
        #[derive(Debug, Deserialize)]
        struct Inner {
            #[allow(dead_code)]
            version: u64,
        }
        #[derive(Debug, Deserialize)]
        struct Outer {
            #[allow(dead_code)]
            results: Vec<Inner>,
        }
        let reason = |body: &str| match parse::<Outer>("flag list", body.as_bytes()) {
            Err(Failure::Shape { reason }) => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            reason(r#"{"results":[{"version":1},{"version":"two"}]}"#),
            "flag list: `results[1].version`: invalid type: string …, expected u64 at line 1 column 42"
        );
        assert!(reason(r#"{"results":[{}]}"#).contains("missing field `version`"));
        assert!(reason(r#"{"results":[]}x"#).contains("trailing characters"));
    }

    #[test]
    fn waiting_times_come_in_seconds_or_as_a_date() {
        let now = Timestamp::from_secs(1_000_000_000);
        let headers = |text: &str| {
            let value = HeaderValue::from_str(text).expect("a header value");
            HeaderMap::from_iter([(RETRY_AFTER, value)])
        };
        assert_eq!(retry_after_ms(&headers("62"), now), Some(62_000));
        assert_eq!(retry_after_ms(&headers("0.5"), now), Some(500));
        assert_eq!(retry_after_ms(&headers("Sun, 09 Sep 2001 01:47:40 GMT"), now), Some(60_000));
        assert_eq!(retry_after_ms(&headers("999999999"), now), Some(86_400_000));
        assert_eq!(retry_after_ms(&headers("1e300"), now), Some(86_400_000));
        assert_eq!(retry_after_ms(&headers("Fri, 31 Dec 9999 23:59:59 GMT"), now), Some(86_400_000));
        assert_eq!(retry_after_ms(&headers("Thu, 01 Jan 1970 00:00:00 GMT"), now), Some(0));
        assert_eq!(retry_after_ms(&headers("-5"), now), None);
        assert_eq!(retry_after_ms(&headers("soon"), now), None);
        assert_eq!(retry_after_ms(&HeaderMap::new(), now), None);
    }

    #[test]
    fn words_of_a_service_fit_on_a_line() {
        assert_eq!(short("a\u{1b}[31m\n  b\tc"), "a [31m b c");
        assert_eq!(short(&"long ".repeat(100)).chars().count(), WORDS_MAX + 1);
    }
}
