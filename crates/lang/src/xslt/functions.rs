//! The functions that XSLT adds to XPath (XSLT 1.0, section 12), and the rest of what stylesheets add.

use super::compile::{XSLT, is_instruction};
use super::ir::GLOBAL;
use super::marks::in_scope;
use super::state::{State, Table};
use crate::expr::eval::{Cx, Throw};
use crate::expr::table::xml::xpath::{
    self, Context, Found, Library, Order, SET_NEEDED, fault, text_of,
};
use crate::value::Str;
use crate::value::xml::{Name, Node, XMLNS};
use std::rc::Rc;

/// Names and how many arguments each takes.
const ALL: [(&str, usize, usize); 10] = [
    ("current", 0, 0),
    ("document", 1, 2),
    ("element-available", 1, 1),
    ("format-number", 2, 3),
    ("function-available", 1, 1),
    ("generate-id", 0, 1),
    ("key", 2, 2),
    ("node-set", 1, 1),
    ("system-property", 1, 1),
    ("unparsed-entity-uri", 1, 1),
];

/// How many arguments a function takes.
pub(super) fn arguments(name: &str) -> Option<(usize, usize)> {
    let found = ALL.iter().find(|(n, ..)| *n == name && name != "node-set");
    let own = (name == "node-set").then_some((1, 1));
    found.map(|(_, least, most)| (*least, *most)).or(own)
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(n, ..)| *n)
}

/// `{namespace}local`, as the compiler writes names in literals.
fn expanded(text: &str) -> (&str, &str) {
    match text.strip_prefix('{').and_then(|t| t.rsplit_once('}')) {
        Some((namespace, local)) => (namespace, local),
        // A name that is known only now; what `xsl` means is not.
        None => match text.split_once(':') {
            Some(("xsl", local)) => (XSLT, local),
            Some((_, local)) => ("?", local),
            None => ("", text),
        },
    }
}

fn name_of(text: &str) -> Name {
    let (namespace, local) = expanded(text);
    Name {
        namespace: Str::from(namespace),
        local: Str::from(local),
    }
}

impl Library for State<'_> {
    fn order(&mut self) -> &mut Order {
        &mut self.order
    }

    /// The compiler put the namespaces there.
    fn namespace(&self, prefix: &str) -> Result<Str, Throw> {
        Ok(Str::from(prefix))
    }

    fn qualified(&self, node: &Node) -> Str {
        let Some(name) = node.name() else {
            return Str::from("");
        };
        let prefix = self.marks.prefix_of(node);
        if prefix.is_empty() {
            name.local
        } else {
            format!("{prefix}:{}", name.local).into()
        }
    }

    fn variable(&mut self, cx: &mut Cx<'_>, place: usize) -> Result<Found, Throw> {
        let found = if place & GLOBAL == 0 {
            self.frame.get(place)
        } else {
            self.global(cx, place & !GLOBAL)?
        };
        if let Found::Nodes(all) = &found {
            cx.step(all.len() / 64)?;
            cx.charge(all.len() * size_of::<Rc<Node>>())?;
        }
        Ok(found)
    }

    fn namespaces(&mut self, cx: &mut Cx<'_>, node: &Rc<Node>) -> Result<Vec<Rc<Node>>, Throw> {
        if let Some(known) = self.namespaces.get(&Rc::as_ptr(node)) {
            return Ok(known.clone());
        }
        let all = in_scope(node);
        cx.step(all.len())?;
        cx.charge(all.len() * size_of::<Node>())?;
        let element = self.order.place(cx, node)?;
        let mut out = Vec::new();
        for (i, (prefix, namespace)) in all.into_iter().enumerate() {
            let name = if prefix.is_empty() {
                Name {
                    namespace: Str::from(""),
                    local: Str::from("xmlns"),
                }
            } else {
                Name {
                    namespace: Str::from(XMLNS),
                    local: prefix,
                }
            };
            let made = node.namespace_node(name, namespace);
            self.order.put(&made, element, i);
            out.push(made);
        }
        self.namespaces.insert(Rc::as_ptr(node), out.clone());
        Ok(out)
    }

    fn call(
        &mut self,
        cx: &mut Cx<'_>,
        name: &str,
        args: Vec<Found>,
        at: &Context,
    ) -> Result<Found, Throw> {
        let text = |i: usize| args.get(i).map_or_else(String::new, Found::text);
        Ok(match name {
            "current" => Found::Nodes(vec![self.current.clone()]),
            "generate-id" => {
                let node = match args.first() {
                    None => Some(at.node.clone()),
                    Some(Found::Nodes(all)) => all.first().cloned(),
                    Some(_) => return Err(fault(SET_NEEDED)),
                };
                Found::Text(match node {
                    Some(node) => format!("ID{:X}", self.order.place(cx, &node)?),
                    None => String::new(),
                })
            }
            "key" => return self.key(cx, &name_of(&text(0)), args.get(1), at),
            "format-number" => {
                let name = match args.get(2) {
                    Some(name) => name_of(&name.text()),
                    None => name_of(""),
                };
                let format = match self.program.formats.get(&name) {
                    Some(format) => format.clone(),
                    None if args.len() < 3 => Default::default(),
                    None => {
                        return Err(fault(format!(
                            "Decimal format '{}' is not defined.",
                            name.local
                        )));
                    }
                };
                let number = args.first().map_or(f64::NAN, Found::number);
                Found::Text(format.format(number, &text(1)).map_err(fault)?)
            }
            "system-property" => match expanded(&text(0)) {
                (XSLT, "version") => Found::Number(1.0),
                (XSLT, "vendor") => Found::Text("Tollgate".into()),
                (XSLT, "vendor-url") => Found::Text("https://github.com/tollgate/tollgate".into()),
                _ => Found::Text(String::new()),
            },
            "element-available" => {
                let text = text(0);
                let (namespace, local) = expanded(&text);
                Found::Bool(namespace == XSLT && is_instruction(local))
            }
            "function-available" => {
                let text = text(0);
                let known = match expanded(&text) {
                    ("", local) => {
                        xpath::is_core(local)
                            || names().any(|n| n == local && n != "node-set" && n != "document")
                    }
                    (namespace, "node-set") => super::compile::has_node_set(namespace),
                    _ => false,
                };
                Found::Bool(known)
            }
            // There is no document type whose entities could be asked for.
            "unparsed-entity-uri" => Found::Text(String::new()),
            "node-set" => match args.into_iter().next() {
                Some(Found::Fragment(root)) => Found::Nodes(vec![root]),
                Some(nodes @ Found::Nodes(_)) => nodes,
                other => {
                    let text = other.map_or_else(String::new, |o| o.text());
                    let root = Node::document();
                    if !text.is_empty() {
                        root.push(Node::text_of(text));
                    }
                    self.keep(cx, &root)?;
                    Found::Nodes(vec![root])
                }
            },
            other => {
                return Err(fault(format!("'{other}()' is an unknown XSLT function.")));
            }
        })
    }
}

