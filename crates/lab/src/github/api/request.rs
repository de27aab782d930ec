//! One call, taken apart.

use axum::body::Bytes;
use axum::extract::Query;
use axum::http::{HeaderMap, Method, Uri, header};
use serde_json::Value;

use super::super::Repo;
use super::super::render::View;
use super::{Landed, Refusal, Reply};

/// A call: what is asked, of whom, with what.
pub(in super::super) struct Call {
    pub(in super::super) method: Method,
    /// Address of the service, no slash at the end.
    pub(in super::super) base: String,
    pub(in super::super) accept: String,
    pub(in super::super) known_tag: Option<String>,
    /// What took effect while answering.
    pub(in super::super) landed: Vec<Landed>,
    authorization: Option<String>,
    path: String,
    segments: Vec<String>,
    query: Vec<(String, String)>,
    body: Bytes,
}

/// The service's own address: what the client reached, less the part that the router matches.
pub(super) fn base_url(headers: &HeaderMap, full: &str, inner: &str) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
    let prefix = full.strip_suffix(inner).unwrap_or_default().trim_end_matches('/');
    format!("http://{host}{prefix}")
}

/// Undoes percent-encoding; bytes that are not UTF-8 become the replacement character.
fn decoded(text: &str) -> String {
    let (bytes, mut plain, mut at) = (text.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let byte = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        plain.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") }).collect()
}

impl Call {
    pub(super) fn new(method: &Method, uri: &Uri, headers: &HeaderMap, body: Bytes, base: String) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let query = Query::<Vec<(String, String)>>::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default();
        // An encoded slash separates like a plain one: GitHub takes both in ref and file names.
        let path = uri.path().to_owned();
        let whole = path.split('/').map(decoded).collect::<Vec<_>>().join("/");
        let segments = whole.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Self {
            method: if method == Method::HEAD { Method::GET } else { method.clone() },
            base,
            accept: text(header::ACCEPT).unwrap_or_default(),
            known_tag: text(header::IF_NONE_MATCH),
            landed: Vec::new(),
            authorization: text(header::AUTHORIZATION),
            path,
            segments,
            query,
            body,
        }
    }

    /// Whether the call goes to the GraphQL endpoint.
    pub(in super::super) fn is_graphql(&self) -> bool {
        self.method == Method::POST && self.segments.last().is_some_and(|last| last == "graphql")
    }

    pub(super) fn segments(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// Every token is the same account's; none at all is refused.
    pub(super) fn authorized(&self) -> Result<(), Refusal> {
        let value = self.authorization.as_deref().ok_or(Refusal::NoToken)?;
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        let known = ["bearer", "token"].iter().any(|name| scheme.eq_ignore_ascii_case(name));
        if known && !token.trim().is_empty() { Ok(()) } else { Err(Refusal::BadToken) }
    }

    /// What stands behind `Bearer`.
    pub(super) fn token(&self) -> Option<&str> {
        self.authorization.as_deref().and_then(|value| value.split_once(' ')).map(|(_, token)| token.trim())
    }

    pub(in super::super) fn view<'a>(&'a self, repo: &'a Repo) -> View<'a> {
        View { repo, base: &self.base }
    }

    /// A query parameter that is not empty.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// The body as a JSON object; none at all counts as an empty one.
    pub(in super::super) fn object(&self) -> Result<serde_json::Map<String, Value>, Refusal> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(serde_json::Map::new());
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(Refusal::BadRequest("Body should be a JSON object")),
            Err(_) => Err(Refusal::BadRequest("Problems parsing JSON")),
        }
    }

    /// Cuts one page out of `items` and links its neighbours. `shape` makes the body of the page and the total.
    pub(super) fn page<T>(
        &self,
        items: Vec<T>,
        render: impl Fn(T) -> Value,
        shape: impl Fn(Vec<Value>, usize) -> Value,
    ) -> Reply {
        let number = |name: &str| self.param(name).and_then(|value| value.parse::<usize>().ok());
        let size = number("per_page").unwrap_or(30).clamp(1, 100);
        let page = number("page").unwrap_or(1).max(1);
        let total = items.len();
        let pages = total.div_ceil(size).max(1);
        let shown = items.into_iter().skip((page - 1).saturating_mul(size)).take(size).map(render).collect();
        let mut links = Vec::new();
        let mut link = |to: usize, name: &str| links.push(format!("<{}>; rel=\"{name}\"", self.page_url(to)));
        if page > 1 {
            link(page - 1, "prev");
        }
        if page < pages {
            link(page + 1, "next");
            link(pages, "last");
        }
        if page > 1 {
            link(1, "first");
        }
        let reply = Reply::json(shape(shown, total));
        if links.is_empty() { reply } else { reply.with_header("link", &links.join(", ")) }
    }

    /// A page of a plain array.
    pub(super) fn list<T>(&self, items: Vec<T>, render: impl Fn(T) -> Value) -> Reply {
        self.page(items, render, |shown, _| Value::Array(shown))
    }

    fn page_url(&self, page: usize) -> String {
        let others = self.query.iter().filter(|(key, _)| key != "page");
        let mut pairs: Vec<String> =
            others.map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect();
        pairs.push(format!("page={page}"));
        format!("{}{}?{}", self.base, self.path, pairs.join("&"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded() {
        for (text, want) in [("a%2Fb", "a/b"), ("100%", "100%"), ("%zz", "%zz"), ("%E2%9C%93", "✓")] {
            assert_eq!(decoded(text), want);
        }
    }

    #[test]
    fn the_base_is_what_the_router_did_not_match() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "localhost:1".parse().unwrap());
        assert_eq!(base_url(&headers, "/github/user", "/user"), "http://localhost:1/github");
        assert_eq!(base_url(&headers, "/user", "/user"), "http://localhost:1");
    }
}
