//! Static types of expressions, and the conversions that need no table.
//!
//! Used by the table, the binder, and by values to know their own type. A class is named by its simple .NET name, which is
//! unique among the types that expressions may use.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Type arguments; mostly none.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Args(Option<Arc<[Ty]>>);

impl Deref for Args {
    type Target = [Ty];
    fn deref(&self) -> &[Ty] {
        self.0.as_deref().unwrap_or(&[])
    }
}

impl From<Vec<Ty>> for Args {
    fn from(args: Vec<Ty>) -> Args {
        Args((!args.is_empty()).then(|| args.into()))
    }
}

/// Names and types of an anonymous type.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Anonymous {
    pub(crate) fields: Vec<(Arc<str>, Ty)>,
}

/// Elements of a tuple with the names they were given. Names are no part of the type's identity, as in C#.
#[derive(Debug)]
pub(crate) struct Tuple {
    pub(crate) items: Vec<(Option<Arc<str>>, Ty)>,
}

impl PartialEq for Tuple {
    fn eq(&self, other: &Tuple) -> bool {
        self.items.len() == other.items.len()
            && self
                .items
                .iter()
                .zip(&other.items)
                .all(|((_, a), (_, b))| a == b)
    }
}

impl Eq for Tuple {}

impl std::hash::Hash for Tuple {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        for (_, t) in &self.items {
            t.hash(state);
        }
    }
}

/// A type. Public only because values carry it; opaque outside this crate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ty {
    #[doc(hidden)]
    Void,
    /// Type of `null` and of `throw`.
    #[doc(hidden)]
    Null,
    /// After a fault was reported: fits everywhere.
    #[doc(hidden)]
    Unknown,
    #[doc(hidden)]
    Object,
    #[doc(hidden)]
    Bool,
    #[doc(hidden)]
    Char,
    #[doc(hidden)]
    SByte,
    #[doc(hidden)]
    Byte,
    #[doc(hidden)]
    Short,
    #[doc(hidden)]
    UShort,
    #[doc(hidden)]
    Int,
    #[doc(hidden)]
    UInt,
    #[doc(hidden)]
    Long,
    #[doc(hidden)]
    ULong,
    #[doc(hidden)]
    Float,
    #[doc(hidden)]
    Double,
    #[doc(hidden)]
    Decimal,
    #[doc(hidden)]
    String,
    #[doc(hidden)]
    Nullable(Arc<Ty>),
    #[doc(hidden)]
    Array(Arc<Ty>),
    /// An array of two or more dimensions, with its rank.
    #[doc(hidden)]
    Rectangular(Arc<Ty>, u8),
    /// A class, struct, interface, enum or delegate of the table.
    #[doc(hidden)]
    #[allow(private_interfaces, reason = "opaque")]
    Class(&'static str, Args),
    /// A type parameter of a row: of its class first, then of the member.
    #[doc(hidden)]
    Param(u8),
    #[doc(hidden)]
    #[allow(private_interfaces, reason = "opaque")]
    Anonymous(Arc<Anonymous>),
    /// `(int a, string b)`, a `System.ValueTuple`.
    #[doc(hidden)]
    #[allow(private_interfaces, reason = "opaque")]
    Tuple(Arc<Tuple>),
}

impl Ty {
    pub(crate) fn class(name: &'static str) -> Ty {
        match name {
            "String" => Ty::String,
            "Object" => Ty::Object,
            _ => Ty::Class(name, Args::default()),
        }
    }

    pub(crate) fn generic(name: &'static str, args: Vec<Ty>) -> Ty {
        Ty::Class(name, args.into())
    }

    pub(crate) fn array(of: Ty) -> Ty {
        Ty::Array(Arc::new(of))
    }

    /// An array of that many dimensions.
    pub(crate) fn array_of_rank(of: Ty, rank: u8) -> Ty {
        match rank {
            0 | 1 => Ty::array(of),
            _ => Ty::Rectangular(Arc::new(of), rank),
        }
    }

    /// Type of the items and rank of an array.
    pub(crate) fn as_array(&self) -> Option<(&Ty, u8)> {
        match self {
            Ty::Array(of) => Some((of, 1)),
            Ty::Rectangular(of, rank) => Some((of, *rank)),
            _ => None,
        }
    }

    pub(crate) fn nullable(of: Ty) -> Ty {
        match of {
            Ty::Nullable(_) => of,
            _ => Ty::Nullable(Arc::new(of)),
        }
    }

    pub(crate) fn tuple(items: Vec<(Option<Arc<str>>, Ty)>) -> Ty {
        Ty::Tuple(Arc::new(Tuple { items }))
    }

