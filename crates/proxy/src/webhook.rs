//! Posts to webhooks, signed as Standard Webhooks says (standardwebhooks.com): statements, notices.
//!
//! Called by `notifications` (budgets) and by `tollgate statement --webhook`. What must stay true: the id of a message stays the same when it is sent
//! again, so that a receiver can count it once; a call has a deadline; a failure says no secret.

#[cfg(test)]
mod tests;

use crate::endpoint::Endpoint;
use crate::upstream::ClientTls;
use aws_lc_rs::hmac;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use std::sync::Arc;
use std::time::Duration;
use tollgate_engine::definition::Secret;

/// Most time for one post.
const DEADLINE: Duration = Duration::from_secs(10);

/// Most bytes of an answer; it is not read but for the words of an error.
const LIMIT: usize = 64 << 10;

/// What is posted.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// `webhook-id`: the same whenever this message is sent.
    pub id: &'a str,
    /// `webhook-timestamp`: when it is sent, Unix seconds.
    pub at: u64,
    /// `content-type`: a form of JSON.
    pub content_type: &'a str,
    /// JSON.
    pub body: &'a str,
}

/// A client of webhooks.
pub struct Webhooks {
    tls: Arc<ClientTls>,
}

impl Default for Webhooks {
    fn default() -> Self {
        Webhooks {
            tls: Arc::new(ClientTls::new()),
        }
    }
}

/// The value of `webhook-signature`: `v1,` and the HMAC with SHA-256 of id, time and body. A secret that begins with
/// `whsec_` is base64, as the specification writes them; any other is taken as it is.
#[must_use]
pub fn signature(secret: &Secret, message: &Message<'_>) -> String {
    let text = secret.expose();
    let decoded = text
        .strip_prefix("whsec_")
        .and_then(|encoded| BASE64_STANDARD.decode(encoded).ok());
    let key = decoded.as_deref().unwrap_or(text.as_bytes());
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut context = hmac::Context::with_key(&key);
    context.update(format!("{}.{}.", message.id, message.at).as_bytes());
    context.update(message.body.as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(context.sign()))
}

impl Webhooks {
    /// Posts once. Any 2xx is a success. Needs a runtime with a `LocalSet`.
    ///
    /// # Errors
    /// What happened, and whether another try may help (no answer, 408, 429, 5xx).
    pub async fn post(
        &self,
        url: &str,
        secret: Option<&Secret>,
        message: &Message<'_>,
    ) -> Result<(), (String, bool)> {
        send(&Endpoint::new(self.tls.clone()), url, secret, message).await
    }
}

/// The same with a client that is there.
pub(crate) async fn send(
    endpoint: &Endpoint,
    url: &str,
    secret: Option<&Secret>,
    message: &Message<'_>,
) -> Result<(), (String, bool)> {
    let at = message.at.to_string();
    let signature = secret.map(|secret| signature(secret, message));
    let mut headers = vec![
        ("content-type", message.content_type),
        ("webhook-id", message.id),
        ("webhook-timestamp", &*at),
    ];
    if let Some(signature) = &signature {
        headers.push(("webhook-signature", signature));
    }
    let call = endpoint.call(url, &headers, Some(message.body.to_owned()), LIMIT);
    match tokio::time::timeout(DEADLINE, call).await {
        Err(_) => Err((format!("no answer within {DEADLINE:?}"), true)),
        Ok(Ok(_)) => Ok(()),
        // Any success will do.
        Ok(Err(refused)) if (200..300).contains(&refused.status) => Ok(()),
        Ok(Err(refused)) => Err((refused.why, matches!(refused.status, 0 | 408 | 429 | 500..))),
    }
}
