//! Policy documents and fragments: a path, or the text itself.

use super::Reader;
use super::places::Inline;
use crate::azure::tokens;
use crate::model::Lists;
use crate::yaml::At;
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_engine::definition::{NamedValue, PolicyText};
use tollgate_lang::{FileId, Span};

impl Reader<'_, '_> {
    pub(super) fn fragments(&mut self, lists: Lists<'_>) -> BTreeMap<String, PolicyText> {
        self.once(
            lists.policy_fragments.iter().map(|f| &f.id),
            "policy fragment",
        );
        let mut fragments = BTreeMap::new();
        for fragment in lists.policy_fragments {
            let what = format!("policy fragment `{}`", fragment.id.value);
            // An empty one stands in for one that cannot be read, so that its users are not blamed.
            let text = self.policy(&fragment.policy, &what).unwrap_or_else(|| {
                let text: Arc<str> = Arc::from("<fragment></fragment>");
                PolicyText {
                    file: self.files.sources.add(what, text.clone()),
                    text,
                }
            });
            fragments.insert(fragment.id.value.clone(), text);
        }
        fragments
    }

    /// A document whose `{#[NAME]#}` are named values that come from the environment.
    fn tokens(&mut self, file: FileId, text: Arc<str>) -> Arc<str> {
        let Some((text, found)) = tokens::as_named_values(&text) else {
            return text;
        };
        for (name, place) in found {
            let known = tokens::stand_in(&name);
            if !self.named_values.contains_key(&known) {
                let value = self.token(&name, Span::new(file, place));
                let value = NamedValue {
                    value,
                    secret: true,
                };
                self.named_values.insert(known, value);
            }
        }
        Arc::from(text)
    }

    /// A policy document; `what` it is, for people.
    pub(super) fn policy(&mut self, policy: &At<String>, what: &str) -> Option<PolicyText> {
        let written = policy.trim_start();
        if written.starts_with('<') || written.starts_with("&lt;") {
            let text: Arc<str> = Arc::from(policy.as_str());
            let name = self.files.sources.get(self.file).map(|s| s.name.clone());
            let name = format!("{} ({what})", name.as_deref().unwrap_or_default());
            let file = self.files.sources.add(name, text.clone());
            self.inline
                .extend(Inline::locate(file, &text, &self.text, policy.place));
            self.policies.insert(file);
            let text = self.tokens(file, text);
            return Some(PolicyText { file, text });
        }
        if written.is_empty() {
            self.fault(
                policy.place,
                format!("the path of {what} is empty"),
                "expected a path or a document",
                "leave `policy` out to inherit everything",
            );
            return None;
        }
        let path = self.files.resolve(policy);
        match self.files.text(&path) {
            Ok((file, text)) => {
                self.policies.insert(file);
                let text = self.tokens(file, text);
                Some(PolicyText { file, text })
            }
            Err(why) => {
                self.fault(
                    policy.place,
                    format!("{what} cannot be read from {}: {why}", path.display()),
                    "expected the path of a policy document, relative to this file, or the document itself",
                    "",
                );
                None
            }
        }
    }
}
