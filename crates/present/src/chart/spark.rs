//! The numbers in one line of text.

/// The shape of a series in one line, `▁` lowest to `█` highest; nothing for no numbers. Not-a-numbers are spaces.
pub fn sparkline(values: &[f64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let low = finite().fold(f64::INFINITY, f64::min).min(0.0);
    let high = finite().fold(f64::NEG_INFINITY, f64::max);
    let bar = |value: &f64| match (value - low) / (high - low) {
        height if height.is_finite() => BARS[((height * 7.0).round() as usize).min(7)],
        _ if value.is_finite() => BARS[0],
        _ => ' ',
    };
    values.iter().map(bar).collect()
}
