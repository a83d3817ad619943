//! Session affinity: a cookie that brings a caller back to the member of a pool that served it.
//!
//! The cookie's value is a keyed hash of pool and member: it tells nothing of either, and nobody can make one up to get
//! at a member of their choice.

use crate::definition::SessionAffinity;
use crate::snapshot::BackendIndex;
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, header};
use std::sync::LazyLock;
use tollgate_lang::value::Str;

/// Bytes of the hash that the cookie carries: none can be guessed.
const TAG: usize = 16;

/// The key of pools that have none of their own, until the process ends.
static RANDOM: LazyLock<[u8; 32]> = LazyLock::new(|| {
    let mut key = [0; 32];
    rand::fill(&mut key).expect("the system has random numbers");
    key
});

/// A pool's affinity, made ready.
#[derive(Debug)]
pub struct Affinity {
    cookie: Str,
    /// Each member's value.
    tags: Vec<(BackendIndex, String)>,
}

impl Affinity {
    /// Of this pool and these members. The error says what is wrong with the cookie's name.
    pub fn new(
        pool: &str,
        definition: &SessionAffinity,
        members: impl Iterator<Item = (BackendIndex, Str)>,
    ) -> Result<Affinity, String> {
        let token = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c);
        let name = &definition.cookie;
        if name.is_empty() || !name.bytes().all(token) {
            return Err(format!("`{name}` is not a cookie's name"));
        }
        let key = match &definition.key {
            Some(key) => hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes()),
            None => hmac::Key::new(hmac::HMAC_SHA256, &*RANDOM),
        };
        let tags = members
            .map(|(index, member)| {
                let mut context = hmac::Context::with_key(&key);
                for part in [pool, &member] {
                    context.update(&(part.len() as u64).to_le_bytes());
                    context.update(part.as_bytes());
                }
                let tag = URL_SAFE_NO_PAD.encode(&context.sign().as_ref()[..TAG]);
                (index, tag)
            })
            .collect();
        Ok(Affinity {
            cookie: name.clone(),
            tags,
        })
    }

    /// The member that the request's cookie names.
    pub fn member(&self, headers: &HeaderMap) -> Option<BackendIndex> {
        let mut found = None;
        for value in headers.get_all(header::COOKIE) {
            for pair in value.as_bytes().split(|byte| *byte == b';') {
                let pair = pair.trim_ascii();
                let value = pair
                    .strip_prefix(self.cookie.as_bytes())
                    .and_then(|rest| rest.strip_prefix(b"="));
                if let Some(value) = value {
                    found = found.or_else(|| self.named(value));
                }
            }
        }
        found
    }

    fn named(&self, value: &[u8]) -> Option<BackendIndex> {
        self.tags
            .iter()
            .find(|(_, tag)| crate::identify::same(tag.as_bytes(), value))
            .map(|(index, _)| *index)
    }

    /// `Set-Cookie` for a session that is now at this member.
    pub fn set_cookie(&self, member: BackendIndex, secure: bool) -> Option<HeaderValue> {
        let (_, tag) = self.tags.iter().find(|(index, _)| *index == member)?;
        let secure = if secure { "; Secure" } else { "" };
        let text = format!(
            "{}={tag}; Path=/; HttpOnly; SameSite=Lax{secure}",
            self.cookie
        );
        HeaderValue::try_from(text).ok()
    }
}

#[cfg(test)]
mod tests;
