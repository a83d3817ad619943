//! Named values and secrets: from the file, the environment, other files.
//!
//! What must stay true: a literal secret is blacked out in everything that is printed.

use super::Reader;
use crate::model::{KeyVaultSecret, Lists, Secret as Written};
use crate::vault::Answer;
use crate::yaml::{At, Place};
use tollgate_engine::definition::{MISSING, NamedValue, Secret};
use tollgate_engine::snapshot::BaseUrl;
use tollgate_engine::vault::SecretIdentifier;
use tollgate_lang::diagnostic::nearest::nearest;
use tollgate_lang::{Diagnostic, Severity, Span};

/// The URL of what was refused, so that nothing else complains about it.
pub(super) const STAND_IN_URL: &str = "http://missing.invalid";

/// Longest display name, as the document reader takes it.
const LONGEST_NAME: usize = 256;

impl Reader<'_, '_> {
    pub(super) fn named_values(&mut self, lists: Lists<'_>) {
        let names = lists
            .named_values
            .iter()
            .map(|v| v.display_name.as_ref().unwrap_or(&v.id));
        self.once(names, "named value");
        for item in lists.named_values.iter().map(|v| &v.value) {
            let name = item.display_name.as_ref().unwrap_or(&item.id);
            let fits = (1..=LONGEST_NAME).contains(&name.len())
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
            if !fits {
                self.fault(
                    name.place,
                    format!("`{}` cannot stand between `{{{{` and `}}}}`", name.value),
                    "expected letters, digits, `.`, `-` and `_`",
                    "give the named value a `displayName` of such characters",
                );
            }
            let faults = self.diagnostics.items().len();
            let given = self.options.named_values.get(&name.value);
            let vault = item.key_vault.as_ref();
            let value = match (&item.value, &item.env, &item.file) {
                (None, None, None) if vault.is_some() && given.is_none() => {
                    vault.map_or_else(String::new, |secret| self.key_vault_secret(secret, name))
                }
                _ if given.is_some() => given.cloned().unwrap_or_default(),
                (Some(value), None, None) => {
                    if item.secret {
                        self.literal(value.place, name);
                    }
                    value.value.clone()
                }
                (None, Some(variable), None) => self.variable(variable, variable.place),
                (None, None, Some(path)) => self.secret_file(path, path.place),
                (None, None, None) => {
                    self.fault(
                        item.id.place,
                        format!("named value `{}` has no value", item.id.value),
                        "expected `value`, `env`, `file` or `keyVault` beside it",
                        "",
                    );
                    String::new()
                }
                _ => {
                    self.fault(
                        item.id.place,
                        format!("named value `{}` has more than one value", item.id.value),
                        "expected one of `value`, `env` and `file`",
                        "",
                    );
                    String::new()
                }
            };
            self.without_value.remove(&name.value);
            if item.value.is_none() && self.diagnostics.items().len() > faults {
                self.without_value.insert(name.value.clone());
            }
            self.named_values.insert(
                name.value.clone(),
                NamedValue {
                    value: Secret::new(value),
                    secret: item.secret || item.value.is_none(),
                },
            );
        }
    }

    /// A secret's text. `name` says what it is, for people.
    pub(super) fn secret(&mut self, secret: &Written, place: Place, name: &str) -> Secret {
        match secret {
            Written::Literal(text) => {
                let (expanded, complete) = self.expand(text, place);
                if complete && expanded == *text {
                    self.literal(place, name);
                }
                Secret::new(expanded)
            }
            Written::Env(variable) => Secret::new(self.variable(variable, place)),
            Written::File(path) => Secret::new(self.secret_file(path, place)),
            Written::Absent => Secret::new(format!("{MISSING}{}", place.start)),
        }
    }

    /// A secret that stands in the file itself.
    fn literal(&mut self, place: Place, name: &str) {
        self.secrets.push(place);
        if !self.options.literal_secrets {
            self.warning(
                place,
                format!("the secret `{name}` stands in the file"),
                "put it into an environment variable (`env: NAME`) or a file (`file: path`)",
            );
        }
    }

    fn variable(&mut self, name: &str, place: Place) -> String {
        let at = self.span(place);
        self.variable_at(name, at)
    }

    /// What a pipeline would put in the place of a token of a document.
    pub(super) fn token(&mut self, name: &str, at: Span) -> Secret {
        Secret::new(self.variable_at(name, at))
    }

    fn variable_at(&mut self, name: &str, at: Span) -> String {
        match (self.options.environment)(name) {
            Some(value) if !value.is_empty() => value,
            _ => {
                self.missing(
                    at,
                    format!("environment variable `{name}` is not set"),
                    "expected a variable with the value",
                    format!("set it before the gateway starts: `export {name}=…`"),
                );
                format!("{MISSING}{name}")
            }
        }
    }

