//! The parts of the picture, from the back to the front.

use wakeman_types::{SeriesPoint, Timestamp};

use super::{
    IMAGE_HEIGHT, IMAGE_WIDTH,
    canvas::Canvas,
    font::Font,
    labels::{LABEL_SIZE, Placed, place},
    theme::Colours,
};
use crate::{Chart, number};

/// Pixels an em; half of it is what a phone shows in points.
const TITLE_SIZE: f32 = 27.0;
/// Around everything.
const MARGIN: f32 = 20.0;
const TITLE_BASELINE: f32 = 41.0;
/// Where the rows of names begin, and their height.
const ROWS_TOP: f32 = 58.0;
const ROW_HEIGHT: f32 = 31.0;
/// Room for the times under the plot, and the plot's lower edge.
const BOTTOM: f32 = IMAGE_HEIGHT as f32 - 56.0;
const RIGHT: f32 = IMAGE_WIDTH as f32 - MARGIN;
/// Free above the highest value, so that no line is drawn on the edge.
const HEADROOM: f32 = 10.0;

/// The whole picture.
pub(super) fn draw(chart: &Chart, colours: &Colours) -> Option<Canvas> {
    let font = Font::load()?;
    let canvas = Canvas::new(IMAGE_WIDTH, IMAGE_HEIGHT, colours.background)?;
    let widest = chart.value_ticks.iter().map(|tick| font.width(&tick.label, LABEL_SIZE)).fold(0.0, f32::max);
    let left = MARGIN + widest + 14.0;
    let mut picture = Picture { chart, colours, font, canvas, left, top: ROWS_TOP };
    let names = place(chart, &picture.font, (left, RIGHT), |mark| picture.x(chart.marks[mark].at));
    let rows = names.iter().map(|name| name.row + 1).max().unwrap_or(0);
    picture.top += rows as f32 * ROW_HEIGHT + 6.0;
    picture.title();
    picture.incident();
    picture.grid();
    picture.gaps();
    picture.band();
    picture.changes(&names);
    picture.series();
    Some(picture.canvas)
}

struct Picture<'a> {
    chart: &'a Chart,
    colours: &'a Colours,
    font: Font,
    canvas: Canvas,
    /// The plot's left and upper edge.
    left: f32,
    top: f32,
}

