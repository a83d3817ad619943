//! The reader's faults: their codes, and the collection that bounds and sorts them.

use super::MAX_FAULTS;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::Span;

pub(super) const TOO_LARGE: &str = "TG0100";
pub(super) const UNCLOSED_ELEMENT: &str = "TG0101";
pub(super) const MISMATCHED_END_TAG: &str = "TG0102";
pub(super) const STRAY_END_TAG: &str = "TG0103";
pub(super) const UNCLOSED_TAG: &str = "TG0104";
pub(super) const UNCLOSED_VALUE: &str = "TG0105";
pub(super) const UNCLOSED_EXPRESSION: &str = "TG0106";
pub(super) const UNCLOSED_MARKUP: &str = "TG0107";
pub(super) const ATTRIBUTE_WITHOUT_VALUE: &str = "TG0108";
pub(super) const UNQUOTED_VALUE: &str = "TG0109";
pub(super) const MISSING_SPACE: &str = "TG0110";
pub(super) const MISSING_ATTRIBUTE_NAME: &str = "TG0111";
pub(super) const DUPLICATE_ATTRIBUTE: &str = "TG0112";
pub(super) const STRAY_TEXT: &str = "TG0113";
pub(super) const BAD_ENTITY: &str = "TG0114";
pub(super) const RAW_LESS_THAN: &str = "TG0115";
pub(super) const STRAY_QUOTE: &str = "TG0116";
pub(super) const DOCTYPE: &str = "TG0117";
pub(super) const NO_ROOT: &str = "TG0118";
pub(super) const SECOND_ROOT: &str = "TG0119";
pub(super) const BAD_NAME: &str = "TG0120";
pub(super) const UNKNOWN_NAMED_VALUE: &str = "TG0121";
pub(super) const TOO_DEEP: &str = "TG0122";
pub(super) const CONTROL_CHARACTER: &str = "TG0123";
pub(super) const TEXT_AFTER_EXPRESSION: &str = "TG0124";
pub(super) const ESCAPED_EXPRESSION: &str = "TG0125";
pub(super) const TOO_MANY_FAULTS: &str = "TG0126";

/// The faults of one document.
#[derive(Default)]
pub(super) struct Faults {
    items: Vec<Diagnostic>,
}

impl Faults {
    /// Adds one; the first beyond the bound says so instead, further ones are dropped.
    pub(super) fn push(&mut self, fault: Diagnostic) {
        if self.items.len() < MAX_FAULTS {
            self.items.push(fault);
        } else if let Some(span) = fault.span
            && self.items.len() == MAX_FAULTS
        {
            let message = format!("more than {MAX_FAULTS} faults; reading stopped here");
            self.items.push(
                Diagnostic::error(TOO_MANY_FAULTS, span, message)
                    .help("correct the faults above first"),
            );
        }
    }

    /// Whether nothing more is taken.
    pub(super) fn full(&self) -> bool {
        self.items.len() > MAX_FAULTS
    }

    pub(super) fn has_errors(&self) -> bool {
        self.items.iter().any(|d| d.severity == Severity::Error)
    }

    /// How many there are; with [`Faults::get_mut`], to add to an earlier one.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Says so at each fault that `hidden` tells to lie inside a named value.
    pub(super) fn mark_hidden(&mut self, hidden: impl Fn(Span) -> bool) {
        for fault in self
            .items
            .iter_mut()
            .filter(|fault| fault.span.is_some_and(&hidden))
        {
            fault.message.push_str(", inside this named value");
        }
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Diagnostic> {
        self.items.get_mut(index)
    }

    pub(super) fn too_large(&mut self, span: Span, size: usize, limit: usize) {
        let message = format!("the document has {size} bytes; at most {limit} are read");
        self.push(
            Diagnostic::error(TOO_LARGE, span, message)
                .help("move parts of it into policy fragments"),
        );
    }

    pub(super) fn too_large_expanded(&mut self, token: Span, limit: usize) {
        let message =
            format!("with named values in place the document has more than {limit} bytes");
        self.push(
            Diagnostic::error(TOO_LARGE, token, message)
                .label("this named value goes beyond the limit"),
        );
    }

    /// By place; faults at the same place keep the order in which they were found.
    pub(super) fn sorted(mut self) -> Vec<Diagnostic> {
        self.items.sort_by_key(|d| d.span.map_or(0, |s| s.start));
        self.items
    }
}
