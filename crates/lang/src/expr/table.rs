//! The types and members that expressions may use: a table that grows by rows.
//!
//! A row is a C# signature and the function behind it: `m("string Substring(int startIndex)", |cx, a| …)`.
//! The signature says everything the binder needs: static or not, extension (`this` on the first parameter), generic
//! parameters, optional and `params` arguments, `out`, conversions and operators, with `[Reads(X)]` what of the
//! exchange a use of the member touches, with `[Pattern]` that a constant `pattern` is checked at load, with `[Explicit]`
//! that only the interface has it, with `[Own]` that it takes the type it is called on. What must stay true: every row
//! parses (a test reads them all), and a type is declared once.

pub(crate) mod certificates;
pub(crate) mod collections;
pub(crate) mod comparers;
pub(crate) mod context;
pub(crate) mod convert;
pub(crate) mod core;
pub(crate) mod crypto;
pub(crate) mod culture;
pub(crate) mod dates;
pub(crate) mod dictionaries;
pub(crate) mod enums;
pub(crate) mod exceptions;
pub(crate) mod json;
pub(crate) mod jwt;
pub(crate) mod linq;
pub(crate) mod numbers;
pub(crate) mod random;
pub(crate) mod regex;
pub(crate) mod rsa;
mod signature;
pub(crate) mod strings;
pub(crate) mod symmetric;
pub(crate) mod tuples;
pub(crate) mod types;
pub(crate) mod web;
pub(crate) mod xml;
pub(crate) mod zones;

pub(crate) use context::Part;

use super::Reads;
use super::ast::TypeRef;
use super::eval::{Args, Cx, Throw};
use super::types::Ty;
use crate::value::{EnumType, Frozen, Value};
use std::collections::HashMap;
use std::sync::LazyLock;

/// Code of a member: receiver first, then the arguments in the order of the signature.
pub(crate) type Native = fn(&mut Cx<'_>, &mut Args<'_>) -> Result<Value, Throw>;

/// A member as written in an area file.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    signature: &'static str,
    run: Native,
}

/// A row.
pub(crate) const fn m(signature: &'static str, run: Native) -> Row {
    Row { signature, run }
}

/// A type as written in an area file: `class System.Text.StringBuilder`, with base types after `:`.
pub(crate) struct Type {
    declaration: &'static str,
    rows: &'static [Row],
    /// Rows of the same type that stand in other files.
    more: &'static [&'static [Row]],
    /// The same, where a file has several lists.
    groups: &'static [&'static [&'static [Row]]],
}

/// A type.
pub(crate) const fn ty(declaration: &'static str, rows: &'static [Row]) -> Type {
    Type {
        declaration,
        rows,
        more: &[],
        groups: &[],
    }
}

