//! Operators, initialisers, queries and other syntax that gives a wanted type.

use super::{Generator, is_number, values};
use crate::node::Node;
use crate::shape::{NULLABLES, NUMBERS, Shape, array, generic, named, nullable, text};

impl Generator<'_> {
    /// Something of the type that is not a member; `None` when the draw does not fit the type.
    pub(super) fn syntax(&mut self, want: &Shape, depth: usize) -> Option<Node> {
        if matches!(want, Shape::Named("KeyCollection" | "ValueCollection", _)) {
            return None;
        }
        if self.random.one_in(4) {
            return self.of_any_type(want, depth);
        }
        match want {
            Shape::Named("bool", _) => Some(self.boolean(depth)),
            Shape::Named("string", _) => Some(self.string(depth)),
            ty if is_number(ty) => Some(self.number(ty, depth)),
            Shape::Array(of) => {
                let mut node = Node::new(want.clone(), true);
                let inferred = self.random.one_in(3);
                node.push(if inferred {
                    String::from("new[] { ")
                } else {
                    format!("new {} {{ ", text(want))
                });
                for i in 0..1 + self.random.below(3) {
                    node.push(if i > 0 { ", " } else { "" });
                    let item = if inferred && i == 0 {
                        self.make(of, depth)
                    } else {
                        self.converting(of, depth)
                    };
                    node.child(item);
                }
                node.push(" }");
                Some(node)
            }
            Shape::Named("IEnumerable", args) => {
                let of = args.first()?.clone();
                Some(self.query(want, &of, depth))
            }
            Shape::Named("object", _) => {
                let ty = self.shown_type();
                let of = self.make(&ty, depth);
                let mut node = Node::new(want.clone(), false);
                node.push("(object)");
                node.child(of);
                Some(node)
            }
            Shape::Named("char", _) => {
                let mut of = self.make(&named("int"), depth);
                of.primary = false;
                let mut node = Node::new(want.clone(), false);
                node.push("(char)");
                node.child(of);
                Some(self.wrapped("unchecked(", node))
            }
            Shape::Named("List" | "HashSet" | "Dictionary" | "JObject" | "JArray", _) => {
                self.initialised(want, depth)
            }
            Shape::Named(name, args) if args.is_empty() && self.is_enum(name) => {
                Some(self.enumeration(want, depth))
            }
            Shape::Nullable(of)
                if matches!(**of, Shape::Named("int" | "long" | "double" | "decimal", _))
                    && self.random.one_in(2) =>
            {
                // Mono does not evaluate the right side where the left one is null: nothing there that throws.
                let (a, b) = (self.make(want, depth), self.make(of, 0));
                Some(self.binary(want, a, self_op(&mut self.random.clone()), b))
            }
            _ => self.of_any_type(want, depth),
        }
    }

    pub(super) fn binary(&mut self, ty: &Shape, a: Node, op: &str, b: Node) -> Node {
        let (a, b) = (self.operand_of(a, op), self.operand_of(b, op));
        let mut node = Node::new(ty.clone(), false);
        node.child(a);
        node.push(format!(" {op} "));
        node.child(b);
        node
    }

    /// Mono's compiler leaves out what stands beside a constant `false` of `&`, or beside null: no such constants there.
    pub(super) fn operand_of(&mut self, of: Node, op: &str) -> Node {
        let mut text = String::new();
        of.write(&mut text);
        let constant = text
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .all(|word| {
                matches!(word, "true" | "false" | "null" | "checked" | "unchecked")
                    || NUMBERS.contains(&word)
                    || NULLABLES.contains(&word)
                    || !word.starts_with(|c: char| c.is_ascii_alphabetic())
            });
        match &of.ty {
            Shape::Named("bool", _) if constant && matches!(op, "&&" | "&") => {
                Node::text(of.ty, "true", true)
            }
            Shape::Nullable(inner) if constant && op != "??" => {
                let value = self.leaf(inner, Some(0));
                let mut node = Node::new(of.ty.clone(), false);
                node.push(format!("({}?)", crate::shape::text(inner)));
                node.child(Node {
                    primary: false,
                    ..value
                });
                node
            }
            _ => of,
        }
    }

    /// What there is for every type: choices, tuples, anonymous types, patterns, calls of lambdas.
    fn of_any_type(&mut self, want: &Shape, depth: usize) -> Option<Node> {
        let mut node = Node::new(want.clone(), true);
        match self.random.below(8) {
            0 | 1 => {
                let test = self.make(&named("bool"), depth);
                let (a, b) = (self.make(want, depth), self.make(want, depth));
                node.primary = false;
                node.child(test);
                node.push(" ? ");
                node.child(a);
                node.push(" : ");
                node.child(b);
            }
            2 if self.is_reference(want) => {
                let (a, b) = (self.make(want, depth), self.make(want, depth));
                return Some(self.binary(want, a, "??", b));
            }
            2 | 3 => {
                let inner = nullable(want.clone());
                if self.is_reference(want) || matches!(want, Shape::Nullable(_)) {
                    return None;
                }
                let (a, b) = (self.make(&inner, depth), self.make(want, depth));
                return Some(self.binary(want, a, "??", b));
            }
            4 => {
                let other = self.simple();
                let (a, b) = (self.make(want, depth), self.make(&other, depth));
                node.push("(");
                node.child(a);
                node.push(", ");
                node.child(b);
                node.push(").Item1");
            }
            5 => {
                let other = self.simple();
                let (a, b) = (self.make(want, depth), self.make(&other, depth));
                node.push("new { A = ");
                node.child(b);
                node.push(", B = ");
                node.child(a);
                node.push(" }.B");
            }
            6 => {
                let (of, name) = (self.make(want, depth), self.name("t"));
                let otherwise = self.make(want, depth);
                // `is` takes no nullable type.
                if matches!(want, Shape::Nullable(_)) {
                    return None;
                }
                node.primary = false;
                node.push("(object)");
                node.child(of);
                node.push(format!(" is {} {name} ? {name} : ", text(want)));
                node.child(otherwise);
            }
            _ => {
                let input = self.simple();
                let function = generic("Func", vec![input.clone(), want.clone()]);
                let lambda = self.make(&function, depth);
                let argument = self.make(&input, depth);
                node.push(format!("(({})(", text(&function)));
                node.child(lambda);
                node.push("))(");
                node.child(argument);
                node.push(")");
            }
        }
        Some(node)
    }

    fn is_enum(&self, name: &str) -> bool {
        use tollgate_lang::expr::catalog::TypeKind as K;
        self.catalog
            .types
            .get(name)
            .is_some_and(|t| t.kind == K::Enum)
    }

    pub(super) fn is_reference(&self, ty: &Shape) -> bool {
        match ty {
            Shape::Array(_) => true,
            Shape::Named(name, _) => {
                use tollgate_lang::expr::catalog::TypeKind as K;
                self.catalog
                    .types
                    .get(name)
                    .is_some_and(|t| matches!(t.kind, K::Class | K::Interface))
            }
            _ => false,
        }
    }

    fn boolean(&mut self, depth: usize) -> Node {
        let want = named("bool");
        match self.random.below(10) {
            7 => self.lifted(depth),
            8 => self.tested(depth),
            9 => {
                let ty = self.simple();
                let (a, b) = (self.make(&ty, depth), self.make(&ty, depth));
                let ops: &[&str] = match ty {
                    Shape::Named("string" | "bool", _) => &["==", "!="],
                    _ => &["<", "<=", ">", ">=", "=="],
                };
                let op = self.random.word(ops).to_string();
                self.binary(&want, a, &op, b)
            }
            0 | 1 => {
                let (a, b) = (self.make(&want, depth), self.make(&want, depth));
                let op = self
                    .random
                    .word(&["&&", "||", "^", "&", "|", "==", "!="])
                    .to_string();
                self.binary(&want, a, &op, b)
            }
            2 => {
                let mut node = Node::new(want.clone(), false);
                node.push("!");
                let of = self.make(&want, depth);
                node.child(of);
                node
            }
            3 => {
                let ty = self.simple();
                let (a, b) = (self.make(&ty, depth), self.make(&ty, depth));
                let op = self.random.word(&["==", "!="]).to_string();
                self.binary(&want, a, &op, b)
            }
            4 => {
                let of = self.make(&named("object"), depth);
                let ty = self.shown_type();
                let ty = match ty {
                    Shape::Nullable(of) => *of,
                    ty => ty,
                };
                let mut node = Node::new(want, false);
                node.child(of);
                node.push(format!(" is {}", text(&ty)));
                node
            }
            _ => {
                let (a, b) = (self.number_type(), self.number_type());
                let (a, b) = self.pair(a, b, depth);
                let op = self
                    .random
                    .word(&["<", "<=", ">", ">=", "==", "!="])
                    .to_string();
                self.binary(&want, a, &op, b)
            }
        }
    }

    /// A comparison of values that may be null.
    fn lifted(&mut self, depth: usize) -> Node {
        let ty = NULLABLES[self.random.below(NULLABLES.len())];
        let a = self.make(&nullable(named(ty)), depth);
        // As above: nothing that throws.
        let b = if self.random.one_in(2) {
            self.make(&nullable(named(ty)), 0)
        } else {
            self.make(&named(ty), 0)
        };
        let op = self
            .random
            .word(&["<", "<=", ">", ">=", "==", "!="])
            .to_string();
        self.binary(&named("bool"), a, &op, b)
    }

    /// A pattern with its variable, and a test of it.
    fn tested(&mut self, depth: usize) -> Node {
        let (ty, name) = (self.simple(), self.name("t"));
        let mut node = Node::new(named("bool"), false);
        let of = self.make(&named("object"), depth);
        node.child(of);
        node.push(format!(" is {} {name} && ", text(&ty)));
        let before = self.locals.len();
        self.locals.push(super::Local { name, ty });
        let test = self.make(&named("bool"), depth);
        let test = self.operand_of(test, "&&");
        node.child(test);
        self.locals.truncate(before);
        node
    }

    fn number_type(&mut self) -> &'static str {
        NUMBERS[self.random.below(NUMBERS.len())]
    }

    /// Two numbers that an operator takes together.
    fn pair(&mut self, a: &'static str, b: &'static str, depth: usize) -> (Node, Node) {
        let mixed = |x: &str, y: &str| {
            (x == "decimal" && matches!(y, "float" | "double"))
                || (x == "ulong" && matches!(y, "sbyte" | "short" | "int" | "long"))
        };
        let b = if mixed(a, b) || mixed(b, a) { a } else { b };
        (self.make(&named(a), depth), self.make(&named(b), depth))
    }

    fn string(&mut self, depth: usize) -> Node {
        let want = named("string");
        match self.random.below(4) {
            0 | 1 => {
                let ty = self.shown_type();
                let ty = if matches!(ty, Shape::Named(_, _)) {
                    ty
                } else {
                    self.simple()
                };
                let (a, b) = (self.make(&want, depth), self.make(&ty, depth));
                if self.random.one_in(3) {
                    self.binary(&want, b, "+", a)
                } else {
                    self.binary(&want, a, "+", b)
                }
            }
            2 => {
                let mut node = Node::new(want, true);
                node.push("$\"");
                for _ in 0..1 + self.random.below(2) {
                    let ty = self.simple();
                    let mut of = self.make(&ty, depth.min(1));
                    // A conditional in a hole needs brackets.
                    of.primary = false;
                    let mut text = String::new();
                    of.write(&mut text);
                    let quoted = text.contains('"') && !self.random.one_in(3);
                    if quoted || text.contains(['\\', '{']) {
                        node.push("x");
                        continue;
                    }
                    node.push("{");
                    node.child(of);
                    if self.random.one_in(4) {
                        let width = self.random.word(&[",5", ",-8", ",0"]);
                        node.push(width);
                    }
                    let Shape::Named(name, _) = &ty else { continue };
                    let format = values::hole_format(&mut self.random, name);
                    node.push(format!("{format}}}|"));
                }
                node.push("\"");
                node
            }
            _ => {
                let ty = self.simple();
                let of = self.make(&ty, depth);
                self.around("string", of, ".ToString()")
            }
        }
    }

    fn number(&mut self, want: &Shape, depth: usize) -> Node {
        let Shape::Named(name, _) = want else {
            return self.leaf(want, None);
        };
        let (integral, narrow) = (
            !matches!(*name, "float" | "double" | "decimal"),
            matches!(*name, "sbyte" | "byte" | "short" | "ushort"),
        );
        match self.random.below(6) {
            // Operators give at least `int`.
            0..=2 if !narrow => {
                let mut ops = vec!["+", "-", "*", "/", "%"];
                if integral {
                    ops.extend(["&", "|", "^", "+", "-"]);
                }
                let op = self.random.word(&ops).to_string();
                let (mut a, mut b) = (self.make(want, depth), self.operand(want, depth));
                if self.random.one_in(2) {
                    std::mem::swap(&mut a, &mut b);
                }
                let node = self.binary(want, a, &op, b);
                match self.random.below(5) {
                    0 => self.wrapped("unchecked(", node),
                    1 => self.wrapped("checked(", node),
                    _ => node,
                }
            }
            3 if integral && !narrow => {
                let (a, b) = (self.make(want, depth), self.make(&named("int"), 0));
                let op = self.random.word(&["<<", ">>"]).to_string();
                self.binary(want, a, &op, b)
            }
            4 if !narrow && *name != "uint" && *name != "ulong" => {
                let mut node = Node::new(want.clone(), false);
                let mut of = self.make(want, depth);
                of.primary = false;
                node.push(if integral && self.random.one_in(3) {
                    "~"
                } else {
                    "-"
                });
                node.child(of);
                node
            }
            _ => {
                let mut from = self.number_type();
                if self.random.one_in(6) {
                    from = "char";
                }
                let mut of = self.make(&named(from), depth);
                of.primary = false;
                let mut node = Node::new(want.clone(), false);
                node.push(format!("({name})"));
                node.child(of);
                if self.random.one_in(2) {
                    self.wrapped("unchecked(", node)
                } else {
                    node
                }
            }
        }
    }

    /// A number whose type an operator brings to the wanted one; constants of these never change it.
    fn operand(&mut self, want: &Shape, depth: usize) -> Node {
        let narrower: &[&'static str] = match want {
            Shape::Named("int", _) => &["sbyte", "byte", "short", "ushort", "char"],
            Shape::Named("uint", _) => &["byte", "ushort", "char"],
            Shape::Named("long", _) => &["int", "uint", "short", "char", "byte"],
            Shape::Named("ulong", _) => &["uint", "byte", "char"],
            Shape::Named("float", _) => &["int", "long", "ulong", "short", "char"],
            Shape::Named("double", _) => &["float", "int", "long", "ulong", "uint"],
            Shape::Named("decimal", _) => &["int", "long", "ulong", "byte"],
            _ => &[],
        };
        match self.random.pick(narrower).copied() {
            Some(name) if self.random.one_in(3) => self.make(&named(name), depth),
            _ => self.make(want, depth),
        }
    }

    fn wrapped(&mut self, open: &str, of: Node) -> Node {
        let mut node = Node::new(of.ty.clone(), true);
        node.push(open);
        node.child(of);
        node.push(")");
        node
    }

    /// A query expression.
    fn query(&mut self, want: &Shape, of: &Shape, depth: usize) -> Node {
        let item = self.simple();
        let source = if self.random.one_in(2) {
            array(item.clone())
        } else {
            generic("IEnumerable", vec![item.clone()])
        };
        let source = self.make(&source, depth);
        let name = self.name("q");
        let mut node = Node::new(want.clone(), false);
        node.push(format!("from {name} in "));
        node.child(source);
        let before = self.locals.len();
        self.locals.push(super::Local {
            name: name.clone(),
            ty: item.clone(),
        });
        if self.random.one_in(3) {
            let (ty, other) = (self.simple(), self.name("l"));
            let value = self.make(&ty, depth);
            node.push(format!(" let {other} = "));
            node.child(value);
            self.locals.push(super::Local { name: other, ty });
        }
        if self.random.one_in(3) {
            let (ty, other) = (self.simple(), self.name("q"));
            let second = self.make(&array(ty.clone()), depth);
            node.push(format!(" from {other} in "));
            node.child(second);
            self.locals.push(super::Local { name: other, ty });
        }
        if self.random.one_in(2) {
            let test = self.make(&named("bool"), depth);
            node.push(" where ");
            node.child(test);
        }
        if self.random.one_in(2) {
            let ty = self.simple();
            let key = self.make(&ty, depth);
            node.push(" orderby ");
            node.child(key);
            if self.random.one_in(2) {
                node.push(" descending");
            }
            if self.random.one_in(3) {
                let ty = self.simple();
                let second = self.make(&ty, depth);
                node.push(", ");
                node.child(second);
            }
        }
        if self.random.one_in(4) {
            self.joined(&mut node, depth);
        }
        if self.random.one_in(4) {
            self.grouped(&mut node, before, depth);
        }
        let value = self.make(of, depth);
        node.push(" select ");
        node.child(value);
        self.locals.truncate(before);
        node
    }

    /// A `join` clause, with its groups or its pairs.
    fn joined(&mut self, node: &mut Node, depth: usize) {
        let (ty, key, other) = (self.simple(), self.simple(), self.name("q"));
        let second = self.make(&array(ty.clone()), depth);
        node.push(format!(" join {other} in "));
        node.child(second);
        node.push(" on ");
        let left = self.make(&key, depth);
        node.child(left);
        node.push(" equals ");
        // What is behind `equals` sees only the joined sequence.
        let around = std::mem::take(&mut self.locals);
        self.locals.push(super::Local {
            name: other.clone(),
            ty: ty.clone(),
        });
        let right = self.make(&key, depth);
        self.locals = around;
        node.child(right);
        if self.random.one_in(2) {
            let group = self.name("q");
            node.push(format!(" into {group}"));
            self.locals.push(super::Local {
                name: group,
                ty: generic("IEnumerable", vec![ty]),
            });
        } else {
            self.locals.push(super::Local { name: other, ty });
        }
    }

    /// Groups, which the rest of the query goes on with.
    fn grouped(&mut self, node: &mut Node, before: usize, depth: usize) {
        let (key, item) = (self.simple(), self.simple());
        let of = self.make(&item, depth);
        let by = self.make(&key, depth);
        let group = self.name("q");
        node.push(" group ");
        node.child(of);
        node.push(" by ");
        node.child(by);
        node.push(format!(" into {group}"));
        self.locals.truncate(before);
        self.locals.push(super::Local {
            name: format!("{group}.Key"),
            ty: key.clone(),
        });
        self.locals.push(super::Local {
            name: format!("{group}.ToArray()"),
            ty: array(item.clone()),
        });
        self.locals.push(super::Local {
            name: group.clone(),
            ty: generic("IGrouping", vec![key, item]),
        });
        if self.random.one_in(2) {
            let ty = self.simple();
            let by = self.make(&ty, depth);
            node.push(" orderby ");
            node.child(by);
            node.push(format!(", {group}.Key descending"));
        }
    }
}

fn self_op(random: &mut crate::random::Random) -> &'static str {
    ["+", "-", "*"][random.below(3)]
}
