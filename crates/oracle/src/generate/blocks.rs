//! Statement blocks: variables, assignments, loops, branches, exceptions, calls for their effect.

use super::{Generator, Local, values};
use crate::node::Node;
use crate::shape::{Shape, array, generic, is_void, named, text};

impl Generator<'_> {
    /// `@{ … }` that returns something that can be shown; around a member when one is given.
    pub(super) fn block(&mut self, focus: Option<usize>, depth: usize) -> Node {
        let mut out = Node::new(named("void"), true);
        let void = focus.filter(|at| is_void(&self.catalog.members[*at].member.result));
        if let Some(at) = void {
            self.effect_of(&mut out, at, depth);
        } else {
            for _ in 0..1 + self.random.below(3) {
                let statement = self.statement(depth, 2);
                out.child(statement);
            }
        }
        out.push("return ");
        let value = match focus {
            Some(at) if void.is_none() => self.root(Some(at), depth),
            _ => {
                let locals: Vec<Local> = self
                    .locals
                    .iter()
                    .filter(|l| self.is_shown(&l.ty))
                    .cloned()
                    .collect();
                match self.random.pick(&locals).cloned() {
                    Some(l) => Node::text(l.ty, l.name, true),
                    None => match self.locals.first().cloned() {
                        Some(l) => {
                            let of = Node::text(l.ty, l.name, true);
                            self.lead_on(of)
                        }
                        None => self.root(None, depth),
                    },
                }
            }
        };
        out.child(value);
        out.push(";");
        self.locals.clear();
        out
    }

    /// A variable, and a call of a member that changes it.
    fn effect_of(&mut self, out: &mut Node, at: usize, depth: usize) {
        let l = &self.catalog.members[at];
        let parameters = l.member.class_parameters + l.member.type_parameters;
        let found = (0..parameters)
            .map(|_| {
                // Keys of dictionaries that initialisers know.
                Some(if self.random.one_in(2) {
                    named("string")
                } else {
                    named("int")
                })
            })
            .collect::<Vec<Option<Shape>>>();
        let args: Vec<Shape> = found.iter().flatten().cloned().collect();
        let of = match l.of.name {
            "Array" => array(named("int")),
            _ => crate::shape::substitute(&super::self_shape(l.of), &args),
        };
        if l.member.is_static {
            let call = self.call_with(at, found, None, depth);
            let mut statement = Node::new(named("void"), true);
            statement.child(call);
            statement.push("; ");
            out.child(statement);
            return;
        }
        let name = self.name("v");
        let value = self.make(&of, depth.min(1));
        let mut declare = Node::new(named("void"), true);
        declare.push(format!("var {name} = "));
        declare.child(value);
        declare.push("; ");
        out.child(declare);
        self.locals.push(Local {
            name: name.clone(),
            ty: of.clone(),
        });
        let statement = self.effect(at, found, &name, &of, depth);
        out.child(statement);
        if self.random.one_in(2) {
            let again = self.some_effect(&name, &of, depth);
            out.parts.extend(again.map(crate::node::Part::Node));
        }
    }

    /// A member of the variable's type that gives nothing.
    fn some_effect(&mut self, name: &str, ty: &Shape, depth: usize) -> Option<Node> {
        let list = self.catalog.effects.get(crate::shape::head(ty))?;
        let at = self.random.pick(list).copied()?;
        let m = self.catalog.members[at].member;
        let mut found = vec![None; m.class_parameters + m.type_parameters];
        if let Shape::Named(_, args) = ty {
            for (place, arg) in found.iter_mut().zip(args) {
                *place = Some(arg.clone());
            }
        }
        Some(self.effect(at, found, name, ty, depth))
    }

    fn effect(
        &mut self,
        at: usize,
        found: Vec<Option<Shape>>,
        name: &str,
        ty: &Shape,
        depth: usize,
    ) -> Node {
        use tollgate_lang::expr::catalog::MemberKind as K;
        let l = &self.catalog.members[at];
        let kind = l.member.kind;
        let value = l.member.parameters.last().map(|p| {
            let args: Vec<Shape> = found
                .iter()
                .map(|f| f.clone().unwrap_or_else(|| named("int")))
                .collect();
            crate::shape::substitute(&p.shape, &args)
        });
        let receiver = Node::text(ty.clone(), name, true);
        let call = self.call_with(at, found, Some(receiver), depth);
        let mut statement = Node::new(named("void"), true);
        statement.child(call);
        if matches!(kind, K::SetProperty | K::SetIndex)
            && let Some(ty) = value
        {
            let value = self.make(&ty, depth.min(1));
            statement.push(" = ");
            statement.child(value);
        }
        statement.push("; ");
        statement
    }

    pub(super) fn statement(&mut self, depth: usize, nest: usize) -> Node {
        let mut node = Node::new(named("void"), true);
        match self.random.below(if nest == 0 { 7 } else { 22 }) {
            4..=6 => self.simple_statement(&mut node, depth),
            14..=21 => self.wider_statement(&mut node, depth, nest),
            0 | 1 => {
                let (ty, name) = (self.shown_type(), self.name("v"));
                let (declared, value) = if self.random.one_in(2) {
                    ("var".into(), self.make(&ty, depth))
                } else {
                    (text(&ty), self.converting(&ty, depth))
                };
                node.push(format!("{declared} {name} = "));
                node.child(value);
                node.push("; ");
                self.locals.push(Local { name, ty });
            }
            2 | 3 => {
                let Some(l) = self.random.pick(&self.locals).cloned() else {
                    return self.statement(depth, 0);
                };
                let ops: &[&str] = match &l.ty {
                    Shape::Named("int" | "long" | "double" | "decimal", _) => {
                        &[" = ", " += ", " -= ", " *= "]
                    }
                    Shape::Named("string", _) => &[" = ", " += "],
                    _ => &[" = "],
                };
                if !l.can_be_set() {
                    return node;
                }
                let op = self.random.word(ops);
                let value = self.converting(&l.ty, depth);
                node.push(format!("{}{op}", l.name));
                node.child(value);
                node.push("; ");
            }
            7 | 8 => {
                let test = self.make(&named("bool"), depth);
                node.push("if (");
                node.child(test);
                node.push(") { ");
                self.inner(&mut node, depth, nest);
                if self.random.one_in(2) {
                    node.push("} else { ");
                    self.inner(&mut node, depth, nest);
                }
                node.push("} ");
            }
            9 => {
                let name = self.name("i");
                node.push(format!(
                    "for (int {name} = 0; {name} < {}; {name}++) {{ ",
                    1 + self.random.below(4)
                ));
                self.scope(&mut node, vec![(name, named("int"))], depth, nest);
                node.push("} ");
            }
            10 => {
                let (ty, name) = (self.simple(), self.name("e"));
                let source = generic("IEnumerable", vec![ty.clone()]);
                let source = self.make(&source, depth);
                node.push(format!("foreach (var {name} in "));
                node.child(source);
                node.push(") { ");
                self.scope(&mut node, vec![(name, ty)], depth, nest);
                node.push("} ");
            }
            11 => {
                let name = self.name("w");
                node.push(format!("int {name} = 0; while ({name} < 3) {{ {name}++; "));
                let test = self.make(&named("bool"), depth);
                node.push("if (");
                node.child(test);
                let word = self.random.word(&["break", "continue"]);
                node.push(format!(") {{ {word}; }} "));
                self.inner(&mut node, depth, nest);
                node.push("} ");
            }
            12 => {
                node.push("try { ");
                self.inner(&mut node, depth, nest);
                let caught = self.random.word(&[
                    "Exception",
                    "FormatException",
                    "ArgumentException",
                    "InvalidOperationException",
                ]);
                let name = self.name("x");
                node.push(format!("}} catch ({caught} {name}) {{ "));
                self.scope(&mut node, Vec::new(), depth, nest);
                if self.random.one_in(3) {
                    node.push("} finally { ");
                    self.inner(&mut node, depth, nest);
                }
                node.push("} ");
            }
            _ => {
                let ty = self.random.word(&["int", "string"]);
                let on = self.make(&named(if ty == "int" { "int" } else { "string" }), depth);
                let cases: [&str; 2] = if ty == "int" {
                    ["0", "1"]
                } else {
                    ["\"a\"", "\"abc\""]
                };
                node.push("switch (");
                node.child(on);
                node.push(format!(") {{ case {}: case {}: ", cases[0], cases[1]));
                self.inner(&mut node, depth, nest);
                node.push("break; default: ");
                self.inner(&mut node, depth, nest);
                node.push("break; } ");
            }
        }
        node
    }

    /// A statement without statements in it.
    fn simple_statement(&mut self, node: &mut Node, depth: usize) {
        match self.random.below(7) {
            0 => {
                // Constants, which fold with others.
                let ty = self.random.word(&[
                    "int", "long", "string", "char", "bool", "double", "byte", "decimal", "uint",
                ]);
                let name = self.name("k");
                let value = self.random.word(values::of(ty));
                node.push(format!("const {ty} {name} = {value}; "));
                let ty = crate::shape::NUMBERS
                    .into_iter()
                    .chain(["string", "char", "bool"])
                    .find(|n| *n == ty)
                    .unwrap_or("int");
                self.locals.push(Local {
                    name,
                    ty: named(ty),
                });
            }
            1 => {
                // Mono's parser stumbles over type arguments here.
                let (a, b) = (self.simple(), self.simple());
                let (x, y) = (self.name("v"), self.name("v"));
                let (first, second) = (self.make(&a, depth), self.make(&b, depth));
                node.push(if self.random.one_in(2) {
                    format!("var ({x}, {y}) = (")
                } else {
                    format!("({} {x}, {} {y}) = (", text(&a), text(&b))
                });
                node.child(first);
                node.push(", ");
                node.child(second);
                node.push("); ");
                self.locals.push(Local { name: x, ty: a });
                self.locals.push(Local { name: y, ty: b });
            }
            2 => {
                // Two variables change places.
                let Some(l) = self.random.pick(&self.locals).cloned() else {
                    return;
                };
                let same: Vec<Local> = self
                    .locals
                    .iter()
                    .filter(|m| m.ty == l.ty && m.can_be_set() && m.name != l.name)
                    .cloned()
                    .collect();
                if let (Some(m), true) = (self.random.pick(&same), l.can_be_set()) {
                    node.push(format!("({}, {1}) = ({1}, {0}); ", l.name, m.name));
                }
            }
            3 => {
                let Some(l) = self.number_to_set() else {
                    return;
                };
                let narrow = matches!(l.ty, Shape::Named("float" | "double" | "decimal", _));
                let ops: &[&str] = if narrow {
                    &["+=", "-=", "*=", "/=", "%="]
                } else {
                    &["+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=", "<<=", ">>="]
                };
                let op = self.random.word(ops);
                let value = if op == "<<=" || op == ">>=" {
                    self.make(&named("int"), depth)
                } else {
                    self.converting(&l.ty, depth)
                };
                let checked = self.random.one_in(3);
                node.push(if checked { "checked { " } else { "" });
                node.push(format!("{} {op} ", l.name));
                node.child(value);
                node.push(if checked { "; } " } else { "; " });
            }
            4 => {
                // An element of an array or a list.
                let lists: Vec<Local> = self
                    .locals
                    .iter()
                    .filter(|l| matches!(&l.ty, Shape::Array(_) | Shape::Named("List", _)))
                    .cloned()
                    .collect();
                let Some(l) = self.random.pick(&lists).cloned() else {
                    return;
                };
                let of = match &l.ty {
                    Shape::Array(of) => (**of).clone(),
                    Shape::Named(_, args) => args.first().cloned().unwrap_or(named("int")),
                    _ => return,
                };
                let ops: &[&str] = match &of {
                    Shape::Named("int" | "long" | "double" | "decimal", _) => {
                        &["=", "+=", "-=", "*="]
                    }
                    Shape::Named("string", _) => &["=", "+="],
                    _ => &["="],
                };
                let op = self.random.word(ops);
                let at = self.make(&named("int"), 0);
                let value = self.converting(&of, depth);
                node.push(format!("{}[", l.name));
                node.parts.push(crate::node::Part::Node(Node {
                    primary: true,
                    ..at
                }));
                node.push(format!("] {op} "));
                node.child(value);
                node.push("; ");
            }
            5 => {
                let (test, want) = (self.make(&named("bool"), depth), self.returns.clone());
                node.push("if (");
                node.child(test);
                if self.random.one_in(3) {
                    let kind = self.random.word(&super::forms::THROWN);
                    node.push(format!(") throw new {kind}(\"t\"); "));
                    return;
                }
                let value = match want {
                    Some(want) => self.converting(&want, depth),
                    None => {
                        let want = self.shown_type();
                        self.make(&want, depth)
                    }
                };
                node.push(") return ");
                node.child(value);
                node.push("; ");
            }
            _ => {
                // A function in a variable, which changes one outside, called twice.
                let Some(l) = self.number_to_set() else {
                    return;
                };
                let (f, v) = (self.name("f"), self.name("v"));
                let value = self.make(&l.ty, depth);
                node.push(format!(
                    "Func<{0}> {f} = () => {{ {1}++; return ",
                    text(&l.ty),
                    l.name
                ));
                node.child(value);
                node.push(format!("; }}; var {v} = new[] {{ {f}(), {f}() }}; "));
                self.locals.push(Local {
                    name: v,
                    ty: array(l.ty),
                });
            }
        }
    }

    /// A statement with statements in it.
    fn wider_statement(&mut self, node: &mut Node, depth: usize, nest: usize) {
        match self.random.below(8) {
            0 => self.closures(node, depth),
            1 => {
                let word = self.random.word(&["checked", "unchecked"]);
                node.push(format!("{word} {{ "));
                self.inner(node, depth, nest);
                node.push("} ");
            }
            2 => {
                let name = self.name("w");
                node.push(format!("int {name} = 0; do {{ "));
                self.inner(node, depth, nest);
                let test = self.make(&named("bool"), depth);
                node.push("if (");
                node.child(test);
                let word = self.random.word(&["break", "continue"]);
                node.push(format!(") {word}; }} while (++{name} < 3); "));
            }
            3 => {
                let (source, ty) = match self.random.below(3) {
                    0 => (named("string"), named("char")),
                    1 => {
                        let args = vec![named("string"), self.simple()];
                        (
                            generic("Dictionary", args.clone()),
                            generic("KeyValuePair", args),
                        )
                    }
                    _ => (named("JArray"), named("JToken")),
                };
                let source = self.make(&source, depth);
                let name = self.name("e");
                node.push(format!("foreach (var {name} in "));
                node.child(source);
                node.push(") { ");
                let before = self.locals.len();
                self.locals.push(Local {
                    name: name.clone(),
                    ty: ty.clone(),
                });
                if self.random.one_in(2) {
                    let test = self.make(&named("bool"), depth);
                    node.push("if (");
                    node.child(test);
                    let word = self.random.word(&["break", "continue"]);
                    node.push(format!(") {word}; "));
                }
                self.locals.truncate(before);
                self.scope(node, vec![(name, ty)], depth, nest);
                node.push("} ");
            }
            4 => {
                let (reader, line) = (self.name("r"), self.name("v"));
                let of = self.make(&named("string"), depth);
                node.push(format!("using (var {reader} = new StringReader("));
                node.child(of);
                node.push(format!(")) {{ var {line} = {reader}.ReadLine(); "));
                self.scope(node, vec![(line, named("string"))], depth, nest);
                node.push("} ");
            }
            5 => {
                node.push("try { ");
                self.inner(node, depth, nest);
                let name = self.name("x");
                let kind = self.random.word(&[
                    "ArgumentNullException",
                    "ArgumentException",
                    "FormatException",
                    "OverflowException",
                    "InvalidCastException",
                    "NullReferenceException",
                ]);
                // Mono lets what a filter throws out, .NET takes it for false: nothing that throws.
                let test = self.make(&named("bool"), 0);
                node.push(format!(
                    "}} catch (Exception {name}) when ({name} is {kind} || "
                ));
                node.child(test);
                node.push(") { ");
                match self.random.below(3) {
                    0 if self.returns.is_none() => {
                        node.push(format!("return {name}.GetType().Name; "));
                    }
                    1 => node.push("throw; "),
                    _ => self.inner(node, depth, nest),
                }
                if self.random.one_in(2) {
                    node.push("} catch { ");
                    self.inner(node, depth, nest);
                }
                if self.random.one_in(3) {
                    node.push("} finally { ");
                    self.inner(node, depth, nest);
                }
                node.push("} ");
            }
            6 => self.sections(node, depth, nest),
            _ => {
                // A loop in a loop.
                let (i, j) = (self.name("i"), self.name("i"));
                let limit = 1 + self.random.below(3);
                node.push(format!(
                    "for (int {i} = 0, {j} = {limit}; {i} < {j}; {i}++, {j}--) {{ "
                ));
                let test = self.make(&named("bool"), depth);
                node.push("if (");
                node.child(test);
                let word = self.random.word(&["break", "continue"]);
                node.push(format!(") {word}; "));
                let locals = vec![(i, named("int")), (j, named("int"))];
                self.scope(node, locals, depth, nest);
                node.push("} ");
            }
        }
    }

    /// `switch` over constants of a type.
    fn sections(&mut self, node: &mut Node, depth: usize, nest: usize) {
        let (ty, labels): (Shape, &[&str]) = match self.random.below(6) {
            0 => (named("long"), &["0L", "1L", "-1L", "5"]),
            1 => (named("char"), &["'a'", "'A'", "'0'", "' '"]),
            2 => (
                named("DayOfWeek"),
                &[
                    "DayOfWeek.Sunday",
                    "DayOfWeek.Monday",
                    "0 + DayOfWeek.Friday",
                ],
            ),
            3 => (
                named("string"),
                &["null", "\"\"", "\"abc\"", "\"a\" + \"b\""],
            ),
            4 => (
                crate::shape::nullable(named("int")),
                &["null", "0", "1", "-1"],
            ),
            _ => (named("bool"), &["true", "false"]),
        };
        // By way of a variable: Mono's compiler makes bad code of a constant here.
        let (on, name) = (self.make(&ty, depth), self.name("s"));
        node.push(format!("var {name} = "));
        node.child(on);
        node.push(format!("; switch ({name}) {{ "));
        let default = self.random.below(labels.len() + 2);
        for (i, label) in labels.iter().enumerate() {
            node.push(format!("case {label}: "));
            if i == default {
                node.push("default: ");
            } else if self.random.one_in(4) && i + 1 < labels.len() {
                continue;
            }
            self.inner(node, depth, nest);
            match self.random.below(4) {
                0 if self.returns.is_none() => {
                    let ty = self.simple();
                    let value = self.make(&ty, depth);
                    node.push("return ");
                    node.child(value);
                    node.push("; ");
                }
                1 => node.push("throw new Exception(\"s\"); "),
                _ => node.push("break; "),
            }
        }
        node.push("} ");
    }

    /// A statement whose variables end with it.
    fn inner(&mut self, node: &mut Node, depth: usize, nest: usize) {
        self.scope(node, Vec::new(), depth, nest);
    }

    fn scope(&mut self, node: &mut Node, locals: Vec<(String, Shape)>, depth: usize, nest: usize) {
        let before = self.locals.len();
        self.locals
            .extend(locals.into_iter().map(|(name, ty)| Local { name, ty }));
        let statement = self.statement(depth.saturating_sub(1), nest - 1);
        // Braces of its own: sections of a switch share their names.
        node.push("{ ");
        node.child(statement);
        node.push("} ");
        self.locals.truncate(before);
    }

    /// A variable of a numeric type that a statement may change.
    fn number_to_set(&mut self) -> Option<Local> {
        let numbers: Vec<&Local> = self
            .locals
            .iter()
            .filter(|l| l.can_be_set() && super::is_number(&l.ty))
            .collect();
        self.random.pick(&numbers).map(|l| (*l).clone())
    }
}
