//! What an expression came to, as JSON that two runtimes can be compared by.
//!
//! Used by `tollgate eval --cases`, the differential campaign and the golden tests. The notation is
//! `{"ok": true, "result": {"type", "value" | "items"}}`, `{"ok": false, "exception", "message"}` or
//! `{"compile_error"}`. Types are .NET's full names.

use super::eval::{Cx, Throw};
use super::fixture::Fixture;
use super::{EvalError, Expr, Target, compile};
use crate::document::Text;
use crate::value::object::Unwritten;
use crate::value::{Value, text};
use crate::{Diagnostics, Sources};
use base64::Engine;
use serde_json::{Value as Json, json};

/// Compiles `@(…)` or `@{…}` as the value of something that takes any type; the faults as text when it is refused.
pub fn compiled(expression: &str, target: Target) -> Result<Expr, String> {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    compiled_in(
        "expression",
        expression,
        target,
        &mut sources,
        &mut diagnostics,
    )
    .ok_or_else(|| diagnostics.render(&sources, false))
}

/// As [`compiled`], with the faults as diagnostics. `name` is what they call the text.
pub fn compiled_in(
    name: &str,
    expression: &str,
    target: Target,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Expr> {
    let e = expression.trim();
    let single = e.strip_prefix("@(").and_then(|e| e.strip_suffix(')'));
    let multi = e.strip_prefix("@{").and_then(|e| e.strip_suffix('}'));
    let Some(code) = single.or(multi) else {
        let file = sources.add(name, e);
        diagnostics.push(
            crate::Diagnostic::error(
                "TG0201",
                crate::Span::new(file, 0..e.len()),
                "not an expression",
            )
            .label("expected `@(…)` or `@{…}`"),
        );
        return None;
    };
    let file = sources.add(name, e);
    let mut text = Text::expression(file, code, single.is_none());
    text.span = crate::Span::new(file, 2..2 + code.len());
    compile(&text, target, diagnostics)
}

/// Compiles and evaluates an expression in the context of a fixture.
pub fn of(expression: &str, context: &Json) -> Json {
    let expr = match compiled(expression, Target::Any) {
        Ok(e) => e,
        Err(faults) => return json!({"compile_error": faults}),
    };
    match Fixture::read(context) {
        Ok(mut fixture) => run(&expr, &mut fixture),
        Err(fault) => json!({"compile_error": format!("the context: {fault}")}),
    }
}

/// Evaluates an expression.
pub fn run(expr: &Expr, fixture: &mut Fixture) -> Json {
    match expr.eval(fixture) {
        Ok(v @ Value::Host(_)) => {
            let ty = v.type_name();
            let mut out = String::new();
            match super::eval::write_text(&mut Cx::new(fixture), v, &mut out) {
                Ok(()) => json!({"ok": true, "result": {"type": ty, "value": out}}),
                Err(_) => json!({"ok": true, "result": {"type": ty, "value": ty}}),
            }
        }
        Ok(v) => match shown(&v) {
            Ok(result) => json!({"ok": true, "result": result}),
            Err(e) => {
                let e = EvalError::from(Throw::from(e));
                json!({"ok": false, "exception": e.exception, "message": e.message})
            }
        },
        Err(e) => json!({"ok": false, "exception": e.exception, "message": e.message}),
    }
}

/// A value with its type.
pub(crate) fn shown(v: &Value) -> Result<Json, Unwritten> {
    let ty = v.type_name();
    if let Some(bytes) = v.as_bytes() {
        let text = base64::engine::general_purpose::STANDARD.encode(bytes);
        return Ok(json!({"type": ty, "value": text}));
    }
    let list = |items: &[Value]| {
        let items: Vec<Json> = items.iter().map(shown).collect::<Result<_, _>>()?;
        Ok(json!({"type": ty, "items": items}))
    };
    let text = |v: &Value| -> Result<String, Unwritten> {
        let mut out = String::new();
        text::write(v, &mut out)?;
        Ok(out)
    };
    match v {
        Value::Null => Ok(json!({"type": "null"})),
        Value::List(l) => list(&l.items()),
        Value::Dict(d) if ty.contains("HashSet") => {
            let items: Vec<Value> = d.entries().into_iter().map(|(k, _)| k).collect();
            list(&items)
        }
        Value::Dict(d) => {
            let pair = |(k, v): (Value, Value)| {
                Ok(json!({"value": format!("[{}, {}]", text(&k)?, text(&v)?)}))
            };
            let entries = d.entries().into_iter();
            let items: Vec<Json> = entries.map(pair).collect::<Result<_, Unwritten>>()?;
            Ok(json!({"type": ty, "items": items}))
        }
        Value::Object(o) => match o.items() {
            Some(items) => list(&items),
            None => Ok(json!({"type": ty, "value": text(v)?})),
        },
        v => Ok(json!({"type": ty, "value": text(v)?})),
    }
}

/// Whether two outcomes are the same: type and value, or the type of the exception, or that it does not compile.
/// Messages do not count, nor do the names of classes that a compiler or a library makes up (iterators, anonymous types).
pub fn same(a: &Json, b: &Json) -> bool {
    let refused = |o: &Json| o.get("compile_error").is_some();
    if refused(a) || refused(b) {
        return refused(a) && refused(b);
    }
    a["ok"] == b["ok"]
        && a["exception"] == b["exception"]
        && same_result(&a["result"], &b["result"])
}

fn same_result(a: &Json, b: &Json) -> bool {
    let name = |r: &Json| {
        r["type"]
            .as_str()
            .filter(|t| !t.contains(['<', '+']) && !is_sequence(t))
            .map(plain)
    };
    if let (Some(x), Some(y)) = (name(a), name(b))
        && x != y
    {
        return false;
    }
    if a["value"] != b["value"] {
        return false;
    }
    match (a["items"].as_array(), b["items"].as_array()) {
        (Some(a), Some(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_result(a, b)),
        (None, None) => true,
        _ => false,
    }
}

/// What a query gives: .NET has a class for each operator, we say the interface.
fn is_sequence(name: &str) -> bool {
    ["System.Collections.Generic.IEnumerable`", "System.Linq."]
        .iter()
        .any(|of| name.starts_with(of))
}

/// A type's name without the assemblies of its type arguments: ``List`1[System.Int32]``.
fn plain(name: &str) -> String {
    let mut out = String::new();
    let mut dropped = Vec::new();
    let mut before = ' ';
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            // What follows is the assembly, up to the bracket that closes the argument.
            ',' if rest.starts_with(' ') => {
                rest = rest.find(']').map_or("", |at| &rest[at..]);
                continue;
            }
            '[' => {
                let inner = matches!(before, '[' | ',');
                dropped.push(inner);
                if !inner {
                    out.push(c);
                }
            }
            ']' => {
                if !dropped.pop().unwrap_or(false) {
                    out.push(c);
                }
            }
            c => out.push(c),
        }
        before = c;
    }
    out
}

#[cfg(test)]
mod tests;
