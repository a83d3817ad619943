//! Runs a compiled template.
//!
//! [`super::Template::render`] calls it. Source: DotLiquid's `Context` and tags. What must stay true: each node is a step
//! of an evaluation and each text is counted; recursion is as deep as the template is nested.

use super::condition::{equal, holds};
use super::context::{self, Part};
use super::item::{Item, NIL, elements};
use super::node::{self, Chain, Condition, Expr, Node, Test};
use super::{Binding, Format, Template};
use crate::expr::eval::{Cx, Throw, throw};
use crate::expr::host::BodyError;
use crate::expr::table::{json, xml};
use crate::interchange::decode;
use crate::value::token::parse::Reading;
use crate::value::{Str, Value, time};
use std::collections::HashMap;
use std::rc::Rc;

/// The namespace of `xsi:nil`.
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Most numbers of a range.
const MAX_RANGE: i64 = 100_000;

/// How a list of nodes ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// At its end.
    Well,
    Break,
    Continue,
}

/// A template being rendered.
pub(super) struct Renderer<'c, 'h, 't> {
    pub(super) cx: &'c mut Cx<'h>,
    template: &'t Template,
    binding: &'t Binding<'t>,
    /// What loops give, the innermost last.
    pub(super) scopes: Vec<Vec<(Str, Item)>>,
    /// What `assign` and `capture` gave.
    globals: HashMap<Str, Item>,
    /// Once it was asked for.
    body: Option<Item>,
    /// How far `cycle` is, by its name.
    cycles: HashMap<Str, usize>,
    /// Where loops ended, by their name.
    pub(super) ended: HashMap<Str, usize>,
    /// What `ifchanged` printed last, by slot.
    printed: Vec<Option<String>>,
    counters: HashMap<Str, i32>,
    pub(super) out: String,
}

