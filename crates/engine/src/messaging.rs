//! Azure's messaging services over HTTP: what `send-service-bus-message` and the loggers of `log-to-eventhub` share.
//!
//! Source: REST reference of Service Bus (send message batch) and Event Hubs (send batch events), and "Generate SAS
//! token". What must stay true: a key or token is on the wire only, and marked sensitive there.

use crate::definition::Secret;
use crate::failure::Failure;
use crate::policies::authentication_managed_identity::Wanted;
use crate::services::Services;
use crate::side_request::Prepared;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use percent_encoding::utf8_percent_encode;
use serde_json::Value;
use std::time::Duration;
use tollgate_agents::operation::template::VALUE;
use tollgate_lang::value::Str;

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long a shared access signature is good for.
const SIGNED_SECONDS: u64 = 3600;
/// The answer is read this far.
const MOST_ANSWER: usize = 64 << 10;

/// How a call shows who it is.
#[derive(Clone, Debug)]
pub(crate) enum Credential {
    /// A token of the gateway's identity.
    Identity {
        /// What the token is for.
        resource: Str,
        /// A user-assigned identity.
        client_id: Option<Str>,
    },
    /// A shared access key: its name and itself.
    SharedAccessKey(Str, Secret),
}

/// The URL of an entity: `namespace` is a host name or a base URL, of which `sb://` is HTTPS.
pub(crate) fn url(namespace: &str, path: &[&str]) -> String {
    let namespace = namespace.trim().trim_end_matches('/');
    let mut url = match namespace.split_once("://") {
        Some((scheme, host)) if scheme.eq_ignore_ascii_case("sb") => format!("https://{host}"),
        Some(_) => String::from(namespace),
        None => format!("https://{namespace}"),
    };
    for part in path {
        // Names of entities may have several segments.
        for segment in part.trim().split('/') {
            url.push('/');
            url.extend(utf8_percent_encode(segment, VALUE));
        }
    }
    url
}

/// A call that gives messages to an entity.
pub(crate) fn batch(
    url: &str,
    messages: &[Value],
    credential: &Credential,
    services: &Services,
) -> Prepared {
    let body = serde_json::to_vec(messages).unwrap_or_default();
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/vnd.microsoft.servicebus.json"),
    );
    let body = Bytes::from(body);
    match credential {
        Credential::Identity {
            resource,
            client_id,
        } => Prepared::post(url, headers, body, TIMEOUT)
            .identified(Wanted::new(resource.clone(), client_id.clone())),
        Credential::SharedAccessKey(name, key) => {
            let now = services.clock.unix_millis() / 1000;
            let signature = signature(url, name, key, now.saturating_add(SIGNED_SECONDS));
            if let Ok(mut value) = HeaderValue::try_from(signature) {
                value.set_sensitive(true);
                headers.insert(header::AUTHORIZATION, value);
            }
            Prepared::post(url, headers, body, TIMEOUT)
        }
    }
}

/// A shared access signature for a URL.
fn signature(url: &str, name: &str, key: &Secret, expires: u64) -> String {
    let resource = utf8_percent_encode(url, VALUE).to_string();
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes());
    let signed = hmac::sign(&key, format!("{resource}\n{expires}").as_bytes());
    let signed = STANDARD.encode(signed);
    format!(
        "SharedAccessSignature sr={resource}&sig={}&se={expires}&skn={}",
        utf8_percent_encode(&signed, VALUE),
        utf8_percent_encode(name, VALUE)
    )
}

/// Why a call did not deliver.
#[derive(Debug)]
pub(crate) struct Undelivered {
    /// Whether the same call may succeed later.
    pub(crate) transient: bool,
    /// What happened.
    pub(crate) failure: Box<Failure>,
}

/// Sends it; `service` says whom, for people.
pub(crate) async fn deliver(
    request: Prepared,
    services: &Services,
    service: &str,
) -> Result<(), Undelivered> {
    let answer = request
        .send(services, MOST_ANSWER)
        .await
        .map_err(|failure| Undelivered {
            transient: true,
            failure,
        })?;
    if answer.status.is_success() {
        return Ok(());
    }
    let status = answer.status;
    let detail = String::from_utf8_lossy(&answer.body);
    let detail: String = detail.trim().chars().take(500).collect();
    Err(Undelivered {
        transient: status.is_server_error() || matches!(status.as_u16(), 408 | 429),
        failure: Failure::internal("", "", format!("{service} answered {status}. {detail}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_a_host_or_a_url() {
        let entity = |namespace| url(namespace, &["a b/c", "messages"]);
        let expected = "https://n.servicebus.windows.net/a%20b/c/messages";
        assert_eq!(entity("n.servicebus.windows.net"), expected);
        assert_eq!(entity("sb://n.servicebus.windows.net/"), expected);
        assert_eq!(entity(" https://n.servicebus.windows.net "), expected);
        assert_eq!(
            entity("http://localhost:5300"),
            "http://localhost:5300/a%20b/c/messages"
        );
    }

    /// Against the token that the reference's Python sample makes of the same input.
    #[test]
    fn a_signature_is_the_references() {
        let key = Secret::new("c2VjcmV0IGtleQ==");
        let signature = signature(
            "https://ns.servicebus.windows.net/hub",
            "send",
            &key,
            1_800_000_000,
        );
        assert_eq!(signature, EXPECTED);
    }

    const EXPECTED: &str = "SharedAccessSignature sr=https%3A%2F%2Fns.servicebus.windows.net%2Fhub&sig=NNUstrL7We%2BVLomcV3oFMOI2YPL7aRCiiNvkIyR4Gk4%3D&se=1800000000&skn=send";
}
