//! The prompt registry: what a model is told, as files with versions.
//!
//! A prompt is `<id>/<version>.md`: YAML front matter, then a template whose every variable is declared and must be given. The
//! program's own lie in `prompts/` at the top of the repository and are embedded; an instance puts its own over them under
//! `read-only/prompts/`. A new variant is a new file and nothing else; which one is used is [`PromptRegistry::select`], and its
//! [`Prompt::label`] is stored with what came of it. No variable holds text from outside ([`offered`]).
//! Start at [`PromptRegistry::load`].

mod alias;
mod error;
mod file;
mod offered;
mod registry;
mod schema;
mod shipped;
mod yaml;

#[cfg(test)]
mod tests;

pub use alias::Alias;
pub use error::{PromptError, PromptProblem};
pub use file::{Origin, Prompt, PromptFile};
pub use offered::offered;
pub use registry::PromptRegistry;
pub use schema::validate;
pub use shipped::{PROMPTS_DIR, read_overrides};
