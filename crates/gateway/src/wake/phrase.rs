//! When, in a person's words: `weekdays 09:00 Europe/Berlin`, `mon,thu 17:30`, `every 2 hours`, `1st 08:00`, `cron 0 9 * * 1-5`.

use chrono_tz::Tz;

/// What can be written, for whoever wrote something else.
pub const EXAMPLES: &str = "write it like \"daily 09:00\", \"weekdays 09:00 Europe/Berlin\", \"mon,thu 17:30\", \"1st 08:00\", \"every 2 hours\", or \
     \"cron 0 9 * * 1-5\"";

/// Days by the names people give them, as cron counts them.
const DAYS: [(&str, u8); 7] = [("sun", 0), ("mon", 1), ("tue", 2), ("wed", 3), ("thu", 4), ("fri", 5), ("sat", 6)];

/// Five cron fields and the zone they are read in. `zone`: where none is named.
///
/// # Errors
/// What is wrong with it, with examples.
pub fn cron_of(phrase: &str, zone: Tz) -> Result<(String, Tz), String> {
    let mut words: Vec<&str> = phrase.split_whitespace().collect();
    let mut zone = zone;
    if let Some(last) = words.last()
        && let Some(named) = zone_of(last)?
    {
        zone = named;
        words.pop();
    }
    let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).filter(|word| *word != "at").collect();
    let pattern = match lower.as_slice() {
        ["cron", fields @ ..] if fields.len() == 5 => fields.join(" "),
        ["cron", name] if name.starts_with('@') => {
            return Err(format!("\"{}\" is not five fields; write \"daily 00:00\" or \"cron 0 0 * * *\"", shown(name)));
        }
        ["hourly"] => "0 * * * *".to_owned(),
        ["every", number, unit] if number.parse::<u32>().is_ok() => every(number, unit)?,
        ["every", days, time] | [days, time] => {
            let (hour, minute) = time_of(time)?;
            match day_of_month(days) {
                Some(day) => format!("{minute} {hour} {day} * *"),
                None => format!("{minute} {hour} * * {}", days_of(days)?),
            }
        }
        _ => return Err(wrong(phrase, &words, zone)),
    };
    Ok((pattern, zone))
}

/// What is wrong with words that are no time: the last of them alone, where the others are one.
fn wrong(phrase: &str, words: &[&str], zone: Tz) -> String {
    if let [time @ .., last] = words
        && cron_of(&time.join(" "), zone).is_ok()
    {
        return no_zone(last);
    }
    match words {
        ["cron", fields @ ..] => {
            format!(
                "cron takes five fields, minutes first, and not {}: write it like \"cron 0 9 * * 1-5\"",
                fields.len()
            )
        }
        _ => format!("\"{}\" is not a time; {EXAMPLES}", shown(phrase)),
    }
}

fn no_zone(word: &str) -> String {
    format!("\"{}\" is not a time zone; write it like Europe/Berlin or UTC", shown(word))
}

fn shown(text: &str) -> String {
    wakeman_present::sanitize(text, 60)
}

/// A zone, if the word looks like one.
fn zone_of(word: &str) -> Result<Option<Tz>, String> {
    if !word.contains('/') && !word.eq_ignore_ascii_case("utc") || word.contains('*') {
        return Ok(None);
    }
    let found = chrono_tz::TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(word));
    found.copied().map(Some).ok_or_else(|| no_zone(word))
}

fn every(number: &str, unit: &str) -> Result<String, String> {
    let (given, name) = (format!("every {} {}", shown(number), shown(unit)), unit.trim_end_matches('s'));
    let number: u32 = number.parse().map_err(|_| format!("\"{}\" is not a number", shown(number)))?;
    match name {
        "hour" | "h" if number > 0 && 24 % number == 0 => Ok(format!("0 */{number} * * *")),
        "hour" | "h" => Err(format!("{given} does not fit into a day; hours can be 1, 2, 3, 4, 6, 8, 12 or 24")),
        "minute" | "min" | "m" if (5..60).contains(&number) && 60 % number == 0 => Ok(format!("*/{number} * * * *")),
        "minute" | "min" | "m" if number < 5 => Err(format!("{given} is too often; every 5 minutes is the most")),
        "minute" | "min" | "m" => {
            Err(format!("{given} does not fit into an hour; minutes can be 5, 6, 10, 12, 15, 20 or 30"))
        }
        _ => Err(format!("\"{}\" is not minutes or hours; write it like \"every 2 hours\"", shown(unit))),
    }
}

fn time_of(text: &str) -> Result<(u8, u8), String> {
    let parsed = text.split_once(':').and_then(|(hour, minute)| Some((hour.parse().ok()?, minute.parse().ok()?)));
    match parsed {
        Some((hour @ 0..=23, minute @ 0..=59)) => Ok((hour, minute)),
        _ => Err(format!("\"{}\" is not a time of day; write it like 09:00", shown(text))),
    }
}

