//! The two documents of a provider: its configuration (OpenID Connect Discovery 1.0, section 4) and its keys (RFC 7517).
//!
//! Called by the provider's task. What must stay true: both are bounded; a document that came over TLS names keys that
//! come over TLS; what is wrong is told with the document's URL and without its content.

use crate::endpoint::{Answered, Endpoint};
use http::header;
use serde::Deserialize;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::time::Duration;
use tollgate_engine::LocalBoxFuture;
use tollgate_engine::jwt::{KeySet, MOST_BYTES};
use tollgate_engine::snapshot::BaseUrl;
use tollgate_lang::value::Str;

/// Most bytes of a configuration document.
const LIMIT: usize = 256 << 10;

/// Most bytes of an issuer or a URL.
const LONGEST: usize = 2048;

/// What a provider says of itself.
pub(super) struct Found {
    pub(super) issuer: Str,
    pub(super) keys: KeySet,
    /// Of the key set's text: equal for equal texts, within this process.
    pub(super) digest: u64,
    /// How long the key set may be kept, where its answer says so.
    pub(super) max_age: Option<Duration>,
}

/// Where documents come from.
pub(super) trait Source {
    /// Fetches a provider by the URL of its configuration document. The error says what is wrong, for the operator.
    fn fetch<'a>(&'a self, url: &'a str) -> LocalBoxFuture<'a, Result<Found, String>>;
}

impl Source for Endpoint {
    fn fetch<'a>(&'a self, url: &'a str) -> LocalBoxFuture<'a, Result<Found, String>> {
        Box::pin(async move {
            let configuration = get(self, url, LIMIT).await?;
            let Configuration { issuer, jwks_uri } = Configuration::parse(&configuration.body)
                .map_err(|why| format!("the configuration document {why}"))?;
            may_follow(url, &jwks_uri)?;
            let named = |why: String| format!("its key set {jwks_uri}: {why}");
            let answered = get(self, &jwks_uri, MOST_BYTES).await.map_err(named)?;
            let keys = KeySet::parse(&answered.body).map_err(named)?;
            if keys.keys().is_empty() {
                return Err(named(format!(
                    "no key in it can check a signature ({} cannot)",
                    keys.left_out()
                )));
            }
            static HASHES: LazyLock<RandomState> = LazyLock::new(RandomState::new);
            Ok(Found {
                issuer,
                keys,
                digest: HASHES.hash_one(&answered.body),
                max_age: max_age(&answered.headers),
            })
        })
    }
}

async fn get(endpoint: &Endpoint, url: &str, limit: usize) -> Result<Answered, String> {
    endpoint
        .call(url, &[], None, limit)
        .await
        .map_err(|refused| match refused.status {
            301..=308 => format!(
                "{}: redirects are not followed, name where it leads",
                refused.why
            ),
            _ => refused.why,
        })
}

