//! The lab as a process of its own, and the little HTTP that is needed to talk to it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

pub struct Lab {
    child: Child,
    pub url: String,
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Lab {
    pub fn serve(scenario: &std::path::Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wakeman"))
            .args(["lab", "serve", "--json", "--scenario"])
            .arg(scenario)
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        Self { child, url: said["url"].as_str().unwrap().to_owned() }
    }

    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let host = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let body = if method == "GET" { String::new() } else { body.to_string() };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nauthorization: Bearer lab\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 2"), "{method} {path}: {answer}");
        // A chunked answer has its sizes on lines of their own.
        let json: String = match head.to_lowercase().contains("chunked") {
            true => body.split("\r\n").skip(1).step_by(2).collect(),
            false => body.to_owned(),
        };
        serde_json::from_str(&json).unwrap_or(Value::Null)
    }

    pub fn fault(&self, service: &str, pattern: &str, mode: &str) {
        self.ask("POST", "/_lab/faults", &json!({"service": service, "match": pattern, "mode": mode, "times": 1}));
    }

    /// What is late arrives.
    pub fn advance(&self) {
        self.advance_to("2026-01-15T12:00:00Z");
    }

    /// The next ten minutes of its life pass, for the n-th time: checks of a pull request come to their end.
    pub fn go_on(&self, nth: usize) {
        let (hour, tens) = (10 + nth / 6, nth % 6);
        self.advance_to(&format!("2026-01-15T{hour}:{tens}0:00Z"));
    }

    pub fn advance_to(&self, to: &str) {
        self.ask("POST", "/_lab/advance", &json!({ "to": to }));
    }

    pub fn get(&self, path: &str) -> Value {
        self.ask("GET", path, &Value::Null)
    }

    /// The effects on `path` that were applied.
    pub fn applied(&self, method: &str, path: &str) -> usize {
        let effects = self.get("/_lab/effects");
        let mine = |e: &&Value| e["method"] == method && e["path"].as_str().unwrap().contains(path);
        effects.as_array().unwrap().iter().filter(mine).filter(|e| e["applied"] == true).count()
    }

    /// Whether all effects on `path` that were applied are one and the same request.
    pub fn all_the_same(&self, method: &str, path: &str) -> bool {
        let effects = self.get("/_lab/effects");
        let mine = |e: &&Value| e["method"] == method && e["path"].as_str().unwrap().contains(path);
        let applied = effects.as_array().unwrap().iter().filter(mine).filter(|e| e["applied"] == true);
        let mut requests: Vec<String> = applied.map(|e| format!("{} {}", e["path"], e["body"])).collect();
        requests.dedup();
        requests.len() == 1
    }
}
