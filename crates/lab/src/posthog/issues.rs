//! Error tracking: the issues a scenario's new errors and hostile exception texts make.

use serde_json::{Value, json};

use crate::scenario::{Change, Effect, Incident, Scenario};
use crate::world::Dice;

/// Channel of hostile texts that stand in an exception.
const EXCEPTION_CHANNEL: &str = "exception_message";
/// Events an hour of an issue that only carries a hostile text.
const UNTRUSTED_PER_HOUR: f64 = 4.0;
/// Where an error without a known cause comes from.
const UNKNOWN_SOURCES: [(&str, &str); 4] = [
    ("web/app/session.ts", "restoreSession"),
    ("web/app/router.ts", "resolveRoute"),
    ("api/app/handlers.ts", "handleRequest"),
    ("web/app/store.ts", "applyPatch"),
];

/// One issue of the error tracker.
#[derive(Debug, Clone, PartialEq)]
pub struct Issue {
    /// Its id, a UUID.
    pub id: String,
    /// The exception's type.
    pub name: String,
    /// The exception's message.
    pub description: String,
    /// The frames of its stack, innermost first.
    pub frames: Vec<Frame>,
    /// `active`, `resolved`, `suppressed`, `archived` or `pending_release`.
    pub status: String,
    /// When somebody set that status.
    pub status_ms: i64,
    /// The incident that makes it occur; `None`: a hostile text.
    pub incident: Option<usize>,
    /// When it first may occur.
    pub from_ms: i64,
    /// Mean events an hour.
    pub per_hour: f64,
    /// Properties that all its events share beside the exception's own.
    pub extra: Vec<(String, String)>,
}

/// One frame of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Path in the repository.
    pub file: String,
    /// Function.
    pub function: String,
    /// Line, from 1.
    pub line: u64,
}

/// The issues of a scenario: one per `new_error` incident, one per hostile exception text.
pub(crate) fn of_scenario(scenario: &Scenario) -> Vec<Issue> {
    let errors = scenario.incidents.iter().enumerate().filter(|(_, incident)| incident.effect == Effect::NewError);
    let hostile = scenario.untrusted.iter().enumerate().filter(|(_, text)| text.channel == EXCEPTION_CHANNEL);
    let errors = errors.map(|(at, incident)| of_incident(scenario, at, incident));
    let hostile = hostile.map(|(at, text)| {
        let dice = Dice::new(scenario.seed, &format!("untrusted/{at}"));
        let frames = vec![unknown_frame(dice)];
        let name = text.text.split_once(':').map_or("Error", |(kind, _)| kind);
        let name = if name.ends_with("Error") && name.len() < 40 { name } else { "Error" };
        Issue {
            id: uuid(dice, 0),
            name: name.to_owned(),
            description: text.text.clone(),
            frames,
            status: "active".to_owned(),
            status_ms: 0,
            incident: None,
            from_ms: text.at_ms,
            per_hour: UNTRUSTED_PER_HOUR,
            extra: Vec::new(),
        }
    });
    errors.chain(hostile).collect()
}

fn of_incident(scenario: &Scenario, at: usize, incident: &Incident) -> Issue {
    let dice = Dice::new(scenario.seed, &format!("error/{}", incident.id));
    let cause = incident.cause.as_deref().and_then(|id| scenario.change(id));
    let frames = cause.map_or_else(|| vec![unknown_frame(dice)], |change| frames(change, dice));
    let (name, description) = wording(&frames[0], dice);
    let exposed = cause.and_then(Change::flag_edit).filter(|(_, rollout)| *rollout > 0.0);
    let exposed = exposed.map(|(flag, _)| (format!("$feature/{flag}"), "true".to_owned()));
    Issue {
        id: uuid(dice, 0),
        name,
        description,
        frames,
        status: "active".to_owned(),
        status_ms: 0,
        incident: Some(at),
        from_ms: incident.at_ms,
        per_hour: incident.magnitude,
        extra: incident.segment.clone().into_iter().chain(exposed).collect(),
    }
}

fn unknown_frame(dice: Dice) -> Frame {
    let (file, function) = UNKNOWN_SOURCES[dice.below(1, 0, UNKNOWN_SOURCES.len() as u64) as usize];
    Frame { file: file.to_owned(), function: function.to_owned(), line: 10 + dice.below(1, 1, 190) }
}

/// The change's own frames; without any, its first files; without those, somewhere plausible.
fn frames(change: &Change, dice: Dice) -> Vec<Frame> {
    let named = if change.frames.is_empty() { &change.files[..change.files.len().min(2)] } else { &change.frames };
    let frames: Vec<Frame> = named.iter().enumerate().map(|(at, text)| frame(text, dice, at as u64)).collect();
    if frames.is_empty() { vec![unknown_frame(dice)] } else { frames }
}

/// Reads the usual spellings: `file`, `file:12`, `submit (file:12:7)`, `at submit file:12`, `file in submit`.
fn frame(text: &str, dice: Dice, at: u64) -> Frame {
    let words: Vec<&str> = text.split_whitespace().map(|word| word.trim_matches(['(', ')', ',', '"'])).collect();
    let is_path = |word: &&&str| word.contains('/') || (word.contains('.') && !word.ends_with('.'));
    let place = words.iter().find(is_path).or(words.last()).copied().unwrap_or(text);
    let mut parts = place.split(':');
    let file = parts.next().unwrap_or(place);
    let line = parts.next().and_then(|line| line.parse().ok());
    let function = words.iter().find(|word| **word != place && !matches!(**word, "at" | "in" | "line"));
    Frame {
        file: file.to_owned(),
        function: function.map_or_else(|| function_of(file), |name| (*name).to_owned()),
        line: line.unwrap_or(10 + dice.below(2, at, 190)),
    }
}

