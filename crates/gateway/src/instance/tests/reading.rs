//! Reading files that anybody may have written.

use std::fs;

use super::super::{BadLine, read_records};

fn read(bytes: &[u8]) -> (Vec<usize>, Vec<(usize, String, String)>) {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("chat.jsonl");
    fs::write(&path, bytes).unwrap();
    let read = read_records(&path, "chat.jsonl").unwrap();
    let bad = |line: BadLine| (line.line, line.reason, line.text);
    (read.records.iter().map(|record| record.line).collect(), read.bad.into_iter().map(bad).collect())
}

#[test]
fn nothing_but_the_bad_line_is_lost() {
    let bad = |line, reason: &str, text: &str| (line, reason.to_owned(), text.to_owned());
    let table: [(&[u8], &[usize], Vec<_>); 8] = [
        (b"", &[], vec![]),
        (b"{\"a\":1}\n{\"a\":2}\n", &[1, 2], vec![]),
        (b"{\"a\":1}\n{\"a\":2}", &[1, 2], vec![]),
        (b"{\"a\":1}\n{\"a\":", &[1], vec![bad(2, "is torn: it ends in the middle", "{\"a\":")]),
        (b"{\"a\":1}\r\n\r\n\n{\"a\":2}\r\n", &[1, 4], vec![]),
        (b"\xef\xbb\xbf{\"a\":1}\n", &[1], vec![]),
        (
            b"{\"a\":1}\nhello\n[1]\n{\"a\":2}\n",
            &[1, 4],
            vec![bad(2, "is not JSON", "hello"), bad(3, "is not an object", "[1]")],
        ),
        (b"{\"a\":\"\xff\"}\n{\"a\":2}\n", &[2], vec![bad(1, "is not JSON", "{\"a\":\"\u{fffd}\"}")]),
    ];
    for (bytes, records, unreadable) in table {
        assert_eq!(read(bytes), (records.to_vec(), unreadable), "{}", String::from_utf8_lossy(bytes));
    }
}
