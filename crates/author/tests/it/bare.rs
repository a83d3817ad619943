//! Documents without a configuration: which lints run, and what is assumed.

use tollgate_author::bare::{Assumed, Bare};

/// What is found in a document, as `CODE line`, and what was assumed.
fn checked(text: &str) -> (Vec<String>, Assumed, String) {
    let mut assumed = Assumed::new();
    let loaded = Bare::default().check_text("a.xml", text, &mut assumed);
    let found = loaded.diagnostics.items().iter();
    let found = found.map(|d| {
        let span = d.span.unwrap();
        let (line, _) = loaded.sources.line_column(span.file, span.start);
        format!("{} {line}", d.code)
    });
    let shown = loaded.diagnostics.render(&loaded.sources, false);
    (found.collect(), assumed, shown)
}

#[test]
fn what_a_document_shows_by_itself_is_warned_of() {
    let (found, _, shown) = checked(
        r#"<policies>
  <inbound>
    <set-header name="x-api-key"><value>k3y0123456789abcdef0</value></set-header>
    <choose>
      <when condition="@(1 > 2)"><set-method>GET</set-method></when>
      <when condition="@({{flag}} == 1)"><set-method>PUT</set-method></when>
    </choose>
    <set-variable name="a" value="@((string)context.Variables["set-elsewhere"])" />
    <rate-limit-by-key calls="{{calls}}" renewal-period="9" counter-key="all" />
    <rate-limit-by-key calls="2" renewal-period="9" counter-key="all" />
    <rate-limit-by-key calls="9" renewal-period="9" counter-key="all" />
    <return-response />
    <!-- tollgate:allow TG0602 kept for later -->
    <set-method>GET</set-method>
  </inbound>
</policies>"#,
    );
    assert_eq!(found, ["TG0607 3", "TG0601 5", "TG0605 11"], "{shown}");
    assert!(!shown.contains("k3y0123456789abcdef0"), "{shown}");
}

#[test]
fn fragments_are_looked_at_once() {
    let (found, _, shown) =
        checked("<fragment>\n<return-response />\n<set-method>GET</set-method></fragment>");
    assert_eq!(found, ["TG0602 3"], "{shown}");
}

#[test]
fn tokens_of_a_pipeline_are_assumed() {
    let document = r##"<policies><inbound><set-backend-service base-url="{#[HOST]#}/a" />
<set-heder /></inbound></policies>"##;
    let (found, assumed, shown) = checked(document);
    assert_eq!(found, ["TG0311 2"], "{shown}");
    let tokens: Vec<&String> = assumed["tokens of a pipeline"].iter().collect();
    assert_eq!(tokens, ["HOST"]);
}

#[test]
fn a_resolver_is_checked_as_one() {
    let (found, assumed, shown) = checked(
        r#"<?xml version="1.0"?>
<!-- no <policies> here -->
<http-data-source>
  <http-request>
    <set-method>POST</set-method>
    <set-url>{{orders}}/orders?first=@(context.GraphQL.Arguments["first"])</set-url>
    <set-header name="x-api-key"><value>k3y0123456789abcdef0</value></set-header>
    <rate-limit calls="1" renewal-period="1" />
  </http-request>
  <http-response>
    <set-body>@(context.GraphQL.Arguments["first"].Nothing())</set-body>
    <publish-event><targets><graphql-subscription id="orderPlaced" /></targets></publish-event>
  </http-response>
</http-data-source>"#,
    );
    assert_eq!(found, ["TG0607 7", "TG0575 8", "TG0202 11"], "{shown}");
    assert!(!shown.contains("k3y0123456789abcdef0"), "{shown}");
    assert!(assumed["named values"].contains("orders"));
    assert!(assumed["subscriptions"].contains("orderPlaced"));
}

#[test]
fn connection_strings_of_resolvers_are_assumed() {
    let sql = |string: &str| {
        format!(
            "<sql-data-source><connection-info><connection-string use-managed-identity=\"true\">{string}</connection-string></connection-info>
<request><sql-statement>SELECT 1</sql-statement></request></sql-data-source>"
        )
    };
    let (found, assumed, shown) = checked(&sql("{{db}}"));
    assert!(found.is_empty(), "{shown}");
    assert!(assumed["named values"].contains("db"));
    let (found, _, shown) = checked(&sql("Server=db;Database=shop;User ID=u;Password=p4ss"));
    assert_eq!(found, ["TG0607 1"], "{shown}");
    assert!(!shown.contains("p4ss"), "{shown}");
    let (found, ..) = checked(&sql("Server=db;Servre=x"));
    assert_eq!(found, ["TG0700 1"]);
    let (found, assumed, shown) = checked(
        "<cosmosdb-data-source><connection-info><connection-string>{{cosmos}}</connection-string>
<database-name>shop</database-name><container-name>orders</container-name></connection-info>
<query-request><sql-statement>SELECT * FROM c</sql-statement></query-request></cosmosdb-data-source>",
    );
    assert!(found.is_empty(), "{shown}");
    assert!(assumed["named values"].contains("cosmos"));
}

#[test]
fn a_root_that_is_nearly_one_is_told_which() {
    let (found, _, shown) = checked("<htp-data-source><http-request /></htp-data-source>");
    assert_eq!(found, ["TG0574 1"], "{shown}");
    assert!(
        shown.contains("did you mean `http-data-source`?"),
        "{shown}"
    );
    let (found, _, shown) = checked("<something />");
    assert_eq!(found, ["TG0302 1"], "{shown}");
}

#[test]
fn an_expression_without_its_marks_is_told() {
    let (found, _, shown) = checked(
        r#"<policies><inbound>
<set-variable name="method" value="context.Request.Method" />
<set-header name="x"><value>context.Variables["a"]</value></set-header>
<set-body>@(context.Request.Method)</set-body>
<set-body template="liquid">context.Request.Method</set-body>
</inbound></policies>"#,
    );
    assert_eq!(found, ["TG0742 2", "TG0742 3"], "{shown}");
}
