//! Types as signatures use them: their C# text, matching and substitution.

pub(crate) use tollgate_lang::expr::catalog::TypeShape as Shape;

/// A type without type arguments.
pub(crate) fn named(name: &'static str) -> Shape {
    Shape::Named(name, Vec::new())
}

/// A type with type arguments.
pub(crate) fn generic(name: &'static str, args: Vec<Shape>) -> Shape {
    Shape::Named(name, args)
}

pub(crate) fn array(of: Shape) -> Shape {
    Shape::Array(Box::new(of))
}

pub(crate) fn nullable(of: Shape) -> Shape {
    Shape::Nullable(Box::new(of))
}

/// The type as C# writes it.
pub(crate) fn text(shape: &Shape) -> String {
    match shape {
        Shape::Named(name, args) if args.is_empty() => match *name {
            "AdjustmentRule" | "TransitionTime" => format!("TimeZoneInfo.{name}"),
            name => name.to_string(),
        },
        Shape::Named(name, args) => {
            let args: Vec<String> = args.iter().map(text).collect();
            let args = args.join(", ");
            match *name {
                "KeyCollection" | "ValueCollection" => format!("Dictionary<{args}>.{name}"),
                name => format!("{name}<{args}>"),
            }
        }
        Shape::Array(of) => format!("{}[]", text(of)),
        Shape::Nullable(of) => format!("{}?", text(of)),
        Shape::Parameter(i) => format!("T{i}"),
    }
}

/// The name that producers of a type are found by.
pub(crate) fn head(shape: &Shape) -> &'static str {
    match shape {
        Shape::Named(name, _) => name,
        Shape::Array(_) => "[]",
        Shape::Nullable(_) => "?",
        Shape::Parameter(_) => "T",
    }
}

/// Finds the type parameters that make `pattern` the wanted type.
pub(crate) fn unify(pattern: &Shape, want: &Shape, found: &mut [Option<Shape>]) -> bool {
    match (pattern, want) {
        (Shape::Parameter(i), _) => match found.get_mut(*i) {
            Some(Some(known)) => known == want,
            Some(place) => {
                *place = Some(want.clone());
                true
            }
            None => false,
        },
        (Shape::Named(a, x), Shape::Named(b, y)) => {
            a == b && x.len() == y.len() && x.iter().zip(y).all(|(p, w)| unify(p, w, found))
        }
        (Shape::Array(a), Shape::Array(b)) | (Shape::Nullable(a), Shape::Nullable(b)) => {
            unify(a, b, found)
        }
        _ => false,
    }
}

/// Puts type arguments in.
pub(crate) fn substitute(shape: &Shape, args: &[Shape]) -> Shape {
    match shape {
        Shape::Parameter(i) => args.get(*i).cloned().unwrap_or_else(|| named("object")),
        Shape::Named(name, a) => generic(name, a.iter().map(|s| substitute(s, args)).collect()),
        Shape::Array(of) => array(substitute(of, args)),
        Shape::Nullable(of) => nullable(substitute(of, args)),
    }
}

/// Whether type parameter `i` occurs.
pub(crate) fn mentions(shape: &Shape, i: usize) -> bool {
    match shape {
        Shape::Parameter(p) => *p == i,
        Shape::Named(_, args) => args.iter().any(|a| mentions(a, i)),
        Shape::Array(of) | Shape::Nullable(of) => mentions(of, i),
    }
}

/// C#'s word for a type of the catalog, if it has one.
pub(crate) fn keyword(name: &'static str) -> &'static str {
    match name {
        "Boolean" => "bool",
        "Char" => "char",
        "SByte" => "sbyte",
        "Byte" => "byte",
        "Int16" => "short",
        "UInt16" => "ushort",
        "Int32" => "int",
        "UInt32" => "uint",
        "Int64" => "long",
        "UInt64" => "ulong",
        "Single" => "float",
        "Double" => "double",
        "Decimal" => "decimal",
        "String" => "string",
        "Object" => "object",
        other => other,
    }
}

/// Numeric types, narrowest first.
pub(crate) const NUMBERS: [&str; 11] = [
    "sbyte", "byte", "short", "ushort", "int", "uint", "long", "ulong", "float", "double",
    "decimal",
];

/// Value types whose comparisons C# lifts to null.
pub(crate) const NULLABLES: [&str; 7] = [
    "int", "long", "double", "decimal", "DateTime", "TimeSpan", "char",
];

pub(crate) fn is_void(shape: &Shape) -> bool {
    *shape == named("void")
}
