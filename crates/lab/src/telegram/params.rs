//! The parameters of a call, however they were sent: query, form, JSON or parts.

use axum::extract::Query;
use axum::http::{HeaderMap, Uri, header};
use serde_json::{Map, Value};

use super::error::Refusal;
use crate::gate::multipart;

/// What a call came with.
#[derive(Debug, Default)]
pub(super) struct Params {
    fields: Map<String, Value>,
    files: Vec<(String, Vec<u8>)>,
}

impl Params {
    /// Reads query and body.
    pub(super) fn read(uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        let mut params = Self::default();
        let query = Query::<Vec<(String, String)>>::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default();
        params.fields.extend(query.into_iter().map(|(key, value)| (key, Value::String(value))));
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if body.is_empty() {
            return Ok(params);
        }
        if kind.starts_with("application/json") {
            let object = serde_json::from_slice(body).map_err(|_| Refusal::bad("can't parse JSON object"))?;
            params.fields.extend::<Map<String, Value>>(object);
        } else if kind.starts_with("multipart/form-data") {
            let parts = multipart::parts(kind, body).ok_or_else(|| Refusal::bad("can't parse multipart/form-data"))?;
            for part in parts {
                if part.file.is_some() {
                    params.files.push((part.name, part.bytes.to_vec()));
                } else {
                    params.fields.insert(part.name, String::from_utf8_lossy(part.bytes).into_owned().into());
                }
            }
        } else if kind.starts_with("application/x-www-form-urlencoded") {
            let form = format!("http://x/?{}", String::from_utf8_lossy(body)).parse::<Uri>().ok();
            let pairs = form.and_then(|uri| Query::<Vec<(String, String)>>::try_from_uri(&uri).ok());
            params.fields.extend(pairs.into_iter().flat_map(|Query(pairs)| pairs).map(|(k, v)| (k, Value::String(v))));
        }
        Ok(params)
    }

    /// A text; empty and missing are one.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let text = match self.fields.get(name)? {
            Value::String(text) => text.clone(),
            Value::Null => return None,
            other => other.to_string(),
        };
        (!text.is_empty()).then_some(text)
    }

    /// A whole number, refused if it is none.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| Refusal::bad(format!("{name} must be a number")))
    }

    /// A yes or no; missing is no.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "true" | "1" | "yes"))
    }

    /// An object or a list, which forms send as text.
    pub(super) fn json(&self, name: &str) -> Result<Option<Value>, Refusal> {
        match self.fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => {
                let parsed = serde_json::from_str(text);
                parsed.map(Some).map_err(|_| Refusal::bad(format!("can't parse {name} JSON object")))
            }
            Some(value) => Ok(Some(value.clone())),
        }
    }

    /// A file that something names as `attach://…`.
    pub(super) fn attached(&self, told: &str) -> Option<&[u8]> {
        let wanted = told.strip_prefix("attach://")?;
        self.files.iter().find(|(known, _)| known == wanted).map(|(_, bytes)| bytes.as_slice())
    }

    /// A file that a field names as `attach://…`, or that bears the field's name.
    pub(super) fn file(&self, name: &str) -> Option<&[u8]> {
        let told = self.text(name);
        let wanted = told.as_deref().map_or(Some(name), |told| told.strip_prefix("attach://"))?;
        self.files.iter().find(|(known, _)| known == wanted).map(|(_, bytes)| bytes.as_slice())
    }
}
