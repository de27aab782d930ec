//! Instants, days and lengths of time; everything is UTC.

use chrono::{Datelike, Timelike};

use super::super::expr::Expr;
use super::super::value::{Span, Value, month_index, month_start, shifted};
use super::{Function, number};
use crate::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, utc};

const WEEK_MS: i64 = 7 * DAY_MS;
/// 1970-01-01 was a Thursday; weeks begin on Monday.
const MONDAY_MS: i64 = 4 * DAY_MS;

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("toStartOfSecond", 1, 2, |a| floored(&a[0], SECOND_MS)),
    Function::new("toStartOfMinute", 1, 2, |a| floored(&a[0], MINUTE_MS)),
    Function::new("toStartOfFiveMinutes", 1, 2, |a| floored(&a[0], 5 * MINUTE_MS)),
    Function::new("toStartOfFiveMinute", 1, 2, |a| floored(&a[0], 5 * MINUTE_MS)),
    Function::new("toStartOfTenMinutes", 1, 2, |a| floored(&a[0], 10 * MINUTE_MS)),
    Function::new("toStartOfFifteenMinutes", 1, 2, |a| floored(&a[0], 15 * MINUTE_MS)),
    Function::new("toStartOfHour", 1, 2, |a| floored(&a[0], HOUR_MS)),
    Function::new("toStartOfDay", 1, 2, |a| floored(&a[0], DAY_MS)),
    Function::new("toStartOfWeek", 1, 3, |a| start_of_week(&a[0], a.get(1)).map(day)),
    Function::new("toMonday", 1, 2, |a| Ok(day(monday(instant(&a[0])?)))),
    Function::new("toStartOfMonth", 1, 2, |a| Ok(day(months(instant(&a[0])?, 1)))),
    Function::new("toStartOfQuarter", 1, 2, |a| Ok(day(months(instant(&a[0])?, 3)))),
    Function::new("toStartOfYear", 1, 2, |a| Ok(day(months(instant(&a[0])?, 12)))),
    Function::new("toStartOfInterval", 2, 3, |a| start_of_interval(&a[0], &a[1])),
    Function::new("dateTrunc", 2, 3, |a| truncated(&a[0].shown(), &a[1])),
    Function::new("date_trunc", 2, 3, |a| truncated(&a[0].shown(), &a[1])),
    Function::new("toDateTime", 1, 2, |a| Ok(Value::Time(instant(&a[0])?))),
    Function::new("toDateTime64", 1, 3, |a| Ok(Value::Time(instant(&a[0])?))),
    Function::new("parseDateTimeBestEffort", 1, 2, |a| Ok(Value::Time(instant(&a[0])?))),
    Function::new("toTimeZone", 2, 2, |a| Ok(Value::Time(instant(&a[0])?))),
    Function::new("fromUnixTimestamp", 1, 1, |a| Ok(Value::Time((number(&a[0])? * 1e3) as i64))),
    Function::new("fromUnixTimestamp64Milli", 1, 1, |a| Ok(Value::Time(number(&a[0])? as i64))),
    Function::new("toDate", 1, 2, |a| Ok(day(instant(&a[0])?))),
    Function::new("toUnixTimestamp", 1, 2, |a| Ok(Value::Int(instant(&a[0])?.div_euclid(SECOND_MS)))),
    Function::new("toUnixTimestamp64Milli", 1, 1, |a| Ok(Value::Int(instant(&a[0])?))),
    Function::new("toSecond", 1, 1, |a| part(a, |at| i64::from(at.second()))),
    Function::new("toMinute", 1, 1, |a| part(a, |at| i64::from(at.minute()))),
    Function::new("toHour", 1, 1, |a| part(a, |at| i64::from(at.hour()))),
    Function::new("toDayOfWeek", 1, 2, |a| part(a, |at| i64::from(at.weekday().number_from_monday()))),
    Function::new("toDayOfMonth", 1, 1, |a| part(a, |at| i64::from(at.day()))),
    Function::new("toDayOfYear", 1, 1, |a| part(a, |at| i64::from(at.ordinal()))),
    Function::new("toMonth", 1, 1, |a| part(a, |at| i64::from(at.month()))),
    Function::new("toYear", 1, 1, |a| part(a, |at| i64::from(at.year()))),
    Function::new("toYYYYMM", 1, 1, |a| part(a, |at| i64::from(at.year()) * 100 + i64::from(at.month()))),
    Function::new("toYYYYMMDD", 1, 1, |a| {
        part(a, |at| (i64::from(at.year()) * 100 + i64::from(at.month())) * 100 + i64::from(at.day()))
    }),
    Function::new("formatDateTime", 2, 3, formatted),
    Function::new("dateDiff", 3, 4, |a| difference(&a[0].shown(), &a[1], &a[2])),
    Function::new("date_diff", 3, 4, |a| difference(&a[0].shown(), &a[1], &a[2])),
    Function::new("dateAdd", 3, 3, |a| moved(&a[2], unit_of(&a[0].shown(), &a[1])?, 1)),
    Function::new("dateSub", 3, 3, |a| moved(&a[2], unit_of(&a[0].shown(), &a[1])?, -1)),
    Function::new("addSeconds", 2, 2, |a| moved(&a[0], unit_of("second", &a[1])?, 1)),
    Function::new("addMinutes", 2, 2, |a| moved(&a[0], unit_of("minute", &a[1])?, 1)),
    Function::new("addHours", 2, 2, |a| moved(&a[0], unit_of("hour", &a[1])?, 1)),
    Function::new("addDays", 2, 2, |a| moved(&a[0], unit_of("day", &a[1])?, 1)),
    Function::new("addWeeks", 2, 2, |a| moved(&a[0], unit_of("week", &a[1])?, 1)),
    Function::new("addMonths", 2, 2, |a| moved(&a[0], unit_of("month", &a[1])?, 1)),
    Function::new("addYears", 2, 2, |a| moved(&a[0], unit_of("year", &a[1])?, 1)),
    Function::new("subtractSeconds", 2, 2, |a| moved(&a[0], unit_of("second", &a[1])?, -1)),
    Function::new("subtractMinutes", 2, 2, |a| moved(&a[0], unit_of("minute", &a[1])?, -1)),
    Function::new("subtractHours", 2, 2, |a| moved(&a[0], unit_of("hour", &a[1])?, -1)),
    Function::new("subtractDays", 2, 2, |a| moved(&a[0], unit_of("day", &a[1])?, -1)),
    Function::new("subtractWeeks", 2, 2, |a| moved(&a[0], unit_of("week", &a[1])?, -1)),
    Function::new("subtractMonths", 2, 2, |a| moved(&a[0], unit_of("month", &a[1])?, -1)),
    Function::new("subtractYears", 2, 2, |a| moved(&a[0], unit_of("year", &a[1])?, -1)),
    Function::new("toIntervalSecond", 1, 1, |a| Ok(Value::Span(unit_of("second", &a[0])?))),
    Function::new("toIntervalMinute", 1, 1, |a| Ok(Value::Span(unit_of("minute", &a[0])?))),
    Function::new("toIntervalHour", 1, 1, |a| Ok(Value::Span(unit_of("hour", &a[0])?))),
    Function::new("toIntervalDay", 1, 1, |a| Ok(Value::Span(unit_of("day", &a[0])?))),
    Function::new("toIntervalWeek", 1, 1, |a| Ok(Value::Span(unit_of("week", &a[0])?))),
    Function::new("toIntervalMonth", 1, 1, |a| Ok(Value::Span(unit_of("month", &a[0])?))),
    Function::new("toIntervalYear", 1, 1, |a| Ok(Value::Span(unit_of("year", &a[0])?))),
];