/// The members of the configuration document that are needed.
struct Configuration {
    issuer: Str,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Written {
    issuer: Option<serde_json::Value>,
    jwks_uri: Option<serde_json::Value>,
}

impl Configuration {
    fn parse(text: &[u8]) -> Result<Configuration, String> {
        let written: Written = serde_json::from_slice(text).map_err(|e| {
            format!(
                "is not a JSON object: {:?} at line {}",
                e.classify(),
                e.line()
            )
        })?;
        let member = |name: &str, value: Option<serde_json::Value>| match value {
            Some(serde_json::Value::String(text)) if !text.is_empty() && text.len() <= LONGEST => {
                Ok(text)
            }
            Some(_) => Err(format!(
                "has an `{name}` that is not a text of 1 to {LONGEST} bytes"
            )),
            None => Err(format!("has no `{name}`")),
        };
        Ok(Configuration {
            issuer: Str::from(member("issuer", written.issuer)?),
            jwks_uri: member("jwks_uri", written.jwks_uri)?,
        })
    }
}

/// Who could change the answer of a URL without TLS could bring keys of their own: only a document that came that way
/// itself, which somebody wrote into a policy, may lead to one.
fn may_follow(from: &str, to: &str) -> Result<(), String> {
    let wrong = |why: String| format!("the configuration document's `jwks_uri`: {why}");
    let secure = |url: &str| BaseUrl::parse(url, None).map(|base| base.origin.tls.is_some());
    if secure(to).map_err(wrong)? || !secure(from)? {
        Ok(())
    } else {
        Err(wrong(format!("{to} is not https, and the document is")))
    }
}

/// `Cache-Control: max-age` less `Age`; zero for what must not be stored (RFC 9111, sections 4.2 and 5.2).
fn max_age(headers: &http::HeaderMap) -> Option<Duration> {
    let mut seconds: Option<u64> = None;
    for value in headers.get_all(header::CACHE_CONTROL) {
        for directive in value.to_str().unwrap_or("").split(',') {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" | "no-cache" => seconds = Some(0),
                "max-age" if seconds != Some(0) => {
                    seconds = argument.trim().trim_matches('"').parse().ok().or(seconds);
                }
                _ => {}
            }
        }
    }
    let age = headers.get(header::AGE);
    let age = age.and_then(|age| age.to_str().ok()?.trim().parse::<u64>().ok());
    seconds.map(|s| Duration::from_secs(s.saturating_sub(age.unwrap_or(0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(text: &str) -> Result<(String, String), String> {
        let read = Configuration::parse(text.as_bytes())?;
        Ok((read.issuer.to_string(), read.jwks_uri))
    }

    #[test]
    fn the_issuer_is_a_text_and_there_are_keys() {
        let good =
            r#"{"issuer":"https://login.test/","jwks_uri":"https://login.test/keys","x":[1]}"#;
        assert_eq!(
            configuration(good),
            Ok((
                "https://login.test/".into(),
                "https://login.test/keys".into()
            ))
        );
        for (text, why) in [
            (r#"{"jwks_uri":"https://a/"}"#, "has no `issuer`"),
            (r#"{"issuer":"a"}"#, "has no `jwks_uri`"),
            (
                r#"{"issuer":["a"],"jwks_uri":"https://a/"}"#,
                "has an `issuer` that is not a text of 1 to 2048 bytes",
            ),
            (
                r#"{"issuer":"","jwks_uri":"https://a/"}"#,
                "has an `issuer` that is not a text of 1 to 2048 bytes",
            ),
            ("[]", "is not a JSON object: Data at line 1"),
            ("<html>", "is not a JSON object: Syntax at line 1"),
        ] {
            assert_eq!(configuration(text), Err(why.to_owned()), "{text}");
        }
        let long = format!(
            r#"{{"issuer":"a","jwks_uri":"https://{}/"}}"#,
            "a".repeat(LONGEST)
        );
        assert!(configuration(&long).is_err());
    }

    #[test]
    fn keys_come_no_less_securely_than_what_names_them() {
        assert!(may_follow("https://a.test/x", "https://b.test/keys").is_ok());
        assert!(may_follow("http://127.0.0.1:1/x", "http://127.0.0.1:1/keys").is_ok());
        assert!(may_follow("http://a.test/x", "https://a.test/keys").is_ok());
        assert!(may_follow("https://a.test/x", "http://a.test/keys").is_err());
        for url in ["file:///etc/passwd", "/keys", "", "https://"] {
            assert!(may_follow("http://a.test/x", url).is_err(), "{url}");
        }
    }

    #[test]
    fn cache_control_is_read() {
        let age = |lines: &[(&'static str, &str)]| {
            let mut headers = http::HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, value.parse().unwrap());
            }
            max_age(&headers).map(|d| d.as_secs())
        };
        assert_eq!(age(&[]), None);
        assert_eq!(
            age(&[("cache-control", "max-age=86400, private")]),
            Some(86400)
        );
        assert_eq!(
            age(&[("cache-control", "public, Max-Age=\"60\""), ("age", "20")]),
            Some(40)
        );
        assert_eq!(
            age(&[("cache-control", "max-age=9"), ("age", "20")]),
            Some(0)
        );
        assert_eq!(age(&[("cache-control", "no-store, max-age=60")]), Some(0));
        assert_eq!(
            age(&[("cache-control", "private"), ("cache-control", "max-age=x")]),
            None
        );
    }
}