/// A type whose rows stand in several files.
pub(crate) const fn ty_of(declaration: &'static str, more: &'static [&'static [Row]]) -> Type {
    Type {
        declaration,
        rows: &[],
        more,
        groups: &[],
    }
}

/// A type whose rows stand in several lists of several files.
pub(crate) const fn ty_in(
    declaration: &'static str,
    groups: &'static [&'static [&'static [Row]]],
) -> Type {
    Type {
        declaration,
        rows: &[],
        more: &[],
        groups,
    }
}

const AREAS: &[&[Type]] = &[
    core::TYPES,
    strings::TYPES,
    numbers::TYPES,
    convert::TYPES,
    dates::TYPES,
    collections::TYPES,
    dictionaries::TYPES,
    dictionaries::untyped::TYPES,
    linq::TYPES,
    linq::ordering::TYPES,
    linq::grouping::TYPES,
    comparers::TYPES,
    json::TYPES,
    json::objects::TYPES,
    json::arrays::TYPES,
    json::values::TYPES,
    json::settings::TYPES,
    random::TYPES,
    regex::TYPES,
    regex::found::TYPES,
    crypto::TYPES,
    crypto::random::TYPES,
    symmetric::TYPES,
    rsa::TYPES,
    certificates::TYPES,
    web::TYPES,
    exceptions::TYPES,
    jwt::TYPES,
    tuples::TYPES,
    types::TYPES,
    xml::TYPES,
    zones::TYPES,
    culture::TYPES,
];

/// What a type is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeKind {
    /// A class that can have values.
    Class,
    /// A value type.
    Struct,
    /// An interface.
    Interface,
    /// A class with static members only.
    Static,
    /// An enum.
    Enum,
    /// A delegate.
    Delegate,
}

/// A type ready for the binder.
#[derive(Debug)]
pub(crate) struct TypeInfo {
    pub(crate) name: &'static str,
    /// With namespace.
    pub(crate) full: &'static str,
    pub(crate) kind: TypeKind,
    pub(crate) arity: usize,
    pub(crate) bases: Vec<Ty>,
    pub(crate) members: Vec<Member>,
    pub(crate) enum_type: Option<&'static EnumType>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberKind {
    Property,
    SetProperty,
    Method,
    Constructor,
    Index,
    SetIndex,
    Implicit,
    Explicit,
    Operator,
}

/// A member ready for the binder.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) kind: MemberKind,
    pub(crate) name: &'static str,
    /// Name in the table of the type that has the row.
    pub(crate) of: &'static str,
    /// Whether API Management's list has it.
    pub(crate) allowed: bool,
    pub(crate) is_static: bool,
    pub(crate) is_extension: bool,
    /// The same for every exchange: folded at load.
    pub(crate) is_const: bool,
    pub(crate) reads: Reads,
    /// Its parameter `pattern` is a regular expression, which is checked at load when it is a constant.
    pub(crate) is_pattern: bool,
    /// Implements an interface explicitly: only the interface has it.
    pub(crate) is_explicit: bool,
    /// Its `object` stands for the type that it is called on.
    pub(crate) takes_own: bool,
    /// Type parameters of the class, then how many in all.
    pub(crate) class_params: usize,
    pub(crate) type_params: usize,
    /// What `where` asks of a type parameter.
    pub(crate) constraints: Vec<(usize, Constraint)>,
    pub(crate) params: Vec<Param>,
    pub(crate) result: Ty,
    pub(crate) run: Native,
    pub(crate) signature: &'static str,
}

impl Member {
    /// Whether a parameter or the result is made with that type parameter.
    pub(crate) fn mentions(&self, param: usize) -> bool {
        // Put in for the parameter, it would show.
        let mut args: Vec<Ty> = (0..self.type_params).map(|i| Ty::Param(i as u8)).collect();
        if let Some(place) = args.get_mut(param) {
            *place = Ty::Void;
        }
        let types = self.params.iter().map(|p| &p.ty).chain([&self.result]);
        types.into_iter().any(|t| t.substitute(&args) != *t)
    }
}

/// What a type argument must be.
#[derive(Clone, Debug)]
pub(crate) enum Constraint {
    /// A reference type.
    Class,
    /// A value type that cannot be null.
    Struct,
    /// A type, or one that derives from it.
    Is(Ty),
}

#[derive(Debug)]
pub(crate) struct Param {
    pub(crate) name: &'static str,
    pub(crate) ty: Ty,
    pub(crate) default: Option<Frozen>,
    pub(crate) is_out: bool,
    /// `params T[]`: the type is the array's.
    pub(crate) is_params: bool,
}

/// All types.
#[derive(Debug)]
pub(crate) struct Table {
    types: HashMap<&'static str, TypeInfo>,
    namespaces: HashMap<&'static str, ()>,
    /// Type and index of every extension method, by name.
    extensions: HashMap<&'static str, Vec<(&'static str, usize)>>,
    /// Type and index of every conversion.
    conversions: Vec<(&'static str, usize)>,
}

/// Names shown to authors for types that only exist to tell where a message comes from.
const SHOWN: [(&str, &str); 7] = [
    ("ContextResponse", "IResponse"),
    ("RequestBody", "IMessageBody"),
    ("ResponseBody", "IMessageBody"),
    ("ISequence", "IEnumerable"),
    ("IObjectCollection", "ICollection"),
    ("IObjectDictionary", "IDictionary"),
    ("XmlExtensions", "Extensions"),
];

/// Types whose simple name another type has in the table, and the name that they have in it.
const SAME_NAMED: [(&str, &str); 2] = [
    ("System.Xml.Linq.Extensions", "XmlExtensions"),
    ("System.Xml.XPath.Extensions", "XPathExtensions"),
];

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::build().0);

/// The table, built on first use.
pub(crate) fn table() -> &'static Table {
    &TABLE
}

