//! `tollgate debug` as an editor drives it: breakpoints, steps, values, expressions, failures, and clients that misbehave.

use crate::process::{Folder, PATIENCE};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// An editor.
struct Editor {
    child: Child,
    input: Option<Box<dyn Write>>,
    messages: Receiver<Value>,
    /// What came while something else was waited for.
    seen: Vec<Value>,
    seq: i64,
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Editor {
    fn start() -> Editor {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .arg("debug")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = child.stdout.take().unwrap();
        let input = child.stdin.take().unwrap();
        Editor::over(child, output, input)
    }

    /// Talks to a debugger over these streams.
    fn over(
        child: Child,
        output: impl Read + Send + 'static,
        input: impl Write + 'static,
    ) -> Editor {
        let mut output = BufReader::new(output);
        let (to, messages) = channel();
        std::thread::spawn(move || {
            loop {
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    if output.read_line(&mut line).unwrap_or(0) == 0 {
                        return;
                    }
                    if let Some(n) = line.strip_prefix("Content-Length: ") {
                        length = n.trim().parse().unwrap();
                    }
                    if line.trim().is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                if output.read_exact(&mut body).is_err() {
                    return;
                }
                if to.send(serde_json::from_slice(&body).unwrap()).is_err() {
                    return;
                }
            }
        });
        Editor {
            input: Some(Box::new(input)),
            child,
            messages,
            seen: Vec::new(),
            seq: 0,
        }
    }

    fn raw(&mut self, text: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(text.as_bytes()).unwrap();
        input.flush().unwrap();
    }

    fn find(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.seen.iter().position(&wanted) {
            return self.seen.remove(at);
        }
        loop {
            let next = self.messages.recv_timeout(PATIENCE);
            let next =
                next.unwrap_or_else(|_| panic!("{what} did not come; came: {:#?}", self.seen));
            if wanted(&next) {
                return next;
            }
            self.seen.push(next);
        }
    }

    /// Sends a request and gives its whole answer.
    fn ask(&mut self, command: &str, arguments: Value) -> Value {
        self.seq += 1;
        let seq = self.seq;
        let text =
            json!({ "seq": seq, "type": "request", "command": command, "arguments": arguments })
                .to_string();
        self.raw(&format!("Content-Length: {}\r\n\r\n{text}", text.len()));
        self.find(command, |m| m["request_seq"] == seq)
    }

    /// The body of an answer that must be a good one.
    fn does(&mut self, command: &str, arguments: Value) -> Value {
        let answer = self.ask(command, arguments);
        assert_eq!(answer["success"], true, "{command}: {answer}");
        answer["body"].clone()
    }

    fn event(&mut self, name: &str) -> Value {
        self.find(name, |m| m["event"] == name)["body"].clone()
    }

    /// Waits for a stop and gives its reason, and the frames as `name line`.
    fn stopped(&mut self) -> (String, Vec<String>, Value) {
        let stopped = self.event("stopped");
        let thread = stopped["threadId"].clone();
        let stack = self.does("stackTrace", json!({ "threadId": thread }));
        let frames = stack["stackFrames"].as_array().unwrap();
        let shown = frames.iter().map(|f| {
            let file = f["source"]["name"].as_str().unwrap_or("-");
            format!("{} {file}:{}", f["name"].as_str().unwrap(), f["line"])
        });
        let shown = shown.collect();
        (
            stopped["reason"].as_str().unwrap().to_owned(),
            shown,
            frames[0]["id"].clone(),
        )
    }

    fn evaluate(&mut self, frame: &Value, expression: &str) -> String {
        let arguments = json!({ "expression": expression, "frameId": frame, "context": "watch" });
        let answer = self.ask("evaluate", arguments);
        match answer["success"] == true {
            true => answer["body"]["result"].as_str().unwrap().to_owned(),
            false => format!("! {}", answer["message"].as_str().unwrap()),
        }
    }

    /// `name = value` of what a scope or a value holds.
    fn inside(&mut self, reference: &Value) -> Vec<(String, String, Value)> {
        let body = self.does("variables", json!({ "variablesReference": reference }));
        let all = body["variables"].as_array().unwrap().clone();
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        all.iter()
            .map(|v| {
                (
                    text(&v["name"]),
                    text(&v["value"]),
                    v["variablesReference"].clone(),
                )
            })
            .collect()
    }

    fn scope(&mut self, frame: &Value, name: &str) -> Vec<(String, String, Value)> {
        let scopes = self.does("scopes", json!({ "frameId": frame }));
        let scopes = scopes["scopes"].as_array().unwrap().clone();
        let found = scopes.iter().find(|s| s["name"] == name).unwrap();
        self.inside(&found["variablesReference"].clone())
    }
}

const CONFIG: &str = r#"
gateway: { listen: [{ address: "127.0.0.1:0" }] }
namedValues:
  - { id: hush, env: HUSH }
policy: global.xml
policyFragments:
  - { id: shared, policy: shared.xml }
apis:
  - id: shop
    path: shop
    serviceUrl: http://shop.test
    subscriptionRequired: false
    operations: [{ id: any, method: "*", urlTemplate: "/*" }]
    policy: shop.xml
"#;

const GLOBAL: &str = "<policies>
  <inbound>
    <set-variable name=\"global\" value=\"@(1)\" />
  </inbound>
  <backend>
    <forward-request />
  </backend>
  <outbound />
  <on-error>
    <set-header name=\"where\" exists-action=\"override\"><value>@(context.LastError.Source)</value></set-header>
  </on-error>
</policies>
";

const SHARED: &str = "<fragment>
  <set-variable name=\"sum\" value=\"@(((JObject)context.Variables[\"order\"])[\"items\"].Count())\" />
</fragment>
";

const SHOP: &str = "<policies>
  <inbound>
    <set-variable name=\"order\" value=\"@(context.Request.Body.As<JObject>(true))\" />
    <base />
    <set-variable name=\"secret\" value=\"@(\"{{hush}}\" + \"!\")\" />
    <include-fragment fragment-id=\"shared\" />
    <choose>
      <when condition=\"@((int)context.Variables[\"sum\"] > 1)\">
        <set-header name=\"x-large\" exists-action=\"override\">
          <value>yes</value>
        </set-header>
      </when>
    </choose>
  </inbound>
  <backend>
    <base />
  </backend>
  <outbound>
    <base />
    <set-body>@(context.Response.Body.As<string>().ToUpper())</set-body>
  </outbound>
  <on-error>
    <base />
  </on-error>
</policies>
";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("tollgate.yaml", CONFIG);
    folder.write("global.xml", GLOBAL);
    folder.write("shared.xml", SHARED);
    folder.write("shop.xml", SHOP);
    folder
}

