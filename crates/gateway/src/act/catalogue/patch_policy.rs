//! Which paths a patch may touch. What runs in CI, what decides which code is installed, who must review, and what holds secrets is
//! not written unless settings say so, and then an owner must approve; what holds secrets never.

use super::open_pr::FileText;
use crate::{act::outbound, config::ProtectedPaths};

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
        const WORKFLOW_DIRS: [&str; 4] = [".github/workflows", ".github/actions", ".circleci", ".buildkite"];
        const WORKFLOW_FILES: [&str; 8] = [
            ".gitlab-ci.yml",
            ".travis.yml",
            "azure-pipelines.yml",
            "dependabot.yml",
            "dependabot.yaml",
            "jenkinsfile",
            ".gitmodules",
            ".gitattributes",
        ];
        const LOCKFILES: [&str; 5] = ["package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "go.sum", ".npmrc"];
        const LOCKFILE_ENDS: [&str; 5] = [".lock", ".lockb", ".lockfile", ".lock.json", ".lock.hcl"];
        // As where case does not count: there a Kelvin sign is a k, too.
        let lower = path.to_lowercase();
        let name = lower.rsplit('/').next().unwrap_or_default();
        let ends = |all: &[&str]| all.iter().any(|end| name.ends_with(end));
        if is_secret(name) {
            return Some(Self::Secret);
        }
        let in_dir = |dir: &&str| lower.strip_prefix(*dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if WORKFLOW_DIRS.iter().any(in_dir) || WORKFLOW_FILES.contains(&name) {
            return Some(Self::Workflow);
        }
        if name == "codeowners" {
            return Some(Self::Owners);
        }
        (LOCKFILES.contains(&name) || ends(&LOCKFILE_ENDS)).then_some(Self::Lockfile)
    }
}

/// Whether a file of this name, in small letters, is one that holds secrets.
fn is_secret(name: &str) -> bool {
    const FILES: [&str; 5] = [".git-credentials", ".netrc", "credentials", "credentials.json", ".pypirc"];
    const ENDS: [&str; 7] = [".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".ppk"];
    const KEYS: [&str; 5] = ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_xmss"];
    const SAMPLES: [&str; 3] = [".env.example", ".env.sample", ".env.template"];
    let environment = name.starts_with(".env") && !SAMPLES.contains(&name);
    let key = KEYS.iter().any(|key| name.starts_with(key)) && !name.ends_with(".pub");
    environment || key || FILES.contains(&name) || ENDS.iter().any(|end| name.ends_with(end))
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
        for other in &files[..index] {
            apart(&at, &other.path, &file.path)?;
        }
        let Some(text) = &file.text else { continue };
        if text.len() > FILE_BYTES_MAX {
            return Err(format!("{at}.text: has {} bytes; write at most {FILE_BYTES_MAX}", text.len()));
        }
        all += text.len();
        let field = format!("{at}.text");
        outbound::scan(&field, text)?;
        // A mark at the very beginning says how the file is written, and changes nothing of what is read.
        outbound::hidden(&field, text.strip_prefix('\u{feff}').unwrap_or(text))?;
    }
    if all > PATCH_BYTES_MAX {
        return Err(format!("arguments.files: have {all} bytes; write at most {PATCH_BYTES_MAX}"));
    }
    Ok(())
}

/// A plain path below the repository's root.
fn check_path(at: &str, path: &str) -> Result<(), String> {
    // Where an ending blank or dot does not count, the name would be another file's.
    let odd = |part: &str| part.is_empty() || part.ends_with(['.', ' ']) || part.eq_ignore_ascii_case(".git");
    let plain = path.chars().all(|c| !c.is_control() && c != '\\') && path == wakeman_present::visible(path);
    if path.len() > 400 || !plain || path.split('/').any(odd) {
        return Err(format!("{at}.path: is not a plain path; write it like web/signup/form.ts"));
    }
    outbound::scan(&format!("{at}.path"), path)
}

