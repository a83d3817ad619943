//! Recording that its file does not keep up with.

use crate::support::*;
use crate::tls::Folder;
use std::process::Command;
use tollgate_proxy::config::RecordingConfig;

/// Bytes of a request's body, which comes back as a part of the answer.
const BODY: usize = 60 << 10;

/// The writer hangs in a pipe that nobody reads: calls go on, memory is bounded, and what was not recorded is counted.
#[tokio::test]
async fn a_file_that_takes_nothing_costs_records_and_no_call() {
    let backend = Backend::echo().await;
    let folder = Folder::new();
    let file = folder.write("unused", "").with_file_name("recording.jsonl");
    assert!(
        Command::new("mkfifo")
            .arg(&file)
            .status()
            .unwrap()
            .success()
    );
    // Open for both, so that neither side waits for the other.
    let pipe = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&file)
        .unwrap();
    let config = RecordingConfig {
        file,
        file_size: u64::MAX,
        files: 1,
        percent: 100,
        bodies: Some(64 << 10),
    };
    let running = start(definition(&backend.url(), None), |c| {
        c.recording = Some(config);
    });
    let request = format!(
        "POST /api/x HTTP/1.1\r\nhost: gateway\r\nocp-apim-subscription-key: {KEY}\r\ncontent-length: {BODY}\r\n\r\n{}",
        "x".repeat(BODY)
    );
    let mut wire = running.connect().await;
    let mut calls = 0;
    // 64 MiB wait for the writer at most, some 120 KiB for each call.
    while running.metric("tollgate_recording_dropped_total") < 3 {
        assert_eq!(status(&wire.call(&request).await), 200);
        calls += 1;
        assert!(calls < 1500, "nothing was dropped");
    }
    assert!(calls > 400, "dropped after {calls}");
    // A record that the writer hangs in, and those that wait, are neither.
    let known = running.metric("tollgate_recording_written_total") + 3;
    assert!(known < calls, "{known} of {calls}");
    assert_eq!(running.settled("answered"), calls);
    // The writer gets an end of file's error, and its thread ends.
    drop(pipe);
}
