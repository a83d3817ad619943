//! Forms of C# 7 that documents use beside operators and members: what throws, null-conditional chains, lambdas with
//! statements, `out` variables, anonymous types, initialisers, implicit conversions.

use super::{Generator, Local, is_number};
use crate::node::Node;
use crate::shape::{Shape, array, generic, head, named, nullable, substitute, text, unify};
use tollgate_lang::expr::catalog::{MemberKind, TypeKind};

/// Exceptions that can be thrown with a message.
pub(super) const THROWN: [&str; 5] = [
    "Exception",
    "ArgumentException",
    "InvalidOperationException",
    "FormatException",
    "KeyNotFoundException",
];

impl Generator<'_> {
    /// One of the forms; `None` when the draw does not fit the type.
    pub(super) fn form(&mut self, want: &Shape, depth: usize) -> Option<Node> {
        match self.random.below(10) {
            0 => Some(self.throwing(want, depth)),
            1 | 2 => self.null_conditional(want, depth),
            3 => Some(self.statements_as_value(want, depth)),
            4 => Some(self.out_variable(want, depth)),
            5 => Some(self.anonymous(want, depth)),
            6 => self.assigned(want, depth),
            7 => Some(self.chosen(want, depth)),
            8 => self.as_type(want, depth),
            _ => self.initialised(want, depth),
        }
    }

    /// `throw` where a value could be.
    fn throwing(&mut self, want: &Shape, depth: usize) -> Node {
        let mut node = Node::new(want.clone(), false);
        let kind = self.random.word(&THROWN);
        let thrown = format!("throw new {kind}(\"t\")");
        let value = self.make(want, depth);
        if self.is_reference(want) && self.random.one_in(2) {
            node.child(value);
            node.push(format!(" ?? {thrown}"));
            return node;
        }
        let test = self.make(&named("bool"), depth);
        node.child(test);
        if self.random.one_in(2) {
            node.push(" ? ");
            node.child(value);
            node.push(format!(" : {thrown}"));
        } else {
            node.push(format!(" ? {thrown} : "));
            node.child(value);
        }
        node
    }

    /// `a?.Member` and `a?[i]`, where `a` may be null.
    fn null_conditional(&mut self, want: &Shape, depth: usize) -> Option<Node> {
        let (of, lifted) = match want {
            Shape::Nullable(of) => ((**of).clone(), true),
            _ => (want.clone(), false),
        };
        let value = !self.is_reference(&of);
        let list: Vec<usize> = self
            .catalog
            .producers
            .get(head(&of))?
            .iter()
            .copied()
            .filter(|at| {
                let l = &self.catalog.members[*at];
                let m = l.member;
                let mut found = vec![None; m.class_parameters + m.type_parameters];
                let instance = !m.is_static
                    && !m.is_extension
                    && matches!(
                        m.kind,
                        MemberKind::Property | MemberKind::Method | MemberKind::Index
                    );
                instance
                    && !matches!(l.of.name, "Object" | "Array" | "Enum" | "Nullable")
                    && matches!(l.of.kind, TypeKind::Class | TypeKind::Interface)
                    && unify(&m.result, &of, &mut found)
                    && super::constraints::hold(l, &found)
            })
            .collect();
        let at = self.random.pick(&list).copied()?;
        let l = &self.catalog.members[at];
        let m = l.member;
        let mut found = vec![None; m.class_parameters + m.type_parameters];
        unify(&m.result, &of, &mut found);
        let args = self.arguments(at, found);
        let own = substitute(&super::self_shape(l.of), &args);
        let mut receiver = Node::new(own.clone(), true);
        if self.random.one_in(3) {
            receiver.push(format!("(({})null)?", text(&own)));
        } else {
            let made = self.make(&own, depth);
            receiver.child(made);
            receiver.push("?");
        }
        let found = args.into_iter().map(Some).collect();
        let mut chain = self.call_with(at, found, Some(receiver), depth);
        chain.primary = false;
        chain.ty = if value { nullable(of) } else { of };
        if value && !lifted {
            let otherwise = self.make(want, depth);
            return Some(self.binary(want, chain, "??", otherwise));
        }
        // A member of the chain in brackets is not part of it, which Mono's compiler sees only behind a cast.
        let mut node = Node::new(chain.ty.clone(), false);
        node.push(format!("({})", text(&chain.ty)));
        node.child(chain);
        Some(node)
    }

    /// A lambda with statements, called.
    fn statements_as_value(&mut self, want: &Shape, depth: usize) -> Node {
        let input = self.simple();
        let function = generic("Func", vec![input.clone(), want.clone()]);
        let argument = self.make(&input, depth);
        let name = self.name("p");
        let mut node = Node::new(want.clone(), true);
        let open = if self.random.one_in(4) {
            format!("(({})(delegate({} {name}) ", text(&function), text(&input))
        } else {
            format!("(({})({name} => ", text(&function))
        };
        node.push(open);
        let body = self.body(vec![Local { name, ty: input }], want, depth);
        node.child(body);
        node.push("))(");
        node.child(argument);
        node.push(")");
        node
    }

    /// Statements in braces that end by returning the type.
    pub(super) fn body(&mut self, locals: Vec<Local>, want: &Shape, depth: usize) -> Node {
        let mut node = Node::new(named("void"), true);
        let before = self.locals.len();
        self.locals.extend(locals);
        let around = self.returns.replace(want.clone());
        node.push("{ ");
        for _ in 0..1 + self.random.below(2) {
            let statement = self.statement(depth.saturating_sub(1), 1);
            node.child(statement);
        }
        node.push("return ");
        let value = self.converting(want, depth);
        node.child(value);
        node.push("; }");
        self.returns = around;
        self.locals.truncate(before);
        node
    }

    /// A variable that a call in a condition gives a value.
    fn out_variable(&mut self, want: &Shape, depth: usize) -> Node {
        let mut node = Node::new(want.clone(), false);
        let name = self.name("o");
        let parsed = matches!(
            want,
            Shape::Named(
                "int"
                    | "long"
                    | "double"
                    | "decimal"
                    | "bool"
                    | "char"
                    | "DateTime"
                    | "Guid"
                    | "byte"
                    | "short",
                _
            )
        );
        let declared = if self.random.one_in(2) {
            "var".into()
        } else {
            text(want)
        };
        if parsed && self.random.one_in(2) {
            node.push(format!("{}.TryParse(", text(want)));
            let of = self.make(&named("string"), depth);
            node.child(of);
        } else {
            let of = generic("Dictionary", vec![named("string"), want.clone()]);
            let of = self.make(&of, depth);
            let key = self.random.word(&["\"a\"", "\"b\"", "\"\"", "\"x\""]);
            node.child(of);
            node.push(format!(".TryGetValue({key}"));
        }
        let negated = self.random.one_in(3);
        node.push(format!(", out {declared} {name})"));
        let before = self.locals.len();
        self.locals.push(Local {
            name: name.clone(),
            ty: want.clone(),
        });
        if self.random.one_in(2) {
            let test = self.make(&named("bool"), depth);
            let test = self.operand_of(test, "&&");
            node.push(if negated { " || " } else { " && " });
            node.child(test);
        }
        node.push(" ? ");
        let (a, b) = (self.make(want, depth), Node::text(want.clone(), name, true));
        if negated {
            node.child(a);
            node.push(" : ");
            node.child(b);
        } else {
            node.child(b);
            node.push(" : ");
            node.child(a);
        }
        self.locals.truncate(before);
        node
    }

    /// Anonymous types: their members, their text, sequences of them.
    fn anonymous(&mut self, want: &Shape, depth: usize) -> Node {
        let (one, two) = (self.simple(), self.simple());
        let mut node = Node::new(want.clone(), true);
        if *want == named("string") && self.random.one_in(2) {
            let (a, b) = (self.make(&one, depth), self.make(&two, depth));
            node.push("new { A = ");
            node.child(a);
            node.push(", B = ");
            node.child(b);
            node.push(" }.ToString()");
            return node;
        }
        if *want == named("bool") && self.random.one_in(2) {
            for i in 0..2 {
                node.push(if i == 0 {
                    "new { A = "
                } else {
                    " }.Equals(new { A = "
                });
                let a = self.make(&one, depth);
                node.child(a);
            }
            node.push(" })");
            return node;
        }
        // A sequence of them, of which one gives the value.
        let (p, q) = (self.name("p"), self.name("p"));
        let source = self.make(&array(one.clone()), depth);
        node.child(source);
        node.push(format!(".Select({p} => new {{ {p}, V = "));
        let before = self.locals.len();
        self.locals.push(Local {
            name: p.clone(),
            ty: one.clone(),
        });
        let value = self.make(want, depth);
        node.child(value);
        self.locals.truncate(before);
        self.locals.push(Local {
            name: format!("{q}.{p}"),
            ty: one,
        });
        node.push(" })");
        if self.random.one_in(2) {
            let word = self.random.word(&["Where", "SkipWhile", "OrderBy"]);
            let test = self.make(&named("bool"), depth);
            node.push(format!(".{word}({q} => "));
            node.child(test);
            node.push(")");
        }
        self.locals.truncate(before);
        let r = self.name("p");
        node.push(format!(".Select({r} => {r}.V).FirstOrDefault()"));
        node
    }

    /// An assignment or a step that is used as a value.
    fn assigned(&mut self, want: &Shape, depth: usize) -> Option<Node> {
        let fits: Vec<Local> = self
            .locals
            .iter()
            .filter(|l| l.ty == *want && l.can_be_set())
            .cloned()
            .collect();
        let l = self.random.pick(&fits).cloned()?;
        let mut node = Node::new(want.clone(), false);
        if is_number(want) && self.random.one_in(2) {
            let step = self.random.word(&["++", "--"]);
            node.push(if self.random.one_in(2) {
                format!("{}{step}", l.name)
            } else {
                format!("{step}{}", l.name)
            });
            return Some(node);
        }
        let value = self.converting(want, depth);
        node.push(format!("{} = ", l.name));
        node.child(value);
        Some(node)
    }

    /// A choice whose branches have different types.
    fn chosen(&mut self, want: &Shape, depth: usize) -> Node {
        let mut node = Node::new(want.clone(), false);
        let test = self.make(&named("bool"), depth);
        let (a, b) = (self.make(want, depth), self.converting(want, depth));
        // A constant converts to where its value fits: brackets of a cast keep the type of the whole.
        node.push(format!("({})", text(want)));
        let mut choice = Node::new(want.clone(), false);
        choice.child(test);
        choice.push(" ? ");
        choice.child(a);
        choice.push(" : ");
        choice.child(b);
        node.child(choice);
        node
    }

    fn as_type(&mut self, want: &Shape, depth: usize) -> Option<Node> {
        if !self.is_reference(want) {
            return None;
        }
        let of = if self.random.one_in(2) {
            let mut of = Node::new(named("object"), false);
            of.push("(object)");
            let made = self.make(want, depth);
            of.child(made);
            of
        } else {
            self.make(&named("object"), depth)
        };
        let mut node = Node::new(want.clone(), false);
        node.child(of);
        node.push(format!(" as {}", text(want)));
        if self.random.one_in(2) {
            let otherwise = self.make(want, depth);
            return Some(self.binary(want, node, "??", otherwise));
        }
        Some(node)
    }

    /// A collection with what its initialiser adds.
    pub(super) fn initialised(&mut self, want: &Shape, depth: usize) -> Option<Node> {
        let mut node = Node::new(want.clone(), true);
        let count = self.random.below(4);
        node.push(format!("new {}", text(want)));
        match want {
            Shape::Named("List" | "HashSet", args) => {
                if self.random.one_in(3) {
                    let of = self.make(&generic("IEnumerable", args.clone()), depth);
                    node.push("(");
                    node.child(of);
                    node.push(")");
                }
                node.push(" { ");
                for _ in 0..count {
                    let item = self.converting(args.first()?, depth);
                    node.child(item);
                    node.push(", ");
                }
            }
            Shape::Named("Dictionary", args) => {
                let [k, v] = &args[..] else { return None };
                node.push(" { ");
                let by_index = self.random.one_in(2);
                for _ in 0..count {
                    let (key, value) = (self.make(k, depth), self.converting(v, depth));
                    node.push(if by_index { "[" } else { "{ " });
                    node.child(key);
                    node.push(if by_index { "] = " } else { ", " });
                    node.child(value);
                    node.push(if by_index { ", " } else { " }, " });
                }
            }
            Shape::Named("JObject", _) => {
                node.push(" { ");
                for i in 0..count {
                    let key = ["a", "b", "c d"][i % 3];
                    let value = self.converting(&named("JToken"), depth);
                    let by_index = self.random.one_in(2);
                    node.push(if by_index {
                        format!("[\"{key}\"] = ")
                    } else {
                        format!("{{ \"{key}\", ")
                    });
                    node.child(value);
                    node.push(if by_index { ", " } else { " }, " });
                }
            }
            Shape::Named("JArray", _) => {
                node.push(" { ");
                for _ in 0..count {
                    let ty = self.simple();
                    let value = self.make(&ty, depth);
                    node.child(value);
                    node.push(", ");
                }
            }
            _ => return None,
        }
        node.push("}");
        Some(node)
    }

    /// Something that converts to the type by itself: for places that a target type converts.
    pub(super) fn converting(&mut self, want: &Shape, depth: usize) -> Node {
        if !self.random.one_in(3) {
            return self.make(want, depth);
        }
        let narrower: &[&'static str] = match want {
            Shape::Named("short", _) => &["sbyte", "byte"],
            Shape::Named("ushort", _) => &["byte", "char"],
            Shape::Named("int", _) => &["sbyte", "byte", "short", "ushort", "char"],
            Shape::Named("uint", _) => &["byte", "ushort", "char"],
            Shape::Named("long", _) => &["int", "uint", "short", "char", "byte"],
            Shape::Named("ulong", _) => &["uint", "byte", "char"],
            Shape::Named("float", _) => &["int", "long", "ulong", "short"],
            Shape::Named("double", _) => &["float", "int", "long", "ulong", "uint"],
            Shape::Named("decimal", _) => &["int", "long", "ulong", "byte"],
            Shape::Named("DateTimeOffset", _) => &["DateTime"],
            Shape::Named("JToken", _) => &[
                "string", "int", "double", "bool", "DateTime", "decimal", "Guid", "TimeSpan",
                "JObject", "JArray",
            ],
            Shape::Named("XName" | "XNamespace", _) => {
                return Node::text(want.clone(), "\"n\"", true);
            }
            Shape::Named("object", _) => &["int", "string", "DateTime", "JToken", "char"],
            Shape::Named(name, args) if args.is_empty() && self.is_reference(want) => {
                self.catalog.derived.get(name).map_or(&[], |d| &d[..])
            }
            Shape::Nullable(of) => {
                let of = (**of).clone();
                return self.make(&of, depth);
            }
            _ => &[],
        };
        match self.random.pick(narrower).copied() {
            Some(name) => self.make(&named(name), depth),
            None => self.make(want, depth),
        }
    }

    /// Functions that are closed over what a loop declares, called after it: a variable of what they give.
    pub(super) fn closures(&mut self, node: &mut Node, depth: usize) {
        let (ty, list, out) = (self.simple(), self.name("f"), self.name("v"));
        let function = generic("Func", vec![ty.clone()]);
        node.push(format!("var {list} = new List<{}>(); ", text(&function)));
        let before = self.locals.len();
        match self.random.below(3) {
            0 => {
                let (i, j) = (self.name("i"), self.name("v"));
                let least = 1 + self.random.below(3);
                node.push(format!(
                    "for (int {i} = 0; {i} < {least}; {i}++) {{ var {j} = {i} * 2; "
                ));
                self.locals.push(Local {
                    name: i,
                    ty: named("int"),
                });
                self.locals.push(Local {
                    name: j,
                    ty: named("int"),
                });
            }
            1 => {
                let (of, e) = (self.simple(), self.name("e"));
                let source = self.make(&array(of.clone()), depth);
                node.push(format!("foreach (var {e} in "));
                node.child(source);
                node.push(") { ");
                self.locals.push(Local { name: e, ty: of });
            }
            _ => {
                let (w, j) = (self.name("w"), self.name("v"));
                node.push(format!(
                    "int {w} = 0; while ({w} < 2) {{ {w}++; long {j} = {w}; "
                ));
                self.locals.push(Local {
                    name: j,
                    ty: named("long"),
                });
            }
        }
        let value = self.make(&ty, depth);
        node.push(format!("{list}.Add(() => "));
        node.child(value);
        node.push(format!(
            "); }} var {out} = {list}.Select(f => f()).ToList(); "
        ));
        self.locals.truncate(before);
        self.locals.push(Local {
            name: out,
            ty: generic("List", vec![ty]),
        });
    }

    /// A method where a function is wanted.
    pub(super) fn method_group(&mut self, want: &Shape) -> Option<Node> {
        let Shape::Named("Func", args) = want else {
            return None;
        };
        let list: &[&str] = match &args[..] {
            [Shape::Named("char", _), Shape::Named("bool", _)] => &[
                "char.IsDigit",
                "char.IsLetter",
                "char.IsUpper",
                "char.IsWhiteSpace",
            ],
            [Shape::Named("string", _), Shape::Named("bool", _)] => &[
                "string.IsNullOrEmpty",
                "string.IsNullOrWhiteSpace",
                "\"abc\".Contains",
            ],
            [Shape::Named("string", _), Shape::Named("int", _)] => {
                &["int.Parse", "Convert.ToInt32", "\"abc\".IndexOf"]
            }
            [Shape::Named("string", _), Shape::Named("string", _)] => {
                &["Uri.EscapeDataString", "WebUtility.UrlEncode"]
            }
            [Shape::Named("int", _), Shape::Named("int", _)] => {
                &["Math.Abs", "Math.Sign", "Convert.ToInt32"]
            }
            [
                Shape::Named("int", _),
                Shape::Named("int", _),
                Shape::Named("int", _),
            ] => &["Math.Max", "Math.Min"],
            [Shape::Named("int", _), Shape::Named("string", _)] => &["Convert.ToString"],
            _ => return None,
        };
        let word = self.random.word(list);
        Some(Node::text(want.clone(), word, true))
    }

    /// A use of the members of an enum as numbers.
    pub(super) fn enumeration(&mut self, want: &Shape, depth: usize) -> Node {
        // Mono's class library does not have all of their members.
        if matches!(head(want), "StringSplitOptions" | "MidpointRounding") {
            return self.leaf(want, None);
        }
        let mut node = Node::new(want.clone(), false);
        match self.random.below(4) {
            0 | 3 => {
                // Only numbers that have a name: what others do differs from member to member, and nobody writes them.
                let values = self.values_of(want);
                let Some((_, number)) = self.random.pick(values).copied() else {
                    return self.leaf(want, None);
                };
                node.push(format!("({})", text(want)));
                node.child(Node::text(named("int"), number.to_string(), false));
            }
            1 if self
                .values_of(want)
                .iter()
                .all(|(_, n)| *n == 0 || n.count_ones() == 1) =>
            {
                let (a, b) = (self.make(want, depth), self.make(want, depth));
                let op = self.random.word(&["|", "&", "^"]).to_string();
                return self.binary(want, a, &op, b);
            }
            _ => {
                let values = self.values_of(want);
                let pair = (
                    self.random.pick(values).copied(),
                    self.random.pick(values).copied(),
                );
                let (Some((name, from)), Some((_, to))) = pair else {
                    return self.leaf(want, None);
                };
                let ty = text(want);
                node.push(format!("{ty}.{name} + ({})", to - from));
            }
        }
        node
    }

    fn values_of(&self, ty: &Shape) -> &'static [(&'static str, i64)] {
        self.catalog
            .types
            .get(head(ty))
            .map_or(&[], |t| &t.values[..])
    }
}
