//! `docs/policies/` and the schema of policy documents, generated from the policies' definitions.
//!
//! A test fails when they are stale; `UPDATE_EXPECT=1 cargo test -p tollgate-author reference` writes them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tollgate_engine::compile::{
    AttributeDef, ChildDef, Content, Kind, Once, PolicyDef, Scopes, Sections,
};
use tollgate_engine::policies;

/// Longest example, in lines.
const LONGEST_EXAMPLE: usize = 16;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compares a committed file with what it must be, or writes it.
fn current(path: &Path, text: &str) {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == text,
        "{} is stale: UPDATE_EXPECT=1 cargo test -p tollgate-author reference",
        path.display()
    );
}

#[test]
fn reference_pages_are_those_of_the_definitions() {
    let folder = root().join("docs/policies");
    let mut names = BTreeSet::from([String::from("README.md")]);
    current(&folder.join("README.md"), &index());
    for def in policies::all() {
        let name = format!("{}.md", def.name);
        current(&folder.join(&name), &page(def));
        names.insert(name);
    }
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !names.contains(&name) {
            assert!(
                std::env::var_os("UPDATE_EXPECT").is_some(),
                "docs/policies/{name} is the page of no policy"
            );
            std::fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn reference_schema_is_that_of_the_definitions() {
    let path = root().join("schema/policies.xsd");
    current(&path, &tollgate_author::schema::policies_xsd());
}

fn index() -> String {
    let mut out = String::from(
        "# Reference of policies\n\nGenerated from the definitions that documents are checked with. How documents work: [policies](../policies.md).\n\n| policy | sections | what it does |\n|---|---|---|\n",
    );
    for def in policies::all() {
        let sections = sections(def.sections);
        let name = def.name;
        out += &format!(
            "| [`{name}`]({name}.md) | {sections} | {} |\n",
            linked(&cell(first_sentence(def.doc)))
        );
    }
    if !policies::NOT_YET.is_empty() {
        let names: Vec<String> = policies::NOT_YET.iter().map(|n| format!("`{n}`")).collect();
        out += &format!(
            "\nNot served by this version, and refused when a document names them: {}.\n",
            names.join(", ")
        );
    }
    out
}

fn page(def: &PolicyDef) -> String {
    let mut out = format!("# {}\n\n{}\n\n", def.name, def.doc.trim());
    out += &format!(
        "- Sections: {}\n- Scopes: {}\n",
        sections(def.sections),
        scopes(def.scopes)
    );
    match def.once {
        Once::Many => {}
        Once::PerSection => out += "- Once in a section\n",
        Once::PerDocument => out += "- Once in a document\n",
    }
    out += &format!("- Holds: {}\n\n", content(def.content, def.children));
    out += "## Attributes\n\n";
    out += &attributes(def.attributes, true);
    for child in def.children {
        out += &element(def.name, child);
    }
    if let Some((title, text)) = example(def.name) {
        out += &format!(
            "## Example\n\n{}, from the [fixture](../../crates/engine/tests/policies/{}.test) that tests it:\n\n",
            capital(&title),
            def.name
        );
        for line in text.lines() {
            out += format!("    {line}").trim_end();
            out += "\n";
        }
        out += "\n";
    }
    out.truncate(out.trim_end().len());
    // Definitions write links as the pages beside `docs/policies/` do.
    linked(&out) + "\n"
}

/// Links to pages of `docs/` as they are from the folder below.
fn linked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("](") {
        let target = after.split(')').next().unwrap_or_default();
        let page = target.split('#').next().unwrap_or_default();
        let up = page.ends_with(".md") && !page.contains('/');
        out += before;
        out += if up { "](../" } else { "](" };
        rest = after;
    }
    out + rest
}

/// A child's part of the page, and its children's.
fn element(path: &str, child: &ChildDef) -> String {
    let path = format!("{path}/{}", child.name);
    let times = match (child.min, child.max) {
        (0, 1) => String::from("at most once"),
        (1, 1) => String::from("once"),
        (0, u32::MAX) => String::from("any number of times"),
        (min, u32::MAX) => format!("{min} or more times"),
        (0, max) => format!("up to {max} times"),
        (min, max) => format!("{min} to {max} times"),
    };
    let mut out = format!(
        "## `{path}`\n\n{}.\n\n- Stands {times}\n- Holds: {}\n\n",
        capital(child.doc.trim().trim_end_matches('.')),
        content(child.content, child.children)
    );
    if !child.attributes.is_empty() {
        out += &attributes(child.attributes, false);
    }
    for inner in child.children {
        out += &element(&path, inner);
    }
    out
}

fn attributes(defs: &[AttributeDef], of_policy: bool) -> String {
    let mut out = String::from(
        "| attribute | required | default | value | expression | meaning |\n|---|---|---|---|---|---|\n",
    );
    for def in defs {
        out += &format!(
            "| `{}` | {} | {} | {} | {} | {} |\n",
            def.name,
            if def.required { "yes" } else { "" },
            def.default.map_or_else(String::new, |d| if d.is_empty() {
                String::from("empty")
            } else {
                format!("`{}`", cell(d))
            }),
            kind(def.kind),
            if def.expression { "yes" } else { "" },
            cell(def.doc)
        );
    }
    if of_policy && !defs.iter().any(|d| d.name == "id") {
        out += "| `id` |  |  | text |  | names the policy in `context.LastError.PolicyId` |\n";
    }
    out + "\n"
}

fn kind(kind: Kind) -> String {
    const MOST: i64 = i32::MAX as i64;
    match kind {
        Kind::Text => String::from("text"),
        Kind::Bool => String::from("`true`, `false`"),
        Kind::Int(low, i64::MAX | MOST) => format!("whole number from {low}"),
        Kind::Int(low, high) => format!("whole number, {low} to {high}"),
        Kind::Number(low, high) if high >= f64::from(i32::MAX) => format!("number from {low}"),
        Kind::Number(low, high) => format!("number, {low} to {high}"),
        Kind::OneOf(words) => words
            .iter()
            .map(|w| format!("`{w}`"))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

fn content(content: Content, children: &[ChildDef]) -> String {
    let mut parts: Vec<String> = children.iter().map(|c| format!("`{}`", c.name)).collect();
    match content {
        Content::Empty => {}
        Content::Text => parts.push(String::from("text or an expression")),
        Content::Literal => parts.push(String::from("text")),
        Content::Policies => parts.push(String::from("policies")),
        Content::Markup => parts.push(String::from("markup")),
    }
    if parts.is_empty() {
        String::from("nothing")
    } else {
        parts.join(", ")
    }
}

fn sections(sections: Sections) -> String {
    if sections == Sections::ALL {
        String::from("all")
    } else {
        sections.names()
    }
}

fn scopes(scopes: Scopes) -> String {
    if scopes == Scopes::ALL {
        String::from("all")
    } else {
        scopes.names()
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        // A name in code keeps its case.
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ")
        .map_or(text.trim().trim_end_matches('.'), |(first, _)| first)
}

/// The first document of the policy's fixture that is short and served: a case that sends a request.
fn example(name: &str) -> Option<(String, String)> {
    let path = root().join(format!("crates/engine/tests/policies/{name}.test"));
    let text = std::fs::read_to_string(path).unwrap();
    for case in text.split("\n-- case ").skip(1) {
        let (title, rest) = case.split_once('\n').unwrap_or((case, ""));
        if !rest.contains("\n-- send") || title.contains('<') {
            continue;
        }
        for section in format!("\n{rest}").split("\n-- ").skip(1) {
            let (head, document) = section.split_once('\n').unwrap_or((section, ""));
            let document = document.trim();
            let short = document.lines().count() <= LONGEST_EXAMPLE
                && document.lines().all(|l| l.len() <= 200);
            let uses =
                document.contains(&format!("<{name} ")) || document.contains(&format!("<{name}>"));
            if head.starts_with("policy.xml") && short && uses {
                return Some((title.trim().to_owned(), document.to_owned()));
            }
        }
    }
    None
}
