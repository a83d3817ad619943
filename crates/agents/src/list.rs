//! Lists of tools on their way to a caller: only those that the caller may use.
//!
//! What must stay true: what stays of a list is byte for byte what the server sent, schemas and numbers included; a tool
//! whose name cannot be read does not stay.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// How deep messages stand in arrays (batches of 2025-03-26): more is no message.
const BATCH: usize = 1;

/// Takes out of a message the tools that `allows` says no to, if it is the answer to `tools/list`. With `private` it
/// also says that the list is for this caller only. `None`: it stays as it is.
pub fn filter_tools(message: &str, allows: &dyn Fn(&str) -> bool, private: bool) -> Option<String> {
    filter(message.trim_ascii(), allows, private, BATCH)
}

fn filter(
    message: &str,
    allows: &dyn Fn(&str) -> bool,
    private: bool,
    batch: usize,
) -> Option<String> {
    if message.starts_with('[') && batch > 0 {
        let messages: Vec<&RawValue> = serde_json::from_str(message).ok()?;
        let mut changed = false;
        let each: Vec<Cow<'_, str>> = messages
            .iter()
            .map(|m| match filter(m.get(), allows, private, batch - 1) {
                Some(new) => {
                    changed = true;
                    Cow::Owned(new)
                }
                None => Cow::Borrowed(m.get()),
            })
            .collect();
        return changed.then(|| format!("[{}]", each.join(",")));
    }
    let mut members: Members<'_> = serde_json::from_str(message).ok()?;
    let mut changed = false;
    for (name, value) in &mut members.0 {
        if name.is("result")
            && let Some(new) = result(value, allows, private)
        {
            *value = Cow::Owned(new);
            changed = true;
        }
    }
    changed.then(|| members.write())
}

/// A result that holds `tools`.
fn result(json: &str, allows: &dyn Fn(&str) -> bool, private: bool) -> Option<String> {
    let mut members: Members<'_> = serde_json::from_str(json).ok()?;
    let mut is_list = false;
    for (name, value) in &mut members.0 {
        if name.is("tools")
            && let Ok(tools) = serde_json::from_str::<Vec<&RawValue>>(value)
        {
            is_list = true;
            let kept: Vec<&str> = tools
                .iter()
                .filter(|tool| name_of(tool.get()).is_some_and(|name| allows(&name)))
                .map(|tool| tool.get())
                .collect();
            if kept.len() < tools.len() {
                *value = Cow::Owned(format!("[{}]", kept.join(",")));
            }
        }
    }
    if !is_list {
        return None;
    }
    if private {
        let mut said = false;
        for (name, value) in &mut members.0 {
            if name.is("cacheScope") {
                *value = Cow::Borrowed("\"private\"");
                said = true;
            }
        }
        if !said {
            members.push("cacheScope", "\"private\"");
        }
    }
    Some(members.write())
}

/// The name of a tool; none when it stands twice.
fn name_of(tool: &str) -> Option<String> {
    let members: Members<'_> = serde_json::from_str(tool).ok()?;
    let mut names = members.0.iter().filter(|(name, _)| name.is("name"));
    let (_, name) = names.next()?;
    if names.next().is_some() {
        return None;
    }
    serde_json::from_str(name).ok()
}

/// An object's members in order, their values as they were written.
pub(crate) struct Members<'a>(Vec<(Name<'a>, Cow<'a, str>)>);

/// A member's name as text and as JSON.
pub(crate) struct Name<'a> {
    raw: Cow<'a, str>,
    text: Cow<'a, str>,
}

impl Name<'_> {
    /// Whether a reader, also one without case, takes it for this.
    fn is(&self, name: &str) -> bool {
        self.text.eq_ignore_ascii_case(name)
    }
}

