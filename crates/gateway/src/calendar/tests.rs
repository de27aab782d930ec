//! What calendars of the usual programs say, by table, and that no text panics or takes for ever.

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use wakeman_types::{DAY_MS, Timestamp};

use super::{Taken, held, read};

const BERLIN: chrono_tz::Tz = chrono_tz::Tz::Europe__Berlin;

fn at(text: &str) -> Timestamp {
    Timestamp::from_ms(text.parse::<DateTime<Utc>>().unwrap().timestamp_millis())
}

fn calendar(events: &str) -> String {
    let lines: Vec<&str> = events.lines().map(str::trim).collect();
    let zone = "BEGIN:VTIMEZONE\r\nTZID:W. Europe Standard Time\r\nX-LIC-LOCATION:Europe/Berlin\r\nEND:VTIMEZONE";
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{zone}\r\n{}\r\nEND:VCALENDAR\r\n", lines.join("\r\n"))
}

fn event(lines: &str) -> String {
    calendar(&format!("BEGIN:VEVENT\nUID:1\n{lines}\nEND:VEVENT"))
}

/// In ten days from Monday 2026-04-20, 00:00 UTC: `04-20T07:00–04-20T08:00`, by the clock of Berlin in UTC.
fn taken(text: &str) -> Vec<String> {
    let (from, until) = (at("2026-04-20T00:00:00Z"), at("2026-04-30T00:00:00Z"));
    let found = read(text, from, until).unwrap();
    let show = |ms: i64, local: bool| {
        let naive = DateTime::from_timestamp_millis(ms).unwrap().naive_utc();
        let at = if local { super::instant_of(naive, BERLIN).unwrap().ms() } else { ms };
        DateTime::from_timestamp_millis(at).unwrap().format("%m-%dT%H:%M").to_string()
    };
    found.taken.iter().map(|one| format!("{}–{}", show(one.from_ms, one.local), show(one.to_ms, one.local))).collect()
}

#[test]
fn entries_and_their_repetitions_are_where_the_owner_sees_them() {
    let table: [(&str, &[&str]); 15] = [
        // A whole day is one of the operator's zone; without an end it is one.
        ("DTSTART;VALUE=DATE:20260501\nDTEND;VALUE=DATE:20260502", &[]),
        ("DTSTART;VALUE=DATE:20260421\nDTEND;VALUE=DATE:20260423", &["04-20T22:00–04-22T22:00"]),
        ("DTSTART;VALUE=DATE:20260421", &["04-20T22:00–04-21T22:00"]),
        // A name of its own for the zone; an IANA name; UTC; none.
        (
            "DTSTART;TZID=W. Europe Standard Time:20260420T090000\nDTEND;TZID=W. Europe Standard Time:20260420T100000",
            &["04-20T07:00–04-20T08:00"],
        ),
        ("DTSTART;TZID=America/New_York:20260420T090000\nDURATION:PT90M", &["04-20T13:00–04-20T14:30"]),
        ("DTSTART:20260420T090000Z\nDTEND:20260420T100000Z", &["04-20T09:00–04-20T10:00"]),
        ("DTSTART:20260420T090000\nDTEND:20260420T100000", &["04-20T07:00–04-20T08:00"]),
        // A time of day without an end lasts no time.
        ("DTSTART:20260420T090000Z", &[]),
        // Holidays: every year, for ever.
        ("DTSTART;VALUE=DATE:20000425\nRRULE:FREQ=YEARLY", &["04-24T22:00–04-25T22:00"]),
        // Across the change of clocks it stays at nine; one is left out.
        (
            "DTSTART;TZID=Europe/Berlin:20260119T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE\n\
             EXDATE;TZID=Europe/Berlin:20260422T090000",
            &["04-20T07:00–04-20T08:00", "04-27T07:00–04-27T08:00", "04-29T07:00–04-29T08:00"],
        ),
        (
            "DTSTART:20260418T220000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=4",
            &["04-20T22:00–04-20T23:00", "04-21T22:00–04-21T23:00"],
        ),
        // The end in UTC is the start of the last one by the clock of the zone, which still takes place.
        (
            "DTSTART;TZID=Europe/Berlin:20260401T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20260421T070000Z",
            &["04-20T07:00–04-20T08:00", "04-21T07:00–04-21T08:00"],
        ),
        (
            "DTSTART;TZID=Europe/Berlin:20260401T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20260420",
            &["04-20T07:00–04-20T08:00"],
        ),
        (
            "DTSTART;VALUE=DATE:20260418\nRRULE:FREQ=DAILY;UNTIL=20260421",
            &["04-19T22:00–04-20T22:00", "04-20T22:00–04-21T22:00"],
        ),
        ("DTSTART:20200101T000000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;UNTIL=20210101T000000Z", &[]),
    ];
    for (lines, want) in table {
        assert_eq!(taken(&event(lines)), want, "{lines}");
    }
}

