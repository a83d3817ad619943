//! What expressions may use, to be read: the table of types and members that the binder resolves names in.
//!
//! Read by the reference of expressions (which is generated from it) and by the differential campaign (which generates
//! expressions over it). What must stay true: nothing here is written by hand beside the table; a type that only exists
//! in the table to hold a part of another type's rows is shown as that other type.

mod differences;

use super::allowed;
use super::table::{self, Member, table};
use super::types::Ty;
use std::sync::LazyLock;

pub use super::table::TypeKind;
pub use differences::{DIFFERENCES, Difference};

/// Types of the table that hold rows of another one.
const PARTS: [(&str, &str); 7] = [
    ("JTokenConversions", "JToken"),
    ("ISequence", "IEnumerable"),
    ("ContextResponse", "IResponse"),
    ("RequestBody", "IMessageBody"),
    ("ResponseBody", "IMessageBody"),
    ("RuntimeType", "Type"),
    ("Void", ""),
];

/// The name under which a type of the table is shown.
pub(crate) fn shown(name: &str) -> &str {
    match name {
        // Three classes of this name, in three namespaces.
        "XmlExtensions" | "XPathExtensions" => "Extensions",
        _ => PARTS
            .iter()
            .find(|(part, _)| *part == name)
            .map_or(name, |(_, of)| of),
    }
}

/// A type.
#[derive(Debug)]
pub struct TypeEntry {
    /// Simple name, without type parameters.
    pub name: &'static str,
    /// With namespace.
    pub full_name: String,
    /// What it is.
    pub kind: TypeKind,
    /// Number of type parameters.
    pub arity: usize,
    /// Base types and interfaces.
    pub bases: Vec<TypeShape>,
    /// Members of an enum and their numbers; empty for other types.
    pub values: Vec<(&'static str, i64)>,
    /// Members, in the order of the table. Those of base types are not repeated.
    pub members: Vec<MemberEntry>,
    /// Whether API Management's list names the type (with all or some of its members).
    pub allowed: bool,
}

/// A type as a signature uses it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TypeShape {
    /// A type by its C# keyword or simple name, with type arguments.
    Named(&'static str, Vec<TypeShape>),
    /// `T[]`.
    Array(Box<TypeShape>),
    /// `T?` of a value type.
    Nullable(Box<TypeShape>),
    /// A type parameter: those of the type first, then those of the member.
    Parameter(usize),
}

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberKind {
    /// Property or field that is read.
    Property,
    /// Property that is set.
    SetProperty,
    /// Method.
    Method,
    /// Constructor.
    Constructor,
    /// Indexer that is read.
    Index,
    /// Indexer that is set.
    SetIndex,
    /// Conversion that needs no cast.
    Implicit,
    /// Conversion by a cast.
    Explicit,
    /// Operator.
    Operator,
}

/// A member.
#[derive(Debug)]
pub struct MemberEntry {
    /// Its name; the operator's sign; `this` for indexers; the type's name for constructors.
    pub name: &'static str,
    /// Its signature in C#.
    pub signature: String,
    /// What it is.
    pub kind: MemberKind,
    /// Whether it belongs to the type instead of to a value.
    pub is_static: bool,
    /// Whether it is an extension method of its first parameter.
    pub is_extension: bool,
    /// Whether it is the same for every call, so that the binder computes it at load.
    pub is_const: bool,
    /// Whether API Management's list has it; else it is an extension of ours.
    pub allowed: bool,
    /// Type parameters of its own.
    pub type_parameters: usize,
    /// Type parameters of its type.
    pub class_parameters: usize,
    /// Parameters; for indexers and properties that are set, the value comes last.
    pub parameters: Vec<ParameterEntry>,
    /// The type of its value; `void` when there is none.
    pub result: TypeShape,
}

/// A parameter.
#[derive(Debug)]
pub struct ParameterEntry {
    /// Its name.
    pub name: &'static str,
    /// Its type; the array's for `params`.
    pub shape: TypeShape,
    /// Whether it may be left out.
    pub optional: bool,
    /// `out`.
    pub is_out: bool,
    /// `params`.
    pub is_params: bool,
}

/// All types, ordered by full name.
pub fn types() -> &'static [TypeEntry] {
    static TYPES: LazyLock<Vec<TypeEntry>> = LazyLock::new(build);
    &TYPES
}