    /// Whether it is the type of `null`, or of a tuple with a `null` in it: a variable cannot have it.
    pub(crate) fn is_untyped(&self) -> bool {
        match self {
            Ty::Null => true,
            Ty::Tuple(t) => t.items.iter().any(|(_, t)| t.is_untyped()),
            _ => false,
        }
    }

    /// Index and type of a field of an anonymous type, a tuple or a `System.Tuple`.
    pub(crate) fn field(&self, name: &str) -> Option<(u32, Ty)> {
        let item = || {
            name.strip_prefix("Item")?
                .parse::<usize>()
                .ok()?
                .checked_sub(1)
        };
        let (i, ty) = match self {
            Ty::Anonymous(a) => {
                let i = a.fields.iter().position(|(n, _)| &**n == name)?;
                (i, a.fields[i].1.clone())
            }
            Ty::Tuple(t) => {
                let named = t.items.iter().position(|(n, _)| n.as_deref() == Some(name));
                let i = named.or_else(item)?;
                (i, t.items.get(i)?.1.clone())
            }
            Ty::Class("Tuple", args) => {
                let i = if name == "Rest" {
                    7
                } else {
                    item().filter(|i| *i < 7)?
                };
                (i, args.get(i)?.clone())
            }
            _ => return None,
        };
        Some((i as u32, ty))
    }

    /// Types of the parts of a tuple or a `System.Tuple`.
    pub(crate) fn parts(&self) -> Option<Vec<Ty>> {
        match self {
            Ty::Tuple(t) => Some(t.items.iter().map(|(_, t)| t.clone()).collect()),
            Ty::Class("Tuple", args) => Some(args.to_vec()),
            _ => None,
        }
    }

    pub(crate) fn is_class(&self, name: &str) -> bool {
        matches!(self, Ty::Class(n, _) if *n == name)
    }

    /// The type inside `T?`, else the type.
    pub(crate) fn plain(&self) -> &Ty {
        match self {
            Ty::Nullable(t) => t,
            _ => self,
        }
    }

    pub(crate) fn is_nullable(&self) -> bool {
        matches!(self, Ty::Nullable(_))
    }