#[test]
fn an_exception_moves_or_cancels_its_own_day_and_no_other_entrys() {
    let text = calendar(
        "BEGIN:VEVENT\nUID:1\nSEQUENCE:0\nDTSTART;TZID=Europe/Berlin:20260420T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3\nEND:VEVENT
         BEGIN:VEVENT\nUID:1\nSEQUENCE:2\nRECURRENCE-ID;TZID=Europe/Berlin:20260421T090000\nDTSTART;TZID=Europe/Berlin:20260421T120000\nDURATION:PT1H\nEND:VEVENT
         BEGIN:VEVENT\nUID:1\nSEQUENCE:3\nSTATUS:CANCELLED\nRECURRENCE-ID;TZID=Europe/Berlin:20260422T090000\nDTSTART;TZID=Europe/Berlin:20260422T090000\nDURATION:PT1H\nEND:VEVENT
         BEGIN:VEVENT\nUID:2\nDTSTART;TZID=Europe/Berlin:20260421T090000\nDURATION:PT30M\nRRULE:FREQ=DAILY;COUNT=2\nEND:VEVENT",
    );
    assert_eq!(
        taken(&text),
        ["04-20T07:00–04-20T08:00", "04-21T07:00–04-21T07:30", "04-21T10:00–04-21T11:00", "04-22T07:00–04-22T07:30",]
    );
}

#[test]
fn what_is_free_or_cancelled_is_told_apart() {
    let free = event("DTSTART;VALUE=DATE:20260421\nTRANSP:TRANSPARENT");
    let found = read(&free, at("2026-04-20T00:00:00Z"), at("2026-04-30T00:00:00Z")).unwrap();
    assert_eq!(
        found.taken.iter().map(|one| (one.free, one.all_day, one.local)).collect::<Vec<_>>(),
        [(true, true, true)]
    );
    assert_eq!(taken(&event("DTSTART;VALUE=DATE:20260421\nSTATUS:CANCELLED")), [""; 0]);
    let todo = calendar("BEGIN:VTODO\nUID:1\nDTSTART:20260421T090000Z\nDUE:20260421T100000Z\nEND:VTODO");
    assert_eq!(taken(&todo), [""; 0]);
}

#[test]
fn a_day_ends_by_the_operators_clock() {
    let day = Taken {
        from_ms: at("2026-04-21T00:00:00Z").ms(),
        to_ms: at("2026-04-22T00:00:00Z").ms(),
        local: true,
        all_day: true,
        free: false,
    };
    let table = [
        (BERLIN, "2026-04-20T21:59:00Z", None),
        (BERLIN, "2026-04-20T22:00:00Z", Some("2026-04-21T22:00:00Z")),
        (BERLIN, "2026-04-21T22:00:00Z", None),
        (chrono_tz::Tz::Pacific__Auckland, "2026-04-20T12:00:00Z", Some("2026-04-21T12:00:00Z")),
        (chrono_tz::Tz::America__Los_Angeles, "2026-04-22T06:59:00Z", Some("2026-04-22T07:00:00Z")),
    ];
    for (zone, now, want) in table {
        assert_eq!(held(&day, zone, at(now)).map(|(_, to)| to), want.map(at), "{zone} {now}");
    }
}