/// `1st`, `15th`: months without that day are left out, so only days that all months have.
fn day_of_month(text: &str) -> Option<u8> {
    let number = ["st", "nd", "rd", "th"].iter().find_map(|end| text.strip_suffix(end))?;
    number.parse().ok().filter(|day| (1..=28).contains(day))
}

fn days_of(text: &str) -> Result<String, String> {
    match text {
        "day" | "days" | "daily" => return Ok("*".to_owned()),
        "weekday" | "weekdays" => return Ok("1-5".to_owned()),
        "weekend" | "weekends" => return Ok("0,6".to_owned()),
        _ => {}
    }
    let mut days = Vec::new();
    for part in text.split(',') {
        match part.split_once('-') {
            Some((from, to)) => days.push(format!("{}-{}", day_of(from)?, day_of(to)?)),
            None => days.push(day_of(part)?.to_string()),
        }
    }
    Ok(days.join(","))
}

fn day_of(text: &str) -> Result<u8, String> {
    let full = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    let name = text.strip_suffix('s').filter(|name| full.contains(name)).unwrap_or(text);
    let known = DAYS.iter().find(|(short, number)| *short == name || full[usize::from(*number)] == name);
    known.map(|(_, number)| *number).ok_or_else(|| format!("\"{}\" is not a day; {EXAMPLES}", shown(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_becomes_five_fields_and_a_zone() {
        let berlin = Tz::Europe__Berlin;
        let table = [
            ("weekdays 09:00 Europe/Berlin", "0 9 * * 1-5", berlin),
            ("Weekdays at 9:05", "5 9 * * 1-5", Tz::UTC),
            ("daily 00:00 europe/berlin", "0 0 * * *", berlin),
            ("every day 23:59 utc", "59 23 * * *", Tz::UTC),
            ("mon,thu 17:30", "30 17 * * 1,4", Tz::UTC),
            ("mon-fri 08:00", "0 8 * * 1-5", Tz::UTC),
            ("every Monday at 08:00", "0 8 * * 1", Tz::UTC),
            ("sundays 20:00", "0 20 * * 0", Tz::UTC),
            ("weekends 10:00", "0 10 * * 0,6", Tz::UTC),
            ("1st 08:00", "0 8 1 * *", Tz::UTC),
            ("hourly", "0 * * * *", Tz::UTC),
            ("every 2 hours", "0 */2 * * *", Tz::UTC),
            ("every 15 minutes Europe/Berlin", "*/15 * * * *", berlin),
            ("cron 0 9 * * 1-5 Europe/Berlin", "0 9 * * 1-5", berlin),
            ("cron */30 9-17 * * 1-5", "*/30 9-17 * * 1-5", Tz::UTC),
        ];
        for (phrase, pattern, zone) in table {
            assert_eq!(cron_of(phrase, Tz::UTC), Ok((pattern.to_owned(), zone)), "{phrase}");
        }
        assert_eq!(cron_of("daily 09:00", berlin).unwrap().1, berlin, "where none is named, the operator's");
    }

    #[test]
    fn what_is_no_time_is_named_with_examples() {
        let table = [
            ("", "is not a time"),
            ("sometimes", "is not a time"),
            ("daily 25:00", "\"25:00\" is not a time of day"),
            ("funday 09:00", "\"funday\" is not a day"),
            ("31st 09:00", "\"31st\" is not a day"),
            ("daily 09:00 Europe/Atlantis", "\"Europe/Atlantis\" is not a time zone"),
            ("every 7 hours", "does not fit into a day"),
            ("every 1 minute", "every 1 minute is too often; every 5 minutes is the most"),
            ("every 7 minutes", "every 7 minutes does not fit into an hour"),
            ("every 2 weeks", "\"weeks\" is not minutes or hours"),
            ("cron @daily", "\"@daily\" is not five fields; write \"daily 00:00\""),
            ("cron 0 9 * *", "cron takes five fields, minutes first, and not 4"),
            ("daily 09:00 CET", "\"CET\" is not a time zone; write it like Europe/Berlin or UTC"),
            ("every 2 hours UTC+2", "\"UTC+2\" is not a time zone"),
            ("cron 0 9 * * 1-5 CET", "\"CET\" is not a time zone"),
            ("daily 09:00\u{1b}[2J", "is not a time of day"),
        ];
        for (phrase, want) in table {
            let said = cron_of(phrase, Tz::UTC).unwrap_err();
            assert!(said.contains(want) && !said.contains('\u{1b}'), "{phrase}: {said}");
        }
    }
}