/// Two files of one patch must be two files everywhere: also where names differ in more than their case, and neither below the other.
fn apart(at: &str, one: &str, other: &str) -> Result<(), String> {
    if one == other {
        return Err(format!("{at}.path: is there twice; write each file once"));
    }
    let (a, b) = (one.to_lowercase(), other.to_lowercase());
    if a == b {
        return Err(format!("{at}.path: {other} and {one} are one file where case does not count; write one of them"));
    }
    let below = |file: &str, dir: &str| file.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'));
    if below(&a, &b) || below(&b, &a) {
        return Err(format!("{at}.path: {other} and {one} cannot both be files; write one of them"));
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
            (".env.sample", None),
            ("api/.env.template", None),
            ("web/blocks.ts", None),
            ("keys/id_rsa.pub", None),
            (".github/dependabot.yml", Some(P::Workflow)),
            (".github/workflows", Some(P::Workflow)),
            (".github/workflows.md", None),
            ("deno.lock", Some(P::Lockfile)),
            ("bun.lockb", Some(P::Lockfile)),
            ("Cargo.loc\u{212a}", Some(P::Lockfile)),
            ("app/gradle.lockfile", Some(P::Lockfile)),
            ("packages.lock.json", Some(P::Lockfile)),
            (".terraform.lock.hcl", Some(P::Lockfile)),
            ("pnpm-lock.yaml", Some(P::Lockfile)),
            (".envrc", Some(P::Secret)),
            (".env-production", Some(P::Secret)),
            (".git-credentials", Some(P::Secret)),
            ("deploy/id_ecdsa", Some(P::Secret)),
            ("release.jks", Some(P::Secret)),
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
        let odd = ["", "/etc/passwd", "a//b", "../x", "a/../b", "a/.git/config", "a\\b", "a\nb", "a\u{202e}b"];
        for path in odd.into_iter().chain(["web/package-lock.json ", "Cargo.lock.", "dir /a.ts", ".git./config"]) {
            let file = [FileText { path: path.to_owned(), text: None }];
            assert!(check(&file).is_err_and(|text| text.contains("not a plain path")), "{path:?}");
        }
    }

    #[test]
    fn what_hides_in_a_text_or_a_path_is_refused() {
        let file = |path: &str, text: &str| [FileText { path: path.to_owned(), text: Some(text.to_owned()) }];
        for (path, text, want) in [
            ("a.ts", "let a = 1;\nlet b = 2; // \u{202e}", "arguments.files[0].text: holds U+202E on line 2"),
            ("a.ts", "tag \u{e0041}", "holds U+E0041"),
            ("a.ts", "\u{1b}[31m", "holds U+001B"),
            ("a.ts", "x\u{feff}", "holds U+FEFF"),
            (
                "ghp_16C7e42F292c6912E7710c838347Ae178B4a.md",
                "x",
                "arguments.files[0].path: holds what looks like a credential",
            ),
        ] {
            let said = check(&file(path, text)).unwrap_err();
            assert!(said.contains(want), "{said}");
        }
        for text in ["\u{feff}größer\n\tals", "👩\u{200d}🚒 ❤\u{fe0f}", "a\r\nb"] {
            assert_eq!(check(&file("a.ts", text)), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn a_line_that_a_patch_keeps_is_looked_at_like_one_that_it_adds() {
        // A patch holds files whole: what it keeps of the old text is written, shown and looked at; what it leaves out is not written at
        // all, and the old file as a whole is bound by its blob.
        let file = |text: &str| [FileText { path: "a.ts".to_owned(), text: Some(text.to_owned()) }];
        let kept = check(&file("let a = 2;\n// \u{202e}from before\n")).unwrap_err();
        assert!(kept.contains("arguments.files[0].text: holds U+202E on line 2"), "{kept}");
        assert_eq!(check(&file("let a = 2;\n")), Ok(()));
    }

    #[test]
    fn two_files_of_a_patch_are_two_files_everywhere() {
        for (one, other, want) in [
            ("a.ts", "a.ts", "is there twice"),
            ("a.ts", "A.ts", "are one file where case does not count"),
            ("web/a", "web/a/b", "cannot both be files"),
            ("web/a/b", "Web/A", "cannot both be files"),
        ] {
            let files = [one, other].map(|path| FileText { path: path.to_owned(), text: Some("x".to_owned()) });
            let said = check(&files).unwrap_err();
            assert!(said.contains("arguments.files[1].path") && said.contains(want), "{said}");
        }
        let files = ["web/a", "web/ab"].map(|path| FileText { path: path.to_owned(), text: None });
        assert_eq!(check(&files), Ok(()));
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
