//! Where a difference comes from: the parts of a case that differ alone, and whether rules explain them.
//!
//! Used by `campaign` for what no rule explains as a whole. What must stay true: a case is explained only when Mono (or
//! ours) ends with the very exception of a part that a rule explains, or when nothing differs any more once such parts are
//! replaced by constants; a part that differs and that no rule explains becomes the case.

use crate::differences::Differences;
use crate::generate::{Catalog, Generator, Made};
use crate::mono::{Case, Mono};
use crate::node::Node;
use crate::ours;
use crate::report::members;
use crate::shape::{Shape, named};
use crate::shrink::Differing;
use anyhow::Result;
use serde_json::Value as Json;
use tollgate_lang::expr::outcome;

/// How often parts are replaced, one behind the other.
const ROUNDS: usize = 4;

/// Parts of a case that are tried alone, the smallest first.
const PARTS: usize = 80;

/// Constants that a part is replaced by, one after the other: its value, then the simplest of its type.
const VARIANTS: usize = 3;

/// A difference, and the reason when it is known.
pub(crate) type Settled = (Differing, Option<String>);

/// A part of a case with the way to it.
struct Part {
    path: Vec<usize>,
    found: Differing,
}

/// A case that is looked at.
struct Open {
    at: usize,
    /// The reason of the parts that were replaced already.
    why: Option<String>,
}

/// Looks for the reason of each difference.
pub(crate) fn attribute(
    all: Vec<Differing>,
    mono: &Mono,
    catalog: &Catalog,
    known: &Differences,
) -> Result<Vec<Settled>> {
    let mut out: Vec<Settled> = all.into_iter().map(|d| (d, None)).collect();
    let mut open: Vec<Open> = (0..out.len()).map(|at| Open { at, why: None }).collect();
    let mut maker = Generator::new(catalog, 1);
    for _ in 0..ROUNDS {
        let mut found = differing_parts(&open, &out, mono)?;
        let unknown = found.iter_mut().flatten().map(|p| &mut p.found);
        spell(unknown, mono, catalog, known)?;
        let mut replaced: Vec<(usize, Made)> = Vec::new();
        let mut next = Vec::new();
        for mut case in open {
            let all = found.remove(0);
            let parts = smallest(&all);
            let mut reasons: Vec<Option<&str>> = parts
                .iter()
                .map(|p| reason(&p.found, catalog, known))
                .collect();
            if let Some(unknown) = reasons.iter().position(Option::is_none) {
                out[case.at].0 = parts[unknown].found.clone();
                continue;
            }
            let Some(why) = reasons.first().copied().flatten() else {
                // Nothing differs alone: what holds the parts together differs.
                continue;
            };
            let parts = with_literals(&all, parts, catalog, known);
            reasons = parts
                .iter()
                .map(|p| reason(&p.found, catalog, known))
                .collect();
            let whole = &out[case.at].0;
            if let Some(i) = parts.iter().position(|p| ends_with(whole, &p.found)) {
                out[case.at].1 = reasons[i].map(str::to_string);
                continue;
            }
            case.why.get_or_insert_with(|| why.to_string());
            for variant in 0..VARIANTS {
                let mut node = whole.made.node.clone();
                for p in &parts {
                    node = node.with(&p.path, constant(&p.found, variant, &mut maker));
                }
                let made = Made {
                    node,
                    block: whole.made.block,
                    context: whole.made.context.clone(),
                };
                replaced.push((case.at, made));
            }
            next.push(case);
        }
        if next.is_empty() {
            break;
        }
        let cases: Vec<Case> = replaced.iter().map(|(_, m)| m.case()).collect();
        let said = ours::outcomes(&cases);
        let theirs = mono.run(&cases)?;
        let mut judged = replaced.into_iter().zip(said.into_iter().zip(theirs));
        open = Vec::new();
        for case in next {
            let whole = &mut out[case.at];
            let mut ran = false;
            let mut still = None;
            for (variant, ((_, made), (o, m))) in judged.by_ref().take(VARIANTS).enumerate() {
                if refused(&o) && refused(&m) || m.get("lost").is_some() {
                    continue;
                }
                let same = outcome::same(&o, &m);
                // The very value tells more than others of its type do.
                if same && variant == 0 {
                    still = None;
                    ran = true;
                    judged.by_ref().take(VARIANTS - 1).for_each(drop);
                    break;
                }
                ran = true;
                if !same && still.is_none() {
                    still = Some(Differing {
                        made,
                        ours: o,
                        mono: m,
                    });
                }
            }
            match still {
                None if ran => whole.1 = case.why,
                None => {}
                Some(d) => match reason(&d, catalog, known) {
                    Some(why) => whole.1 = Some(why.to_string()),
                    None => {
                        whole.0 = d;
                        open.push(case);
                    }
                },
            }
        }
    }
    let unknown = out.iter_mut().filter(|(_, why)| why.is_none());
    spell(unknown.map(|(d, _)| d), mono, catalog, known)?;
    for (d, why) in &mut out {
        if why.is_none() {
            *why = reason(d, catalog, known).map(str::to_string);
        }
    }
    Ok(out)
}

