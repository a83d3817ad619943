//! The functions of XPath 1.0.
//!
//! What must stay true: arguments are converted as the recommendation says; characters count as UTF-16 units, as in .NET.

use super::{Context, Expr, Found, Run, fault, text_of};
use crate::expr::eval::Throw;
use crate::value::text;
use crate::value::xml::{Kind, Node, XML};
use std::rc::Rc;

/// Names and how many arguments each takes.
const ALL: [(&str, usize, usize); 27] = [
    ("last", 0, 0),
    ("position", 0, 0),
    ("count", 1, 1),
    ("id", 1, 1),
    ("local-name", 0, 1),
    ("namespace-uri", 0, 1),
    ("name", 0, 1),
    ("string", 0, 1),
    ("concat", 2, usize::MAX),
    ("starts-with", 2, 2),
    ("contains", 2, 2),
    ("substring-before", 2, 2),
    ("substring-after", 2, 2),
    ("substring", 2, 3),
    ("string-length", 0, 1),
    ("normalize-space", 0, 1),
    ("translate", 3, 3),
    ("boolean", 1, 1),
    ("not", 1, 1),
    ("true", 0, 0),
    ("false", 0, 0),
    ("lang", 1, 1),
    ("number", 0, 1),
    ("sum", 1, 1),
    ("floor", 1, 1),
    ("ceiling", 1, 1),
    ("round", 1, 1),
];

/// Of what is no set of nodes and has to be one.
pub(crate) const SET_NEEDED: &str = "Expression must evaluate to a node-set.";

/// Whether XPath has a function of that name.
pub(crate) fn is_core(name: &str) -> bool {
    ALL.iter().any(|(n, ..)| *n == name)
}

/// What is wrong with a call, if anything: its name, or how many arguments it has.
pub(super) fn check(name: &str, count: usize, path: &str) -> Result<(), String> {
    match ALL.iter().find(|(n, ..)| *n == name) {
        None => Err(super::CONTEXT_NEEDED.into()),
        Some((_, least, most)) if count < *least || count > *most => Err(format!(
            "Function '{name}' in '{path}' has an invalid number of arguments."
        )),
        Some(_) => Ok(()),
    }
}

/// The name of a node as it is written.
fn qualified(run: &Run<'_, '_, '_>, node: &Node) -> String {
    match &node.kind {
        Kind::Element { .. } | Kind::Attribute { .. } => match node.name() {
            Some(name) if name.declares() => super::prefix_declared(&name).to_string(),
            _ => run.library.qualified(node).to_string(),
        },
        Kind::Instruction { target, .. } => target.borrow().to_string(),
        _ => String::new(),
    }
}

fn local(node: &Node) -> String {
    match (node.name(), &node.kind) {
        (Some(name), _) if name.declares() => super::prefix_declared(&name).to_string(),
        (Some(name), _) => name.local.to_string(),
        (None, Kind::Instruction { target, .. }) => target.borrow().to_string(),
        (None, _) => String::new(),
    }
}

fn namespace(node: &Node) -> String {
    let name = node.name().filter(|n| !n.declares());
    name.map_or_else(String::new, |n| n.namespace.to_string())
}

