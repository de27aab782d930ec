//! Which paths a patch may touch. What runs in CI, what decides which code is installed, who must review, and what holds secrets is
//! not written unless settings say so, and then an owner must approve; what holds secrets never.

use super::open_pr::FileText;
use crate::config::ProtectedPaths;

/// Files of one patch.
const FILES_MAX: usize = 20;
/// Text of one file, in bytes.
const FILE_BYTES_MAX: usize = 64 * 1024;
/// Text of all files, in bytes.
const PATCH_BYTES_MAX: usize = 256 * 1024;

/// Why a path is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protected {
    /// Runs in CI or sets it up.
    Workflow,
    /// Decides which code is installed.
    Lockfile,
    /// Decides who must review.
    Owners,
    /// Holds secrets.
    Secret,
}

impl Protected {
    const fn words(self) -> &'static str {
        match self {
            Self::Workflow => "runs in CI",
            Self::Lockfile => "decides which packages are installed",
            Self::Owners => "decides who must review",
            Self::Secret => "is where secrets are kept",
        }
    }

    /// Why `path` is protected, if it is.
    pub fn of(path: &str) -> Option<Self> {
        const WORKFLOW_DIRS: [&str; 4] = [".github/workflows/", ".github/actions/", ".circleci/", ".buildkite/"];
        const WORKFLOW_FILES: [&str; 6] =
            [".gitlab-ci.yml", ".travis.yml", "azure-pipelines.yml", "jenkinsfile", ".gitmodules", ".gitattributes"];
        const LOCKFILES: [&str; 14] = [
            "package-lock.json",
            "npm-shrinkwrap.json",
            "yarn.lock",
            "pnpm-lock.yaml",
            "bun.lock",
            "bun.lockb",
            "cargo.lock",
            "poetry.lock",
            "pipfile.lock",
            "uv.lock",
            "gemfile.lock",
            "composer.lock",
            "go.sum",
            ".npmrc",
        ];
        const SECRET_FILES: [&str; 6] =
            [".netrc", "id_rsa", "id_ed25519", "credentials", "credentials.json", ".pypirc"];
        const SECRET_ENDS: [&str; 5] = [".pem", ".key", ".p12", ".pfx", ".keystore"];
        let lower = path.to_ascii_lowercase();
        let name = lower.rsplit('/').next().unwrap_or_default();
        if name == ".env" || name.starts_with(".env.") && name != ".env.example" {
            return Some(Self::Secret);
        }
        if SECRET_FILES.contains(&name) || SECRET_ENDS.iter().any(|end| name.ends_with(end)) {
            return Some(Self::Secret);
        }
        if WORKFLOW_DIRS.iter().any(|dir| lower.starts_with(dir)) || WORKFLOW_FILES.contains(&name) {
            return Some(Self::Workflow);
        }
        if name == "codeowners" {
            return Some(Self::Owners);
        }
        LOCKFILES.contains(&name).then_some(Self::Lockfile)
    }
}

/// Sizes and forms; the same everywhere.
pub(crate) fn check(files: &[FileText]) -> Result<(), String> {
    if files.is_empty() || files.len() > FILES_MAX {
        return Err(format!("arguments.files: has {} files; write 1 to {FILES_MAX}", files.len()));
    }
    let mut all = 0;
    for (index, file) in files.iter().enumerate() {
        let at = format!("arguments.files[{index}]");
        check_path(&at, &file.path)?;
        if files[..index].iter().any(|other| other.path == file.path) {
            return Err(format!("{at}.path: is there twice; write each file once"));
        }
        let Some(text) = &file.text else { continue };
        if text.len() > FILE_BYTES_MAX {
            return Err(format!("{at}.text: has {} bytes; write at most {FILE_BYTES_MAX}", text.len()));
        }
        all += text.len();
        crate::act::outbound::scan(&format!("{at}.text"), text)?;
    }
    if all > PATCH_BYTES_MAX {
        return Err(format!("arguments.files: have {all} bytes; write at most {PATCH_BYTES_MAX}"));
    }
    Ok(())
}

