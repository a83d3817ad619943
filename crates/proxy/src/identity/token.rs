//! Token answers, as the different sources write them.

use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tollgate_engine::definition::Secret;
use tollgate_engine::services::IdentityToken;

/// A token and when to fetch the next.
pub(crate) struct Fetched {
    pub(crate) token: Arc<IdentityToken>,
    pub(crate) refresh_in: Duration,
}

/// The answer of a token endpoint. IMDS and App Service write numbers as text.
#[derive(Deserialize)]
pub(crate) struct TokenAnswer {
    access_token: SecretText,
    #[serde(default)]
    expires_in: Option<Number>,
    #[serde(default)]
    expires_on: Option<Number>,
    #[serde(default)]
    refresh_in: Option<Number>,
}

/// Text that goes into a [`Secret`] at once.
struct SecretText(Secret);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|s| SecretText(Secret::new(s)))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u64),
    Text(String),
}

impl Number {
    fn value(&self) -> Option<u64> {
        match self {
            Number::Number(n) => Some(*n),
            Number::Text(t) => t.trim().parse().ok(),
        }
    }
}

/// Shorter-lived tokens are refreshed this long before their end.
const AHEAD: u64 = 300;

/// Tokens that live this long are refreshed at half their life.
const LONG_LIVED: u64 = 7200;

impl TokenAnswer {
    /// The token, with `now` in Unix seconds.
    pub(crate) fn into_token(self, now: u64) -> Result<Fetched, String> {
        let number = |n: &Option<Number>| n.as_ref().and_then(Number::value);
        let lifetime = number(&self.expires_in)
            .or_else(|| number(&self.expires_on).map(|at| at.saturating_sub(now)))
            .ok_or("the token answer does not say when the token ends")?;
        let refresh_in = number(&self.refresh_in)
            .filter(|r| *r < lifetime)
            .unwrap_or(if lifetime >= LONG_LIVED {
                lifetime / 2
            } else {
                lifetime.saturating_sub(AHEAD).max(lifetime * 4 / 5)
            });
        let token = self.access_token.0;
        let mut header = http::HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .map_err(|_| "the token holds characters that a header cannot carry")?;
        header.set_sensitive(true);
        Ok(Fetched {
            token: Arc::new(IdentityToken {
                token,
                header,
                expires: now.saturating_add(lifetime),
            }),
            refresh_in: Duration::from_secs(refresh_in.max(1)),
        })
    }
}
