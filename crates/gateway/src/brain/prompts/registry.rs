//! All prompts of an instance: those of the program, and what the instance puts over them.

use std::collections::BTreeMap;

use super::{
    error::{PromptError, PromptProblem},
    file::{Origin, Prompt, PromptFile, read},
    shipped::shipped,
};
use crate::config::{Ai, PromptChoice, SETTINGS_FILE};

/// The version where nothing says otherwise.
const FIRST: &str = "v1";

/// Every prompt that can be used, by id and version.
#[derive(Debug, Clone, Default)]
pub struct PromptRegistry {
    prompts: BTreeMap<String, BTreeMap<String, Prompt>>,
}

impl PromptRegistry {
    /// The shipped prompts with the instance's own over them: the same id and version replaces, another adds. A file that is
    /// wrong is left out and named, and the shipped one stands.
    pub fn load(overrides: &[PromptFile]) -> (Self, Vec<PromptProblem>) {
        let mut registry = Self::default();
        let mut problems = Vec::new();
        for file in &shipped() {
            registry.take(read(file, Origin::Shipped), &mut problems);
        }
        for file in overrides {
            registry.take(read(file, Origin::Instance), &mut problems);
        }
        (registry, problems)
    }

    fn take(&mut self, read: Result<Prompt, Vec<PromptProblem>>, problems: &mut Vec<PromptProblem>) {
        match read {
            Ok(prompt) => {
                self.prompts.entry(prompt.id.clone()).or_default().insert(prompt.version.clone(), prompt);
            }
            Err(wrong) => problems.extend(wrong),
        }
    }

    /// All of them, by id and version.
    pub fn list(&self) -> impl Iterator<Item = &Prompt> {
        self.prompts.values().flat_map(BTreeMap::values)
    }

    /// Whether there is a prompt with this id.
    pub fn has(&self, id: &str) -> bool {
        self.prompts.contains_key(id)
    }

    /// The version to use now: the request's, else the settings' (one, or by `draw` from a weighted rotation), else the
    /// environment's default, else `v1`. What the settings or the environment name and is not there is passed over:
    /// [`Self::check_settings`] names it.
    ///
    /// # Errors
    /// [`PromptError`] when there is no such prompt, or not the version the request asks for.
    pub fn select(
        &self,
        id: &str,
        requested: Option<&str>,
        ai: &Ai,
        default_version: Option<&str>,
        draw: u64,
    ) -> Result<&Prompt, PromptError> {
        let versions = self.prompts.get(id).ok_or_else(|| self.unknown_id(id))?;
        let missing = |version: &str| PromptError::UnknownVersion {
            id: id.to_owned(),
            version: version.chars().take(40).collect(),
            known: versions.keys().cloned().collect::<Vec<_>>().join(", "),
        };
        if let Some(version) = requested {
            return versions.get(version).ok_or_else(|| missing(version));
        }
        let of_settings = choice(ai, id).and_then(|choice| match choice {
            PromptChoice::One(version) => versions.get(version),
            PromptChoice::Weighted(weights) => draw_one(versions, weights, draw),
        });
        of_settings
            .or_else(|| default_version.and_then(|version| versions.get(version)))
            .or_else(|| versions.get(FIRST))
            .ok_or_else(|| missing(FIRST))
    }

    fn unknown_id(&self, id: &str) -> PromptError {
        PromptError::UnknownId {
            id: id.chars().take(40).collect(),
            known: self.prompts.keys().cloned().collect::<Vec<_>>().join(", "),
        }
    }

    /// What the settings and the environment choose and is not there.
    pub fn check_settings(&self, ai: &Ai, default_version: Option<&str>) -> Vec<PromptProblem> {
        let wrong = |key: String, text: String| PromptProblem {
            file: SETTINGS_FILE.to_owned(),
            line: None,
            text: format!("`{key}`: {text}"),
        };
        let mut problems = Vec::new();
        for (key, choice) in &ai.prompt_versions {
            let Some(versions) = self.prompts.get(full_id(key)) else {
                let known = self.prompts.keys().cloned().collect::<Vec<_>>().join(", ");
                problems.push(wrong(format!("ai.promptVersions.{key}"), format!("is not a prompt; there are {known}")));
                continue;
            };
            let known = versions.keys().cloned().collect::<Vec<_>>().join(", ");
            let chosen: Vec<&String> = match choice {
                PromptChoice::One(version) => vec![version],
                PromptChoice::Weighted(weights) => weights.keys().collect(),
            };
            for version in chosen.into_iter().filter(|version| !versions.contains_key(*version)) {
                let text = format!("\"{version}\" is not a version of {}; there are {known}", full_id(key));
                problems.push(wrong(format!("ai.promptVersions.{key}"), text));
            }
        }
        if let Some(version) = default_version
            && !self.list().any(|prompt| prompt.version == version)
        {
            let text = format!("\"{version}\" is not a version of any prompt; v1 is used");
            problems.push(PromptProblem { file: "DEFAULT_PROMPT_VERSION".to_owned(), line: None, text });
        }
        problems
    }
}

/// Settings may call the tip generator's prompt `tip`, as the recommender surface does.
fn full_id(key: &str) -> &str {
    if key == "tip" { "tip-generator" } else { key }
}

fn choice<'a>(ai: &'a Ai, id: &str) -> Option<&'a PromptChoice> {
    ai.prompt_versions.get(id).or_else(|| {
        let mut others = ai.prompt_versions.iter();
        others.find(|(key, _)| full_id(key) == id).map(|(_, choice)| choice)
    })
}

/// The version that `draw` (uniform over all of `u64`) falls on, each with its share of the weight. Versions that are not
/// there have none.
fn draw_one<'a>(
    versions: &'a BTreeMap<String, Prompt>,
    weights: &BTreeMap<String, u32>,
    draw: u64,
) -> Option<&'a Prompt> {
    let there = || weights.iter().filter_map(|(version, weight)| Some((versions.get(version)?, u128::from(*weight))));
    let total: u128 = there().map(|(_, weight)| weight).sum();
    let mut at = (u128::from(draw) * total) >> 64;
    there().find_map(|(prompt, weight)| {
        if at < weight {
            return Some(prompt);
        }
        at -= weight;
        None
    })
}
