//! One look at everything, and who the reader is taken for.

use wakeman_types::{ComponentView, ModelView, Pairing, SafeMode, StatusView, WhoamiView};

use crate::{
    Block, Doc, Line, RenderContext, Style,
    cause::NAME_LEN_MAX,
    context::parse_zone,
    control::{halt_line, set_by},
    number::{counted, group, span},
    safe::sanitize,
};

/// More settings that are odd than this are only counted.
const WARNINGS_MAX: usize = 3;

/// The summary: what is watched, how the sources do, what was spent.
pub fn status_doc(view: &StatusView, ctx: &RenderContext) -> Doc {
    // Ages count from the time the summary was true, in the zone it was made for.
    let zone = parse_zone(&view.timezone).unwrap_or(ctx.zone);
    let then = RenderContext::new(view.as_of, zone);
    let mut doc = view.safe_mode.iter().fold(Doc::bare(), safe_mode);
    doc = doc.block(Block::Headline(match &view.safe_mode {
        Some(safe) if safe.unread => {
            Line::new().with("Findings and proposals are unknown: they cannot be read", Style::Bad)
        }
        _ => summary(view, &then),
    }));
    if let Some(halt) = &view.halt {
        doc = doc.text(halt_line(halt, &then));
    }
    doc = doc.text(components(&view.components, &then));
    if view.safe_mode.as_ref().is_some_and(|safe| safe.unread) {
        return foot(doc, view, &then, zone);
    }
    let mut interruptions = format!("Interruptions this week {} of {}", view.interruptions, view.alarm_budget);
    if view.critical_interruptions > 0 {
        interruptions.push_str(&format!(" and {} critical", view.critical_interruptions));
    }
    let over = view.interruptions > view.alarm_budget;
    let interruptions = Line::new().with(interruptions, if over { Style::Bad } else { Style::Plain });
    let next = view.next_wakeup.map(|next| Line::from(format!("next wakeup {}", then.time(next))));
    doc = doc
        .text(Line::joined([Some(interruptions), view.model.as_ref().map(model), next].into_iter().flatten(), " · "));
    if view.undelivered > 0 {
        doc = doc.text(Line::new().with(undelivered(view.undelivered), Style::Bad));
    }
    for pairing in &view.pairings {
        doc = doc.text(Line::new().dim(pairing_line(pairing, &then)));
    }
    foot(doc, view, &then, zone)
}

/// What is odd about the settings; the instance, its version and the time.
fn foot(mut doc: Doc, view: &StatusView, then: &RenderContext, zone: chrono_tz::Tz) -> Doc {
    let told: &[String] = if view.warnings.len() > WARNINGS_MAX { &[] } else { view.warnings.as_slice() };
    for warning in told {
        doc = doc.text(Line::new().with("Setting: ", Style::Bad).outside(sanitize(warning, 300)));
    }
    if told.len() < view.warnings.len() {
        let count = counted(view.warnings.len() as u64, "setting");
        doc = doc.text(Line::new().with(format!("{count} to look at; `wakeman doctor` names them"), Style::Bad));
    }
    let version = sanitize(&view.version, 40);
    doc.footer(format!(
        "{} · wakeman {version} · {} {}",
        sanitize(&view.instance, 60),
        then.clock(view.as_of),
        zone.name()
    ))
}

/// What a damaged database means now, and the way out of it.
fn safe_mode(doc: Doc, safe: &SafeMode) -> Doc {
    let head = Line::new().with("Safe mode: ", Style::Bad).outside(sanitize(&safe.reason, 300));
    let doc = doc.block(Block::Headline(head));
    let doc = doc
        .text("What can still be read is shown; nothing is written to the database. Nothing is watched, told or run.");
    let steps = safe.steps.iter().enumerate();
    steps.fold(doc, |doc, (at, step)| doc.text(Line::from(format!("{}. {}", at + 1, sanitize(step, 600)))))
}

/// `Watching acme/app · mode propose · 0 open, 1 awaiting you`.
fn summary(view: &StatusView, then: &RenderContext) -> Line {
    let watching = sanitize(&view.watching, NAME_LEN_MAX);
    let watching = match watching.as_str() {
        "" => Line::new().strong("Watching nothing yet"),
        _ => Line::new().strong("Watching ").strong(watching),
    };
    let open = Line::new().with(
        format!("{} open", group(view.open_findings)),
        if view.open_findings > 0 { Style::Bad } else { Style::Plain },
    );
    let awaiting = Line::new().with(
        format!(", {} awaiting you", group(view.awaiting)),
        if view.awaiting > 0 { Style::Strong } else { Style::Plain },
    );
    let origin = view.mode_set.as_ref().map_or_else(String::new, |set| format!(" ({})", set_by(set, then)));
    let mode = format!("mode {}{origin}", sanitize(&view.mode, 20)).into();
    let muted = (view.mutes > 0).then(|| format!("{} muted", group(view.mutes.into())).into());
    Line::joined([watching, mode, open.join(awaiting)].into_iter().chain(muted), " · ")
}

