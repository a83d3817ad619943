//! Any bytes as a GraphQL request, for [`crate::fuzz::graphql`].

use super::access::{self, Action, Pattern};
use super::document::Document;
use super::request::{Carrier, GraphQlRequest};
use super::schema::Schema;
use super::size::Size;
use super::socket;
use crate::definition::PolicyText;
use http::Method;
use std::sync::{Arc, LazyLock};
use tollgate_lang::{Diagnostics, FileId};

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let text = "type Query { a(i: In, n: [Int!], r: Role = X): A b: B u: U s: [String] } type Mutation { m(id: ID!): A }
        type A implements B { b: B a: A x: Int y(f: Float, t: Boolean): String }
        interface B { b: B x: Int } union U = A | C type C { c: C x: Int } input In { i: In v: Int! = 3 } enum Role { X Y }";
    let text = PolicyText {
        file: FileId(0),
        text: Arc::from(text),
    };
    Schema::read(&text, &mut Diagnostics::default()).expect("it is valid")
});

/// See [`crate::fuzz::graphql`].
pub(crate) fn request(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let in_url = GraphQlRequest::read(Carrier {
        method: &Method::GET,
        content_type: None,
        query: Some(&text),
        body: &[],
    });
    let in_body = |content_type| {
        GraphQlRequest::read(Carrier {
            method: &Method::POST,
            content_type: Some(content_type),
            query: None,
            body: data,
        })
    };
    let read = [
        in_url,
        in_body("application/json"),
        in_body("application/graphql"),
    ];
    if let Ok(text) = std::str::from_utf8(data) {
        socket::fuzz(text);
    }
    for request in read.into_iter().flatten() {
        let again = GraphQlRequest::read(Carrier {
            method: &Method::POST,
            content_type: None,
            query: None,
            body: &request.to_body(),
        });
        assert_eq!(again.as_ref(), Ok(&request), "what is sent on is the same");
        document(&request);
    }
}

fn document(request: &GraphQlRequest) {
    let Ok(document) = Document::read(&SCHEMA, request) else {
        return;
    };
    let size = Size::of(&document);
    assert!(size.depth <= size.fields, "{size:?}");
    let rules = ["/A/x", "/B/b", "/Query/s", "/__*"].map(|p| Pattern::parse(p).expect("a path"));
    let mut action = |at: usize| {
        Ok::<_, ()>(if at == 3 {
            Action::Ignore
        } else {
            Action::Remove
        })
    };
    let access = access::authorize(&SCHEMA, &document, &rules, &mut action).expect("it is given");
    let Some(query) = access.document else {
        let empty = access.removed.is_empty();
        assert!(empty || access.rejected.is_some(), "nothing is left");
        return;
    };
    let less = GraphQlRequest {
        query,
        ..request.clone()
    };
    let document = Document::read(&SCHEMA, &less);
    let document = document.unwrap_or_else(|why| panic!("{}\n{why:?}", less.query));
    let again = access::authorize(&SCHEMA, &document, &rules, &mut action).expect("it is given");
    assert!(again.removed.is_empty(), "{}", less.query);
    assert!(Size::of(&document).fields <= size.fields);
}
