//! `github.revert_pr`: opens a pull request that undoes a merged one.
//!
//! File by file on our own branch where nothing touched the files since (effectively once: the branch is named by the proposal);
//! else by the platform's own revert (at most once: found again by the marker in its body).

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wakeman_types::{Action, CardText, MINUTE_MS, StepText, short_sha};

use super::{ActionClass, Hand, Needs, Readiness, Reconciled, StepContext, read, read_or_fail, repo_hands, subject};
use crate::ports::{HandsError, OpenedPull, PullFacts, PullFile, RevertRequest, made_by};

/// How it is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevertMethod {
    /// The files are put back to what they were before the merge.
    Files,
    /// GitHub's own revert.
    Platform,
}

/// What to revert and under which names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevertArguments {
    /// The merged pull request.
    pub number: u64,
    /// The branch it went into.
    pub base: String,
    /// The branch to make.
    pub branch: String,
    /// How.
    pub method: RevertMethod,
    /// The paths put back.
    pub paths: Vec<String>,
    /// Title of the new pull request.
    pub title: String,
    /// Its body, with the marker.
    pub body: String,
    /// The marker in the body.
    pub marker: String,
}

/// The state of the world it was drafted against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevertRevision {
    /// The merge commit.
    pub merge_sha: String,
    /// The files as the merge left them: path and blob, `null` when removed.
    pub files: Vec<(String, Option<String>)>,
}

impl RevertRevision {
    fn pull_files(&self) -> Vec<PullFile> {
        self.files.iter().map(|(path, blob)| PullFile { path: path.clone(), blob: blob.clone() }).collect()
    }
}

/// The class.
pub struct RevertPr;

