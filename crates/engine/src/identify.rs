//! Who calls: subscription keys.
//!
//! Order and answers as API Management's: header, then query; a key that is given must be good even where none is
//! needed; without one an open product or an open API lets the call through. What must stay true: a look-up by
//! keyed hash, then a comparison that takes the same time wherever the texts differ.

use crate::budget::ChildKey;
use crate::definition::{Secret, SubscriptionDefinition};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::routing;
use crate::snapshot::{Scope, Snapshot, Subscription};
use http::{HeaderValue, StatusCode, header};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use tollgate_lang::{Diagnostic, Diagnostics, Severity};

/// Keys of all subscriptions.
#[derive(Default)]
pub struct Keys {
    hasher: RandomState,
    by_hash: HashMap<u64, SmallVec<[(u32, Secret); 1]>>,
}

impl Keys {
    /// Indexes the keys; a key that two subscriptions share is a fault.
    pub fn build(
        subscriptions: &[Subscription],
        definitions: &[SubscriptionDefinition],
        diagnostics: &mut Diagnostics,
    ) -> Keys {
        let mut keys = Keys::default();
        for (index, subscription) in subscriptions.iter().enumerate() {
            for key in std::iter::once(&subscription.primary_key).chain(&subscription.secondary_key)
            {
                let owner = keys.find(key.expose());
                if key.expose().is_empty() || owner.is_some() {
                    let message = match owner {
                        None => format!("subscription `{}` has an empty key", subscription.id),
                        Some(other) => format!(
                            "subscriptions `{}` and `{}` have the same key",
                            subscriptions[other as usize].id, subscription.id
                        ),
                    };
                    diagnostics.push(Diagnostic {
                        code: "TG0301",
                        severity: Severity::Error,
                        message,
                        span: definitions[index].span,
                        label: String::new(),
                        help: Some(String::from("a key names one subscription")),
                        related: Vec::new(),
                    });
                    continue;
                }
                let hash = keys.hasher.hash_one(&**key.expose());
                keys.by_hash
                    .entry(hash)
                    .or_default()
                    .push((u32::try_from(index).unwrap_or(u32::MAX), key.clone()));
            }
        }
        keys
    }

    /// The subscription of a key.
    pub fn find(&self, key: &str) -> Option<u32> {
        let candidates = self.by_hash.get(&self.hasher.hash_one(key))?;
        candidates
            .iter()
            .find(|(_, secret)| same(secret.expose().as_bytes(), key.as_bytes()))
            .map(|(index, _)| *index)
    }
}

/// Compares without telling by time where two texts differ.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0u8, |acc, (x, y)| acc | (x ^ y)) == 0
}

/// Finds the subscription and with it product and owner, or says why the call is refused.
pub fn identify(rq: &mut Exchange, snapshot: &Snapshot) -> Result<(), Box<Failure>> {
    let Some(api_index) = rq.api else {
        return Ok(());
    };
    let api = &snapshot.apis[api_index as usize];
    let found = match rq.request.headers.get(&api.key_header) {
        // The subscription's own copy of the key is kept, not a new one.
        Some(value) => Some(value.to_str().ok().and_then(|k| find(rq, snapshot, k))),
        None => rq
            .request
            .path_and_query
            .query()
            .and_then(|q| routing::query_value(q, &api.key_query))
            .map(|k| find(rq, snapshot, &k)),
    };
    match found {
        Some(Some((index, key, child))) => {
            let subscription = &snapshot.subscriptions[index as usize];
            let (opens, product) = match subscription.scope {
                Scope::AllApis => (subscription.workspace == api.workspace, None),
                Scope::Api(only) => (only == api.root, None),
                Scope::Product(product) => (api.products.contains(&product), Some(product)),
            };
            if !subscription.active || !opens {
                return Err(invalid(rq, snapshot, api_index));
            }
            rq.subscription = Some(index);
            rq.product = product;
            rq.key = Some(Secret::new(key));
            rq.child_key = child;
            Ok(())
        }
        Some(None) => Err(invalid(rq, snapshot, api_index)),
        None if api.open_product.is_some() => {
            rq.product = api.open_product;
            Ok(())
        }
        None if !api.subscription_required => Ok(()),
        None => Err(Failure::refused(
            "authorization",
            "SubscriptionKeyNotFound",
            StatusCode::UNAUTHORIZED,
            "Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API.",
        )
        .header(header::WWW_AUTHENTICATE, challenge(rq, snapshot, api_index))),
    }
}

/// The subscription of a key, which may be a child key.
fn find(rq: &Exchange, snapshot: &Snapshot, key: &str) -> Option<Found> {
    if let Some(index) = snapshot.keys.find(key) {
        return Some((index, Arc::from(key), None));
    }
    let now = rq.services.clock.unix_millis();
    let child = rq.services.budgets.keys.find(key, now)?;
    let index = snapshot.budgets.subscription(&child.subscription)?;
    Some((index, Arc::from(key), Some(child)))
}

/// A subscription, the key that it was found by, and the child key that this is.
type Found = (u32, Arc<str>, Option<Arc<ChildKey>>);

fn invalid(rq: &Exchange, snapshot: &Snapshot, api: u32) -> Box<Failure> {
    Failure::refused(
        "authorization",
        "SubscriptionKeyInvalid",
        StatusCode::UNAUTHORIZED,
        "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription.",
    )
    .header(header::WWW_AUTHENTICATE, challenge(rq, snapshot, api))
}

fn challenge(rq: &Exchange, snapshot: &Snapshot, api: u32) -> HeaderValue {
    let api = &snapshot.apis[api as usize];
    let (scheme, host, path, name) = (
        rq.request.scheme,
        &rq.request.authority,
        &api.path,
        api.key_header.as_str(),
    );
    let name = if name == "ocp-apim-subscription-key" {
        "Ocp-Apim-Subscription-Key"
    } else {
        name
    };
    HeaderValue::try_from(format!(
        r#"AzureApiManagementKey realm="{scheme}://{host}/{path}",name="{name}",type="header""#
    ))
    .unwrap_or_else(|_| HeaderValue::from_static("AzureApiManagementKey"))
}
