//! Several files as one text, so that the places of one configuration that stands in many files stay plain offsets.
//!
//! Used by `load` and `import`. What must stay true: an offset of the whole leads back to its file and offset there.

use crate::yaml::Place;
use tollgate_lang::{FileId, Span};

/// Most bytes of all files together.
const LARGEST: usize = 256 << 20;

/// The files, one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Joined {
    text: String,
    /// Where each begins.
    parts: Vec<(u32, FileId)>,
}

impl Joined {
    /// Adds a file; gives the offset at which it begins. `None`: there is too much.
    pub(crate) fn add(&mut self, file: FileId, text: &str) -> Option<u32> {
        if self.text.len() + text.len() > LARGEST {
            return None;
        }
        let at = u32::try_from(self.text.len()).ok()?;
        self.parts.push((at, file));
        self.text.push_str(text);
        self.text.push('\n');
        Some(at)
    }

    /// Takes the whole: nothing is added any more.
    pub(crate) fn take_text(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// The file of a place, and the place in it.
    pub(crate) fn of(&self, place: Place) -> Option<Span> {
        let at = self
            .parts
            .partition_point(|(start, _)| *start <= place.start);
        let (start, file) = *self.parts.get(at.checked_sub(1)?)?;
        Some(Span {
            file,
            start: place.start - start,
            end: place.end.max(place.start) - start,
        })
    }
}