    fn secret_file(&mut self, path: &str, place: Place) -> String {
        let path = self.files.resolve(path);
        match self.files.read(&path) {
            Ok(text) => text.trim_end_matches(['\n', '\r']).to_owned(),
            Err(why) => {
                self.missing_file(place, &path, &why);
                format!("{MISSING}{}", path.display())
            }
        }
    }

    /// A file with a secret that is not there.
    pub(super) fn missing_file(&mut self, place: Place, path: &std::path::Path, why: &str) {
        let at = self.span(place);
        self.missing(
            at,
            format!("{} cannot be read: {why}", path.display()),
            "expected the path of a file, relative to this one",
            String::new(),
        );
    }

    /// The value of a secret in Key Vault.
    pub(super) fn key_vault_secret(&mut self, secret: &At<KeyVaultSecret>, name: &str) -> String {
        let written = &secret.secret_identifier;
        let none = format!("{MISSING}{name}");
        let id = match SecretIdentifier::parse(written) {
            Ok(id) => id,
            Err(why) => {
                let message = format!("`{}` is no secret of Key Vault", written.value);
                self.fault(written.place, message, &why, "");
                return none;
            }
        };
        if let Some(folder) = &self.key_vault.folder {
            // A change of the file is a change of the configuration.
            self.files.watch(&folder.join(&id.name));
        }
        let client = secret.identity_client_id.as_ref().map(|c| c.as_str());
        let secrets = self.options.secrets.clone();
        match secrets.value(&id, client, &self.key_vault, &self.identity) {
            Answer::Value(value, None) => value.expose().to_string(),
            Answer::Value(value, Some(why)) => {
                let at = self.span(written.place);
                let warning = Diagnostic::warning("TG0415", at, why)
                    .label("its last value is used")
                    .help("it is asked for again");
                self.diagnostics.push(warning);
                value.expose().to_string()
            }
            Answer::None(why) => {
                let at = self.span(written.place);
                self.missing(
                    at,
                    format!("the secret has no value: {why}"),
                    "expected a secret that the gateway's identity may read",
                    String::new(),
                );
                none
            }
            // Without a gateway nobody asks.
            Answer::Unasked => none,
        }
    }

    fn missing(&mut self, at: Span, message: String, label: &str, help: String) {
        self.diagnostics.push(Diagnostic {
            code: "TG0408",
            severity: if self.options.missing_secrets {
                Severity::Warning
            } else {
                Severity::Error
            },
            message,
            span: Some(at),
            label: label.to_owned(),
            help: (!help.is_empty()).then_some(help),
            related: Vec::new(),
        });
    }

    /// A value with its `{{named-value}}` tokens replaced.
    pub(super) fn text(&mut self, value: &At<String>) -> String {
        self.expanded(value, value.place)
    }

    /// The same of a text and its place.
    pub(super) fn expanded(&mut self, text: &str, place: Place) -> String {
        self.expand(text, place).0
    }

    /// A URL with its tokens replaced; one that cannot be used is reported and replaced by a stand-in.
    pub(super) fn url(&mut self, value: &At<String>) -> String {
        let (url, complete) = self.expand(value, value.place);
        if !complete {
            return String::from(STAND_IN_URL);
        }
        match BaseUrl::parse(&url, None) {
            Ok(_) => url,
            Err(why) => {
                self.fault(value.place, why, "not usable as a URL", "");
                String::from(STAND_IN_URL)
            }
        }
    }

    /// The text with its tokens replaced, and whether all were known and had a value.
    pub(super) fn expand(&mut self, text: &str, place: Place) -> (String, bool) {
        let mut out = String::new();
        let mut rest = text;
        let mut complete = true;
        while let Some(start) = rest.find("{{") {
            let Some(length) = rest[start..].find("}}") else {
                break;
            };
            let name = rest[start + 2..start + length].trim();
            out.push_str(&rest[..start]);
            complete &= !self.without_value.contains(name);
            let own = self.named_values.get(name);
            match own.or_else(|| self.service.named_values.get(name)) {
                Some(value) => out.push_str(value.value.expose()),
                None => {
                    complete = false;
                    let own = self.named_values.keys();
                    let known = own.chain(self.service.named_values.keys());
                    let help = match nearest(name, known.map(String::as_str)) {
                        Some(near) => format!("did you mean `{{{{{near}}}}}`?"),
                        None => String::from("define it under `namedValues`"),
                    };
                    self.fault(
                        place,
                        format!("there is no named value `{name}`"),
                        "expected the name of one of `namedValues`",
                        help,
                    );
                    out.push_str(name);
                }
            }
            rest = &rest[start + length + 2..];
        }
        out.push_str(rest);
        (out, complete)
    }
}
