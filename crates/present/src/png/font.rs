//! The embedded font: Inter Medium, a subset with Latin, Greek and Cyrillic letters (`fonts/OFL.txt`).

use tiny_skia::{Path, PathBuilder};
use ttf_parser::{Face, OutlineBuilder};

static INTER: &[u8] = include_bytes!("../../fonts/inter-medium.otf");

/// Measures and outlines text.
pub(super) struct Font {
    face: Face<'static>,
}

impl Font {
    pub(super) fn load() -> Option<Self> {
        Face::parse(INTER, 0).ok().map(|face| Self { face })
    }

    /// Whether there is a glyph for every character.
    pub(super) fn shows(&self, text: &str) -> bool {
        text.chars().all(|c| self.face.glyph_index(c).is_some())
    }

    fn scale(&self, size: f32) -> f32 {
        size / f32::from(self.face.units_per_em())
    }

    /// Width of `text` at `size` pixels an em. Characters without a glyph have none.
    pub(super) fn width(&self, text: &str, size: f32) -> f32 {
        let glyphs = text.chars().filter_map(|c| self.face.glyph_index(c));
        let units: u32 = glyphs.filter_map(|glyph| self.face.glyph_hor_advance(glyph)).map(u32::from).sum();
        units as f32 * self.scale(size)
    }

    /// The outlines of `text`, its left end at `x`, standing on `baseline`. `None` where there is nothing to fill.
    pub(super) fn outline(&self, text: &str, x: f32, baseline: f32, size: f32) -> Option<Path> {
        let scale = self.scale(size);
        let mut pen = Pen { path: PathBuilder::new(), x, baseline, scale };
        for glyph in text.chars().filter_map(|c| self.face.glyph_index(c)) {
            self.face.outline_glyph(glyph, &mut pen);
            pen.x += f32::from(self.face.glyph_hor_advance(glyph).unwrap_or(0)) * scale;
        }
        pen.path.finish()
    }

    /// The first characters of `text` that fit in `width`, the last of them `…` if something was cut.
    pub(super) fn fit(&self, text: &str, size: f32, width: f32) -> String {
        if self.width(text, size) <= width {
            return text.to_owned();
        }
        let mut kept: Vec<char> = text.chars().collect();
        while kept.pop().is_some() {
            let cut: String = kept.iter().collect::<String>().trim_end().to_owned() + "…";
            if self.width(&cut, size) <= width {
                return cut;
            }
        }
        String::new()
    }
}

/// Where the next glyph goes; the font's y grows upwards.
struct Pen {
    path: PathBuilder,
    x: f32,
    baseline: f32,
    scale: f32,
}

impl Pen {
    fn to(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, self.baseline - y * self.scale)
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.to(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.to(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.to(x1, y1), self.to(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.to(x1, y1), self.to(x2, y2), self.to(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
