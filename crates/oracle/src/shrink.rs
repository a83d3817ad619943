//! Makes a differing case small: subexpressions give way to what stands inside them, or to constants, while it differs.

use crate::generate::{Catalog, Generator, Made};
use crate::mono::{Case, Mono};
use crate::node::Node;
use crate::ours;
use crate::shape::named;
use anyhow::Result;
use serde_json::Value as Json;
use tollgate_lang::expr::outcome;

/// Rounds, and candidates of a case in a round.
const ROUNDS: usize = 6;
const CANDIDATES: usize = 40;

/// Parts of a case that are tried alone, in the first round.
const PARTS: usize = 80;

/// A case that differs, and how.
#[derive(Clone)]
pub(crate) struct Differing {
    pub(crate) made: Made,
    pub(crate) ours: Json,
    pub(crate) mono: Json,
}

/// How two outcomes differ, coarsely: shrinking keeps it, so that one difference does not slide into another.
pub(crate) fn kind(ours: &Json, mono: &Json) -> String {
    let side = |o: &Json| {
        if o.get("compile_error").is_some() {
            "refused".to_string()
        } else if o["ok"] == Json::Bool(true) {
            "value".to_string()
        } else {
            o["exception"].as_str().unwrap_or("?").to_string()
        }
    };
    format!("{} / {}", side(ours), side(mono))
}

/// Shrinks all of them, a round of candidates for one compiler run.
pub(crate) fn shrink(all: &mut [Differing], mono: &Mono, catalog: &Catalog) -> Result<()> {
    let mut open: Vec<usize> = (0..all.len()).collect();
    let mut maker = Generator::new(catalog, 1);
    for round in 0..ROUNDS {
        let mut candidates: Vec<(usize, Made)> = Vec::new();
        for i in &open {
            let made = &all[*i].made;
            let found = if round == 0 {
                parts(made)
            } else {
                smaller(made, &mut maker)
            };
            for made in found {
                candidates.push((*i, made));
            }
        }
        if candidates.is_empty() {
            break;
        }
        let mut improved = Vec::new();
        for batch in candidates.chunks(2000) {
            let cases: Vec<Case> = batch.iter().map(|(_, m)| m.case()).collect();
            let said = ours::outcomes(&cases);
            let theirs = mono.run(&cases)?;
            for (((i, made), o), m) in batch.iter().zip(said).zip(theirs) {
                let now = &all[*i];
                let same_kind = kind(&o, &m) == kind(&now.ours, &now.mono);
                if m.get("lost").is_none()
                    && same_kind
                    && !outcome::same(&o, &m)
                    && made.node.size() < now.made.node.size()
                {
                    all[*i] = Differing {
                        made: made.clone(),
                        ours: o,
                        mono: m,
                    };
                    improved.push(*i);
                }
            }
        }
        improved.dedup();
        // What no part showed alone may still be made smaller in its place.
        if round > 0 {
            open = improved;
        }
        if open.is_empty() {
            break;
        }
    }
    Ok(())
}

/// The parts of a case, each alone: the smallest that differs is the cause.
fn parts(made: &Made) -> Vec<Made> {
    let mut out: Vec<Made> = made
        .node
        .below()
        .iter()
        .filter_map(|path| made.node.at(path))
        .filter(|n| n.ty != named("void") && n.size() < made.node.size())
        .map(|n| Made {
            node: n.clone(),
            block: false,
            context: made.context.clone(),
        })
        .collect();
    out.sort_by_key(|m| m.node.size());
    out.truncate(PARTS);
    out
}

/// Smaller forms of a case, the smallest first.
fn smaller(made: &Made, maker: &mut Generator<'_>) -> Vec<Made> {
    let mut out: Vec<Made> = Vec::new();
    let paths = made.node.below();
    let mut add = |node: Node, block: bool| {
        out.push(Made {
            node,
            block,
            context: made.context.clone(),
        });
    };
    for path in &paths {
        let Some(node) = made.node.at(path) else {
            continue;
        };
        if node.ty == named("void") {
            if !path.is_empty() {
                add(
                    made.node.with(path, Node::text(named("void"), "", true)),
                    made.block,
                );
            }
            continue;
        }
        // The part alone.
        if made.block || !path.is_empty() {
            add(node.clone(), false);
        }
        if path.is_empty() {
            continue;
        }
        for deeper in node.below().into_iter().skip(1).take(6) {
            if let Some(inner) = node.at(&deeper)
                && inner.ty == node.ty
            {
                add(made.node.with(path, inner.clone()), made.block);
            }
        }
        if node.size() > 1 {
            for simplest in 0..2 {
                let leaf = maker.leaf_of(&node.ty, simplest);
                if leaf.size() < node.size() {
                    add(made.node.with(path, leaf), made.block);
                }
            }
        }
    }
    out.retain(|m| m.node.size() < made.node.size());
    out.sort_by_key(|m| m.node.size());
    out.truncate(CANDIDATES);
    out
}
