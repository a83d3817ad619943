//! `tollgate trace`: of a configuration with scripted and real backends, of a fixture, as text and as JSON.

use crate::process::{Folder, run_with};
use serde_json::Value;

const CONFIG: &str = r#"
gateway: { listen: [{ address: "127.0.0.1:0" }] }
namedValues:
  - { id: hush, env: HUSH }
apis:
  - id: shop
    path: shop
    serviceUrl: http://shop.test
    subscriptionRequired: false
    operations: [{ id: any, method: "*", urlTemplate: "/*" }]
    policy: |
      <policies>
        <inbound>
          <set-variable name="n" value="@(context.Request.Headers.GetValueOrDefault("x-n", "none"))" />
          <set-header name="api-key"><value>{{hush}}</value></set-header>
        </inbound>
      </policies>
"#;

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("tollgate.yaml", CONFIG);
    folder
}

fn trace(folder: &Folder, more: &[&str]) -> (Option<i32>, String, String) {
    let path = folder.path().display().to_string();
    let mut args = vec!["trace", path.as_str()];
    args.extend(more);
    run_with(&args, &[("HUSH", "canary-secret")])
}

#[test]
fn a_request_with_a_scripted_backend() {
    let folder = folder();
    let args = [
        "--request",
        "POST",
        "/shop/a?b=1",
        "-H",
        "x-n: 7",
        "-d",
        "{\"a\":1}",
        "--upstream",
        "503 in 20ms\ncontent-type: text/plain\n\nbusy",
        "--format",
        "json",
    ];
    let (code, out, err) = trace(&folder, &args);
    assert_eq!(code, Some(0), "{err}");
    assert!(!out.contains("canary"), "{out}");
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["matched"]["api"], "shop");
    assert_eq!(json["response"]["status"], 503);
    assert_eq!(json["response"]["body"], "busy");
    let inbound = &json["entries"][0]["entries"][0];
    assert_eq!(
        (&inbound["kind"], &inbound["section"]),
        (&"section".into(), &"inbound".into())
    );
    let step = &inbound["entries"][0];
    assert_eq!(step["policy"], "set-variable");
    // Inside the configuration file, at the line that the user wrote.
    assert!(
        step["source"]["file"]
            .as_str()
            .unwrap()
            .ends_with("tollgate.yaml")
    );
    assert_eq!(step["source"]["line"], 14);
    assert_eq!(step["entries"][1]["after"]["value"], "7");
    let text = trace(&folder, &args[..9]).1;
    assert!(
        text.contains("variable n = \"7\"") && text.contains("api-key: ***"),
        "{text}"
    );
    assert!(
        text.contains("sends POST http://shop.test/a?b=1") && text.contains("got 503"),
        "{text}"
    );
}

#[test]
fn a_live_request_calls_the_backend() {
    let folder = folder();
    let upstream = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = upstream.local_addr().unwrap();
    folder.write(
        "tollgate.yaml",
        &CONFIG.replace("shop.test", &address.to_string()),
    );
    let serving = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = upstream.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        stream
            .write_all(b"HTTP/1.1 418 Teapot\r\ncontent-length: 3\r\n\r\ntea")
            .unwrap();
        String::from_utf8(head).unwrap()
    });
    let (code, out, err) = trace(&folder, &["--request", "GET", "/shop/tea", "--live"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(
        serving.join().unwrap().contains("api-key: canary-secret"),
        "the secret itself went out"
    );
    assert!(
        out.contains("got 418") && out.contains("tea") && !out.contains("canary"),
        "{out}"
    );
}

#[test]
fn a_fixture_and_what_is_wrong() {
    let folder = folder();
    folder.write(
        "a.test",
        "-- case one\n-- policy.xml\n<inbound>\n  <set-variable name=\"a\" value=\"@(1)\" />\n</inbound>\n-- send GET /\n-- expect 200\n-- case two\n-- send GET /\n-- expect 404\n",
    );
    let file = folder.path().join("a.test").display().to_string();
    let (code, out, _) = run_with(&["trace", "--fixture", &format!("{file}:one")], &[]);
    assert_eq!(code, Some(0));
    assert!(
        out.contains("variable a = 1 (int)") && out.contains("a.test:4:4"),
        "{out}"
    );
    let (code, out, err) = run_with(&["trace", "--fixture", &file], &[]);
    assert_eq!(code, Some(1));
    assert!(
        out.matches("answer 200").count() == 2 && err.contains("expected status 404"),
        "{err}"
    );
    assert_eq!(
        run_with(&["trace", "--fixture", &format!("{file}:three")], &[]).0,
        Some(1)
    );
    assert_eq!(run_with(&["trace"], &[]).0, Some(2));
    let (code, _, err) = trace(&folder, &["--request", "GET", "/shop", "-H", "nonsense"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("is not a header"), "{err}");
    let path = folder.path().display().to_string();
    // Without its secret a configuration can be traced, and cannot be served.
    let without = ["trace", path.as_str(), "--request", "GET", "/shop"];
    let (code, _, err) = run_with(&without, &[]);
    assert_eq!(code, Some(0), "{err}");
    let (code, _, err) = run_with(&[&without[..], &["--live"]].concat(), &[]);
    assert_eq!(code, Some(1), "the configuration is refused");
    assert!(err.contains("HUSH"), "{err}");
}
