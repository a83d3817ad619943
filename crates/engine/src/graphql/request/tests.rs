//! What the reader takes, and what it sends on.

use super::{Carrier, GraphQlRequest};
use http::Method;
use serde_json::json;

fn post(content_type: &str, body: &[u8]) -> Result<GraphQlRequest, String> {
    GraphQlRequest::read(Carrier {
        method: &Method::POST,
        content_type: Some(content_type),
        query: Some("a=1"),
        body,
    })
}

#[test]
fn a_body_and_what_is_sent_of_it() {
    let body = br#"{"query":"{a}","operationName":"A","variables":{"n":12345678901234567890},"extensions":{"x":1},"more":2}"#;
    let request = post("application/json; charset=utf-8", body).unwrap();
    assert_eq!(
        request.variables["n"],
        json!(12_345_678_901_234_567_890_u64)
    );
    assert_eq!(
        post("application/json", &request.to_body()).unwrap(),
        request
    );
    // Nulls stand for what is left out.
    let nulls = br#"{"query":"{a}","operationName":null,"variables":null,"extensions":null}"#;
    let plain = post("application/graphql-response+json", nulls).unwrap();
    assert_eq!(&*plain.to_body(), br#"{"query":"{a}"}"#);
}

#[test]
fn a_document_alone_and_what_is_no_text() {
    assert_eq!(post("application/graphql", b"{a}").unwrap().query, "{a}");
    let why = post("application/graphql", b"\xff").unwrap_err();
    assert_eq!(why, "The request's body is not UTF-8.");
    assert_eq!(
        post("application/json", b"\xef\xbb\xbf{\"query\":\"{a}\"}")
            .unwrap()
            .query,
        "{a}"
    );
}

#[test]
fn a_query_string() {
    let read = |query: &str| {
        GraphQlRequest::read(Carrier {
            method: &Method::GET,
            content_type: None,
            query: Some(query),
            body: b"ignored",
        })
    };
    let text = "x=1&query=%7Ba%7D&variables=%7B%22n%22%3A%22a+b%22%7D&operationName=A";
    let request = read(text).unwrap();
    assert_eq!(request.query, "{a}");
    assert_eq!(request.variables["n"], json!("a b"));
    assert_eq!(request.operation_name.as_deref(), Some("A"));
    let other = GraphQlRequest {
        query: String::from("{b c}"),
        ..request
    };
    assert_eq!(
        other.over_query(text),
        "x=1&query=%7Bb%20c%7D&variables=%7B%22n%22%3A%22a+b%22%7D&operationName=A"
    );
    assert!(read("query=%7Ba%7D&%71uery=%7Bb%7D").is_err(), "twice");
    assert!(read("variables=%7B%7D").is_err());
}
