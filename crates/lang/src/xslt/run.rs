//! Runs a compiled stylesheet.
//!
//! What is to be done stands on a stack of its own and not on the thread's, so that templates may call each other deeply
//! and one that does so for ever ends with a failure. What must stay true: every instruction counts as a step and may
//! pause; how many tasks wait is bounded.

mod copy;
mod sort;

use super::ir::{Block, Given, Instruction, LiteralElement, Mode};
use super::marks::in_scope;
use super::number;
use super::output::{Method, Output};
use super::pattern;
use super::result::Builder;
use super::serialize::Serializer;
use super::state::{Frame, State};
use crate::expr::eval::{Cx, Throw, throw};
use crate::expr::table::xml::xpath::{Context, Found, SET_NEEDED, fault};
use crate::value::Str;
use crate::value::xml::{Kind, Name, Node};
use std::rc::Rc;

/// Most tasks that wait at the same time: templates that call each other deeper are taken to never end.
const MAX_TASKS: usize = 20_000;
/// Most messages that are kept, and the longest.
const MAX_MESSAGES: usize = 100;
const MAX_MESSAGE: usize = 4096;

/// The node at hand, and the mode of the template.
#[derive(Clone, Debug)]
pub(super) struct Focus {
    pub(super) at: Context,
    pub(super) mode: usize,
}

/// Something to be done.
pub(super) enum Task<'s> {
    /// The rest of a block.
    Block {
        code: &'s [Instruction],
        focus: Focus,
        frame: Rc<Frame>,
    },
    /// A body for each node.
    Each {
        nodes: Rc<[Rc<Node>]>,
        next: usize,
        body: &'s Block,
        mode: usize,
        frame: Rc<Frame>,
    },
    /// The rule of each node.
    Apply {
        nodes: Rc<[Rc<Node>]>,
        next: usize,
        mode: usize,
        passed: Vec<(Name, Found)>,
    },
    /// The attributes of a literal element, after those of its sets.
    Attributes {
        of: &'s LiteralElement,
        focus: Focus,
        frame: Rc<Frame>,
    },
    /// An element ends.
    End,
    /// What was made becomes the value of a variable.
    Bind {
        place: usize,
        frame: Rc<Frame>,
    },
    /// The text that was made becomes an attribute.
    Attribute {
        prefix: Str,
        name: Name,
    },
    Comment,
    ProcessingInstruction(String),
    Message {
        terminate: bool,
    },
}

impl<'s> Task<'s> {
    pub(super) fn block(code: &'s [Instruction], focus: Focus, frame: Rc<Frame>) -> Task<'s> {
        Task::Block { code, focus, frame }
    }
}

fn refused(message: impl Into<Str>) -> Throw {
    throw("XsltException", message)
}

impl<'s> State<'s> {
    /// Transforms the source; the result is the tree that is made.
    pub(super) fn transform(&mut self, cx: &mut Cx<'_>) -> Result<Rc<Node>, Throw> {
        let nodes = Rc::from([self.source.clone()]);
        self.tasks.push(Task::Apply {
            nodes,
            next: 0,
            mode: 0,
            passed: Vec::new(),
        });
        self.run(cx, 0)?;
        match self.outputs.pop() {
            Some(builder) => builder.finish(cx, &mut self.marks),
            None => Ok(Node::document()),
        }
    }

    /// Works until no more than `base` tasks are left.
    pub(super) fn run(&mut self, cx: &mut Cx<'_>, base: usize) -> Result<(), Throw> {
        while self.tasks.len() > base {
            cx.step(1)?;
            cx.breathe()?;
            if self.tasks.len() > MAX_TASKS {
                return Err(Throw::bound(
                    "System.InsufficientExecutionStackException",
                    "The templates call each other too deeply; the stylesheet may be in an infinite recursion.",
                ));
            }
            let Some(task) = self.tasks.pop() else { break };
            self.task(cx, task)?;
        }
        Ok(())
    }

