//! Monthly statements: sent by the gateway when a month is over, and by `tollgate statement --send`, once.

use crate::budgets::Hook;
use crate::process::{Folder, Running, run_with};
use crate::scene::until;
use std::sync::Arc;
use tollgate_state::ledger::{self, Call, EndReason, Record, Settlement, Tokens, Writer};

/// A configuration with calls of two teams last month, and a webhook.
fn site(hook: &Hook, day: i8) -> Folder {
    let folder = Folder::new();
    let books = folder.path().join("ledger");
    let mut writer = Writer::new(Arc::new(ledger::Folder::open(&books, 1).unwrap()), 0);
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let month = today.date().first_of_month().yesterday().unwrap();
    let at = month.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    let at: u64 = at.as_millisecond().try_into().unwrap();
    for (id, team) in [(1, "research"), (2, "support"), (3, "research")] {
        let tokens = Tokens {
            input: 100,
            ..Tokens::default()
        };
        let settlement = Settlement {
            call: Call {
                id,
                admitted_ms: at,
                product: team.into(),
                provider: "openai".into(),
                model: "gpt-4o".into(),
                tier: "standard".into(),
                ..Call::default()
            },
            settled_ms: at,
            end: EndReason::Done,
            status: 200,
            tokens,
            total: 100,
            cost_pico: Some(250_000_000),
            attempts: 1,
            ..Settlement::default()
        };
        writer.write(&Record::Settlement(settlement)).unwrap();
    }
    drop(writer);
    folder.write(
        "tollgate.yaml",
        &format!(
            "gateway:
  listen: [{{ address: '127.0.0.1:0' }}]
  management: {{ address: '127.0.0.1:0' }}
  ledger:
    folder: ledger
  budgets:
    notifications:
      - {{ id: hook, url: 'http://{}/', secret: env:HOOK_SECRET, deadline: 30s }}
  statements:
    day: {day}
    time: '00:00'
    send:
      - {{ team: support, notification: hook }}
      - {{ notification: hook }}
apis: []
",
            hook.address
        ),
    );
    folder
}

const SECRET: [(&str, &str); 1] = [("HOOK_SECRET", "a secret of the hook")];

/// Ids and teams of what was posted.
fn posted(hook: &Hook) -> Vec<(String, String)> {
    let posts = hook.posts.lock().unwrap();
    let mut posted: Vec<(String, String)> = posts
        .iter()
        .map(|(head, body)| {
            assert!(head.contains("webhook-signature: v1,"), "{head}");
            let id = head.split("webhook-id: ").nth(1).unwrap();
            let id = id.lines().next().unwrap();
            let text = body["text"].as_str().unwrap();
            let team = text.lines().next().unwrap();
            (id.split('/').nth(1).unwrap().to_owned(), team.to_owned())
        })
        .collect();
    posted.sort();
    posted
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_sends_each_once() {
    let hook = Hook::start(1).await;
    let folder = site(&hook, 1);
    let mut running = Running::start(&["serve", folder.text()], &SECRET);
    running.line("ready");
    // The first post is refused, and tried again.
    until("both statements", async || posted(&hook).len() == 2).await;
    running.line("statement sent");
    running.line("statement sent");
    let posts = posted(&hook);
    assert_eq!(posts[0].0, "research");
    assert_eq!(posts[1].0, "support");
    assert!(
        posts[0].1.starts_with("AI usage of research, 20"),
        "{posts:?}"
    );
    drop(running);

    // Neither a gateway that starts again nor a scheduler sends them again.
    let mut running = Running::start(&["serve", folder.text()], &SECRET);
    running.line("ready");
    drop(running);
    let args = ["statement", folder.text(), "--send"];
    let path = args.map(str::to_owned);
    let again = tokio::task::spawn_blocking(move || {
        let args: Vec<&str> = path.iter().map(String::as_str).collect();
        run_with(&args, &SECRET)
    });
    let (code, out, err) = again.await.unwrap();
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("nothing to send"), "{out}");
    assert_eq!(posted(&hook), posts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_sends_what_is_left() {
    let hook = Hook::start(1).await;
    let folder = site(&hook, 28);
    let send = async |more: Vec<&'static str>| {
        let path = folder.text().to_owned();
        let sent = tokio::task::spawn_blocking(move || {
            let mut args = vec!["statement", &path, "--send"];
            args.extend(more);
            run_with(&args, &SECRET)
        });
        sent.await.unwrap()
    };
    // Of a month without calls only who is named gets one.
    let (code, out, err) = send(vec!["--month", "2020-02"]).await;
    assert_eq!((code, &*out), (Some(0), "support: sent to hook\n"), "{err}");
    let (code, out, err) = send(Vec::new()).await;
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(out, "research: sent to hook\nsupport: sent to hook\n");
    let (code, out, _) = send(Vec::new()).await;
    assert_eq!(code, Some(0));
    assert!(out.starts_with("nothing to send"), "{out}");
}
