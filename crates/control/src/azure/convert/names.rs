//! Names in resource ids, and what resources are called for people.

use crate::azure::Resource;

/// The last segment of a resource id, or the name itself.
pub(super) fn last(reference: &str) -> &str {
    let reference = reference.trim_end_matches('/');
    reference.rsplit('/').next().unwrap_or(reference)
}

/// A resource id below the service: without `/subscriptions/.../service/{name}`.
pub(super) fn below_service(reference: &str) -> &str {
    let lower = reference.to_ascii_lowercase();
    let Some(at) = lower.find("/microsoft.apimanagement/service/") else {
        return reference;
    };
    let name = at + "/microsoft.apimanagement/service/".len();
    let rest = reference.get(name..).unwrap_or_default();
    rest.find('/').map_or("/", |slash| &rest[slash..])
}

/// Why a resource of a kind that nothing here reads is left out.
pub(super) fn no_effect(resource: &Resource) -> String {
    let name = resource.name();
    let outer = resource.outer();
    match resource.kind.as_str() {
        "tags" => format!("tag `{name}` has no effect"),
        "gateways" => {
            format!("self-hosted gateway `{name}` has no effect: this gateway serves all APIs")
        }
        "gateways/apis" => {
            format!("gateway `{outer}` serves API `{name}`: no effect, all APIs are served")
        }
        "diagnostics" => format!(
            "diagnostic `{name}` has no effect: `gateway.logs` and the management address say what is logged and counted"
        ),
        "apis/diagnostics" => format!(
            "diagnostic `{name}` of API `{outer}` has no effect: `gateway.logs` and the management address say what is logged and counted"
        ),
        "tags/apis" | "tags/products" | "tags/operations" => {
            format!("tag `{outer}` of `{name}` has no effect")
        }
        "apis/tags" | "products/tags" | "apis/operations/tags" => {
            format!("tag `{name}` of `{outer}` has no effect")
        }
        "caches" => {
            format!("cache `{name}` has no effect: values and responses are cached in memory")
        }
        kind if kind.starts_with("authorizationproviders") => format!(
            "`{name}` of {kind} has no effect: write its token under `authorizationProviders`"
        ),
        kind => format!("`{name}` of {kind} has no effect"),
    }
}
