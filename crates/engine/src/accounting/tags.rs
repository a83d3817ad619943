//! Tags of the ledger's records: what `ledger.tags` and `ledgerTags` of the configuration say, for each call.
//!
//! Built with the snapshot; evaluated when a call is admitted, or settles without having been. What must stay true: a tag
//! is text of a bounded length and reads no body; of the same name the API's holds, then the product's, then the
//! gateway's; one that is empty or cannot be computed is left out, and the call goes on.

use crate::compile::{Arg, Compiler};
use crate::definition::{Definition, LedgerTagDefinition, TagScope};
use crate::exchange::Exchange;
use crate::snapshot::{Api, Product};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_lang::value::Str;
use tollgate_lang::{Diagnostic, Diagnostics, Span};
use tollgate_state::ledger::Text;

/// Most tags of one call: as many as a record holds.
pub const MOST_TAGS: usize = 8;

/// Most bytes of a tag's value.
const LONGEST_VALUE: usize = 256;

/// A tag.
#[derive(Debug)]
struct Tag {
    name: Str,
    value: Arg<Str>,
}

/// The tags of a configuration.
#[derive(Debug, Default)]
pub struct LedgerTags {
    /// By where they stand; products and APIs by their index.
    by_scope: BTreeMap<TagScope, Vec<Tag>>,
}

impl LedgerTags {
    /// Compiles them; a call for which there are too many is a fault.
    pub(crate) fn build(
        definition: &Definition,
        compiler: &Compiler<'_>,
        (apis, products): (&[Api], &[Product]),
        diagnostics: &mut Diagnostics,
    ) -> LedgerTags {
        let mut tags = LedgerTags::default();
        for written in &definition.ledger_tags {
            let compiled = compiler.outside_of_documents(&written.value, diagnostics);
            let Some((value, reads)) = compiled else {
                continue;
            };
            if reads.request_body || reads.response_body || reads.graphql {
                let help = "put what you need into a variable in `inbound`, and read that";
                let label = String::from("a body is not kept for it");
                let reads_none = String::from("a tag reads no body");
                diagnostics.push(fault(written.value.span, reads_none, label).help(help));
                continue;
            }
            let name = written.name.clone();
            let scope = tags.by_scope.entry(written.scope).or_default();
            scope.push(Tag { name, value });
        }
        for (at, product) in (0..).zip(products) {
            for api in &product.apis {
                tags.count(
                    definition,
                    &[TagScope::Product(at), TagScope::Api(*api)],
                    diagnostics,
                );
            }
        }
        for (at, _) in (0..).zip(apis) {
            tags.count(definition, &[TagScope::Api(at)], diagnostics);
        }
        tags
    }

    /// Says so when these places and the gateway have too many names together.
    fn count(&self, definition: &Definition, scopes: &[TagScope], diagnostics: &mut Diagnostics) {
        let scopes = [TagScope::Gateway].iter().chain(scopes);
        let tags = scopes.clone().filter_map(|scope| self.by_scope.get(scope));
        let names: BTreeSet<&Str> = tags.flatten().map(|tag| &tag.name).collect();
        if names.len() <= MOST_TAGS {
            return;
        }
        let of = |written: &&LedgerTagDefinition| scopes.clone().any(|s| *s == written.scope);
        let mut written = definition.ledger_tags.iter().rev().filter(of);
        let Some(span) = written.find_map(|tag| tag.span) else {
            return;
        };
        let message = format!("a call can have {} tags here", names.len());
        let label =
            format!("expected {MOST_TAGS} at most, those of gateway, product and API together");
        let fault = fault(span, message, label);
        // Of several products with one API it is said once.
        let told = |t: &Diagnostic| t.code == fault.code && t.span == fault.span;
        if !diagnostics.items().iter().any(told) {
            diagnostics.push(fault);
        }
    }
}

fn fault(span: Span, message: String, label: String) -> Diagnostic {
    Diagnostic::error("TG0716", span, message).label(label)
}

/// Evaluates the tags of a call, for its records.
pub(super) fn note(rq: &mut Exchange) {
    if rq.snapshot.ledger_tags.by_scope.is_empty() {
        return;
    }
    let snapshot = rq.snapshot.clone();
    let api = rq.api.map(TagScope::Api);
    let product = rq.product.map(TagScope::Product);
    let scopes = [api, product, Some(TagScope::Gateway)];
    let places = scopes.into_iter().flatten();
    let places = places.filter_map(|scope| snapshot.ledger_tags.by_scope.get(&scope));
    let mut named: Vec<&Str> = Vec::with_capacity(MOST_TAGS);
    let mut tags = Vec::with_capacity(MOST_TAGS);
    for tag in places.flatten() {
        if named.contains(&&tag.name) {
            continue;
        }
        named.push(&tag.name);
        // What cannot be computed must not stop a call.
        if let Ok(value) = tag.value.get(rq)
            && !value.is_empty()
        {
            tags.push((tag.name.clone(), cut(value)));
        }
    }
    rq.ledger_tags = tags;
}

fn cut(value: Str) -> Str {
    if value.len() <= LONGEST_VALUE {
        return value;
    }
    Str::from(&value[..value.floor_char_boundary(LONGEST_VALUE)])
}

/// As the ledger writes them.
pub(super) fn texts(rq: &Exchange) -> Vec<(Text<'_>, Text<'_>)> {
    let tags = rq.ledger_tags.iter();
    tags.map(|(name, value)| (Cow::Borrowed(&**name), Cow::Borrowed(&**value)))
        .collect()
}