fn build() -> Vec<TypeEntry> {
    let mut out: Vec<TypeEntry> = table()
        .types()
        .filter(|t| !PARTS.iter().any(|(part, _)| *part == t.name))
        .map(|t| TypeEntry {
            name: shown_static(t.name),
            full_name: full_name(t.full),
            kind: t.kind,
            arity: t.arity,
            bases: t
                .bases
                .iter()
                .map(shape)
                .filter(|b| !matches!(b, TypeShape::Named(name, _) if *name == shown(t.name)))
                .collect(),
            values: t.enum_type.map_or_else(Vec::new, |e| e.members.to_vec()),
            members: t
                .members
                .iter()
                .filter(|m| !m.is_explicit)
                .map(member)
                .collect(),
            allowed: allowed::of(t.name).is_some(),
        })
        .collect();
    for (part, of) in PARTS {
        let Some(info) = table().get(part) else {
            continue;
        };
        if let Some(to) = out.iter_mut().find(|t| t.name == of && !of.is_empty()) {
            for row in info.members.iter().map(member) {
                if !to.members.iter().any(|m| m.signature == row.signature) {
                    to.members.push(row);
                }
            }
        }
    }
    out.sort_by(|a, b| a.full_name.cmp(&b.full_name));
    out
}

fn shown_static(name: &'static str) -> &'static str {
    match name {
        "XmlExtensions" | "XPathExtensions" => "Extensions",
        _ => name,
    }
}

fn full_name(full: &str) -> String {
    let (namespace, name) = full.rsplit_once('.').unwrap_or(("", full));
    format!("{namespace}.{}", shown(name))
}

fn member(m: &Member) -> MemberEntry {
    MemberEntry {
        name: m.name,
        signature: signature(m),
        kind: match m.kind {
            table::MemberKind::Property => MemberKind::Property,
            table::MemberKind::SetProperty => MemberKind::SetProperty,
            table::MemberKind::Method => MemberKind::Method,
            table::MemberKind::Constructor => MemberKind::Constructor,
            table::MemberKind::Index => MemberKind::Index,
            table::MemberKind::SetIndex => MemberKind::SetIndex,
            table::MemberKind::Implicit => MemberKind::Implicit,
            table::MemberKind::Explicit => MemberKind::Explicit,
            table::MemberKind::Operator => MemberKind::Operator,
        },
        is_static: m.is_static,
        is_extension: m.is_extension,
        is_const: m.is_const,
        allowed: m.allowed,
        type_parameters: m.type_params - m.class_params,
        class_parameters: m.class_params,
        parameters: m
            .params
            .iter()
            .map(|p| ParameterEntry {
                name: p.name,
                shape: shape(&p.ty),
                optional: p.default.is_some(),
                is_out: p.is_out,
                is_params: p.is_params,
            })
            .collect(),
        result: shape(&m.result),
    }
}

/// The row as written, without the marks that only the binder needs.
fn signature(m: &Member) -> String {
    let mut text = m.signature;
    while let Some((_, rest)) = text.strip_prefix('[').and_then(|t| t.split_once("] ")) {
        text = rest;
    }
    let text = text.strip_prefix("const ").map_or_else(
        || text.to_string(),
        |rest| format!("static {}", rest.strip_prefix("static ").unwrap_or(rest)),
    );
    match text.strip_prefix("new(") {
        Some(rest) => format!("new {}({rest}", shown(m.of)),
        None => text,
    }
}

fn shape(ty: &Ty) -> TypeShape {
    let named = |name| TypeShape::Named(name, Vec::new());
    match ty {
        Ty::Void => named("void"),
        Ty::Null | Ty::Unknown | Ty::Object | Ty::Anonymous(_) => named("object"),
        Ty::Bool => named("bool"),
        Ty::Char => named("char"),
        Ty::SByte => named("sbyte"),
        Ty::Byte => named("byte"),
        Ty::Short => named("short"),
        Ty::UShort => named("ushort"),
        Ty::Int => named("int"),
        Ty::UInt => named("uint"),
        Ty::Long => named("long"),
        Ty::ULong => named("ulong"),
        Ty::Float => named("float"),
        Ty::Double => named("double"),
        Ty::Decimal => named("decimal"),
        Ty::String => named("string"),
        Ty::Nullable(of) => TypeShape::Nullable(Box::new(shape(of))),
        // No row names an array of more dimensions.
        Ty::Array(of) | Ty::Rectangular(of, _) => TypeShape::Array(Box::new(shape(of))),
        Ty::Tuple(t) => TypeShape::Named(
            "ValueTuple",
            t.items.iter().map(|(_, t)| shape(t)).collect(),
        ),
        Ty::Param(i) => TypeShape::Parameter(usize::from(*i)),
        Ty::Class(name, args) => {
            let name = PARTS
                .iter()
                .find(|(part, of)| part == name && !of.is_empty())
                .map_or(*name, |(_, of)| *of);
            TypeShape::Named(name, args.iter().map(shape).collect())
        }
    }
}

#[cfg(test)]
mod tests;
