//! Credentials: where each may come from, and every way they can be wrong.

use std::{collections::BTreeMap, io, path::Path};

use secrecy::ExposeSecret;

use super::super::{GithubCredential, SecretFile, SecretNames, Secrets, SecretsError};

/// Loads from pairs of the environment and files given as (path, mode, text).
fn load(env: &[(&str, &str)], files: &[(&str, u32, &str)]) -> Result<Secrets, SecretsError> {
    let env: BTreeMap<_, _> = env.iter().copied().collect();
    Secrets::load(
        |name| env.get(name).map(|value| (*value).to_owned()),
        Path::new("/i/.env"),
        |path| match files.iter().find(|(name, ..)| Path::new(name) == path) {
            Some((_, 0, _)) => Err(io::ErrorKind::PermissionDenied.into()),
            Some((_, mode, text)) => Ok(SecretFile { text: (*text).to_owned(), mode: 0o100_000 | mode }),
            None => Err(io::ErrorKind::NotFound.into()),
        },
    )
}

fn github(secrets: &Secrets) -> &str {
    match secrets.github.as_ref().expect("a credential") {
        GithubCredential::Token(token) => token.expose_secret(),
        GithubCredential::App { private_key, .. } => private_key.expose_secret(),
    }
}

#[test]
fn nothing_set_is_nothing_configured() {
    let secrets = load(&[("GITHUB_TOKEN", " ")], &[]).unwrap();
    assert!(secrets.github.is_none() && secrets.posthog_api_key.is_none() && secrets.litellm_url.is_none());
}

#[test]
fn a_value_comes_from_the_environment_a_file_or_the_env_file() {
    let env_file = ("/i/.env", 0o600, "# keys\nexport GITHUB_TOKEN='kept' # mine\nPOSTHOG_API_KEY_FILE=/run/k\n\n");
    let key = ("/run/k", 0o400, "phx_1\n");
    let kept = load(&[], &[env_file, key]).unwrap();
    assert_eq!(github(&kept), "kept");
    assert_eq!(kept.posthog_api_key.unwrap().expose_secret(), "phx_1");
    let set = load(&[("GITHUB_TOKEN", "set"), ("POSTHOG_API_KEY", "phx_2")], &[env_file, key]).unwrap();
    assert_eq!(github(&set), "set");
    assert_eq!(set.posthog_api_key.unwrap().expose_secret(), "phx_2");
    let file = load(&[("GITHUB_TOKEN_FILE", "/run/k")], &[env_file, key]).unwrap();
    assert_eq!(github(&file), "phx_1");
}

#[test]
fn base_urls_and_numbers_are_checked_and_trimmed() {
    let secrets = load(
        &[
            ("POSTHOG_HOST", "http://127.0.0.1:8000/posthog/"),
            ("POSTHOG_PROJECT_ID", "12"),
            ("LITELLM_URL", "https://m"),
        ],
        &[],
    )
    .unwrap();
    assert_eq!(secrets.posthog_host.unwrap().as_str(), "http://127.0.0.1:8000/posthog");
    assert_eq!(secrets.posthog_project_id.as_deref(), Some("12"));
    assert_eq!(secrets.litellm_url.unwrap().as_str(), "https://m");
}

#[test]
fn an_app_needs_both_halves_and_its_key_may_be_on_one_line() {
    let pem = "-----BEGIN KEY-----\\nabc\\n-----END KEY-----";
    let app = load(&[("GITHUB_APP_ID", "7"), ("GITHUB_APP_PRIVATE_KEY", pem)], &[]).unwrap();
    assert_eq!(github(&app), "-----BEGIN KEY-----\nabc\n-----END KEY-----");
    let file = [("/k.pem", 0o600, "-----BEGIN KEY-----\nabc\n")];
    let app = load(&[("GITHUB_APP_ID", "7"), ("GITHUB_APP_PRIVATE_KEY_FILE", "/k.pem")], &file).unwrap();
    assert_eq!(github(&app), "-----BEGIN KEY-----\nabc");
}

