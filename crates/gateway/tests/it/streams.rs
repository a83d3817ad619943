//! Two hundred open streams: a reload neither drops nor mixes them, a drain lets them end.

use crate::process::PATIENCE;
use crate::scene::*;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tollgate_testkit::client::{fetch, get};

const STREAMS: usize = 200;
const POLICY: &str = r#"<policies><inbound><base />
    <authentication-managed-identity resource="https://cognitiveservices.azure.com" />
    <llm-emit-token-metric namespace="streams"><dimension name="API ID" /></llm-emit-token-metric>
</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"#;

/// An API that answers by itself with a name.
fn answering(id: &str) -> String {
    format!(
        r#"  - id: {id}
    path: {id}
    subscriptionRequired: false
    policy: "<policies><inbound><return-response><set-status code='200' /><set-body>{id}</set-body></return-response></inbound><backend /><outbound /></policies>"
    operations: [{{ id: any, method: GET, urlTemplate: "/*" }}]
"#
    )
}

/// What came of a stream.
#[derive(Debug)]
struct Ended {
    text: String,
    /// Those that its chunks bear, which the provider makes anew for each answer.
    ids: HashSet<String>,
}

/// Opens the streams and leaves them in their middle; each task ends with number and text.
async fn open(scene: &Scene) -> JoinSet<(usize, Ended)> {
    scene.simulator.pause(3);
    let shared = http2(scene.gateway).await;
    let (started, mut starts) = tokio::sync::mpsc::channel(STREAMS);
    let mut streams = JoinSet::new();
    for at in 0..STREAMS {
        let way = if at % 2 == 0 {
            Way::Http1(scene.gateway)
        } else {
            Way::Http2(shared.clone())
        };
        let started = started.clone();
        streams.spawn(async move {
            let mut stream = way.open(chat(KEY_A, &ask_for_stream(&prompt(at)))).await;
            assert_eq!(stream.response.status(), 200);
            assert!(stream.read(3).await);
            started.send(()).await.unwrap();
            drop(started);
            let text = stream.rest().await;
            assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
            let ids = text.split("\"id\":\"").skip(1);
            let ended = Ended {
                text: stream.contents().concat(),
                ids: ids
                    .map(|id| id[..id.find('"').unwrap()].to_owned())
                    .collect(),
            };
            (at, ended)
        });
    }
    for _ in 0..STREAMS {
        tokio::select! {
            _ = starts.recv() => {}
            Some(failed) = streams.join_next() => panic!("ended early: {failed:?}"),
        }
    }
    assert_eq!(scene.simulator.usage().open, STREAMS as u64);
    streams
}

fn prompt(at: usize) -> String {
    format!("Count to {}.", 6 + at % 20)
}

/// What the simulated model says to it.
fn answer(at: usize) -> String {
    let numbers: Vec<String> = (1..=6 + at % 20).map(|number| number.to_string()).collect();
    format!("{}.", numbers.join(", "))
}

async fn ends(scene: &Scene, mut streams: JoinSet<(usize, Ended)>, expected: &[String]) {
    scene.simulator.resume();
    let mut ids = HashSet::new();
    while let Some(stream) = streams.join_next().await {
        let (at, ended) = stream.unwrap();
        assert_eq!(ended.text, expected[at]);
        // Azure's first chunk has an empty one.
        let mut own = ended.ids.into_iter().filter(|id| !id.is_empty());
        assert!(ids.insert(own.next().unwrap()), "an id of another stream");
        assert_eq!(own.next(), None, "a chunk of another stream");
    }
    assert_eq!(ids.len(), STREAMS);
    assert_eq!(scene.simulator.usage().totals.cut, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outlive_reloads_and_a_drain() {
    many_files();
    let setting = Setting {
        more: &answering("first"),
        ..Setting::new(POLICY)
    };
    let mut scene = Scene::start(setting).await;
    let expected: Vec<String> = (0..STREAMS).map(answer).collect();
    assert_eq!(scene.told_directly(&prompt(7)).await, expected[7]);

    let streams = open(&scene).await;
    // Other calls all the while, none of which may fail.
    let stop = Arc::new(AtomicBool::new(false));
    let mut others = JoinSet::new();
    for _ in 0..2 {
        let (stop, gateway) = (stop.clone(), scene.gateway);
        others.spawn(async move {
            let mut answered = 0;
            while !stop.load(Ordering::Relaxed) {
                let answer = fetch(gateway, get("/first/x")).await.unwrap();
                assert_eq!((answer.status.as_u16(), &*answer.text()), (200, "first"));
                answered += 1;
                // Steady, and not all that the machine can do.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            answered
        });
    }
    let configured = config(scene.simulator.url(), "", &answering("first"));
    let without = configured.replace("path: openai\n", "path: elsewhere\n");
    for round in 0..4 {
        let before = scene.metric("tollgate_configuration_generation", &[]).await;
        // The API of the streams goes and comes back: what is under way has its own configuration.
        let text = if round % 2 == 0 {
            &without
        } else {
            &configured
        };
        scene.folder.write("tollgate.yaml", text);
        until("reloaded", async || {
            scene.metric("tollgate_configuration_generation", &[]).await > before
        })
        .await;
        if round == 0 {
            let gone = scene.call(KEY_A, &ask("Say hello.")).await;
            assert_eq!(gone.status, 404);
        }
    }
    ends(&scene, streams, &expected).await;
    stop.store(true, Ordering::Relaxed);
    while let Some(answered) = others.join_next().await {
        assert!(answered.unwrap() > 0);
    }
    scene.settled().await;

    let streams = open(&scene).await;
    scene.running.signal("TERM");
    scene.running.line("stopping");
    // No new caller gets in, and those inside are finished.
    until("closed to others", async || {
        let other = tokio::time::timeout(PATIENCE, tokio::net::TcpStream::connect(scene.gateway));
        other.await.unwrap().is_err()
    })
    .await;
    ends(&scene, streams, &expected).await;
    assert_eq!(scene.running.end(), Some(0));
}