/// Simple names of structs, needed before the table exists.
fn struct_names() -> &'static HashMap<&'static str, bool> {
    static NAMES: LazyLock<HashMap<&'static str, bool>> = LazyLock::new(|| {
        let mut out = HashMap::new();
        for t in AREAS.iter().flat_map(|a| a.iter()).chain(context::TYPES) {
            if let Some((kind, _, name)) = signature::head(t.declaration) {
                out.insert(name, kind == TypeKind::Struct);
            }
        }
        for e in enums::ENUMS {
            out.insert(signature::simple(e.name), true);
        }
        out
    });
    &NAMES
}

impl Table {
    /// Builds the table and lists the rows that do not parse (none; a test holds that).
    fn build() -> (Table, Vec<String>) {
        let mut faults = Vec::new();
        let mut table = Table {
            types: HashMap::new(),
            namespaces: HashMap::new(),
            extensions: HashMap::new(),
            conversions: Vec::new(),
        };
        let all: Vec<&Type> = AREAS
            .iter()
            .flat_map(|a| a.iter())
            .chain(context::TYPES)
            .collect();
        for t in &all {
            let Some((kind, full, name)) = signature::head(t.declaration) else {
                faults.push(t.declaration.to_string());
                continue;
            };
            let info = TypeInfo {
                name,
                full,
                kind,
                arity: 0,
                bases: Vec::new(),
                members: Vec::new(),
                enum_type: None,
            };
            if table.types.insert(name, info).is_some() {
                faults.push(format!("{name} is declared twice"));
            }
            table.add_namespaces(full);
        }
        for e in enums::ENUMS {
            let name = signature::simple(e.name);
            table.types.insert(
                name,
                TypeInfo {
                    name,
                    full: e.name,
                    kind: TypeKind::Enum,
                    arity: 0,
                    bases: vec![Ty::class("Enum")],
                    members: Vec::new(),
                    enum_type: Some(e),
                },
            );
            table.add_namespaces(e.name);
        }
        for t in &all {
            match signature::read(t, &table) {
                Ok((name, arity, bases, members)) => {
                    for (i, member) in members.iter().enumerate() {
                        if member.is_extension {
                            table
                                .extensions
                                .entry(member.name)
                                .or_default()
                                .push((name, i));
                        }
                        if matches!(member.kind, MemberKind::Implicit | MemberKind::Explicit) {
                            table.conversions.push((name, i));
                        }
                    }
                    if let Some(info) = table.types.get_mut(name) {
                        info.arity = arity;
                        info.bases = bases;
                        info.members = members;
                    }
                }
                Err(fault) => faults.push(fault),
            }
        }
        (table, faults)
    }

    fn add_namespaces(&mut self, full: &'static str) {
        for (i, _) in full.match_indices('.') {
            self.namespaces.insert(&full[..i], ());
        }
    }

    /// A type by its simple name.
    pub(crate) fn get(&self, name: &str) -> Option<&TypeInfo> {
        self.types.get(name)
    }

    /// The rows of a type.
    pub(crate) fn of(&self, ty: &Ty) -> Option<&TypeInfo> {
        self.types.get(ty.table_name())
    }

    pub(crate) fn is_struct(&self, name: &str) -> bool {
        self.types
            .get(name)
            .is_some_and(|t| matches!(t.kind, TypeKind::Struct | TypeKind::Enum))
    }

