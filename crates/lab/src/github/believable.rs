//! Believable names and file contents, the same for the same seed.

use sha2::{Digest, Sha256};

/// Deterministic choices drawn from a world's seed and a label: no state, so their order does not matter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dice {
    seed: u64,
}

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// A number below `below` (at least 1) for the label `parts`.
    pub(super) fn roll(self, parts: &[&str], below: u64) -> u64 {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_le_bytes());
        for part in parts {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let digest = hash.finalize();
        let mut number = [0; 8];
        number.copy_from_slice(&digest[..8]);
        u64::from_le_bytes(number) % below.max(1)
    }

    /// One of `choices`.
    pub(super) fn pick<'a>(self, parts: &[&str], choices: &[&'a str]) -> &'a str {
        choices[self.roll(parts, choices.len() as u64) as usize]
    }
}

const NOUNS: [&str; 12] =
    ["limit", "retries", "batch", "window", "offset", "width", "delay", "quota", "depth", "margin", "budget", "slots"];
const VERBS: [&str; 8] = ["load", "apply", "check", "render", "submit", "resolve", "merge", "flush"];

/// Words for branch names and file stems: lower case, dashes, at most 40 characters.
pub(super) fn slug(text: &str) -> String {
    let mut slug = String::new();
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(40);
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "change".to_owned() } else { slug.to_owned() }
}

/// What a file looks like, by the end of its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Code { comment: &'static str, open: &'static str, set: &'static str, close: &'static str },
    Settings { comment: &'static str, assign: &'static str },
    Json,
    Prose,
}

fn style_of(path: &str) -> Style {
    let code = |comment, open, set, close| Style::Code { comment, open, set, close };
    match path.rsplit_once('.').map_or("", |(_, end)| end) {
        "ts" | "tsx" | "js" | "jsx" | "mjs" | "vue" | "svelte" => {
            code("//", "export function {f}(input) {", "  const {k} = {v};", "}")
        }
        "rs" => code("//", "pub fn {f}(input: &Input) {", "    let {k} = {v};", "}"),
        "go" => code("//", "func {f}(input Input) {", "\t{k} := {v}", "}"),
        "rb" => code("#", "def {f}(input)", "  {k} = {v}", "end"),
        "py" => code("#", "def {f}(input):", "    {k} = {v}", ""),
        "sql" => code("--", "CREATE VIEW {f} AS SELECT", "  {v} AS {k},", "  1 AS one;"),
        "css" | "scss" => code("/* */", ".{f} {", "  --{k}: {v}px;", "}"),
        "json" => Style::Json,
        "toml" | "ini" | "env" | "conf" => Style::Settings { comment: "#", assign: " = " },
        "yml" | "yaml" => Style::Settings { comment: "#", assign: ": " },
        "md" | "txt" | "html" => Style::Prose,
        _ => code("//", "function {f}(input) {", "  const {k} = {v};", "}"),
    }
}

/// The contents of a file before the scenario's changes.
pub(super) fn first_version(dice: Dice, path: &str) -> String {
    let style = style_of(path);
    let mut text = String::new();
    match style {
        Style::Json => {
            let keys: Vec<String> = (0..12).map(|line| json_line(dice, path, line, 0)).collect();
            return format!("{{\n{},\n  \"version\": 1\n}}\n", keys.join(",\n"));
        }
        Style::Code { comment, .. } | Style::Settings { comment, .. } => {
            text.push_str(&format!("{comment} {path}\n\n"))
        }
        Style::Prose => text.push_str(&format!("# {path}\n\n")),
    }
    for block in 0..6 {
        text.push_str(&body_block(dice, path, style, block));
    }
    text
}

fn json_line(dice: Dice, path: &str, line: u64, version: u64) -> String {
    let (line_label, version_label) = (line.to_string(), version.to_string());
    let key = dice.pick(&[path, "key", &line_label], &NOUNS);
    let value = dice.roll(&[path, "value", &line_label, &version_label], 900) + 10;
    format!("  \"{key}{line}\": {value}")
}

