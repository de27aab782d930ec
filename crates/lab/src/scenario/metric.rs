//! `[[metric]]`: the product's numbers.

use super::parse::Files;
use super::read::{Table, Value};
use super::{Metric, MetricKind, Noise, Scenario, ScenarioError, Segment, csv};
use crate::time::MINUTE_MS;

const KEYS: [&str; 15] = [
    "name",
    "kind",
    "level",
    "of",
    "daily_amplitude",
    "weekly_amplitude",
    "trend_per_day",
    "noise",
    "dispersion",
    "event",
    "segments",
    "lag_minutes",
    "csv",
    "unit",
    "title",
];
/// Property combinations of one metric beyond which a world would grow too large.
const COMBINATIONS_MAX: usize = 256;
/// Size of a negative binomial without `dispersion`.
const SIZE_DEFAULT: f64 = 20.0;
/// Standard deviation of normal noise without `dispersion`, a fraction of the level.
const DEVIATION_DEFAULT: f64 = 0.05;

#[derive(Clone, Copy)]
enum NoiseWord {
    Poisson,
    NegBin,
    Normal,
}

pub(super) fn read_all(root: &Table<'_>, files: Files<'_>, scenario: &mut Scenario) -> Result<(), ScenarioError> {
    let tables = root.tables("metric")?;
    for table in &tables {
        let metric = metric(table, files, scenario)?;
        if scenario.metric(&metric.name).is_some() {
            let name = table.required("name", "")?;
            return Err(name.bad(format!("{:?} is the name of another metric; give each its own", metric.name)));
        }
        scenario.metrics.push(metric);
    }
    for (table, metric) in tables.iter().zip(&scenario.metrics) {
        check_denominator(table, metric, scenario)?;
    }
    Ok(())
}

fn check_denominator(table: &Table<'_>, metric: &Metric, scenario: &Scenario) -> Result<(), ScenarioError> {
    let (Some(of), Some(value)) = (&metric.of, table.get("of")) else { return Ok(()) };
    if metric.kind == MetricKind::Count {
        return Err(value.bad("belongs to ratios and durations; a count has no denominator, remove it"));
    }
    match scenario.metric(of) {
        Some(base) if base.kind == MetricKind::Count => Ok(()),
        Some(base) => Err(value.bad(format!("{of:?} is a {}; name a metric of kind count", base.kind.word()))),
        None => Err(value.bad(format!("{of:?} is not a metric of this scenario; name a metric of kind count"))),
    }
}

fn metric(table: &Table<'_>, files: Files<'_>, scenario: &Scenario) -> Result<Metric, ScenarioError> {
    table.only(&KEYS)?;
    let name = table.string("name", "\"signups\"")?;
    let kinds = [MetricKind::Count, MetricKind::Ratio, MetricKind::Duration].map(|kind| (kind.word(), kind));
    let kind = table.required("kind", "\"count\"")?.one_of(&kinds)?;
    let replay = table.get("csv").map(|value| replay(&value, kind, files, scenario)).transpose()?;
    let text = |key: &str| table.get(key).map(|value| value.string().map(str::to_owned)).transpose();
    Ok(Metric {
        level: level(table, kind, replay.is_some())?,
        of: text("of")?,
        daily_amplitude: table.number_or("daily_amplitude", 0.0, (0.0, 1.0))?,
        weekly_amplitude: table.number_or("weekly_amplitude", 0.0, (0.0, 1.0))?,
        trend_per_day: table.number_or("trend_per_day", 0.0, (-1.0, 1.0))?,
        noise: noise(table, kind)?,
        event: text("event")?.filter(|event| !event.is_empty()).unwrap_or_else(|| name.clone()),
        segments: table.get("segments").map_or(Ok(Vec::new()), |value| segments(&value))?,
        lag_ms: (table.number_or("lag_minutes", 0.0, (0.0, 10_000.0))? * MINUTE_MS as f64).round() as i64,
        replay,
        name,
        kind,
    })
}

