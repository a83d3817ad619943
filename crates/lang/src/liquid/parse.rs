//! A template's pieces as a tree of nodes.
//!
//! [`super::read`] calls it. Source: DotLiquid's tags. What must stay true: recursion is bounded by [`MAX_DEPTH`]; a block
//! without its end, an end without its block and an unknown tag are faults, as DotLiquid refuses them.

use super::markup::Reader;
use super::node::{Expr, Literal, Loop, LoopKind, Node, Offset, When};
use super::tokens::{self, Kind, RAW, Token};
use super::{Fault, Template};
use crate::diagnostic::nearest::nearest;
use crate::value::Str;
use std::ops::Range;

/// Blocks inside each other. DotLiquid stops at 80 when it renders.
const MAX_DEPTH: usize = 64;

/// Tags that stand alone or begin a block, for suggestions.
const TAGS: [&str; 17] = [
    "assign",
    "break",
    "capture",
    "case",
    "comment",
    "continue",
    "cycle",
    "decrement",
    "for",
    "if",
    "ifchanged",
    "increment",
    "literal",
    "raw",
    "tablerow",
    "unless",
    "JSONArrayFor",
];

/// A whole template.
pub(super) fn template(text: &str) -> (Template, Vec<Fault>) {
    let mut reader = Reader::new(text);
    let tokens = tokens::tokens(text, &mut reader.faults);
    let whole = reader.faults.is_empty();
    let mut parser = Parser {
        reader,
        tokens,
        at: 0,
        slots: 0,
    };
    let nodes = if whole {
        let mut nodes = Vec::new();
        loop {
            let (more, end) = parser.block(0);
            nodes.extend(more);
            match end {
                Some(end) => parser.stray(&end),
                None => break,
            }
        }
        nodes
    } else {
        Vec::new()
    };
    let slots = parser.slots;
    let mut reader = parser.reader;
    unknown_roots(&mut reader);
    let template = Template {
        nodes,
        slots,
        uses: reader.uses,
    };
    (template, reader.faults)
}

/// Warns of names that nothing gives.
fn unknown_roots(reader: &mut Reader<'_>) {
    let roots = std::mem::take(&mut reader.roots);
    for (name, at) in roots {
        let known = matches!(&*name, "body" | "context" | "forloop" | "tablerowloop")
            || reader.names.contains(&name);
        if known {
            continue;
        }
        let names = reader.names.iter().map(|n| &**n);
        let near = nearest(&name, ["body", "context"].into_iter().chain(names)).map(str::to_owned);
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "if it is a named value, add `{name}` to the named values of the configuration"
            ),
        };
        reader.fault(
            "TG0525",
            at,
            format!("nothing in this template is called `{name}`, which is nil"),
            "expected `body`, `context` or a name of the template's own".into(),
            Some(help),
            true,
        );
    }
}

/// A tag that ends or divides a block.
struct End {
    name: String,
    /// The tag.
    at: Range<usize>,
    /// What stands after its name.
    markup: Range<usize>,
}

struct Parser<'t> {
    reader: Reader<'t>,
    tokens: Vec<Token>,
    at: usize,
    slots: usize,
}

