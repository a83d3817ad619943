//! Reads recordings: a file, or a folder with the files of a rotation.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use tollgate_engine::recording::Recorded;

/// Longest line, in bytes.
const LONGEST: usize = 64 << 20;

/// Most records that are read.
const MOST: usize = 10_000_000;

/// The records with their lines, in the order of time, and how many lines are none.
pub fn read(path: &Path) -> Result<(Vec<(usize, Recorded)>, usize), String> {
    let mut records = Vec::new();
    let mut unreadable = 0;
    for file in files(path)? {
        let shown = file.display();
        let open = std::fs::File::open(&file).map_err(|why| format!("{shown}: {why}"))?;
        for (at, line) in BufReader::new(open).lines().enumerate() {
            let line = line.map_err(|why| format!("{shown}: {why}"))?;
            if line.trim().is_empty() {
                continue;
            }
            let record = (line.len() <= LONGEST)
                .then(|| serde_json::from_str::<Recorded>(&line).ok())
                .flatten()
                .filter(|record| !record.request.method.is_empty());
            match record {
                Some(record) if records.len() < MOST => records.push((at + 1, record)),
                Some(_) => return Err(format!("{shown}: more than {MOST} records")),
                None => unreadable += 1,
            }
        }
    }
    // A record is written when its request has ended; RFC 3339 in UTC sorts as text but for its fraction.
    records.sort_by_cached_key(|(_, record)| millis(&record.time));
    Ok((records, unreadable))
}

/// Unix milliseconds; 0 for what is no time.
pub(super) fn millis(time: &str) -> i64 {
    time.parse::<jiff::Timestamp>()
        .map_or(0, jiff::Timestamp::as_millisecond)
}

fn files(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let entries = std::fs::read_dir(path).map_err(|why| format!("{}: {why}", path.display()))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|file| file.extension().is_some_and(|e| e == "jsonl"))
        .collect();
    files.sort();
    Ok(files)
}
