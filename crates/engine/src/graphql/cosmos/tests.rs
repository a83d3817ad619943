//! Connection strings, signatures, paths.

use super::{Account, documents};

#[test]
fn an_account_signs() {
    // The key of "Access control in the Azure Cosmos DB REST API". The fixture of the policy has a whole signature.
    let key =
        "dsZQi3KtZmCv1ljt3VNWNm7sQUF1y5rJfC6kv5JiwvW0EndXdDku/dkKBp8/ufDToSxLzR4y+O/0H/t4bQtVNw==";
    let account = Account::parse(&format!(
        "AccountEndpoint=https://contoso-cosmosdb.\n documents.azure.com:443/;AccountKey={key};"
    ))
    .unwrap();
    assert_eq!(
        &*account.origin().origin.host,
        "contoso-cosmosdb.documents.azure.com"
    );
    assert_eq!(
        &*account.resource(),
        "https://contoso-cosmosdb.documents.azure.com"
    );
    let date = "Thu, 27 Apr 2017 00:51:12 GMT";
    let signed = account
        .signature("GET", "dbs/ToDoList/colls/Items", date)
        .unwrap();
    let text = signed.to_str().unwrap();
    assert!(
        text.starts_with("type%3Dmaster%26ver%3D1.0%26sig%3D"),
        "{text}"
    );
    assert!(signed.is_sensitive());
    assert!(!format!("{account:?}").contains("dsZQ"));
    // Another document, another signature.
    let other = account
        .signature("GET", "dbs/ToDoList/colls/Other", date)
        .unwrap();
    assert_ne!(signed, other);
}

#[test]
fn connection_strings() {
    assert_eq!(
        Account::parse("AccountKey=a;").unwrap_err(),
        "it has no `AccountEndpoint`"
    );
    assert!(Account::parse("AccountEndpoint=nothing;").is_err());
    let without = Account::parse("accountendpoint=https://a.test/").unwrap();
    assert!(
        without
            .signature("GET", "", "")
            .unwrap_err()
            .message
            .contains("AccountKey")
    );
    let wrong = Account::parse("AccountEndpoint=https://a.test/;AccountKey=%%%").unwrap();
    assert!(
        wrong
            .signature("GET", "", "")
            .unwrap_err()
            .message
            .contains("Base64")
    );
}

#[test]
fn paths_and_links() {
    assert_eq!(
        documents("my db", "c", Some("a/b \u{e9}")),
        (
            String::from("/dbs/my%20db/colls/c/docs/a%2Fb%20%C3%A9"),
            String::from("dbs/my db/colls/c/docs/a/b \u{e9}")
        )
    );
    assert_eq!(documents("d", "c", None).1, "dbs/d/colls/c");
}