impl Parser<'_> {
    /// Nodes up to a tag that ends or divides a block, or up to the end of the template.
    fn block(&mut self, depth: usize) -> (Vec<Node>, Option<End>) {
        let mut nodes = Vec::new();
        while let Some(token) = self.tokens.get(self.at).cloned() {
            self.at += 1;
            match token.kind {
                Kind::Text => nodes.push(Node::Text(Str::from(self.reader.part(&token.inner)))),
                Kind::Output => nodes.push(Node::Output(self.reader.chain(token.inner))),
                Kind::Tag => {
                    let name = tokens::name_of(self.reader.part(&token.inner)).to_owned();
                    let inner = self.reader.part(&token.inner);
                    let skipped = inner.len() - inner.trim_start().len() + name.len();
                    let markup = token.inner.start + skipped..token.inner.end;
                    let divides = matches!(name.as_str(), "else" | "elsif" | "when");
                    if divides || name.starts_with("end") {
                        let at = token.at;
                        return (nodes, Some(End { name, at, markup }));
                    }
                    nodes.extend(self.tag(&name, token.at, markup, depth));
                }
            }
        }
        (nodes, None)
    }

    /// An end or a divider that no block waits for.
    fn stray(&mut self, end: &End) {
        let message = match end.name.strip_prefix("end") {
            Some(block) if !block.is_empty() => {
                format!("`{{% {} %}}` ends no `{{% {block} %}}`", end.name)
            }
            _ => format!("`{{% {} %}}` stands in no block that it divides", end.name),
        };
        self.reader.wrong(
            "TG0521",
            end.at.clone(),
            message,
            "remove it, or open the block before it",
        );
    }

    /// The nodes of a block up to its end; dividers in `with` are given back too.
    fn until(
        &mut self,
        name: &str,
        at: &Range<usize>,
        with: &[&str],
        depth: usize,
    ) -> (Vec<Node>, Option<End>) {
        let mut nodes = Vec::new();
        loop {
            let (more, end) = self.block(depth + 1);
            nodes.extend(more);
            match end {
                None => {
                    self.reader.faults.push(tokens::unclosed(at.clone(), name));
                    return (nodes, None);
                }
                Some(end) if end.name.strip_prefix("end") == Some(name) => return (nodes, None),
                Some(end) if with.contains(&end.name.as_str()) => return (nodes, Some(end)),
                Some(end) => self.stray(&end),
            }
        }
    }

    fn tag(
        &mut self,
        name: &str,
        at: Range<usize>,
        markup: Range<usize>,
        depth: usize,
    ) -> Option<Node> {
        let opens = matches!(
            name,
            "if" | "unless"
                | "case"
                | "for"
                | "tablerow"
                | "JSONArrayFor"
                | "capture"
                | "ifchanged"
        );
        if opens && depth >= MAX_DEPTH {
            self.reader.wrong(
                "TG0526",
                at,
                format!("blocks stand more than {MAX_DEPTH} deep in each other"),
                "expected fewer",
            );
            // What follows is not read: its ends would all be strays.
            self.at = self.tokens.len();
            return None;
        }
        match name {
            "assign" => self.assign(markup),
            "capture" => {
                let to = self.single_name(name, &at, &markup);
                let (body, _) = self.until(name, &at, &[], depth);
                Some(Node::Capture(to?, body))
            }
            "if" => self.branches(name, false, &at, markup, depth),
            "unless" => self.branches(name, true, &at, markup, depth),
            "case" => self.case(&at, markup, depth),
            "for" => self.repeated(name, LoopKind::For, &at, markup, depth),
            "tablerow" => self.repeated(name, LoopKind::TableRow, &at, markup, depth),
            "JSONArrayFor" => self.repeated(name, LoopKind::JsonArray, &at, markup, depth),
            "cycle" => self.cycle(&at, markup),
            "ifchanged" => {
                let (body, _) = self.until(name, &at, &[], depth);
                self.slots += 1;
                Some(Node::IfChanged(self.slots - 1, body))
            }
            "increment" | "decrement" => {
                let to = self.single_name(name, &at, &markup)?;
                Some(Node::Count(to, name == "increment"))
            }
            "break" => Some(Node::Break),
            "continue" => Some(Node::Continue),
            _ if RAW.contains(&name) => {
                let (mut body, _) = self.until(name, &at, &[], depth);
                (name != "comment").then(|| body.pop()).flatten()
            }
            "include" | "extends" | "block" | "render" => {
                self.reader.wrong(
                    "TG0527",
                    at,
                    format!("`{{% {name} %}}` reads other templates, and there are none"),
                    "not available in API Management",
                );
                None
            }
            _ => {
                let near = nearest(name, TAGS);
                let help = near.map(|n| format!("did you mean `{{% {n} %}}`?"));
                let message = match name {
                    "" => String::from("a tag has no name"),
                    _ => format!("there is no tag `{name}`"),
                };
                let label = String::from("expected a tag of Liquid or `JSONArrayFor`");
                self.reader.fault("TG0521", at, message, label, help, false);
                None
            }
        }
    }

    /// The one name that a tag takes.
    fn single_name(&mut self, tag: &str, at: &Range<usize>, markup: &Range<usize>) -> Option<Str> {
        let found = self.reader.fragment(markup, false);
        let name = found.map(|f| self.reader.part(&f).trim_matches(['"', '\'']));
        match name.filter(|n| is_name(n)) {
            Some(name) => {
                let name = Str::from(name);
                self.reader.names.insert(name.clone());
                Some(name)
            }
            None => {
                self.reader.wrong(
                    "TG0522",
                    at.clone(),
                    format!("`{{% {tag} %}}` needs a name"),
                    format!("expected `{{% {tag} name %}}`"),
                );
                None
            }
        }
    }

    fn assign(&mut self, markup: Range<usize>) -> Option<Node> {
        let part = self.reader.part(&markup);
        let equals = part.find('=');
        let name = equals.map(|e| part[..e].trim()).filter(|n| is_name(n));
        let (Some(name), Some(equals)) = (name, equals) else {
            self.reader.wrong(
                "TG0522",
                markup,
                "`{% assign %}` needs a name and a value",
                "expected `{% assign name = value %}`",
            );
            return None;
        };
        let name = Str::from(name);
        let chain = self.reader.chain(markup.start + equals + 1..markup.end);
        self.reader.names.insert(name.clone());
        Some(Node::Assign(name, chain))
    }

    fn branches(
        &mut self,
        name: &str,
        negated: bool,
        at: &Range<usize>,
        markup: Range<usize>,
        depth: usize,
    ) -> Option<Node> {
        let mut branches = Vec::new();
        let mut condition = self.reader.condition(markup).map(Some);
        loop {
            let (body, end) = self.until(name, at, &["else", "elsif"], depth);
            if let Some(condition) = condition.take() {
                branches.push((condition, body));
            }
            let Some(end) = end else {
                break;
            };
            condition = match end.name.as_str() {
                "elsif" => self.reader.condition(end.markup).map(Some),
                _ => Some(None),
            };
        }
        Some(Node::If(negated, branches))
    }

    fn case(&mut self, at: &Range<usize>, markup: Range<usize>, depth: usize) -> Option<Node> {
        let subject = self.reader.fragment(&markup, false);
        let Some(subject) = subject else {
            self.reader.wrong(
                "TG0522",
                at.clone(),
                "`{% case %}` needs a value",
                "expected `{% case value %}`",
            );
            self.until("case", at, &["when", "else"], depth);
            return None;
        };
        let subject = self.reader.expr(subject, 0);
        let mut whens: Vec<When> = Vec::new();
        // What stands before the first `when` prints nothing.
        let mut values: Option<Option<Vec<Expr>>> = None;
        loop {
            let (body, end) = self.until("case", at, &["when", "else"], depth);
            if let Some(values) = values.take() {
                whens.push(When { values, body });
            }
            let Some(end) = end else {
                break;
            };
            values = Some(match end.name.as_str() {
                "when" => Some(self.values(&end)),
                _ => None,
            });
        }
        Some(Node::Case(subject, whens))
    }

    /// The values of a `when`, with commas or `or` between them.
    fn values(&mut self, when: &End) -> Vec<Expr> {
        let mut values = Vec::new();
        let mut rest = when.markup.clone();
        while let Some(found) = self.reader.fragment(&rest, false) {
            rest.start = found.end;
            if self.reader.part(&found) != "or" {
                values.push(self.reader.expr(found, 0));
            }
        }
        if values.is_empty() {
            self.reader.wrong(
                "TG0522",
                when.at.clone(),
                "`{% when %}` needs a value",
                "expected `{% when value %}`",
            );
        }
        values
    }

    fn cycle(&mut self, at: &Range<usize>, markup: Range<usize>) -> Option<Node> {
        let text = self.reader.part(&markup);
        let first = self.reader.fragment(&markup, false);
        let mut rest = markup.clone();
        let mut name = None;
        // `cycle name: a, b`: the colon stands in the fragment, or after it.
        if let Some(first) = first {
            let part = self.reader.part(&first);
            let after = self.reader.part(&(first.end..markup.end)).trim_start();
            if let Some(bare) = part.strip_suffix(':') {
                name = Some(self.reader.expr(first.start..first.start + bare.len(), 0));
                rest.start = first.end;
            } else if after.starts_with(':') {
                rest.start = markup.end - after.len() + 1;
                name = Some(self.reader.expr(first, 0));
            }
        }
        let key = Str::from(text.trim());
        let mut values = Vec::new();
        while let Some(found) = self.reader.fragment(&rest, false) {
            rest.start = found.end;
            values.push(self.reader.expr(found, 0));
        }
        if values.is_empty() {
            self.reader.wrong(
                "TG0522",
                at.clone(),
                "`{% cycle %}` needs values",
                "expected `{% cycle 'one', 'two' %}`",
            );
            return None;
        }
        Some(Node::Cycle(name, values, key))
    }

    fn repeated(
        &mut self,
        tag: &str,
        kind: LoopKind,
        at: &Range<usize>,
        markup: Range<usize>,
        depth: usize,
    ) -> Option<Node> {
        let made = self.head(tag, kind, at, markup);
        let dividers: &[&str] = if kind == LoopKind::For {
            &["else"]
        } else {
            &[]
        };
        let (body, end) = self.until(tag, at, dividers, depth);
        let otherwise = match end {
            Some(_) => self.until(tag, at, &[], depth).0,
            None => Vec::new(),
        };
        let mut made = made?;
        made.body = body;
        made.otherwise = otherwise;
        Some(Node::Loop(Box::new(made)))
    }

    /// `variable in collection`, and what may follow it.
    fn head(
        &mut self,
        tag: &str,
        kind: LoopKind,
        at: &Range<usize>,
        markup: Range<usize>,
    ) -> Option<Loop> {
        let mut rest = markup.clone();
        let mut next = |parser: &Parser<'_>| {
            let found = parser.reader.fragment(&rest, false)?;
            rest.start = found.end;
            Some(found)
        };
        let variable = next(self).filter(|v| is_name(self.reader.part(v)));
        let word = next(self).filter(|w| self.reader.part(w) == "in");
        let collection = next(self);
        let (Some(variable), Some(_), Some(collection)) = (variable, word, collection) else {
            self.reader.wrong(
                "TG0522",
                at.clone(),
                format!("`{{% {tag} %}}` needs a name and what to go through"),
                format!("expected `{{% {tag} item in collection %}}`"),
            );
            return None;
        };
        let variable = Str::from(self.reader.part(&variable));
        let name = format!("{variable}-{}", self.reader.part(&collection));
        self.reader.names.insert(variable.clone());
        let mut made = Loop {
            variable,
            name: Str::from(name),
            collection: self.reader.expr(collection, 0),
            reversed: false,
            limit: None,
            offset: Offset::None,
            columns: None,
            named: None,
            body: Vec::new(),
            otherwise: Vec::new(),
            kind,
        };
        self.options(&mut made, rest);
        Some(made)
    }

    /// `reversed`, `limit:`, `offset:`, `cols:` and `where`.
    fn options(&mut self, made: &mut Loop, mut rest: Range<usize>) {
        while let Some(found) = self.reader.fragment(&rest, false) {
            rest.start = found.end;
            let text = self.reader.part(&found);
            if text == "reversed" {
                made.reversed = true;
                continue;
            }
            if text == "where" && made.kind == LoopKind::JsonArray {
                made.named = self.element_name(&mut rest);
                continue;
            }
            // The value stands in the fragment, or is the next one.
            let (key, value) = match text.split_once(':') {
                Some((key, "")) => {
                    let next = self.reader.fragment(&rest, false);
                    rest.start = next.as_ref().map_or(rest.start, |n| n.end);
                    (key, next)
                }
                Some((key, value)) => (key, Some(found.end - value.len()..found.end)),
                None => {
                    let after = self.reader.part(&rest);
                    let Some(gap) = after.trim_start().strip_prefix(':') else {
                        self.unknown_option(&found);
                        continue;
                    };
                    rest.start = rest.end - gap.len();
                    let next = self.reader.fragment(&rest, false);
                    rest.start = next.as_ref().map_or(rest.start, |n| n.end);
                    (text, next)
                }
            };
            let Some(value) = value else {
                self.unknown_option(&found);
                continue;
            };
            let is_continue = self.reader.part(&value) == "continue";
            match key {
                "limit" => made.limit = Some(self.reader.expr(value, 0)),
                "offset" if is_continue => made.offset = Offset::Continue,
                "offset" => made.offset = Offset::At(self.reader.expr(value, 0)),
                "cols" if made.kind == LoopKind::TableRow => {
                    made.columns = Some(self.reader.expr(value, 0));
                }
                _ => self.unknown_option(&found),
            }
        }
    }

    fn unknown_option(&mut self, at: &Range<usize>) {
        let text = self.reader.part(at).to_owned();
        self.reader.wrong(
            "TG0522",
            at.clone(),
            format!("a loop cannot have `{text}`"),
            "expected `limit:`, `offset:` or `reversed`",
        );
    }

    /// What stands after `where`: a name, or `item == name`.
    fn element_name(&mut self, rest: &mut Range<usize>) -> Option<Expr> {
        let mut words = Vec::new();
        while words.len() < 3 {
            let Some(found) = self.reader.fragment(rest, false) else {
                break;
            };
            rest.start = found.end;
            let done = words.is_empty() && !self.reader.part(rest).trim_start().starts_with("==");
            words.push(found);
            if done {
                break;
            }
        }
        let last = words.pop()?;
        let text = self.reader.part(&last);
        Some(match self.reader.expr(last.clone(), 0) {
            // A bare word is the name itself.
            Expr::Path(parts) if parts.len() == 1 && is_name(text) => {
                self.reader.roots.retain(|(_, at)| *at != last);
                Expr::Const(Literal::Text(Str::from(text)))
            }
            other => other,
        })
    }
}

/// A name that a template can give.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}
