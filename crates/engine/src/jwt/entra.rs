//! Issuers of Microsoft Entra ID: one for each tenant, in the forms of its v1 and v2 endpoints.
//!
//! Called by [`super::validation`]. Source: Microsoft, "Access tokens in the Microsoft identity platform", "Validate the
//! issuer". What must stay true: `{tenantid}` stands for the token's own `tid` and for nothing that is no tenant id.

use super::Key;
use super::verified::Verified;
use crate::services::OpenIdProvider;

/// What stands for the tenant's id in the issuer of `common`, `organizations` and `consumers`.
const TEMPLATE: &str = "{tenantid}";

/// The tenant of personal accounts.
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// Issuers of v1 tokens: the worldwide and the US Government cloud, and the one in China.
const V1: [&str; 2] = ["https://sts.windows.net/", "https://sts.chinacloudapi.cn/"];

/// Whether an id is written as one: 32 hex digits in groups.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// Whether a text can stand in a URL as a tenant: an id, a domain, or `common`, `organizations`, `consumers`.
pub(super) fn is_tenant(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
        && !text.split('.').any(str::is_empty)
}

/// The tenant that a token says it is of.
fn tid(verified: &Verified) -> Option<&str> {
    let tid = verified.claims.texts("tid").first()?;
    is_id(tid).then_some(tid)
}

/// Whether a text is a template filled with a tenant's id.
fn filled(template: &str, tid: &str, text: &str) -> bool {
    match template.split_once(TEMPLATE) {
        Some((before, after)) => text
            .strip_prefix(before)
            .and_then(|t| t.strip_suffix(after))
            .is_some_and(|middle| middle.eq_ignore_ascii_case(tid)),
        None => template == text,
    }
}

/// Whether the provider's issuer is a template, and the token's issuer is its own tenant's.
pub(super) fn template_fits(verified: &Verified, provider: &OpenIdProvider) -> bool {
    let Some(issuer) = &verified.claims.issuer else {
        return false;
    };
    provider.issuer.contains(TEMPLATE)
        && tid(verified).is_some_and(|tid| filled(&provider.issuer, tid, issuer))
}

/// Whether the key may sign for the token's issuer. Entra ID says for each key which issuer it is of, since keys of
/// personal accounts stand in the same set as those of organizations.
pub(super) fn key_fits(verified: &Verified, provider: &OpenIdProvider, key: &Key) -> bool {
    let Some(of) = key.issuer() else {
        return true;
    };
    if verified.claims.issuer.as_deref() == Some(of) {
        return true;
    }
    let Some(tid) = tid(verified) else {
        return false;
    };
    // A v1 token has another issuer than the key: then the key must be of the tenant that the provider speaks for.
    let v2 = provider.issuer.replace(TEMPLATE, tid);
    filled(of, tid, &v2)
        || verified
            .claims
            .issuer
            .as_deref()
            .is_some_and(|issuer| filled(of, tid, issuer))
}

/// Whether Entra ID issued the token for this tenant (an id, a domain or `common` and the like), by the provider's
/// configuration.
pub(super) fn issued(verified: &Verified, provider: &OpenIdProvider, tenant: Option<&str>) -> bool {
    let Some(issuer) = verified.claims.issuer.as_deref() else {
        return false;
    };
    let Some(tid) = tid(verified) else {
        return false;
    };
    let tenant = tenant.map(str::trim).unwrap_or("common");
    let consumer = tid.eq_ignore_ascii_case(CONSUMERS);
    let of_tenant = match tenant {
        t if is_id(t) => t.eq_ignore_ascii_case(tid),
        t if t.eq_ignore_ascii_case("common") => true,
        t if t.eq_ignore_ascii_case("organizations") => !consumer,
        t if t.eq_ignore_ascii_case("consumers") => consumer,
        // A domain: the provider says which tenant it is of.
        _ => provider
            .issuer
            .split('/')
            .any(|part| part.eq_ignore_ascii_case(tid)),
    };
    let of_provider = provider.issuer.contains(TEMPLATE)
        || provider
            .issuer
            .split('/')
            .any(|part| part.eq_ignore_ascii_case(tid));
    let v1 = |base: &&str| {
        issuer
            .strip_prefix(*base)
            .and_then(|t| t.strip_suffix('/'))
            .is_some_and(|t| t.eq_ignore_ascii_case(tid))
    };
    // Where another server stands for Entra ID, its v1 issuer is the v2 one without the version.
    let same = provider
        .issuer
        .strip_suffix("v2.0")
        .filter(|i| i.ends_with('/'));
    of_tenant
        && of_provider
        && verified
            .key_in(&provider.keys)
            .is_some_and(|key| key_fits(verified, provider, key))
        && (filled(&provider.issuer, tid, issuer)
            || same.is_some_and(|same| filled(same, tid, issuer))
            || V1.iter().any(v1))
}

#[cfg(test)]
mod tests {
    use super::{filled, is_id, is_tenant};

    #[test]
    fn a_tenant_is_an_id_a_domain_or_a_word() {
        assert!(is_id("9188040d-6c67-4c5b-b112-36a304b66dad"));
        assert!(!is_id("9188040d-6c67-4c5b-b112-36a304b66da/"));
        assert!(!is_id("common"));
        assert!(is_tenant("contoso.onmicrosoft.com"));
        assert!(is_tenant("organizations"));
        for bad in ["", "a/b", "..", "a..b", "a?b", "{tenantid}", "a%2fb"] {
            assert!(!is_tenant(bad), "{bad}");
        }
    }

    #[test]
    fn a_template_takes_the_tenant_and_nothing_else() {
        let template = "https://login.test/{tenantid}/v2.0";
        assert!(filled(template, "A1", "https://login.test/a1/v2.0"));
        assert!(!filled(template, "a1", "https://login.test/a1/v2.0/"));
        assert!(!filled(template, "a1", "https://login.test/b1/v2.0"));
        assert!(filled("https://a", "x", "https://a"));
    }
}
