//! Contexts for an expression of a document: messages, variables and entities made of the names that it uses.
//!
//! What must stay true: what only the oracle's host and ours differ in stays out, so that a difference is one of the
//! language or its library: header names are in lower case, headers and queries are ASCII, every message has a body.

use crate::random::Random;
use fancy_regex::Regex;
use serde_json::{Map, Value as Json, json};
use std::collections::HashMap;

/// Longest text of an expression that is taken for a name or a value.
const MAX_TEXT: usize = 80;

/// How deep invented JSON goes.
const MAX_DEPTH: usize = 4;

/// Texts that mean something to a parser of numbers, dates, tokens, addresses or documents.
const TEXTS: [&str; 31] = [
    "",
    "a",
    "abc",
    "true",
    "False",
    "1",
    "42",
    "-7",
    "3.14",
    "1e3",
    "null",
    "2026-01-15T10:20:30Z",
    "2026-01-15",
    "application/json",
    "Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci8iLCJzdWIiOiJ1MSIsImF1ZCI6WyJhIiwiYiJdLCJyb2xlcyI6WyJ4IiwieSJdLCJhenAiOiJhcHAiLCJuIjoxLjV9.c2ln",
    "Basic dXNlcjpwOnc=",
    "Basic !!!",
    "Bearer x.y.z",
    "a,b,c",
    "a;b=c",
    " x ",
    "gpt-4o",
    "/openai/deployments/gpt-4o/chat/completions",
    "https://h.example/p/q?x=1&y=2",
    "{\"a\":1}",
    "[1,2]",
    "<a>1</a>",
    "6f1c1d4e-0a6b-4f43-9f0e-2f3a0c1b7d55",
    "127.0.0.1",
    "9999999999",
    "key=value&k2=v%202",
];

/// Texts beyond ASCII, for bodies and variables.
const WIDE: [&str; 3] = ["\u{e9} \u{df} \u{130}", "\u{1f389}x", "\u{4e2d}\u{6587}"];

/// Bodies of the services that documents speak to.
const BODIES: [&str; 10] = [
    r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"stream":true,"max_tokens":100,"user":"u"}"#,
    r#"{"id":"x","choices":[{"message":{"role":"assistant","content":"ok"},"finish_reason":"stop","index":0}],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12},"model":"gpt"}"#,
    r#"{"error":{"code":"429","message":"slow"}}"#,
    r#"{"value":[{"name":"a","id":1},{"name":"b","id":2}],"access_token":"t","expires_in":3599,"token_type":"Bearer"}"#,
    r#""text""#,
    "12",
    "not json",
    "{",
    "<a><b x='1'>t</b></a>",
    "a=1&b=2&a=3",
];

/// A variable behind the type that it is cast to, or asked for as.
const TYPED: &str = r#"(?:\(|<)([A-Za-z]+)(?:\)|>)\(?(?:context\.Variables\[)?"([^"]*)""#;

/// Contexts of one expression.
pub(super) struct Contexts<'r> {
    random: &'r mut Random,
    /// The texts in the expression.
    texts: Vec<String>,
    /// Types that it reads its variables as, by their names.
    types: HashMap<String, String>,
    /// Whether a path must not be a value: Mono reads one as an absolute URI, where API Management runs it is none.
    no_paths: bool,
}

