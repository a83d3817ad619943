//! Where secrets of the configuration come from that it only refers to: Key Vault, as a folder or over its REST API.
//!
//! `control` asks while it loads; a folder of files is its own, the REST API is in `proxy`. What must stay true: a name
//! is what Key Vault takes as one, so it cannot lead out of a folder or a URL; nothing here prints a secret.

use crate::definition::Secret;

/// `https://{vault}/secrets/{name}` or `.../{name}/{version}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretIdentifier {
    /// Scheme and authority, without a `/` at the end.
    pub vault: String,
    /// The secret's name.
    pub name: String,
    /// Its version; `None`: the newest.
    pub version: Option<String>,
}

/// Longest name, as in Key Vault.
const LONGEST_NAME: usize = 127;

impl SecretIdentifier {
    /// Reads an identifier. The error says what was expected.
    pub fn parse(text: &str) -> Result<SecretIdentifier, String> {
        const EXPECTED: &str =
            "expected `https://{vault}.vault.azure.net/secrets/{name}`, with or without a version";
        let uri: http::Uri = text.trim().parse().map_err(|_| String::from(EXPECTED))?;
        let authority = uri.authority().ok_or(EXPECTED)?;
        let loopback = matches!(authority.host(), "localhost" | "127.0.0.1" | "[::1]");
        match uri.scheme_str() {
            Some("https") => {}
            // The gateway's token goes there.
            Some("http") if loopback => {}
            _ => return Err(String::from(EXPECTED)),
        }
        let mut parts = uri.path().trim_matches('/').split('/');
        let (kind, name) = (parts.next(), parts.next().unwrap_or_default());
        let version = parts.next();
        let plain = |text: &str| {
            (1..=LONGEST_NAME).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let fits = kind.is_some_and(|kind| kind.eq_ignore_ascii_case("secrets"))
            && plain(name)
            && version.is_none_or(plain)
            && parts.next().is_none();
        if !fits {
            return Err(String::from(EXPECTED));
        }
        Ok(SecretIdentifier {
            vault: format!("{}://{authority}", uri.scheme_str().unwrap_or("https")),
            name: name.to_owned(),
            version: version.map(str::to_owned),
        })
    }
}

impl std::fmt::Display for SecretIdentifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/secrets/{}", self.vault, self.name)?;
        match &self.version {
            Some(version) => write!(f, "/{version}"),
            None => Ok(()),
        }
    }
}

/// Gives secrets by their identifiers.
pub trait Vault: Send + Sync {
    /// The secret's value, read now. Blocks, for at most the vault's own deadline. `client_id`: a user-assigned identity
    /// to ask with. The error says why there is none, without secrets.
    fn secret(&self, id: &SecretIdentifier, client_id: Option<&str>) -> Result<Secret, String>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers() {
        let parsed = |text: &str| SecretIdentifier::parse(text).map(|id| id.to_string()).ok();
        for (text, expected) in [
            (
                "https://v.vault.azure.net/secrets/a-b",
                Some("https://v.vault.azure.net/secrets/a-b"),
            ),
            (
                "https://v.vault.azure.net/Secrets/a/",
                Some("https://v.vault.azure.net/secrets/a"),
            ),
            ("https://v/secrets/a/0f1e", Some("https://v/secrets/a/0f1e")),
            (
                "http://127.0.0.1:9/secrets/a",
                Some("http://127.0.0.1:9/secrets/a"),
            ),
            ("http://v.vault.azure.net/secrets/a", None),
            ("https://v/secrets/../a", None),
            ("https://v/secrets/a%2Fb", None),
            ("https://v/keys/a", None),
            ("https://v/secrets/a/b/c", None),
            ("https://v/secrets/", None),
            ("a", None),
        ] {
            assert_eq!(parsed(text).as_deref(), expected, "{text}");
        }
    }
}
