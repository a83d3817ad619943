//! Secrets that stand in documents as they are.
//!
//! What must stay true: the value is never part of a message; where it stands is what the warning points at, which
//! `control` blacks out.

use super::documents::PolicyDocument;
use super::{Found, LITERAL_SECRET};
use tollgate_engine::compile::ScopeKind;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::{Element, Text, TextKind};

/// Shortest text that is taken for a key.
const SHORTEST: usize = 16;

pub(super) fn check(document: &PolicyDocument, found: &mut Found) {
    let sections = document.sections().map(|(_, section)| section);
    let resolver = (document.kind == ScopeKind::Resolver).then_some(&document.root);
    for section in sections.chain(resolver) {
        document.visit(section, &mut |element, outer| {
            for secret in secrets(element, outer) {
                if secret.kind == TextKind::Literal && !secret.holds_named_value() {
                    found.push(
                        Diagnostic::warning(LITERAL_SECRET, secret.span, format!("a secret stands in `{}`", element.name))
                            .label("readable by everybody who sees the document")
                            .help("make it a named value from the environment, a file or a key vault, write `{{its-name}}` here, and renew it"),
                    );
                }
            }
        });
    }
}

/// Texts of an element that are secrets.
fn secrets<'e>(element: &'e Element, outer: &[&'e Element]) -> Vec<&'e Text> {
    match &*element.name {
        "authentication-basic" => {
            let password = element.attribute("password").map(|a| &a.value);
            password
                .into_iter()
                .filter(|t| !t.text.trim().is_empty())
                .collect()
        }
        "key"
            if outer
                .last()
                .is_some_and(|o| &*o.name == "issuer-signing-keys") =>
        {
            element
                .text()
                .into_iter()
                .filter(|t| is_key(&t.text))
                .collect()
        }
        "connection-string" => {
            let text = element.text().into_iter();
            text.filter(|t| has_password(&t.text)).collect()
        }
        "set-header" | "set-query-parameter" => {
            let name = element
                .attribute("name")
                .map(|a| a.value.text.to_ascii_lowercase());
            let name = name.unwrap_or_default();
            let values = element.elements().filter(|e| &*e.name == "value");
            values
                .filter_map(Element::text)
                .filter(|text| is_secret(&name, text.text.trim()))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a connection string says a password or an account's key.
fn has_password(text: &str) -> bool {
    text.split(';').any(|setting| {
        let (name, value) = setting.split_once('=').unwrap_or_default();
        let name = name.trim().to_ascii_lowercase();
        matches!(&*name, "password" | "pwd" | "accountkey") && !value.trim().is_empty()
    })
}

fn is_secret(name: &str, value: &str) -> bool {
    if name == "authorization" || name == "proxy-authorization" {
        let after = value
            .split_once(' ')
            .map(|(_, credentials)| credentials.trim());
        return after.is_some_and(|c| c.len() >= 8 && !c.contains([' ', '{', '<', '*']));
    }
    let like_key = ["key", "secret", "token", "password", "sig", "code"];
    let named = name.split(['-', '_', '.']).any(|part| {
        like_key
            .iter()
            .any(|word| part == *word || part.ends_with("key"))
    });
    named && is_key(value)
}

/// Whether a text looks made and not written.
fn is_key(value: &str) -> bool {
    let value = value.trim();
    let letters = value.bytes().any(|b| b.is_ascii_alphabetic());
    let digits = value.bytes().any(|b| b.is_ascii_digit());
    let plain = value
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"+/=_-.~%".contains(&b));
    value.len() >= SHORTEST && letters && digits && plain
}