#[test]
fn what_is_no_calendar_or_too_much_is_named_with_the_remedy() {
    let (from, until) = (at("2026-04-20T00:00:00Z"), at("2026-07-20T00:00:00Z"));
    for text in ["", "<html>Sign in</html>", "{}", "BEGIN:VCARD\r\nEND:VCARD\r\n"] {
        assert_eq!(read(text, from, until).unwrap_err(), "not a calendar; export it as ICS (iCalendar)", "{text}");
    }
    let rare = event("DTSTART:19700101T000000Z\nDURATION:PT1S\nRRULE:FREQ=SECONDLY");
    assert_eq!(read(&rare, from, until).unwrap_err(), "too many repetitions; export a shorter time");
    let many = event("DTSTART:20260420T000000Z\nDURATION:PT10S\nRRULE:FREQ=HOURLY");
    assert!(read(&many, from, until).unwrap_err().starts_with("more than 2000 entries"));
    // One that is broken spoils nothing else.
    let text = calendar(
        "BEGIN:VEVENT\nUID:1\nDTSTART:yesterday\nEND:VEVENT\nBEGIN:VEVENT\nUID:2\nDTSTART;VALUE=DATE:20260421\nEND:VEVENT",
    );
    assert_eq!(taken(&text).len(), 1);
}

#[test]
fn entries_that_nobody_understands_are_counted() {
    let (from, until) = (at("2026-04-20T00:00:00Z"), at("2026-07-20T00:00:00Z"));
    let hour = "DTSTART:20260421T090000Z\nDURATION:PT1H";
    let table = [
        ("DTSTART;VALUE=DATE:20260421".to_owned(), "1 entry near today"),
        ("DTSTART;VALUE=DATE:20260421\nRRULE:FREQ=DAILY;COUNT=2".to_owned(), "2 entries near today"),
        // Series whose rules contradict themselves.
        (format!("{hour}\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=99"), "0 entries near today, 1 not understood"),
        (format!("{hour}\nRRULE:FREQ=WEEKLY;BYMONTHDAY=3"), "0 entries near today, 1 not understood"),
        ("DTSTART:yesterday".to_owned(), "0 entries near today, 1 not understood"),
        (format!("{hour}\nSTATUS:CANCELLED\nRRULE:FREQ=WEEKLY;BYMONTHDAY=3"), "0 entries near today"),
        // One that begins after the time that is looked at is understood.
        ("DTSTART:20270421T090000Z\nDURATION:PT1H\nRRULE:FREQ=YEARLY".to_owned(), "0 entries near today"),
        ("DTSTART;VALUE=DATE:20260720\nRRULE:FREQ=YEARLY".to_owned(), "0 entries near today"),
    ];
    for (lines, want) in table {
        assert_eq!(read(&event(&lines), from, until).unwrap().to_string(), want, "{lines}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_panics(
        lines in prop::collection::vec("(BEGIN|END):(VEVENT|VCALENDAR|VTIMEZONE)|(DTSTART|DTEND|EXDATE|RDATE|RECURRENCE-ID)(;VALUE=DATE|;TZID=Europe/Berlin)?:[0-9]{8}(T[0-9]{6}Z?)?|RRULE:FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(;COUNT=[0-9]{1,3})?(;INTERVAL=[0-9]{1,5})?(;BYDAY=(MO|-1SU|53FR))?(;BYMONTHDAY=-?[0-9]{1,2})?(;UNTIL=[0-9]{8})?|UID:[12]|DURATION:-?P[0-9]{1,9}[DW]|\\PC{0,30}", 0..24),
    ) {
        let text = format!("BEGIN:VCALENDAR\r\n{}\r\nEND:VCALENDAR\r\n", lines.join("\r\n"));
        let from = at("2026-04-20T00:00:00Z");
        let _ = read(&text, from, from.plus_ms(90 * DAY_MS));
    }
}