impl State<'_> {
    /// The nodes that a key has for a value, or for each of a set.
    fn key(
        &mut self,
        cx: &mut Cx<'_>,
        name: &Name,
        value: Option<&Found>,
        at: &Context,
    ) -> Result<Found, Throw> {
        let root = at.node.root();
        let all: Vec<usize> = (0..self.program.keys.len())
            .filter(|i| self.program.keys[*i].name == *name)
            .collect();
        if all.is_empty() {
            return Err(fault(format!(
                "The reference to key '{}' cannot be resolved.",
                name.local
            )));
        }
        let values: Vec<String> = match value {
            Some(Found::Nodes(nodes)) => nodes.iter().map(|n| text_of(n)).collect(),
            Some(other) => vec![other.text()],
            None => Vec::new(),
        };
        let mut found = Vec::new();
        for key in all {
            let index = (key, Rc::as_ptr(&root));
            if !self.keys.contains_key(&index) {
                let made = self.index(cx, key, &root)?;
                self.keys.insert(index, made);
            }
            let Some(table) = self.keys.get(&index) else {
                continue;
            };
            for value in &values {
                cx.step(1)?;
                if let Some(nodes) = table.get(value) {
                    cx.step(nodes.len() / 16)?;
                    found.extend(nodes.iter().cloned());
                }
            }
        }
        self.order.sort(cx, &mut found)?;
        Ok(Found::Nodes(found))
    }

    /// All values of a key in a tree.
    fn index(&mut self, cx: &mut Cx<'_>, key: usize, root: &Rc<Node>) -> Result<Table, Throw> {
        let key = &self.program.keys[key];
        if self.indexing {
            return Err(fault("A key is used in its own definition."));
        }
        self.indexing = true;
        let mut table = Table::new();
        let mut all = vec![root.clone()];
        for node in root.descendants() {
            let attributes = node.attributes();
            all.push(node);
            all.extend(
                attributes
                    .into_iter()
                    .filter(|a| !a.name().is_some_and(|n| n.declares())),
            );
        }
        let current = self.current.clone();
        for node in all {
            cx.breathe()?;
            if !key.pattern.matches(cx, self, &node)? {
                continue;
            }
            self.current = node.clone();
            let values = match self.eval(cx, &key.using, &Context::only(&node))? {
                Found::Nodes(nodes) => nodes.iter().map(|n| text_of(n)).collect(),
                other => vec![other.text()],
            };
            for value in values {
                cx.charge(value.len() + 64)?;
                let nodes = table.entry(value).or_default();
                if !nodes
                    .last()
                    .is_some_and(|n: &Rc<Node>| Rc::ptr_eq(n, &node))
                {
                    nodes.push(node.clone());
                }
            }
        }
        self.current = current;
        self.indexing = false;
        Ok(table)
    }
}
