//! `github.open_pr`: a pull request made of whole files, without a clone. Effectively once: the branch is named by the proposal, and
//! an attempt that was cut off anywhere is continued by the next.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wakeman_types::{Action, CardText, MINUTE_MS, StepText};

use super::{
    ActionClass, Hand, Needs, Readiness, Reconciled, StepContext, check_marker, check_text,
    patch_policy::{self, Protected},
    read, read_or_fail, repo_hands, unreadable,
};
use crate::{
    core::Core,
    ports::{HandsError, PatchFile, PatchRequest, PullFile, made_by},
};

const TITLE_BYTES_MAX: usize = 256;
const BODY_BYTES_MAX: usize = 16 * 1024;

/// A file as the patch leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileText {
    /// Its path.
    pub path: String,
    /// Its whole text; `null` removes it.
    pub text: Option<String>,
}

/// What to write and under which names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenPrArguments {
    /// The branch it goes into.
    pub base: String,
    /// The branch to make.
    pub branch: String,
    /// The files.
    pub files: Vec<FileText>,
    /// Title of the pull request.
    pub title: String,
    /// Its body, with the marker.
    pub body: String,
    /// The marker in the body.
    pub marker: String,
}

/// The files as they were when it was drafted: path and blob, `null` where there was none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenPrRevision {
    /// One for each file of the patch.
    pub files: Vec<(String, Option<String>)>,
}

/// The class.
pub struct OpenPr;

impl ActionClass for OpenPr {
    fn kind(&self) -> &'static str {
        "github.open_pr"
    }

    fn needs(&self) -> Needs {
        Needs { hand: Hand::Repository, switches: super::REPOSITORY_WRITES }
    }

    fn returns(&self) -> Value {
        super::pull_returns()
    }

    fn shows(&self) -> Option<(&'static str, i64)> {
        Some(("the pull request is there", 5 * MINUTE_MS))
    }

    fn schema(&self) -> Value {
        json!(schemars::schema_for!(OpenPrArguments))
    }

    fn check(&self, action: &Action) -> Result<(), String> {
        let arguments: OpenPrArguments = read("arguments", &action.arguments)?;
        let revision: OpenPrRevision = read("revision", &action.revision)?;
        check_text("arguments.title", &arguments.title, TITLE_BYTES_MAX)?;
        check_text("arguments.body", &arguments.body, BODY_BYTES_MAX)?;
        check_marker("arguments.body", &arguments.body, &arguments.marker)?;
        patch_policy::check(&arguments.files)?;
        if arguments.branch == arguments.base {
            return Err("arguments.branch: is the base branch; a patch goes to a branch of its own".to_owned());
        }
        let shown = revision.files.iter().map(|(path, _)| path);
        if !shown.eq(arguments.files.iter().map(|file| &file.path)) {
            return Err("revision.files: are not those of the patch".to_owned());
        }
        Ok(())
    }

    fn permitted(&self, core: &Core, action: &Action) -> Result<(), String> {
        let arguments: OpenPrArguments = read("arguments", &action.arguments)?;
        let prefix = &core.settings.github.branch_prefix;
        if !arguments.branch.starts_with(prefix.as_str()) {
            return Err(format!("{} is not a branch of ours; they begin with {prefix}", arguments.branch));
        }
        patch_policy::permitted(core.settings.github.protected_paths, &arguments.files)
    }

    fn owner_only(&self, action: &Action) -> bool {
        // What cannot be read is for nobody but an owner either.
        read::<OpenPrArguments>("arguments", &action.arguments)
            .map_or(true, |arguments| arguments.files.iter().any(|file| Protected::of(&file.path).is_some()))
    }

    fn card(&self, action: &Action, check: String) -> CardText {
        let repository = action.target["repository"].as_str().unwrap_or("the repository");
        let Ok(arguments) = read::<OpenPrArguments>("arguments", &action.arguments) else {
            return unreadable("A pull request", check);
        };
        let files = arguments.files.iter().map(|file| {
            let verb = if file.text.is_some() { "write" } else { "remove" };
            format!("{verb} {}", file.path)
        });
        CardText {
            title: format!("Open a pull request on {repository}: {}", arguments.title),
            steps: vec![StepText {
                text: format!("open PR on {}: {}", arguments.branch, files.collect::<Vec<_>>().join(", ")),
                note: "nobody may have changed these files since".to_owned(),
            }],
            undo: "close the pull request".to_owned(),
            check,
        }
    }

    fn ready<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Readiness, HandsError>> {
        Box::pin(async move {
            let arguments: OpenPrArguments = read_or_fail("arguments", &step.action.arguments)?;
            let revision: OpenPrRevision = read_or_fail("revision", &step.action.revision)?;
            let shown: Vec<PullFile> = revision.files.into_iter().map(|(path, blob)| PullFile { path, blob }).collect();
            let changed = repo_hands(&step)?.changed_since(&arguments.base, &shown).await?;
            match changed.first() {
                None => Ok(Readiness::Ready),
                Some(first) => Err(HandsError::Precondition {
                    reason: format!("{first} was changed on {} since you were shown this", arguments.base),
                }),
            }
        })
    }

    fn run<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Value, HandsError>> {
        Box::pin(async move {
            let arguments: OpenPrArguments = read_or_fail("arguments", &step.action.arguments)?;
            let files = arguments.files.into_iter().map(|file| PatchFile { path: file.path, text: file.text });
            let request = PatchRequest {
                branch: arguments.branch,
                base: arguments.base,
                files: files.collect(),
                title: arguments.title,
                body: arguments.body,
                at: step.drafted_at,
            };
            let opened = repo_hands(&step)?.open_patch(&request).await?;
            Ok(json!({"number": opened.number, "head_sha": opened.head_sha, "url": opened.url}))
        })
    }

    fn reconcile<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Reconciled, HandsError>> {
        Box::pin(async move {
            let arguments: OpenPrArguments = read_or_fail("arguments", &step.action.arguments)?;
            Ok(match repo_hands(&step)?.pull_by_head(&arguments.branch).await? {
                // The branch is ours alone and every part of the work can be resumed: repeating is harmless.
                None => Reconciled::Repeat,
                Some(pull) if !made_by(&pull.title, &pull.body, (&arguments.title, &arguments.body)) => {
                    Reconciled::Repeat
                }
                Some(pull) if pull.open || pull.merged => {
                    Reconciled::Done(json!({"number": pull.number, "head_sha": pull.head_sha}))
                }
                Some(pull) => Reconciled::Unknown(format!("#{} was opened and somebody closed it", pull.number)),
            })
        })
    }
}
