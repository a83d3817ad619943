//! Entry points for fuzzing: any bytes go in, and what must hold for every input is asserted.
//!
//! `fuzz/` calls them with coverage guidance, the property tests at the end with random data.

#[cfg(test)]
mod tests;

use crate::definition::{ApiDefinition, ApiKind, Definition, OperationDefinition, Protocol};
use crate::jwt::{self, Key, KeySet, MOST_KEYS, VerifiedTokens};
use crate::routing::{self, Matched};
use crate::snapshot::{BaseUrl, build};
use crate::upstream::resolve;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method};
use std::sync::{Arc, LazyLock};
use tollgate_lang::Diagnostics;

/// Finds the operation of a request. The first line is the path and query, the second the API's path, each further one
/// the URL template of an operation.
///
/// # Panics
/// When the path is cut inside a character, or when a template does not match itself.
pub fn route(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let target = lines.next().unwrap_or_default();
    let path = lines.next().unwrap_or_default().trim_matches('/');
    let templates: Vec<&str> = lines.take(8).collect();
    // As `control` leaves them: no slashes at the ends, nothing empty between.
    if path.split('/').any(str::is_empty) && !path.is_empty() {
        return;
    }
    let operations = templates
        .iter()
        .enumerate()
        .map(|(at, template)| OperationDefinition {
            id: Arc::from(at.to_string()),
            display_name: Arc::from(""),
            method: Arc::from("*"),
            url_template: Arc::from(*template),
            contract: None,
            policy: None,
        });
    let definition = Definition {
        apis: vec![ApiDefinition {
            span: None,
            workspace: None,
            id: Arc::from("api"),
            display_name: Arc::from("api"),
            path: Arc::from(path),
            protocols: vec![Protocol::Http],
            service_url: None,
            backend: None,
            subscription_required: false,
            key_header: Arc::from("key"),
            key_query: Arc::from("key"),
            kind: ApiKind::Http,
            mcp: None,
            graphql: None,
            version: None,
            revision: Arc::from("1"),
            is_current: true,
            is_online: true,
            operations: operations.collect(),
            token_accounting: Default::default(),
            contracts: None,
            policy: None,
        }],
        ..Definition::default()
    };
    let mut diagnostics = Diagnostics::default();
    let Some(snapshot) = build(definition, &mut diagnostics) else {
        assert!(diagnostics.has_errors());
        return;
    };
    let find = |target: &str| {
        let target: PathAndQuery = target.parse().ok().filter(|_| target.starts_with('/'))?;
        let found = snapshot
            .router
            .api(target.path(), target.query(), &HeaderMap::new())?;
        let rest = &target.path()[found.path_len..];
        let mut matched = Matched::new();
        let operation =
            snapshot
                .router
                .operation(found.api, &Method::GET, rest, target.query(), &mut matched);
        assert!(operation.is_some() || matched.is_empty());
        operation
    };
    let _ = find(target);
    for template in &templates {
        // A template without parameters is a path that has an operation.
        let literal = !template.contains(['{', '}', '?', '%']) && template.starts_with('/');
        let whole = format!("/{path}{template}");
        let whole = whole.replace("//", "/");
        if literal
            && !path.contains('%')
            && whole.parse::<PathAndQuery>().is_ok()
            && !whole.contains(['?', '#'])
            && !template.contains("//")
        {
            assert!(
                find(&whole).is_some(),
                "`{template}` does not match `{whole}`"
            );
        }
    }
    for value in [target, path] {
        let encoded = routing::encode_query(value);
        assert_eq!(routing::decode_query(&encoded), value);
        assert_eq!(
            routing::query_value(&format!("a=1&{encoded}=x&b"), value).as_deref(),
            match value {
                "" => None,
                v if v.eq_ignore_ascii_case("a") => Some("1"),
                _ => Some("x"),
            }
            .or((value.is_empty()).then_some("x"))
        );
    }
}

