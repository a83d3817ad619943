//! `tollgate serve`: reload, refusal of a broken reload, drain.

use crate::check::MANGLED;
use crate::process::{Folder, PATIENCE, Running, address};
use std::net::SocketAddr;
use std::time::Instant;
use tollgate_testkit::client::{fetch, get};

fn config(api: &str, upstream: &str) -> String {
    format!(
        "gateway:\n  listen: [{{ address: \"127.0.0.1:0\" }}]\n  management: {{ address: \"127.0.0.1:0\" }}\n  threads: 2\npolicy: global.xml\napis:\n  - id: {api}\n    path: {api}\n    serviceUrl: {upstream}\n    subscriptionRequired: false\n    operations:\n      - {{ id: any, method: \"*\", urlTemplate: \"/*\" }}\n"
    )
}

const GLOBAL: &str =
    "<policies><inbound /><backend><forward-request /></backend><outbound /></policies>";

struct Serving {
    running: Running,
    gateway: SocketAddr,
    management: SocketAddr,
}

fn serve(folder: &Folder) -> Serving {
    let mut running = Running::start(&["serve", folder.text()], &[]);
    let gateway = address(&running.line("serving http://"));
    let management = address(&running.line("management http://"));
    running.line("ready");
    Serving {
        running,
        gateway,
        management,
    }
}

async fn status(address: SocketAddr, path: &str) -> u16 {
    fetch(address, get(path)).await.unwrap().status.as_u16()
}

/// What `/readyz` says of the configuration, once `holds`.
async fn configuration(
    management: SocketAddr,
    holds: impl Fn(&serde_json::Value) -> bool,
) -> serde_json::Value {
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = fetch(management, get("/readyz")).await.unwrap();
        let configuration = answer.json()["configuration"].clone();
        if holds(&configuration) {
            return configuration;
        }
        assert!(Instant::now() < end, "{configuration}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_broken_reload_keeps_what_runs() {
    let simulator =
        tollgate_testkit::Simulator::start(tollgate_testkit::SimulatorConfig::default())
            .await
            .unwrap();
    let folder = Folder::new();
    folder.write("global.xml", GLOBAL);
    folder.write("tollgate.yaml", &config("first", simulator.url()));
    let mut serving = serve(&folder);
    let (gateway, management) = (serving.gateway, serving.management);
    assert_eq!(status(gateway, "/first/livez").await, 200);
    assert_eq!(status(gateway, "/second/livez").await, 404);

    folder.write("global.xml", MANGLED);
    let line = serving
        .running
        .line("configuration refused, the running one stays");
    assert!(line.contains("ERROR"), "{line}");
    serving.running.line("global.xml:1:");
    let told = configuration(management, |c| c["refusedReloads"].as_u64() > Some(0)).await;
    assert_eq!(told["generation"], 1);
    assert!(
        told["lastRefusal"]
            .as_str()
            .unwrap()
            .contains("global.xml:1:")
    );
    assert_eq!(status(gateway, "/first/livez").await, 200);

    folder.write("tollgate.yaml", &config("second", simulator.url()));
    folder.write("global.xml", GLOBAL);
    let told = configuration(management, |c| c["generation"].as_u64() > Some(1)).await;
    assert!(told["lastRefusal"].is_null(), "{told}");
    configuration(management, |_| true).await;
    assert_eq!(status(gateway, "/second/livez").await, 200);
    assert_eq!(status(gateway, "/first/livez").await, 404);

    let before = told["generation"].as_u64();
    serving.running.signal("HUP");
    configuration(management, |c| c["generation"].as_u64() > before).await;

    serving.running.signal("TERM");
    assert_eq!(serving.running.end(), Some(0));
    simulator.shutdown().await;
}

#[test]
fn a_taken_address_is_an_error_with_a_remedy() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = Folder::new();
    folder.write("global.xml", GLOBAL);
    let text = config("a", "http://127.0.0.1:1").replacen(
        "127.0.0.1:0",
        &taken.local_addr().unwrap().to_string(),
        1,
    );
    folder.write("tollgate.yaml", &text);
    let (code, _, err) = crate::process::run(&["serve", folder.path().to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(
        err.contains("cannot listen on") && err.contains("choose another"),
        "{err}"
    );
}
