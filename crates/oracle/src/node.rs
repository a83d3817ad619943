//! A generated expression as a tree whose parts know their type: what shrinking works on.

use crate::shape::Shape;

/// A piece of an expression.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Its static type; `void` for statements.
    pub(crate) ty: Shape,
    pub(crate) parts: Vec<Part>,
    /// The member that it uses, as an index into the generator's list.
    pub(crate) member: Option<usize>,
    /// Whether it can take a `.` or stand beside an operator without brackets.
    pub(crate) primary: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Part {
    Text(String),
    Node(Node),
}

impl Node {
    pub(crate) fn text(ty: Shape, text: impl Into<String>, primary: bool) -> Node {
        Node {
            ty,
            parts: vec![Part::Text(text.into())],
            member: None,
            primary,
        }
    }

    pub(crate) fn new(ty: Shape, primary: bool) -> Node {
        Node {
            ty,
            parts: Vec::new(),
            member: None,
            primary,
        }
    }

    pub(crate) fn push(&mut self, text: impl Into<String>) {
        let text = text.into();
        match self.parts.last_mut() {
            Some(Part::Text(last)) => *last += &text,
            _ => self.parts.push(Part::Text(text)),
        }
    }

    pub(crate) fn child(&mut self, node: Node) {
        self.parts.push(Part::Node(node));
    }

    pub(crate) fn write(&self, out: &mut String) {
        for part in &self.parts {
            match part {
                Part::Text(t) => out.push_str(t),
                // Brackets where the place needs them and the node is not a simple one.
                Part::Node(n) if n.primary => n.write(out),
                Part::Node(n) if n.ty == crate::shape::named("void") => n.write(out),
                Part::Node(n) => {
                    out.push('(');
                    n.write(out);
                    out.push(')');
                }
            }
        }
    }

    pub(crate) fn size(&self) -> usize {
        let children = self.parts.iter().map(|p| match p {
            Part::Node(n) => n.size(),
            Part::Text(_) => 0,
        });
        1 + children.sum::<usize>()
    }

    /// Members used, in order.
    pub(crate) fn members(&self, out: &mut Vec<usize>) {
        out.extend(self.member);
        for part in &self.parts {
            if let Part::Node(n) = part {
                n.members(out);
            }
        }
    }

    /// Every node below, with the path to it: outermost first.
    pub(crate) fn below(&self) -> Vec<Vec<usize>> {
        let mut out = Vec::new();
        let mut next = vec![Vec::new()];
        while let Some(path) = next.pop() {
            if let Some(node) = self.at(&path) {
                for (i, part) in node.parts.iter().enumerate().rev() {
                    if matches!(part, Part::Node(_)) {
                        let mut deeper = path.clone();
                        deeper.push(i);
                        next.push(deeper);
                    }
                }
                out.push(path);
            }
        }
        out
    }

    pub(crate) fn at(&self, path: &[usize]) -> Option<&Node> {
        path.iter().try_fold(self, |n, i| match n.parts.get(*i) {
            Some(Part::Node(n)) => Some(n),
            _ => None,
        })
    }

    /// The same tree with another node at a place.
    pub(crate) fn with(&self, path: &[usize], node: Node) -> Node {
        let Some((first, rest)) = path.split_first() else {
            return node;
        };
        let mut out = self.clone();
        if let Some(Part::Node(child)) = out.parts.get(*first).cloned() {
            out.parts[*first] = Part::Node(child.with(rest, node));
        }
        out
    }
}
