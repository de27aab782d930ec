//! Who is away or in a meeting by a calendar is left alone like in their quiet hours.

use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use serde_json::{Value, json};
use wakeman_gateway::{
    Readers, calendar,
    config::CalendarSource,
    notify,
    ports::{CalendarReader, CalendarTrouble},
};
use wakeman_types::{HOUR_MS, Severity};

use crate::{
    notify::{issue, routed, sent, words},
    support::{NOW, World, minutes},
};

/// Answers with what is set.
#[derive(Default)]
struct Fake(Mutex<Option<String>>);

impl CalendarReader for Fake {
    fn read<'a>(&'a self, source: &'a CalendarSource) -> BoxFuture<'a, Result<String, CalendarTrouble>> {
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
    calendar::pass(&world.core).await.unwrap();
    world.tick().await;
    notify::pass(&world.core).await.unwrap();
    world.product.state().errors = vec![issue(0, 10)];
    world.clock.advance(minutes(20));
    world.tick().await;
    world
}

fn detail(world: &World) -> (bool, String) {
    let all = world.core.health.components();
    let found = all.into_iter().find(|one| one.name == "calendars").unwrap();
    (found.ok, found.detail)
}

#[tokio::test]
async fn on_a_holiday_only_the_critical_comes_and_the_rest_is_told_when_it_is_over() {
    let fake = Arc::new(Fake::default());
    fake.says(&["DTSTART;VALUE=DATE:20260420", "TRANSP:TRANSPARENT"]);
    let mut world = with(json!({"holidays": ["holidays.ics"]}), &fake).await;
    assert_eq!((sent(&world, "1").await.len(), detail(&world)), (0, (true, "1 read, 1 entries near today".to_owned())));
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
        let again = calendar::pass(&world.core).await.unwrap();
        assert_eq!(again.since(world.core.now()), minutes(10), "sooner than in an hour");
        let (ok, said) = detail(&world);
        assert!(!ok && said.starts_with("the calendar at calendar.example: ") && !said.contains("4711"), "{said}");
        assert!(said.contains("what was read 20 min ago still holds"), "{said}");
        assert!(sent(&world, "1").await.is_empty());
    }
    // One that was never read silences nobody.
    let never = Arc::new(Fake::default());
    let world = with(json!({"holidays": ["holidays.ics"]}), &never).await;
    assert!(!sent(&world, "1").await.is_empty());
    assert!(detail(&world).1.contains("nobody is left alone by it; look at read-only/holidays.ics"));
}
