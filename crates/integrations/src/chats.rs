//! Live checks of the chats' tokens. Talking there is the frontends' own; this only asks who the bot is.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    check::CheckOutcome,
    http::{BODY_BYTES_MAX, Failure, Timeouts, base_address, http_client, parse, short, too_long},
};

const TELEGRAM_API: &str = "https://api.telegram.org";
/// In the form that Discord asks for, as its adapter says it.
const DISCORD_AGENT: &str = concat!("DiscordBot (https://github.com/wakeman/wakeman, ", env!("CARGO_PKG_VERSION"), ")");
const DISCORD_API: &str = "https://discord.com";
/// An application may read messages: granted, or granted to a bot in few servers.
const MESSAGE_CONTENT: u64 = (1 << 18) | (1 << 19);
/// These questions are small; who does not answer so soon does not answer.
const ANSWER: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Telegram {
    result: Named,
}

#[derive(Deserialize)]
struct Named {
    username: String,
}

#[derive(Deserialize)]
struct Application {
    #[serde(default)]
    flags: u64,
}

/// Asks Telegram whose token it is. Changes nothing.
pub async fn check_telegram(token: &SecretString, api_url: Option<&str>) -> CheckOutcome {
    let mut outcome = CheckOutcome::default();
    let name = "Telegram token";
    let asked = Asked::new("TELEGRAM_API_URL", api_url.unwrap_or(TELEGRAM_API), TELEGRAM_API);
    let asked = match asked {
        Ok(asked) => asked,
        Err(problem) => {
            outcome.fail(name, problem, "set TELEGRAM_API_URL to the Bot API's address, or unset it");
            return outcome;
        }
    };
    let path = format!("/bot{}/getMe", token.expose_secret());
    let remedy = "ask @BotFather for a new token (/token) and set TELEGRAM_BOT_TOKEN";
    match asked.get::<Telegram>("bot", &path, None, remedy).await {
        Ok(me) => found(&mut outcome, name, &me.result.username),
        Err(failure) => outcome.fail_with(name, failure.scrubbed(token.expose_secret()).source()),
    }
    outcome
}

/// Asks Discord whose token it is, and whether the bot may read what is said in channels. Changes nothing.
pub async fn check_discord(token: &SecretString, api_url: Option<&str>) -> CheckOutcome {
    let mut outcome = CheckOutcome::default();
    let name = "Discord token";
    let given = api_url.unwrap_or(DISCORD_API).trim_end_matches('/').trim_end_matches("/api/v10");
    let asked = match Asked::new("DISCORD_API_URL", given.trim_end_matches("/api"), DISCORD_API) {
        Ok(asked) => Asked { agent: Some(DISCORD_AGENT), ..asked },
        Err(problem) => {
            outcome.fail(name, problem, "set DISCORD_API_URL to Discord's address, or unset it");
            return outcome;
        }
    };
    let signed = format!("Bot {}", token.expose_secret());
    let remedy = "reset the token on the application's page, under Bot, and set DISCORD_BOT_TOKEN";
    match asked.get::<Named>("bot", "/api/v10/users/@me", Some(&signed), remedy).await {
        Ok(me) => found(&mut outcome, name, &me.username),
        Err(failure) => {
            outcome.fail_with(name, failure.scrubbed(token.expose_secret()).source());
            return outcome;
        }
    }
    let about = asked.get::<Application>("application", "/api/v10/applications/@me", Some(&signed), remedy).await;
    match about {
        Ok(about) if about.flags & MESSAGE_CONTENT == 0 => {
            outcome.missing.push("message_content".to_owned());
            outcome.fail(
                "Discord permissions",
                "the bot hears direct messages and mentions only",
                "allow the Message Content Intent on the application's page, under Bot",
            );
        }
        Ok(_) => outcome.pass("Discord permissions", "the bot may read messages"),
        Err(failure) => outcome.fail_with("Discord permissions", failure.scrubbed(token.expose_secret()).source()),
    }
    outcome
}

fn found(outcome: &mut CheckOutcome, name: &str, user: &str) {
    let user = short(user);
    outcome.pass(name, format!("belongs to {user}"));
    outcome.user = Some(user);
}

struct Asked {
    http: Client,
    base: Url,
    /// Who asks, where a service wants that said in its own way.
    agent: Option<&'static str>,
}

impl Asked {
    fn new(setting: &'static str, address: &str, example: &'static str) -> Result<Self, String> {
        let base = base_address(setting, address, example).map_err(|error| error.to_string())?;
        let timeouts = Timeouts { answer: ANSWER, ..Timeouts::default() };
        let http = http_client(&base, timeouts).map_err(|error| error.to_string())?;
        Ok(Self { http, base, agent: None })
    }

    /// Reads a JSON answer called `what`. Who is refused is told `remedy`.
    async fn get<T: DeserializeOwned>(
        &self,
        what: &str,
        path: &str,
        signed: Option<&str>,
        remedy: &str,
    ) -> Result<T, Failure> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        let mut request = self.http.get(url);
        if let Some(agent) = self.agent {
            request = request.header(reqwest::header::USER_AGENT, agent);
        }
        if let Some(signed) = signed {
            request = request.header(reqwest::header::AUTHORIZATION, signed);
        }
        let lost = |error: &reqwest::Error| Failure::of_wire(error, ANSWER);
        let mut response = request.send().await.map_err(|error| lost(&error))?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| lost(&error))? {
            if body.len() + chunk.len() > BODY_BYTES_MAX {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        match status {
            status if status.is_success() => parse(what, &body),
            // Telegram knows no bot of a token that is none: 404.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
                Err(Failure::Denied { reason: format!("{}, not accepted", status.as_u16()), remedy: remedy.to_owned() })
            }
            StatusCode::TOO_MANY_REQUESTS => {
                Err(Failure::Limited { reason: "429, rate limit".to_owned(), wait_ms: None })
            }
            other => Err(Failure::Faulty { reason: other.as_u16().to_string() }),
        }
    }
}
