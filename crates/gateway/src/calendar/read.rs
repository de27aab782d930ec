//! What a calendar says is taken. Pure: text and times in, times out.

use std::{collections::BTreeMap, fmt};

use calcard::{
    Entry, Parser,
    common::{PartialDateTime, timezone::Tz},
    icalendar::{
        ICalendar, ICalendarComponent, ICalendarComponentType as Kind, ICalendarEntry, ICalendarParameter,
        ICalendarParameterName, ICalendarParameterValue, ICalendarProperty as Property, ICalendarRecurrenceRule,
        ICalendarStatus, ICalendarTransparency, ICalendarValue as Value,
        dates::{CalendarEvent, TimeOrDelta},
    },
};
use chrono::{DateTime, TimeDelta};
use serde::{Deserialize, Serialize};
use wakeman_types::Timestamp;

/// Repetitions that are looked through in one calendar: what began long ago is counted from its first day.
const REPEATS_MAX: usize = 100_000;
/// Times that one calendar may take in the window.
const TAKEN_MAX: usize = 2_000;

/// A time that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Taken {
    /// When it begins, Unix milliseconds.
    pub from_ms: i64,
    /// When it is over.
    pub to_ms: i64,
    /// Whether both are read off the clock of whoever looks: whole days, and times without a zone.
    pub local: bool,
    /// Whether it takes whole days.
    pub all_day: bool,
    /// Whether its owner is free all the same.
    pub free: bool,
}

/// What was understood of a calendar. Displays as `31 entries near today, 2 not understood`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Understood {
    /// What is taken, in order.
    pub taken: Vec<Taken>,
    /// How many entries, series counted once, say times that nobody can make out: nothing is taken by them.
    pub odd: usize,
}

impl fmt::Display for Understood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.taken.len();
        write!(f, "{entries} {} near today", if entries == 1 { "entry" } else { "entries" })?;
        if self.odd > 0 { write!(f, ", {} not understood", self.odd) } else { Ok(()) }
    }
}

/// What is taken between two instants.
///
/// # Errors
/// The text is no calendar, or there is too much in it; what, with the remedy.
pub fn read(text: &str, from: Timestamp, until: Timestamp) -> Result<Understood, String> {
    let mut parser = Parser::new(text);
    let (mut taken, mut odd, mut calendars) = (Vec::new(), 0, 0);
    loop {
        match parser.entry() {
            Entry::ICalendar(calendar) => {
                calendars += 1;
                odd += of_one(calendar, from, until, &mut taken)?;
            }
            Entry::Eof => break,
            Entry::TooManyComponents => return Err("too many entries; export a shorter time".to_owned()),
            // A line that is none of ours spoils nothing else.
            _ => {}
        }
    }
    if calendars == 0 {
        return Err("not a calendar; export it as ICS (iCalendar)".to_owned());
    }
    taken.sort_unstable();
    taken.dedup();
    if taken.len() > TAKEN_MAX {
        return Err(format!("more than {TAKEN_MAX} entries within three months; export fewer"));
    }
    Ok(Understood { taken, odd })
}

/// Adds what is taken in one calendar; how many of its entries were not understood.
fn of_one(mut calendar: ICalendar, from: Timestamp, until: Timestamp, out: &mut Vec<Taken>) -> Result<usize, String> {
    prepare(&mut calendar, from, until);
    let all = calendar.expand_dates(Tz::Floating, REPEATS_MAX);
    if all.events.len() >= REPEATS_MAX {
        return Err("too many repetitions; export a shorter time".to_owned());
    }
    for event in all.events {
        let Some(component) = calendar.component_by_id(event.comp_id) else { continue };
        let found = if takes_place(component) && lasts(component) { taken(component, &event) } else { None };
        // A clock is nowhere further off than 14 hours.
        let near = |one: &Taken| one.to_ms > from.ms() && one.from_ms < until.ms() && one.from_ms < one.to_ms;
        out.extend(found.filter(near));
    }
    let odd = all.errors.iter().filter_map(|error| calendar.component_by_id(error.comp_id));
    Ok(odd.filter(|component| takes_place(component)).count())
}

fn takes_place(component: &ICalendarComponent) -> bool {
    component.component_type == Kind::VEvent && component.status() != Some(&ICalendarStatus::Cancelled)
}

