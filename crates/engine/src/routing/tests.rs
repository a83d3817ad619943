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
