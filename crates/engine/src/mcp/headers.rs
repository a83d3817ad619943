//! The headers of MCP: what they repeat of the message, and how they follow when a policy rewrote it.
//!
//! Source: MCP 2026-07-28, "Streamable HTTP". A gateway sees no schema of a tool, so of `Mcp-Param-*` it checks only
//! that the value can be read.

use super::admit::text;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use tollgate_agents::jsonrpc::Envelope;
use tollgate_agents::mirror;

/// Revision of a request.
pub(super) static PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// Session of a request or response (up to 2025-11-25).
pub(super) static SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
/// The event to go on after (up to 2025-11-25).
pub(super) static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
static METHOD: HeaderName = HeaderName::from_static("mcp-method");
static NAME: HeaderName = HeaderName::from_static("mcp-name");
const PARAM: &str = "mcp-param-";

/// How deep arguments are searched for what a header repeats.
const DEEPEST: usize = 8;
/// Most arguments that are looked at.
const MOST_ARGUMENTS: usize = 1000;

/// Whether a header may stand only once.
pub(super) fn is_single(name: &HeaderName) -> bool {
    *name == http::header::ORIGIN || *name == LAST_EVENT_ID || name.as_str().starts_with("mcp-")
}

/// Holds the headers of a modern request against its message. The error says which does not agree.
pub(super) fn agree(headers: &HeaderMap, envelope: &Envelope<'_>) -> Result<(), String> {
    let meta = envelope.params.meta.as_ref();
    let version = meta.and_then(|m| m.protocol_version.as_deref());
    if let Some(version) = version
        && text(headers, &PROTOCOL_VERSION) != Some(version)
    {
        return Err(differs(headers, &PROTOCOL_VERSION, "MCP-Protocol-Version"));
    }
    if text(headers, &METHOD) != Some(envelope.method()) {
        return Err(differs(headers, &METHOD, "Mcp-Method"));
    }
    // A message without the name is the server's to refuse.
    if let Some(Some(name)) = envelope.mirrored_name() {
        let Some(value) = headers.get(&NAME) else {
            return Err(String::from("Mcp-Name is missing"));
        };
        match mirror::decode(value.as_bytes()) {
            Ok(told) if told == name => {}
            Ok(_) => return Err(differs(headers, &NAME, "Mcp-Name")),
            Err(why) => return Err(format!("Mcp-Name {why}")),
        }
    }
    for (name, value) in headers {
        if name.as_str().starts_with(PARAM)
            && let Err(why) = mirror::decode(value.as_bytes())
        {
            return Err(format!("{name} {why}"));
        }
    }
    Ok(())
}

fn differs(headers: &HeaderMap, name: &HeaderName, shown: &str) -> String {
    if headers.contains_key(name) {
        format!("{shown} is not what the body says")
    } else {
        format!("{shown} is missing")
    }
}

/// Makes the headers follow a message that a policy has rewritten: `before` is what the caller sent.
pub(super) fn follow(headers: &mut HeaderMap, before: &Envelope<'_>, after: &Envelope<'_>) {
    set(headers, METHOD.clone(), Some(after.method()));
    let version = after
        .params
        .meta
        .as_ref()
        .and_then(|m| m.protocol_version.as_deref());
    if version.is_some() {
        set(headers, PROTOCOL_VERSION.clone(), version);
    }
    match after.mirrored_name() {
        Some(name) => set(headers, NAME.clone(), name),
        None => set(headers, NAME.clone(), None),
    }
    let arguments = |envelope: &Envelope<'_>| {
        envelope
            .params
            .arguments
            .map(|json| leaves(json.get()))
            .unwrap_or_default()
    };
    let names: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with(PARAM))
        .cloned()
        .collect();
    if names.is_empty() {
        return;
    }
    let (old, new) = (arguments(before), arguments(after));
    for name in names {
        let told = headers
            .get(&name)
            .and_then(|v| mirror::decode(v.as_bytes()).ok())
            .map(|t| t.into_owned());
        let value = told.and_then(|told| followed(&name, &told, &old, &new));
        set(headers, name, value.as_deref());
    }
}

/// The new value of an argument that a header repeats. Which argument that is, the tool's schema says, which a gateway
/// does not see: the one with the header's value, and of several the one with its name. `None`: it is gone, or nobody
/// can say which it was; the server then says what it misses.
fn followed(
    name: &HeaderName,
    told: &str,
    old: &BTreeMap<String, Box<RawValue>>,
    new: &BTreeMap<String, Box<RawValue>>,
) -> Option<String> {
    let plain = |text: &str| {
        text.bytes()
            .filter(u8::is_ascii_alphanumeric)
            .map(|b| b.to_ascii_lowercase())
            .collect::<Vec<u8>>()
    };
    let wanted = plain(&name.as_str()[PARAM.len()..]);
    let candidates: Vec<&String> = old
        .iter()
        .filter(|(_, value)| mirror::means(told, value))
        .map(|(path, _)| path)
        .collect();
    let named = candidates
        .iter()
        .find(|path| plain(path.rsplit('/').next().unwrap_or("")) == wanted);
    let values: Vec<Option<String>> = match named {
        Some(path) => vec![new.get(*path).and_then(|v| mirror::text_of(v))],
        None => candidates
            .iter()
            .map(|path| new.get(*path).and_then(|v| mirror::text_of(v)))
            .collect(),
    };
    let first = values.first()?.clone()?;
    values
        .iter()
        .all(|v| v.as_deref() == Some(&*first))
        .then_some(first)
}

/// The scalars of arguments by path; only members of objects, as headers repeat nothing else.
fn leaves(json: &str) -> BTreeMap<String, Box<RawValue>> {
    let mut found = BTreeMap::new();
    let mut open = vec![(String::new(), json.to_owned(), 0)];
    while let Some((path, json, depth)) = open.pop() {
        let Ok(members) = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(&json) else {
            continue;
        };
        for (name, value) in members {
            if found.len() + open.len() >= MOST_ARGUMENTS {
                return found;
            }
            let path = format!("{path}/{name}");
            if value.get().starts_with('{') && depth < DEEPEST {
                open.push((path, value.get().to_owned(), depth + 1));
            } else if mirror::text_of(&value).is_some() {
                found.insert(path, value);
            }
        }
    }
    found
}

fn set(headers: &mut HeaderMap, name: HeaderName, text: Option<&str>) {
    match text.map(|t| HeaderValue::from_str(&mirror::encode(t))) {
        Some(Ok(value)) => headers.insert(name, value),
        _ => headers.remove(name),
    };
}

#[cfg(test)]
mod tests;