fn start(component: &ICalendarComponent) -> Option<&PartialDateTime> {
    component.property(&Property::Dtstart)?.values.first()?.as_partial_date_time()
}

/// A time of day without an end lasts no time at all.
fn lasts(component: &ICalendarComponent) -> bool {
    let ends = component.has_property(&Property::Dtend) || component.has_property(&Property::Duration);
    ends || start(component).is_some_and(|start| !start.has_time())
}

fn taken(
    component: &ICalendarComponent,
    event: &CalendarEvent<DateTime<Tz>, TimeOrDelta<DateTime<Tz>, TimeDelta>>,
) -> Option<Taken> {
    let local = event.start.timezone().is_floating();
    let ms = |at: &DateTime<Tz>| match local {
        true => at.naive_local().and_utc().timestamp_millis(),
        false => at.timestamp_millis(),
    };
    let from_ms = ms(&event.start);
    let to_ms = match &event.end {
        TimeOrDelta::Time(end) => ms(end),
        TimeOrDelta::Delta(length) => from_ms.checked_add(length.num_milliseconds())?,
    };
    let free = component.transparency() == Some(&ICalendarTransparency::Transparent);
    let all_day = start(component).is_some_and(|start| !start.has_time());
    Some(Taken { from_ms, to_ms, local, all_day, free })
}

/// Makes every series countable: it ends at the latest when the window does, by the clock it repeats by; and each entry keeps its own
/// exceptions, which are told apart by a number here.
fn prepare(calendar: &mut ICalendar, from: Timestamp, until: Timestamp) {
    let zones = calendar.build_owned_tz_resolver();
    let mut known: BTreeMap<String, i64> = BTreeMap::new();
    for (number, component) in
        (0_i64..).zip(&mut calendar.components).filter(|(_, one)| one.component_type == Kind::VEvent)
    {
        let number = component.uid().map_or(number, |uid| *known.entry(uid.to_owned()).or_insert(number));
        component.entries.retain(|entry| entry.name != Property::Sequence);
        let values = vec![Value::Integer(number)];
        component.entries.push(ICalendarEntry { name: Property::Sequence, params: Vec::new(), values });
        let Some(entry) = component.property_mut(&Property::Dtstart) else { continue };
        if entry.values.first().and_then(Value::as_partial_date_time).is_some_and(PartialDateTime::has_zone) {
            let utc = ICalendarParameterValue::Text("Etc/UTC".to_owned());
            entry.params.push(ICalendarParameter { name: ICalendarParameterName::Tzid, value: utc });
        }
        let zone = zones.resolve_or_default(entry.tz_id());
        let start = entry.values.first().and_then(Value::as_partial_date_time);
        let start = start.and_then(|start| start.to_date_time_with_tz(zone)).map_or(i64::MIN, |at| clock(at, zone));
        component.entries.retain_mut(|entry| match entry.values.first_mut() {
            Some(Value::RecurrenceRule(rule)) => ends(rule, zone, start, (from, until)),
            _ => true,
        });
    }
}

/// What the clock of `zone` shows, as if it were UTC, in seconds.
fn clock(at: DateTime<Tz>, zone: Tz) -> i64 {
    at.with_timezone(&zone).naive_local().and_utc().timestamp()
}

/// Gives the series an end; whether it reaches into the window at all: one that begins behind it has no end before its start.
fn ends(rule: &mut ICalendarRecurrenceRule, zone: Tz, start: i64, (from, until): (Timestamp, Timestamp)) -> bool {
    let window = until.ms().div_euclid(1_000);
    if start > window {
        return false;
    }
    let last = match &rule.until {
        Some(last) => {
            // A date alone means the whole of that day.
            let rest = if last.has_time() { 0 } else { 86_399 };
            last.to_date_time_with_tz(zone).map(|at| clock(at, zone).saturating_add(rest))
        }
        // A series that is counted ends by itself.
        None if rule.count.is_some() => return true,
        None => Some(window),
    };
    let Some(last) = last else { return false };
    rule.until = Some(PartialDateTime::from_naive_timestamp(last.min(window)));
    // A day for the zones, and the length of what began before the window.
    last >= from.ms().div_euclid(1_000) - 8 * 86_400
}