    /// Name of the type in the table whose rows are its members.
    pub(crate) fn table_name(&self) -> &'static str {
        match self {
            Ty::Void => "Void",
            Ty::Null | Ty::Unknown | Ty::Object | Ty::Param(_) | Ty::Anonymous(_) => "Object",
            Ty::Bool => "Boolean",
            Ty::Char => "Char",
            Ty::SByte => "SByte",
            Ty::Byte => "Byte",
            Ty::Short => "Int16",
            Ty::UShort => "UInt16",
            Ty::Int => "Int32",
            Ty::UInt => "UInt32",
            Ty::Long => "Int64",
            Ty::ULong => "UInt64",
            Ty::Float => "Single",
            Ty::Double => "Double",
            Ty::Decimal => "Decimal",
            Ty::String => "String",
            Ty::Nullable(_) => "Nullable",
            Ty::Array(_) | Ty::Rectangular(..) => "Array",
            Ty::Tuple(_) => "ValueTuple",
            Ty::Class(n, _) => n,
        }
    }

    /// The type that a C# keyword or a .NET name of a built-in type means.
    pub(crate) fn builtin(name: &str) -> Option<Ty> {
        Some(match name {
            "void" => Ty::Void,
            "object" | "Object" => Ty::Object,
            "bool" | "Boolean" => Ty::Bool,
            "char" | "Char" => Ty::Char,
            "sbyte" | "SByte" => Ty::SByte,
            "byte" | "Byte" => Ty::Byte,
            "short" | "Int16" => Ty::Short,
            "ushort" | "UInt16" => Ty::UShort,
            "int" | "Int32" => Ty::Int,
            "uint" | "UInt32" => Ty::UInt,
            "long" | "Int64" => Ty::Long,
            "ulong" | "UInt64" => Ty::ULong,
            "float" | "Single" => Ty::Float,
            "double" | "Double" => Ty::Double,
            "decimal" | "Decimal" => Ty::Decimal,
            "string" | "String" => Ty::String,
            _ => return None,
        })
    }

    /// Rank of a numeric type (`char` counts), `None` for the rest.
    pub(crate) fn numeric(&self) -> Option<Num> {
        Some(match self {
            Ty::Char => Num::Char,
            Ty::SByte => Num::SByte,
            Ty::Byte => Num::Byte,
            Ty::Short => Num::Short,
            Ty::UShort => Num::UShort,
            Ty::Int => Num::Int,
            Ty::UInt => Num::UInt,
            Ty::Long => Num::Long,
            Ty::ULong => Num::ULong,
            Ty::Float => Num::Float,
            Ty::Double => Num::Double,
            Ty::Decimal => Num::Decimal,
            _ => return None,
        })
    }

    /// Whether values are never null. Structs of the table are told by it.
    pub(crate) fn is_value(&self) -> bool {
        match self {
            Ty::Bool => true,
            Ty::Class(name, _) => crate::expr::table::table().is_struct(name),
            Ty::Tuple(_) => true,
            _ => self.numeric().is_some(),
        }
    }

    /// Parameter types and result of a delegate type.
    pub(crate) fn delegate(&self) -> Option<(Vec<Ty>, Ty)> {
        let Ty::Class(name, args) = self else {
            return None;
        };
        match *name {
            "Func" => args.split_last().map(|(r, p)| (p.to_vec(), r.clone())),
            "Action" => Some((args.to_vec(), Ty::Void)),
            "Predicate" => Some((args.to_vec(), Ty::Bool)),
            "Comparison" => args.first().map(|t| (vec![t.clone(), t.clone()], Ty::Int)),
            "Converter" => args.split_last().map(|(r, p)| (p.to_vec(), r.clone())),
            "MatchEvaluator" => Some((vec![Ty::class("Match")], Ty::String)),
            _ => None,
        }
    }

    /// Replaces type parameters.
    pub(crate) fn substitute(&self, args: &[Ty]) -> Ty {
        match self {
            Ty::Param(i) => args.get(usize::from(*i)).cloned().unwrap_or(Ty::Param(*i)),
            Ty::Nullable(t) => Ty::nullable(t.substitute(args)),
            Ty::Array(t) => Ty::array(t.substitute(args)),
            Ty::Rectangular(t, rank) => Ty::array_of_rank(t.substitute(args), *rank),
            Ty::Class(n, a) if !a.is_empty() => Ty::Class(
                n,
                a.iter()
                    .map(|t| t.substitute(args))
                    .collect::<Vec<_>>()
                    .into(),
            ),
            Ty::Tuple(t) => Ty::tuple(
                t.items
                    .iter()
                    .map(|(n, t)| (n.clone(), t.substitute(args)))
                    .collect(),
            ),
            _ => self.clone(),
        }
    }

    pub(crate) fn has_params(&self) -> bool {
        match self {
            Ty::Param(_) => true,
            Ty::Nullable(t) | Ty::Array(t) | Ty::Rectangular(t, _) => t.has_params(),
            Ty::Class(_, a) => a.iter().any(Ty::has_params),
            Ty::Tuple(t) => t.items.iter().any(|(_, t)| t.has_params()),
            _ => false,
        }
    }

    /// What `GetType().FullName` and the default `ToString` print.
    pub(crate) fn full_name(&self) -> String {
        match self {
            Ty::Array(t) => format!("{}[]", t.full_name()),
            Ty::Rectangular(t, rank) => format!("{}{}", t.full_name(), brackets(*rank)),
            Ty::Nullable(t) => format!("System.Nullable`1[{}]", t.full_name()),
            Ty::Anonymous(_) => "<>f__AnonymousType0".into(),
            _ => {
                let name = self.table_name();
                let full = match name {
                    // The classes within a class.
                    "KeyCollection" => "System.Collections.Generic.Dictionary`2+KeyCollection",
                    "ValueCollection" => "System.Collections.Generic.Dictionary`2+ValueCollection",
                    "AdjustmentRule" => "System.TimeZoneInfo+AdjustmentRule",
                    "TransitionTime" => "System.TimeZoneInfo+TransitionTime",
                    _ => crate::expr::table::table().full_name(name).unwrap_or(name),
                };
                let nested = full.contains('+');
                let generic = |args: Vec<String>| match nested {
                    true => format!("{full}[{}]", args.join(",")),
                    false => format!("{full}`{}[{}]", args.len(), args.join(",")),
                };
                match self {
                    Ty::Class(_, a) if !a.is_empty() => {
                        generic(a.iter().map(Ty::full_name).collect())
                    }
                    Ty::Tuple(t) => generic(t.items.iter().map(|(_, t)| t.full_name()).collect()),
                    _ => full.to_string(),
                }
            }
        }
    }
}

/// `[]`, `[,]`.
pub(crate) fn brackets(rank: u8) -> String {
    format!("[{}]", ",".repeat(usize::from(rank.max(1)) - 1))
}