/// A plain path below the repository's root.
fn check_path(at: &str, path: &str) -> Result<(), String> {
    let odd = |part: &str| part.is_empty() || part == "." || part == ".." || part.eq_ignore_ascii_case(".git");
    let plain = path.chars().all(|c| !c.is_control() && c != '\\') && path == wakeman_present::visible(path);
    if path.len() > 400 || !plain || path.split('/').any(odd) {
        return Err(format!("{at}.path: is not a plain path; write it like web/signup/form.ts"));
    }
    Ok(())
}

/// Whether settings let the patch touch these files.
pub(super) fn permitted(allowed: ProtectedPaths, files: &[FileText]) -> Result<(), String> {
    for file in files {
        let Some(why) = Protected::of(&file.path) else { continue };
        if why == Protected::Secret {
            return Err(format!("{} {}; it is never written", file.path, why.words()));
        }
        if allowed == ProtectedPaths::Never {
            return Err(format!(
                "{} {}; set github.protectedPaths to \"owner\" to let an owner approve that",
                file.path,
                why.words()
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{FileText, Protected as P, ProtectedPaths, check, permitted};

    #[test]
    fn every_protected_path_is_known_however_it_is_written() {
        for (path, want) in [
            ("web/signup/form.ts", None),
            ("docs/workflows/readme.md", None),
            (".env.example", None),
            (".github/workflows/ci.yml", Some(P::Workflow)),
            (".GitHub/Workflows/ci.yml", Some(P::Workflow)),
            (".github/actions/setup/action.yml", Some(P::Workflow)),
            (".gitmodules", Some(P::Workflow)),
            ("Jenkinsfile", Some(P::Workflow)),
            ("CODEOWNERS", Some(P::Owners)),
            ("docs/CODEOWNERS", Some(P::Owners)),
            ("web/package-lock.json", Some(P::Lockfile)),
            ("Cargo.lock", Some(P::Lockfile)),
            ("go.sum", Some(P::Lockfile)),
            (".env", Some(P::Secret)),
            ("api/.env.production", Some(P::Secret)),
            ("deploy/server.pem", Some(P::Secret)),
            ("id_rsa", Some(P::Secret)),
        ] {
            assert_eq!(P::of(path), want, "{path}");
            let file = [FileText { path: path.to_owned(), text: Some("x".to_owned()) }];
            assert_eq!(permitted(ProtectedPaths::Never, &file).is_ok(), want.is_none(), "{path}");
            assert_eq!(permitted(ProtectedPaths::Owner, &file).is_ok(), want != Some(P::Secret), "{path}");
        }
    }

    #[test]
    fn a_path_that_is_not_plain_is_refused() {
        for path in ["", "/etc/passwd", "a//b", "../x", "a/../b", "a/.git/config", "a\\b", "a\nb", "a\u{202e}b"] {
            let file = [FileText { path: path.to_owned(), text: None }];
            assert!(check(&file).is_err_and(|text| text.contains("not a plain path")), "{path:?}");
        }
    }

    #[test]
    fn sizes_are_bound() {
        let file = |n: usize, bytes: usize| FileText { path: format!("f{n}"), text: Some("x".repeat(bytes)) };
        assert!(check(&[]).is_err());
        assert!(check(&(0..21).map(|n| file(n, 1)).collect::<Vec<_>>()).is_err());
        assert!(check(&[file(0, 65_537)]).is_err());
        assert!(check(&(0..5).map(|n| file(n, 60_000)).collect::<Vec<_>>()).is_err());
        assert!(check(&[file(0, 1), file(0, 1)]).is_err(), "the same file twice");
        assert!(check(&(0..4).map(|n| file(n, 60_000)).collect::<Vec<_>>()).is_ok());
    }
}