impl<'c, 'h, 't> Renderer<'c, 'h, 't> {
    pub(super) fn new(
        cx: &'c mut Cx<'h>,
        template: &'t Template,
        binding: &'t Binding<'t>,
    ) -> Renderer<'c, 'h, 't> {
        Renderer {
            cx,
            template,
            binding,
            scopes: Vec::new(),
            globals: HashMap::new(),
            body: None,
            cycles: HashMap::new(),
            ended: HashMap::new(),
            printed: vec![None; template.slots],
            counters: HashMap::new(),
            out: String::new(),
        }
    }

    /// The text of the whole template.
    pub(super) fn whole(mut self) -> Result<String, Throw> {
        let template = self.template;
        self.nodes(&template.nodes)?;
        Ok(self.out)
    }

    pub(super) fn write(&mut self, text: &str) -> Result<(), Throw> {
        self.cx.charge(text.len())?;
        self.cx.step(text.len() / 1024)?;
        self.out.push_str(text);
        Ok(())
    }

    /// What `{{ }}` prints.
    fn print(&mut self, item: &Item) -> Result<(), Throw> {
        match item {
            // DotLiquid writes these in small letters, and nowhere else.
            Item::Value(Value::Bool(b)) => self.write(if *b { "true" } else { "false" }),
            Item::Value(Value::Str(text)) => self.write(text),
            item => item.write(self.cx, &mut self.out),
        }
    }

    pub(super) fn nodes(&mut self, nodes: &[Node]) -> Result<Ended, Throw> {
        for node in nodes {
            self.cx.step(1)?;
            self.cx.breathe()?;
            let ended = self.node(node)?;
            if ended != Ended::Well {
                return Ok(ended);
            }
        }
        Ok(Ended::Well)
    }

    fn node(&mut self, node: &Node) -> Result<Ended, Throw> {
        match node {
            Node::Text(text) => self.write(text)?,
            Node::Output(chain) => {
                let item = self.chain(chain)?;
                self.print(&item)?;
            }
            Node::Assign(to, chain) => {
                let item = self.chain(chain)?;
                self.globals.insert(to.clone(), item);
            }
            Node::Capture(to, body) => {
                let (text, ended) = self.apart(body)?;
                self.globals.insert(to.clone(), Item::text(text));
                return Ok(ended);
            }
            Node::If(negated, branches) => {
                for (i, (condition, body)) in branches.iter().enumerate() {
                    let fits = match condition {
                        Some(condition) => self.condition(condition)? != (*negated && i == 0),
                        None => true,
                    };
                    if fits {
                        return self.nodes(body);
                    }
                }
            }
            Node::Case(subject, whens) => return self.case(subject, whens),
            Node::Loop(repeated) => return self.repeated(repeated),
            Node::Cycle(name, values, key) => {
                let key = match name {
                    Some(name) => Str::from(format!("{}:", self.item(name)?.plain())),
                    None => key.clone(),
                };
                let at = self.cycles.entry(key).or_insert(0);
                let now = *at;
                *at = (now + 1) % values.len().max(1);
                if let Some(value) = values.get(now) {
                    let item = self.item(value)?;
                    self.print(&item)?;
                }
            }
            Node::IfChanged(slot, body) => {
                let (text, ended) = self.apart(body)?;
                let last = self.printed.get_mut(*slot);
                if let Some(last) = last
                    && last.as_deref() != Some(&text)
                {
                    *last = Some(text.clone());
                    self.write(&text)?;
                }
                return Ok(ended);
            }
            Node::Count(name, up) => {
                let counter = self.counters.entry(name.clone()).or_insert(0);
                if !up {
                    *counter = counter.wrapping_sub(1);
                }
                let text = counter.to_string();
                if *up {
                    *counter = counter.wrapping_add(1);
                }
                self.write(&text)?;
            }
            Node::Break => return Ok(Ended::Break),
            Node::Continue => return Ok(Ended::Continue),
        }
        Ok(Ended::Well)
    }

    /// What nodes print, by itself.
    pub(super) fn apart(&mut self, nodes: &[Node]) -> Result<(String, Ended), Throw> {
        let before = std::mem::take(&mut self.out);
        let ended = self.nodes(nodes);
        let text = std::mem::replace(&mut self.out, before);
        Ok((text, ended?))
    }

    /// `case`: every `when` that fits is printed, `else` when none before it did.
    fn case(&mut self, subject: &Expr, whens: &[node::When]) -> Result<Ended, Throw> {
        let subject = self.item(subject)?;
        let cost = subject.cost();
        let today = self.today();
        let mut found = false;
        for when in whens {
            let fits = match &when.values {
                None => !found,
                Some(values) => {
                    let mut fits = false;
                    for value in values {
                        let value = self.item(value)?;
                        self.cx.step(1 + cost + value.cost())?;
                        fits |= equal(&subject, &value, today);
                    }
                    found |= fits;
                    fits
                }
            };
            if fits {
                let ended = self.nodes(&when.body)?;
                if ended != Ended::Well {
                    return Ok(ended);
                }
            }
        }
        Ok(Ended::Well)
    }

    fn condition(&mut self, condition: &Condition) -> Result<bool, Throw> {
        let mut result = self.test(&condition.first)?;
        for (and, test) in &condition.rest {
            // What follows counts only where it can change the result.
            if result != *and {
                return Ok(result);
            }
            result = self.test(test)?;
        }
        Ok(result)
    }

    fn test(&mut self, test: &Test) -> Result<bool, Throw> {
        let left = self.item(&test.left)?;
        match &test.right {
            None => Ok(left.is_true()),
            Some((operator, right)) => {
                let right = self.item(right)?;
                self.cx.step(1 + left.cost() + right.cost())?;
                let today = self.today();
                holds(*operator, &left, &right, today)
            }
        }
    }

    /// The beginning of this day, in ticks.
    pub(super) fn today(&self) -> i64 {
        let now = self.cx.host.now();
        now - now.rem_euclid(time::TICKS_PER_DAY)
    }

    /// A value through its filters.
    pub(super) fn chain(&mut self, chain: &Chain) -> Result<Item, Throw> {
        let mut item = self.item(&chain.first)?;
        for (filter, args) in &chain.filters {
            let mut values = Vec::with_capacity(args.len());
            let mut cost = 1 + item.cost();
            for arg in args {
                let value = self.item(arg)?;
                cost += value.cost();
                values.push(value);
            }
            self.cx.step(cost)?;
            let today = self.today();
            item = (filter.run)(self.cx, &item, &values, today)?;
        }
        Ok(item)
    }

    /// The value of an expression.
    pub(super) fn item(&mut self, expr: &Expr) -> Result<Item, Throw> {
        Ok(match expr {
            Expr::Const(literal) => Item::Value(literal.value()),
            Expr::Empty => Item::Empty,
            Expr::Range(ends) => {
                let first = self.whole_number(&ends.0)?;
                let last = self.whole_number(&ends.1)?;
                if last - first >= MAX_RANGE {
                    return Err(throw(
                        "ArgumentOutOfRangeException",
                        format!("A range has more than {MAX_RANGE} numbers."),
                    ));
                }
                let count = usize::try_from(last - first + 1).unwrap_or(0);
                self.cx.charge(count * size_of::<Item>())?;
                self.cx.step(count / 8)?;
                let number = |n: i64| Item::Value(Value::Int(i32::try_from(n).unwrap_or(i32::MAX)));
                Item::list((first..=last).map(number).collect())
            }
            Expr::Path(parts) => self.path(parts)?,
        })
    }

    /// `Convert.ToInt32` of an expression.
    pub(super) fn whole_number(&mut self, expr: &Expr) -> Result<i64, Throw> {
        let item = self.item(expr)?;
        let value = item
            .scalar()
            .ok_or_else(|| super::item::not_convertible("System.Int32"))?;
        let value = super::condition::converted(&value, crate::expr::types::Num::Int)?;
        Ok(value.as_i64().unwrap_or(0))
    }

    fn path(&mut self, parts: &[node::Part]) -> Result<Item, Throw> {
        let mut parts = parts.iter();
        let root = match parts.next() {
            Some(node::Part::Name(name)) => name.clone(),
            Some(node::Part::Index(expr)) => self.item(expr)?.plain(),
            None => return Ok(NIL),
        };
        let mut item = self.root(&root)?;
        for part in parts {
            if item.is_nil() {
                return Ok(NIL);
            }
            // A member of an element is looked for; one of an object is found by its name.
            let searched = match &item {
                Item::Xml(node) => node.width() / 8,
                Item::Value(Value::Token(_) | Value::Dict(_)) => 0,
                item => item.cost(),
            };
            self.cx.step(1 + searched)?;
            item = match part {
                node::Part::Name(name) => self.named(&item, name),
                node::Part::Index(expr) => {
                    let index = self.item(expr)?;
                    self.indexed(&item, &index)
                }
            };
            item = self.seen(item);
        }
        Ok(item)
    }

    /// A variable, or what a template is bound to.
    fn root(&mut self, name: &str) -> Result<Item, Throw> {
        for scope in self.scopes.iter().rev() {
            if let Some((_, item)) = scope.iter().find(|(n, _)| &**n == name) {
                return Ok(item.clone());
            }
        }
        if let Some(item) = self.globals.get(name) {
            return Ok(item.clone());
        }
        match name {
            "context" => Ok(Item::Part(Part::Context)),
            "body" => {
                if self.body.is_none() {
                    let body = self.read_body()?;
                    self.body = Some(body);
                }
                Ok(self.body.clone().unwrap_or(NIL))
            }
            _ => Ok(NIL),
        }
    }

    fn named(&mut self, item: &Item, name: &str) -> Item {
        if let Item::Part(part) = item {
            return context::member(self.cx.host, *part, name);
        }
        if let Some(found) = item.member(name) {
            return found;
        }
        match name {
            "size" => item.size().map_or(NIL, |n| {
                Item::Value(Value::Int(i32::try_from(n).unwrap_or(i32::MAX)))
            }),
            "first" => self.end_of(item, false),
            "last" => self.end_of(item, true),
            _ => NIL,
        }
    }

    fn end_of(&self, item: &Item, last: bool) -> Item {
        let items = match item {
            Item::Value(Value::Str(text)) => Some(super::item::characters(text)),
            item => item.each(),
        };
        let items = items.unwrap_or_default();
        let found = if last { items.last() } else { items.first() };
        found.cloned().unwrap_or(NIL)
    }

    fn indexed(&mut self, item: &Item, index: &Item) -> Item {
        match index.scalar() {
            Some(Value::Str(name)) => match item {
                Item::Part(part) => context::member(self.cx.host, *part, &name),
                item => item.member(&name).unwrap_or(NIL),
            },
            Some(value) => value
                .as_i64()
                .and_then(|n| usize::try_from(n).ok())
                .and_then(|n| item.nth(n))
                .unwrap_or(NIL),
            None => NIL,
        }
    }

    /// An element that says it is nil is nil, or empty.
    pub(super) fn seen(&self, item: Item) -> Item {
        let Item::Xml(node) = &item else {
            return item;
        };
        let nil = node.attributes().iter().any(|a| {
            a.name()
                .is_some_and(|n| &*n.namespace == XSI && &*n.local == "nil")
                && matches!(&*a.inner_text(), "true" | "1")
        });
        match (nil, self.binding.nil_is_null) {
            (false, _) => item,
            (true, true) => NIL,
            (true, false) => Item::text(""),
        }
    }

    /// The body of the bound message; nil when there is none, or none that is JSON or XML.
    fn read_body(&mut self) -> Result<Item, Throw> {
        let Some(format) = self.binding.format else {
            return Ok(NIL);
        };
        let bytes = match self.cx.host.body(self.binding.message, true) {
            Ok(bytes) => bytes,
            Err(BodyError::Missing) => return Ok(NIL),
            Err(BodyError::Consumed) => {
                return Err(throw(
                    "InvalidOperationException",
                    "The message body was read before without preserveContent: true.",
                ));
            }
        };
        if bytes.is_empty() {
            return Ok(NIL);
        }
        // A tree that an expression made of the same bytes will do.
        let usual = format == Format::Json
            && self.binding.parse_date
            && self
                .binding
                .charset
                .is_none_or(|c| c.eq_ignore_ascii_case("utf-8"));
        if usual && let Some(tree) = self.cx.parsed(self.binding.message, &bytes) {
            return Ok(Item::from(Value::Token(tree)));
        }
        self.cx.charge(bytes.len())?;
        self.cx.step(bytes.len() / 256)?;
        let text = decode(&bytes, self.binding.charset).ok_or_else(|| {
            let charset = self.binding.charset.unwrap_or("");
            throw(
                "ArgumentException",
                format!("The body's charset `{charset}` is not known."),
            )
        })?;
        Ok(match format {
            Format::Json => {
                let reading = Reading {
                    dates: self.binding.parse_date,
                    ..Reading::default()
                };
                let tree = json::parsed(self.cx, &text, reading)?;
                if usual {
                    self.cx.keep_parsed(self.binding.message, bytes, &tree);
                }
                Item::from(Value::Token(tree))
            }
            Format::Xml => Item::Xml(xml::parsed(self.cx, &text, false)?),
        })
    }

    /// The items that a loop goes through.
    pub(super) fn items_of(&mut self, item: &Item) -> Result<Option<Vec<Item>>, Throw> {
        if let Item::Xml(node) = item {
            let count = elements(node).count();
            self.cx.charge(count * size_of::<Rc<()>>())?;
            self.cx.step(count / 8)?;
            let all: Vec<_> = elements(node).map(|n| self.seen(Item::Xml(n))).collect();
            return Ok(Some(all));
        }
        item.enumerated(self.cx)
    }
}