/// For how long from a multiple of itself a function of the instant keeps its value; `None` if it may change at any
/// moment. Lets a query be answered from counts per step instead of single events.
pub(crate) fn grain_ms(function: &Function, arguments: &[Expr]) -> Option<i64> {
    let span_of = |place: usize| match arguments.get(place) {
        Some(Expr::Const(Value::Span(span))) => Some(if span.months != 0 { DAY_MS } else { span.ms }),
        _ => None,
    };
    let of_unit = |place: usize| match arguments.get(place) {
        Some(Expr::Const(unit)) => {
            unit_span(&unit.shown(), 1).map(|span| if span.months != 0 { DAY_MS } else { span.ms })
        }
        _ => None,
    };
    let period = match function.name {
        "toStartOfSecond" | "toSecond" => SECOND_MS,
        "toStartOfMinute" | "toMinute" => MINUTE_MS,
        "toStartOfFiveMinutes" | "toStartOfFiveMinute" => 5 * MINUTE_MS,
        "toStartOfTenMinutes" => 10 * MINUTE_MS,
        "toStartOfFifteenMinutes" => 15 * MINUTE_MS,
        "toStartOfHour" | "toHour" => HOUR_MS,
        "toStartOfDay" | "toStartOfWeek" | "toMonday" | "toStartOfMonth" | "toStartOfQuarter" | "toStartOfYear" => {
            DAY_MS
        }
        "toDate" | "toDayOfWeek" | "toDayOfMonth" | "toDayOfYear" | "toMonth" | "toYear" | "toYYYYMM" => DAY_MS,
        "toYYYYMMDD" => DAY_MS,
        "toStartOfInterval" => span_of(1)?,
        "dateTrunc" | "date_trunc" => of_unit(0)?,
        _ => return None,
    };
    // Whole days are finer than any longer period, and every calendar begins at midnight.
    (period > 0).then_some(if period % DAY_MS == 0 { DAY_MS } else { period })
}

/// Whether the function only passes an instant through.
pub(crate) fn is_instant_wrapper(function: &Function) -> bool {
    matches!(function.name, "toTimeZone" | "toDateTime" | "toDateTime64" | "assumeNotNull" | "toNullable")
}