fn path(folder: &Folder, file: &str) -> Value {
    json!({ "path": folder.path().join(file) })
}

fn launch(folder: &Folder) -> Value {
    json!({
        "config": folder.path(),
        "env": { "HUSH": "canary-secret" },
        "send": {
            "method": "POST",
            "url": "/shop/orders",
            "headers": { "Content-Type": "application/json", "Authorization": "Bearer canary-token" },
            "body": { "items": [{ "n": 1 }, { "n": 2 }], "password": "canary-password" }
        },
        "upstream": ["201\ncontent-type: text/plain\n\ncreated"]
    })
}

#[test]
fn breakpoint_step_inspect_evaluate_continue() {
    let folder = folder();
    let mut editor = Editor::start();
    let can = editor.does("initialize", json!({ "adapterID": "tollgate" }));
    assert_eq!(can["supportsConditionalBreakpoints"], true);
    editor.event("initialized");
    editor.does("launch", launch(&folder));
    // The line of `</inbound>` in the fragment's end has no step behind it; a comment's line snaps to the next step.
    let set = editor.does(
        "setBreakpoints",
        json!({ "source": path(&folder, "shared.xml"), "breakpoints": [{ "line": 1 }, { "line": 3 }] }),
    );
    let told: Vec<_> = set["breakpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| (b["verified"].clone(), b["line"].clone()))
        .collect();
    assert_eq!(told, [(json!(true), json!(2)), (json!(false), json!(3))]);
    editor.does(
        "setBreakpoints",
        json!({ "source": path(&folder, "shop.xml"), "breakpoints": [
            { "line": 9, "condition": "context.Request.Method == \"POST\"" },
            { "line": 5, "condition": "context.Request.Method == \"GET\"" },
            { "line": 7, "logMessage": "sum is {context.Variables[\"sum\"]} in {context.Api.Id}" },
        ] }),
    );
    editor.does(
        "setExceptionBreakpoints",
        json!({ "filters": ["failures"] }),
    );
    editor.does("configurationDone", json!({}));

    let (reason, frames, frame) = editor.stopped();
    assert_eq!(reason, "breakpoint");
    assert_eq!(
        frames,
        [
            "set-variable shared.xml:2",
            "include-fragment shop.xml:6",
            "inbound of api shop shop.xml:4"
        ]
    );
    // Variables, JSON with its parts, and nothing secret.
    let variables = editor.scope(&frame, "context.Variables");
    let names: Vec<_> = variables
        .iter()
        .map(|(n, v, _)| format!("{n}={v}"))
        .collect();
    assert_eq!(names[1..], ["global=1", "secret=***"]);
    assert!(
        names[0].starts_with("order={\"items\":[{\"n\":1},{\"n\":2}]"),
        "{names:?}"
    );
    let order = editor.inside(&variables[0].2);
    assert_eq!(
        (order[1].0.as_str(), order[1].1.as_str()),
        ("password", "***")
    );
    let items = editor.inside(&order[0].2);
    assert_eq!(items[1].1, "{\"n\":2}");
    let request = editor.scope(&frame, "context.Request");
    let headers = request
        .iter()
        .find(|(n, ..)| n == "Headers")
        .unwrap()
        .2
        .clone();
    let headers = editor.inside(&headers);
    assert!(
        headers
            .iter()
            .any(|(n, v, _)| n == "authorization" && v == "Bearer ***"),
        "{headers:?}"
    );

    // Expressions, also ones that would consume the body.
    assert_eq!(
        editor.evaluate(&frame, "1 + (int)context.Variables[\"global\"]"),
        "2"
    );
    assert_eq!(
        editor.evaluate(
            &frame,
            "context.Request.Body.As<JObject>()[\"items\"].Count()"
        ),
        "2"
    );
    assert_eq!(
        editor.evaluate(
            &frame,
            "@(context.Request.Body.As<JObject>()[\"items\"].Count())"
        ),
        "2"
    );
    assert_eq!(
        editor.evaluate(&frame, "context.Request.Headers[\"Authorization\"][0]"),
        "\"***\""
    );
    assert!(
        editor
            .evaluate(&frame, "((string)null).Length")
            .starts_with("! System.NullReferenceException")
    );
    assert!(editor.evaluate(&frame, "context.Nothing").starts_with("! "));

    // Over the fragment's end, into the branch.
    editor.does("next", json!({ "threadId": 1 }));
    let (reason, frames, _) = editor.stopped();
    assert_eq!(
        (reason.as_str(), frames[0].as_str()),
        ("step", "choose shop.xml:7")
    );
    editor.does("stepIn", json!({ "threadId": 1 }));
    let (reason, frames, _) = editor.stopped();
    assert_eq!(reason, "breakpoint");
    assert_eq!(
        frames,
        [
            "set-header shop.xml:9",
            "when shop.xml:8",
            "choose shop.xml:7",
            "inbound of api shop shop.xml:4"
        ]
    );
    let logged = editor.find("the log point", |m| {
        m["event"] == "output" && m["body"]["output"] == "sum is 2 in shop\n"
    });
    assert_eq!(logged["body"]["category"], "console");

    // Out of the branch, the choose and the section: the backend's step.
    editor.does("stepOut", json!({ "threadId": 1 }));
    let (_, frames, _) = editor.stopped();
    assert_eq!(frames[0], "forward-request global.xml:6");
    editor.does("next", json!({ "threadId": 1 }));
    let (_, frames, frame) = editor.stopped();
    assert_eq!(frames[0], "set-body shop.xml:20");
    assert_eq!(
        editor.evaluate(&frame, "context.Response.StatusCode"),
        "201"
    );
    assert_eq!(
        editor.evaluate(&frame, "context.Response.Body.As<string>()"),
        "\"created\""
    );
    editor.does("continue", json!({ "threadId": 1 }));
    let exited = editor.event("exited");
    assert_eq!(exited["exitCode"], 0);
    editor.event("terminated");
    editor.find("the answer", |m| {
        m["body"]["output"] == "answered 201 Created\n"
    });
    editor.find("the call", |m| {
        m["body"]["output"] == "-> POST shop.test/shop/orders\n"
            || m["body"]["output"] == "-> POST shop.test/orders\n"
    });
    editor.does("disconnect", json!({}));
    assert!(!format!("{:?}", editor.seen).contains("canary"));
}

#[test]
fn failures_stop_and_an_entry_does() {
    let folder = folder();
    folder.write(
        "shared.xml",
        "<fragment>\n  <set-variable name=\"sum\" value=\"@(int.Parse(\"x\"))\" />\n</fragment>\n",
    );
    let mut editor = Editor::start();
    editor.does("initialize", json!({}));
    let mut arguments = launch(&folder);
    arguments["stopOnEntry"] = json!(true);
    editor.does("launch", arguments);
    editor.does(
        "setExceptionBreakpoints",
        json!({ "filters": ["failures"] }),
    );
    editor.does("configurationDone", json!({}));
    let (reason, frames, _) = editor.stopped();
    assert_eq!(
        (reason.as_str(), frames[0].as_str()),
        ("entry", "set-variable shop.xml:3")
    );
    editor.does("continue", json!({ "threadId": 1 }));
    let (reason, frames, _) = editor.stopped();
    assert_eq!(
        (reason.as_str(), frames[0].as_str()),
        ("exception", "set-variable shared.xml:2")
    );
    let about = editor.does("exceptionInfo", json!({ "threadId": 1 }));
    assert_eq!(about["exceptionId"], "ExpressionValueEvaluationFailure");
    editor.does("next", json!({ "threadId": 1 }));
    let (_, frames, frame) = editor.stopped();
    assert_eq!(frames[0], "set-header global.xml:10");
    let error = editor.scope(&frame, "context.LastError");
    assert!(
        error
            .iter()
            .any(|(n, v, _)| n == "Source" && v == "set-variable"),
        "{error:?}"
    );
    editor.does("disconnect", json!({}));
}

#[test]
fn what_cannot_be_launched_says_why() {
    let folder = folder();
    let mut editor = Editor::start();
    editor.does("initialize", json!({}));
    for (arguments, why) in [
        (json!({}), "expected `config`"),
        (json!({ "config": folder.path() }), "expected `send`"),
        // The real backends want the real secret.
        (json!({ "config": folder.path(), "live": true }), "HUSH"),
        (json!({ "fixture": "nowhere.test" }), "nowhere.test"),
        (json!({ "config": 1 }), "launch configuration"),
    ] {
        let answer = editor.ask("launch", arguments);
        assert_eq!(answer["success"], false);
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains(why), "{message}");
    }
    // Malformed messages cost themselves only.
    editor.raw("Content-Length: 3\r\n\r\n{{{");
    editor.raw("Content-Length: 2\r\nX: y\r\n\r\n[]");
    assert_eq!(
        editor.ask("threads", json!({}))["body"]["threads"],
        json!([])
    );
    assert_eq!(
        editor.ask("stackTrace", json!({ "threadId": 7 }))["success"],
        false
    );
    assert_eq!(
        editor.ask("variables", json!({ "variablesReference": -5 }))["success"],
        false
    );
    assert_eq!(editor.ask("continue", Value::Null)["success"], false);
    assert_eq!(editor.ask("nonsense", json!({}))["success"], false);
    editor.does("disconnect", json!({}));
}

