//! Reloading: by file change and by request; a bad file changes nothing.

use crate::folder::Folder;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tollgate_control::{Options, Publish, Reload, load_with};
use tollgate_engine::Snapshot;

/// Longest wait for something that must come. Nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

enum Seen {
    Published(Arc<Snapshot>),
    Refused(String),
}

struct Recorder(Sender<Seen>);

impl Publish for Recorder {
    fn publish(&self, snapshot: Arc<Snapshot>) -> u64 {
        let _ = self.0.send(Seen::Published(snapshot));
        2
    }

    fn refuse(&self, why: String) {
        let _ = self.0.send(Seen::Refused(why));
    }
}

fn start(folder: &Folder, watch: bool) -> (Reload, Receiver<Seen>) {
    folder.write("tollgate.yaml", &text("a", watch));
    folder.write(
        "global.xml",
        "<policies><inbound /><backend><forward-request /></backend></policies>",
    );
    let options = Options::default();
    let first = load_with(folder.path(), &options);
    assert!(
        first.snapshot.is_some(),
        "{}",
        first.diagnostics.render(&first.sources, false)
    );
    let (sender, seen) = channel();
    let reload = Reload::start(folder.path().into(), options, &first, Recorder(sender)).unwrap();
    (reload, seen)
}

fn text(api: &str, watch: bool) -> String {
    format!(
        "gateway: {{ watch: {watch} }}\npolicy: global.xml\napis:\n  - id: {api}\n    path: x\n    serviceUrl: http://127.0.0.1:1\n"
    )
}

#[test]
fn follows_files_and_keeps_what_is_good() {
    let folder = Folder::new();
    let (_reload, seen) = start(&folder, true);
    folder.write("tollgate.yaml", &text("b", true));
    let Seen::Published(snapshot) = seen.recv_timeout(PATIENCE).unwrap() else {
        panic!("refused");
    };
    assert_eq!(&*snapshot.apis[0].id, "b");
    // A document that the configuration names is followed too.
    folder.write(
        "global.xml",
        "<policies>\n  <inbound><set-heder /></inbound>\n</policies>",
    );
    let Seen::Refused(why) = seen.recv_timeout(PATIENCE).unwrap() else {
        panic!("published");
    };
    assert!(
        why.contains("global.xml:2:") && why.contains("set-heder"),
        "{why}"
    );
    folder.write("global.xml", "<policies><inbound /></policies>");
    assert!(matches!(
        seen.recv_timeout(PATIENCE).unwrap(),
        Seen::Published(_)
    ));
}

#[test]
fn loads_on_request_without_watching() {
    let folder = Folder::new();
    let (reload, seen) = start(&folder, false);
    folder.write("tollgate.yaml", &text("c", false));
    reload.trigger().load();
    let Seen::Published(snapshot) = seen.recv_timeout(PATIENCE).unwrap() else {
        panic!("refused");
    };
    assert_eq!(&*snapshot.apis[0].id, "c");
    drop(reload);
    assert!(seen.recv_timeout(PATIENCE).is_err(), "the thread has ended");
}
