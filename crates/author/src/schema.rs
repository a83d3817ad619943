//! The XML Schema of policy documents, for editors: made from the policies' own definitions.
//!
//! `tollgate schema --policies` prints it; a copy is committed and a test keeps it current. What must stay true: a
//! document that the schema refuses is refused by the gateway too, holds text that means nothing (a warning), or is in
//! the raw form, which is not XML. (The other
//! way round a schema says less: single use, scopes and what policies check by themselves are not in it.)

use std::fmt::Write as _;
use tollgate_engine::compile::{
    AttributeDef, ChildDef, Content, Kind, PolicyDef, Section, Sections,
};
use tollgate_engine::policies;

const SECTIONS: [Section; 4] = [
    Section::Inbound,
    Section::Backend,
    Section::Outbound,
    Section::OnError,
];

const HEAD: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<!-- Policy documents of Tollgate, made from the definitions of the policies by the command `tollgate schema`. -->
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified">
  <xs:simpleType name="expression"><xs:restriction base="xs:string"><xs:pattern value="\s*@[\(\{](.|\n|\r)*" /></xs:restriction></xs:simpleType>
  <xs:simpleType name="named-value"><xs:restriction base="xs:string"><xs:pattern value="(.|\n|\r)*\{\{(.|\n|\r)*" /></xs:restriction></xs:simpleType>
  <xs:simpleType name="bool"><xs:restriction base="xs:string"><xs:pattern value="\s*([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])\s*" /></xs:restriction></xs:simpleType>
"#;

/// The schema, with a newline at its end.
pub fn policies_xsd() -> String {
    let mut xsd = Xsd {
        out: String::from(HEAD),
        depth: 1,
    };
    for def in policies::all() {
        if def.holds_policies() {
            for section in SECTIONS.into_iter().filter(|s| def.sections.contains(*s)) {
                xsd.policy(def, Some(section));
            }
        }
        xsd.policy(def, None);
    }
    for section in SECTIONS.into_iter().map(Some).chain([None]) {
        xsd.open(&format!("<xs:group name=\"{}\">", group(section)));
        xsd.open("<xs:choice>");
        for def in policies::all() {
            // The root of a document stands in no other.
            let inside = def.sections != Sections::NONE;
            if inside && section.is_none_or(|s| def.sections.contains(s)) {
                let of = type_name(def, section);
                xsd.line(&format!(
                    "<xs:element name=\"{}\" type=\"{of}\" />",
                    def.name
                ));
            }
        }
        xsd.close("xs:choice");
        xsd.close("xs:group");
    }
    xsd.open("<xs:element name=\"policies\">");
    xsd.open("<xs:complexType>");
    xsd.open("<xs:all>");
    for section in SECTIONS {
        xsd.open(&format!(
            "<xs:element name=\"{}\" minOccurs=\"0\">",
            section.name()
        ));
        xsd.block(Some(section));
        xsd.close("xs:element");
    }
    xsd.close("xs:all");
    xsd.close("xs:complexType");
    xsd.close("xs:element");
    xsd.open("<xs:element name=\"fragment\">");
    xsd.block(None);
    xsd.close("xs:element");
    for def in policies::all() {
        if def.sections == Sections::NONE {
            let name = def.name;
            xsd.line(&format!("<xs:element name=\"{name}\" type=\"{name}\" />"));
        }
    }
    xsd.out.push_str("</xs:schema>\n");
    xsd.out
}

/// Whether policies stand in an element.
trait HoldsPolicies {
    fn holds_policies(&self) -> bool;
}

impl HoldsPolicies for PolicyDef {
    fn holds_policies(&self) -> bool {
        self.content == Content::Policies || self.children.iter().any(ChildDef::holds_policies)
    }
}

impl HoldsPolicies for ChildDef {
    fn holds_policies(&self) -> bool {
        self.content == Content::Policies || self.children.iter().any(ChildDef::holds_policies)
    }
}

/// The group of the policies of a section; `None`: of a fragment, which does not know where it will stand.
fn group(section: Option<Section>) -> String {
    format!("{}-policies", section.map_or("fragment", Section::name))
}

