//! Who we are to GitHub: a token, or an app that gets itself a token for an hour at a time.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{Client, Method, Url};
use rustls::{
    SignatureScheme,
    crypto::ring::sign::any_supported_type,
    pki_types::{PrivateKeyDer, pem::PemObject},
    sign::SigningKey,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use wakeman_gateway::{config::GithubCredential, ports::Clock};
use wakeman_types::{HOUR_MS, MINUTE_MS, Timestamp};

use crate::http::{At, BuildError, Failure, Timeouts, date_header, parse, short};

/// Before its end a token is replaced so much earlier: a call that begins with it must end with it.
const EARLIER_MS: i64 = 5 * MINUTE_MS;
/// A token without an end that can be is used for so long; GitHub gives an hour.
const HELD_MS: i64 = 30 * MINUTE_MS;
/// GitHub takes a proof of at most ten minutes, and its clock may be behind ours.
const PROOF_S: i64 = 540;
const BEHIND_S: i64 = 60;

/// What calls are made with.
pub(super) enum Credential {
    Token(SecretString),
    App(Box<App>),
}

impl Credential {
    /// Checks the form of what was configured; sends nothing.
    pub(super) fn new(
        configured: GithubCredential,
        base: &Url,
        repository: &str,
        http: &Client,
        (timeouts, clock): (Timeouts, &Arc<dyn Clock>),
    ) -> Result<Self, BuildError> {
        let (id, pem) = match configured {
            GithubCredential::Token(token) => {
                if token.expose_secret().bytes().any(|byte| !(0x21..0x7f).contains(&byte)) {
                    return Err(BuildError::Credential { setting: "GITHUB_TOKEN" });
                }
                return Ok(Self::Token(token));
            }
            GithubCredential::App { id, private_key } => (id, private_key),
        };
        let key = signing_key(&pem).ok_or(BuildError::Key { setting: "GITHUB_APP_PRIVATE_KEY" })?;
        let (base, repository) = (base.as_str().trim_end_matches('/').to_owned(), repository.to_owned());
        let (http, clock) = (http.clone(), Arc::clone(clock));
        Ok(Self::App(Box::new(App { id, key, base, repository, http, timeouts, clock, held: Mutex::default() })))
    }

    /// The app's number, if this is one.
    pub(super) fn app(&self) -> Option<&str> {
        match self {
            Self::Token(_) => None,
            Self::App(app) => Some(&app.id),
        }
    }

    /// The token to call with now.
    ///
    /// # Errors
    /// An app that gets none. Whatever was to be called has not been sent then.
    pub(super) async fn token(&self) -> Result<SecretString, Failure> {
        match self {
            Self::Token(token) => Ok(token.clone()),
            Self::App(app) => app.token().await.map_err(|failure| match failure {
                Failure::Lost { reason } | Failure::Faulty { reason } | Failure::Shape { reason } => {
                    Failure::NotSent { reason: format!("no token for the app: {reason}") }
                }
                other => other,
            }),
        }
    }

    /// The last token is not accepted any more.
    pub(super) fn forget(&self) {
        if let Self::App(app) = self {
            *app.held.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

fn signing_key(pem: &SecretString) -> Option<Arc<dyn SigningKey>> {
    let der = PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes()).ok()?;
    let key = any_supported_type(&der).ok()?;
    key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).is_some().then_some(key)
}

struct Held {
    token: SecretString,
    until: Timestamp,
}

/// An app: its key proves who it is, and for the repository's installation it is given tokens.
/// <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app>
pub(super) struct App {
    id: String,
    key: Arc<dyn SigningKey>,
    base: String,
    repository: String,
    http: Client,
    timeouts: Timeouts,
    clock: Arc<dyn Clock>,
    held: Mutex<Option<Held>>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "App({})", self.id)
    }
}

#[derive(Deserialize)]
struct Installation {
    id: u64,
}

#[derive(Deserialize)]
struct Granted {
    token: String,
    #[serde(default)]
    expires_at: Option<At>,
}

impl App {
    fn held(&self) -> Option<SecretString> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().filter(|held| self.clock.now() < held.until).map(|held| held.token.clone())
    }

    /// Two calls at the same moment may both ask for one; both tokens are good.
    async fn token(&self) -> Result<SecretString, Failure> {
        if let Some(token) = self.held() {
            return Ok(token);
        }
        let proof = self.proof()?;
        let place = format!("/repos/{}/installation", self.repository);
        let (installation, _): (Installation, _) =
            self.ask(Method::GET, "the app's installation", &place, &proof).await?;
        let place = format!("/app/installations/{}/access_tokens", installation.id);
        let (granted, theirs): (Granted, _) = self.ask(Method::POST, "a token for the app", &place, &proof).await?;
        let now = self.clock.now();
        // How long it lasts, by the clock that says when it ends.
        let lasts_ms = granted.expires_at.map(|end| end.0.since(theirs.unwrap_or(now)) - EARLIER_MS);
        let lasts_ms = lasts_ms.filter(|ms| (MINUTE_MS..=HOUR_MS).contains(ms)).unwrap_or(HELD_MS);
        let token = SecretString::from(granted.token);
        let held = Held { token: token.clone(), until: now.plus_ms(lasts_ms) };
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
        Ok(token)
    }

    /// A JSON Web Token, RS256, RFC 7519.
    fn proof(&self) -> Result<SecretString, Failure> {
        let now = self.clock.now().ms() / 1_000;
        let claims = json!({"iat": now - BEHIND_S, "exp": now + PROOF_S, "iss": self.id});
        let part = |value: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": "RS256", "typ": "JWT"})), part(&claims));
        let signer = self.key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]);
        let signature = signer.and_then(|signer| signer.sign(signed.as_bytes()).ok());
        let signature = signature.ok_or_else(|| Failure::NotSent { reason: "the app's key cannot sign".to_owned() })?;
        Ok(SecretString::from(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))))
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        what: &str,
        place: &str,
        proof: &SecretString,
    ) -> Result<(T, Option<Timestamp>), Failure> {
        let request = self.http.request(method, format!("{}{place}", self.base));
        let request = request.bearer_auth(proof.expose_secret()).header("accept", "application/vnd.github+json");
        let lost = |error: reqwest::Error| Failure::of_wire(&error, self.timeouts.answer);
        let response = request.send().await.map_err(lost)?;
        let (status, theirs) = (response.status().as_u16(), date_header(response.headers()));
        let body = response.bytes().await.map_err(lost)?;
        match status {
            200..=299 => Ok((parse(what, &body)?, theirs)),
            404 => Err(Failure::Denied {
                reason: format!("404, app {} is not installed on {}", self.id, self.repository),
                remedy: "install it there, or set `github.repository` to a repository it is installed on".to_owned(),
            }),
            401 => Err(Failure::Denied {
                reason: format!("401, {what}: GitHub does not accept the key of app {}", self.id),
                remedy: "check GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY and this machine's clock".to_owned(),
            }),
            403 | 429 => Err(Failure::Limited { reason: format!("{status}, {what}"), wait_ms: None }),
            500..=599 => Err(Failure::Faulty { reason: format!("{status}, {what}") }),
            _ => Err(Failure::Refused {
                status,
                code: String::new(),
                reason: short(&format!("{status}, {what}")),
                remedy: "look at the app's page on GitHub".to_owned(),
            }),
        }
    }
}
