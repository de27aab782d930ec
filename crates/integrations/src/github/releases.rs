//! Published releases as changes.

use serde::Deserialize;
use wakeman_types::{Change, ChangeId, ChangeKind, ChangeRef, Timestamp};

use super::{answers::Account, client::Wire};
use crate::http::{At, Failure};

#[derive(Debug, Clone, Deserialize)]
struct Release {
    tag_name: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    published_at: Option<At>,
    #[serde(default)]
    html_url: Option<String>,
    #[serde(default)]
    author: Option<Account>,
}

/// Releases published since then.
pub(super) async fn read(wire: &Wire, since: Timestamp) -> Result<Vec<Change>, Failure> {
    let listed = wire.get_cached::<Vec<Release>>("release list", "/releases?per_page=20").await?;
    let published = listed.iter().filter(|release| !release.draft);
    Ok(published.filter_map(change).filter(|change| change.at >= since).collect())
}

fn change(release: &Release) -> Option<Change> {
    let name = release.name.clone().filter(|name| !name.trim().is_empty());
    Some(Change {
        id: ChangeId::new(format!("release:{}", release.tag_name)),
        kind: ChangeKind::Release,
        at: release.published_at?.0,
        live_at: None,
        title: name.unwrap_or_else(|| release.tag_name.clone()),
        author: release.author.as_ref().map(|author| author.login.clone()),
        url: release.html_url.clone(),
        reference: ChangeRef::Release { tag: release.tag_name.clone() },
        files: Vec::new(),
    })
}
