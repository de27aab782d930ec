//! The end of a job's log. GitHub keeps logs elsewhere and answers with an address that holds its own permission: it is asked once,
//! without our credential, and what comes is read past except for its end.

use wakeman_gateway::ports::LogTail;

use crate::{github::client::Wire, http::Failure};

/// The longest log that is read to its end, in bytes.
const LOG_BYTES_MAX: u64 = 128 * 1024 * 1024;

pub(super) async fn tail(wire: &Wire, job: u64, bytes: usize) -> Result<LogTail, Failure> {
    let mut response = wire.follow("log of a job", &format!("/actions/jobs/{job}/logs")).await?;
    let mut kept: Vec<u8> = Vec::new();
    let mut total: u64 = 0;
    while let Some(chunk) = response.chunk().await.map_err(|error| wire.broken(&error))? {
        total += chunk.len() as u64;
        if total > LOG_BYTES_MAX {
            let reason = format!("log of a job: more than {} MiB", LOG_BYTES_MAX / 1024 / 1024);
            return Err(Failure::Shape { reason });
        }
        kept.extend_from_slice(&chunk);
        if kept.len() > 2 * bytes {
            kept.drain(..kept.len() - bytes);
        }
    }
    kept.drain(..kept.len().saturating_sub(bytes));
    let whole = kept.len() as u64 == total;
    // What is left of a line whose beginning is gone would mislead.
    let start = if whole { 0 } else { kept.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1) };
    Ok(LogTail { text: String::from_utf8_lossy(&kept[start..]).into_owned(), bytes: total })
}
