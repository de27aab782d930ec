//! `github_read`: one pull request, issue, diff, file or log.

use std::fmt::Write;

use schemars::JsonSchema;
use serde::Deserialize;
use wakeman_present::sanitize;
use wakeman_types::{ChangeId, Citation};

use super::{SOURCE, allowed, name, reader};
use crate::{
    core::Core,
    ports::{CodeReader, DiffFile, DiffOf, FileAnswer, SourceError, TopicCard},
    tools::{
        ToolAnswer, ToolContext, ToolError, TypedTool,
        input::{needed, unread},
        output::{asked, cut_at, stamp},
    },
};

/// Bytes of a file that are shown, and of a log's end.
const FILE_BYTES_MAX: usize = 48 * 1024;
const LOG_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a whole diff, and of one file in it.
const DIFF_BYTES_MAX: usize = 64 * 1024;
const PATCH_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a text that somebody wrote.
const BODY_BYTES_MAX: usize = 8 * 1024;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    what: What,
    /// of pull, issue
    number: Option<u64>,
    /// branch, tag, commit; diff: base...head
    #[serde(rename = "ref")]
    reference: Option<String>,
    path: Option<String>,
    /// for log
    job: Option<u64>,
}

#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum What {
    Pull,
    Issue,
    Diff,
    File,
    Log,
}

/// The tool.
pub struct Read;

impl TypedTool for Read {
    const NAME: &'static str = "github_read";
    const DESCRIPTION: &'static str = "One thing of the repository";
    const DOING: &'static str = "asking GitHub";
    type Arguments = Arguments;

    fn available(&self, core: &Core) -> bool {
        allowed(core)
    }

    async fn answer(&self, context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
        answer(context, arguments).await
    }
}

async fn answer(context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
    let reader = reader(context.core)?;
    match arguments.what {
        What::Pull | What::Issue => topic(context, reader, &arguments).await,
        What::Diff => diff(context.core, reader, arguments).await,
        What::File => file(context.core, reader, arguments).await,
        What::Log => log(context.core, reader, needed("job", arguments.job, "`what: log`")?).await,
    }
}

fn failed(error: SourceError) -> ToolError {
    unread(SOURCE, error)
}

async fn topic(
    context: ToolContext<'_>,
    reader: &dyn CodeReader,
    arguments: &Arguments,
) -> Result<ToolAnswer, ToolError> {
    let pull = matches!(arguments.what, What::Pull);
    let number = needed("number", arguments.number, "a pull request or issue")?;
    let one = if pull { reader.pull_request(number).await } else { reader.issue(number).await }.map_err(failed)?;
    let kind = if pull { "pull request" } else { "issue" };
    let mut answer = asked(context.core, SOURCE, &format!("{kind} #{number}"), None, shown(context, &one));
    if one.merged_at.is_some() {
        answer.citations.push(Citation::Change { id: ChangeId::new(format!("pr:{number}")) });
    }
    answer.citations.extend(one.url.map(|url| Citation::Link { title: format!("#{number} {}", one.title), url }));
    Ok(answer)
}

fn shown(context: ToolContext<'_>, one: &TopicCard) -> String {
    let by = one.author.as_deref().unwrap_or("somebody");
    let mut text = format!("#{} {}\n{} by {}", one.number, sanitize(&one.title, 300), one.state, sanitize(by, 60));
    let _ = write!(text, ", opened {}, changed {}", stamp(context, one.created_at), stamp(context, one.updated_at));
    if let Some(at) = one.merged_at {
        let _ = write!(text, ", merged {}", stamp(context, at));
    }
    if let Some((head, base)) = &one.branches {
        let _ = write!(text, ", {} into {}", sanitize(head, 120), sanitize(base, 120));
    }
    let _ = write!(text, "\n\n{}", cut(one.body.as_deref().unwrap_or("(no text)"), BODY_BYTES_MAX));
    for (at, who, words) in &one.comments {
        let who = sanitize(who.as_deref().unwrap_or("somebody"), 60);
        let _ = write!(text, "\n\n{who}, {}:\n{}", stamp(context, *at), cut(words, BODY_BYTES_MAX));
    }
    text
}

