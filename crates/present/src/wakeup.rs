//! Wakeups and what became of their slots, as tables.

use wakeman_types::{Occurrence, OccurrenceState, WakeupView};

use crate::{Align, Block, Column, Doc, Line, RenderContext, Style, Table, cause::NAME_LEN_MAX, safe::sanitize};

/// Said where there are none.
const NONE: &str = "No wakeups. `wakeups add \"weekdays 09:00\" morning-brief` makes one, in a chat `wakeups add weekdays 09:00: \
                    morning-brief`; or write read-only/wakeup.json.";

/// The wakeups, one row each; under them what is wrong with those that never run.
pub fn wakeups_table(wakeups: &[WakeupView], ctx: &RenderContext) -> Doc {
    if wakeups.is_empty() {
        return Doc::bare().text(NONE);
    }
    let columns = vec![
        Column::new("id", Align::Left),
        Column::new("wakeup", Align::Left).growing(),
        Column::new("when", Align::Left),
        Column::new("rules", Align::Left).optional(),
        Column::new("next", Align::Right),
        Column::new("last", Align::Left),
    ];
    let row = |wakeup: &WakeupView| {
        let next = match (wakeup.next, &wakeup.problem) {
            (_, Some(_)) => Line::new().with("never", Style::Bad),
            (Some(at), None) => ctx.time(at).into(),
            (None, None) => Line::new().dim(match &wakeup.paused_by {
                Some(by) => format!("paused by {}", sanitize(by, NAME_LEN_MAX)),
                None if wakeup.enabled => "never".to_owned(),
                None => "switched off".to_owned(),
            }),
        };
        let last = wakeup.last.as_ref().map_or_else(
            || Line::new().dim("–"),
            |last| state(last.state).plain(format!(" {}", ctx.time(last.due_at))),
        );
        vec![
            Line::new().dim(sanitize(&wakeup.id, NAME_LEN_MAX)),
            Line::new().strong(sanitize(&wakeup.title, NAME_LEN_MAX)),
            when(wakeup).into(),
            rules(wakeup),
            next,
            last,
        ]
    };
    let doc = Doc::bare().block(Block::Table(Table { columns, rows: wakeups.iter().map(row).collect() }));
    let named =
        |wakeup: &WakeupView| Some((sanitize(wakeup.was.as_ref()?, NAME_LEN_MAX), sanitize(&wakeup.id, NAME_LEN_MAX)));
    let doc =
        wakeups.iter().filter_map(named).fold(doc, |doc, (was, id)| doc.text(format!("{was} is now called {id}.")));
    let problems = wakeups.iter().filter_map(|wakeup| wakeup.problem.as_deref());
    problems.fold(doc, |doc, problem| doc.text(Line::new().with(sanitize(problem, 300), Style::Bad)))
}

/// `10:00 UTC`, `0 9 * * 1-5 Europe/Berlin`
fn when(wakeup: &WakeupView) -> String {
    let zone = wakeup.timezone.as_deref().unwrap_or("UTC");
    let time = wakeup.time_utc.as_deref().or(wakeup.cron.as_deref()).unwrap_or("no time");
    format!("{} {}", sanitize(time, 40), sanitize(zone, 40))
}

/// `only changed, jitter 5m, late skip`: those that are not as they always are.
fn rules(wakeup: &WakeupView) -> Line {
    let late = Some(wakeup.late.as_str()).filter(|late| *late != "run");
    let rules = [("only", wakeup.only.as_deref()), ("jitter", wakeup.jitter.as_deref()), ("late", late)];
    let said = rules.iter().filter_map(|(name, rule)| Some(format!("{name} {}", sanitize((*rule)?, 20))));
    let said = said.collect::<Vec<_>>().join(", ");
    if said.is_empty() { Line::new().dim("–") } else { said.into() }
}

fn state(state: OccurrenceState) -> Line {
    match state {
        OccurrenceState::Ran => Line::new().with("ran", Style::Good),
        OccurrenceState::Missed => Line::new().with("missed", Style::Bad),
        OccurrenceState::Running => "running".into(),
        OccurrenceState::Skipped => Line::new().dim("skipped"),
    }
}

/// What became of the due slots, one row each.
pub fn occurrences_table(occurrences: &[Occurrence], ctx: &RenderContext) -> Doc {
    if occurrences.is_empty() {
        return Doc::bare().text("No wakeup was due yet.");
    }
    let columns = vec![
        Column::new("due", Align::Right),
        Column::new("wakeup", Align::Left),
        Column::new("became", Align::Left),
        Column::new("why", Align::Left).growing(),
        Column::new("thread", Align::Left).optional(),
    ];
    let row = |occurrence: &Occurrence| {
        let thread = occurrence.thread_id.as_ref().map(|id| sanitize(id.as_str(), 40)).unwrap_or_default();
        vec![
            ctx.time(occurrence.due_at).into(),
            Line::new().strong(sanitize(&occurrence.prompt_id, NAME_LEN_MAX)),
            state(occurrence.state),
            sanitize(&occurrence.reason, 160).into(),
            Line::new().dim(thread),
        ]
    };
    Doc::bare().block(Block::Table(Table { columns, rows: occurrences.iter().map(row).collect() }))
}
