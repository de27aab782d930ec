//! The chart as a picture for chats: PNG, drawn in this process, with its own font and background.

mod canvas;
mod draw;
mod font;
mod labels;
mod palette;
mod theme;

use wakeman_types::View;

use crate::{Chart, RenderContext, chart_alt};

pub use theme::Theme;

/// Width of a picture in pixels. A phone shows it about 400 points wide, two pixels to the point.
pub const IMAGE_WIDTH: u32 = 800;
/// Height of a picture in pixels.
pub const IMAGE_HEIGHT: u32 = 420;

/// A picture with the words for who cannot see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartImage {
    /// The picture: [`IMAGE_WIDTH`] × [`IMAGE_HEIGHT`], opaque.
    pub png: Vec<u8>,
    /// What it shows, in words.
    pub alt: String,
}

/// The picture that goes with a message; `None` where it tells nothing with numbers.
///
/// Dark: it is looked at on a phone at night, and on a light background a dark card still reads as a card, while a white one
/// in a dark room glares.
pub fn chart_image(view: &View, ctx: &RenderContext) -> Option<ChartImage> {
    let chart = Chart::in_view(view, ctx)?;
    Some(ChartImage { png: chart_png(&chart, Theme::Dark)?, alt: chart_alt(&chart) })
}

/// Draws `chart`. The same chart and theme give the same picture. `None` only where memory for it is missing.
pub fn chart_png(chart: &Chart, theme: Theme) -> Option<Vec<u8>> {
    draw::draw(chart, &theme.colours())?.encode()
}