impl ActionClass for RevertPr {
    fn kind(&self) -> &'static str {
        "github.revert_pr"
    }

    fn needs(&self) -> Needs {
        Needs { hand: Hand::Repository, switches: super::REPOSITORY_WRITES }
    }

    fn returns(&self) -> Value {
        super::pull_returns()
    }

    fn subject(&self, action: &Action) -> Option<String> {
        subject("pull", &action.arguments["number"])
    }

    fn shows(&self) -> Option<(&'static str, i64)> {
        Some(("the pull request is there", 5 * MINUTE_MS))
    }

    fn schema(&self) -> Value {
        json!(schemars::schema_for!(RevertArguments))
    }

    fn check(&self, action: &Action) -> Result<(), String> {
        let arguments: RevertArguments = read("arguments", &action.arguments)?;
        read::<RevertRevision>("revision", &action.revision)?;
        if arguments.method == RevertMethod::Files && arguments.paths.is_empty() {
            return Err("arguments.paths: is empty; a file-level revert names at least one path".to_owned());
        }
        if arguments.branch == arguments.base {
            return Err("arguments.branch: is the base branch; a revert goes to a branch of its own".to_owned());
        }
        Ok(())
    }

    fn card(&self, action: &Action, check: String) -> CardText {
        let repository = action.target["repository"].as_str().unwrap_or("the repository").to_owned();
        let Ok(arguments) = read::<RevertArguments>("arguments", &action.arguments) else { return unreadable(check) };
        let Ok(revision) = read::<RevertRevision>("revision", &action.revision) else { return unreadable(check) };
        let files = arguments.paths.len();
        let step = match arguments.method {
            RevertMethod::Files => StepText {
                text: format!(
                    "open PR on {} restoring {files} {} to before {}",
                    arguments.branch,
                    if files == 1 { "file" } else { "files" },
                    short_sha(&revision.merge_sha)
                ),
                note: if files == 1 { "nothing touched it since" } else { "nothing touched them since" }.to_owned(),
            },
            RevertMethod::Platform => StepText {
                text: format!("open GitHub's own revert of #{}", arguments.number),
                note: "some of its files were touched since".to_owned(),
            },
        };
        CardText {
            title: format!("Open a revert of #{} on {repository}", arguments.number),
            steps: vec![step],
            undo: "close the pull request".to_owned(),
            check,
        }
    }

    fn ready<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Readiness, HandsError>> {
        Box::pin(async move {
            let hands = repo_hands(&step)?;
            let arguments: RevertArguments = read_or_fail("arguments", &step.action.arguments)?;
            let revision: RevertRevision = read_or_fail("revision", &step.action.revision)?;
            let pull = hands.pull(arguments.number).await?;
            if pull.merge_sha.as_deref() != Some(revision.merge_sha.as_str()) {
                return Err(HandsError::Precondition {
                    reason: format!(
                        "#{} was merged as {} when it was shown and is {} now",
                        arguments.number,
                        short_sha(&revision.merge_sha),
                        pull.merge_sha.as_deref().map_or("not merged", short_sha)
                    ),
                });
            }
            if arguments.method == RevertMethod::Files {
                let changed = hands.changed_since(&arguments.base, &revision.pull_files()).await?;
                if let Some(first) = changed.first() {
                    return Err(HandsError::Precondition {
                        reason: format!("{first} was changed since you were shown this"),
                    });
                }
            }
            Ok(Readiness::Ready)
        })
    }

    fn run<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Value, HandsError>> {
        Box::pin(async move {
            let hands = repo_hands(&step)?;
            let (request, arguments) = request(&step)?;
            let opened = match arguments.method {
                RevertMethod::Files => hands.open_revert(&request).await?,
                RevertMethod::Platform => hands.open_platform_revert(&request, &arguments.marker).await?,
            };
            Ok(output(&opened))
        })
    }

    fn reconcile<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Reconciled, HandsError>> {
        Box::pin(async move {
            let hands = repo_hands(&step)?;
            let arguments: RevertArguments = read_or_fail("arguments", &step.action.arguments)?;
            match arguments.method {
                // The branch is ours alone and every part of the work can be resumed: repeating is harmless.
                RevertMethod::Files => Ok(match hands.pull_by_head(&arguments.branch).await? {
                    Some(pull) if made_by(&pull.title, &pull.body, (&arguments.title, &arguments.body)) => found(&pull),
                    _ => Reconciled::Repeat,
                }),
                RevertMethod::Platform => {
                    let since = step.drafted_at;
                    Ok(match hands.pull_by_marker(&arguments.marker, since).await? {
                        Some(pull) => found(&pull),
                        None => Reconciled::Unknown(format!(
                            "GitHub does not show the revert of #{}, and it may still appear; look at its pull requests",
                            arguments.number
                        )),
                    })
                }
            }
        })
    }
}

fn request(step: &StepContext<'_>) -> Result<(RevertRequest, RevertArguments), HandsError> {
    let arguments: RevertArguments = read_or_fail("arguments", &step.action.arguments)?;
    let revision: RevertRevision = read_or_fail("revision", &step.action.revision)?;
    let request = RevertRequest {
        branch: arguments.branch.clone(),
        base: arguments.base.clone(),
        merge_sha: revision.merge_sha,
        number: arguments.number,
        paths: arguments.paths.clone(),
        title: arguments.title.clone(),
        body: arguments.body.clone(),
        at: step.drafted_at,
    };
    Ok((request, arguments))
}

fn output(opened: &OpenedPull) -> Value {
    json!({"number": opened.number, "head_sha": opened.head_sha, "url": opened.url})
}

fn found(pull: &PullFacts) -> Reconciled {
    if pull.open || pull.merged {
        Reconciled::Done(json!({"number": pull.number, "head_sha": pull.head_sha}))
    } else {
        Reconciled::Unknown(format!("the revert #{} was opened and somebody closed it", pull.number))
    }
}

fn unreadable(check: String) -> CardText {
    CardText { title: "A revert that cannot be read".to_owned(), steps: Vec::new(), undo: String::new(), check }
}
