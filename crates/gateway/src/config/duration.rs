//! Durations as people write them: `30m`, `1h30m`, `2d`.

/// Milliseconds of `text`, a sum of whole numbers with the units `ms s m h d w`, e.g. `1h30m`.
///
/// `None`: not a duration, zero, or longer than 64 bits of milliseconds hold.
pub fn parse_duration_ms(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: i64 = rest.get(..digits)?.parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        total = total.checked_add(number.checked_mul(unit_ms(&rest[..letters])?)?)?;
        rest = rest[letters..].trim_start();
    }
    (total > 0).then_some(total)
}

fn unit_ms(unit: &str) -> Option<i64> {
    Some(match unit {
        "ms" => 1,
        "s" | "sec" => 1000,
        "m" | "min" => wakeman_types::MINUTE_MS,
        "h" => wakeman_types::HOUR_MS,
        "d" => wakeman_types::DAY_MS,
        "w" => 7 * wakeman_types::DAY_MS,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_by_table() {
        let table = [
            ("30m", Some(1_800_000)),
            ("1h30m", Some(5_400_000)),
            (" 1h 30m ", Some(5_400_000)),
            ("45s", Some(45_000)),
            ("250ms", Some(250)),
            ("2d", Some(172_800_000)),
            ("1w", Some(604_800_000)),
            ("15min", Some(900_000)),
            ("", None),
            ("0m", None),
            ("soon", None),
            ("30", None),
            ("m", None),
            ("-5m", None),
            ("1.5h", None),
            ("30 m", None),
            ("99999999999999999999m", None),
            ("9223372036854775807w", None),
            ("5µ", None),
            ("٣m", None),
        ];
        for (text, want) in table {
            assert_eq!(parse_duration_ms(text), want, "{text:?}");
        }
    }
}
