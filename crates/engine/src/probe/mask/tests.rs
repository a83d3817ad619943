//! Masking: each net on its own, and what must stay readable.

use super::*;
use arbtest::arbtest;

fn mask(text: &str) -> String {
    Mask::default().text(text)
}

#[test]
fn values_that_are_known_are_hidden_in_every_form() {
    let m = Mask::default();
    m.learn("p&ss \"word\"");
    for text in [
        "x p&ss \"word\" y",
        "q=p%26ss%20%22word%22",
        r#"{"a":"p&ss \"word\""}"#,
        &format!("x {} y", STANDARD.encode("p&ss \"word\"")),
    ] {
        let shown = m.text(text);
        assert!(shown.contains(HIDDEN), "{text}: {shown}");
        assert!(!shown.contains("ss"), "{text}: {shown}");
    }
}

#[test]
fn a_short_secret_is_hidden_where_it_stands_alone() {
    let m = Mask::default();
    m.learn("key");
    assert_eq!(m.text("key"), HIDDEN);
    assert_eq!(m.text("the keyboard"), "the keyboard");
}

#[test]
fn names_hide_their_values() {
    let m = Mask::default();
    for name in [
        "Authorization",
        "Ocp-Apim-Subscription-Key",
        "api-key",
        "x-api-key",
        "Cookie",
        "Set-Cookie",
        "x-functions-key",
        "Apim-Debug-Authorization",
        "client_secret",
        "msi-token",
    ] {
        assert_eq!(m.named(name, "value"), HIDDEN, "{name}");
    }
    assert_eq!(m.named("authorization", "Bearer abc"), "Bearer ***");
    for name in [
        "content-type",
        "remaining-tokens",
        "x-ratelimit-limit",
        "key",
        "host",
    ] {
        assert_eq!(m.named(name, "value"), "value", "{name}");
    }
}

#[test]
fn members_and_parameters() {
    let cases = [
        (
            r#"{"access_token":"abc","n":1}"#,
            r#"{"access_token":"***","n":1}"#,
        ),
        (
            r#"{"password" : "a\"b", "n": 1}"#,
            r#"{"password" : "***", "n": 1}"#,
        ),
        (
            r#"{\"client_secret\":\"abc\",\"n\":1}"#,
            r#"{\"client_secret\":\"***"#,
        ),
        ("a=1&client_secret=abc&b=2", "a=1&client_secret=***&b=2"),
        ("/p?subscription-key=abc&x=1", "/p?subscription-key=***&x=1"),
        ("authorization: Bearer abc", "authorization: ***"),
        (r#"{"token":{"kind":"x"}}"#, r#"{"token":{"kind":"x"}}"#),
        ("max_tokens=5", "max_tokens=5"),
        (r#"{"prompt_tokens":5}"#, r#"{"prompt_tokens":5}"#),
    ];
    for (text, shown) in cases {
        assert!(mask(text).starts_with(shown), "{text}: {}", mask(text));
    }
}

#[test]
fn shapes_of_credentials() {
    let cases = [
        ("Bearer abcdefghijklmnop rest", "Bearer *** rest"),
        ("a Bearer of news", "a Bearer of news"),
        (
            "x eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2lnbmF0dXJl y",
            "x *** y",
        ),
        (
            "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY----- z",
            "*** z",
        ),
        ("-----BEGIN CERTIFICATE-----\nabc", "***"),
    ];
    for (text, shown) in cases {
        assert_eq!(mask(text), shown);
    }
}

#[test]
fn any_text_is_masked_without_a_panic_and_known_secrets_never_show() {
    arbtest(|u| {
        let secret: String = u.arbitrary()?;
        let (before, after): (String, String) = (u.arbitrary()?, u.arbitrary()?);
        let m = Mask::default();
        m.learn(&secret);
        let shown = m.text(&format!("{before}{secret}{after}"));
        let secret = secret.trim();
        if secret.len() >= SHORTEST
            && !HIDDEN.contains(secret)
            && !before.contains('*')
            && !after.contains('*')
            && !secret.contains('*')
        {
            assert!(!shown.contains(secret));
        }
        Ok(())
    });
}

#[test]
fn every_secret_of_a_configuration_is_known() {
    use crate::definition::{
        AuthorizationDefinition, BackendDefinition, LoggerDefinition, LoggerKind, NamedValue,
        ProxyDefinition, Secret, SessionAffinity, SingleBackend, WorkspaceDefinition,
    };
    let secret = |n: u32| Secret::new(format!("canary-{n}-canary"));
    let named = |n| {
        let value = NamedValue {
            value: secret(n),
            secret: true,
        };
        [(String::from("name"), value)].into_iter().collect()
    };
    let backend = |kind| BackendDefinition {
        span: None,
        workspace: None,
        id: Arc::from("id"),
        kind,
    };
    let mut definition = Definition {
        named_values: named(1),
        workspaces: vec![WorkspaceDefinition {
            named_values: named(2),
            ..WorkspaceDefinition::default()
        }],
        backends: vec![
            backend(BackendKind::Single(SingleBackend {
                headers: vec![(Arc::from("a"), secret(3))],
                query: vec![(Arc::from("a"), secret(4))],
                authorization: Some((Arc::from("Basic"), secret(5))),
                proxy: Some(ProxyDefinition {
                    url: Arc::from("http://proxy.test"),
                    username: None,
                    password: Some(secret(6)),
                }),
                ..SingleBackend::default()
            })),
            backend(BackendKind::Pool(crate::definition::PoolDefinition {
                session_affinity: Some(SessionAffinity {
                    cookie: Arc::from("c"),
                    key: Some(secret(7)),
                }),
                ..Default::default()
            })),
        ],
        loggers: vec![LoggerDefinition {
            span: None,
            workspace: None,
            id: Arc::from("id"),
            kind: LoggerKind::AzureEventHub,
            credentials: [(Arc::from("connectionString"), secret(8))]
                .into_iter()
                .collect(),
            is_buffered: false,
        }],
        ..Definition::default()
    };
    let stored = AuthorizationDefinition {
        access_token: secret(9),
        claims: Vec::new(),
        expires_millis: None,
    };
    let stored = [(Arc::from("id"), stored)].into_iter().collect();
    definition.authorization_providers = Arc::new([(Arc::from("p"), stored)].into_iter().collect());
    let open = NamedValue {
        value: Secret::new("https://host.test:8080/"),
        secret: true,
    };
    definition.named_values.insert(String::from("url"), open);
    let m = Mask::new(&Secrets::of(&definition));
    for n in 1..=9 {
        assert_eq!(
            m.text(&format!("<canary-{n}-canary>")),
            format!("<{HIDDEN}>"),
            "{n}"
        );
    }
    assert_eq!(
        m.text("https://host.test:8080/x"),
        "https://host.test:8080/x"
    );
}