fn level(table: &Table<'_>, kind: MetricKind, replayed: bool) -> Result<f64, ScenarioError> {
    let (range, example) = match kind {
        MetricKind::Count => ((0.0, 1e6), "40"),
        MetricKind::Ratio => ((0.0, 1.0), "0.3"),
        MetricKind::Duration => ((0.0, 1e9), "250"),
    };
    match table.get("level") {
        None if replayed => Ok(0.0),
        _ => table.required("level", example)?.number_in(range),
    }
}

fn noise(table: &Table<'_>, kind: MetricKind) -> Result<Noise, ScenarioError> {
    let words = [("poisson", NoiseWord::Poisson), ("negbin", NoiseWord::NegBin), ("normal", NoiseWord::Normal)];
    let word = match table.get("noise") {
        Some(value) => value.one_of(&words)?,
        None if kind == MetricKind::Duration => NoiseWord::Normal,
        None => NoiseWord::Poisson,
    };
    let dispersion = table.get("dispersion").map(|value| value.number_in((0.0, f64::MAX))).transpose()?;
    Ok(match word {
        NoiseWord::Poisson => Noise::Poisson,
        NoiseWord::NegBin => match dispersion.unwrap_or(SIZE_DEFAULT) {
            size if size > 0.0 => Noise::NegBin { size },
            _ => {
                return Err(table
                    .required("dispersion", "20")?
                    .bad("must be above 0: it is the size of a negative binomial"));
            }
        },
        NoiseWord::Normal => Noise::Normal { deviation: dispersion.unwrap_or(DEVIATION_DEFAULT) },
    })
}

fn segments(value: &Value<'_>) -> Result<Vec<Segment>, ScenarioError> {
    let table = value.table()?;
    let mut segments: Vec<Segment> = Vec::new();
    for key in table.keys_in_order().into_iter().filter(|key| *key != "shares") {
        let list = table.required(key, "[\"a\", \"b\"]")?;
        let values = list.strings()?;
        if values.is_empty() || (1..values.len()).any(|at| values[..at].contains(&values[at])) {
            return Err(list.bad("must list at least one value, each once"));
        }
        let shares = vec![1.0 / values.len() as f64; values.len()];
        segments.push(Segment { key: key.to_owned(), values, shares });
    }
    let Some(first) = segments.first_mut() else {
        return Err(
            value.bad("names no property; write for example {browser = [\"chrome\", \"safari\"], shares = [0.6, 0.4]}")
        );
    };
    if let Some(list) = table.get("shares") {
        first.shares = shares(&list, &first.values)?;
    }
    if segments.iter().map(|segment| segment.values.len()).product::<usize>() > COMBINATIONS_MAX {
        return Err(value.bad(format!("has more than {COMBINATIONS_MAX} combinations; list fewer values")));
    }
    Ok(segments)
}

fn shares(list: &Value<'_>, values: &[String]) -> Result<Vec<f64>, ScenarioError> {
    let shares = list.numbers((0.0, 1.0))?;
    if shares.len() != values.len() {
        let (has, wants) = (shares.len(), values.len());
        return Err(
            list.bad(format!("has {has} shares for {wants} values; give one for each value of the first property"))
        );
    }
    let sum: f64 = shares.iter().sum();
    if (sum - 1.0).abs() > 0.01 {
        return Err(list.bad(format!("sums to {sum:.3}; shares must sum to 1")));
    }
    Ok(shares.iter().map(|share| share / sum).collect())
}

fn replay(
    value: &Value<'_>,
    kind: MetricKind,
    files: Files<'_>,
    scenario: &Scenario,
) -> Result<Vec<f64>, ScenarioError> {
    let path = value.string()?;
    let text = files(path).map_err(|error| {
        value.bad(format!("cannot be read: {path}: {error}; paths are relative to the scenario file"))
    })?;
    let rows = csv::rows(&text).map_err(|problem| value.bad(format!("{path}: {problem}")))?;
    let steps = (scenario.warmup_ms + scenario.watched_ms) / scenario.step_ms + 1;
    let sharing = match kind {
        MetricKind::Count => csv::Resample::Sum,
        MetricKind::Ratio | MetricKind::Duration => csv::Resample::Mean,
    };
    Ok(csv::resample(&rows, scenario.step_ms, steps as usize, sharing))
}
