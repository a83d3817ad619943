//! Files turn at their size, and their number is bounded; a full queue drops.

use super::writer::Files;
use crate::config::RecordingConfig;
use std::path::PathBuf;

fn config(name: &str, file_size: u64, files: u32) -> (PathBuf, RecordingConfig) {
    let folder =
        std::env::temp_dir().join(format!("tollgate-recording-{}-{name}", std::process::id()));
    let config = RecordingConfig {
        file: folder.join("deep/recording.jsonl"),
        file_size,
        files,
        percent: 100,
        bodies: None,
    };
    (folder, config)
}

#[test]
fn files_turn_at_their_size_and_the_oldest_goes() {
    let (folder, config) = config("turn", 8, 3);
    let mut files = Files::open(&config).unwrap();
    for line in ["one", "two", "three", "four", "five"] {
        files.line(line.as_bytes()).unwrap();
    }
    files.flush().unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.join("deep").join(name)).unwrap();
    assert_eq!(read("recording.jsonl"), "five\n");
    assert_eq!(read("recording.1.jsonl"), "four\n");
    assert_eq!(read("recording.2.jsonl"), "three\n");
    assert_eq!(std::fs::read_dir(folder.join("deep")).unwrap().count(), 3);
    // What is there already is gone on with.
    drop(files);
    let mut files = Files::open(&config).unwrap();
    files.line(b"six").unwrap();
    files.flush().unwrap();
    assert_eq!(read("recording.1.jsonl"), "five\n");
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(&config.file)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn one_file_begins_anew() {
    let (folder, config) = config("one", 4, 1);
    let mut files = Files::open(&config).unwrap();
    files.line(b"one").unwrap();
    files.line(b"two").unwrap();
    files.flush().unwrap();
    assert_eq!(std::fs::read_to_string(&config.file).unwrap(), "two\n");
    std::fs::remove_dir_all(folder).unwrap();
}
