//! A small instance with one operator on one platform, and the people there.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wakeman_store::{Mode, Options, OutboxState, Store, StoreError};

use crate::asking::{Lab, wait};
use crate::daemon::{Home, Process};

/// Far beyond what anything here takes: a call that is not answered is given up after ten seconds, and what is in doubt is told again
/// when its lease is over, after forty.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// Between two looks at another process.
const LOOK: Duration = Duration::from_millis(20);
/// What Telegram is told before something that may have come already.
const AGAIN: &str = "Sent again: an earlier try may have arrived.\n";
pub const SCENARIO: &str = "[scenario]\nname = \"small\"\nseed = 3\nstart = \"2026-01-05T08:00:00Z\"\nhours = 1\nstep_minutes = 5\n\
                        warmup_hours = 1\n[[metric]]\nname = \"m\"\nkind = \"count\"\nlevel = 1\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    Telegram,
    Discord,
}

pub use Platform::{Discord, Telegram};

impl Platform {
    pub const fn name(self) -> &'static str {
        match self {
            Telegram => "telegram",
            Discord => "discord",
        }
    }

    /// The account of the operator.
    pub const fn ada(self) -> &'static str {
        match self {
            Telegram => "42",
            Discord => "4001",
        }
    }

    /// An account that is nobody's.
    pub const fn stranger(self) -> &'static str {
        match self {
            Telegram => "99",
            Discord => "4099",
        }
    }

    /// What the daemon needs to reach it.
    fn env(self, lab: &Lab) -> [(String, String); 2] {
        let (prefix, token) = match self {
            Telegram => ("TELEGRAM", "77:canary_telegram"),
            Discord => ("DISCORD", "canary.discord.token"),
        };
        [(format!("{prefix}_API_URL"), lab.service(self.name())), (format!("{prefix}_BOT_TOKEN"), token.to_owned())]
    }
}

/// Looks until it is so.
pub fn look<T>(what: &str, is: impl Fn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = is() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "never {what}");
        std::thread::park_timeout(LOOK);
    }
}

pub struct Room {
    pub home: Home,
    pub lab: Lab,
    pub platform: Platform,
}

impl Room {
    /// An instance with nothing to watch, whose only operator is ada.
    pub fn open(platform: Platform) -> Self {
        Self::with(platform, json!({}))
    }

    /// The same with more settings.
    pub fn with(platform: Platform, mut settings: Value) -> Self {
        let mut home = Home::new();
        home.write("small.toml", SCENARIO);
        let lab = Lab::serve(&home, home.instance().join("small.toml").to_str().unwrap());
        home.env.extend(platform.env(&lab));
        home.env.push(("LITELLM_URL".to_owned(), lab.service("v1")));
        home.env.push(("LITELLM_MASTER_KEY".to_owned(), "sk-canary-model".to_owned()));
        if settings["operators"].is_null() {
            let principal = format!("{}:{}", platform.name(), platform.ada());
            settings["operators"] = json!([{"id": "ada", "role": "owner", "principals": [principal]}]);
        }
        home.write("read-only/settings.json", &settings.to_string());
        match platform {
            Telegram => drop(wait(lab.client().telegram("config", &json!({"limits": false}))).unwrap()),
            Discord => {
                drop(wait(lab.client().discord(&json!({"do": "limits", "messages": 50, "seconds": 0.5}))).unwrap())
            }
        }
        Self { home, lab, platform }
    }

    /// The daemon, once the platform answers its adapter.
    pub fn daemon(&self) -> Process {
        let process = self.home.daemon().0;
        self.connected();
        process
    }

    /// Waits until the adapter reported that the platform answers it.
    pub fn connected(&self) {
        look("connected", || {
            let status = self.home.json(&["status"]);
            let all = status["components"].as_array().unwrap();
            let one = all.iter().find(|one| one["name"] == self.platform.name())?;
            // What an earlier process knew is not enough.
            (one["ok"] == true && !one["last_success"].is_null() && one["detail"] != "starting").then_some(())
        });
    }

    /// Somebody writes to the bot alone; the message's id.
    pub fn say(&self, user: &str, text: &str) -> String {
        match self.platform {
            Telegram => {
                let said = json!({"user": user.parse::<i64>().unwrap(), "text": text});
                wait(self.lab.client().telegram("say", &said)).unwrap()["message"].to_string()
            }
            Discord => {
                let said = json!({"do": "say", "user": user, "channel": "dm", "text": text});
                wait(self.lab.client().discord(&said)).unwrap()["id"].as_str().unwrap().to_owned()
            }
        }
    }

    /// Everything the bot wrote to somebody, as they see it.
    pub fn shown(&self, user: &str) -> Vec<Value> {
        let (room, author) = match self.platform {
            Telegram => (wait(self.lab.client().telegram_chat(user.parse().unwrap())), "from"),
            Discord => (wait(self.lab.client().discord_channel(&format!("dm:{user}"))), "author"),
        };
        let Ok(room) = room else { return Vec::new() };
        let theirs = |message: &&Value| {
            message[author] == *user || message[author].as_i64().is_some_and(|id| user.parse() == Ok(id))
        };
        room["messages"].as_array().unwrap().iter().filter(|message| !theirs(message)).cloned().collect()
    }

    /// The words of it.
    pub fn words(&self, user: &str) -> Vec<String> {
        let field = if self.platform == Telegram { "text" } else { "content" };
        self.shown(user).iter().map(|message| message[field].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The same without what was sent again and says so.
    pub fn said(&self, user: &str) -> Vec<String> {
        self.words(user).into_iter().filter(|text| !text.starts_with(AGAIN)).collect()
    }

    /// What is stored, read while the daemon runs; `None`: not just now.
    pub fn stored<T>(&self, read: impl AsyncFn(&Store) -> Result<T, StoreError>) -> Option<T> {
        wait(async {
            let options = Options { mode: Mode::ReadOnly, ..Options::default() };
            let store = Store::open(&self.home.instance().join("storage/wakeman.db"), options).await.ok()?;
            let found = read(&store).await.ok();
            store.close().await;
            found
        })
    }

    /// Looks until nothing is owed and nothing is in doubt.
    pub fn settled(&self) {
        look("settled", || {
            let owed = self.stored(async |store| {
                Ok(store.outbox_count(OutboxState::Pending).await? + store.outbox_count(OutboxState::Leased).await?)
            });
            owed.filter(|owed| *owed == 0)
        });
    }

    /// Looks until the bot has said so much to somebody.
    pub fn until(&self, user: &str, count: usize) -> Vec<String> {
        look(&format!("{count} answers"), || Some(self.said(user)).filter(|said| said.len() >= count))
    }
}