/// Ends when the child has, or fails.
fn ends(editor: &mut Editor) {
    let begun = std::time::Instant::now();
    while editor.child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < PATIENCE, "the debugger did not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_editor_that_vanishes_ends_the_session() {
    let folder = folder();
    let mut editor = Editor::start();
    editor.does("initialize", json!({}));
    let mut arguments = launch(&folder);
    arguments["stopOnEntry"] = json!(true);
    editor.does("launch", arguments);
    editor.does("configurationDone", json!({}));
    editor.stopped();
    drop(editor.input.take());
    ends(&mut editor);
}

#[test]
fn a_case_of_a_fixture_is_debugged_in_its_own_file() {
    let folder = Folder::new();
    folder.write(
        "shop.test",
        "-- case first\n-- policy.xml\n<inbound>\n  <set-variable name=\"a\" value=\"@(1)\" />\n</inbound>\n-- send GET /\n-- expect 200\n",
    );
    let mut editor = Editor::start();
    editor.does("initialize", json!({}));
    let fixture = folder.path().join("shop.test");
    editor.does(
        "launch",
        json!({ "fixture": format!("{}:first", fixture.display()) }),
    );
    editor.does(
        "setBreakpoints",
        json!({ "source": path(&folder, "shop.test"), "breakpoints": [{ "line": 4 }] }),
    );
    editor.does("configurationDone", json!({}));
    // Known only when the case has been loaded.
    let changed = editor.event("breakpoint");
    assert_eq!(changed["breakpoint"]["verified"], true);
    let (reason, frames, _) = editor.stopped();
    assert_eq!(
        (reason.as_str(), frames[0].as_str()),
        ("breakpoint", "set-variable shop.test:4")
    );
    editor.does("continue", json!({ "threadId": 1 }));
    assert_eq!(editor.event("exited")["exitCode"], 0);
    editor.does("disconnect", json!({}));
}

