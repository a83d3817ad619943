//! Cosmos DB over its REST API: where an account is, and what authorizes a request.
//!
//! `cosmosdb-data-source` uses it. Source: Microsoft, "Access control in the Azure Cosmos DB REST API" and "Common Azure
//! Cosmos DB REST request headers". What must stay true: the account's key does not print and does not leave the gateway.

use crate::definition::Secret;
use crate::failure::Failure;
use crate::snapshot::BaseUrl;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::time::{Duration, SystemTime};
use tollgate_lang::value::Str;

/// The version of the REST API.
pub(crate) const VERSION: &str = "2018-12-31";

/// What stands in a path segment as it is (RFC 3986, 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A connection string.
#[derive(Debug)]
pub(crate) struct Account {
    endpoint: BaseUrl,
    key: Option<Secret>,
}

impl Account {
    /// Reads `AccountEndpoint=...;AccountKey=...`. The error says what is wrong and repeats nothing of it.
    pub(crate) fn parse(text: &str) -> Result<Account, String> {
        // Documents break it over lines.
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let pairs = text.split(';').filter_map(|pair| pair.split_once('='));
        let (mut endpoint, mut key) = (None, None);
        for (name, value) in pairs {
            if name.eq_ignore_ascii_case("AccountEndpoint") {
                // The port that https has anyway, which connection strings write out.
                let value = value.trim_end_matches('/');
                let plain = value.strip_suffix(":443");
                let secure = value.starts_with("https://");
                let value = plain.filter(|_| secure).unwrap_or(value);
                endpoint = Some(BaseUrl::parse(value, None)?);
            } else if name.eq_ignore_ascii_case("AccountKey") {
                key = Some(Secret::new(value));
            }
        }
        let endpoint = endpoint.ok_or("it has no `AccountEndpoint`")?;
        Ok(Account { endpoint, key })
    }

    /// Its host, below which requests go.
    pub(crate) fn origin(&self) -> BaseUrl {
        BaseUrl {
            path: Str::from(""),
            query: None,
            ..self.endpoint.clone()
        }
    }

    /// What a token of the gateway's identity must be for.
    pub(crate) fn resource(&self) -> Str {
        Str::from(format!("https://{}", self.endpoint.origin.host))
    }

    /// `Authorization` by the account's key. `link` is the resource that is asked, `date` the one of `x-ms-date`.
    pub(crate) fn signature(
        &self,
        verb: &str,
        link: &str,
        date: &str,
    ) -> Result<HeaderValue, Box<Failure>> {
        let broken = |why: &str| Failure::internal("", "", format!("The account's key {why}."));
        let key = self.key.as_ref().ok_or_else(|| {
            broken("is missing: the connection string has no `AccountKey`, and `use-managed-identity` is false")
        })?;
        let key = STANDARD.decode(key.expose().as_bytes());
        let key = key.map_err(|_| broken("is not Base64"))?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let text = format!(
            "{}\ndocs\n{link}\n{}\n\n",
            verb.to_ascii_lowercase(),
            date.to_ascii_lowercase()
        );
        let signature = hmac::sign(&key, text.as_bytes());
        authorization("master", &STANDARD.encode(signature.as_ref()))
    }
}

/// `Authorization` of a kind: escaped as a whole, as the service wants it.
pub(crate) fn authorization(kind: &str, signature: &str) -> Result<HeaderValue, Box<Failure>> {
    let text = format!("type={kind}&ver=1.0&sig={signature}");
    let text = utf8_percent_encode(&text, SEGMENT).to_string();
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| Failure::internal("", "", "The authorization cannot be sent."))?;
    value.set_sensitive(true);
    Ok(value)
}

/// `x-ms-date` of a time.
pub(crate) fn date(unix_nanos: u64) -> String {
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_nanos(unix_nanos))
}

/// The documents of a container, or one of them: the path, and the link that is signed.
pub(crate) fn documents(database: &str, container: &str, id: Option<&str>) -> (String, String) {
    let escaped = |text: &str| utf8_percent_encode(text, SEGMENT).to_string();
    let container_link = format!("dbs/{database}/colls/{container}");
    let path = format!(
        "/dbs/{}/colls/{}/docs",
        escaped(database),
        escaped(container)
    );
    match id {
        Some(id) => (
            format!("{path}/{}", escaped(id)),
            format!("{container_link}/docs/{id}"),
        ),
        None => (path, container_link),
    }
}

#[cfg(test)]
mod tests;
