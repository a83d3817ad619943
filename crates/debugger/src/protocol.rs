//! The base protocol: messages of JSON behind a `Content-Length` header (Debug Adapter Protocol, "base protocol").
//!
//! Used by `session`. What must stay true: a message is bounded; a header or a body that is not understood loses that
//! message and not the connection.

use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{self, BufRead, Write};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Longest message, in bytes.
const LONGEST: usize = 16 << 20;

/// Longest header line, in bytes.
const LONGEST_LINE: u64 = 8 << 10;

/// What an editor asks.
#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    /// Its number, which the answer names.
    pub(crate) seq: i64,
    /// What.
    pub(crate) command: String,
    /// With what.
    #[serde(default)]
    pub(crate) arguments: Value,
}

/// What was read.
pub(crate) enum Message {
    /// A request.
    Request(Request),
    /// Something else, which is told why.
    Malformed(String),
}

/// Reads messages.
pub struct Reader<R>(pub R);

impl<R: BufRead> Reader<R> {
    /// The next message; `None` at the end of the stream.
    pub(crate) fn next(&mut self) -> io::Result<Option<Message>> {
        let mut length = None;
        loop {
            let mut line = Vec::new();
            let read = io::Read::take(&mut self.0, LONGEST_LINE).read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok(None);
            }
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end();
            if line.is_empty() {
                if length.is_some() {
                    break;
                }
                continue;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.trim().eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse::<usize>().ok();
            }
        }
        let length = length.unwrap_or(0);
        if length > LONGEST {
            io::copy(
                &mut io::Read::take(&mut self.0, length as u64),
                &mut io::sink(),
            )?;
            return Ok(Some(Message::Malformed(format!(
                "a message of {length} bytes is too long"
            ))));
        }
        let mut body = vec![0; length];
        if let Err(error) = self.0.read_exact(&mut body) {
            return match error.kind() {
                io::ErrorKind::UnexpectedEof => Ok(None),
                _ => Err(error),
            };
        }
        let message = match serde_json::from_slice::<Value>(&body) {
            Ok(value) if value["type"] == "request" => serde_json::from_value(value)
                .map_or_else(|e| Message::Malformed(e.to_string()), Message::Request),
            // Answers to requests of our own, of which there are none.
            Ok(value) => Message::Malformed(format!("a message of type {}", value["type"])),
            Err(error) => Message::Malformed(format!("not JSON: {error}")),
        };
        Ok(Some(message))
    }
}

/// Writes messages; clones write to the same stream.
#[derive(Clone)]
pub struct Writer {
    to: Arc<Mutex<Box<dyn Write + Send>>>,
    seq: Arc<AtomicI64>,
}

impl Writer {
    /// Writes to a stream.
    pub fn new(to: impl Write + Send + 'static) -> Writer {
        Writer {
            to: Arc::new(Mutex::new(Box::new(to))),
            seq: Arc::new(AtomicI64::new(1)),
        }
    }

    /// A stream that is gone is noticed by the reader: what cannot be written is dropped.
    fn send(&self, mut message: Value) {
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        message["seq"] = json!(self.seq.fetch_add(1, Ordering::Relaxed));
        let text = message.to_string();
        let _ = write!(to, "Content-Length: {}\r\n\r\n{text}", text.len());
        let _ = to.flush();
    }

    /// An event.
    pub(crate) fn event(&self, event: &str, body: Value) {
        self.send(json!({ "type": "event", "event": event, "body": body }));
    }

    /// An answer.
    pub(crate) fn answer(&self, seq: i64, command: &str, answer: Result<Value, String>) {
        let mut message = json!({
            "type": "response",
            "request_seq": seq,
            "command": command,
            "success": answer.is_ok(),
        });
        match answer {
            Ok(body) => message["body"] = body,
            Err(why) => {
                message["message"] = json!(why);
                message["body"] = json!({ "error": { "id": 1, "format": why, "showUser": false } });
            }
        }
        self.send(message);
    }

    /// A line in the debug console.
    pub(crate) fn output(&self, category: &str, text: &str) {
        self.event(
            "output",
            json!({ "category": category, "output": format!("{text}\n") }),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        let mut reader = Reader(text.as_bytes());
        let mut out = Vec::new();
        while let Some(message) = reader.next().unwrap() {
            out.push(match message {
                Message::Request(request) => request.command,
                Message::Malformed(why) => format!("! {why}"),
            });
        }
        out
    }

    fn framed(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn messages_and_what_is_none() {
        let text = [
            framed(r#"{"seq":1,"type":"request","command":"threads"}"#),
            framed("{"),
            framed(r#"{"type":"event"}"#),
            framed(r#"{"type":"request","command":"no seq"}"#),
            String::from("X: y\r\ncontent-length:2\r\n\r\n{}"),
            String::from("Content-Length: nonsense\r\n\r\n"),
            framed(r#"{"seq":2,"type":"request","command":"next","arguments":{"threadId":1}}"#),
            String::from("Content-Length: 100\r\n\r\n{\"cut"),
        ];
        let out = all(&text.concat());
        assert_eq!(out.first().unwrap(), "threads");
        assert_eq!(out.last().unwrap(), "next");
        assert!(
            out[1..out.len() - 1].iter().all(|m| m.starts_with('!')),
            "{out:?}"
        );
    }

    #[test]
    fn any_bytes_end() {
        arbtest::arbtest(|u| {
            let bytes: Vec<u8> = u.arbitrary()?;
            let mut reader = Reader(&bytes[..]);
            while let Ok(Some(_)) = reader.next() {}
            Ok(())
        });
    }
}