impl<'a> Members<'a> {
    /// Where a member stands.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(known, _)| known.is(name))
    }

    /// The JSON of a member.
    pub(crate) fn value(&self, at: usize) -> &str {
        &self.0[at].1
    }

    pub(crate) fn replace(&mut self, at: usize, value: Cow<'a, str>) {
        self.0[at].1 = value;
    }

    /// Adds a member at the end; `value` is JSON.
    pub(crate) fn push(&mut self, name: &'static str, value: &'static str) {
        let name = Name {
            raw: crate::jsonrpc::string(name),
            text: Cow::Borrowed(name),
        };
        self.0.push((name, Cow::Borrowed(value)));
    }

    pub(crate) fn write(&self) -> String {
        let length: usize = self.0.iter().map(|(n, v)| n.raw.len() + v.len() + 2).sum();
        let mut out = String::with_capacity(length + 2);
        out.push('{');
        for (at, (name, value)) in self.0.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            out.push_str(&name.raw);
            out.push(':');
            out.push_str(value);
        }
        out.push('}');
        out
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All<'a>(std::marker::PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for All<'a> {
            type Value = Members<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members<'a>, M::Error> {
                let mut members = Vec::new();
                while let Some(text) = map.next_key::<Cow<'de, str>>()? {
                    let value: &'de RawValue = map.next_value()?;
                    let raw = crate::jsonrpc::string(&text);
                    members.push((Name { raw, text }, Cow::Borrowed(value.get())));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_bad(message: &str) -> Option<String> {
        filter_tools(message, &|name| name != "bad", false)
    }

    #[test]
    fn what_stays_is_as_it_was() {
        let message = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"good","inputSchema":{"maximum":1e400,"x":12345678901234567890123}},{"name":"bad"}],"nextCursor":"c"}}"#;
        assert_eq!(
            without_bad(message).unwrap(),
            r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"good","inputSchema":{"maximum":1e400,"x":12345678901234567890123}}],"nextCursor":"c"}}"#
        );
    }

    #[test]
    fn names_are_read_as_any_client_reads_them() {
        for tool in [
            r#"{"name":"b\u0061d"}"#,
            r#"{"name":"good","name":"bad"}"#,
            r#"{"Name":"bad"}"#,
            "{}",
            "7",
        ] {
            let message = format!(r#"{{"result":{{"tools":[{tool}]}}}}"#);
            assert_eq!(
                without_bad(&message).unwrap(),
                r#"{"result":{"tools":[]}}"#,
                "{tool}"
            );
        }
        let message = r#"{"result":{"tools":[{"name":"bad"}],"tools":[{"name":"bad"}]}}"#;
        assert_eq!(
            without_bad(message).unwrap(),
            r#"{"result":{"tools":[],"tools":[]}}"#
        );
        let batch = r#"[{"id":1,"result":{}},{"id":2,"result":{"tools":[{"name":"bad"}]}}]"#;
        assert_eq!(
            without_bad(batch).unwrap(),
            r#"[{"id":1,"result":{}},{"id":2,"result":{"tools":[]}}]"#
        );
    }

    #[test]
    fn what_is_no_list_stays() {
        for message in [
            "",
            "nonsense",
            r#"{"result":{"content":[{"name":"bad"}]}}"#,
            r#"{"result":{"tools":"bad"}}"#,
            r#"{"method":"x","params":{"tools":[{"name":"bad"}]}}"#,
        ] {
            assert_eq!(without_bad(message), None, "{message}");
        }
    }

    #[test]
    fn a_filtered_list_is_private() {
        let private = |message: &str| filter_tools(message, &|_| true, true).unwrap();
        assert_eq!(
            private(r#"{"result":{"tools":[],"cacheScope":"public","ttlMs":5}}"#),
            r#"{"result":{"tools":[],"cacheScope":"private","ttlMs":5}}"#
        );
        assert_eq!(
            private(r#"{"result":{"tools":[]}}"#),
            r#"{"result":{"tools":[],"cacheScope":"private"}}"#
        );
    }

    #[test]
    fn any_message_is_filtered_or_stays() {
        arbtest::arbtest(|u| {
            let message: String = u.arbitrary()?;
            if let Some(new) = without_bad(&message) {
                assert!(serde_json::from_str::<&RawValue>(&new).is_ok());
            }
            Ok(())
        });
    }
}