/// The beginning of a text, and how much of it is left out.
fn cut(text: &str, bytes: usize) -> String {
    match cut_at(text, bytes) {
        (text, 0) => text.to_owned(),
        (text, left_out) => format!("{text}\n… {left_out} bytes left out"),
    }
}

async fn diff(core: &Core, reader: &dyn CodeReader, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
    let reference = name("ref", arguments.reference)?;
    let of = match (arguments.number, reference) {
        (Some(number), _) => DiffOf::Pull(number),
        (None, Some(reference)) => match reference.split_once("...") {
            Some((base, head)) if !base.is_empty() && !head.is_empty() => {
                DiffOf::Between { base: base.to_owned(), head: head.to_owned() }
            }
            _ => DiffOf::Commit(reference),
        },
        (None, None) => return Err(ToolError::Arguments("a diff needs `number` or `ref`".to_owned())),
    };
    let path = name("path", arguments.path)?;
    let query = match &of {
        DiffOf::Pull(number) => format!("diff of #{number}"),
        DiffOf::Commit(sha) => format!("diff of {sha}"),
        DiffOf::Between { base, head } => format!("diff {base}...{head}"),
    };
    let mut files = reader.diff(of).await.map_err(failed)?;
    if let Some(path) = &path {
        files.retain(|file| file.path.starts_with(path.as_str()));
    }
    Ok(asked(core, SOURCE, &query, None, hunks(&files)))
}

/// The list of all files, then the hunks of as many as fit.
fn hunks(files: &[DiffFile]) -> String {
    if files.is_empty() {
        return "nothing changed".to_owned();
    }
    let mut text = format!("{} files changed", files.len());
    for file in files {
        let _ = write!(text, "\n{} {} +{} -{}", file.status, sanitize(&file.path, 300), file.added, file.removed);
    }
    for (at, file) in files.iter().enumerate() {
        let path = sanitize(&file.path, 300);
        let patch = file.patch.as_deref().unwrap_or("(not shown: binary or too large)");
        let patch = cut(patch, PATCH_BYTES_MAX);
        if text.len() + patch.len() > DIFF_BYTES_MAX {
            let _ = write!(text, "\n\n… the hunks of {} files left out; name a `path`", files.len() - at);
            break;
        }
        let _ = write!(text, "\n\n--- {path}\n{patch}");
    }
    text
}

async fn file(core: &Core, reader: &dyn CodeReader, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
    let path = name("path", arguments.path)?.unwrap_or_default();
    let at = name("ref", arguments.reference)?;
    let found = reader.file(path.trim_matches('/'), at.as_deref()).await.map_err(failed)?;
    let text = match found {
        FileAnswer::Text(text) => cut(&text, FILE_BYTES_MAX),
        FileAnswer::Opaque(bytes) => format!("{bytes} bytes that are no text"),
        FileAnswer::Folder(entries) => {
            let line = |(name, bytes): &(String, Option<u64>)| match bytes {
                Some(bytes) => format!("{} {bytes} bytes", sanitize(name, 200)),
                None => format!("{}/", sanitize(name, 200)),
            };
            entries.iter().map(line).collect::<Vec<_>>().join("\n")
        }
    };
    let at = at.map(|at| format!(" at {at}")).unwrap_or_default();
    Ok(asked(core, SOURCE, &format!("file {path}{at}"), None, text))
}

async fn log(core: &Core, reader: &dyn CodeReader, job: u64) -> Result<ToolAnswer, ToolError> {
    let log = reader.job_log(job, LOG_BYTES_MAX).await.map_err(failed)?;
    let shown = log.text.len() as u64;
    let text = match log.bytes.saturating_sub(shown) {
        0 => log.text,
        left_out => format!("… {left_out} bytes before this left out\n{}", log.text),
    };
    Ok(asked(core, SOURCE, &format!("log of job {job}"), None, text))
}
