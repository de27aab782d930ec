//! Pixels: the few shapes a chart needs, and the file they become.

use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash, Transform,
};

use super::{
    palette::{Indexed, index},
    theme::Colour,
};

/// A picture under way. Shapes with a coordinate that is no number are left out.
pub(super) struct Canvas {
    pixels: Pixmap,
}

impl Canvas {
    pub(super) fn new(width: u32, height: u32, background: Colour) -> Option<Self> {
        let mut pixels = Pixmap::new(width, height)?;
        let [r, g, b, a] = background;
        pixels.fill(Color::from_rgba8(r, g, b, a));
        Some(Self { pixels })
    }

    pub(super) fn fill(&mut self, path: Option<Path>, colour: Colour) {
        if let Some(path) = path {
            self.pixels.fill_path(&path, &paint(colour), FillRule::Winding, Transform::identity(), None);
        }
    }

    pub(super) fn rectangle(&mut self, left: f32, top: f32, right: f32, bottom: f32, colour: Colour) {
        self.fill(Rect::from_ltrb(left, top, right, bottom).map(PathBuilder::from_rect), colour);
    }

    pub(super) fn dot(&mut self, at: (f32, f32), radius: f32, colour: Colour) {
        self.fill(PathBuilder::from_circle(at.0, at.1, radius), colour);
    }

    pub(super) fn polygon(&mut self, corners: impl IntoIterator<Item = (f32, f32)>, colour: Colour) {
        let mut path = trace(corners);
        path.close();
        self.fill(path.finish(), colour);
    }

    /// A line through `corners`; `dash` is the length of its strokes and gaps.
    pub(super) fn line(
        &mut self,
        corners: impl IntoIterator<Item = (f32, f32)>,
        width: f32,
        dash: Option<f32>,
        colour: Colour,
    ) {
        let dash = dash.and_then(|length| StrokeDash::new(vec![length, length], 0.0));
        let stroke = Stroke { width, dash, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
        if let Some(path) = trace(corners).finish() {
            self.pixels.stroke_path(&path, &paint(colour), &stroke, Transform::identity(), None);
        }
    }

    /// The picture as a PNG file with a palette and without transparency.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        // The background is opaque, so no colour is premultiplied by anything but one.
        let Indexed { palette, pixels } = index(self.pixels.data());
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.pixels.width(), self.pixels.height());
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_palette(palette);
        encoder.set_compression(png::Compression::Balanced);
        // Neighbouring numbers of a palette are no neighbouring colours: their differences say nothing.
        encoder.set_filter(png::Filter::NoFilter);
        let mut writer = encoder.write_header().ok()?;
        writer.write_image_data(&pixels).ok()?;
        writer.finish().ok()?;
        Some(file)
    }
}

fn paint(colour: Colour) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    let [r, g, b, a] = colour;
    paint.set_color_rgba8(r, g, b, a);
    paint
}

fn trace(corners: impl IntoIterator<Item = (f32, f32)>) -> PathBuilder {
    let mut path = PathBuilder::new();
    for (i, (x, y)) in corners.into_iter().enumerate() {
        if i == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
    }
    path
}
