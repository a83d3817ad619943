//! Statement blocks: variables, assignments, loops, branches, exceptions, calls for their effect.

use super::{Generator, Local};
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

    fn statement(&mut self, depth: usize, nest: usize) -> Node {
        let mut node = Node::new(named("void"), true);
        match self.random.below(if nest == 0 { 4 } else { 11 }) {
            0 | 1 => {
                let (ty, name) = (self.shown_type(), self.name("v"));
                let value = self.make(&ty, depth);
                let declared = if self.random.one_in(2) {
                    "var".into()
                } else {
                    text(&ty)
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
                if l.name.starts_with(['i', 'e', 'p', 'q', 'l']) {
                    return node;
                }
                let op = self.random.word(ops);
                let value = self.make(&l.ty, depth);
                node.push(format!("{}{op}", l.name));
                node.child(value);
                node.push("; ");
            }
            4 | 5 => {
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
            6 => {
                let name = self.name("i");
                node.push(format!(
                    "for (int {name} = 0; {name} < {}; {name}++) {{ ",
                    1 + self.random.below(4)
                ));
                self.scope(&mut node, vec![(name, named("int"))], depth, nest);
                node.push("} ");
            }
            7 => {
                let (ty, name) = (self.simple(), self.name("e"));
                let source = generic("IEnumerable", vec![ty.clone()]);
                let source = self.make(&source, depth);
                node.push(format!("foreach (var {name} in "));
                node.child(source);
                node.push(") { ");
                self.scope(&mut node, vec![(name, ty)], depth, nest);
                node.push("} ");
            }
            8 => {
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
            9 => {
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
}
