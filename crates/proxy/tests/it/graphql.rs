//! A GraphQL API with resolvers: the fields of a query are resolved at the same time.

use crate::support::*;
use std::sync::Arc;
use tokio::sync::Barrier;
use tollgate_engine::definition::{GraphQlDefinition, PolicyText, ResolverDefinition};
use tollgate_lang::FileId;

fn text(text: String) -> PolicyText {
    PolicyText {
        file: FileId(0),
        text: Arc::from(text),
    }
}

#[tokio::test]
async fn fields_side_by_side_are_resolved_at_the_same_time() {
    // Nobody is answered before both have asked.
    let both = Arc::new(Barrier::new(2));
    let backend = Backend::serve(move |mut wire| {
        let both = both.clone();
        async move {
            while wire.message().await.is_some() {
                both.wait().await;
                wire.send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n7")
                    .await;
            }
        }
    })
    .await;
    let mut definition = definition(&backend.url(), None);
    let resolvers = ["a", "b"].map(|field| ResolverDefinition {
        span: None,
        id: Arc::from(field),
        type_name: Arc::from("Query"),
        field: Arc::from(field),
        policy: text(format!(
            "<http-data-source><http-request><set-url>{}/{field}</set-url></http-request></http-data-source>",
            backend.url()
        )),
    });
    definition.apis[0].graphql = Some(Box::new(GraphQlDefinition {
        schema: Some(text(String::from("type Query { a: Int b: Int }"))),
        resolvers: resolvers.to_vec(),
    }));
    let running = start(definition, |_| ());
    let mut wire = running.connect().await;
    let query = r#"{"query":"{ a b }"}"#;
    let request = format!(
        "POST /api/x HTTP/1.1\r\nhost: gateway\r\nocp-apim-subscription-key: {KEY}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{query}",
        query.len()
    );
    let answer = soon(wire.call(&request)).await;
    assert_eq!(status(&answer), 200);
    assert_eq!(body(&answer), r#"{"data":{"a":7,"b":7}}"#);
    assert_eq!(backend.accepted(), 2);
}