impl<'r> Contexts<'r> {
    pub(super) fn new(expression: &str, random: &'r mut Random) -> Contexts<'r> {
        let mut texts: Vec<String> = Vec::new();
        // Every second piece between quotation marks is a text, as long as none is escaped; the others do no harm.
        for text in expression.split('"') {
            if !text.is_empty() && text.len() < MAX_TEXT && !texts.iter().any(|t| t == text) {
                texts.push(text.to_string());
            }
        }
        texts.retain(|t| !t.contains(['(', '\n']));
        if texts.is_empty() {
            texts.push("x".into());
        }
        let typed = Regex::new(TYPED).expect("a constant pattern");
        let types = typed
            .captures_iter(expression)
            .flatten()
            .filter_map(|c| {
                Some((
                    c.get(2)?.as_str().to_string(),
                    c.get(1)?.as_str().to_string(),
                ))
            })
            .collect();
        Contexts {
            random,
            texts,
            types,
            no_paths: expression.contains("Uri("),
        }
    }

    /// The next one.
    pub(super) fn next(&mut self) -> Json {
        let mut request = json!({
            "headers": self.headers(), "body": self.body(), "method": self.one(&["GET", "POST", "PUT", "DELETE"]),
        });
        if !self.random.one_in(3) {
            let mut url = "https://gateway.example/openai/deployments/gpt-4o/chat/completions?q=1"
                .to_string();
            for name in self.names() {
                let value = self.one(&["1", "a%20b", "true", ""]);
                url += &format!("&{name}={value}");
            }
            request["url"] = Json::String(url);
        }
        let mut matched = Map::new();
        for name in self.names() {
            matched.insert(name, Json::String(self.ascii()));
        }
        request["matchedParameters"] = Json::Object(matched);
        let mut variables = Map::new();
        for name in self.texts.clone() {
            if !self.random.one_in(8) {
                let value = self.variable(&name);
                variables.insert(name, value);
            }
        }
        let mut out = json!({
            "request": request, "response": self.response(), "variables": variables,
        });
        let entities = ["subscription", "product", "user", "lastError"];
        for entity in entities {
            if self.random.one_in(3) {
                continue;
            }
            out[entity] = match entity {
                "subscription" => {
                    json!({"id": self.text(), "name": self.text(), "key": "k1", "primaryKey": "k1", "secondaryKey": "k2"})
                }
                "product" => json!({"id": self.text(), "name": self.text()}),
                "user" => {
                    json!({"id": self.text(), "email": "a@b.c", "firstName": "F", "lastName": "L", "groups": [{"id": "g", "name": self.text()}]})
                }
                _ => {
                    json!({"source": self.text(), "reason": self.text(), "message": self.text(), "scope": "api", "section": "inbound", "path": "p"})
                }
            };
        }
        out
    }

    fn one(&mut self, of: &[&'static str]) -> &'static str {
        self.random.word(of)
    }

    /// A text of the expression, or another.
    fn text(&mut self) -> String {
        let text = match self.random.below(20) {
            0..8 => self.random.pick(&self.texts).cloned().unwrap_or_default(),
            8 => self.random.word(&WIDE).to_string(),
            _ => self.random.word(&TEXTS).to_string(),
        };
        if self.no_paths && text.starts_with('/') {
            return "x".into();
        }
        text
    }

    fn ascii(&mut self) -> String {
        let mut text = self.text();
        text.retain(|c| matches!(c, ' '..='~'));
        text
    }

    /// Some of the expression's texts that can be the name of a header or a parameter.
    fn names(&mut self) -> Vec<String> {
        let mut names = self.texts.clone();
        names.retain(|n| {
            n.chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
                && !self.random.one_in(3)
        });
        names
    }

    fn headers(&mut self) -> Json {
        let mut names = self.names();
        for usual in ["authorization", "content-type", "x-forwarded-for"] {
            if self.random.one_in(2) {
                names.push(usual.into());
            }
        }
        let mut out = Map::new();
        for name in names {
            let value = if self.random.one_in(6) {
                json!([self.ascii(), self.ascii()])
            } else {
                Json::String(self.ascii())
            };
            out.insert(name.to_ascii_lowercase(), value);
        }
        Json::Object(out)
    }

    fn response(&mut self) -> Json {
        const STATUS: [u16; 10] = [200, 201, 304, 400, 401, 403, 404, 429, 500, 503];
        let status = self.random.pick(&STATUS).copied().unwrap_or(200);
        json!({"statusCode": status, "statusReason": "R", "headers": self.headers(), "body": self.body()})
    }

    fn body(&mut self) -> Json {
        if self.random.one_in(3) {
            // Neither null nor empty: what a message without a body is, is the host's.
            let value = self.json(0);
            return if value.is_null() {
                json!({})
            } else {
                Json::String(value.to_string())
            };
        }
        let known = self.random.word(&BODIES).to_string();
        let Ok(Json::Object(mut object)) = serde_json::from_str::<Json>(&known) else {
            return Json::String(known);
        };
        for name in self.names().into_iter().take(3) {
            let value = self.json(1);
            object.insert(name, value);
        }
        Json::String(Json::Object(object).to_string())
    }

    /// Mostly of the type that the expression reads it as.
    fn variable(&mut self, name: &str) -> Json {
        const OTHER: [&str; 12] = [
            "string", "string", "string", "string", "bool", "int", "double", "null", "JObject",
            "JArray", "DateTime", "long",
        ];
        let wanted = self
            .types
            .get(name)
            .cloned()
            .filter(|_| !self.random.one_in(6));
        let ty = wanted.unwrap_or_else(|| self.one(&OTHER).to_string());
        match &*ty {
            "bool" | "Boolean" => Json::Bool(self.random.one_in(2)),
            "int" | "Int32" => json!(self.random.below(500)),
            "double" => json!(self.random.pick(&[1.5, 0.0, 250.75])),
            "null" => Json::Null,
            "JObject" | "JToken" => json!({"$type": "JObject", "value": self.object(1)}),
            "JArray" => json!({"$type": "JArray", "value": self.array(1)}),
            "IResponse" => json!({"$type": "IResponse", "value": self.response()}),
            "DateTime" => json!({"$type": "DateTime", "value": "2026-01-15T10:20:30Z"}),
            "long" => json!({"$type": "long", "value": self.random.pick(&[5_i64, 1 << 40])}),
            _ => Json::String(self.text()),
        }
    }

    fn json(&mut self, depth: usize) -> Json {
        match self.random.below(20) {
            _ if depth >= MAX_DEPTH => Json::String(self.text()),
            0 | 1 => Json::String(self.text()),
            2 => json!(self.random.below(300)),
            3 => json!(self.random.pick(&[0_i64, -3, 1 << 31, 1 << 40])),
            4 => json!(self.random.pick(&[1.5, -0.25, 100.0])),
            5 => Json::Bool(self.random.one_in(2)),
            6 => Json::Null,
            7..14 => self.object(depth),
            _ => self.array(depth),
        }
    }

    fn object(&mut self, depth: usize) -> Json {
        const USUAL: [&str; 5] = ["id", "content", "role", "usage", "model"];
        let mut out = Map::new();
        for _ in 0..self.random.below(6) {
            let name = if self.random.one_in(5) {
                self.one(&USUAL).to_string()
            } else {
                self.random.pick(&self.texts).cloned().unwrap_or_default()
            };
            let value = self.json(depth + 1);
            out.insert(name, value);
        }
        Json::Object(out)
    }

    fn array(&mut self, depth: usize) -> Json {
        (0..self.random.below(4))
            .map(|_| self.json(depth + 1))
            .collect()
    }
}
