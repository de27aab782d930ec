//! What a pull request, a commit or a pair of commits changes.

use serde::Deserialize;
use wakeman_gateway::ports::{DiffFile, DiffOf};

use crate::{
    github::{client::Wire, paths},
    http::Failure,
};

/// Pages of a hundred files that are read of a pull request; commits and comparisons come in one page of three hundred.
const PAGES_MAX: usize = 3;

#[derive(Debug, Deserialize)]
struct File {
    filename: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    additions: u64,
    #[serde(default)]
    deletions: u64,
    #[serde(default)]
    patch: Option<String>,
}

#[derive(Debug, Deserialize)]
struct WithFiles {
    #[serde(default)]
    files: Vec<File>,
}

pub(super) async fn diff(wire: &Wire, of: DiffOf) -> Result<Vec<DiffFile>, Failure> {
    let files = match of {
        DiffOf::Pull(number) => of_pull(wire, number).await?,
        DiffOf::Commit(name) => {
            wire.ask::<WithFiles>("commit", &format!("/commits/{}", paths::path(&name))).await?.files
        }
        DiffOf::Between { base, head } => {
            let spec = format!("{}...{}", paths::path(&base), paths::path(&head));
            wire.ask::<WithFiles>("comparison", &format!("/compare/{spec}")).await?.files
        }
    };
    Ok(files.into_iter().map(told).collect())
}

async fn of_pull(wire: &Wire, number: u64) -> Result<Vec<File>, Failure> {
    let mut files = Vec::new();
    for page in 1..=PAGES_MAX {
        let path = format!("/pulls/{number}/files?per_page=100&page={page}");
        let listed: Vec<File> = wire.ask("file list of a pull request", &path).await?;
        let last = listed.len() < 100;
        files.extend(listed);
        if last {
            break;
        }
    }
    Ok(files)
}

fn told(file: File) -> DiffFile {
    DiffFile {
        path: file.filename,
        status: file.status,
        added: file.additions,
        removed: file.deletions,
        patch: file.patch,
    }
}