    fn task(&mut self, cx: &mut Cx<'_>, task: Task<'s>) -> Result<(), Throw> {
        match task {
            Task::Block { code, focus, frame } => self.block(cx, code, focus, frame),
            Task::Each {
                nodes,
                next,
                body,
                mode,
                frame,
            } => {
                let Some(node) = nodes.get(next) else {
                    return Ok(());
                };
                let at = Context {
                    node: node.clone(),
                    position: next + 1,
                    size: nodes.len(),
                };
                if next + 1 < nodes.len() {
                    self.tasks.push(Task::Each {
                        nodes,
                        next: next + 1,
                        body,
                        mode,
                        frame: frame.clone(),
                    });
                }
                self.tasks
                    .push(Task::block(body, Focus { at, mode }, frame));
                Ok(())
            }
            Task::Apply {
                nodes,
                next,
                mode,
                passed,
            } => {
                let Some(node) = nodes.get(next) else {
                    return Ok(());
                };
                let at = Context {
                    node: node.clone(),
                    position: next + 1,
                    size: nodes.len(),
                };
                if next + 1 < nodes.len() {
                    cx.charge(passed.len() * 64)?;
                    self.tasks.push(Task::Apply {
                        nodes,
                        next: next + 1,
                        mode,
                        passed: passed.clone(),
                    });
                }
                self.apply(cx, at, mode, passed)
            }
            Task::Attributes { of, focus, frame } => {
                self.frame = frame;
                self.literal_attributes(cx, of, &focus)
            }
            Task::End => {
                let State { outputs, marks, .. } = self;
                match outputs.last_mut() {
                    Some(output) => output.end(cx, marks),
                    None => Ok(()),
                }
            }
            Task::Bind { place, frame } => {
                let value = self.fragment(cx)?;
                frame.set(place, value);
                Ok(())
            }
            Task::Attribute { prefix, name } => {
                let value = self.flat();
                self.output().attribute(&prefix, &name, value)
            }
            Task::Comment => {
                let text = self.flat();
                self.write(cx, |o, cx, marks| o.comment(cx, marks, &text))
            }
            Task::ProcessingInstruction(target) => {
                let data = self.flat();
                self.write(cx, |o, cx, marks| o.instruction(cx, marks, &target, &data))
            }
            Task::Message { terminate } => {
                let mut text = match self.fragment(cx)? {
                    Found::Fragment(root) => self.markup(cx, &root)?,
                    other => other.text(),
                };
                if text.len() > MAX_MESSAGE {
                    text.truncate(text.floor_char_boundary(MAX_MESSAGE));
                }
                if terminate {
                    return Err(refused(format!("Transform terminated: '{text}'.")));
                }
                if self.messages.len() < MAX_MESSAGES {
                    self.messages.push(text);
                }
                Ok(())
            }
        }
    }

    /// A fragment as XML.
    fn markup(&mut self, cx: &mut Cx<'_>, root: &Rc<Node>) -> Result<String, Throw> {
        let output = Output {
            method: Some(Method::Xml),
            omit_declaration: Some(true),
            ..Output::default()
        };
        Serializer::new(&output, &self.marks, "utf-8", u32::MAX).write(cx, root)
    }

    /// What is being made now. There is always something: the result.
    fn output(&mut self) -> &mut Builder {
        if self.outputs.is_empty() {
            self.outputs.push(Builder::tree());
        }
        let last = self.outputs.len() - 1;
        &mut self.outputs[last]
    }