/// Environment, files (path, mode, text), and the line that is expected.
type Case = (&'static [(&'static str, &'static str)], &'static [(&'static str, u32, &'static str)], &'static str);

const WRONG: &[Case] = &[
    (
        &[("GITHUB_TOKEN_FILE", "/k")],
        &[("/k", 0o644, "s3cret")],
        "GITHUB_TOKEN_FILE=/k: others may read or change it (mode 0644); run `chmod 600 /k`",
    ),
    (
        &[("GITHUB_TOKEN_FILE", "/k")],
        &[("/k", 0o640, "s3cret")],
        "GITHUB_TOKEN_FILE=/k: others may read or change it (mode 0640); run `chmod 600 /k`",
    ),
    (
        &[("GITHUB_TOKEN_FILE", "/k")],
        &[("/k", 0o602, "s3cret")],
        "GITHUB_TOKEN_FILE=/k: others may read or change it (mode 0602); run `chmod 600 /k`",
    ),
    (
        &[("GITHUB_TOKEN_FILE", "/k")],
        &[("/k", 0, "s3cret")],
        "GITHUB_TOKEN_FILE=/k: cannot be read; check that it exists and belongs to the account that runs wakeman",
    ),
    (
        &[("GITHUB_TOKEN_FILE", "/k")],
        &[],
        "GITHUB_TOKEN_FILE=/k: cannot be read; check that it exists and belongs to the account that runs wakeman",
    ),
    (
        &[],
        &[("/i/.env", 0o604, "GITHUB_TOKEN=s3cret")],
        "/i/.env: others may read or change it (mode 0604); run `chmod 600 /i/.env`",
    ),
    (
        &[],
        &[("/i/.env", 0, "GITHUB_TOKEN=s3cret")],
        "/i/.env: cannot be read; check that it exists and belongs to the account that runs wakeman",
    ),
    (
        &[],
        &[("/i/.env", 0o600, "A=1\nGITHUB_TOKEN s3cret")],
        "/i/.env: line 2 is not an assignment; write it like GITHUB_TOKEN=…",
    ),
    (
        &[],
        &[("/i/.env", 0o600, "GITHUB_TOKEN=\"s3cret")],
        "/i/.env: line 1 is not an assignment; write it like GITHUB_TOKEN=…",
    ),
    (
        &[("GITHUB_TOKEN", "s3cret"), ("GITHUB_TOKEN_FILE", "/k")],
        &[("/k", 0o600, "x")],
        "GITHUB_TOKEN and GITHUB_TOKEN_FILE are both set; unset one",
    ),
    (
        &[("GITHUB_TOKEN", "s3cret s3cret")],
        &[],
        "GITHUB_TOKEN is not a token: it holds blanks, line breaks or other signs; paste it again without them",
    ),
    (
        &[("VERCEL_TOKEN", "s3cret\nx")],
        &[],
        "VERCEL_TOKEN is not a token: it holds blanks, line breaks or other signs; paste it again without them",
    ),
    (
        &[("POSTHOG_PROJECT_ID", "s3cret")],
        &[],
        "POSTHOG_PROJECT_ID is not a number; copy it from the service's settings page",
    ),
    (
        &[("POSTHOG_HOST", "eu.posthog.com")],
        &[],
        "POSTHOG_HOST is not a web address; write it like https://host.example",
    ),
    (
        &[("LITELLM_URL", "http://user:s3cret@host")],
        &[],
        "LITELLM_URL is not a web address; write it like https://host.example",
    ),
    (&[("GITHUB_APP_ID", "7")], &[], "GITHUB_APP_ID is set but GITHUB_APP_PRIVATE_KEY is not; a GitHub app needs both"),
    (
        &[("GITHUB_APP_PRIVATE_KEY", "s3cret")],
        &[],
        "GITHUB_APP_PRIVATE_KEY is set but GITHUB_APP_ID is not; a GitHub app needs both",
    ),
    (&[("DATABASE_URL", "postgres://s3cret")], &[], "DATABASE_URL is not supported by this version; unset it"),
    (&[("NATS_URL", "nats://s3cret")], &[], "NATS_URL is not supported by this version; unset it"),
    (&[("NATS_URL_FILE", "/k")], &[("/k", 0o600, "x")], "NATS_URL is not supported by this version; unset it"),
    (&[], &[("/i/.env", 0o600, "DATABASE_URL=s3cret")], "DATABASE_URL is not supported by this version; unset it"),
];

#[test]
fn what_is_wrong_is_named_without_the_value() {
    let mut wrong = 0;
    for (env, files, want) in WRONG {
        let line = load(env, files).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(!line.contains("s3cret") && !line.contains('\n'), "{line}");
        if line != *want {
            eprintln!("{env:?} {files:?}\n  found {line}\n  want  {want}");
            wrong += 1;
        }
    }
    assert_eq!(wrong, 0);
}

#[test]
fn printing_shows_no_secret() {
    let secrets = load(&[("GITHUB_TOKEN", "s3cret"), ("WAKEMAN_API_TOKEN", "s3cret")], &[]).unwrap();
    assert!(!format!("{secrets:?}").contains("s3cret"));
}

#[test]
fn the_example_names_everything_and_sets_nothing() {
    let example = include_str!("../../../../../config/env.example");
    let secrets = load(&[], &[("/i/.env", 0o600, example)]).unwrap();
    assert_eq!(format!("{secrets:?}"), format!("{:?}", Secrets::default()));
    for name in SecretNames::CREDENTIALS.iter().chain(&SecretNames::BASE_URLS) {
        assert!(example.lines().any(|line| line == format!("{name}=")), "{name}");
    }
}

#[test]
fn names_in_the_env_file_that_mean_nothing_are_named() {
    let env_file = ("/i/.env", 0o600, "GITHUB_TOKN=a\nPOSTHOG_API_KEY_FILE=/run/k\nSENTRY_DSN=b\nOTHER=c\n");
    let secrets = load(&[], &[env_file, ("/run/k", 0o400, "phx_12345\n")]).unwrap();
    assert_eq!(
        secrets.warnings(".env"),
        [
            ".env: GITHUB_TOKN is not a setting; did you mean GITHUB_TOKEN?",
            ".env: OTHER is not a setting; it is ignored",
        ]
    );
}

#[test]
fn what_is_too_short_to_be_guarded_is_named_without_the_value() {
    let env = [
        ("LITELLM_MASTER_KEY", "sk-1234"),
        ("WAKEMAN_CANARIES", "s3cret,long-enough s3cre7"),
        ("GITHUB_TOKEN", "12345678"),
    ];
    let secrets = load(&env, &[]).unwrap();
    let rest = "a value of fewer than 8 bytes is not kept out of what is said and sent; use a longer one";
    let told = secrets.warnings(".env");
    assert_eq!(told, [format!("LITELLM_MASTER_KEY: {rest}"), format!("WAKEMAN_CANARIES: {rest}")]);
    let guard = secrets.guard();
    assert!(
        guard.find("12345678").is_some() && guard.find("a long-enough b").is_some() && guard.find("sk-1234").is_none()
    );
}
