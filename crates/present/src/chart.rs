//! The numbers as a picture: what every surface draws, as a line of text, in braille or in pixels.

mod alt;
mod braille;
mod spark;
mod ticks;

use wakeman_types::{ChangeKind, Finding, FindingState, MetricKind, SeriesPoint, Subject, Timestamp, View};

use crate::{RenderContext, finding::subject_name, number, safe::sanitize};

pub use alt::chart_alt;
pub use braille::{CellRole, ChartCell, braille_chart};
pub use spark::sparkline;
pub use ticks::{TimeTick, ValueTick};

/// Longest label under a mark, in characters.
const LABEL_LEN_MAX: usize = 24;
/// Fewer points are no picture.
const POINTS_MIN: usize = 3;
/// A number beyond this is no measurement; sums and differences of what is left stay finite.
const NUMBER_MAX: f64 = 1e300;

/// A change on the time axis.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartMark {
    /// When it was made.
    pub at: Timestamp,
    /// How it is named: `#482 14:04`.
    pub label: String,
}

/// A stretch of time on the axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its first instant.
    pub from: Timestamp,
    /// Where it ends.
    pub to: Timestamp,
}

impl Window {
    /// Whether `at` lies in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        (self.from..self.to).contains(&at)
    }
}

/// A series with its expected band, its scale and the changes in it, worded and ready to draw at any size.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What the numbers are: `Sign-ups`.
    pub title: String,
    /// Its statistics.
    pub kind: MetricKind,
    /// The series, oldest first, at least three points, every number finite. A point stands for the step after it.
    pub points: Vec<SeriesPoint>,
    /// Length of a step in milliseconds, at least 1.
    pub step_ms: i64,
    /// The first instant: where the first step begins.
    pub start: Timestamp,
    /// The last instant: the end of the last step, or now where the newest numbers are missing.
    pub end: Timestamp,
    /// Where the numbers are missing: unknown, not fine.
    pub gaps: Vec<Window>,
    /// While the problem lasted, as far as it lies in the picture.
    pub incident: Option<Window>,
    /// The value at the lower edge.
    pub low: f64,
    /// The value at the upper edge, above `low`.
    pub high: f64,
    /// The lower edge in words.
    pub low_label: String,
    /// The upper edge in words.
    pub high_label: String,
    /// The first instant in words.
    pub start_label: String,
    /// The last instant in words.
    pub end_label: String,
    /// A few round values between the edges, lowest first.
    pub value_ticks: Vec<ValueTick>,
    /// A few round times in the reader's zone, oldest first.
    pub time_ticks: Vec<TimeTick>,
    /// The changes inside the series' time, the likeliest cause first.
    pub marks: Vec<ChartMark>,
}

impl Chart {
    /// The chart of a finding's evidence; `None` with fewer than three points.
    pub fn of(finding: &Finding, ctx: &RenderContext) -> Option<Self> {
        let kind = match finding.subject {
            Subject::Metric { kind, .. } => kind,
            _ => MetricKind::Count,
        };
        let points: Vec<_> = finding.series.iter().copied().filter(is_number).collect();
        let (start, last) = (points.first()?.at, points.last()?.at);
        let in_order = points.windows(2).all(|pair| pair[0].at < pair[1].at);
        if points.len() < POINTS_MIN || !in_order {
            return None;
        }
        let step_ms = finding.step_ms.max(1);
        let end = end(finding, start, last.plus_ms(step_ms), ctx);
        let (low, high) = scale(&points);
        Some(Self {
            title: subject_name(&finding.subject),
            kind,
            low_label: number::value(kind, low),
            high_label: number::value(kind, high),
            start_label: ctx.clock(start),
            end_label: ctx.clock(end),
            value_ticks: ticks::values(kind, low, high),
            time_ticks: ticks::times(start, end, ctx),
            marks: marks(finding, start, end, ctx),
            gaps: gaps(&points, step_ms, end),
            incident: incident(finding, start, end),
            points,
            step_ms,
            start,
            end,
            low,
            high,
        })
    }

