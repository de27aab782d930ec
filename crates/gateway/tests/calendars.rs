//! Who is away or in a meeting by a calendar is left alone like in their quiet hours.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use futures::future::{BoxFuture, pending};
use serde_json::{Value, json};
use wakeman_gateway::{
    Readers, calendar,
    config::CalendarSource,
    notify,
    ports::{CalendarReader, CalendarTrouble},
    retention,
};
use wakeman_store::Fault as Disk;
use wakeman_types::{DAY_MS, HOUR_MS, Severity, View};

use crate::{
    notify::{issue, routed, sent, words},
    support::{NOW, World, minutes},
};

/// Answers with what is set; those that hang never do.
#[derive(Default)]
struct Fake(Mutex<Option<String>>, Mutex<BTreeSet<String>>);

impl CalendarReader for Fake {
    fn read<'a>(&'a self, source: &'a CalendarSource) -> BoxFuture<'a, Result<String, CalendarTrouble>> {
        if self.1.lock().unwrap().contains(source.as_str()) {
            return Box::pin(pending());
        }
        let text = self.0.lock().unwrap().clone();
        let trouble = move || CalendarTrouble { reason: "no answer".to_owned(), remedy: format!("look at {source}") };
        Box::pin(async move { text.ok_or_else(trouble) })
    }
}

impl Fake {
    fn says(&self, lines: &[&str]) {
        let text = format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\n{}\nEND:VEVENT\nEND:VCALENDAR\n", lines.join("\n"));
        *self.0.lock().unwrap() = Some(text);
    }

    fn hangs(&self, source: &str) {
        self.1.lock().unwrap().insert(source.to_owned());
    }

    fn fails(&self) {
        *self.0.lock().unwrap() = None;
    }
}

fn people(keys: Value) -> Value {
    let mut ada = json!({"id": "ada", "role": "owner", "timezone": "Europe/Berlin", "principals": ["telegram:1"]});
    ada.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    json!({"operators": [ada, {"id": "lin", "role": "approver", "principals": ["telegram:2"]}]})
}

/// It is Monday 2026-04-20, 03:00 UTC; an error that is a warning begins.
async fn with(keys: Value, fake: &Arc<Fake>) -> World {
    let readers = Readers { calendars: Some(fake.clone()), ..Readers::default() };
    let mut world = World::equipped(routed(people(keys)), "{}", readers).await;
    calendar::pass(&world.core).await;
    begins(&mut world).await;
    world
}

async fn begins(world: &mut World) {
    world.tick().await;
    notify::pass(&world.core).await.unwrap();
    world.product.state().errors = vec![issue(0, 10)];
    world.clock.advance(minutes(20));
    world.tick().await;
}

/// Whether somebody should look at them, and why. They never fail the instance.
fn detail(world: &World) -> (bool, String) {
    let all = world.core.health.components();
    let found = all.into_iter().find(|one| one.name == "calendars").unwrap();
    assert!(found.ok, "{found:?}");
    (found.attention, found.detail)
}

#[tokio::test]
async fn on_a_holiday_only_the_critical_comes_and_the_rest_is_told_when_it_is_over() {
    let fake = Arc::new(Fake::default());
    fake.says(&["DTSTART;VALUE=DATE:20260420", "TRANSP:TRANSPARENT"]);
    let mut world = with(json!({"holidays": ["holidays.ics"]}), &fake).await;
    assert_eq!(
        (sent(&world, "1").await.len(), detail(&world)),
        (0, (false, "1 calendar read, 1 entry near today".to_owned()))
    );
    world
        .product
        .state()
        .errors
        .push(wakeman_gateway::ports::ErrorIssue { first_seen: world.core.now(), ..issue(1, 900) });
    world.clock.advance(minutes(5));
    world.tick().await;
    let critical = sent(&world, "1").await;
    assert!(critical.iter().all(|told| told.delivery.severity == Severity::Critical) && !critical.is_empty());
    // Midnight in Berlin.
    world.clock.set(NOW.plus_ms(19 * HOUR_MS));
    notify::pass(&world.core).await.unwrap();
    let digest = sent(&world, "1").await;
    assert!(digest.len() == 1 && words(&world, &digest[0]).contains("in quiet hours"), "{digest:?}");
}

#[tokio::test]
async fn a_meeting_is_quiet_unless_it_is_marked_as_free_and_a_calendar_of_meetings_is_none_of_holidays() {
    let meeting = ["DTSTART;TZID=Europe/Berlin:20260420T050000", "DTEND;TZID=Europe/Berlin:20260420T060000"];
    let free = [meeting[0], meeting[1], "TRANSP:TRANSPARENT"];
    for (keys, lines, quiet) in [
        (json!({"busy": ["https://calendar.example/me.ics"]}), meeting.as_slice(), true),
        (json!({"busy": ["https://calendar.example/me.ics"]}), free.as_slice(), false),
        (json!({"holidays": ["https://calendar.example/me.ics"]}), meeting.as_slice(), false),
    ] {
        let fake = Arc::new(Fake::default());
        fake.says(lines);
        let world = with(keys.clone(), &fake).await;
        assert_eq!(sent(&world, "1").await.is_empty(), quiet, "{keys} {lines:?}");
        assert_eq!(sent(&world, "2").await.len(), 0, "lin's was sent with ada's");
    }
}

