//! Where prompt files come from: the program itself, and a folder of the instance.

use std::{io::ErrorKind, path::Path};

use include_dir::{Dir, include_dir};

use super::{
    error::PromptProblem,
    file::{BYTES_MAX, PromptFile, TOO_LONG},
};
use crate::instance::read_input;

static PROMPTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../prompts");

/// Where an instance keeps its own prompts, as people and messages name it.
pub const PROMPTS_DIR: &str = "read-only/prompts";
/// More files than this are not prompts of a person.
const FILES_MAX: usize = 500;

/// The files of the program.
pub(super) fn shipped() -> Vec<PromptFile> {
    let folders = PROMPTS.dirs().flat_map(Dir::files);
    let file = |file: &include_dir::File<'_>| {
        let path = file.path().to_str()?.to_owned();
        Some(PromptFile { label: format!("prompts/{path}"), path, text: file.contents_utf8()?.to_owned() })
    };
    let mut files: Vec<PromptFile> = folders.filter_map(file).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// Reads the instance's own prompts below `folder`, usually `read-only/prompts`. A missing folder has none; what cannot be
/// read is named.
pub fn read_overrides(folder: &Path) -> (Vec<PromptFile>, Vec<PromptProblem>) {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    collect(folder, "", &mut files, &mut problems);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    (files, problems)
}

fn collect(folder: &Path, below: &str, files: &mut Vec<PromptFile>, problems: &mut Vec<PromptProblem>) {
    let wrong = |path: &str, error: std::io::Error| PromptProblem {
        file: format!("{PROMPTS_DIR}/{path}").trim_end_matches('/').to_owned(),
        line: None,
        text: match error.kind() {
            ErrorKind::FileTooLarge => TOO_LONG.to_owned(),
            ErrorKind::InvalidInput => "is not a file; put the prompt's file in its place".to_owned(),
            _ => format!("cannot be read ({error}); check who owns it and its mode"),
        },
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound && below.is_empty() => return,
        Err(error) => return problems.push(wrong(below, error)),
    };
    let mut paths: Vec<_> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let inside = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        // An editor's own files, and a note for people beside the folders.
        if name.starts_with('.') || name.ends_with('~') || inside == "README.md" || files.len() >= FILES_MAX {
            continue;
        }
        if path.is_dir() {
            if below.is_empty() {
                collect(&path, &inside, files, problems);
            }
            continue;
        }
        match read_input(&path, BYTES_MAX as u64) {
            Ok(text) => files.push(PromptFile { label: format!("{PROMPTS_DIR}/{inside}"), path: inside, text }),
            Err(error) => problems.push(wrong(&inside, error)),
        }
    }
}