impl Picture<'_> {
    fn x(&self, at: Timestamp) -> f32 {
        let part = at.since(self.chart.start) as f64 / self.chart.end.since(self.chart.start).max(1) as f64;
        self.left + part.clamp(0.0, 1.0) as f32 * (RIGHT - self.left)
    }

    /// A point stands for its step: it is drawn in the middle.
    fn x_of(&self, point: &SeriesPoint) -> f32 {
        self.x(point.at.plus_ms(self.chart.step_ms / 2))
    }

    fn y(&self, value: f64) -> f32 {
        let part = (value - self.chart.low) / (self.chart.high - self.chart.low);
        BOTTOM - part.clamp(0.0, 1.0) as f32 * (BOTTOM - self.top - HEADROOM)
    }

    fn text(&mut self, text: &str, x: f32, baseline: f32, size: f32, ink: super::theme::Colour) {
        let outline = self.font.outline(text, x, baseline, size);
        self.canvas.fill(outline, ink);
    }

    /// The name of the numbers on the left, what the shapes mean on the right.
    fn title(&mut self) {
        let mut x = RIGHT;
        for (word, colour) in [("outside", self.colours.outside), ("expected", self.colours.band)] {
            x -= self.font.width(word, LABEL_SIZE);
            self.text(word, x, TITLE_BASELINE, LABEL_SIZE, self.colours.dim);
            if word == "outside" {
                self.canvas.dot((x - 15.0, TITLE_BASELINE - 8.0), 7.0, colour);
                x -= 46.0;
            } else {
                self.canvas.rectangle(x - 38.0, TITLE_BASELINE - 17.0, x - 9.0, TITLE_BASELINE + 1.0, colour);
                let middle = TITLE_BASELINE - 8.0;
                self.canvas.line([(x - 38.0, middle), (x - 9.0, middle)], 2.0, None, self.colours.expected);
                x -= 62.0;
            }
        }
        // A name in letters the font does not have says more in the message than in boxes.
        if self.font.shows(&self.chart.title) {
            let step = format!(" per {}", number::span(self.chart.step_ms));
            let room = x - MARGIN;
            let name = self.font.fit(&self.chart.title, TITLE_SIZE, room);
            let width = self.font.width(&name, TITLE_SIZE);
            self.text(&name, MARGIN, TITLE_BASELINE, TITLE_SIZE, self.colours.ink);
            let is_count = self.chart.kind == wakeman_types::MetricKind::Count;
            if is_count && width + self.font.width(&step, LABEL_SIZE) <= room {
                self.text(&step, MARGIN + width, TITLE_BASELINE, LABEL_SIZE, self.colours.dim);
            }
        }
    }

    /// Shaded, with a bar above it that does not depend on seeing the shade.
    fn incident(&mut self) {
        let Some(window) = self.chart.incident else { return };
        let (from, to) = (self.x(window.from), self.x(window.to));
        self.canvas.rectangle(from, self.top, to, BOTTOM, self.colours.incident);
        self.canvas.rectangle(from, self.top - 4.0, to, self.top, self.colours.outside);
    }

    fn grid(&mut self) {
        for tick in &self.chart.value_ticks {
            let y = self.y(tick.value);
            self.canvas.line([(self.left, y), (RIGHT, y)], 1.5, None, self.colours.grid);
            let x = self.left - 12.0 - self.font.width(&tick.label, LABEL_SIZE);
            self.text(&tick.label, x, y + 8.0, LABEL_SIZE, self.colours.dim);
        }
        self.canvas.line([(self.left, BOTTOM), (RIGHT, BOTTOM)], 2.0, None, self.colours.dim);
        let mut free_from = 0.0;
        for tick in &self.chart.time_ticks {
            let (x, width) = (self.x(tick.at), self.font.width(&tick.label, LABEL_SIZE));
            self.canvas.line([(x, BOTTOM), (x, BOTTOM + 7.0)], 2.0, None, self.colours.dim);
            let start = (x - width / 2.0).clamp(MARGIN / 2.0, IMAGE_WIDTH as f32 - MARGIN / 2.0 - width);
            if start >= free_from {
                self.text(&tick.label, start, BOTTOM + 37.0, LABEL_SIZE, self.colours.dim);
                free_from = start + width + 18.0;
            }
        }
    }

    /// Hatched, and named where there is room.
    fn gaps(&mut self) {
        const STRIDE: f32 = 14.0;
        const WORD: &str = "unknown";
        for gap in &self.chart.gaps {
            let (from, to, height) = (self.x(gap.from), self.x(gap.to), BOTTOM - self.top);
            let mut foot = from - height;
            while foot < to {
                // A line at 45°, cut to the gap.
                let (low, high) = (foot.max(from), (foot + height).min(to));
                if low < high {
                    let (a, b) = ((low, BOTTOM - (low - foot)), (high, BOTTOM - (high - foot)));
                    self.canvas.line([a, b], 1.5, None, self.colours.hatch);
                }
                foot += STRIDE;
            }
            let width = self.font.width(WORD, LABEL_SIZE);
            if width + 20.0 <= to - from {
                let (x, y) = ((from + to - width) / 2.0, (self.top + BOTTOM) / 2.0);
                self.canvas.rectangle(x - 6.0, y - 22.0, x + width + 6.0, y + 10.0, self.colours.background);
                self.text(WORD, x, y, LABEL_SIZE, self.colours.dim);
            }
        }
    }

    /// The band as wide as its steps, the expected value through its middle.
    fn band(&mut self) {
        for run in self.chart.runs() {
            let (low, high) = (self.edge(run, |point| point.low), self.edge(run, |point| point.high));
            self.canvas.polygon(low.into_iter().chain(high.into_iter().rev()), self.colours.band);
            let expected = self.edge(run, |point| point.expected);
            self.canvas.line(expected, 2.0, Some(7.0), self.colours.expected);
        }
    }

    /// A line through `value` of every point, from the start of the first step to the end of the last.
    fn edge(&self, run: &[SeriesPoint], value: fn(&SeriesPoint) -> f64) -> Vec<(f32, f32)> {
        let end = |point: &SeriesPoint, ms: i64| (self.x(point.at.plus_ms(ms)), self.y(value(point)));
        let begin = run.first().map(|point| end(point, 0));
        let middle = run.iter().map(|point| (self.x_of(point), self.y(value(point))));
        begin.into_iter().chain(middle).chain(run.last().map(|point| end(point, self.chart.step_ms))).collect()
    }

    /// A line down to the time of each change, `▲` under it, the name beside it.
    fn changes(&mut self, names: &[Placed]) {
        for (i, mark) in self.chart.marks.iter().enumerate() {
            let x = self.x(mark.at);
            let name = names.iter().find(|name| name.mark == i);
            let from = name.map_or(self.top, |name| ROWS_TOP + name.row as f32 * ROW_HEIGHT + 4.0);
            self.canvas.line([(x, from), (x, BOTTOM)], 2.5, Some(6.0), self.colours.mark);
            let foot = BOTTOM + 16.0;
            self.canvas.polygon([(x, BOTTOM + 1.0), (x - 9.0, foot), (x + 9.0, foot)], self.colours.mark);
        }
        for name in names {
            let ink = if name.mark == 0 { self.colours.ink } else { self.colours.dim };
            let baseline = ROWS_TOP + name.row as f32 * ROW_HEIGHT + 22.0;
            self.text(&name.text, name.left, baseline, LABEL_SIZE, ink);
        }
    }

    /// The measured line; what leaves the band in another colour and with a dot on every point.
    fn series(&mut self) {
        let spacing = (RIGHT - self.left) / self.chart.points.len() as f32;
        let radius = (spacing * 0.45).clamp(3.5, 7.0);
        let mut dots: Vec<(f32, f32)> = Vec::new();
        for run in self.chart.runs() {
            let corner = |point: &SeriesPoint| (self.x_of(point), self.y(point.value));
            let corners: Vec<_> = run.iter().map(corner).collect();
            let outside: Vec<bool> = run.iter().map(Chart::is_outside).collect();
            self.canvas.line(corners.iter().copied(), 4.0, None, self.colours.line);
            for i in 1..run.len() {
                if outside[i] {
                    self.canvas.line([corners[i - 1], corners[i]], 4.0, None, self.colours.outside);
                }
            }
            dots.extend(corners.iter().zip(&outside).filter(|(_, outside)| **outside).map(|(corner, _)| *corner));
            // A lone point between two gaps has no line.
            if let ([only], [false]) = (&corners[..], &outside[..]) {
                self.canvas.dot(*only, radius, self.colours.line);
            }
        }
        for dot in dots {
            self.canvas.dot(dot, radius + 2.0, self.colours.background);
            self.canvas.dot(dot, radius, self.colours.outside);
        }
    }
}
