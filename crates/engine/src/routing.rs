//! Finds the API and the operation of a request.
//!
//! API: longest path prefix on segment boundaries, then version, then revision (`;rev=N` behind both). Operation: verb and URL template; literals before
//! parameters, wildcards last. A verb that no template has is "not found", never 405. Source: API Management,
//! resources reference. What must stay true: pure data, built at load; matching allocates only decoded parameters.

use crate::definition::{ApiDefinition, ApiKind, Protocol, VersioningScheme};
use crate::snapshot::Api;
use http::{HeaderMap, Method};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::collections::HashMap;
use tollgate_agents::operation::template::VALUE;
use tollgate_lang::value::Str;
use tollgate_lang::{Diagnostic, Diagnostics};

/// All routes.
#[derive(Debug, Default)]
pub struct Router {
    nodes: Vec<Node>,
    operations: Vec<Vec<Route>>,
    /// The revisions of each API that answers to `;rev=`, by the API that its path leads to.
    revisions: HashMap<u32, Vec<(Str, u32)>>,
}

/// A segment of API paths.
#[derive(Debug, Default)]
struct Node {
    children: HashMap<Box<str>, u32>,
    apis: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    api: u32,
    /// Whether it answers without `;rev=`.
    current: bool,
    version: Option<Str>,
    scheme: Option<VersioningScheme>,
}

/// An operation's template, compiled.
#[derive(Debug)]
struct Route {
    operation: u32,
    /// `None`: any verb.
    method: Option<Method>,
    segments: Vec<Segment>,
    /// `name=literal` or `name={parameter}` of the template's query.
    query: Vec<(Str, QueryPart)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(Str),
    /// Text before, parameter, text after.
    Parameter {
        before: Str,
        name: Str,
        after: Str,
    },
    /// The rest, slashes included.
    Wildcard(Option<Str>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum QueryPart {
    Literal(Str),
    Parameter(Str),
}

/// Template parameters with their decoded values.
pub type Matched = SmallVec<[(Str, Str); 4]>;

/// An API that the path belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiMatch {
    /// Index of the API.
    pub api: u32,
    /// Bytes of the path that belong to it.
    pub path_len: usize,
}

impl Router {
    /// Builds the routes; conflicts are faults.
    pub fn build(
        apis: &[Api],
        definitions: &[ApiDefinition],
        diagnostics: &mut Diagnostics,
    ) -> Router {
        let mut router = Router {
            nodes: vec![Node::default()],
            operations: Vec::new(),
            revisions: HashMap::new(),
        };
        for (index, api) in apis.iter().enumerate() {
            let definition = &definitions[index];
            router.operations.push(routes(api, definition, diagnostics));
            let number = u32::try_from(index).unwrap_or(u32::MAX);
            if api.is_online {
                let revisions = router.revisions.entry(api.root).or_default();
                revisions.push((api.revision.clone(), number));
            }
            // The path leads to one revision, which knows the others.
            if api.root != number {
                continue;
            }
            let mut at = 0;
            for segment in api.path.split('/').filter(|s| !s.is_empty()) {
                let key = segment.to_ascii_lowercase();
                at = match router.nodes[at].children.get(key.as_str()) {
                    Some(&next) => next as usize,
                    None => {
                        let next = router.nodes.len();
                        router.nodes.push(Node::default());
                        router.nodes[at]
                            .children
                            .insert(key.into(), u32::try_from(next).unwrap_or(u32::MAX));
                        next
                    }
                };
            }
            let entry = Entry {
                api: number,
                current: api.is_current && api.is_online,
                version: api.version.as_ref().and_then(|v| v.version.clone()),
                scheme: api.version.as_ref().map(|v| v.scheme.clone()),
            };
            let same = router.nodes[at]
                .apis
                .iter()
                .find(|e| e.version == entry.version);
            if let Some(other) = same {
                let mut fault = Diagnostic {
                    code: "TG0301",
                    severity: tollgate_lang::Severity::Error,
                    message: format!(
                        "APIs `{}` and `{}` have the same path `/{}` and version",
                        apis[other.api as usize].id, api.id, api.path
                    ),
                    span: definition.span,
                    label: String::new(),
                    help: Some(String::from(
                        "give one of them another path, or put both into a version set with different versions",
                    )),
                    related: Vec::new(),
                };
                if let Some(span) = definitions[other.api as usize].span {
                    fault = fault.related(span, "the other one");
                }
                diagnostics.push(fault);
            }
            // The version that names most goes first, the original (no version) last.
            let place = if entry.version.is_some() {
                0
            } else {
                router.nodes[at].apis.len()
            };
            router.nodes[at].apis.insert(place, entry);
        }
        router
    }