fn body_block(dice: Dice, path: &str, style: Style, block: u64) -> String {
    let label = block.to_string();
    let assignment = |line: u64| {
        let line = line.to_string();
        let key = dice.pick(&[path, "key", &label, &line], &NOUNS);
        (format!("{key}{line}"), dice.roll(&[path, "value", &label, &line], 900) + 10)
    };
    match style {
        Style::Code { open, set, close, .. } => {
            let verb = dice.pick(&[path, "verb", &label], &VERBS);
            let mut text = format!("{}\n", open.replace("{f}", &format!("{verb}{block}")));
            for line in 0..4 {
                let (key, value) = assignment(line);
                text.push_str(&format!("{}\n", set.replace("{k}", &key).replace("{v}", &value.to_string())));
            }
            text.push_str(&format!("{close}\n\n"));
            text
        }
        Style::Settings { assign, .. } => {
            let (key, value) = assignment(block);
            format!("{key}_{block}{assign}{value}\n")
        }
        Style::Json | Style::Prose => {
            let (key, value) = assignment(block);
            format!("The {key} of part {block} is {value}; ask the team before you change it.\n\n")
        }
    }
}

/// `text` with a small edit that belongs to `label`: one number of the file replaced, or a line added if it has none.
pub(super) fn edited(dice: Dice, path: &str, text: &str, label: &str) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let numbered: Vec<usize> = (0..lines.len()).filter(|at| last_number(&lines[*at]).is_some()).collect();
    // Two neighbours change, so that an edit is more than a typo.
    let first = dice.roll(&[path, "edit", label], numbered.len().saturating_sub(1) as u64) as usize;
    for at in numbered.iter().skip(first).take(2) {
        if let Some((start, end)) = last_number(&lines[*at]) {
            let old: u64 = lines[*at][start..end].parse().unwrap_or(0);
            let new = (old % 1_000) + 1 + dice.roll(&[path, "number", label, &at.to_string()], 90);
            lines[*at].replace_range(start..end, &new.to_string());
        }
    }
    if numbered.is_empty() {
        let value = dice.roll(&[path, "line", label], 900) + 10;
        lines.push(format!("{} {value}\n", dice.pick(&[path, "noun", label], &NOUNS)));
    }
    lines.concat()
}

/// The last run of digits that does not belong to a word.
fn last_number(line: &str) -> Option<(usize, usize)> {
    let bytes = line.as_bytes();
    let end = bytes.iter().rposition(u8::is_ascii_digit)? + 1;
    let start = bytes[..end].iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1);
    let part_of_word = start > 0 && (bytes[start - 1].is_ascii_alphanumeric() || bytes[start - 1] == b'_');
    let short = end - start <= 12;
    (!part_of_word && short).then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_style_can_be_edited_and_stays_itself() {
        let dice = Dice::new(7);
        for path in
            ["a/b.ts", "x.rs", "q.sql", "package.json", "config/app.toml", "c.yml", "README.md", "x.py", "Makefile"]
        {
            let first = first_version(dice, path);
            let second = edited(dice, path, &first, "c1");
            assert_ne!(first, second, "{path}");
            assert_eq!(first.lines().count(), second.lines().count(), "{path}");
            assert_ne!(second, edited(dice, path, &second, "c1"), "{path}: the same edit twice must differ");
        }
    }

    #[test]
    fn json_stays_json() {
        let dice = Dice::new(1);
        let text = edited(dice, "a.json", &first_version(dice, "a.json"), "c");
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
    }

    #[test]
    fn a_file_without_numbers_grows() {
        assert!(edited(Dice::new(1), "x", "", "c").lines().count() == 1);
    }

    #[test]
    fn slugs_are_short_and_plain() {
        let table = [("signup: new form", "signup-new-form"), ("!!", "change"), ("Ünïcode", "n-code")];
        for (text, want) in table {
            assert_eq!(slug(text), want);
        }
    }
}