    /// The chart of what a message tells; `None` where it tells nothing with numbers.
    pub fn in_view(view: &View, ctx: &RenderContext) -> Option<Self> {
        match view {
            View::Finding(view) => Self::of(&view.finding, ctx),
            View::Recovery(view) => Self::of(&view.finding, ctx),
            View::Why(view) => Self::of(&view.finding, ctx),
            _ => None,
        }
    }

    /// The measured values alone.
    pub fn values(&self) -> Vec<f64> {
        self.points.iter().map(|point| point.value).collect()
    }

    /// The points in stretches without a gap, oldest first.
    pub fn runs(&self) -> impl Iterator<Item = &[SeriesPoint]> {
        self.points.chunk_by(|one, next| !is_gap(one.at, next.at, self.step_ms))
    }

    /// The point whose step `at` is nearest to; `None` in a gap.
    pub fn point_at(&self, at: Timestamp) -> Option<&SeriesPoint> {
        let known = self.is_known(at);
        self.points.iter().filter(|_| known).min_by_key(|point| point.at.since(at).unsigned_abs())
    }

    /// Whether `at` lies in no gap.
    pub fn is_known(&self, at: Timestamp) -> bool {
        !self.gaps.iter().any(|gap| gap.contains(at))
    }

    /// Whether a point lies outside what was expected.
    pub fn is_outside(point: &SeriesPoint) -> bool {
        point.value < point.low || point.value > point.high
    }
}

fn is_number(point: &SeriesPoint) -> bool {
    // Not-a-number is not below anything either.
    [point.value, point.expected, point.low, point.high].iter().all(|number| number.abs() < NUMBER_MAX)
}

/// Where the axis ends: while a source is silent it goes on to the present, so that the silence is seen, but not for longer
/// than the numbers themselves.
fn end(finding: &Finding, start: Timestamp, known: Timestamp, ctx: &RenderContext) -> Timestamp {
    let latest = known.plus_ms(known.since(start));
    let silent = finding.unknown_since.is_some() && !finding.is_over();
    if silent && ctx.now > known { ctx.now.min(latest) } else { known }
}

/// Half a step of slack: buckets may begin a little late.
fn is_gap(one: Timestamp, next: Timestamp, step_ms: i64) -> bool {
    next.since(one) > step_ms.saturating_add(step_ms / 2)
}

fn gaps(points: &[SeriesPoint], step_ms: i64, end: Timestamp) -> Vec<Window> {
    let nexts = points.iter().skip(1).map(|point| point.at).chain([end]);
    let pairs = points.iter().zip(nexts);
    let gaps = pairs.filter(|(point, next)| is_gap(point.at, *next, step_ms));
    gaps.map(|(point, next)| Window { from: point.at.plus_ms(step_ms), to: next }).collect()
}

fn incident(finding: &Finding, start: Timestamp, end: Timestamp) -> Option<Window> {
    let over = match finding.state {
        FindingState::Resolved { at, .. } => at.min(end),
        _ => end,
    };
    let from = finding.since.max(start);
    (from < over).then_some(Window { from, to: over })
}

/// From zero, unless everything lies in the upper half: then the axis starts below the lowest, and its label says so.
fn scale(points: &[SeriesPoint]) -> (f64, f64) {
    let low = points.iter().map(|p| p.value.min(p.low)).fold(f64::INFINITY, f64::min);
    let high = points.iter().map(|p| p.value.max(p.high)).fold(f64::NEG_INFINITY, f64::max);
    let upper_half = low > 0.0 && low > high / 2.0 && high > low;
    let low = if upper_half { low - (high - low) * 0.1 } else { low.min(0.0) };
    (low, if high > low { high } else { low + 1.0 })
}

fn marks(finding: &Finding, start: Timestamp, end: Timestamp, ctx: &RenderContext) -> Vec<ChartMark> {
    let changes = finding.causes.iter().map(|cause| &cause.change);
    let inside = changes.filter(|change| (start..=end).contains(&change.at));
    inside
        .map(|change| {
            // A flag is known by its key; "flag" would only take room.
            let name = change.label();
            let name = if change.kind == ChangeKind::Flag { name.trim_start_matches("flag ") } else { &name };
            ChartMark { at: change.at, label: format!("{} {}", sanitize(name, LABEL_LEN_MAX), ctx.clock(change.at)) }
        })
        .collect()
}
