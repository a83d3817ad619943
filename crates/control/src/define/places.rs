//! Where texts that stand inside the configuration file are to be shown, and what must not be shown at all.
//!
//! What must stay true: a fault in an inline policy points at its line and column in the configuration file; blacking
//! out keeps all offsets.

use crate::yaml::Place;
use tollgate_lang::{Diagnostic, Diagnostics, FileId, Sources, Span};

/// What a lint calls a secret that stands in a document: its place is not shown.
const LITERAL_SECRET: &str = "TG0607";

/// A policy document inside the configuration file.
pub(crate) struct Inline {
    /// The document's own text.
    pub(super) file: FileId,
    /// Offsets of its lines: in the document, in the configuration file.
    pub(super) lines: Vec<(u32, u32)>,
}

impl Inline {
    /// Finds the lines of a scalar in the file. `None` when it is written in a way that folds lines or escapes.
    pub(super) fn locate(
        file: FileId,
        document: &str,
        source: &str,
        place: Place,
    ) -> Option<Inline> {
        let mut at = place.start as usize;
        let mut offset = 0;
        let mut lines = Vec::new();
        for line in document.split_inclusive('\n') {
            let content = line.trim_end_matches(['\n', '\r']).trim_start();
            let lead = line.len() - line.trim_start_matches([' ', '\t']).len();
            if !content.is_empty() {
                let rest = source.get(at..)?;
                // Before the first line stands what introduces the scalar: a quote, or `|2-` with a comment.
                at += if lines.is_empty() {
                    source.get(at..place.end as usize)?.find(content)?
                } else {
                    rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len()
                };
                if !source[at..].starts_with(content) {
                    return None;
                }
                let start = u32::try_from(at.checked_sub(lead)?).ok()?;
                lines.push((u32::try_from(offset).ok()?, start));
                at += content.len();
            }
            offset += line.len();
        }
        Some(Inline { file, lines })
    }

    /// An offset of the document in the configuration file.
    fn offset(&self, at: u32) -> u32 {
        let line = self
            .lines
            .partition_point(|(start, _)| *start <= at)
            .saturating_sub(1);
        match self.lines.get(line) {
            Some((start, outer)) => outer.saturating_add(at.saturating_sub(*start)),
            None => 0,
        }
    }
}

/// How the diagnostics of a load are shown.
pub(crate) struct Places {
    pub(super) file: FileId,
    pub(super) inline: Vec<Inline>,
    /// Where literal secrets stand.
    pub(crate) secrets: Vec<Place>,
    /// Number of policy documents and fragments.
    pub(crate) policies: usize,
}

impl Places {
    /// The diagnostic with its spans in files that the user has.
    pub(crate) fn of(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        diagnostic.span = diagnostic.span.map(|span| self.outer(span));
        for (span, _) in &mut diagnostic.related {
            *span = self.outer(*span);
        }
        diagnostic
    }

    /// A span in a file that the user has.
    pub(crate) fn outer(&self, span: Span) -> Span {
        match self.inline.iter().find(|i| i.file == span.file) {
            Some(inline) => {
                let start = inline.offset(span.start);
                Span {
                    file: self.file,
                    start,
                    end: inline.offset(span.end).max(start),
                }
            }
            None => span,
        }
    }
}

/// The texts without the secrets in documents that diagnostics point at.
pub fn without_secrets(diagnostics: &Diagnostics, sources: Sources) -> Sources {
    let items = diagnostics.items().iter();
    let found = items.filter(|d| d.code == LITERAL_SECRET);
    let found: Vec<Span> = found.filter_map(|d| d.span).collect();
    if found.is_empty() {
        return sources;
    }
    black_out(&found, None, &sources)
}

/// The texts with their secrets replaced by stars, and without the one that no user has.
pub(crate) fn black_out(secrets: &[Span], hidden: Option<FileId>, sources: &Sources) -> Sources {
    let mut out = Sources::default();
    for id in 0..u32::MAX {
        let id = FileId(id);
        let Some(source) = sources.get(id) else {
            break;
        };
        if Some(id) == hidden {
            out.add(source.name.clone(), "");
            continue;
        }
        let mut own = secrets.iter().filter(|span| span.file == id).peekable();
        if own.peek().is_none() {
            out.add(source.name.clone(), source.text.clone());
            continue;
        }
        let mut bytes = source.text.as_bytes().to_vec();
        for span in own {
            let range = span.start as usize..(span.end as usize).min(bytes.len());
            for byte in bytes.get_mut(range).unwrap_or_default() {
                if !matches!(byte, b'\n' | b'\r') {
                    *byte = b'*';
                }
            }
        }
        // Whole scalars were replaced, so characters were not cut; a lossy text only costs the display.
        let text = String::from_utf8_lossy(&bytes).into_owned();
        out.add(source.name.clone(), text);
    }
    out
}
