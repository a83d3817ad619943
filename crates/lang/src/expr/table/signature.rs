//! Reads the declarations and signatures of the table's rows.

use super::{Constraint, Member, MemberKind, Param, Table, Type, TypeInfo, TypeKind};
use crate::expr::Reads;
use crate::expr::ast::{Kind, Literal, TypeRef, TypeSuffix};
use crate::expr::lexer::Lex;
use crate::expr::parser::Parser;
use crate::expr::types::Ty;
use crate::value::Frozen;

/// Last part of a dotted name.
pub(super) fn simple(full: &'static str) -> &'static str {
    full.rsplit('.').next().unwrap_or(full)
}

/// Kind, full name and simple name of a declaration.
pub(super) fn head(declaration: &'static str) -> Option<(TypeKind, &'static str, &'static str)> {
    let (word, rest) = declaration.split_once(' ')?;
    let kind = match word {
        "class" => TypeKind::Class,
        "struct" => TypeKind::Struct,
        "interface" => TypeKind::Interface,
        "static" => TypeKind::Static,
        "delegate" => TypeKind::Delegate,
        _ => return None,
    };
    let end = rest.find(['<', ' ', ':']).unwrap_or(rest.len());
    let full = &rest[..end];
    Some((kind, full, simple(full)))
}

type Read = (&'static str, usize, Vec<Ty>, Vec<Member>);

/// Reads a whole type.
pub(super) fn read(t: &Type, table: &Table) -> Result<Read, String> {
    let (_, full, name) = head(t.declaration).ok_or_else(|| t.declaration.to_string())?;
    let rest = &t.declaration[t.declaration.find(full).map_or(0, |i| i + full.len())..];
    let fault = |f: crate::expr::lexer::Fault| format!("{}: {}", t.declaration, f.message);
    let mut p = Parser::new(rest, 0..rest.len(), 0).map_err(fault)?;
    let mut params: Vec<&'static str> = Vec::new();
    if p.eat("<") {
        while let Some(n) = word(&mut p, rest) {
            params.push(n);
            p.eat(",");
        }
        p.expect(">").map_err(fault)?;
    }
    let mut bases = Vec::new();
    if p.eat(":") {
        loop {
            let written = p.type_ref().map_err(fault)?;
            bases.push(resolve(table, &written, &params)?);
            if !p.eat(",") {
                break;
            }
        }
    }
    let mut members = Vec::new();
    let lists = t.more.iter().chain(t.groups.iter().copied().flatten());
    for row in t.rows.iter().chain(lists.copied().flatten()) {
        let member = member(row, table, name, full, &params)
            .map_err(|e| format!("{name}: {}: {e}", row.signature))?;
        members.push(member);
    }
    Ok((name, params.len(), bases, members))
}

/// The word at hand, as a slice of the static text.
fn word(p: &mut Parser<'_>, text: &'static str) -> Option<&'static str> {
    if !matches!(p.lex(), Lex::Word(_) | Lex::Name(_)) {
        return None;
    }
    let at = p.take();
    text.get(at)
}

fn member(
    row: &super::Row,
    table: &Table,
    class: &'static str,
    full: &'static str,
    class_params: &[&'static str],
) -> Result<Member, String> {
    let text = row.signature;
    let fault = |f: crate::expr::lexer::Fault| f.message;
    let mut p = Parser::new(text, 0..text.len(), 0).map_err(fault)?;
    let mut reads = Reads::default();
    let mut is_pattern = false;
    let (mut is_explicit, mut takes_own) = (false, false);
    while p.eat("[") {
        let mark = [
            ("Pattern", &mut is_pattern),
            ("Explicit", &mut is_explicit),
            ("Own", &mut takes_own),
        ];
        if let Some((_, set)) = mark.into_iter().find(|(word, _)| p.eat_word(word)) {
            *set = true;
            p.expect("]").map_err(fault)?;
            continue;
        }
        p.eat_word("Reads");
        p.expect("(").map_err(fault)?;
        match word(&mut p, text) {
            Some("RequestBody") => reads.request_body = true,
            Some("ResponseBody") => reads.response_body = true,
            Some("Response") => reads.response = true,
            Some("LastError") => reads.last_error = true,
            Some("Variables") => reads.variables = true,
            Some("GraphQL") => reads.graphql = true,
            other => return Err(format!("unknown Reads {other:?}")),
        }
        p.expect(")").map_err(fault)?;
        p.expect("]").map_err(fault)?;
    }
    let is_const = p.eat_word("const");
    let is_static = p.eat_word("static") || is_const;
    let set = p.eat_word("set");
    let mut kind = MemberKind::Property;
    if p.eat_word("implicit") {
        kind = MemberKind::Implicit;
    } else if p.eat_word("explicit") {
        kind = MemberKind::Explicit;
    }
    let mut name = class;
    let mut generics: Vec<&'static str> = class_params.to_vec();
    let result: Option<TypeRef>;
    let mut written: Vec<(TypeRef, &'static str, bool, bool, Option<Frozen>)> = Vec::new();
    let mut close = ")";
    let mut constraints = Vec::new();
    if p.is_word("new") {
        p.take();
        kind = MemberKind::Constructor;
        result = None;
        p.expect("(").map_err(fault)?;
    } else {
        result = Some(p.type_ref().map_err(fault)?);
        if matches!(kind, MemberKind::Implicit | MemberKind::Explicit) {
            p.expect("(").map_err(fault)?;
        } else if p.eat_word("this") {
            kind = if set {
                MemberKind::SetIndex
            } else {
                MemberKind::Index
            };
            name = "this";
            close = "]";
            p.expect("[").map_err(fault)?;
        } else if p.eat_word("operator") {
            kind = MemberKind::Operator;
            let Lex::Punct(op) = p.lex().clone() else {
                return Err("operator expected".into());
            };
            p.take();
            name = op;
            p.expect("(").map_err(fault)?;
        } else {
            name = word(&mut p, text).ok_or("a name is missing")?;
            if p.eat("<") {
                while let Some(n) = word(&mut p, text) {
                    generics.push(n);
                    p.eat(",");
                }
                p.expect(">").map_err(fault)?;
            }
            if p.eat("(") {
                kind = MemberKind::Method;
            } else {
                kind = if set {
                    MemberKind::SetProperty
                } else {
                    MemberKind::Property
                };
                p.finish().map_err(fault)?;
                close = "";
            }
        }
    }
    let mut is_extension = false;
    if !close.is_empty() {
        while !p.is(close) {
            is_extension |= p.eat_word("this");
            // `ref` comes back as `out` does; its value on the way in is there too.
            let is_out = p.eat_word("out") || p.eat_word("ref");
            let is_params = p.eat_word("params");
            let ty = p.type_ref().map_err(fault)?;
            let param = word(&mut p, text).ok_or("a parameter name is missing")?;
            let default = if p.eat("=") {
                Some(constant(p.expr().map_err(fault)?.kind)?)
            } else {
                None
            };
            written.push((ty, param, is_out, is_params, default));
            if !p.eat(",") {
                break;
            }
        }
        p.expect(close).map_err(fault)?;
        while p.eat_word("where") {
            let name = word(&mut p, text).ok_or("`where` needs a type parameter")?;
            let at = generics.iter().position(|g| *g == name);
            let at = at.ok_or("`where` names no type parameter")?;
            p.expect(":").map_err(fault)?;
            let constraint = if p.eat_word("class") {
                Constraint::Class
            } else if p.eat_word("struct") {
                Constraint::Struct
            } else {
                let written = p.type_ref().map_err(fault)?;
                Constraint::Is(resolve(table, &written, &generics)?)
            };
            constraints.push((at, constraint));
        }
        p.finish().map_err(fault)?;
    }
    let own: Vec<Ty> = (0..class_params.len())
        .map(|i| Ty::Param(i as u8))
        .collect();
    let this = Ty::builtin(simple(full)).unwrap_or_else(|| Ty::generic(class, own));
    let mut params = Vec::new();
    for (ty, param, is_out, is_params, default) in written {
        params.push(Param {
            name: param,
            ty: resolve(table, &ty, &generics)?,
            default,
            is_out,
            is_params,
        });
    }
    let mut result = match result {
        Some(r) => resolve(table, &r, &generics)?,
        None => this,
    };
    if matches!(kind, MemberKind::SetIndex | MemberKind::SetProperty) {
        // `set T Name`: the value comes last.
        params.push(Param {
            name: "value",
            ty: std::mem::replace(&mut result, Ty::Void),
            default: None,
            is_out: false,
            is_params: false,
        });
    }
    Ok(Member {
        kind,
        name,
        of: class,
        allowed: allowed(class, kind, name),
        is_static: is_static
            || matches!(
                kind,
                MemberKind::Constructor
                    | MemberKind::Implicit
                    | MemberKind::Explicit
                    | MemberKind::Operator
            ),
        is_extension,
        is_const,
        reads,
        is_pattern,
        is_explicit,
        takes_own,
        class_params: class_params.len(),
        type_params: generics.len(),
        constraints,
        params,
        result,
        run: row.run,
        signature: text,
    })
}

/// Whether API Management's list has a member; operators and conversions go with their type.
fn allowed(class: &str, kind: MemberKind, name: &str) -> bool {
    let of = crate::expr::allowed::of(class);
    match kind {
        MemberKind::Implicit | MemberKind::Explicit | MemberKind::Operator => of.is_some(),
        MemberKind::Constructor => crate::expr::allowed::allows(of, "ctor"),
        MemberKind::Index | MemberKind::SetIndex => crate::expr::allowed::allows(of, "Item"),
        _ => crate::expr::allowed::allows(of, name),
    }
}

fn constant(kind: Kind) -> Result<Frozen, String> {
    Ok(match kind {
        // `= null` and `= None` stand for the default of the parameter's type.
        Kind::Literal(Literal::Null) | Kind::Name(..) => Frozen::Null,
        Kind::Literal(Literal::Bool(b)) => Frozen::Bool(b),
        Kind::Literal(Literal::Int(n, _)) => {
            Frozen::Int(i32::try_from(n).map_err(|e| e.to_string())?)
        }
        Kind::Literal(Literal::Str(s)) => Frozen::Text(s),
        _ => return Err("unsupported default".into()),
    })
}

/// Resolves a type as written; the error is the unknown name.
pub(super) fn resolve(table: &Table, written: &TypeRef, params: &[&str]) -> Result<Ty, String> {
    let mut path: Vec<&str> = written.path.iter().map(|i| &*i.text).collect();
    // The table has the types within a generic one by their own names.
    if let [.., "Dictionary", "KeyCollection" | "ValueCollection"] = path[..]
        && !written.args.is_empty()
    {
        path.drain(..path.len() - 1);
    }
    let args: Vec<Ty> = written
        .args
        .iter()
        .map(|a| resolve(table, a, params))
        .collect::<Result<_, _>>()?;
    let joined = || path.join(".");
    let base = if path.is_empty() || (path.last() == Some(&"ValueTuple") && !args.is_empty()) {
        let name = |i: usize| {
            let written: Option<&crate::expr::ast::Ident> =
                written.names.get(i).and_then(Option::as_ref);
            written.map(|n| n.text.clone())
        };
        Ty::tuple(
            args.into_iter()
                .enumerate()
                .map(|(i, t)| (name(i), t))
                .collect(),
        )
    } else if let ([one], true) = (&path[..], args.is_empty())
        && let Some(i) = params.iter().position(|p| p == one)
    {
        Ty::Param(i as u8)
    } else if path.first() == Some(&"System")
        && path.len() == 2
        && args.is_empty()
        && let Some(t) =
            Ty::builtin(path[1]).filter(|_| path[1].starts_with(|c: char| c.is_ascii_uppercase()))
    {
        t
    } else if let ([one], true) = (&path[..], args.is_empty())
        && let Some(t) = Ty::builtin(one)
    {
        t
    } else if path.last() == Some(&"Nullable") && args.len() == 1 {
        Ty::nullable(args[0].clone())
    } else {
        let info: &TypeInfo = table.by_path(&path).ok_or_else(joined)?;
        // The interfaces without a type argument have names of their own in the table.
        let bare = match info.name {
            "IEnumerable" => Some("ISequence"),
            "ICollection" => Some("IObjectCollection"),
            "IDictionary" => Some("IObjectDictionary"),
            _ => None,
        };
        let bare = bare.filter(|_| args.is_empty()).and_then(|n| table.get(n));
        let info = bare.unwrap_or(info);
        if info.name == "Lazy" && args.is_empty() {
            return Err(joined());
        }
        Ty::generic(info.name, args)
    };
    let mut ty = base;
    let mut suffix = &written.suffix[..];
    while let Some(s) = suffix.first() {
        // Of brackets in a row the first are the outermost array's.
        let ranks: Vec<u8> = suffix
            .iter()
            .map_while(|s| match s {
                TypeSuffix::Array(rank) => Some(*rank),
                TypeSuffix::Nullable => None,
            })
            .collect();
        suffix = suffix.get(ranks.len().max(1)..).unwrap_or_default();
        ty = match s {
            TypeSuffix::Nullable if ty.numeric().is_some() || ty == Ty::Bool => Ty::nullable(ty),
            TypeSuffix::Nullable => match &ty {
                // `string?` of newer C# is `string`.
                Ty::Class(n, _) if super::struct_names().get(n).copied().unwrap_or(false) => {
                    Ty::nullable(ty)
                }
                Ty::Param(_) | Ty::Tuple(_) => Ty::nullable(ty),
                _ => ty,
            },
            TypeSuffix::Array(_) => ranks.into_iter().rev().fold(ty, Ty::array_of_rank),
        };
    }
    Ok(ty)
}
