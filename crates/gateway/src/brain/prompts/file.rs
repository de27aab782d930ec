//! One prompt file: front matter and template, checked to the last variable before anything uses it.

use std::{collections::BTreeSet, sync::Arc};

use minijinja::{Environment, UndefinedBehavior};
use serde_json::Value;

use super::{
    alias::Alias,
    error::{PromptError, PromptProblem},
    offered::offered,
    schema,
    yaml::{self, Entry},
};
use crate::config::nearest;

/// A prompt file may not be longer than this, in bytes.
pub(super) const BYTES_MAX: usize = 32 * 1024;
/// What is said of a longer one.
pub(super) const TOO_LONG: &str = "is longer than 32 KiB; a prompt is paid for at every call, shorten it";
const KEYS: [&str; 6] = ["id", "version", "alias", "temperature", "variables", "output"];
const TEMPLATE: &str = "prompt";

/// Where a prompt comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// It is part of the program.
    Shipped,
    /// It lies in the instance, under `read-only/prompts/`.
    Instance,
}

/// A file as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptFile {
    /// How messages name it: `read-only/prompts/chat/v2.md`.
    pub label: String,
    /// Where it lies below the prompts folder: `chat/v2.md`.
    pub path: String,
    /// What it says.
    pub text: String,
}

/// A prompt that can be used.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// Its id: `chat`.
    pub id: String,
    /// Its version: `v1`.
    pub version: String,
    /// Which use of a model it is for.
    pub alias: Alias,
    /// 0–2; `None`: the model's own default.
    pub temperature: Option<f64>,
    /// The variables its template takes.
    pub variables: Vec<String>,
    /// JSON Schema its answers are held to by [`validate`](super::validate); `None`: free text.
    pub output: Option<Value>,
    /// Where it comes from.
    pub origin: Origin,
    /// The file, as messages name it.
    pub file: String,
    /// The template as it was written.
    pub template: String,
    compiled: Arc<Environment<'static>>,
}

impl Prompt {
    /// What is stored with every message: `chat/v1`.
    pub fn label(&self) -> String {
        format!("{}/{}", self.id, self.version)
    }

    /// Holds an answer to its schema; free text is right as it is.
    ///
    /// # Errors
    /// One sentence for the model, as of [`validate`](super::validate).
    pub fn check(&self, answer: &str) -> Result<(), String> {
        self.output.as_ref().map_or(Ok(()), |shape| schema::validate(shape, answer).map(drop))
    }

    /// The text for these variables, an object. Those that the template does not take are left out.
    ///
    /// # Errors
    /// [`PromptError::Render`] naming the variable that is missing or what else does not hold.
    pub fn render(&self, variables: &Value) -> Result<String, PromptError> {
        let wrong = |reason: String| PromptError::Render { file: self.file.clone(), reason };
        if let Some(missing) = self.variables.iter().find(|name| variables.get(name.as_str()).is_none()) {
            return Err(wrong(format!("`{missing}` was not given")));
        }
        let template = self.compiled.get_template(TEMPLATE).map_err(|error| wrong(explain(&error)))?;
        template.render(minijinja::value::Serde(variables)).map_err(|error| wrong(explain(&error)))
    }
}

/// What went wrong, without the engine's own frame around it.
fn explain(error: &minijinja::Error) -> String {
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    error.line().map_or_else(|| detail.clone(), |line| format!("template line {line}: {detail}"))
}

/// Collects what is wrong with one file.
struct Check<'a> {
    label: &'a str,
    problems: Vec<PromptProblem>,
}

impl Check<'_> {
    fn wrong(&mut self, line: usize, text: impl Into<String>) {
        self.problems.push(PromptProblem { file: self.label.to_owned(), line: Some(line), text: text.into() });
    }
}

