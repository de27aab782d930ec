//! Credentials and base URLs: from the environment, from a file it names, or from the instance's `.env`.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use secrecy::{ExposeSecret, SecretString};

use super::{env_file::parse_env_file, leaf::HttpUrl, suggest::nearest};
use crate::guard::{BYTES_MIN, Guard};

/// Others may read or change a file with any of these bits.
const SHARED_BITS: u32 = 0o066;

/// The names that are read, each also with `_FILE` at its end.
#[derive(Debug, Clone, Copy)]
pub struct SecretNames;

impl SecretNames {
    /// Credentials and project numbers.
    pub const CREDENTIALS: [&'static str; 13] = [
        "LITELLM_URL",
        "LITELLM_MASTER_KEY",
        "TELEGRAM_BOT_TOKEN",
        "DISCORD_BOT_TOKEN",
        "POSTHOG_API_KEY",
        "POSTHOG_PROJECT_ID",
        "GITHUB_TOKEN",
        "GITHUB_APP_ID",
        "GITHUB_APP_PRIVATE_KEY",
        "VERCEL_TOKEN",
        "WAKEMAN_API_TOKEN",
        "DEFAULT_PROMPT_VERSION",
        "WAKEMAN_CANARIES",
    ];
    /// Base URLs for self-hosted or test counterparts.
    pub const BASE_URLS: [&'static str; 5] =
        ["POSTHOG_HOST", "GITHUB_API_URL", "VERCEL_API_URL", "TELEGRAM_API_URL", "DISCORD_API_URL"];
    /// Kept for a later version; set today they stop the start.
    pub const LATER: [&'static str; 2] = ["DATABASE_URL", "NATS_URL"];
    /// What the instance's `.env` may hold for others: the command's own names, and those of a later version.
    const OTHERS: [&'static str; 5] =
        ["WAKEMAN_ROOT", "WAKEMAN_LISTEN", "OTEL_EXPORTER_OTLP_ENDPOINT", "SENTRY_DSN", "NO_COLOR"];

    fn all() -> impl Iterator<Item = &'static str> {
        Self::CREDENTIALS.into_iter().chain(Self::BASE_URLS)
    }

    /// Whether `name`, or what it is the file form of, means something.
    fn knows(name: &str) -> bool {
        let plain = name.strip_suffix("_FILE").unwrap_or(name);
        Self::all().chain(Self::LATER).chain(Self::OTHERS).any(|known| known == plain)
    }
}

/// A file as its reader found it.
#[derive(Debug, Clone)]
pub struct SecretFile {
    /// Its text.
    pub text: String,
    /// Its permission bits, e.g. `0o600`.
    pub mode: u32,
}

/// How Wakeman proves itself to GitHub.
#[derive(Debug, Clone)]
pub enum GithubCredential {
    /// A personal or fine-grained token.
    Token(SecretString),
    /// An app and its private key.
    App {
        /// The app's number.
        id: String,
        /// Its key, PEM.
        private_key: SecretString,
    },
}

/// Everything secret, and where the services are. Printing it shows no secret.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// The model proxy.
    pub litellm_url: Option<HttpUrl>,
    /// Its key.
    pub litellm_master_key: Option<SecretString>,
    /// The Telegram bot.
    pub telegram_bot_token: Option<SecretString>,
    /// The Discord bot.
    pub discord_bot_token: Option<SecretString>,
    /// The PostHog key.
    pub posthog_api_key: Option<SecretString>,
    /// The PostHog project's number.
    pub posthog_project_id: Option<String>,
    /// The GitHub credential.
    pub github: Option<GithubCredential>,
    /// The Vercel token.
    pub vercel_token: Option<SecretString>,
    /// The token of an API client, accepted as owner.
    pub api_token: Option<SecretString>,
    /// The prompt version that holds where settings name none.
    pub default_prompt_version: Option<String>,
    /// Words that are credentials for nothing, so that one that turns up anywhere is known to have been carried there.
    pub canaries: Vec<SecretString>,
    /// PostHog's base URL; wins over `posthog.host`.
    pub posthog_host: Option<HttpUrl>,
    /// GitHub's base URL.
    pub github_api_url: Option<HttpUrl>,
    /// Vercel's base URL.
    pub vercel_api_url: Option<HttpUrl>,
    /// Telegram's base URL.
    pub telegram_api_url: Option<HttpUrl>,
    /// Discord's base URL.
    pub discord_api_url: Option<HttpUrl>,
    /// Names in the `.env` that mean nothing here.
    pub unknown: Vec<String>,
}

/// Why the credentials cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SecretsError {
    /// Other accounts of the machine can read or change the file.
    #[error("{}: others may read or change it (mode {mode:04o}); run `chmod 600 {}`", place(name, path), path.display())]
    Shared {
        /// The variable that names the file; empty for the `.env`.
        name: String,
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file cannot be read.
    #[error("{}: cannot be read; check that it exists and belongs to the account that runs wakeman", place(name, path))]
    Unreadable {
        /// The variable that names the file; empty for the `.env`.
        name: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// Both forms are set.
    #[error("{name} and {name}_FILE are both set; unset one")]
    Both {
        /// The plain name.
        name: String,
    },
    /// A name that a later version will use.
    #[error("{name} is not supported by this version; unset it")]
    Later {
        /// The name.
        name: String,
    },
    /// A value that cannot be one.
    #[error("{name} is not {wanted}")]
    Value {
        /// The name.
        name: String,
        /// What it must be, with an example.
        wanted: &'static str,
    },
    /// A line of the `.env` that is no assignment.
    #[error("{}: line {line} is not an assignment; write it like GITHUB_TOKEN=…", path.display())]
    Line {
        /// The `.env`.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// Half of a GitHub app.
    #[error("{present} is set but {missing} is not; a GitHub app needs both")]
    HalfAnApp {
        /// The name that is set.
        present: &'static str,
        /// The name that is not.
        missing: &'static str,
    },
}

fn place(name: &str, path: &Path) -> String {
    if name.is_empty() { path.display().to_string() } else { format!("{name}={}", path.display()) }
}

impl Secrets {
    /// What knows each of them again wherever it turns up.
    pub fn guard(&self) -> Guard {
        Guard::of(self.by_name().map(|(name, secret)| (name, secret.expose_secret())))
    }

    /// Each of them with the name of its variable.
    fn by_name(&self) -> impl Iterator<Item = (&'static str, &SecretString)> {
        let (token, key) = match &self.github {
            Some(GithubCredential::Token(token)) => (Some(token), None),
            Some(GithubCredential::App { private_key, .. }) => (None, Some(private_key)),
            None => (None, None),
        };
        let single = [
            ("LITELLM_MASTER_KEY", self.litellm_master_key.as_ref()),
            ("TELEGRAM_BOT_TOKEN", self.telegram_bot_token.as_ref()),
            ("DISCORD_BOT_TOKEN", self.discord_bot_token.as_ref()),
            ("POSTHOG_API_KEY", self.posthog_api_key.as_ref()),
            ("GITHUB_TOKEN", token),
            ("GITHUB_APP_PRIVATE_KEY", key),
            ("VERCEL_TOKEN", self.vercel_token.as_ref()),
            ("WAKEMAN_API_TOKEN", self.api_token.as_ref()),
        ];
        let named = single.into_iter().filter_map(|(name, secret)| Some((name, secret?)));
        named.chain(self.canaries.iter().map(|canary| ("WAKEMAN_CANARIES", canary)))
    }

    /// Reads every name. `env` answers for the environment, which wins; `env_file` is the instance's `.env`, which may be missing;
    /// `read` opens files. An empty value counts as unset.
    ///
    /// # Errors
    /// [`SecretsError`] names the variable or file and the remedy. No message holds a value.
    pub fn load(
        env: impl Fn(&str) -> Option<String>,
        env_file: &Path,
        read: impl Fn(&Path) -> io::Result<SecretFile>,
    ) -> Result<Self, SecretsError> {
        let kept = read_env_file(env_file, &read)?;
        let set = |name: &str| {
            let from_env = env(name).filter(|value| !value.trim().is_empty());
            from_env.or_else(|| kept.get(name).cloned())
        };
        for name in SecretNames::LATER {
            if set(name).is_some() || set(&format!("{name}_FILE")).is_some() {
                return Err(SecretsError::Later { name: name.to_owned() });
            }
        }
        let unknown = kept.keys().filter(|name| !SecretNames::knows(name)).cloned().collect();
        Ok(Self { unknown, ..Source { set: &set, env: &env, read: &read }.secrets()? })
    }

    /// What is odd, a line each: names in the `.env` that mean nothing here, with a suggestion (`label` is how it is called), and what is
    /// too short to be known again. No line holds a value.
    pub fn warnings(&self, label: &str) -> Vec<String> {
        let said = |name: &String| match nearest(name, SecretNames::all()) {
            Some(meant) => format!("{label}: {name} is not a setting; did you mean {meant}?"),
            None => format!("{label}: {name} is not a setting; it is ignored"),
        };
        let mut lines: Vec<String> = self.unknown.iter().map(said).collect();
        for (name, secret) in self.by_name() {
            if Guard::of([(name, secret.expose_secret())]).is_empty() {
                let line = format!(
                    "{name}: a value of fewer than {BYTES_MIN} bytes is not kept out of what is said and sent; use a longer one"
                );
                // Several canaries may be short; one line is enough.
                lines.extend(Some(line).filter(|line| !lines.contains(line)));
            }
        }
        lines
    }
}

struct Source<'a, S, E, R> {
    set: &'a S,
    env: &'a E,
    read: &'a R,
}

impl<S, E, R> Source<'_, S, E, R>
where
    S: Fn(&str) -> Option<String>,
    E: Fn(&str) -> Option<String>,
    R: Fn(&Path) -> io::Result<SecretFile>,
{
    fn secrets(&self) -> Result<Secrets, SecretsError> {
        Ok(Secrets {
            litellm_url: self.url("LITELLM_URL")?,
            litellm_master_key: self.secret("LITELLM_MASTER_KEY")?,
            telegram_bot_token: self.secret("TELEGRAM_BOT_TOKEN")?,
            discord_bot_token: self.secret("DISCORD_BOT_TOKEN")?,
            posthog_api_key: self.secret("POSTHOG_API_KEY")?,
            posthog_project_id: self.number("POSTHOG_PROJECT_ID")?,
            github: self.github()?,
            vercel_token: self.secret("VERCEL_TOKEN")?,
            api_token: self.secret("WAKEMAN_API_TOKEN")?,
            default_prompt_version: self.text("DEFAULT_PROMPT_VERSION")?,
            canaries: self.canaries()?,
            posthog_host: self.url("POSTHOG_HOST")?,
            github_api_url: self.url("GITHUB_API_URL")?,
            vercel_api_url: self.url("VERCEL_API_URL")?,
            telegram_api_url: self.url("TELEGRAM_API_URL")?,
            discord_api_url: self.url("DISCORD_API_URL")?,
            unknown: Vec::new(),
        })
    }

    /// The value of `name`, or of the file that `name_FILE` names. A form set in the environment beats either form in the `.env`.
    fn text(&self, name: &str) -> Result<Option<String>, SecretsError> {
        let file_name = format!("{name}_FILE");
        let present = |from: &dyn Fn(&str) -> Option<String>, name: &str| from(name).filter(|v| !v.trim().is_empty());
        let (plain, file) = match (present(self.env, name), present(self.env, &file_name)) {
            (None, None) => ((self.set)(name), (self.set)(&file_name)),
            found => found,
        };
        match (plain, file) {
            (Some(_), Some(_)) => Err(SecretsError::Both { name: name.to_owned() }),
            (Some(value), None) => Ok(Some(value.trim().to_owned())),
            (None, Some(path)) => {
                let text = read_private(&file_name, Path::new(path.trim()), self.read)?;
                Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
            }
            (None, None) => Ok(None),
        }
    }

    fn secret(&self, name: &str) -> Result<Option<SecretString>, SecretsError> {
        let wanted = "a token: it holds blanks, line breaks or other signs; paste it again without them";
        self.checked(name, wanted, |text| text.bytes().all(|b| b.is_ascii_graphic()))
            .map(|value| value.map(SecretString::from))
    }

    /// Words between blanks or commas.
    fn canaries(&self) -> Result<Vec<SecretString>, SecretsError> {
        let text = self.text("WAKEMAN_CANARIES")?.unwrap_or_default();
        let words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
        Ok(words.map(|word| SecretString::from(word.to_owned())).collect())
    }

    fn number(&self, name: &str) -> Result<Option<String>, SecretsError> {
        self.checked(name, "a number; copy it from the service's settings page", |text| {
            text.bytes().all(|b| b.is_ascii_digit())
        })
    }

    fn checked(
        &self,
        name: &str,
        wanted: &'static str,
        fine: impl Fn(&str) -> bool,
    ) -> Result<Option<String>, SecretsError> {
        match self.text(name)? {
            Some(text) if !fine(&text) => Err(SecretsError::Value { name: name.to_owned(), wanted }),
            text => Ok(text),
        }
    }

    fn url(&self, name: &str) -> Result<Option<HttpUrl>, SecretsError> {
        let wanted = "a web address; write it like https://host.example";
        let Some(text) = self.text(name)? else { return Ok(None) };
        HttpUrl::parse(&text).map(Some).ok_or(SecretsError::Value { name: name.to_owned(), wanted })
    }

    fn github(&self) -> Result<Option<GithubCredential>, SecretsError> {
        let (id, key) = ("GITHUB_APP_ID", "GITHUB_APP_PRIVATE_KEY");
        let app = (self.number(id)?, self.text(key)?);
        if let Some(token) = self.secret("GITHUB_TOKEN")? {
            return Ok(Some(GithubCredential::Token(token)));
        }
        match app {
            (Some(id), Some(pem)) => {
                // One-line environments carry a PEM with its line breaks written as \n.
                let private_key = SecretString::from(pem.replace("\\n", "\n"));
                Ok(Some(GithubCredential::App { id, private_key }))
            }
            (Some(_), None) => Err(SecretsError::HalfAnApp { present: id, missing: key }),
            (None, Some(_)) => Err(SecretsError::HalfAnApp { present: key, missing: id }),
            (None, None) => Ok(None),
        }
    }
}

fn read_private(
    name: &str,
    path: &Path,
    read: impl Fn(&Path) -> io::Result<SecretFile>,
) -> Result<String, SecretsError> {
    let (name, path) = (name.to_owned(), path.to_owned());
    match read(&path) {
        Ok(file) if file.mode & SHARED_BITS != 0 => Err(SecretsError::Shared { name, path, mode: file.mode & 0o7777 }),
        Ok(file) => Ok(file.text),
        Err(source) => Err(SecretsError::Unreadable { name, path, source: Arc::new(source) }),
    }
}

fn read_env_file(
    path: &Path,
    read: impl Fn(&Path) -> io::Result<SecretFile>,
) -> Result<BTreeMap<String, String>, SecretsError> {
    match read_private("", path, read) {
        Ok(text) => parse_env_file(&text).map_err(|line| SecretsError::Line { path: path.to_owned(), line }),
        Err(SecretsError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error),
    }
}
