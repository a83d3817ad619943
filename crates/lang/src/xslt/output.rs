//! `xsl:output`: how the result is written (XSLT 1.0, section 16).

use crate::value::Str;
use crate::value::xml::Name;
use std::collections::HashSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Xml,
    Html,
    Text,
}

/// All `xsl:output` elements as one.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// `None`: HTML when the first element is `html`, else XML.
    pub(super) method: Option<Method>,
    pub(super) encoding: Option<Str>,
    pub(super) omit_declaration: Option<bool>,
    pub(super) standalone: Option<bool>,
    pub(super) doctype_public: Option<Str>,
    pub(super) doctype_system: Option<Str>,
    pub(super) cdata: HashSet<Name>,
    pub(super) indent: Option<bool>,
    pub(super) media_type: Option<Str>,
}