/// Writes the values that a difference is made of as literals, where it stays the same: rules tell by its text which values
/// they hold for. Those that a rule explains already are left as they are.
fn spell<'d>(
    all: impl Iterator<Item = &'d mut Differing>,
    mono: &Mono,
    catalog: &Catalog,
    known: &Differences,
) -> Result<()> {
    let mut tried: Vec<(&mut Differing, Made)> = Vec::new();
    for d in all {
        if d.made.block || reason(d, catalog, known).is_some() {
            continue;
        }
        let node = spelled(&d.made.node, &d.made);
        if node.size() < d.made.node.size() {
            let made = Made {
                node,
                ..d.made.clone()
            };
            tried.push((d, made));
        }
    }
    let cases: Vec<Case> = tried.iter().map(|(_, made)| made.case()).collect();
    let said = ours::outcomes(&cases);
    let theirs = mono.run(&cases)?;
    for ((d, made), (o, m)) in tried.into_iter().zip(said.into_iter().zip(theirs)) {
        if outcome::same(&o, &d.ours) && outcome::same(&m, &d.mono) {
            d.made = made;
        }
    }
    Ok(())
}

/// A node whose parts are literals, where they come to something that has one.
fn spelled(node: &Node, within: &Made) -> Node {
    let mut out = node.clone();
    for part in &mut out.parts {
        let crate::node::Part::Node(child) = part else {
            continue;
        };
        // A leaf is as simple as it gets.
        if child.size() == 1 || child.ty == named("void") {
            continue;
        }
        let alone = Made {
            node: child.clone(),
            block: false,
            context: within.context.clone(),
        };
        let said = ours::outcomes(&[alone.case()]).remove(0);
        *child = match literal(&child.ty, &said["result"]) {
            Some(text) => Node::text(child.ty.clone(), text, false),
            None => spelled(child, within),
        };
    }
    out
}

fn reason<'k>(d: &Differing, catalog: &Catalog, known: &'k Differences) -> Option<&'k str> {
    let case = d.made.case();
    known.reason(
        &members(&d.made, catalog),
        &case.expression,
        &d.ours,
        &d.mono,
    )
}

fn refused(outcome: &Json) -> bool {
    outcome.get("compile_error").is_some()
}

/// Whether one side ends a case with the exception that it ends a part with.
fn ends_with(whole: &Differing, part: &Differing) -> bool {
    let same = |a: &Json, b: &Json| {
        a["ok"] == Json::Bool(false)
            && a["exception"] == b["exception"]
            && a["message"] == b["message"]
    };
    let refused = |a: &Json, b: &Json| {
        a.get("compile_error")
            .is_some_and(|f| Some(f) == b.get("compile_error"))
    };
    same(&whole.mono, &part.mono)
        || same(&whole.ours, &part.ours)
        || refused(&whole.mono, &part.mono)
}

/// The parts of each case that differ alone.
fn differing_parts(open: &[Open], all: &[Settled], mono: &Mono) -> Result<Vec<Vec<Part>>> {
    let mut tried: Vec<(usize, Vec<usize>, Made)> = Vec::new();
    for (i, case) in open.iter().enumerate() {
        let whole = &all[case.at].0.made;
        let mut parts: Vec<(Vec<usize>, &Node)> = whole
            .node
            .below()
            .into_iter()
            .filter(|path| !path.is_empty() || whole.block)
            .filter_map(|path| whole.node.at(&path).map(|n| (path, n)))
            .filter(|(_, n)| n.ty != named("void"))
            .collect();
        parts.sort_by_key(|(_, n)| n.size());
        parts.truncate(PARTS);
        for (path, node) in parts {
            let made = Made {
                node: node.clone(),
                block: false,
                context: whole.context.clone(),
            };
            tried.push((i, path, made));
        }
    }
    let said = ours::outcomes(&tried.iter().map(|(_, _, m)| m.case()).collect::<Vec<_>>());
    // A part with a variable from around it is no expression alone.
    let tried: Vec<_> = tried
        .into_iter()
        .zip(said)
        .filter(|((i, ..), o)| !refused(o) || refused(&all[open[*i].at].0.ours))
        .collect();
    let cases: Vec<Case> = tried.iter().map(|((_, _, m), _)| m.case()).collect();
    let mut out: Vec<Vec<Part>> = open.iter().map(|_| Vec::new()).collect();
    for (((i, path, made), o), m) in tried.into_iter().zip(mono.run(&cases)?) {
        let differs = !(outcome::same(&o, &m) || nameless(&o) && nameless(&m));
        if m.get("lost").is_none() && !ours::bounded(&o) && differs {
            out[i].push(Part {
                path,
                found: Differing {
                    made,
                    ours: o,
                    mono: m,
                },
            });
        }
    }
    Ok(out)
}

