//! Uses of members: receivers, type arguments, arguments, lambdas.

use super::constraints;
use super::{
    Generator, Listed, Local, constant, contains_nullable, self_shape, starts_with_sign,
    static_name, values,
};
use crate::node::Node;
use crate::shape::{Shape, array, head, mentions, named, substitute, text, unify};
use tollgate_lang::expr::catalog::{MemberEntry, MemberKind};

impl Generator<'_> {
    /// A member that gives the type.
    pub(super) fn producer(&mut self, want: &Shape) -> Option<usize> {
        let fits = |at: &usize| {
            let l = &self.catalog.members[*at];
            let m = l.member;
            let mut found = vec![None; m.class_parameters + m.type_parameters];
            unify(&m.result, want, &mut found) && constraints::hold(l, &found)
        };
        let none = Vec::new();
        let exact = self.catalog.producers.get(head(want)).unwrap_or(&none);
        let open = self.catalog.producers.get("T").unwrap_or(&none);
        let from_open = self.random.one_in(5) || exact.is_empty();
        let list: Vec<usize> = if from_open {
            open.iter().copied().filter(fits).collect()
        } else {
            exact.iter().copied().filter(fits).collect()
        };
        self.random.pick(&list).copied()
    }

    /// A use of a member whose result is the wanted type.
    pub(super) fn give(&mut self, at: usize, want: &Shape, depth: usize) -> Node {
        let m = self.catalog.members[at].member;
        let mut found = vec![None; m.class_parameters + m.type_parameters];
        unify(&m.result, want, &mut found);
        self.call_with(at, found, None, depth)
    }

    /// A use of a member with any type arguments.
    pub(super) fn call(&mut self, at: usize, receiver: Option<Node>, depth: usize) -> Node {
        let l = &self.catalog.members[at];
        let m = l.member;
        let mut found = vec![None; m.class_parameters + m.type_parameters];
        if let Some(r) = &receiver {
            let pattern = self_shape(l.of);
            unify(&pattern, &r.ty, &mut found);
        }
        self.call_with(at, found, receiver, depth)
    }

    pub(super) fn arguments(&mut self, at: usize, found: Vec<Option<Shape>>) -> Vec<Shape> {
        let l = &self.catalog.members[at];
        let is_value = |i: usize| {
            let wraps = |s: &Shape| contains_nullable(s, i);
            wraps(&l.member.result) || l.member.parameters.iter().any(|p| wraps(&p.shape))
        };
        found
            .into_iter()
            .enumerate()
            .map(|(i, f)| {
                f.unwrap_or_else(|| {
                    if let Some(wanted) = constraints::wanted(l, i) {
                        wanted
                    } else if l.of.name == "IMessageBody" {
                        let types = [
                            named("string"),
                            named("JObject"),
                            named("JToken"),
                            named("JArray"),
                            array(named("byte")),
                            named("XElement"),
                        ];
                        let at = self.random.below(types.len());
                        types[at].clone()
                    } else if is_value(i) {
                        let types = ["int", "double", "bool", "long", "DateTime"];
                        named(types[self.random.below(types.len())])
                    } else {
                        self.simple()
                    }
                })
            })
            .collect()
    }

    pub(super) fn call_with(
        &mut self,
        at: usize,
        found: Vec<Option<Shape>>,
        receiver: Option<Node>,
        depth: usize,
    ) -> Node {
        let l = &self.catalog.members[at];
        let m = l.member;
        let args = self.arguments(at, found);
        let result = substitute(&m.result, &args);
        let own = substitute(&self_shape(l.of), &args);
        let mut node = Node::new(result.clone(), true);
        node.member = Some(at);
        match m.kind {
            MemberKind::Operator => {
                node.primary = false;
                let mut operands: Vec<Node> = m
                    .parameters
                    .iter()
                    .map(|p| self.make(&substitute(&p.shape, &args), depth))
                    .collect();
                let last = operands.pop();
                match operands.pop() {
                    Some(first) => {
                        node.child(first);
                        node.push(format!(" {} ", m.name));
                    }
                    None => node.push(format!("{} ", m.name)),
                }
                if let Some(last) = last {
                    node.child(last);
                }
                return node;
            }
            MemberKind::Implicit | MemberKind::Explicit => {
                node.primary = false;
                node.push(format!("({})", text(&result)));
                if let Some(p) = m.parameters.first() {
                    let of = self.make(&substitute(&p.shape, &args), depth);
                    // `(T)-x` would be a subtraction.
                    let mut of = of;
                    of.primary = of.primary && !starts_with_sign(&of);
                    node.child(of);
                }
                return node;
            }
            MemberKind::Constructor => {
                node.ty = own.clone();
                node.push(format!("new {}", text(&own)));
            }
            _ if m.is_static && (!m.is_extension || self.random.one_in(6)) => {
                node.push(static_name(l.of, &args));
                node.push(format!(".{}", m.name));
            }
            _ if m.is_extension => {
                let this = m.parameters.first().map(|p| substitute(&p.shape, &args));
                let of = match (receiver, this) {
                    (Some(r), _) => r,
                    (None, Some(ty)) => self.make(&ty, depth),
                    (None, None) => Node::text(named("object"), "null", true),
                };
                node.child(of);
                node.push(format!(".{}", m.name));
                self.type_arguments(&mut node, m, &args);
                self.list(&mut node, at, &args, 1, depth);
                return node;
            }
            kind => {
                let of = match receiver {
                    Some(r) => r,
                    None => {
                        let own = match l.of.name {
                            // Any value has the members of these.
                            "Object" => self.shown_type(),
                            "Array" => array(self.simple()),
                            "Enum" => named("DayOfWeek"),
                            _ => own,
                        };
                        self.make(&own, depth)
                    }
                };
                node.child(of);
                if !matches!(kind, MemberKind::Index | MemberKind::SetIndex) {
                    node.push(format!(".{}", m.name));
                }
            }
        }
        match m.kind {
            MemberKind::Property | MemberKind::SetProperty => {}
            _ => {
                self.type_arguments(&mut node, m, &args);
                self.list(&mut node, at, &args, 0, depth);
            }
        }
        node
    }

    /// Type arguments where they cannot be inferred.
    pub(super) fn type_arguments(&mut self, node: &mut Node, m: &MemberEntry, args: &[Shape]) {
        let first = m.class_parameters;
        let all = first..first + m.type_parameters;
        let inferred = |i: usize| m.parameters.iter().any(|p| mentions(&p.shape, i));
        if m.type_parameters > 0 && (!all.clone().all(inferred) || self.random.one_in(8)) {
            let names: Vec<String> = args[all].iter().map(text).collect();
            node.push(format!("<{}>", names.join(", ")));
        }
    }

    /// The arguments in their brackets.
    pub(super) fn list(
        &mut self,
        node: &mut Node,
        at: usize,
        args: &[Shape],
        skip: usize,
        depth: usize,
    ) {
        let l = &self.catalog.members[at];
        let m = l.member;
        let (open, close) = match m.kind {
            MemberKind::Index | MemberKind::SetIndex => ("[", "]"),
            _ => ("(", ")"),
        };
        node.push(open);
        let mut parameters = &m.parameters[skip.min(m.parameters.len())..];
        if m.kind == MemberKind::SetIndex {
            parameters = &parameters[..parameters.len().saturating_sub(1)];
        }
        let names = self.random.one_in(15) && !parameters.iter().any(|p| p.is_params);
        let mut order: Vec<usize> = (0..parameters.len()).collect();
        // Named arguments stand in any order; Mono keeps to what is written only where one of them stands before its place.
        if names && self.random.one_in(2) && !order.is_empty() {
            let place = self.random.below(order.len());
            let moved = order.remove(place);
            order.insert(0, moved);
        }
        let mut first = true;
        for at in order {
            let p = &parameters[at];
            if p.optional && self.random.one_in(2) {
                if names {
                    continue;
                }
                break;
            }
            if p.is_params
                && self.random.one_in(2)
                && let Shape::Array(of) = substitute(&p.shape, args)
            {
                for _ in 0..self.random.below(4) {
                    if !first {
                        node.push(", ");
                    }
                    first = false;
                    let item = self.argument(l, &of, p.name, depth);
                    node.child(item);
                }
                continue;
            }
            if !first {
                node.push(", ");
            }
            first = false;
            if names {
                node.push(format!("{}: ", p.name));
            }
            if p.is_out {
                let name = self.name("o");
                node.push(format!("out var {name}"));
                continue;
            }
            let ty = substitute(&p.shape, args);
            let argument = self.argument(l, &ty, p.name, depth);
            node.child(argument);
        }
        node.push(close);
    }

    /// An argument: by its meaning when the parameter has one.
    pub(super) fn argument(
        &mut self,
        l: &Listed,
        ty: &Shape,
        parameter: &str,
        depth: usize,
    ) -> Node {
        if self.random.one_in(8) {
            return self.make(ty, depth);
        }
        let known = match ty {
            Shape::Named("string", _) => values::text_for(l.of.name, l.member.name, parameter),
            Shape::Named("int", _) => values::int_for(parameter),
            _ => None,
        };
        match known {
            Some(list) => {
                let word = self.random.word(list);
                constant(ty, word)
            }
            None => self.make(ty, depth),
        }
    }

    /// A lambda, when the type is a delegate.
    pub(super) fn delegate(&mut self, want: &Shape, depth: usize) -> Option<Node> {
        let Shape::Named(name, args) = want else {
            return None;
        };
        let (inputs, result): (Vec<Shape>, Shape) = match (*name, &args[..]) {
            ("Func" | "Converter", [inputs @ .., result]) => (inputs.to_vec(), result.clone()),
            ("Predicate", [of]) => (vec![of.clone()], named("bool")),
            ("Comparison", [of]) => (vec![of.clone(), of.clone()], named("int")),
            ("Action", inputs) => (inputs.to_vec(), named("void")),
            ("MatchEvaluator", _) => (vec![named("Match")], named("string")),
            _ => return None,
        };
        if self.random.one_in(8)
            && let Some(method) = self.method_group(want)
        {
            return Some(method);
        }
        let mut node = Node::new(want.clone(), true);
        let names: Vec<String> = inputs.iter().map(|_| self.name("p")).collect();
        // Mono's parser takes the mark of a nullable type for a conditional.
        let typed = self.random.one_in(10) && !inputs.iter().any(|ty| text(ty).contains('?'));
        match &names[..] {
            _ if typed => {
                let typed: Vec<String> = names
                    .iter()
                    .zip(&inputs)
                    .map(|(name, ty)| format!("{} {name}", text(ty)))
                    .collect();
                node.push(format!("({})", typed.join(", ")));
            }
            [one] if !self.random.one_in(4) => node.push(one.clone()),
            _ => node.push(format!("({})", names.join(", "))),
        }
        node.push(" => ");
        let before = self.locals.len();
        for (name, ty) in names.iter().zip(inputs) {
            self.locals.push(Local {
                name: name.clone(),
                ty,
            });
        }
        if depth > 1 && result != named("void") && self.random.one_in(10) {
            let body = self.body(Vec::new(), &result, depth - 1);
            node.child(body);
        } else if result == named("void") {
            node.push("{ }");
        } else {
            let body = self.make(&result, depth.saturating_sub(1));
            node.child(body);
        }
        self.locals.truncate(before);
        Some(node)
    }
}