/// Requests of others to a gateway that the debugger runs: each is a thread, and one that is held holds no other.
#[test]
fn a_gateway_is_attached_to() {
    let folder = folder();
    folder.write(
        "shop.xml",
        "<policies>\n  <inbound>\n    <return-response>\n      <set-status code=\"200\" />\n      <set-body>@(context.Request.Url.Path)</set-body>\n    </return-response>\n  </inbound>\n</policies>\n",
    );
    let mut editor = Editor::start();
    editor.does("initialize", json!({}));
    editor.does(
        "attach",
        json!({ "config": folder.path(), "env": { "HUSH": "x" } }),
    );
    let source = path(&folder, "shop.xml");
    editor.does("setBreakpoints", json!({ "source": source, "breakpoints": [{ "line": 3, "condition": "context.Request.Url.Path.Contains(\"held\")" }] }));
    editor.does("configurationDone", json!({}));
    let serving = editor.find("the address", |m| {
        m["body"]["output"]
            .as_str()
            .is_some_and(|o| o.starts_with("serving on "))
    });
    let address = serving["body"]["output"].as_str().unwrap()["serving on ".len()..]
        .trim()
        .to_owned();
    let call = |target: &str| {
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        stream
    };
    let read = |mut stream: std::net::TcpStream| {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    let held = call("/shop/held");
    let (reason, frames, frame) = editor.stopped();
    assert_eq!(
        (reason.as_str(), frames[0].as_str()),
        ("breakpoint", "return-response shop.xml:3")
    );
    assert!(
        read(call("/shop/other")).ends_with("\r\n\r\n/other"),
        "others are served meanwhile"
    );
    assert_eq!(
        editor.evaluate(&frame, "context.Request.Url.Path"),
        "\"/held\""
    );
    let threads = editor.does("threads", json!({}));
    let id = threads["threads"].as_array().unwrap().last().unwrap()["id"].clone();
    editor.does("continue", json!({ "threadId": id }));
    assert!(read(held).ends_with("/held"));
    // A held request goes on when its editor leaves.
    let held = call("/shop/held");
    editor.stopped();
    editor.does("disconnect", json!({}));
    ends(&mut editor);
    drop(held);
}

/// One editor after the other, each with a session of its own.
#[test]
fn editors_on_a_port() {
    let folder = folder();
    let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["debug", "--port", "0"])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    let address = line
        .trim()
        .strip_prefix("debugging on ")
        .unwrap()
        .to_owned();
    let connect = || {
        let stream = std::net::TcpStream::connect(&address).unwrap();
        (stream.try_clone().unwrap(), stream)
    };
    let (read, write) = connect();
    let mut editor = Editor::over(child, read, write);
    editor.does("initialize", json!({}));
    editor.does("disconnect", json!({}));
    let (read, write) = connect();
    let child = std::mem::replace(&mut editor.child, Command::new("true").spawn().unwrap());
    let mut editor = Editor::over(child, read, write);
    editor.does("initialize", json!({}));
    let mut arguments = launch(&folder);
    arguments["stopOnEntry"] = json!(true);
    editor.does("launch", arguments);
    editor.does("configurationDone", json!({}));
    assert_eq!(editor.stopped().0, "entry");
    // What runs ends with the request to, and says so once.
    editor.does("terminate", json!({}));
    editor.event("terminated");
    editor.does("disconnect", json!({}));
    assert!(!editor.seen.iter().any(|m| m["event"] == "terminated"));
}
