//! `ledger.tags` of the gateway and `ledgerTags` of products and APIs.
//!
//! What must stay true: tags are written in plain text and stay there, so a secret is none.

use super::Reader;
use super::places::Inline;
use crate::yaml::{At, Place};
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_engine::accounting::MOST_TAGS;
use tollgate_engine::definition::{LedgerTagDefinition, TagScope};
use tollgate_engine::probe::mask::is_secret_name;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::{Text, TextKind};

/// Longest name.
const LONGEST_NAME: usize = 64;

/// Longest value as it is written.
const LONGEST_VALUE: usize = 4096;

impl Reader<'_, '_> {
    /// The tags of one place.
    pub(super) fn ledger_tags(
        &mut self,
        written: &BTreeMap<String, At<String>>,
        scope: TagScope,
    ) -> Vec<LedgerTagDefinition> {
        let mut tags = Vec::new();
        for (name, value) in written {
            let fits = (1..=LONGEST_NAME).contains(&name.len())
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
            if !fits {
                let message = format!("`{name}` cannot be the name of a tag");
                let label = "expected 1 to 64 letters, digits, `.`, `-` and `_`";
                self.tag_fault(value.place, message, label, "");
                continue;
            }
            if let Some(value_of) = self.tag_value(name, value) {
                tags.push(LedgerTagDefinition {
                    span: Some(self.span(value.place)),
                    scope,
                    name: Arc::from(name.as_str()),
                    value: value_of,
                });
            }
        }
        if written.len() > MOST_TAGS
            && let Some(last) = written.values().last()
        {
            let label = format!("expected {MOST_TAGS} at most");
            let message = format!("{} tags", written.len());
            self.tag_fault(last.place, message, &label, "");
        }
        tags
    }

    fn tag_value(&mut self, name: &str, value: &At<String>) -> Option<Text> {
        if value.len() > LONGEST_VALUE {
            let label = format!("expected {LONGEST_VALUE} bytes at most");
            self.tag_fault(value.place, "the value is too long", &label, "");
            return None;
        }
        if let Some(secret) = self.secret_in(value) {
            let message = format!("the tag `{name}` would hold {secret}");
            let label = "tags are written in plain text, and shown in reports";
            let help = "take something that names its owner: a claim, a group, an id";
            self.tag_fault(value.place, message, label, help);
            return None;
        }
        let (text, _) = self.expand(value, value.place);
        let text = text.trim();
        let single = text.strip_prefix("@(").and_then(|t| t.strip_suffix(')'));
        let multi = text.strip_prefix("@{").and_then(|t| t.strip_suffix('}'));
        let Some(code) = single.or(multi) else {
            if text.starts_with('@') {
                let message = format!("`{text}` is no expression");
                let label = "expected `@(expression)`, `@{statements}`, or text";
                self.tag_fault(value.place, message, label, "");
                return None;
            }
            let mut literal = Text::expression(self.file, text, false);
            literal.kind = TextKind::Literal;
            literal.span = self.span(value.place);
            return Some(literal);
        };
        let outer = self.files.sources.get(self.file).map(|s| s.name.clone());
        let outer = format!("{} (tag {name})", outer.as_deref().unwrap_or_default());
        let file = self.files.sources.add(outer, code.to_owned());
        // Its code begins behind the bracket.
        let written = self.text.get(value.place.start as usize..);
        let bracket = written.and_then(|t| t.find(&text[..2]));
        let start = value.place.start.saturating_add(
            bracket
                .and_then(|at| u32::try_from(at + 2).ok())
                .unwrap_or(0),
        );
        let place = Place {
            start,
            ..value.place
        };
        let located = Inline::locate(file, code, &self.text, place);
        self.inline.extend(located);
        Some(Text::expression(file, code, multi.is_some()))
    }

    /// What must not be written down, if the value would hold it.
    fn secret_in(&self, value: &str) -> Option<String> {
        let mut rest = value;
        while let Some((_, behind)) = rest.split_once("{{") {
            let (name, behind) = behind.split_once("}}")?;
            let name = name.trim();
            let own = self.named_values.get(name);
            let named = own.or_else(|| self.service.named_values.get(name));
            if named.is_some_and(|value| value.secret) {
                return Some(format!("the secret named value `{name}`"));
            }
            rest = behind;
        }
        for member in [".PrimaryKey", ".SecondaryKey", ".AccessToken"] {
            if value.contains(member) {
                return Some(format!("what `{}` is", &member[1..]));
            }
        }
        // A header of credentials that is read for its claims is not written down.
        let claims = value.contains("AsJwt()");
        let literals = value.split('"').skip(1).step_by(2);
        let mut secrets = literals.filter(|literal| !claims && is_secret_name(literal));
        let name = secrets.next()?;
        Some(format!("what `{name}` is, by its name a secret"))
    }

    fn tag_fault(&mut self, place: Place, message: impl Into<String>, label: &str, help: &str) {
        let fault = Diagnostic::error("TG0716", self.span(place), message).label(label);
        let fault = if help.is_empty() {
            fault
        } else {
            fault.help(help)
        };
        self.diagnostics.push(fault);
    }
}
