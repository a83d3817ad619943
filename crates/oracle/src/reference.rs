//! The reference of expressions in `docs/`, generated from the catalog and the lists of differences.
//!
//! A test fails when it is stale; `UPDATE_EXPECT=1 cargo test -p tollgate-oracle reference` writes it.

use crate::differences::Differences;
use expect_test::expect_file;
use std::fmt::Write as _;
use tollgate_lang::expr::catalog::{self, DIFFERENCES, MemberKind, TypeEntry, TypeKind, TypeShape};

/// Pages: file, title, the namespaces that it holds; the last takes the rest.
const PAGES: [(&str, &str, &[&str]); 8] = [
    (
        "context",
        "context and what it leads to",
        &["Microsoft.Azure.ApiManagement"],
    ),
    ("json", "Newtonsoft.Json", &["Newtonsoft."]),
    ("xml", "System.Xml", &["System.Xml"]),
    ("security", "System.Security", &["System.Security"]),
    ("net", "System.Net", &["System.Net"]),
    (
        "text",
        "System.Text, System.Globalization, System.IO",
        &["System.Text", "System.Globalization", "System.IO"],
    ),
    (
        "collections",
        "System.Collections and System.Linq",
        &["System.Collections", "System.Linq"],
    ),
    ("system", "System", &[""]),
];

const MARKER: &str = "<!-- What follows is generated";

fn page_of(of: &TypeEntry) -> usize {
    PAGES
        .iter()
        .position(|(_, _, namespaces)| namespaces.iter().any(|n| of.full_name.starts_with(n)))
        .unwrap_or(PAGES.len() - 1)
}

fn word(kind: TypeKind) -> &'static str {
    match kind {
        TypeKind::Class => "class",
        TypeKind::Struct => "struct",
        TypeKind::Interface => "interface",
        TypeKind::Static => "static class",
        TypeKind::Enum => "enum",
        TypeKind::Delegate => "delegate",
    }
}

/// A base type; the catalog numbers type parameters, signatures name one `T` and two `K, V`.
fn shape(s: &TypeShape, arity: usize) -> String {
    let names: &[&str] = if arity == 2 { &["K", "V"] } else { &["T"] };
    let mut text = crate::shape::text(s);
    for (i, name) in names.iter().enumerate() {
        text = text.replace(&format!("T{i}"), name);
    }
    text
}

/// A type's section.
fn section(of: &TypeEntry) -> String {
    let mut out = format!("## {}\n\n{}", of.full_name, word(of.kind));
    if of.arity > 0 {
        let s = if of.arity == 1 { "" } else { "s" };
        write!(out, " with {} type parameter{s}", of.arity).expect("text grows");
    }
    let bases: Vec<String> = of
        .bases
        .iter()
        .filter(|b| **b != crate::shape::named("object") && of.kind != TypeKind::Enum)
        .map(|b| format!("`{}`", shape(b, of.arity)))
        .collect();
    if !bases.is_empty() {
        write!(out, ", derives from {}", bases.join(", ")).expect("text grows");
    }
    if !of.allowed {
        out += "; not on API Management's list";
    }
    out += ".\n\n";
    if !of.values.is_empty() {
        let values: Vec<String> = of
            .values
            .iter()
            .map(|(n, v)| format!("`{n}` {v}"))
            .collect();
        out += &format!("{}\n\n", values.join(", "));
    }
    let mut members: Vec<_> = of.members.iter().collect();
    if members.is_empty() {
        return out;
    }
    members.sort_by_key(|m| match m.kind {
        MemberKind::Constructor => 0,
        MemberKind::Property | MemberKind::SetProperty => 1,
        MemberKind::Index | MemberKind::SetIndex => 2,
        MemberKind::Method => 3,
        MemberKind::Operator => 4,
        MemberKind::Implicit | MemberKind::Explicit => 5,
    });
    out += "```csharp\n";
    for m in members {
        // A type that is not on the list says so once.
        let mark = if of.allowed && !m.allowed {
            "  // extension"
        } else {
            ""
        };
        writeln!(out, "{}{mark}", m.signature).expect("text grows");
    }
    out += "```\n\n";
    out
}

fn page(at: usize) -> String {
    let (_, title, _) = PAGES[at];
    let mut out = format!(
        "# Expressions: {title}\n\nGenerated from the table that [expressions](../expressions.md#reference) are bound with. `extension`: works in Tollgate, refused by API Management.\n\n"
    );
    for of in catalog::types().iter().filter(|t| page_of(t) == at) {
        out += &section(of);
    }
    out.truncate(out.trim_end().len());
    out + "\n"
}

fn reference() -> String {
    let types = catalog::types();
    let members: usize = types.iter().map(|t| t.members.len()).sum();
    let extensions = types
        .iter()
        .flat_map(|t| &t.members)
        .filter(|m| !m.allowed)
        .count();
    let mut out = format!(
        "## Reference\n\n{} types with {members} members. {extensions} of the members are extensions: they work in Tollgate and are not on API Management's list.\n\n| page | types |\n|---|---|\n",
        types.len()
    );
    for (at, (file, title, _)) in PAGES.iter().enumerate() {
        let names: Vec<String> = types
            .iter()
            .filter(|t| page_of(t) == at)
            .map(|t| format!("`{}`", t.name))
            .collect();
        out += &format!(
            "| [{title}](expressions/{file}.md) | {} |\n",
            names.join(", ")
        );
    }
    out += "\n### Differences from API Management\n\n| | |\n|---|---|\n";
    for d in DIFFERENCES {
        out += &format!("| {} | {} |\n", d.subject, d.text);
    }
    out += "\n### How it is measured\n\nEach member is measured against a C# compiler and runtime, Mono 6.8 with Json.NET 6 (`cargo xtask oracle`): golden cases, and campaigns of generated expressions. \
That runtime has faults and an age of its own. What differs for that, and is kept as a current .NET has it:\n\n";
    let differences = Differences::read().expect("differences.yaml is good");
    for reason in differences.reasons() {
        out += &format!("- {reason}\n");
    }
    out += &format!(
        "- {} members are newer than Mono's class library or Json.NET 6 and cannot be measured there.\n",
        differences.newer.len()
    );
    out
}

#[test]
fn the_reference_is_that_of_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/expressions.md");
    let text = std::fs::read_to_string(path).expect("docs/expressions.md is there");
    let hand = &text[..text.find(MARKER).expect("the marker is there")];
    let marker = text[hand.len()..].lines().next().unwrap_or_default();
    expect_file![path].assert_eq(&format!("{hand}{marker}\n\n{}", reference()));
    for (at, (file, _, _)) in PAGES.iter().enumerate() {
        let path = format!(
            "{}/../../docs/expressions/{file}.md",
            env!("CARGO_MANIFEST_DIR")
        );
        expect_file![path].assert_eq(&page(at));
    }
}