/// Whether a value shows nothing but the name of its class: of a part that is no difference, its class may be hidden.
fn nameless(outcome: &Json) -> bool {
    let result = &outcome["result"];
    result["value"].is_string() && result["value"] == result["type"]
}

/// Those that hold no other.
fn smallest(parts: &[Part]) -> Vec<&Part> {
    let holds = |p: &Part, of: &Part| of.path.len() > p.path.len() && of.path.starts_with(&p.path);
    parts
        .iter()
        .filter(|p| !parts.iter().any(|q| holds(p, q)))
        .collect()
}

/// In the place of a part that no literal can replace the smallest one around it that one can, where a rule explains it
/// too: the name of a zone, not the zone.
fn with_literals<'p>(
    all: &'p [Part],
    small: Vec<&'p Part>,
    catalog: &Catalog,
    known: &Differences,
) -> Vec<&'p Part> {
    let has_literal = |p: &Part| literal(&p.found.made.node.ty, &p.found.ours["result"]).is_some();
    let mut out: Vec<&Part> = Vec::new();
    for part in small {
        let around = all
            .iter()
            .filter(|p| p.path.len() < part.path.len() && part.path.starts_with(&p.path))
            .filter(|p| has_literal(p) && reason(&p.found, catalog, known).is_some())
            .max_by_key(|p| p.path.len());
        let chosen = match around {
            Some(around) if !has_literal(part) => around,
            _ => part,
        };
        // What is replaced as a whole takes its parts with it.
        if !out.iter().any(|p| chosen.path.starts_with(&p.path)) {
            out.retain(|p| !p.path.starts_with(&chosen.path));
            out.push(chosen);
        }
    }
    out
}

/// What a part is replaced by: what it comes to here where that has a literal, else something simple of its type.
fn constant(part: &Differing, variant: usize, maker: &mut Generator<'_>) -> Node {
    let node = &part.made.node;
    let literal = (variant == 0)
        .then(|| literal(&node.ty, &part.ours["result"]))
        .flatten();
    match literal {
        Some(text) => Node::text(node.ty.clone(), text, false),
        None => maker.leaf_of(&node.ty, variant.saturating_sub(1)),
    }
}

fn literal(ty: &Shape, value: &Json) -> Option<String> {
    let Shape::Named(name, _) = ty else {
        return None;
    };
    if value["type"] == "null" && *name == "string" {
        return Some("(string)null".into());
    }
    let text = value["value"].as_str()?;
    match *name {
        "string" => {
            let mut out = String::from("\"");
            for unit in text.encode_utf16() {
                match u8::try_from(unit) {
                    Ok(c) if c.is_ascii_graphic() && c != b'"' && c != b'\\' || c == b' ' => {
                        out.push(char::from(c));
                    }
                    _ => out += &format!("\\u{unit:04x}"),
                }
            }
            Some(out + "\"")
        }
        "char" => {
            let mut units = text.encode_utf16();
            let unit = units.next().filter(|_| units.next().is_none())?;
            Some(format!("'\\u{unit:04x}'"))
        }
        "bool" => Some(text.to_lowercase()),
        "double" if matches!(text, "NaN" | "Infinity" | "-Infinity") => Some(
            match text {
                "NaN" => "double.NaN",
                "Infinity" => "double.PositiveInfinity",
                _ => "double.NegativeInfinity",
            }
            .into(),
        ),
        "double" if text.parse::<f64>().is_ok_and(f64::is_finite) => Some(format!("({text}d)")),
        "decimal" if text.parse::<f64>().is_ok() => Some(format!("({text}m)")),
        "int" | "long" if text.parse::<i64>().is_ok_and(|n| n > i64::MIN) => {
            Some(format!("({name})({text})"))
        }
        "byte" | "ushort" | "uint" | "ulong" | "short" | "sbyte" if text.parse::<i64>().is_ok() => {
            Some(format!("({name})({text})"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_case_is_made_of_is_written_as_literals() {
        let call = |text: &str, of: Node, ty: &'static str| {
            let mut node = Node::new(named(ty), true);
            node.push(text);
            node.child(of);
            node.push(")");
            node
        };
        let leaf = Node::text(named("string"), "\"a\\0\"", true);
        let value = call("string.Copy(", leaf, "string");
        let object = call("((object)", value, "object");
        let made = Made {
            node: call("string.Concat(", object, "string"),
            block: false,
            context: Json::Null,
        };
        let mut out = String::new();
        spelled(&made.node, &made).write(&mut out);
        assert_eq!(out, r#"string.Concat(((object)("a\u0000")))"#);
    }
}