/// `model budget $0.41 of $5.00 (120k tokens today)`.
fn model(view: &ModelView) -> Line {
    let spent = format!("model budget ${:.2} of ${:.2}", view.spent_usd, view.budget_usd);
    let style = if view.spent_usd >= 0.8 * view.budget_usd { Style::Bad } else { Style::Plain };
    let tokens = match view.tokens {
        0 => String::new(),
        some => format!(" ({} tokens today)", group(some)),
    };
    Line::new().with(spent, style).with(tokens, Style::Plain)
}

/// `PostHog ok 40 s ago (14 metrics) · GitHub ok 12 s · Vercel not configured`: what fails comes first.
fn components(components: &[ComponentView], then: &RenderContext) -> Line {
    let mut sorted: Vec<&ComponentView> = components.iter().collect();
    sorted.sort_by_key(|component| (!component.configured, component.ok, !component.attention));
    let mut said_ago = false;
    let lines: Vec<Line> = sorted.into_iter().map(|each| component(each, then, &mut said_ago)).collect();
    Line::joined(lines, " · ")
}

fn component(component: &ComponentView, then: &RenderContext, said_ago: &mut bool) -> Line {
    let name = proper_name(&component.name);
    let detail = sanitize(&component.detail, 160);
    let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
    let age = component.last_success.map(|at| span(then.now.since(at)));
    if !component.configured {
        return Line::new().dim(format!("{name} not configured"));
    }
    if component.attention {
        let last = age.map_or_else(|| "never ok".to_owned(), |age| format!("last ok {age} ago"));
        return Line::new().plain(format!("{name} ")).with(format!("to look at, {last}{detail}"), Style::Bad);
    }
    match (component.ok, age) {
        (true, Some(age)) if component.detail == "starting" => {
            let ago = if std::mem::replace(said_ago, true) { "" } else { " ago" };
            Line::new().plain(format!("{name} last ok {age}{ago}"))
        }
        (true, Some(age)) => {
            let ago = if std::mem::replace(said_ago, true) { "" } else { " ago" };
            Line::new().plain(format!("{name} ")).with("ok", Style::Good).plain(format!(" {age}{ago}{detail}"))
        }
        (true, None) if component.detail == "starting" => Line::new().plain(format!("{name} not asked yet")),
        (true, None) => Line::new().plain(format!("{name} ")).with("ok", Style::Good).plain(detail),
        (false, Some(age)) => {
            Line::new().plain(format!("{name} ")).with(format!("failing, last ok {age} ago{detail}"), Style::Bad)
        }
        (false, None) => Line::new().plain(format!("{name} ")).with(format!("failing, never ok{detail}"), Style::Bad),
    }
}

/// `telegram:99 is lin (viewer), let in by ada yesterday 14:10`.
pub fn pairing_line(pairing: &Pairing, ctx: &RenderContext) -> String {
    let text = |text: &str| sanitize(text, NAME_LEN_MAX);
    let (account, operator) = (text(&pairing.principal.to_string()), text(pairing.operator.as_str()));
    let (by, at) = (text(pairing.by.as_str()), ctx.time(pairing.at));
    format!("{account} is {operator} ({}), let in by {by} {at}", pairing.role)
}

/// `3 messages of the last month could not be delivered; the log says why`.
fn undelivered(count: u64) -> String {
    let what = if count == 1 { "message" } else { "messages" };
    format!("{} {what} of the last month could not be delivered; the log says why", group(count))
}

/// A component as its makers write it.
pub fn proper_name(name: &str) -> String {
    match name {
        "posthog" => "PostHog".to_owned(),
        "github" => "GitHub".to_owned(),
        "vercel" => "Vercel".to_owned(),
        "litellm" => "LiteLLM".to_owned(),
        "telegram" => "Telegram".to_owned(),
        "discord" => "Discord".to_owned(),
        other => sanitize(other, NAME_LEN_MAX),
    }
}

/// `You are ada (owner), as cli:1000.`
pub fn whoami_doc(view: &WhoamiView) -> Doc {
    let identity = &view.identity;
    let operator = sanitize(identity.operator.as_str(), NAME_LEN_MAX);
    let principal = sanitize(&identity.principal.to_string(), NAME_LEN_MAX);
    let mut line = Line::new().plain("You are ").strong(operator.as_str()).plain(format!(" ({})", identity.role));
    if operator != principal {
        line = line.plain(format!(", as {principal}"));
    }
    let doc = Doc::bare().text(line.plain("."));
    if let Some(pairing) = &view.paired {
        let by = sanitize(pairing.by.as_str(), NAME_LEN_MAX);
        return doc.text(Line::new().dim(format!("Let in with a code that {by} made.")));
    }
    if view.listed {
        return doc;
    }
    doc.text(Line::new().dim(format!(
        "No operator in read-only/settings.json lists {principal}; to be known by name, add it to operators[].principals."
    )))
}
