//! Whether an expression leaves JSON trees as they are, so that it may read one that others read too.
//!
//! What must stay true: in doubt it does not. A row added to a JSON type counts as changing until it is named here.

use crate::expr::ir::{Call, Code, Ir};
use crate::expr::table::MemberKind;
use std::sync::Arc;

/// Members of JSON types that change nothing.
const READING: [&str; 45] = [
    "AfterSelf",
    "Ancestors",
    "AncestorsAndSelf",
    "BeforeSelf",
    "Children",
    "ContainsKey",
    "Contains",
    "Count",
    "CreateReader",
    "DeepClone",
    "DeepEquals",
    "Descendants",
    "DescendantsAndSelf",
    "DeserializeObject",
    "Equals",
    "First",
    "GetEnumerator",
    "GetHashCode",
    "GetType",
    "GetValue",
    "HasValues",
    "IndexOf",
    "IsReadOnly",
    "Last",
    "Name",
    "Next",
    "Parent",
    "Parse",
    "Path",
    "Previous",
    "Properties",
    "Property",
    "PropertyValues",
    "Root",
    "SelectToken",
    "SelectTokens",
    "SerializeObject",
    "ToArray",
    "ToList",
    "ToObject",
    "ToString",
    "TryGetValue",
    "Type",
    "Value",
    "Values",
];

/// Whether nothing in the code changes a tree.
pub(super) fn only(code: &mut Code) -> bool {
    let mut all = true;
    code.each(&mut |ir| all = all && reads(ir));
    all
}

fn reads(ir: &mut Ir) -> bool {
    let here = match ir {
        Ir::Call(c) => reading(c),
        // Code of another expression.
        Ir::Cast(ty, _) => ty.delegate().is_none(),
        // A body that something else shares is not gone through.
        Ir::Lambda(l) => Arc::get_mut(l).is_some(),
        _ => true,
    };
    let mut all = here;
    ir.each_child(&mut |child| all = all && reads(child));
    all
}

fn reading(c: &Call) -> bool {
    // `typeof`, and the cells of an array.
    let Some(member) = c.member else {
        return true;
    };
    // Code of another expression.
    if member.of == "DictionaryExtensions" && c.types.iter().any(|t| t.delegate().is_some()) {
        return false;
    }
    let json =
        matches!(member.of.as_bytes(), [b'J', b'A'..=b'Z' | b's', ..]) || member.of == "Extensions";
    // The interfaces that arrays and objects have.
    let collection = matches!(
        member.of,
        "IList" | "ICollection" | "IDictionary" | "IEnumerable" | "Object"
    );
    match member.kind {
        MemberKind::SetIndex | MemberKind::SetProperty => !json && !collection,
        // A constructor takes over what has no parent.
        MemberKind::Constructor => !json,
        MemberKind::Index | MemberKind::Implicit | MemberKind::Explicit | MemberKind::Operator => {
            true
        }
        MemberKind::Property | MemberKind::Method if json => READING.contains(&member.name),
        MemberKind::Property | MemberKind::Method if collection => {
            READING.contains(&member.name)
                || matches!(
                    member.name,
                    "Keys" | "Values" | "CopyTo" | "ReferenceEquals"
                )
        }
        MemberKind::Property | MemberKind::Method => true,
    }
}
