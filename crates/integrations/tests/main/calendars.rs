//! Calendars: files of the instance and addresses, in every way they can be wrong.

use std::time::Duration;

use serde_json::json;
use wakeman_gateway::{
    config::CalendarSource,
    ports::{CALENDAR_BYTES_MAX, CalendarReader},
};
use wakeman_integrations::{Calendars, Timeouts};

use crate::support::*;

const TEXT: &str = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n";

async fn read(folder: &std::path::Path, source: CalendarSource) -> Result<String, String> {
    let timeouts = Timeouts { answer: Duration::from_millis(600), ..Timeouts::default() };
    let calendars = Calendars::new(folder.to_owned(), std::slice::from_ref(&source), timeouts).expect("an adapter");
    calendars.read(&source).await.map_err(|trouble| trouble.to_string())
}

#[tokio::test]
async fn a_file_is_read_whole_or_not_at_all() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = |name: &str| CalendarSource::File(name.to_owned());
    std::fs::write(dir.path().join("ok.ics"), TEXT).expect("written");
    std::fs::write(dir.path().join("old.ics"), b"SUMMARY:M\xfcnchen").expect("written");
    std::fs::write(dir.path().join("long.ics"), vec![b'x'; CALENDAR_BYTES_MAX + 1]).expect("written");
    assert_eq!(read(dir.path(), file("ok.ics")).await, Ok(TEXT.to_owned()));
    assert_eq!(read(dir.path(), file("old.ics")).await, Ok("SUMMARY:M\u{fffd}nchen".to_owned()));
    let table = [
        ("long.ics", "more than 1 MiB; export a shorter time, or fewer entries"),
        ("none.ics", "not there; put the file there or take it out of settings.json"),
    ];
    for (name, want) in table {
        assert_eq!(read(dir.path(), file(name)).await, Err(want.to_owned()), "{name}");
    }
}

#[tokio::test]
async fn an_address_answers_within_its_limits_or_says_why_not_without_its_secret() {
    let folder = std::path::Path::new("/nowhere");
    let text = |status, body: &str| Say::Text(status, "text/calendar", body.to_owned());
    let elsewhere = Say::Tagged(302, json!({}), vec![("location", "http://127.0.0.1:1/".to_owned())]);
    let table = [
        (text(200, TEXT), Ok(TEXT)),
        (text(404, ""), Err("answered 404; open its address in a browser")),
        (elsewhere, Err("answered 302; redirects are not followed")),
        (text(200, &"x".repeat(CALENDAR_BYTES_MAX + 1)), Err("more than 1 MiB")),
        (Say::Truncated(200), Err("no connection, or it broke")),
        (Say::Drop, Err("no connection, or it broke")),
        (Say::Hang, Err("no answer within 0.6 s")),
    ];
    for (say, want) in table {
        let fake = Fake::always(say.clone()).await;
        let got = read(folder, CalendarSource::Url(format!("{}/secret-4711/me.ics", fake.address))).await;
        match (got, want) {
            (Ok(got), want) => assert_eq!(Ok(got.as_str()), want),
            (Err(got), want) => {
                assert!(got.starts_with(want.expect_err("no answer")) && !got.contains("4711"), "{say:?}: {got}");
            }
        }
        assert_eq!(fake.calls(), 1, "{say:?}");
    }
}