/// A function's name from a file's: `web/signup/form-fields.ts` has `formFields`.
fn function_of(file: &str) -> String {
    let stem = file.rsplit('/').next().unwrap_or(file);
    let stem = stem.split('.').next().unwrap_or(stem);
    let mut name = String::new();
    for word in stem.split(['-', '_']) {
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if !name.is_empty() => name.extend(first.to_uppercase()),
            Some(first) => name.push(first),
            None => {}
        }
        name.push_str(letters.as_str());
    }
    if name.is_empty() { "main".to_owned() } else { name }
}

fn wording(frame: &Frame, dice: Dice) -> (String, String) {
    const FIELDS: [&str; 6] = ["email", "value", "id", "length", "plan", "items"];
    let field = FIELDS[dice.below(3, 0, FIELDS.len() as u64) as usize];
    let function = &frame.function;
    let (name, text) = match frame.file.rsplit('.').next().unwrap_or_default() {
        "py" => ("KeyError", format!("'{field}' in {function}")),
        "rb" => ("NoMethodError", format!("undefined method '{field}' for nil in {function}")),
        "go" => ("runtime.Error", format!("invalid memory address or nil pointer dereference in {function}")),
        "rs" => ("panic", format!("called `Option::unwrap()` on a `None` value in {function}")),
        "sql" => ("DatabaseError", format!("column \"{field}\" does not exist")),
        _ => match dice.below(3, 1, 3) {
            0 => ("TypeError", format!("Cannot read properties of undefined (reading '{field}')")),
            1 => ("TypeError", format!("{field} is not a function in {function}")),
            _ => ("ReferenceError", format!("{field} is not defined in {function}")),
        },
    };
    (name.to_owned(), text)
}

/// A random UUID of version 4.
pub(crate) fn uuid(dice: Dice, place: u64) -> String {
    let (high, low) = (dice.bits(place, 90), dice.bits(place, 91));
    let high = (high & !0xf000) | 0x4000;
    let low = (low & !(0b11 << 62)) | (0b10 << 62);
    let text = format!("{high:016x}{low:016x}");
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

impl Issue {
    /// Library as the SDK names itself.
    pub fn library(&self) -> &'static str {
        match self.frames[0].file.rsplit('.').next().unwrap_or_default() {
            "py" => "posthog-python",
            "rb" => "posthog-ruby",
            "go" => "posthog-go",
            "rs" => "posthog-rs",
            _ => "web",
        }
    }

    /// The properties of its `$exception` events.
    pub(crate) fn properties(&self) -> Vec<(String, String)> {
        let list = |value: Value| value.to_string();
        let sources: Vec<_> = self.frames.iter().map(|frame| frame.file.as_str()).collect();
        let functions: Vec<_> = self.frames.iter().map(|frame| frame.function.as_str()).collect();
        let mut properties: Vec<(String, String)> = [
            ("$exception_issue_id", self.id.clone()),
            ("$exception_fingerprint", self.id.replace('-', "")),
            ("$exception_types", list(json!([self.name]))),
            ("$exception_values", list(json!([self.description]))),
            ("$exception_sources", list(json!(sources))),
            ("$exception_functions", list(json!(functions))),
            ("$exception_list", list(self.exception_list())),
            ("$exception_type", self.name.clone()),
            ("$exception_message", self.description.clone()),
            ("$lib", self.library().to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
        properties.extend(self.extra.iter().cloned());
        properties
    }

    /// The exception with its stack, as SDKs send it.
    pub(crate) fn exception_list(&self) -> Value {
        let frames: Vec<Value> = self.frames.iter().map(Frame::json).collect();
        json!([{
            "type": self.name,
            "value": self.description,
            "mechanism": {"handled": false, "type": "generic"},
            "stacktrace": {"type": "resolved", "frames": frames},
        }])
    }
}

impl Frame {
    fn json(&self) -> Value {
        json!({
            "source": self.file, "filename": self.file, "resolved_name": self.function, "function": self.function,
            "line": self.line, "lineno": self.line, "in_app": true, "resolved": true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_in_their_usual_spellings() {
        let dice = Dice::new(1, "frames");
        for (text, file, function, line) in [
            ("web/signup/form.ts:42", "web/signup/form.ts", "form", Some(42)),
            ("submitForm (web/signup/form.ts:42:7)", "web/signup/form.ts", "submitForm", Some(42)),
            ("at submitForm web/signup/form.ts:8", "web/signup/form.ts", "submitForm", Some(8)),
            ("web/signup/form-fields.ts", "web/signup/form-fields.ts", "formFields", None),
            ("api/pay.py:3 in charge", "api/pay.py", "charge", Some(3)),
        ] {
            let frame = frame(text, dice, 0);
            assert_eq!((frame.file.as_str(), frame.function.as_str()), (file, function), "{text}");
            assert!(line.is_none_or(|line| line == frame.line), "{text}");
        }
    }

    #[test]
    fn uuids_look_like_version_4() {
        let id = uuid(Dice::new(1, "uuid"), 0);
        assert_eq!(id.len(), 36);
        assert_eq!(id.as_bytes()[14], b'4');
        assert!(matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
    }
}
