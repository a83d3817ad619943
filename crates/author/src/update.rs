//! `tollgate test --update`: expectations that failed say what came.
//!
//! The command calls it. A case stops at its first difference, so the suite runs again after each pass, until nothing is
//! left that can be rewritten. What must stay true: only lines that still stand as they ran are written; what comes from
//! a table's row, or would be written back and forth by two cases, is left to the author.

use crate::run::{Failed, Run, Session};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;
use tollgate_engine::fixture::Edit;

/// Most passes: a case has one difference in each.
const MOST_PASSES: usize = 200;

/// Most lines that are compared to be shown, of both texts together.
const MOST_LINES: usize = 8_000;

/// What came of it.
pub struct Updated {
    /// The last run, of the files as they are now.
    pub run: Run,
    /// How many expectations were rewritten.
    pub edits: usize,
    /// The files that changed, with their text before and now.
    pub files: BTreeMap<PathBuf, (String, String)>,
}

/// Runs the cases of a session and rewrites the expectations that fail. The error says what cannot be read or written.
pub fn update(session: &mut Session) -> Result<Updated, String> {
    let mut run = session.run()?;
    let mut files: BTreeMap<PathBuf, (String, String)> = BTreeMap::new();
    let mut edits = 0;
    // What was written: a line that would go back to what it was belongs to two cases that differ.
    let mut done: BTreeSet<(PathBuf, Edit)> = BTreeSet::new();
    for _ in 0..MOST_PASSES {
        let mut pass: BTreeMap<PathBuf, Vec<Edit>> = BTreeMap::new();
        for failed in run.verdicts.iter().filter_map(|v| v.fault.as_ref()) {
            let Some(text) = text(&mut files, failed)? else {
                continue;
            };
            let planned = pass.entry(failed.file.clone()).or_default();
            if fits(&failed.edits, text, planned) && !is_back(failed, &done) {
                planned.extend(failed.edits.iter().cloned());
                done.extend(
                    failed
                        .edits
                        .iter()
                        .map(|e| (failed.file.clone(), e.clone())),
                );
                edits += 1;
            }
        }
        pass.retain(|_, edits| !edits.is_empty());
        if pass.is_empty() {
            break;
        }
        for (path, edits) in pass {
            if let Some((_, now)) = files.get_mut(&path) {
                *now = applied(now, edits);
                std::fs::write(&path, &*now).map_err(|why| format!("{}: {why}", path.display()))?;
            }
        }
        run = session.again()?;
    }
    files.retain(|_, (before, now)| before != now);
    Ok(Updated { run, edits, files })
}

/// The text of the file that a difference is in, as it is now; `None`: there is nothing to rewrite.
fn text<'f>(
    files: &'f mut BTreeMap<PathBuf, (String, String)>,
    failed: &Failed,
) -> Result<Option<&'f str>, String> {
    if failed.edits.is_empty() {
        return Ok(None);
    }
    if !files.contains_key(&failed.file) {
        let text = std::fs::read_to_string(&failed.file);
        let text = text.map_err(|why| format!("{}: {why}", failed.file.display()))?;
        files.insert(failed.file.clone(), (text.clone(), text));
    }
    Ok(files.get(&failed.file).map(|(_, now)| now.as_str()))
}

/// Whether the lines stand as they ran, and nobody else rewrites them in this pass.
fn fits(edits: &[Edit], text: &str, planned: &[Edit]) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    edits.iter().all(|edit| {
        let line = edit.line.checked_sub(1).and_then(|at| lines.get(at));
        let stands = line.is_some_and(|line| line.trim() == edit.was.trim());
        stands && planned.iter().all(|other| other.line != edit.line)
    })
}

fn is_back(failed: &Failed, done: &BTreeSet<(PathBuf, Edit)>) -> bool {
    failed.edits.iter().any(|edit| {
        done.iter().any(|(file, before)| {
            *file == failed.file
                && before.lines == [edit.was.clone()]
                && edit.lines == [before.was.clone()]
        })
    })
}

/// A text with lines replaced; its line ends stay.
fn applied(text: &str, edits: Vec<Edit>) -> String {
    let edits: BTreeMap<usize, Edit> = edits.into_iter().map(|e| (e.line, e)).collect();
    let mut out = String::with_capacity(text.len());
    for (at, line) in text.split_inclusive('\n').enumerate() {
        let Some(edit) = edits.get(&(at + 1)) else {
            out.push_str(line);
            continue;
        };
        let end = match line {
            line if line.ends_with("\r\n") => "\r\n",
            line if line.ends_with('\n') => "\n",
            _ => "",
        };
        for (number, new) in edit.lines.iter().enumerate() {
            out.push_str(new);
            // Only the last line of a text may have no end.
            let last = number + 1 == edit.lines.len();
            out.push_str(if last || !end.is_empty() { end } else { "\n" });
        }
    }
    out
}

impl Updated {
    /// What changed, as lines that went and lines that came.
    pub fn diff(&self) -> String {
        let mut out = String::new();
        for (path, (before, now)) in &self.files {
            let _ = writeln!(out, "{}", path.display());
            let (before, now): (Vec<&str>, Vec<&str>) =
                (before.lines().collect(), now.lines().collect());
            differences(&before, &now, &mut out);
        }
        out
    }
}

/// Lines of a difference, with the number that each has in its text.
fn differences(before: &[&str], now: &[&str], out: &mut String) {
    if before.len() + now.len() > MOST_LINES {
        let _ = writeln!(out, "  too many lines to compare");
        return;
    }
    // Lengths of the longest common sequences of the ends.
    let width = now.len() + 1;
    let mut common = vec![0_u32; (before.len() + 1) * width];
    for (i, old) in before.iter().enumerate().rev() {
        for (j, new) in now.iter().enumerate().rev() {
            common[i * width + j] = if old == new {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < before.len() || j < now.len() {
        if i < before.len() && j < now.len() && before[i] == now[j] {
            (i, j) = (i + 1, j + 1);
        } else if i < before.len()
            && (j == now.len() || common[(i + 1) * width + j] >= common[i * width + j + 1])
        {
            let _ = writeln!(out, "  {:>4} - {}", i + 1, before[i]);
            i += 1;
        } else {
            let _ = writeln!(out, "  {:>4} + {}", j + 1, now[j]);
            j += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(line: usize, was: &str, lines: &[&str]) -> Edit {
        Edit {
            line,
            was: was.to_owned(),
            lines: lines.iter().map(|l| (*l).to_owned()).collect(),
        }
    }

    #[test]
    fn lines_are_replaced_where_they_stand() {
        let text = "a\r\nb\r\nc";
        let edits = vec![edit(3, "c", &["x", "y"]), edit(1, "a", &[])];
        assert!(fits(&edits, text, &[]));
        assert!(!fits(&edits, text, &[edit(3, "c", &[])]));
        assert!(!fits(&[edit(2, "<cell>", &["z"])], text, &[]));
        assert_eq!(applied(text, edits), "b\r\nx\ny");
        let mut out = String::new();
        differences(&["a", "b", "c"], &["b", "d", "c"], &mut out);
        assert_eq!(out, "     1 - a\n     2 + d\n");
    }
}
