//! Tags of the ledger's records, as the configuration has them.

use std::sync::Arc;
use tollgate_lang::Span;
use tollgate_lang::document::Text;

/// A tag: a name, and what its value is.
#[derive(Clone, Debug)]
pub struct LedgerTagDefinition {
    /// Where it stands in the configuration.
    pub span: Option<Span>,
    /// Which calls it is for.
    pub scope: TagScope,
    /// Its name.
    pub name: Arc<str>,
    /// Its value: text, or a policy expression.
    pub value: Text,
}

/// Which calls a tag is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TagScope {
    /// All.
    Gateway,
    /// Those of a product, by its index.
    Product(u32),
    /// Those of an API, by its index.
    Api(u32),
}
