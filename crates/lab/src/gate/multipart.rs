//! Bodies in parts (RFC 7578), as far as the lab's services are sent them.

/// One part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    /// The field's name.
    pub(crate) name: String,
    /// The file's name, if it is one.
    pub(crate) file: Option<String>,
    /// What is in it.
    pub(crate) bytes: &'a [u8],
}

/// The parts of a body; `None` if `content_type` is another or the body is cut.
pub(crate) fn parts<'a>(content_type: &str, body: &'a [u8]) -> Option<Vec<Part<'a>>> {
    let rest = content_type.strip_prefix("multipart/form-data")?;
    let boundary = rest.split(';').find_map(|field| field.trim().strip_prefix("boundary="))?.trim_matches('"');
    let line = format!("--{boundary}");
    let mut rest = &body[find(body, line.as_bytes())? + line.len()..];
    let mut out = Vec::new();
    let between = format!("\r\n{line}");
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let head_end = find(part, b"\r\n\r\n")?;
        let content = &part[head_end + 4..];
        let end = find(content, between.as_bytes())?;
        out.push(one(&part[..head_end], &content[..end])?);
        rest = &content[end + between.len()..];
    }
    rest.starts_with(b"--").then_some(out)
}

fn one<'a>(head: &[u8], bytes: &'a [u8]) -> Option<Part<'a>> {
    let head = String::from_utf8_lossy(head);
    let disposition = head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    let value = |key: &str| {
        let field = disposition.split(';').find_map(|field| field.trim().strip_prefix(key)?.strip_prefix('='));
        field.map(|field| field.trim_matches('"').to_owned())
    };
    Some(Part { name: value("name")?, file: value("filename"), bytes })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// What a body in parts says, for the log of effects: fields as JSON or text, of files the name and the size.
pub(super) fn told(content_type: &str, body: &[u8]) -> Option<serde_json::Value> {
    let parts = parts(content_type, body)?;
    let field = |part: Part<'_>| {
        let text = || String::from_utf8_lossy(part.bytes).into_owned();
        let value = match &part.file {
            Some(file) => serde_json::json!({"file": file, "bytes": part.bytes.len()}),
            None => serde_json::from_slice(part.bytes).unwrap_or_else(|_| text().into()),
        };
        (part.name, value)
    };
    Some(serde_json::Value::Object(parts.into_iter().map(field).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_files_are_read_and_a_cut_body_is_not() {
        let kind = "multipart/form-data; boundary=\"xyz\"";
        let body = b"--xyz\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n42\r\n--xyz\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n--\r\n--xyz--\r\n";
        let read = parts(kind, body).unwrap();
        assert_eq!((read[0].name.as_str(), read[0].file.as_deref(), read[0].bytes), ("chat_id", None, &b"42"[..]));
        assert_eq!((read[1].file.as_deref(), read[1].bytes), (Some("a.png"), &b"\x89PNG\r\n--"[..]));
        assert_eq!(told(kind, body).unwrap(), serde_json::json!({"chat_id": 42, "a": {"file": "a.png", "bytes": 8}}));
        assert_eq!(parts(kind, &body[..60]), None);
        assert_eq!(parts("application/json", body), None);
    }
}