    pub(crate) fn full_name(&self, name: &str) -> Option<&'static str> {
        self.types.get(name).map(|t| t.full)
    }

    pub(crate) fn shown_name<'a>(&self, name: &'a str) -> &'a str {
        SHOWN
            .iter()
            .find(|(n, _)| *n == name)
            .map_or(name, |(_, s)| s)
    }

    pub(crate) fn is_namespace(&self, path: &str) -> bool {
        self.namespaces.contains_key(path)
    }

    /// A type by its path as written: simple, or with its namespace.
    pub(crate) fn by_path<'t>(&'t self, path: &[&str]) -> Option<&'t TypeInfo> {
        if path.len() > 1
            && let Some((_, name)) = SAME_NAMED.iter().find(|(full, _)| *full == path.join("."))
        {
            return self.types.get(name);
        }
        let simple: &str = path.last()?;
        let info = self.types.get(simple)?;
        if path.len() == 1 {
            return Some(info);
        }
        // A nested type goes by the name of its outer one: `TimeZoneInfo.TransitionTime`.
        let outer = self.types.get(path[0]).map_or(path[0], |t| t.full);
        let full = std::iter::once(outer)
            .chain(path[1..].iter().copied())
            .collect::<Vec<_>>()
            .join(".");
        if info.full == full {
            return Some(info);
        }
        // A class that has another name here because two namespaces have one of its name.
        SHOWN.iter().find_map(|(name, shown)| {
            let hidden = self.types.get(name)?;
            let namespace = hidden.full.strip_suffix(name)?;
            (full.strip_suffix(shown) == Some(namespace)).then_some(hidden)
        })
    }

    /// A type nested in another.
    pub(crate) fn nested(&self, outer: &Ty, name: &str) -> Option<&TypeInfo> {
        let outer = self.of(outer)?.full;
        self.types.get(name).filter(|t| {
            t.full
                .strip_suffix(name)
                .and_then(|f| f.strip_suffix('.'))
                .is_some_and(|f| f == outer)
        })
    }

    pub(crate) fn extensions<'t>(
        &'t self,
        name: &str,
    ) -> impl Iterator<Item = &'t Member> + use<'t> {
        self.extensions
            .get(name)
            .into_iter()
            .flatten()
            .filter_map(|(t, i)| self.types.get(t).and_then(|t| t.members.get(*i)))
    }

    pub(crate) fn extension_names(&self) -> impl Iterator<Item = &'static str> {
        self.extensions.keys().copied()
    }

    pub(crate) fn conversions(&self) -> impl Iterator<Item = &Member> {
        self.conversions
            .iter()
            .filter_map(|(t, i)| self.types.get(t).and_then(|t| t.members.get(*i)))
    }

    /// All types, in no order.
    pub(crate) fn types(&self) -> impl Iterator<Item = &TypeInfo> {
        self.types.values()
    }

    pub(crate) fn type_names(&self) -> impl Iterator<Item = &'static str> {
        self.types.keys().copied()
    }

    /// A type together with its base classes and interfaces, nearest first, with type arguments put in.
    pub(crate) fn lineage(&self, ty: &Ty) -> Vec<Ty> {
        let mut out = vec![ty.clone()];
        let mut i = 0;
        while i < out.len() && out.len() < 64 {
            let now = out[i].clone();
            let bases: Vec<Ty> = match &now {
                Ty::Array(of) => vec![
                    Ty::class("Array"),
                    Ty::generic("IList", vec![(**of).clone()]),
                    Ty::generic("IReadOnlyList", vec![(**of).clone()]),
                ],
                Ty::Rectangular(..) => vec![Ty::class("Array")],
                _ => {
                    let args: &[Ty] = if let Ty::Class(_, a) = &now { a } else { &[] };
                    self.of(&now).map_or_else(Vec::new, |info| {
                        info.bases.iter().map(|b| b.substitute(args)).collect()
                    })
                }
            };
            for b in bases {
                if !out.contains(&b) {
                    out.push(b);
                }
            }
            i += 1;
        }
        if !out.contains(&Ty::Object) {
            out.push(Ty::Object);
        }
        out
    }

    /// The types whose rows are members of the type: arrays and collections implement what is not their own explicitly,
    /// so that it is reached through the interface only.
    pub(crate) fn member_lineage(&self, ty: &Ty) -> Vec<Ty> {
        let mut out = self.lineage(ty);
        let explicit = match ty {
            Ty::Array(_) | Ty::Rectangular(..) => true,
            _ => self.of(ty).is_some_and(|i| {
                i.kind == TypeKind::Class && i.full.starts_with("System.Collections.")
            }),
        };
        if explicit {
            out.retain(|t| {
                let own = self.of(t).is_none_or(|i| i.kind != TypeKind::Interface);
                // What can be gone through can be asked for its enumerator.
                own || t.is_class("IEnumerable")
            });
        }
        out
    }

    /// Resolves a type as written; `Err` is the part of the name that is unknown.
    pub(crate) fn resolve(&self, written: &TypeRef, params: &[&str]) -> Result<Ty, String> {
        signature::resolve(self, written, params)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_row_parses_and_names_known_types() {
        let (table, faults) = super::Table::build();
        assert_eq!(faults, Vec::<String>::new());
        assert!(table.types.len() > 100, "{}", table.types.len());
    }
}
