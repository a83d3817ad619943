//! What type parameters must be, where C# has a `where` that signatures of the catalog do not show.

use super::Listed;
use crate::shape::{Shape, named};

/// What a type parameter of a member must be.
enum Must {
    /// This type.
    Be(&'static str),
    /// A class.
    BeReference,
    /// A value type.
    BeValue,
    /// Something that JSON can be read as.
    BeData,
}

/// Types that documents read JSON as.
const DATA: [&str; 14] = [
    "JObject", "JToken", "JArray", "string", "int", "long", "double", "decimal", "bool",
    "DateTime", "Guid", "object", "TimeSpan", "char",
];

fn rule(l: &Listed, i: usize) -> Option<Must> {
    let own = i.checked_sub(l.member.class_parameters);
    match (&*l.of.full_name, l.member.name, own) {
        // `this IEnumerable<T>` of tokens; a second parameter is free.
        ("Newtonsoft.Json.Linq.Extensions", "Children" | "Values" | "Value", Some(0))
            if l.member.type_parameters == 2 =>
        {
            Some(Must::Be("JToken"))
        }
        ("Newtonsoft.Json.Linq.Extensions", "Values" | "Value", Some(0)) => None,
        ("Newtonsoft.Json.Linq.Extensions", "Children", Some(0)) if has_this_parameter(l, i) => {
            Some(Must::Be("JToken"))
        }
        ("Newtonsoft.Json.Linq.Extensions", "Children", _) => None,
        (
            "Newtonsoft.Json.Linq.Extensions",
            "Ancestors" | "AncestorsAndSelf" | "AsJEnumerable",
            Some(0),
        ) => Some(Must::Be("JToken")),
        ("Newtonsoft.Json.Linq.Extensions", "Descendants" | "DescendantsAndSelf", Some(0)) => {
            Some(Must::Be("JContainer"))
        }
        ("System.Xml.Linq.Extensions", _, Some(0)) => Some(Must::Be("XElement")),
        ("Newtonsoft.Json.Linq.JToken", "Children", Some(0)) => Some(Must::Be("JToken")),
        ("Newtonsoft.Json.Linq.IJEnumerable" | "Newtonsoft.Json.Linq.JEnumerable", _, None) => {
            Some(Must::Be("JToken"))
        }
        ("Newtonsoft.Json.Linq.JToken", name, Some(0)) if name.contains("Annotation") => {
            Some(Must::BeReference)
        }
        ("Newtonsoft.Json.JsonConvert", _, Some(0))
        | ("Newtonsoft.Json.Linq.JToken", "ToObject" | "Value", Some(0)) => Some(Must::BeData),
        ("System.Nullable", _, _) => Some(Must::BeValue),
        ("System.Enum", _, Some(0)) => Some(Must::Be("DayOfWeek")),
        _ => None,
    }
}

fn has_this_parameter(l: &Listed, i: usize) -> bool {
    l.member
        .parameters
        .first()
        .is_some_and(|p| crate::shape::mentions(&p.shape, i))
}

/// A type argument that a constraint asks for.
pub(super) fn wanted(l: &Listed, i: usize) -> Option<Shape> {
    match rule(l, i)? {
        Must::Be(name) => Some(named(name)),
        Must::BeReference => Some(named("string")),
        Must::BeValue => Some(named("int")),
        Must::BeData => None,
    }
}

/// Whether type arguments are what they must be.
pub(super) fn hold(l: &Listed, found: &[Option<Shape>]) -> bool {
    found.iter().enumerate().all(|(i, f)| {
        let Some(shape) = f else { return true };
        // The interface without a type argument and nested types cannot be written.
        if *shape == named("IEnumerable")
            || matches!(shape, Shape::Named("KeyCollection" | "ValueCollection", _))
        {
            return false;
        }
        match rule(l, i) {
            None => true,
            Some(Must::Be(name)) => *shape == named(name),
            Some(Must::BeReference) => *shape == named("string"),
            Some(Must::BeData) => match shape {
                Shape::Named("List", args) | Shape::Named("Dictionary", args) => args
                    .iter()
                    .all(|a| matches!(a, Shape::Named(n, _) if DATA.contains(n))),
                Shape::Array(of) | Shape::Nullable(of) => {
                    matches!(&**of, Shape::Named(n, _) if DATA.contains(n))
                }
                Shape::Named(name, args) => args.is_empty() && DATA.contains(name),
                Shape::Parameter(_) => false,
            },
            Some(Must::BeValue) => {
                matches!(
                    shape,
                    Shape::Named(
                        "int" | "long" | "double" | "bool" | "DateTime" | "decimal" | "char",
                        _
                    )
                )
            }
        }
    })
}