/// Takes a token apart, checks it, and reads its parts as a key set. The first line is the token; the rest, up to three
/// lines, are header, claims and signature of one that is put together.
///
/// # Panics
/// When a token passes that no key has signed.
pub fn token(data: &[u8]) {
    static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
        let keys = [
            b"0123456789abcdef0123456789abcdef",
            b"fedcba9876543210fedcba9876543210",
        ];
        let keys = keys.into_iter().filter_map(|k| Key::secret(k));
        KeySet::new(keys.map(|k| k.with_id(Some(Arc::from("k")))).collect())
    });
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let encode = |line: Option<&str>| URL_SAFE_NO_PAD.encode(line.unwrap_or_default());
    let made = format!(
        "{}.{}.{}",
        encode(lines.next()),
        encode(lines.next()),
        encode(lines.next())
    );
    let remembered = VerifiedTokens::default();
    for token in [first, &made] {
        // Whoever finds a text that passes has found a secret.
        assert!(KEYS.verify(token, &remembered).is_err(), "{token}");
    }
    jwt::read_claims(&text);
    if let Ok(set) = KeySet::parse(data) {
        assert!(set.keys().len() <= MOST_KEYS);
        assert!(set.verify(&made, &remembered).is_err());
    }
}

/// Judges a text as an OData URL. What is told of it stands in it, and in front of all names a URL stays right or wrong.
///
/// # Panics
/// When a place is behind the text's end, or a custom option changes the judgement.
pub fn odata(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (path, query) = match text.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (&*text, None),
    };
    for version in [crate::odata::Version::V40, crate::odata::Version::V401] {
        let problems = crate::odata::check(path, query, version);
        assert!(problems.iter().all(|p| p.message.ends_with('.')));
        let more = format!("{}&custom-option=1", query.unwrap_or_default());
        let again = crate::odata::check(path, Some(&more), version);
        if !text.contains("custom-option") {
            assert_eq!(problems, again);
        }
    }
}

/// Reads a GraphQL request, in a query string and as a body, and takes fields out of its document.
///
/// # Panics
/// When what is sent on is not the request that was read, or a document is not valid without the fields.
pub fn graphql(data: &[u8]) {
    crate::graphql::fuzz::request(data);
}

/// Reads a connection string of SQL Server.
///
/// # Panics
/// When what was read has no server, has no deadline, or a fault repeats a piece of it.
pub fn connection_string(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match crate::sql::ConnectionString::parse(&text) {
        Ok(read) => {
            assert!(!read.host.is_empty() && read.port > 0);
            assert!(!read.connect_timeout.is_zero() && !read.command_timeout.is_zero());
            assert!(read.max_pool_size > 0);
        }
        Err(why) => {
            // Capitals stand in no fault but in names of settings, so that a word of them is the text's own.
            let word = |w: &str| w.len() > 5 && w.chars().all(|c| c.is_ascii_uppercase());
            let mut words = text.split(|c: char| !c.is_ascii_alphabetic());
            assert!(!words.any(|w| word(w) && why.contains(w)), "{why}");
        }
    }
}

/// Resolves a backend's `Location`.
///
/// # Panics
/// When a redirect that names no host leaves its own.
pub fn location(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let from = BaseUrl::parse("https://host:8443/base", None).expect("it is a URL");
    let here = PathAndQuery::from_static("/base/a/b?q=1");
    if let Ok((to, path)) = resolve(&from, &here, &text) {
        assert!(path.as_str().starts_with(['/', '?']), "{path}");
        let named = text.starts_with("//") || text.contains("://");
        assert!(
            named || to.origin == from.origin,
            "{text}: {}",
            to.origin.authority
        );
    }
}

/// Passes a stream of events through the readers of MCP: none of its bytes is lost, wherever it is cut, and only the
/// answer's event is another when a policy rewrote it. Begins with how it is cut: a count of up to seven, then so many
/// lengths, which the chunks take by turns.
///
/// # Panics
/// When that does not hold.
pub fn mcp_events(data: &[u8]) {
    let count = data.first().map_or(0, |count| usize::from(count & 7));
    let (lengths, stream) = data.split_at(data.len().min(1 + count));
    crate::mcp::passes_events(stream, lengths.get(1..).unwrap_or_default());
}
