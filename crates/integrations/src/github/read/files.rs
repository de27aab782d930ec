//! A file or a folder of the repository.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::Value;
use wakeman_gateway::ports::FileAnswer;

use crate::{
    github::{client::Wire, paths},
    http::{Failure, parse_value},
};

/// A file; of a folder's entries, without its content.
#[derive(Debug, Deserialize)]
struct Content {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    encoding: Option<String>,
}

pub(super) async fn file(wire: &Wire, path: &str, at: &str) -> Result<FileAnswer, Failure> {
    const WHAT: &str = "file";
    let address = format!("/contents/{}?ref={}", paths::path(path), paths::value(at));
    let found: Value = wire.ask(WHAT, &address).await?;
    if found.is_array() {
        let entries: Vec<Content> = parse_value(WHAT, found)?;
        let entry = |entry: Content| (entry.name, (entry.kind == "file").then_some(entry.size));
        return Ok(FileAnswer::Folder(entries.into_iter().map(entry).collect()));
    }
    let file: Content = parse_value(WHAT, found)?;
    // Of a file of more than a megabyte GitHub sends no content, and says so with this encoding.
    let encoded = file.content.filter(|_| file.encoding.as_deref() == Some("base64"));
    let text = encoded.and_then(|encoded| {
        let dense: String = encoded.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        String::from_utf8(STANDARD.decode(dense).ok()?).ok()
    });
    Ok(text.filter(|text| !text.contains('\0')).map_or(FileAnswer::Opaque(file.size), FileAnswer::Text))
}
