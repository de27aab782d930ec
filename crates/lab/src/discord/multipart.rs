//! Bodies of several parts: what is needed of RFC 7578 to take a message with files.

/// One file of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) field: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) bytes: Vec<u8>,
}

/// The JSON and the files of a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) json: Option<String>,
    pub(super) files: Vec<File>,
}

/// The JSON part of a body of several, for the log of effects.
pub(crate) fn payload(content_type: &str, body: &[u8]) -> Option<String> {
    read(content_type, body)?.json
}

/// Takes a body apart; `None` if it is none of several parts.
pub(super) fn read(content_type: &str, body: &[u8]) -> Option<Parts> {
    let boundary = content_type.strip_prefix("multipart/form-data")?.split("boundary=").nth(1)?;
    let boundary = boundary.split(';').next()?.trim().trim_matches('"');
    let mark = [b"--", boundary.as_bytes()].concat();
    let mut parts = Parts::default();
    let starts = find_all(body, &mark);
    for pair in starts.windows(2) {
        let section = &body[pair[0] + mark.len()..pair[1]];
        let section = section.strip_prefix(b"\r\n").unwrap_or(section);
        let section = section.strip_suffix(b"\r\n").unwrap_or(section);
        let head_end = find_all(section, b"\r\n\r\n").first().copied()?;
        let head = String::from_utf8_lossy(&section[..head_end]).into_owned();
        let bytes = section[head_end + 4..].to_vec();
        let field = quoted(&head, " name=").or_else(|| quoted(&head, ";name="))?;
        match quoted(&head, "filename=") {
            Some(name) => parts.files.push(File { field, name, kind: kind(&head), bytes }),
            None if field == "payload_json" => parts.json = String::from_utf8(bytes).ok(),
            None => {}
        }
    }
    Some(parts)
}

fn kind(head: &str) -> String {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-type:"));
    line.and_then(|line| line.split(':').nth(1)).map_or("application/octet-stream", str::trim).to_owned()
}

fn quoted(head: &str, key: &str) -> Option<String> {
    let rest = head.split(key).nth(1)?;
    Some(rest.strip_prefix('"')?.split('"').next()?.to_owned())
}

fn find_all(haystack: &[u8], needle: &[u8]) -> Vec<usize> {
    haystack.windows(needle.len()).enumerate().filter(|(_, window)| *window == needle).map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_several_parts_is_taken_apart() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"payload_json\"\r\nContent-Type: application/json\r\n\r\n{\"content\":\"a\"}\r\n--x\r\nContent-Disposition: form-data; name=\"files[0]\"; filename=\"c.png\"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n\r\nrest\r\n--x--\r\n";
        let parts = read("multipart/form-data; boundary=x", body).unwrap();
        assert_eq!(parts.json.as_deref(), Some("{\"content\":\"a\"}"));
        let file = &parts.files[0];
        assert_eq!((file.field.as_str(), file.name.as_str(), file.kind.as_str()), ("files[0]", "c.png", "image/png"));
        assert_eq!(file.bytes, b"\x89PNG\r\n\r\nrest");
        assert_eq!(read("application/json", b"{}"), None);
    }
}
