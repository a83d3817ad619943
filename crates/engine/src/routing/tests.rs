//! Templates and their precedence.

use super::*;

fn check(templates: &[&str], path: &str, expected: Option<(usize, &[(&str, &str)])>) {
    let (path, query) = path
        .split_once('?')
        .map_or((path, None), |(p, q)| (p, Some(q)));
    let mut routes: Vec<Route> = templates
        .iter()
        .enumerate()
        .map(|(i, t)| {
            let (p, q) = t.split_once('?').unwrap_or((t, ""));
            Route {
                operation: i as u32,
                method: None,
                segments: segments(p).unwrap(),
                query: query_parts(q),
            }
        })
        .collect();
    routes.sort_by_key(|r| {
        let mut rank: Vec<u8> = r
            .segments
            .iter()
            .map(|s| match s {
                Segment::Literal(_) => 0,
                Segment::Parameter { .. } => 1,
                Segment::Wildcard(_) => 3,
            })
            .collect();
        rank.push(2);
        (rank, usize::MAX - r.query.len())
    });
    let router = Router {
        nodes: vec![Node::default()],
        operations: vec![routes],
        revisions: HashMap::new(),
    };
    let mut matched = Matched::new();
    let found = router.operation(0, &Method::GET, path, query, &mut matched);
    let matched: Vec<(&str, &str)> = matched.iter().map(|(n, v)| (&**n, &**v)).collect();
    assert_eq!(
        found.map(|f| (f as usize, &matched[..])),
        expected,
        "{path}"
    );
}

#[test]
fn literals_before_parameters_before_wildcards() {
    let templates = ["/*", "/a/{x}", "/a/b", "/{*rest}/", "/a/{x}/c"];
    check(&templates[..3], "/a/b", Some((2, &[])));
    check(&templates[..3], "/a/z", Some((1, &[("x", "z")])));
    check(&templates[..3], "/q/r/s", Some((0, &[])));
    check(&templates[3..4], "/q/r/s", Some((0, &[("rest", "q/r/s")])));
    check(&templates[1..2], "/a/b/c", None);
}

#[test]
fn literals_ignore_case_and_values_are_decoded() {
    check(
        &["/Deployments/{deployment-id}/chat"],
        "/deployments/gpt%204/chat",
        Some((0, &[("deployment-id", "gpt 4")])),
    );
}

#[test]
fn a_parameter_may_fill_part_of_a_segment() {
    check(
        &["/files/{name}.json"],
        "/files/report.json",
        Some((0, &[("name", "report")])),
    );
    check(&["/files/{name}.json"], "/files/.json", None);
}

#[test]
fn query_parts_take_part() {
    check(
        &["/get?kind=a&id={id}", "/get"],
        "/get?kind=a&id=7%2B1",
        Some((0, &[("id", "7+1")])),
    );
    check(
        &["/get?kind=a&id={id}", "/get"],
        "/get?kind=b",
        Some((1, &[])),
    );
}

#[test]
fn the_root_and_trailing_slashes() {
    check(&["/"], "", Some((0, &[])));
    check(&["/"], "/", Some((0, &[])));
    check(&["/a"], "/a/", Some((0, &[])));
    check(&["/a"], "/", None);
}

/// The API and its revision that a path leads to, and what is left for the operation.
fn led(snapshot: &crate::Snapshot, target: &str, header: Option<&str>) -> Option<String> {
    let target: http::uri::PathAndQuery = target.parse().unwrap();
    let mut headers = HeaderMap::new();
    if let Some(version) = header {
        headers.insert("x-version", version.parse().unwrap());
    }
    let found = snapshot
        .router
        .api(target.path(), target.query(), &headers)?;
    let api = &snapshot.apis[found.api as usize];
    let rest = &target.path()[found.path_len..];
    Some(format!("{} {} {rest}", api.id, api.revision))
}

#[test]
fn versions_and_revisions() {
    use crate::definition::{VersionDefinition, VersioningScheme as By};
    let template = crate::fixture::Setup::default().definition.apis.remove(0);
    let api = |id: &str, path: &str, version: Option<(&str, By)>, revision: &str| {
        let mut api = template.clone();
        (api.id, api.path) = (id.into(), path.into());
        api.version = version.map(|(name, scheme)| VersionDefinition {
            set: "set".into(),
            version: (!name.is_empty()).then(|| name.into()),
            scheme,
        });
        api.revision = revision.into();
        api.is_current = revision == "1";
        api
    };
    let header = || By::Header("x-version".into());
    let mut offline = api("seg2", "seg", Some(("v2", By::Segment)), "3");
    offline.is_online = false;
    let definition = crate::definition::Definition {
        apis: vec![
            api("plain", "plain", None, "1"),
            api("plain", "plain", None, "2"),
            api("seg1", "seg", Some(("v1", By::Segment)), "1"),
            api("seg2", "seg", Some(("v2", By::Segment)), "1"),
            api("seg2", "seg", Some(("v2", By::Segment)), "2"),
            offline,
            api("seg0", "seg", Some(("", By::Segment)), "1"),
            api("head1", "head", Some(("v1", header())), "1"),
            api("head1", "head", Some(("v1", header())), "7"),
            api("query1", "query", Some(("v1", By::Query("v".into()))), "1"),
            api("draft", "draft", None, "2"),
            api("root", "", None, "1"),
            api("root", "", None, "4"),
        ],
        ..crate::definition::Definition::default()
    };
    let mut diagnostics = Diagnostics::default();
    let snapshot = crate::snapshot::build(definition, &mut diagnostics).unwrap();
    for (target, header, expected) in [
        ("/plain/x", None, Some("plain 1 /x")),
        ("/plain;rev=2/x", None, Some("plain 2 /x")),
        ("/PLAIN;rev=2", None, Some("plain 2 ")),
        ("/plain;rev=1/x", None, Some("plain 1 /x")),
        ("/plain;rev=9/x", None, None),
        // Not behind the API's path: a segment of the operation's.
        ("/plain/x;rev=2", None, Some("plain 1 /x;rev=2")),
        ("/seg/v1/x", None, Some("seg1 1 /x")),
        ("/seg/v2;rev=2/x", None, Some("seg2 2 /x")),
        ("/seg/v2;rev=3/x", None, None),
        ("/seg/v3/x", None, Some("seg0 1 /v3/x")),
        ("/head/x", Some("v1"), Some("head1 1 /x")),
        ("/head;rev=7/x", Some("v1"), Some("head1 7 /x")),
        ("/query/x?v=v1", None, Some("query1 1 /x")),
        ("/draft;rev=2/x", None, Some("draft 2 /x")),
        ("/;rev=4/x", None, Some("root 4 /x")),
        ("/x", None, Some("root 1 /x")),
        // No version of the set was named, so the path is the root API's.
        ("/query/x", None, Some("root 1 /query/x")),
        ("/draft/x", None, Some("root 1 /draft/x")),
    ] {
        let found = led(&snapshot, target, header);
        assert_eq!(found.as_deref(), expected, "{target}");
    }
}