    fn write(
        &mut self,
        cx: &mut Cx<'_>,
        write: impl FnOnce(&mut Builder, &mut Cx<'_>, &mut super::marks::Marks) -> Result<(), Throw>,
    ) -> Result<(), Throw> {
        let State { outputs, marks, .. } = self;
        match outputs.last_mut() {
            Some(output) => write(output, cx, marks),
            None => Ok(()),
        }
    }

    /// The text that was made for something that takes text alone.
    fn flat(&mut self) -> String {
        let text = self.outputs.pop().map(Builder::into_text);
        text.unwrap_or_default()
    }

    /// Runs what is left of a block, up to the first instruction that has something done first.
    fn block(
        &mut self,
        cx: &mut Cx<'_>,
        mut code: &'s [Instruction],
        focus: Focus,
        frame: Rc<Frame>,
    ) -> Result<(), Throw> {
        while let [first, rest @ ..] = code {
            cx.step(1)?;
            code = rest;
            self.frame = frame.clone();
            self.current = focus.at.node.clone();
            let waiting = self.tasks.len();
            if !rest.is_empty() && !is_leaf(first) {
                self.tasks
                    .push(Task::block(rest, focus.clone(), frame.clone()));
                return self.instruction(cx, first, &focus, &frame);
            }
            self.instruction(cx, first, &focus, &frame)?;
            if self.tasks.len() > waiting {
                return Ok(());
            }
        }
        Ok(())
    }

    fn instruction(
        &mut self,
        cx: &mut Cx<'_>,
        instruction: &'s Instruction,
        focus: &Focus,
        frame: &Rc<Frame>,
    ) -> Result<(), Throw> {
        let at = &focus.at;
        match instruction {
            Instruction::Text { text, raw } => {
                self.write(cx, |o, cx, marks| o.text(cx, marks, text, *raw))
            }
            Instruction::ValueOf { select, raw } => {
                let text = self.eval(cx, select, at)?.text();
                self.write(cx, |o, cx, marks| o.text(cx, marks, &text, *raw))
            }
            Instruction::Choose { when, otherwise } => {
                for (test, body) in when {
                    if self.eval(cx, test, at)?.bool() {
                        self.push_block(body, focus, frame);
                        return Ok(());
                    }
                }
                self.push_block(otherwise, focus, frame);
                Ok(())
            }
            Instruction::ForEach {
                select,
                sorts,
                body,
            } => {
                let nodes = self.nodes(cx, select, at)?;
                let nodes = self.sorted(cx, nodes, sorts, at)?;
                self.tasks.push(Task::Each {
                    nodes: nodes.into(),
                    next: 0,
                    body,
                    mode: focus.mode,
                    frame: frame.clone(),
                });
                Ok(())
            }
            Instruction::ApplyTemplates {
                select,
                mode,
                sorts,
                with,
            } => {
                let nodes = match select {
                    Some(select) => self.nodes(cx, select, at)?,
                    None => at.node.children(),
                };
                let nodes = self.sorted(cx, nodes, sorts, at)?;
                let passed = self.passed(cx, with, at)?;
                self.tasks.push(Task::Apply {
                    nodes: nodes.into(),
                    next: 0,
                    mode: *mode,
                    passed,
                });
                Ok(())
            }
            // There is nothing imported: what is left are the built-in rules.
            Instruction::ApplyImports => self.built_in(cx, &at.node, focus.mode),
            Instruction::CallTemplate { template, with } => {
                let passed = self.passed(cx, with, at)?;
                self.call(cx, *template, focus.clone(), passed)
            }
            Instruction::Variable { place, value } => self.bind(cx, *place, value, focus, frame),
            Instruction::Parameter { name, place, value } => {
                match frame.passed.iter().find(|(n, _)| n == name) {
                    Some((_, passed)) => {
                        frame.set(*place, passed.clone());
                        Ok(())
                    }
                    None => self.bind(cx, *place, value, focus, frame),
                }
            }
            Instruction::Literal(of) => {
                self.write(cx, |o, cx, marks| o.start(cx, marks, &of.prefix, &of.name))?;
                for (prefix, namespace) in &of.namespaces {
                    self.output().namespace(prefix, namespace);
                }
                self.tasks.push(Task::End);
                self.push_block(&of.body, focus, frame);
                if of.sets.is_empty() {
                    return self.literal_attributes(cx, of, focus);
                }
                self.tasks.push(Task::Attributes {
                    of,
                    focus: focus.clone(),
                    frame: frame.clone(),
                });
                self.sets(cx, &of.sets, focus)
            }
            Instruction::Element { named, sets, body } => {
                let written = self.template(cx, &named.name, at)?;
                let namespace = match &named.namespace {
                    Some(namespace) => Some(self.template(cx, namespace, at)?),
                    None => None,
                };
                let (prefix, name) = self.computed(&written, namespace, &named.prefixes, true)?;
                self.write(cx, |o, cx, marks| o.start(cx, marks, &prefix, &name))?;
                self.tasks.push(Task::End);
                self.push_block(body, focus, frame);
                self.sets(cx, sets, focus)
            }
            Instruction::Attribute { named, body } => {
                let written = self.template(cx, &named.name, at)?;
                let namespace = match &named.namespace {
                    Some(namespace) => Some(self.template(cx, namespace, at)?),
                    None => None,
                };
                if written == "xmlns" && namespace.as_deref().is_none_or(str::is_empty) {
                    return Err(refused(
                        "An attribute with a local name 'xmlns' and a null namespace URI cannot be created.",
                    ));
                }
                let (prefix, name) = self.computed(&written, namespace, &named.prefixes, false)?;
                self.outputs.push(Builder::flat("xsl:attribute"));
                self.tasks.push(Task::Attribute { prefix, name });
                self.push_block(body, focus, frame);
                Ok(())
            }
            Instruction::Comment(body) => {
                self.outputs.push(Builder::flat("xsl:comment"));
                self.tasks.push(Task::Comment);
                self.push_block(body, focus, frame);
                Ok(())
            }
            Instruction::Processing { name, body } => {
                let name = self.template(cx, name, at)?;
                if !crate::value::xml::is_name(&name) || name.eq_ignore_ascii_case("xml") {
                    return Err(refused(format!(
                        "'{name}' is an invalid name for processing instructions."
                    )));
                }
                self.outputs
                    .push(Builder::flat("xsl:processing-instruction"));
                self.tasks.push(Task::ProcessingInstruction(name));
                self.push_block(body, focus, frame);
                Ok(())
            }
            Instruction::Copy { sets, body } => self.copy(cx, sets, body, focus, frame),
            Instruction::CopyOf(select) => {
                let found = self.eval(cx, select, at)?;
                self.copy_of(cx, &found)
            }
            Instruction::Number(numbering) => {
                let numbers = match &numbering.value {
                    Some(value) => vec![self.eval(cx, value, at)?.number()],
                    None => number::count(cx, self, numbering, &at.node)?,
                };
                let format = self.template(cx, &numbering.format, at)?;
                let group = match (&numbering.separator, &numbering.size) {
                    (Some(separator), Some(size)) => {
                        let separator = self.template(cx, separator, at)?;
                        let size = self.template(cx, size, at)?;
                        let size = size.trim().parse::<usize>().unwrap_or(0);
                        Some((separator, size))
                    }
                    _ => None,
                };
                let group = group.as_ref().map(|(s, n)| (s.as_str(), *n));
                let text = number::write(&numbers, &format, group);
                self.write(cx, |o, cx, marks| o.text(cx, marks, &text, false))
            }
            Instruction::UseSet(set) => self.sets(cx, std::slice::from_ref(set), focus),
            Instruction::Message { terminate, body } => {
                self.outputs.push(Builder::tree());
                self.tasks.push(Task::Message {
                    terminate: *terminate,
                });
                self.push_block(body, focus, frame);
                Ok(())
            }
            Instruction::Fail(message) => Err(refused(message.as_str())),
        }
    }

    fn push_block(&mut self, body: &'s Block, focus: &Focus, frame: &Rc<Frame>) {
        if !body.is_empty() {
            self.tasks
                .push(Task::block(body, focus.clone(), frame.clone()));
        }
    }

    fn nodes(
        &mut self,
        cx: &mut Cx<'_>,
        select: &crate::expr::table::xml::xpath::Expr,
        at: &Context,
    ) -> Result<Vec<Rc<Node>>, Throw> {
        match self.eval(cx, select, at)? {
            Found::Nodes(all) => Ok(all),
            _ => Err(fault(SET_NEEDED)),
        }
    }

    fn passed(
        &mut self,
        cx: &mut Cx<'_>,
        with: &'s [(Name, crate::expr::table::xml::xpath::Expr)],
        at: &Context,
    ) -> Result<Vec<(Name, Found)>, Throw> {
        let mut out = Vec::with_capacity(with.len());
        for (name, value) in with {
            let value = self.eval(cx, value, at)?;
            if let Found::Text(text) = &value {
                cx.charge(text.len())?;
            }
            out.push((name.clone(), value));
        }
        Ok(out)
    }

    fn bind(
        &mut self,
        cx: &mut Cx<'_>,
        place: usize,
        value: &'s Given,
        focus: &Focus,
        frame: &Rc<Frame>,
    ) -> Result<(), Throw> {
        match value {
            Given::Empty => frame.set(place, Found::Text(String::new())),
            Given::Select(expr) => {
                let found = self.eval(cx, expr, &focus.at)?;
                if let Found::Text(text) = &found {
                    cx.charge(text.len())?;
                }
                frame.set(place, found);
            }
            Given::Content(body) => {
                self.outputs.push(Builder::tree());
                self.tasks.push(Task::Bind {
                    place,
                    frame: frame.clone(),
                });
                self.push_block(body, focus, frame);
            }
        }
        Ok(())
    }

    fn call(
        &mut self,
        cx: &mut Cx<'_>,
        template: usize,
        focus: Focus,
        passed: Vec<(Name, Found)>,
    ) -> Result<(), Throw> {
        let Some(code) = self.program.templates.get(template) else {
            return Ok(());
        };
        let frame = Frame::new(cx, code.slots, passed)?;
        self.push_block(&code.body, &focus, &frame);
        Ok(())
    }

    /// The attributes of sets, in their order.
    fn sets(&mut self, cx: &mut Cx<'_>, sets: &[usize], focus: &Focus) -> Result<(), Throw> {
        for set in sets.iter().rev() {
            let Some(code) = self.program.sets.get(*set) else {
                continue;
            };
            let frame = Frame::new(cx, code.slots, Vec::new())?;
            self.push_block(&code.body, focus, &frame);
        }
        Ok(())
    }

    fn literal_attributes(
        &mut self,
        cx: &mut Cx<'_>,
        of: &'s LiteralElement,
        focus: &Focus,
    ) -> Result<(), Throw> {
        for (prefix, name, value) in &of.attributes {
            let value = self.template(cx, value, &focus.at)?;
            self.output().attribute(prefix, name, value)?;
        }
        Ok(())
    }

    /// The rule of a node in a mode.
    fn apply(
        &mut self,
        cx: &mut Cx<'_>,
        at: Context,
        mode: usize,
        passed: Vec<(Name, Found)>,
    ) -> Result<(), Throw> {
        let program = self.program;
        self.current = at.node.clone();
        let found = match program.modes.get(mode) {
            Some(rules) => self.rule(cx, rules, &at.node)?,
            None => None,
        };
        match found {
            Some(template) => self.call(cx, template, Focus { at, mode }, passed),
            None => self.built_in(cx, &at.node, mode),
        }
    }

    /// The template of the rule that wins.
    fn rule(
        &mut self,
        cx: &mut Cx<'_>,
        mode: &'s Mode,
        node: &Rc<Node>,
    ) -> Result<Option<usize>, Throw> {
        let named: &[usize] = match pattern::lists(node) {
            Some((false, name)) => mode.elements.get(&name).map_or(&[], Vec::as_slice),
            Some((true, name)) => mode.attributes.get(&name).map_or(&[], Vec::as_slice),
            None => &[],
        };
        let (mut a, mut b) = (named.iter().peekable(), mode.others.iter().peekable());
        loop {
            // Both lists have the rule that wins first, with the lower place.
            let next = match (a.peek(), b.peek()) {
                (Some(x), Some(y)) if x < y => a.next(),
                (_, Some(_)) => b.next(),
                (Some(_), None) => a.next(),
                (None, None) => return Ok(None),
            };
            let Some(rule) = next.and_then(|i| mode.rules.get(*i)) else {
                return Ok(None);
            };
            if rule.pattern.matches(cx, self, node)? {
                return Ok(Some(rule.template));
            }
        }
    }

    fn built_in(&mut self, cx: &mut Cx<'_>, node: &Rc<Node>, mode: usize) -> Result<(), Throw> {
        match &node.kind {
            Kind::Document(_) | Kind::Element { .. } => {
                let nodes = node.children();
                cx.charge(nodes.len() * size_of::<Rc<Node>>())?;
                self.tasks.push(Task::Apply {
                    nodes: nodes.into(),
                    next: 0,
                    mode,
                    passed: Vec::new(),
                });
                Ok(())
            }
            Kind::Text(_) | Kind::CData(_) | Kind::Attribute { .. } => {
                let text = node.inner_text();
                self.write(cx, |o, cx, marks| o.text(cx, marks, &text, false))
            }
            _ => Ok(()),
        }
    }
}

/// Whether an instruction is done when it returns.
fn is_leaf(instruction: &Instruction) -> bool {
    match instruction {
        Instruction::Text { .. }
        | Instruction::ValueOf { .. }
        | Instruction::CopyOf(_)
        | Instruction::Number(_)
        | Instruction::Fail(_) => true,
        Instruction::Variable { value, .. } | Instruction::Parameter { value, .. } => {
            !matches!(value, Given::Content(_))
        }
        _ => false,
    }
}