/// A length of `count` units (`minute`, `minutes`, `MINUTE`, `m`…).
pub(crate) fn unit_span(unit: &str, count: i64) -> Option<Span> {
    let unit = unit.to_lowercase();
    let (months, ms) = match unit.strip_suffix('s').filter(|rest| !rest.is_empty()).unwrap_or(&unit) {
        "millisecond" => (0, 1),
        "second" => (0, SECOND_MS),
        "minute" => (0, MINUTE_MS),
        "hour" => (0, HOUR_MS),
        "day" => (0, DAY_MS),
        "week" => (0, WEEK_MS),
        "month" => (1, 0),
        "quarter" => (3, 0),
        "year" => (12, 0),
        _ => return None,
    };
    Some(Span { months: count.checked_mul(months)?, ms: count.checked_mul(ms)? })
}

fn unit_of(unit: &str, count: &Value) -> Result<Span, String> {
    unit_span(unit, number(count)? as i64).ok_or_else(|| format!("{unit:?} is not a unit of time"))
}

fn instant(value: &Value) -> Result<i64, String> {
    value.instant().ok_or_else(|| format!("cannot read {:?} as a time", value.shown()))
}

fn day(ms: i64) -> Value {
    Value::Date(ms.div_euclid(DAY_MS))
}

fn floored(value: &Value, period: i64) -> Result<Value, String> {
    let ms = instant(value)?;
    Ok(Value::Time(ms - ms.rem_euclid(period)))
}

fn monday(ms: i64) -> i64 {
    ms - (ms - MONDAY_MS).rem_euclid(WEEK_MS)
}

/// Mode 0 begins weeks on Sunday, odd modes on Monday, as ClickHouse does; HogQL's default is Sunday.
fn start_of_week(value: &Value, mode: Option<&Value>) -> Result<i64, String> {
    let ms = instant(value)?;
    let from_monday = mode.and_then(Value::number).is_some_and(|mode| mode as i64 % 2 == 1);
    Ok(if from_monday { monday(ms) } else { monday(ms + DAY_MS) - DAY_MS })
}

fn months(ms: i64, every: i64) -> i64 {
    let index = month_index(ms);
    month_start(index - index.rem_euclid(every))
}

fn start_of_interval(value: &Value, interval: &Value) -> Result<Value, String> {
    let Value::Span(span) = interval else { return Err("the second argument must be an INTERVAL".to_owned()) };
    let ms = instant(value)?;
    match span {
        Span { months: every @ 1.., .. } => Ok(day(months(ms, *every))),
        Span { ms: WEEK_MS, .. } => Ok(day(monday(ms))),
        Span { ms: period @ 1.., .. } => Ok(Value::Time(ms - ms.rem_euclid(*period))),
        _ => Err("the interval must be above zero".to_owned()),
    }
}

fn truncated(unit: &str, value: &Value) -> Result<Value, String> {
    let span = unit_span(unit, 1).ok_or_else(|| format!("{unit:?} is not a unit of time"))?;
    start_of_interval(value, &Value::Span(span))
}

fn part(arguments: &[Value], of: fn(&chrono::DateTime<chrono::Utc>) -> i64) -> Result<Value, String> {
    Ok(Value::Int(of(&utc(instant(&arguments[0])?))))
}

fn moved(value: &Value, span: Span, sign: i64) -> Result<Value, String> {
    let ms = shifted(instant(value)?, span, sign);
    let stays_day = matches!(value, Value::Date(_)) && span.ms % DAY_MS == 0;
    Ok(if stays_day { day(ms) } else { Value::Time(ms) })
}

/// Boundaries of the unit crossed from the first instant to the second.
fn difference(unit: &str, from: &Value, to: &Value) -> Result<Value, String> {
    let span = unit_span(unit, 1).ok_or_else(|| format!("{unit:?} is not a unit of time"))?;
    let (from, to) = (instant(from)?, instant(to)?);
    let index = |ms: i64| match span {
        Span { months: 0, ms: WEEK_MS } => (ms - MONDAY_MS).div_euclid(WEEK_MS),
        Span { months: 0, ms: period } => ms.div_euclid(period),
        Span { months, .. } => month_index(ms).div_euclid(months),
    };
    Ok(Value::Int(index(to) - index(from)))
}

/// The common placeholders of ClickHouse's `formatDateTime`, most of which chrono shares.
fn formatted(arguments: &[Value]) -> Result<Value, String> {
    let at = utc(instant(&arguments[0])?);
    let mut out = String::new();
    let pattern = arguments[1].shown();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let spelling = match letters.next() {
            Some('i') => "%M",
            Some('s' | 'S') => "%S",
            Some('Y') => "%Y",
            Some('m') => "%m",
            Some('d') => "%d",
            Some('H') => "%H",
            Some('M') => "%M",
            Some('y') => "%y",
            Some('j') => "%j",
            Some('F') => "%Y-%m-%d",
            Some('T') => "%H:%M:%S",
            Some('%') => "%%",
            other => return Err(format!("the placeholder %{} is not supported", other.unwrap_or(' '))),
        };
        out.push_str(&at.format(spelling).to_string());
    }
    Ok(Value::text(out))
}