/// A policy that holds policies has a type for each section.
fn type_name(def: &PolicyDef, section: Option<Section>) -> String {
    match section {
        Some(section) if def.holds_policies() => format!("{}.{}", def.name, section.name()),
        _ => def.name.to_owned(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

struct Xsd {
    out: String,
    depth: usize,
}

impl Xsd {
    fn line(&mut self, text: &str) {
        let indent = self.depth * 2;
        writeln!(self.out, "{:indent$}{text}", "").expect("text grows");
    }

    fn open(&mut self, tag: &str) {
        self.line(tag);
        self.depth += 1;
    }

    fn close(&mut self, name: &str) {
        self.depth -= 1;
        self.line(&format!("</{name}>"));
    }

    fn doc(&mut self, text: &str) {
        self.line(&format!(
            "<xs:annotation><xs:documentation>{}</xs:documentation></xs:annotation>",
            escaped(text)
        ));
    }

    fn block(&mut self, section: Option<Section>) {
        self.open("<xs:complexType>");
        self.line(&format!(
            "<xs:group ref=\"{}\" minOccurs=\"0\" maxOccurs=\"unbounded\" />",
            group(section)
        ));
        self.close("xs:complexType");
    }

    fn policy(&mut self, def: &PolicyDef, section: Option<Section>) {
        let name = type_name(def, section);
        let parts = (def.attributes, def.children, def.content);
        self.complex(Some(&name), def.name, def.doc, parts, section);
    }

    /// A type: what an element holds, then its attributes.
    fn complex(
        &mut self,
        type_name: Option<&str>,
        element: &str,
        doc: &str,
        (attributes, children, content): (&[AttributeDef], &[ChildDef], Content),
        section: Option<Section>,
    ) {
        let text = matches!(content, Content::Text | Content::Literal);
        // A body may be markup.
        let markup = element == "set-body" || content == Content::Markup;
        let simple = text && children.is_empty() && !markup;
        let name = type_name.map_or_else(String::new, |name| format!(" name=\"{name}\""));
        let mixed = if text && !simple {
            " mixed=\"true\""
        } else {
            ""
        };
        self.open(&format!("<xs:complexType{name}{mixed}>"));
        self.doc(doc);
        if simple {
            self.open("<xs:simpleContent>");
            self.open("<xs:extension base=\"xs:string\">");
            self.attributes(element, attributes);
            self.close("xs:extension");
            self.close("xs:simpleContent");
        } else {
            if markup {
                self.line("<xs:sequence><xs:any minOccurs=\"0\" maxOccurs=\"unbounded\" processContents=\"skip\" /></xs:sequence>");
            } else {
                self.content(children, content, section);
            }
            self.attributes(element, attributes);
        }
        self.close("xs:complexType");
    }

    fn content(&mut self, children: &[ChildDef], content: Content, section: Option<Section>) {
        let policies = content == Content::Policies;
        match children {
            [] if !policies => {}
            [] => self.line(&format!(
                "<xs:group ref=\"{}\" minOccurs=\"0\" maxOccurs=\"unbounded\" />",
                group(section)
            )),
            [only] if !policies => {
                self.open("<xs:sequence>");
                self.child(only, true, section);
                self.close("xs:sequence");
            }
            _ if !policies && children.iter().all(|c| c.max == 1) => {
                self.open("<xs:all>");
                for child in children {
                    self.child(child, true, section);
                }
                self.close("xs:all");
            }
            // How often each may stand cannot be said of children in any order.
            _ => {
                self.open("<xs:choice minOccurs=\"0\" maxOccurs=\"unbounded\">");
                for child in children {
                    self.child(child, false, section);
                }
                if policies {
                    self.line(&format!("<xs:group ref=\"{}\" />", group(section)));
                }
                self.close("xs:choice");
            }
        }
    }

    fn child(&mut self, child: &ChildDef, times: bool, section: Option<Section>) {
        let mut tag = format!("<xs:element name=\"{}\"", child.name);
        if times {
            write!(tag, " minOccurs=\"{}\"", child.min).expect("text grows");
            match child.max {
                u32::MAX => tag += " maxOccurs=\"unbounded\"",
                max => write!(tag, " maxOccurs=\"{max}\"").expect("text grows"),
            }
        }
        self.open(&format!("{tag}>"));
        let parts = (child.attributes, child.children, child.content);
        self.complex(None, child.name, child.doc, parts, section);
        self.close("xs:element");
    }

    fn attributes(&mut self, element: &str, attributes: &[AttributeDef]) {
        for attribute in attributes {
            self.attribute(attribute);
        }
        let own_id = attributes.iter().any(|a| a.name == "id");
        if !own_id && policies::find(element).is_some() {
            self.line("<xs:attribute name=\"id\" type=\"xs:string\" />");
        }
    }

    fn attribute(&mut self, attribute: &AttributeDef) {
        let mut tag = format!("<xs:attribute name=\"{}\"", attribute.name);
        if attribute.required {
            tag += " use=\"required\"";
        }
        if attribute.kind == Kind::Text {
            tag += " type=\"xs:string\"";
        }
        self.open(&format!("{tag}>"));
        self.doc(attribute.doc);
        if attribute.kind != Kind::Text {
            let others = if attribute.expression {
                "expression named-value"
            } else {
                "named-value"
            };
            self.open("<xs:simpleType>");
            match attribute.kind {
                Kind::Text => {}
                Kind::Bool => self.line(&format!("<xs:union memberTypes=\"bool {others}\" />")),
                kind => {
                    self.open(&format!("<xs:union memberTypes=\"{others}\">"));
                    self.line(&format!(
                        "<xs:simpleType>{}</xs:simpleType>",
                        restriction(kind)
                    ));
                    self.close("xs:union");
                }
            }
            self.close("xs:simpleType");
        }
        self.close("xs:attribute");
    }
}

/// What a literal must look like.
fn restriction(kind: Kind) -> String {
    let range = |base: &str, low: String, high: String| {
        format!(
            "<xs:restriction base=\"{base}\"><xs:minInclusive value=\"{low}\" /><xs:maxInclusive value=\"{high}\" /></xs:restriction>"
        )
    };
    match kind {
        Kind::Int(low, high) => range("xs:long", low.to_string(), high.to_string()),
        Kind::Number(low, high) => range("xs:double", xs_double(low), xs_double(high)),
        Kind::OneOf(words) => {
            let words: String = words
                .iter()
                .map(|w| format!("<xs:enumeration value=\"{}\" />", escaped(w)))
                .collect();
            format!("<xs:restriction base=\"xs:string\">{words}</xs:restriction>")
        }
        Kind::Text | Kind::Bool => String::from("<xs:restriction base=\"xs:string\" />"),
    }
}

/// As XML Schema writes it.
fn xs_double(n: f64) -> String {
    match n {
        f64::INFINITY => String::from("INF"),
        f64::NEG_INFINITY => String::from("-INF"),
        n => format!("{n:e}"),
    }
}
