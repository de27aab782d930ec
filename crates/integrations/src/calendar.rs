//! Reading calendars: files of the instance and addresses, of a bounded length, without redirects.

use std::{collections::BTreeMap, path::PathBuf};

use futures::future::BoxFuture;
use reqwest::{Client, Url};
use tokio::io::AsyncReadExt;
use wakeman_gateway::{
    config::CalendarSource,
    ports::{CALENDAR_BYTES_MAX, CalendarReader, CalendarTrouble},
};

use crate::http::{BuildError, Timeouts, http_client};

/// The configured calendars as [`CalendarReader`].
pub struct Calendars {
    folder: PathBuf,
    addresses: BTreeMap<CalendarSource, (Client, Url)>,
    timeouts: Timeouts,
}

impl Calendars {
    /// Builds the adapter; reads nothing. `folder`: where files are.
    ///
    /// # Errors
    /// [`BuildError`] names what cannot be used.
    pub fn new(folder: PathBuf, sources: &[CalendarSource], timeouts: Timeouts) -> Result<Self, BuildError> {
        let mut addresses = BTreeMap::new();
        for source in sources {
            if let CalendarSource::Url(text) = source {
                let wrong = |_| BuildError::Address {
                    setting: "operators[].busy",
                    text: source.to_string(),
                    example: "https://calendar.example/holidays.ics",
                };
                let url = Url::parse(text).map_err(wrong)?;
                addresses.insert(source.clone(), (http_client(&url, timeouts)?, url));
            }
        }
        Ok(Self { folder, addresses, timeouts })
    }

    async fn file(&self, path: &str) -> Result<Vec<u8>, CalendarTrouble> {
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => trouble("not there", "put the file there or take it out of settings.json"),
            _ => trouble(format!("cannot be read ({error})"), "make it readable for the account that runs wakeman"),
        };
        let file = tokio::fs::File::open(self.folder.join(path)).await.map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(CALENDAR_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).await.map_err(failed)?;
        if bytes.len() > CALENDAR_BYTES_MAX { Err(too_long()) } else { Ok(bytes) }
    }

    async fn address(&self, source: &CalendarSource) -> Result<Vec<u8>, CalendarTrouble> {
        let check = "open its address in a browser; if it does not answer there either, make a new one";
        let Some((client, url)) = self.addresses.get(source) else {
            return Err(trouble("not one of those in settings.json", "start wakeman again"));
        };
        // The error itself may repeat the address, which is often secret.
        let lost = |error: reqwest::Error| match error.is_timeout() {
            true => trouble(format!("no answer within {} s", self.timeouts.answer.as_secs_f64()), check),
            false => trouble("no connection, or it broke", check),
        };
        let mut response = client.get(url.clone()).send().await.map_err(lost)?;
        let status = response.status();
        if status.is_redirection() {
            let remedy = "redirects are not followed, so write the final address into settings.json";
            return Err(trouble(format!("answered {}", status.as_u16()), remedy));
        }
        if !status.is_success() {
            return Err(trouble(format!("answered {}", status.as_u16()), check));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > CALENDAR_BYTES_MAX {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

impl CalendarReader for Calendars {
    fn read<'a>(&'a self, source: &'a CalendarSource) -> BoxFuture<'a, Result<String, CalendarTrouble>> {
        Box::pin(async move {
            let bytes = match source {
                CalendarSource::File(path) => self.file(path).await?,
                CalendarSource::Url(_) => self.address(source).await?,
            };
            // Old programs write Latin-1; times are ASCII either way.
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        })
    }
}

fn trouble(reason: impl Into<String>, remedy: impl Into<String>) -> CalendarTrouble {
    CalendarTrouble { reason: reason.into(), remedy: remedy.into() }
}

fn too_long() -> CalendarTrouble {
    trouble(format!("more than {} MiB", CALENDAR_BYTES_MAX / 1024 / 1024), "export a shorter time, or fewer entries")
}
