//! Where generating ends: constants, collections of constants, what the simplest constructor gives.

use super::{Generator, constant, values};
use crate::node::Node;
use crate::random::Random;
use crate::shape::{Shape, array, generic, head, named, text, unify};
use tollgate_lang::expr::catalog::MemberKind;

impl Generator<'_> {
    /// Something of the type without going deeper than one level of items.
    pub(super) fn leaf(&mut self, want: &Shape, simplest: Option<usize>) -> Node {
        let choose = |random: &mut Random, list: &[&'static str]| match simplest {
            Some(i) => list.get(i).or(list.first()).copied().unwrap_or_default(),
            None => random.word(list),
        };
        match want {
            Shape::Array(of) => {
                let mut node = Node::new(want.clone(), true);
                node.push(format!("new {}", text(want)));
                self.items(&mut node, of, simplest);
                node
            }
            Shape::Nullable(of) => {
                if self.random.one_in(4) {
                    return Node::text(want.clone(), format!("({}?)null", text(of)), false);
                }
                let value = self.leaf(of, simplest);
                let mut node = Node::new(want.clone(), false);
                node.push(format!("({}?)", text(of)));
                let mut value = value;
                value.primary = false;
                node.child(value);
                node
            }
            Shape::Parameter(_) => {
                let ty = self.simple();
                self.leaf(&ty, simplest)
            }
            Shape::Named(name, args) => {
                if args.is_empty() {
                    let list = values::of(name);
                    if !list.is_empty() {
                        let word = choose(&mut self.random, list);
                        return constant(want, word);
                    }
                    if let Some(t) = self.catalog.types.get(name)
                        && !t.values.is_empty()
                    {
                        let at = simplest.unwrap_or_else(|| self.random.below(t.values.len()));
                        let (member, _) = t.values[at.min(t.values.len() - 1)];
                        return Node::text(want.clone(), format!("{}.{member}", text(want)), true);
                    }
                }
                self.composed(want, name, args, simplest)
            }
        }
    }

    /// Items in braces.
    pub(super) fn items(&mut self, node: &mut Node, of: &Shape, simplest: Option<usize>) {
        let count = simplest.map_or_else(|| self.random.below(4), |n| n.min(2));
        node.push(" {");
        for i in 0..count {
            node.push(if i > 0 { ", " } else { " " });
            let item = self.leaf(of, simplest);
            node.child(item);
        }
        node.push(" }");
    }

    pub(super) fn composed(
        &mut self,
        want: &Shape,
        name: &str,
        args: &[Shape],
        simplest: Option<usize>,
    ) -> Node {
        let mut node = Node::new(want.clone(), false);
        match (name, args) {
            (
                "IEnumerable" | "ICollection" | "IList" | "IReadOnlyCollection" | "IReadOnlyList",
                [of],
            ) => {
                node.push(format!("({})", text(want)));
                let inner = if self.random.one_in(2) {
                    array(of.clone())
                } else {
                    generic("List", vec![of.clone()])
                };
                let inner = self.leaf(&inner, simplest);
                node.child(inner);
            }
            ("List" | "HashSet", [of]) => {
                node.primary = true;
                node.push(format!("new {}", text(want)));
                self.items(&mut node, of, simplest);
            }
            // The interface without a type argument has no name among the usings: anything to walk through.
            ("IEnumerable", []) => {
                let of = self.simple();
                return self.leaf(&array(of), simplest);
            }
            ("ISet", [of]) => {
                node.push(format!("({})", text(want)));
                let inner = self.leaf(&generic("HashSet", vec![of.clone()]), simplest);
                node.child(inner);
            }
            ("Queue" | "Stack", [of]) => {
                node.primary = true;
                node.push(format!("new {}(", text(want)));
                let inner = self.leaf(&array(of.clone()), simplest);
                node.child(inner);
                node.push(")");
            }
            ("Dictionary", [k, v]) => {
                node.primary = true;
                node.push(format!("new {} {{ ", text(want)));
                let keys: &[&str] = match k {
                    Shape::Named("string", _) => &["\"a\"", "\"b\"", "\"\""],
                    Shape::Named("int", _) => &["0", "1", "5"],
                    _ => &[],
                };
                let count = self.random.below(keys.len() + 1);
                for key in &keys[..count] {
                    let value = self.leaf(v, simplest);
                    node.push(format!("{{ {key}, "));
                    node.child(value);
                    node.push(" }, ");
                }
                node.push("}");
            }
            ("IDictionary" | "IReadOnlyDictionary", [k, v]) => {
                node.push(format!("({})", text(want)));
                let inner = match (name, k, v) {
                    ("IReadOnlyDictionary", Shape::Named("string", _), Shape::Array(of))
                        if **of == named("string") =>
                    {
                        Node::text(want.clone(), "context.Request.Headers", true)
                    }
                    (
                        "IReadOnlyDictionary",
                        Shape::Named("string", _),
                        Shape::Named("object", _),
                    ) => Node::text(want.clone(), "context.Variables", true),
                    _ => self.leaf(&generic("Dictionary", args.to_vec()), simplest),
                };
                node.child(inner);
            }
            ("KeyValuePair", [k, v]) => {
                node.primary = true;
                let (k, v) = (self.leaf(k, simplest), self.leaf(v, simplest));
                node.push(format!("new {}(", text(want)));
                node.child(k);
                node.push(", ");
                node.child(v);
                node.push(")");
            }
            ("KeyCollection" | "ValueCollection", _) => {
                node.primary = true;
                let inner = self.leaf(&generic("Dictionary", args.to_vec()), simplest);
                node.child(inner);
                node.push(if name == "KeyCollection" {
                    ".Keys"
                } else {
                    ".Values"
                });
            }
            ("IGrouping", [k, of]) => {
                node.primary = true;
                let (p, q) = (self.name("p"), self.leaf(k, simplest));
                let items = self.leaf(&array(of.clone()), Some(1));
                node.child(items);
                node.push(format!(".GroupBy({p} => "));
                node.child(q);
                node.push(").First()");
            }
            ("IOrderedEnumerable", [of]) => {
                node.primary = true;
                let p = self.name("p");
                let items = self.leaf(&array(of.clone()), simplest);
                node.child(items);
                node.push(format!(".OrderBy({p} => 0)"));
            }
            ("ILookup", [k, of]) => {
                node.primary = true;
                let (p, q) = (self.name("p"), self.leaf(k, simplest));
                let items = self.leaf(&array(of.clone()), simplest);
                node.child(items);
                node.push(format!(".ToLookup({p} => "));
                node.child(q);
                node.push(")");
            }
            ("Tuple" | "ValueTuple", of) if !of.is_empty() => {
                node.primary = true;
                node.push(format!("{name}.Create("));
                for (i, of) in of.iter().enumerate() {
                    if i > 0 {
                        node.push(", ");
                    }
                    let item = self.leaf(of, simplest);
                    node.child(item);
                }
                node.push(")");
            }
            ("IEqualityComparer" | "IComparer", [Shape::Named("string", _)]) => {
                let word = self
                    .random
                    .word(&["StringComparer.Ordinal", "StringComparer.OrdinalIgnoreCase"]);
                node.push(word);
                node.primary = true;
            }
            ("JEnumerable", [_]) => {
                node.push("new JArray(1, 2).Children()");
                node.primary = true;
            }
            _ => return self.last_resort(want),
        }
        node
    }

    /// A constructor or static member with simple arguments, else `default`.
    pub(super) fn last_resort(&mut self, want: &Shape) -> Node {
        let list: Vec<usize> = self
            .catalog
            .producers
            .get(head(want))
            .into_iter()
            .flatten()
            .copied()
            .filter(|at| {
                let l = &self.catalog.members[*at];
                let m = l.member;
                let mut found = vec![None; m.class_parameters + m.type_parameters];
                (m.is_static || m.kind == MemberKind::Constructor)
                    && !m.is_extension
                    && unify(&m.result, want, &mut found)
                    && super::constraints::hold(l, &found)
                    && m.parameters.iter().all(|p| {
                        matches!(&p.shape, Shape::Named(n, a) if a.is_empty() && !values::of(n).is_empty())
                            || p.shape == array(named("byte"))
                    })
            })
            .collect();
        match self.random.pick(&list).copied() {
            Some(at) if self.budget > 0 => {
                self.budget -= 1;
                self.give(at, want, 0)
            }
            _ => Node::text(want.clone(), format!("default({})", text(want)), true),
        }
    }
}
