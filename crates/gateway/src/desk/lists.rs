//! Lists: what still needs somebody first, then the newest.

use wakeman_store::{Cursor, ListQuery, Store};
use wakeman_types::{Entity, ErrorKind, GatewayError, ListRequest, Page};

use super::storage_error;

/// Rows of a page unless asked otherwise.
const LIMIT: usize = 50;
/// Rows of a page at most.
const LIMIT_MAX: usize = 200;

/// One page of a kind. `states` are the names that may be asked for.
pub(super) async fn page<E: Entity>(
    store: &Store,
    request: &ListRequest,
    states: &[&str],
) -> Result<Page<E>, GatewayError> {
    let mut query = ListQuery::newest(limit(request.limit));
    if let Some(state) = &request.state {
        if !states.contains(&state.as_str()) {
            let known = states.join(", ");
            return Err(GatewayError::new(ErrorKind::Invalid, format!("`state`: \"{state}\" is not one of {known}")));
        }
        query = query.state(state.clone());
    }
    if let Some(cursor) = &request.cursor {
        let cursor: Cursor = cursor
            .parse()
            .map_err(|_| GatewayError::new(ErrorKind::Invalid, "`cursor`: is not one a page gave out"))?;
        query = query.after(Some(cursor));
    }
    let page = store.list::<E>(&query).await.map_err(|error| storage_error(&error))?;
    Ok(Page {
        items: page.items.into_iter().map(|found| found.value).collect(),
        next: page.next.map(|cursor| cursor.to_string()),
    })
}

pub(super) fn limit(asked: u32) -> usize {
    if asked == 0 { LIMIT } else { (asked as usize).clamp(1, LIMIT_MAX) }
}