pub(super) fn call(
    run: &mut Run<'_, '_, '_>,
    name: &str,
    args: &[Expr],
    at: &Context,
) -> Result<Found, Throw> {
    // `last()` and `position()` are asked for most.
    match name {
        "last" => return Ok(Found::Number(at.size as f64)),
        "position" => return Ok(Found::Number(at.position as f64)),
        _ => {}
    }
    let mut given = Vec::with_capacity(args.len());
    for arg in args {
        given.push(run.eval(arg, at)?);
    }
    if !is_core(name) {
        return run.library.call(run.cx, name, given, at);
    }
    let own = || Found::Nodes(vec![at.node.clone()]);
    let first = given.first().cloned().unwrap_or_else(own);
    let nodes = |f: &Found| -> Result<Vec<Rc<Node>>, Throw> {
        match f {
            Found::Nodes(all) => Ok(all.clone()),
            _ => Err(fault(SET_NEEDED)),
        }
    };
    let text = |i: usize| given.get(i).map_or_else(String::new, Found::text);
    let of_node = |get: &dyn Fn(&Node) -> String| -> Result<Found, Throw> {
        let all = nodes(&first)?;
        Ok(Found::Text(
            all.first().map_or_else(String::new, |n| get(n)),
        ))
    };
    // What strings cost.
    let weight: usize = given
        .iter()
        .map(|f| match f {
            Found::Text(s) => s.len(),
            Found::Nodes(all) => all.first().map_or(0, |n| n.weight()),
            Found::Fragment(root) => root.weight(),
            _ => 0,
        })
        .sum();
    run.cx.step(weight / 64)?;
    run.cx.charge(weight)?;
    Ok(match name {
        "count" => Found::Number(nodes(&first)?.len() as f64),
        // Without a document type no attribute is an ID.
        "id" => Found::Nodes(Vec::new()),
        "local-name" => of_node(&local)?,
        "namespace-uri" => of_node(&namespace)?,
        "name" => {
            let all = nodes(&first)?;
            Found::Text(all.first().map_or_else(String::new, |n| qualified(run, n)))
        }
        "string" => Found::Text(first.text()),
        "concat" => Found::Text((0..given.len()).map(text).collect()),
        "starts-with" => Found::Bool(text(0).starts_with(&text(1))),
        "contains" => Found::Bool(text(0).contains(&text(1))),
        "substring-before" => {
            let s = text(0);
            Found::Text(s.find(&text(1)).map_or("", |i| &s[..i]).to_owned())
        }
        "substring-after" => {
            let (s, mark) = (text(0), text(1));
            Found::Text(
                s.find(&mark)
                    .map_or("", |i| &s[i + mark.len()..])
                    .to_owned(),
            )
        }
        "substring" => {
            let s = text(0);
            let start = given.get(1).map_or(f64::NAN, Found::number);
            let length = given.get(2).map(Found::number);
            Found::Text(substring(&s, start, length))
        }
        "string-length" => Found::Number(text::units(&first.text()) as f64),
        "normalize-space" => {
            let s = first.text();
            let words: Vec<&str> = s
                .split([' ', '\t', '\r', '\n'])
                .filter(|w| !w.is_empty())
                .collect();
            Found::Text(words.join(" "))
        }
        "translate" => {
            let (s, from, to) = (text(0), text(1), text(2));
            let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
            let mut map = std::collections::HashMap::new();
            for (i, c) in from.iter().enumerate() {
                map.entry(*c).or_insert_with(|| to.get(i).copied());
            }
            Found::Text(
                s.chars()
                    .filter_map(|c| map.get(&c).map_or(Some(c), |to| *to))
                    .collect(),
            )
        }
        "boolean" => Found::Bool(first.bool()),
        "not" => Found::Bool(!first.bool()),
        "true" => Found::Bool(true),
        "false" => Found::Bool(false),
        "lang" => {
            let wanted = text(0).to_ascii_lowercase();
            Found::Bool(language(&at.node).is_some_and(|l| {
                let l = l.to_ascii_lowercase();
                l == wanted || l.strip_prefix(&wanted).is_some_and(|r| r.starts_with('-'))
            }))
        }
        "number" => Found::Number(first.number()),
        "sum" => {
            let all = nodes(&first)?;
            run.cx.step(all.len())?;
            Found::Number(
                all.iter()
                    .map(|n| super::to_number(&text_of(n)))
                    .sum::<f64>(),
            )
        }
        "floor" => Found::Number(first.number().floor()),
        "ceiling" => Found::Number(first.number().ceil()),
        "round" => Found::Number(rounded(first.number())),
        _ => return Err(fault(format!("The function {name}() is not supported."))),
    })
}

/// Halves go up.
fn rounded(n: f64) -> f64 {
    if n.fract() == -0.5 {
        n.ceil()
    } else {
        n.round()
    }
}

/// `substring`: positions begin with one and are rounded.
fn substring(s: &str, start: f64, length: Option<f64>) -> String {
    let from = rounded(start);
    let to = length.map_or(f64::INFINITY, |l| from + rounded(l));
    let units: Vec<u16> = s
        .encode_utf16()
        .enumerate()
        .filter(|(i, _)| {
            let at = (*i + 1) as f64;
            at >= from && at < to
        })
        .map(|(_, u)| u)
        .collect();
    String::from_utf16_lossy(&units)
}

/// The language that `xml:lang` says here.
fn language(node: &Rc<Node>) -> Option<String> {
    std::iter::successors(Some(node.clone()), |n| n.holder()).find_map(|n| {
        n.attributes()
            .iter()
            .find(|a| {
                a.name()
                    .is_some_and(|n| &*n.namespace == XML && &*n.local == "lang")
            })
            .map(|a| a.inner_text().to_string())
    })
}