/// As an author writes it: for messages.
impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ty::Void => f.write_str("void"),
            Ty::Null => f.write_str("null"),
            Ty::Unknown => f.write_str("?"),
            Ty::Object => f.write_str("object"),
            Ty::Bool => f.write_str("bool"),
            Ty::Char => f.write_str("char"),
            Ty::SByte => f.write_str("sbyte"),
            Ty::Byte => f.write_str("byte"),
            Ty::Short => f.write_str("short"),
            Ty::UShort => f.write_str("ushort"),
            Ty::Int => f.write_str("int"),
            Ty::UInt => f.write_str("uint"),
            Ty::Long => f.write_str("long"),
            Ty::ULong => f.write_str("ulong"),
            Ty::Float => f.write_str("float"),
            Ty::Double => f.write_str("double"),
            Ty::Decimal => f.write_str("decimal"),
            Ty::String => f.write_str("string"),
            Ty::Nullable(t) => write!(f, "{t}?"),
            Ty::Array(_) | Ty::Rectangular(..) => {
                // C# writes the brackets of the outer array first.
                let (mut of, mut ranks) = (self, String::new());
                while let Some((item, rank)) = of.as_array() {
                    ranks.push_str(&brackets(rank));
                    of = item;
                }
                write!(f, "{of}{ranks}")
            }
            Ty::Param(n) => write!(f, "T{n}"),
            Ty::Anonymous(_) => f.write_str("anonymous type"),
            Ty::Tuple(t) => {
                f.write_str("(")?;
                for (i, (name, t)) in t.items.iter().enumerate() {
                    write!(f, "{}{t}", if i > 0 { ", " } else { "" })?;
                    if let Some(n) = name {
                        write!(f, " {n}")?;
                    }
                }
                f.write_str(")")
            }
            Ty::Class(n, a) => {
                // The message objects that `context` itself holds are shown by their documented type.
                f.write_str(crate::expr::table::table().shown_name(n))?;
                if !a.is_empty() {
                    f.write_str("<")?;
                    for (i, t) in a.iter().enumerate() {
                        write!(f, "{}{t}", if i > 0 { ", " } else { "" })?;
                    }
                    f.write_str(">")?;
                }
                Ok(())
            }
        }
    }
}

/// Numeric types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Num {
    Char,
    SByte,
    Byte,
    Short,
    UShort,
    Int,
    UInt,
    Long,
    ULong,
    Float,
    Double,
    Decimal,
}

impl Num {
    pub(crate) fn ty(self) -> Ty {
        match self {
            Num::Char => Ty::Char,
            Num::SByte => Ty::SByte,
            Num::Byte => Ty::Byte,
            Num::Short => Ty::Short,
            Num::UShort => Ty::UShort,
            Num::Int => Ty::Int,
            Num::UInt => Ty::UInt,
            Num::Long => Ty::Long,
            Num::ULong => Ty::ULong,
            Num::Float => Ty::Float,
            Num::Double => Ty::Double,
            Num::Decimal => Ty::Decimal,
        }
    }

    /// Implicit numeric conversions (C# §10.2.3).
    pub(crate) fn widens_to(self, to: Num) -> bool {
        use Num::{
            Byte, Char, Decimal, Double, Float, Int, Long, SByte, Short, UInt, ULong, UShort,
        };
        match self {
            SByte => matches!(to, Short | Int | Long | Float | Double | Decimal),
            Byte => matches!(
                to,
                Short | UShort | Int | UInt | Long | ULong | Float | Double | Decimal
            ),
            Short => matches!(to, Int | Long | Float | Double | Decimal),
            UShort | Char => {
                matches!(
                    to,
                    UShort | Int | UInt | Long | ULong | Float | Double | Decimal
                ) && self != to
            }
            Int => matches!(to, Long | Float | Double | Decimal),
            UInt => matches!(to, Long | ULong | Float | Double | Decimal),
            Long | ULong => matches!(to, Float | Double | Decimal),
            Float => to == Double,
            Double | Decimal => false,
        }
    }

    /// Type in which a unary operator or a shift works on the number (C# §12.4.7.2).
    pub(crate) fn promote_alone(self) -> Num {
        match self {
            Num::Char | Num::SByte | Num::Byte | Num::Short | Num::UShort => Num::Int,
            other => other,
        }
    }

    /// Type in which a binary operator works on two numbers (C# §12.4.7); `None`: not defined.
    pub(crate) fn promote(self, other: Num) -> Option<Num> {
        use Num::{Decimal, Double, Float, Int, Long, SByte, Short, UInt, ULong};
        let (a, b) = (self, other);
        let either = |n| a == n || b == n;
        if either(Decimal) {
            return (!either(Float) && !either(Double)).then_some(Decimal);
        }
        if either(Double) {
            return Some(Double);
        }
        if either(Float) {
            return Some(Float);
        }
        if either(ULong) {
            let signed = |n| matches!(n, SByte | Short | Int | Long);
            return (!signed(a) && !signed(b)).then_some(ULong);
        }
        if either(Long) {
            return Some(Long);
        }
        if either(UInt) {
            let signed = |n| matches!(n, SByte | Short | Int);
            return Some(if signed(a) || signed(b) { Long } else { UInt });
        }
        Some(Int)
    }
}