/// Reads a file.
///
/// # Errors
/// Everything that is wrong with it.
pub(super) fn read(file: &PromptFile, origin: Origin) -> Result<Prompt, Vec<PromptProblem>> {
    let whole = |text: &str| vec![PromptProblem { file: file.label.clone(), line: None, text: text.to_owned() }];
    let Some((id, version)) = place(&file.path) else {
        return Err(whole("is not at <id>/<version>.md (lower-case words); move it there or away"));
    };
    if file.text.len() > BYTES_MAX {
        return Err(whole(TOO_LONG));
    }
    let text = file.text.replace("\r\n", "\n");
    let Some((front, template, above)) = split(&text) else {
        return Err(whole("has no front matter; begin with a line ---, then id, version, alias, and a line ---"));
    };
    let mut check = Check { label: &file.label, problems: Vec::new() };
    let entries = yaml::read(front).unwrap_or_else(|error| {
        check.wrong(error.line + 1, format!("front matter {}", error.text));
        Vec::new()
    });
    if !check.problems.is_empty() {
        return Err(check.problems);
    }
    let front = Front { entries: &entries, last: above };
    let prompt = front.prompt(&mut check, (id, version), file, origin, template);
    match prompt {
        Some(prompt) if check.problems.is_empty() => Ok(prompt),
        _ => Err(check.problems),
    }
}

/// `chat/v1.md` is version v1 of chat.
fn place(path: &str) -> Option<(&str, &str)> {
    let (id, name) = path.split_once('/')?;
    let version = name.strip_suffix(".md")?;
    let word = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b))
    };
    (word(id) && word(version)).then_some((id, version))
}

/// Front matter, template, and the number of lines above the template.
fn split(text: &str) -> Option<(&str, &str, usize)> {
    let rest = text.strip_prefix('\u{feff}').unwrap_or(text).strip_prefix("---\n")?;
    let (front, template) = match rest.strip_prefix("---\n") {
        Some(template) => ("", template),
        None => rest.split_once("\n---\n")?,
    };
    Some((front, template, if front.is_empty() { 2 } else { front.lines().count() + 2 }))
}

struct Front<'a> {
    entries: &'a [Entry],
    /// The line of the closing `---`: where a missing key belongs above.
    last: usize,
}