    /// The API that a path belongs to.
    pub fn api(&self, path: &str, query: Option<&str>, headers: &HeaderMap) -> Option<ApiMatch> {
        if path.as_bytes().contains(&b';')
            && let Some(found) = self.revision(path, query, headers)
        {
            return found;
        }
        self.walk(path, query, headers, false)
    }

    /// The revision that a path with `;rev=N` behind an API's path and version asks for; `Some(None)`: there is none.
    fn revision(
        &self,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Option<Option<ApiMatch>> {
        let (of_api, rest) = path.split_once(";rev=")?;
        let number = &rest[..rest.find('/').unwrap_or(rest.len())];
        let found = self.walk(of_api, query, headers, true)?;
        // It stands at the end of the API's own path, else it is part of the operation's.
        if found.path_len != of_api.trim_end_matches('/').len() {
            return None;
        }
        let revisions = self.revisions.get(&found.api);
        let revision = revisions
            .into_iter()
            .flatten()
            .find(|(name, _)| **name == *number);
        Some(revision.map(|(_, api)| ApiMatch {
            api: *api,
            path_len: path.len() - rest.len() + number.len(),
        }))
    }

    /// The API with the longest path; `all`: also one that answers only to `;rev=`.
    fn walk(
        &self,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
        all: bool,
    ) -> Option<ApiMatch> {
        let mut best = self.select(0, path, 0, query, headers, all);
        let mut at = 0;
        let mut start = 0;
        while start < path.len() {
            debug_assert!(path.as_bytes()[start] == b'/' || start == 0);
            let begin = start + usize::from(path.as_bytes()[start] == b'/');
            let end = path[begin..].find('/').map_or(path.len(), |n| begin + n);
            if end == begin {
                break;
            }
            let Some(&next) = lower(&path[begin..end], |key| self.nodes[at].children.get(key))
            else {
                break;
            };
            at = next as usize;
            if let Some(found) = self.select(at, path, end, query, headers, all) {
                best = Some(found);
            }
            start = end;
        }
        best
    }

    fn select(
        &self,
        node: usize,
        path: &str,
        end: usize,
        query: Option<&str>,
        headers: &HeaderMap,
        all: bool,
    ) -> Option<ApiMatch> {
        let entries = self.nodes[node].apis.iter();
        for entry in entries.filter(|entry| all || entry.current) {
            let Some(version) = &entry.version else {
                return Some(ApiMatch {
                    api: entry.api,
                    path_len: end,
                });
            };
            let path_len = match entry.scheme.as_ref()? {
                VersioningScheme::Segment => {
                    let rest = path[end..].strip_prefix('/').unwrap_or("");
                    let segment = &rest[..rest.find('/').unwrap_or(rest.len())];
                    segment
                        .eq_ignore_ascii_case(version)
                        .then(|| end + 1 + segment.len())
                }
                VersioningScheme::Query(name) => query_value(query.unwrap_or(""), name)
                    .is_some_and(|v| v == **version)
                    .then_some(end),
                VersioningScheme::Header(name) => headers
                    .get(&**name)
                    .is_some_and(|v| v.as_bytes() == version.as_bytes())
                    .then_some(end),
            };
            if let Some(path_len) = path_len {
                return Some(ApiMatch {
                    api: entry.api,
                    path_len,
                });
            }
        }
        None
    }

    /// The operation of an API for a verb and the path after the API's own (`/…` or empty).
    pub fn operation(
        &self,
        api: u32,
        method: &Method,
        rest: &str,
        query: Option<&str>,
        matched: &mut Matched,
    ) -> Option<u32> {
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        for route in &self.operations[api as usize] {
            if route.method.as_ref().is_some_and(|m| m != method) || !fits(&route.segments, rest) {
                continue;
            }
            let query = query.unwrap_or("");
            let literals = route.query.iter().all(|(name, part)| match part {
                QueryPart::Literal(value) => query_value(query, name).is_some_and(|v| v == **value),
                QueryPart::Parameter(_) => true,
            });
            if !literals {
                continue;
            }
            capture(&route.segments, rest, matched);
            for (name, part) in &route.query {
                if let QueryPart::Parameter(parameter) = part
                    && let Some(value) = query_value(query, name)
                {
                    matched.push((parameter.clone(), Str::from(&*value)));
                }
            }
            return Some(route.operation);
        }
        None
    }
}

impl Api {
    /// Whether the API answers on a scheme.
    pub fn serves(&self, scheme: &str) -> bool {
        self.protocols.iter().any(|p| match p {
            Protocol::Http | Protocol::Ws => scheme == "http",
            Protocol::Https | Protocol::Wss => scheme == "https",
        })
    }