#[tokio::test]
async fn what_was_read_last_holds_while_a_calendar_cannot_be_read_also_after_a_restart() {
    let fake = Arc::new(Fake::default());
    fake.says(&["DTSTART;VALUE=DATE:20260420"]);
    let mut world = with(json!({"holidays": ["https://calendar.example/secret-4711.ics"]}), &fake).await;
    for broken in [None, Some("<html>Sign in</html>".to_owned())] {
        *fake.0.lock().unwrap() = broken;
        world.restart().await;
        calendar::recall(&world.core).await.unwrap();
        let again = calendar::pass(&world.core).await;
        assert_eq!(again.since(world.core.now()), minutes(10), "sooner than in an hour");
        let (attention, said) = detail(&world);
        assert!(
            attention && said.starts_with("the calendar at calendar.example: ") && !said.contains("4711"),
            "{said}"
        );
        assert!(said.contains("what was read 20 min ago still holds"), "{said}");
        assert!(sent(&world, "1").await.is_empty());
    }
    // One that was never read silences nobody.
    let never = Arc::new(Fake::default());
    let world = with(json!({"holidays": ["holidays.ics"]}), &never).await;
    assert!(!sent(&world, "1").await.is_empty());
    assert!(detail(&world).1.contains("until it is read it makes no quiet hours; look at read-only/holidays.ics"));
}

#[tokio::test]
async fn after_a_restart_every_calendar_counts_before_any_of_them_answers() {
    let fake = Arc::new(Fake::default());
    fake.says(&["DTSTART;VALUE=DATE:20260420"]);
    let mut world = with(json!({"busy": ["a.ics"], "holidays": ["b.ics"]}), &fake).await;
    // The one that is asked first does not answer any more.
    fake.hangs("a.ics");
    world.restart().await;
    calendar::recall(&world.core).await.unwrap();
    let mut pass = Box::pin(calendar::pass(&world.core));
    assert!(futures::poll!(pass.as_mut()).is_pending());
    notify::pass(&world.core).await.unwrap();
    assert!(sent(&world, "1").await.is_empty());
}

#[tokio::test]
async fn what_was_read_counts_although_it_could_not_be_stored_and_the_next_calendar_is_read() {
    let fake = Arc::new(Fake::default());
    fake.says(&["DTSTART;VALUE=DATE:20260420"]);
    let readers = Readers { calendars: Some(fake.clone()), ..Readers::default() };
    let settings = json!({"operators": [
        {"id": "ada", "role": "owner", "principals": ["telegram:1"], "busy": ["a.ics"]},
        {"id": "lin", "role": "approver", "principals": ["telegram:2"], "busy": ["b.ics"]},
    ]});
    let mut world = World::equipped(routed(settings), "{}", readers).await;
    world.core.store.fail_next(Disk::Full);
    let again = calendar::pass(&world.core).await;
    assert_eq!(again.since(world.core.now()), minutes(10), "sooner than in an hour");
    let said = detail(&world).1;
    assert!(said.starts_with("read-only/a.ics: read, but not stored ("), "{said}");
    begins(&mut world).await;
    assert_eq!(world.owed().await, 0, "neither is told");
    // It is stored by the next look.
    calendar::pass(&world.core).await;
    world.restart().await;
    calendar::recall(&world.core).await.unwrap();
    notify::pass(&world.core).await.unwrap();
    assert!(sent(&world, "1").await.is_empty());
    world.clock.set(NOW.plus_ms(21 * HOUR_MS));
    notify::pass(&world.core).await.unwrap();
    assert_eq!(sent(&world, "1").await.len(), 1);
}

#[tokio::test]
async fn a_calendar_that_says_the_same_for_months_is_not_forgotten_and_its_age_is_true_after_a_restart() {
    let fake = Arc::new(Fake::default());
    fake.says(&["DTSTART;VALUE=DATE:20200420"]);
    let readers = Readers { calendars: Some(fake.clone()), ..Readers::default() };
    let settings = routed(people(json!({"holidays": ["holidays.ics"]})));
    let mut world = World::equipped(settings, "{}", readers).await;
    calendar::pass(&world.core).await;
    for _ in 0..24 * 100 {
        world.clock.advance(HOUR_MS);
        calendar::pass(&world.core).await;
    }
    retention::pass(&world.core).await.unwrap();
    fake.fails();
    world.clock.advance(DAY_MS);
    world.restart().await;
    calendar::recall(&world.core).await.unwrap();
    calendar::pass(&world.core).await;
    let said = detail(&world).1;
    assert!(said.contains("what was read 24 h ago still holds"), "{said}");
}

