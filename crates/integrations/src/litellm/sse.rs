//! Server-sent events, as far as OpenAI's wire format uses them.
//!
//! Source: WHATWG HTML, "9.2.6 Interpreting an event stream". Only `data` counts.

/// Longest event that is read.
const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// An event is longer than any honest one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// Bytes in, the data of events out.
#[derive(Debug, Default)]
pub(super) struct Events {
    rest: Vec<u8>,
    data: Vec<u8>,
    /// Whether `data` holds a line, be it empty.
    any: bool,
}

impl Events {
    /// Takes the next bytes; the data of every event that they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, TooLong> {
        self.rest.extend_from_slice(bytes);
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(length) = self.rest[from..].iter().position(|byte| *byte == b'\n') {
            let line = &self.rest[from..from + length];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            from += length + 1;
            if let Some(value) = line.strip_prefix(b"data:") {
                if self.any {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
                self.any = true;
            } else if line.is_empty() && std::mem::take(&mut self.any) {
                found.push(String::from_utf8_lossy(&std::mem::take(&mut self.data)).into_owned());
            }
        }
        self.rest.drain(..from);
        if self.rest.len() + self.data.len() > EVENT_BYTES_MAX { Err(TooLong) } else { Ok(found) }
    }

    /// What stands there at the end of the stream without the blank line that would complete it.
    pub(super) fn rest(mut self) -> Option<String> {
        self.push(b"\n\n").ok()?.pop()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str =
        ": ping\r\n\r\ndata: {\"a\":\"ä€\"}\r\n\r\nevent: x\ndata:one\ndata: two\n\n\ndata:\n\ndata: [DONE]\n\n";

    proptest! {
        #[test]
        fn events_do_not_depend_on_where_the_bytes_were_split(cuts in prop::collection::vec(1_usize..9, 0..60)) {
            let mut events = Events::default();
            let mut found = Vec::new();
            let mut rest = STREAM.as_bytes();
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                found.extend(events.push(now).expect("short"));
                rest = later;
            }
            found.extend(events.push(rest).expect("short"));
            prop_assert_eq!(found, ["{\"a\":\"ä€\"}", "one\ntwo", "", "[DONE]"]);
        }
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut events = Events::default();
        assert!(events.push(&vec![b'x'; EVENT_BYTES_MAX]).is_ok());
        assert_eq!(events.push(b"x"), Err(TooLong));
    }
}