impl Front<'_> {
    fn get(&self, key: &str) -> Option<(usize, &Value)> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| (entry.line + 1, &entry.value))
    }

    fn prompt(
        &self,
        check: &mut Check<'_>,
        (id, version): (&str, &str),
        file: &PromptFile,
        origin: Origin,
        template: &str,
    ) -> Option<Prompt> {
        for entry in self.entries.iter().filter(|entry| !KEYS.contains(&entry.key.as_str())) {
            let remedy = nearest(&entry.key, KEYS).map_or("remove it".to_owned(), |key| format!("did you mean {key}?"));
            check.wrong(entry.line + 1, format!("`{}` is not a key of a prompt file; {remedy}", entry.key));
        }
        self.same(check, "id", id);
        self.same(check, "version", version);
        let alias = self.alias(check);
        let temperature = self.temperature(check);
        let variables = self.variables(check);
        if let Some((line, output)) = self.get("output")
            && let Err(text) = schema::check(output, "output")
        {
            check.wrong(line, text);
        }
        let compiled = compile(template, self.last, check)?;
        if let Some(variables) = &variables {
            self.compare_variables(check, id, variables, template, &compiled);
        }
        let prompt = Prompt {
            id: id.to_owned(),
            version: version.to_owned(),
            alias: alias?,
            temperature,
            variables: variables.unwrap_or_default(),
            output: self.get("output").map(|(_, value)| value.clone()),
            origin,
            file: file.label.clone(),
            template: template.to_owned(),
            compiled: Arc::new(compiled),
        };
        if check.problems.is_empty()
            && let Some(samples) = offered(id)
            && let Err(PromptError::Render { reason, .. }) = prompt.render(&samples)
        {
            check.wrong(self.last, format!("cannot be rendered: {reason}; correct the template"));
        }
        Some(prompt)
    }

    /// The key repeats what the path says, so that a copied file that was not adapted is noticed.
    fn same(&self, check: &mut Check<'_>, key: &str, wanted: &str) {
        match self.get(key) {
            Some((_, Value::String(text))) if text == wanted => {}
            Some((line, value)) => {
                check.wrong(
                    line,
                    format!("`{key}`: {value} is not what the path says; write {wanted} or move the file"),
                );
            }
            None => check.wrong(self.last, format!("`{key}` is missing; write `{key}: {wanted}`")),
        }
    }

    fn alias(&self, check: &mut Check<'_>) -> Option<Alias> {
        let names = Alias::ALL.map(Alias::name);
        let Some((line, value)) = self.get("alias") else {
            check.wrong(self.last, "`alias` is missing; write `alias: chat`");
            return None;
        };
        let found = value.as_str().and_then(|text| Alias::ALL.into_iter().find(|alias| alias.name() == text));
        if found.is_none() {
            let remedy = match value.as_str().and_then(|text| nearest(text, names)) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("write one of {}", names.join(", ")),
            };
            check.wrong(line, format!("`alias`: {value} is not an alias; {remedy}"));
        }
        found
    }

    fn temperature(&self, check: &mut Check<'_>) -> Option<f64> {
        let (line, value) = self.get("temperature")?;
        let fine = value.as_f64().filter(|number| (0.0..=2.0).contains(number));
        if fine.is_none() {
            check.wrong(line, format!("`temperature`: {value} is not a number from 0 to 2; write it like 0.2"));
        }
        fine
    }

    fn variables(&self, check: &mut Check<'_>) -> Option<Vec<String>> {
        let Some((line, value)) = self.get("variables") else {
            check.wrong(self.last, "`variables` is missing; write `variables: []` if the template takes none");
            return None;
        };
        let all: Option<Vec<String>> =
            value.as_array().and_then(|items| items.iter().map(|item| item.as_str().map(str::to_owned)).collect());
        if all.is_none() {
            check.wrong(line, "`variables` is not a list of names; write it like [name, now]");
        }
        all
    }

    /// Used and declared must be the same, and all of it offered.
    fn compare_variables(
        &self,
        check: &mut Check<'_>,
        id: &str,
        declared: &[String],
        template: &str,
        compiled: &Environment<'static>,
    ) {
        let globals: BTreeSet<&str> = compiled.globals().map(|(name, _)| name).collect();
        let used: BTreeSet<String> = compiled
            .get_template(TEMPLATE)
            .map(|t| t.undeclared_variables(false))
            .unwrap_or_default()
            .into_iter()
            .collect();
        let line = self.get("variables").map_or(self.last, |(line, _)| line);
        for name in used.iter().filter(|name| !declared.contains(name) && !globals.contains(name.as_str())) {
            let at = template.lines().position(|text| has_word(text, name)).map_or(line, |n| self.last + n + 1);
            let remedy = match nearest(name, declared.iter().map(String::as_str)) {
                Some(meant) => format!("did you mean {meant}?"),
                None => "add it there or remove it here".to_owned(),
            };
            check.wrong(at, format!("the template uses `{name}`, which variables does not list; {remedy}"));
        }
        for name in declared.iter().filter(|name| !used.contains(*name)) {
            check.wrong(line, format!("`variables`: `{name}` is not used in the template; remove it"));
        }
        let Some(Value::Object(offer)) = offered(id) else { return };
        for name in declared.iter().filter(|name| used.contains(*name) && !offer.contains_key(*name)) {
            let all: Vec<&str> = offer.keys().map(String::as_str).collect();
            check.wrong(line, format!("`variables`: `{name}` is not offered to {id}; there are {}", all.join(", ")));
        }
    }
}

fn compile(template: &str, above: usize, check: &mut Check<'_>) -> Option<Environment<'static>> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    match environment.add_template_owned(TEMPLATE, template.to_owned()) {
        Ok(()) if template.trim().is_empty() => {
            check.wrong(above, "the template is empty; write what to tell the model");
            None
        }
        Ok(()) => Some(environment),
        Err(error) => {
            let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
            check.wrong(above + error.line().unwrap_or(1), format!("the template is wrong: {detail}; correct it"));
            None
        }
    }
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == word)
}
