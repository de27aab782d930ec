//! A picture in at most 256 colours: a third of the bytes to compress, and a chart has hardly more.

use std::collections::HashMap;

/// As many as a byte can name.
const COLOURS_MAX: usize = 256;

/// Colours, and for each pixel the number of its own.
pub(super) struct Indexed {
    /// Red, green, blue of each colour, the most frequent first.
    pub palette: Vec<u8>,
    /// One byte a pixel.
    pub pixels: Vec<u8>,
}

type Rgb = [u8; 3];

/// Keeps the most frequent colours; each of the others, edges of letters and lines, becomes the nearest that is kept.
///
/// `rgba`: four bytes a pixel; opacity is left out.
pub(super) fn index(rgba: &[u8]) -> Indexed {
    let colours = || rgba.chunks_exact(4).map(|pixel| [pixel[0], pixel[1], pixel[2]]);
    let mut counts: HashMap<Rgb, usize> = HashMap::new();
    for (colour, length) in runs(colours()) {
        *counts.entry(colour).or_default() += length;
    }
    let mut ranked: Vec<(Rgb, usize)> = counts.into_iter().collect();
    ranked.sort_unstable_by_key(|&(colour, count)| (std::cmp::Reverse(count), colour));
    let kept: Vec<Rgb> = ranked.iter().take(COLOURS_MAX).map(|(colour, _)| *colour).collect();
    let numbers: HashMap<Rgb, u8> = ranked.iter().map(|(colour, _)| (*colour, nearest(&kept, *colour))).collect();
    let mut pixels = Vec::with_capacity(rgba.len() / 4);
    for (colour, length) in runs(colours()) {
        pixels.resize(pixels.len() + length, numbers.get(&colour).copied().unwrap_or(0));
    }
    Indexed { palette: kept.concat(), pixels }
}

/// Equal neighbours together: most of a chart is background.
fn runs(colours: impl Iterator<Item = Rgb>) -> impl Iterator<Item = (Rgb, usize)> {
    let mut colours = colours.peekable();
    std::iter::from_fn(move || {
        let colour = colours.next()?;
        let mut length = 1;
        while colours.next_if_eq(&colour).is_some() {
            length += 1;
        }
        Some((colour, length))
    })
}

fn nearest(kept: &[Rgb], colour: Rgb) -> u8 {
    let distance = |other: &Rgb| -> u32 {
        let channels = other.iter().zip(colour);
        channels.map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    let found = kept.iter().enumerate().min_by_key(|(_, other)| distance(other));
    found.and_then(|(i, _)| u8::try_from(i).ok()).unwrap_or(0)
}