/// Ada has a meeting from 03:00 to 04:00 UTC, and lets nobody know of anything else.
const MEETING: [&str; 2] = ["DTSTART;TZID=Europe/Berlin:20260420T050000", "DTEND;TZID=Europe/Berlin:20260420T060000"];

#[tokio::test]
async fn what_was_withheld_for_a_meeting_is_told_although_the_meeting_is_deleted() {
    let fake = Arc::new(Fake::default());
    fake.says(&MEETING);
    let mut world = with(json!({"busy": ["https://calendar.example/me.ics"]}), &fake).await;
    notify::pass(&world.core).await.unwrap();
    assert!(sent(&world, "1").await.is_empty());
    // It is called off, and the process starts again before anybody looks.
    fake.says(&["DTSTART;VALUE=DATE:20260501"]);
    world.clock.advance(minutes(5));
    world.restart().await;
    calendar::recall(&world.core).await.unwrap();
    calendar::pass(&world.core).await;
    notify::pass(&world.core).await.unwrap();
    let digest = sent(&world, "1").await;
    assert!(digest.len() == 1 && words(&world, &digest[0]).contains("in quiet hours"), "{digest:?}");
    world.clock.advance(HOUR_MS);
    notify::pass(&world.core).await.unwrap();
    assert!(sent(&world, "1").await.is_empty(), "told once");
}

#[tokio::test]
async fn what_recovered_in_a_meeting_is_told_although_the_meeting_is_deleted() {
    let fake = Arc::new(Fake::default());
    fake.says(&["DTSTART;VALUE=DATE:20260501"]);
    let readers = Readers { calendars: Some(fake.clone()), ..Readers::default() };
    let settings = routed(people(json!({"busy": ["https://calendar.example/me.ics"]})));
    let mut world = World::equipped(settings, "{}", readers).await;
    world.watch = wakeman_gateway::watch::Watch::new(world.core.clone(), None, Some(world.code.clone())).unwrap();
    calendar::pass(&world.core).await;
    notify::pass(&world.core).await.unwrap();
    world.break_the_build();
    world.tick().await;
    assert!(!sent(&world, "1").await.is_empty());
    fake.says(&["DTSTART:20260420T031000Z", "DTEND:20260420T040000Z"]);
    world.clock.advance(minutes(20));
    calendar::pass(&world.core).await;
    notify::pass(&world.core).await.unwrap();
    world.code.run(2, crate::support::MERGE_SHA, true, world.core.now());
    world.tick().await;
    assert!(world.only_finding().await.is_over());
    let told = sent(&world, "1").await;
    assert!(told.iter().all(|told| !matches!(told.delivery.view, View::Recovery(_))), "{told:?}");
    fake.says(&["DTSTART;VALUE=DATE:20260501"]);
    calendar::pass(&world.core).await;
    notify::pass(&world.core).await.unwrap();
    let digest = sent(&world, "1").await;
    assert!(digest.len() == 1 && words(&world, &digest[0]).contains("over by now · F-1"), "{digest:?}");
}

#[tokio::test]
async fn a_calendar_that_cannot_be_read_is_told_once_and_its_return_too() {
    let fake = Arc::new(Fake::default());
    fake.says(&["DTSTART;VALUE=DATE:20260501"]);
    let readers = Readers { calendars: Some(fake.clone()), ..Readers::default() };
    let settings = routed(people(json!({"busy": ["https://calendar.example/secret-4711.ics"]})));
    let mut world = World::equipped(settings, "{}", readers).await;
    calendar::pass(&world.core).await;
    fake.fails();
    let look = async |world: &World| {
        world.clock.advance(minutes(10));
        calendar::pass(&world.core).await;
        let told = sent(world, "2").await;
        told.iter().map(|told| words(world, told)).collect::<Vec<_>>()
    };
    assert_eq!(look(&world).await, [""; 0], "what passes by itself is no news");
    let told = look(&world).await;
    insta::assert_snapshot!(told.join("\n"), @"A calendar cannot be read: the calendar at calendar.example: no answer; what was read 20 min ago still holds; look at the calendar at calendar.example.");
    assert!(!told[0].contains("4711"));
    world.restart().await;
    for _ in 0..3 {
        assert_eq!(look(&world).await, [""; 0]);
    }
    fake.says(&["DTSTART;VALUE=DATE:20260501"]);
    assert_eq!(look(&world).await, ["A calendar can be read again: the calendar at calendar.example."]);
    assert_eq!(look(&world).await, [""; 0]);
}
