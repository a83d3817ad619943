//! The texts of a configuration, for whoever shows the place of a step: file, line, column, and what stands there.
//!
//! `control` and the fixtures fill them in; a snapshot without them shows no places. What must stay true: a text never
//! holds the value of a named value, and literal secrets are blacked out.

use std::sync::Arc;
use tollgate_lang::{Sources, Span};

/// Maps a span of a document that stands inside another file to that file.
type Outer = Box<dyn Fn(Span) -> Span + Send + Sync>;

/// The texts that the spans of steps and expressions point into.
#[derive(Default)]
pub struct Texts {
    sources: Sources,
    outer: Option<Outer>,
}

/// A place for people.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Path as the user would type it.
    pub file: Arc<str>,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl Texts {
    /// From what was loaded. `outer` gives the place in the file that the user has, for a document that stands inside it.
    pub fn new(sources: Sources, outer: impl Fn(Span) -> Span + Send + Sync + 'static) -> Texts {
        Texts {
            sources,
            outer: Some(Box::new(outer)),
        }
    }

    /// The span in the file that the user has.
    pub fn outer(&self, span: Span) -> Span {
        self.outer.as_ref().map_or(span, |outer| outer(span))
    }

    /// Where a span begins. `None`: it is of a document that the gateway made itself.
    pub fn position(&self, span: Span) -> Option<Position> {
        let span = self.outer(span);
        let file = self.sources.get(span.file)?.name.clone();
        let (line, column) = self.sources.line_column(span.file, span.start);
        Some(Position { file, line, column })
    }

    /// What the user wrote there.
    pub fn text(&self, span: Span) -> Option<&str> {
        let source = self.sources.get(span.file)?;
        source.text.get(span.start as usize..span.end as usize)
    }

    /// All texts.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }
}

impl std::fmt::Debug for Texts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Texts")
    }
}