    /// Whether calls need no operation (the API is one endpoint).
    pub fn without_operations(&self) -> bool {
        self.kind == ApiKind::WebSocket && self.operations.is_empty()
    }
}

fn routes(api: &Api, definition: &ApiDefinition, diagnostics: &mut Diagnostics) -> Vec<Route> {
    let mut routes: Vec<Route> = Vec::new();
    for (index, operation) in api.operations.iter().enumerate() {
        let fault = |message: String, help: &str, diagnostics: &mut Diagnostics| {
            diagnostics.push(Diagnostic {
                code: "TG0301",
                severity: tollgate_lang::Severity::Error,
                message,
                span: definition.span,
                label: String::new(),
                help: Some(help.to_owned()),
                related: Vec::new(),
            });
        };
        let method = match &*operation.method {
            "*" => None,
            verb => match Method::from_bytes(verb.to_ascii_uppercase().as_bytes()) {
                Ok(method) => Some(method),
                Err(_) => {
                    fault(
                        format!("`{verb}` of operation `{}` is not a method", operation.id),
                        "write a verb such as POST, or `*`",
                        diagnostics,
                    );
                    continue;
                }
            },
        };
        let (path, query) = operation
            .url_template
            .split_once('?')
            .unwrap_or((&operation.url_template, ""));
        let segments = match segments(path) {
            Ok(segments) => segments,
            Err(why) => {
                fault(
                    format!(
                        "urlTemplate `{}` of operation `{}`: {why}",
                        operation.url_template, operation.id
                    ),
                    "see the URL template rules in docs/configuration.md",
                    diagnostics,
                );
                continue;
            }
        };
        let query = query_parts(query);
        if let Some(other) = routes
            .iter()
            .find(|r| r.method == method && r.segments == segments && r.query == query)
        {
            let other = &api.operations[other.operation as usize].id;
            fault(
                format!(
                    "operations `{other}` and `{}` of API `{}` have the same method and template",
                    operation.id, api.id
                ),
                "remove one of them",
                diagnostics,
            );
        }
        routes.push(Route {
            operation: u32::try_from(index).unwrap_or(u32::MAX),
            method,
            segments,
            query,
        });
    }
    // Most specific first: literal before parameter before wildcard, segment by segment; a verb before `*`.
    routes.sort_by_key(|r| {
        let rank = r.segments.iter().map(|s| match s {
            Segment::Literal(_) => 0u8,
            Segment::Parameter { .. } => 1,
            Segment::Wildcard(_) => 3,
        });
        let mut rank: Vec<u8> = rank.collect();
        rank.push(2);
        (rank, usize::MAX - r.query.len(), r.method.is_none())
    });
    routes
}

fn segments(path: &str) -> Result<Vec<Segment>, String> {
    let path = path.trim_matches('/');
    let mut segments = Vec::new();
    if path.is_empty() {
        return Ok(segments);
    }
    let parts: Vec<&str> = path.split('/').collect();
    for (at, part) in parts.iter().enumerate() {
        let last = at + 1 == parts.len();
        let segment = match (part.find('{'), part.rfind('}')) {
            _ if *part == "*" => Segment::Wildcard(None),
            (None, None) => Segment::Literal(Str::from(*part)),
            (Some(open), Some(close)) if open < close => {
                let name = &part[open + 1..close];
                if name.contains(['{', '}']) {
                    return Err(String::from("a segment may hold one parameter"));
                }
                match name.strip_prefix('*') {
                    Some(name) if open == 0 && close + 1 == part.len() => {
                        Segment::Wildcard((!name.is_empty()).then(|| Str::from(name)))
                    }
                    Some(_) => return Err(String::from("`{*name}` must fill its segment")),
                    None if name.is_empty() => return Err(String::from("a parameter has no name")),
                    None => Segment::Parameter {
                        before: Str::from(&part[..open]),
                        name: Str::from(name),
                        after: Str::from(&part[close + 1..]),
                    },
                }
            }
            _ => return Err(String::from("braces do not match")),
        };
        if matches!(segment, Segment::Wildcard(_)) && !last {
            return Err(String::from("a wildcard must be the last segment"));
        }
        segments.push(segment);
    }
    Ok(segments)
}

fn query_parts(query: &str) -> Vec<(Str, QueryPart)> {
    query
        .split('&')
        .filter(|p| !p.is_empty())
        .map(|p| {
            let (name, value) = p.split_once('=').unwrap_or((p, ""));
            let part = match value.strip_prefix('{').and_then(|v| v.strip_suffix('}')) {
                Some(parameter) => QueryPart::Parameter(Str::from(parameter)),
                None => QueryPart::Literal(Str::from(value)),
            };
            (Str::from(name), part)
        })
        .collect()
}

/// Names of the query parameters that a template declares.
pub fn template_query(template: &str) -> Vec<Str> {
    query_parts(template.split_once('?').map_or("", |(_, q)| q))
        .into_iter()
        .map(|(name, _)| name)
        .collect()
}

fn fits(segments: &[Segment], rest: &str) -> bool {
    let mut parts = rest.split('/');
    let mut left = !rest.is_empty();
    for segment in segments {
        match segment {
            Segment::Wildcard(_) => return true,
            _ if !left => return false,
            Segment::Literal(text) => {
                let Some(part) = parts.next() else {
                    return false;
                };
                if !part.eq_ignore_ascii_case(text) && !decode(part).eq_ignore_ascii_case(text) {
                    return false;
                }
            }
            Segment::Parameter { before, after, .. } => {
                let Some(part) = parts.next() else {
                    return false;
                };
                if part.len() <= before.len() + after.len()
                    || !part.as_bytes()[..before.len()].eq_ignore_ascii_case(before.as_bytes())
                    || !part.as_bytes()[part.len() - after.len()..]
                        .eq_ignore_ascii_case(after.as_bytes())
                {
                    return false;
                }
            }
        }
        left = parts.clone().next().is_some();
    }
    !left
}

fn capture(segments: &[Segment], rest: &str, matched: &mut Matched) {
    let mut start = 0;
    for segment in segments {
        let end = rest[start.min(rest.len())..]
            .find('/')
            .map_or(rest.len(), |n| start + n);
        match segment {
            Segment::Literal(_) | Segment::Wildcard(None) => {}
            Segment::Parameter {
                before,
                name,
                after,
            } => {
                // Lengths were checked by `fits`; a boundary inside a character cannot match ASCII-insensitively.
                let value = rest
                    .get(start + before.len()..end - after.len())
                    .unwrap_or("");
                matched.push((name.clone(), Str::from(&*decode(value))));
            }
            Segment::Wildcard(Some(name)) => matched.push((
                name.clone(),
                Str::from(&*decode(rest.get(start..).unwrap_or(""))),
            )),
        }
        start = end + 1;
    }
}

/// Percent-decodes; bytes that are not UTF-8 are replaced.
pub fn decode(text: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy()
}

/// Percent-decodes a query component, `+` being a space.
pub fn decode_query(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        Cow::Owned(decode(&text.replace('+', " ")).into_owned())
    } else {
        decode(text)
    }
}

/// Percent-encodes a query component.
pub fn encode_query(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, VALUE).to_string()
}

/// The decoded value of a query parameter; names compare without case.
pub fn query_value<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key.eq_ignore_ascii_case(name) || decode_query(key).eq_ignore_ascii_case(name))
            .then(|| decode_query(value))
    })
}

/// Calls `f` with the lower-cased text, without allocating for usual lengths.
fn lower<T>(text: &str, f: impl FnOnce(&str) -> T) -> T {
    let mut buffer: SmallVec<[u8; 64]> = SmallVec::from_slice(text.as_bytes());
    buffer.make_ascii_lowercase();
    match std::str::from_utf8(&buffer) {
        Ok(lowered) => f(lowered),
        Err(_) => f(text),
    }
}

#[cfg(test)]
mod tests;
