//! Definite assignment (C# §9.4): a variable that no initialiser gives a value is read only where it surely has one.
//!
//! Called once for a bound expression, before anything else works on it. The binder marks every read of such a variable
//! (declared without a value, in a pattern, as `out var`) with [`Ir::Unsure`]; this pass follows the flow, reports the reads
//! that come too early and leaves plain reads behind. What must stay true: no mark is left.

use crate::expr::ir::{Code, Ir, IrStmt, Lambda};
use crate::expr::lexer::Fault;
use crate::value::Frozen;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Which marked variables have no value yet; `None` where the flow never comes.
type State = Option<BTreeSet<u32>>;

fn join(a: State, b: State) -> State {
    match (a, b) {
        (Some(mut a), Some(b)) => {
            a.extend(b);
            Some(a)
        }
        (a, None) => a,
        (None, b) => b,
    }
}

/// The pass over one function.
struct Flow<'f> {
    faults: &'f mut Vec<Fault>,
    breaks: Vec<State>,
    continues: Vec<State>,
    /// What reaches a label by `goto`.
    labels: BTreeMap<u32, State>,
    /// For each `switch` around, what reaches its sections.
    sections: Vec<Vec<State>>,
}

/// Reports reads before assignment and takes the marks away.
pub(super) fn check(code: &mut Code, faults: &mut Vec<Fault>) {
    let mut marked = BTreeSet::new();
    code.each(&mut |ir| collect(ir, &mut marked));
    function(code, marked, faults);
}

/// Marked slots of a function, with those that lambdas in it capture.
fn collect(ir: &mut Ir, out: &mut BTreeSet<u32>) {
    match ir {
        Ir::Unsure(slot, _) => {
            out.insert(*slot);
        }
        Ir::Lambda(lambda) => {
            let Some(lambda) = Arc::get_mut(lambda) else {
                return;
            };
            let mut inside = BTreeSet::new();
            lambda.body.each(&mut |ir| collect(ir, &mut inside));
            let captured = lambda
                .captures
                .iter()
                .filter(|(_, own)| inside.contains(own));
            out.extend(captured.map(|(outer, _)| *outer));
        }
        other => other.each_child(&mut |child| collect(child, out)),
    }
}

fn function(code: &mut Code, missing: BTreeSet<u32>, faults: &mut Vec<Fault>) {
    let mut flow = Flow {
        faults,
        breaks: Vec::new(),
        continues: Vec::new(),
        labels: BTreeMap::new(),
        sections: Vec::new(),
    };
    let mut state = Some(missing);
    match code {
        Code::Expr(ir) => flow.expr(ir, &mut state),
        Code::Block(list) => flow.block(list, &mut state),
    }
}

impl Flow<'_> {
    fn expr(&mut self, ir: &mut Ir, state: &mut State) {
        match ir {
            Ir::Unsure(slot, read) => {
                let slot = *slot;
                if state.as_ref().is_some_and(|m| m.contains(&slot)) {
                    self.faults.push(
                        Fault::new(
                            read.1.clone(),
                            format!("use of unassigned local variable `{}`", read.0),
                            "it may have no value here",
                        )
                        .help("give it a value where it is declared, or on every path to here"),
                    );
                    // One report for each variable.
                    if let Some(m) = state {
                        m.remove(&slot);
                    }
                }
                *ir = Ir::Local(slot);
            }
            Ir::SetLocal(slot, value) => {
                let slot = *slot;
                self.expr(value, state);
                if let Some(m) = state {
                    m.remove(&slot);
                }
            }
            Ir::Call(call) => {
                for a in &mut call.args {
                    self.expr(a, state);
                }
                if let Some(m) = state {
                    for (_, slot) in &call.outs {
                        m.remove(slot);
                    }
                }
            }
            Ir::And(_) | Ir::Or(_) | Ir::Not(_) => {
                let (yes, no) = self.condition(ir, state.take());
                *state = join(yes, no);
            }
            Ir::If(test, yes, no) => {
                let (mut a, mut b) = self.condition(test, state.take());
                self.expr(yes, &mut a);
                self.expr(no, &mut b);
                *state = join(a, b);
            }
            Ir::Coalesce(a, b) | Ir::NullConditional(_, a, b) => {
                self.expr(a, state);
                let mut other = state.clone();
                self.expr(b, &mut other);
                *state = join(state.take(), other);
            }
            Ir::Match(arms, otherwise) => {
                let mut rest = state.take();
                let mut end = None;
                for (test, value) in arms {
                    let (mut yes, no) = self.condition(test, rest);
                    self.expr(value, &mut yes);
                    end = join(end, yes);
                    rest = no;
                }
                self.expr(otherwise, &mut rest);
                *state = join(end, rest);
            }
            Ir::Throw(of) => {
                self.expr(of, state);
                *state = None;
            }
            Ir::Lambda(lambda) => self.lambda(lambda, state),
            other => other.each_child(&mut |child| self.expr(child, state)),
        }
    }

    /// The states where a condition holds and where it does not.
    fn condition(&mut self, ir: &mut Ir, mut state: State) -> (State, State) {
        match ir {
            Ir::Const(Frozen::Bool(true)) => (state, None),
            Ir::Const(Frozen::Bool(false)) => (None, state),
            Ir::Not(of) => {
                let (yes, no) = self.condition(of, state);
                (no, yes)
            }
            Ir::And(list) => {
                let mut failed = None;
                for ir in list {
                    let (yes, no) = self.condition(ir, state);
                    failed = join(failed, no);
                    state = yes;
                }
                (state, failed)
            }
            Ir::Or(list) => {
                let mut held = None;
                for ir in list {
                    let (yes, no) = self.condition(ir, state);
                    held = join(held, yes);
                    state = no;
                }
                (held, state)
            }
            Ir::If(test, yes, no) => {
                let (a, b) = self.condition(test, state);
                let (yes, no) = (self.condition(yes, a), self.condition(no, b));
                (join(yes.0, no.0), join(yes.1, no.1))
            }
            Ir::Let(list, body) => {
                for (_, ir) in list {
                    self.expr(ir, &mut state);
                }
                self.condition(body, state)
            }
            Ir::Sequence(list) => {
                let Some((last, before)) = list.split_last_mut() else {
                    return (state.clone(), state);
                };
                for ir in before {
                    self.expr(ir, &mut state);
                }
                self.condition(last, state)
            }
            other => {
                self.expr(other, &mut state);
                (state.clone(), state)
            }
        }
    }

    /// A captured variable has a value in the lambda when it has one where the lambda is made. A local function is made
    /// before its block runs, so what it captures is taken to have one.
    fn lambda(&mut self, lambda: &mut Arc<Lambda>, state: &State) {
        let Some(lambda) = Arc::get_mut(lambda) else {
            return;
        };
        let mut marked = BTreeSet::new();
        lambda.body.each(&mut |ir| collect(ir, &mut marked));
        for (outer, own) in &lambda.captures {
            let missing = state.as_ref().is_some_and(|m| m.contains(outer));
            if !missing || lambda.is_function {
                marked.remove(own);
            }
        }
        function(&mut lambda.body, marked, self.faults);
    }

    fn block(&mut self, list: &mut [IrStmt], state: &mut State) {
        for s in list {
            self.statement(s, state);
        }
    }

    fn statement(&mut self, s: &mut IrStmt, state: &mut State) {
        match s {
            IrStmt::Expr(e) => self.expr(e, state),
            IrStmt::Declare(slot, init) => {
                if let Some(e) = init {
                    self.expr(e, state);
                    if let Some(m) = state {
                        m.remove(slot);
                    }
                }
            }
            IrStmt::Block(list) => self.block(list, state),
            IrStmt::If(branches, otherwise) => {
                let mut rest = state.take();
                let mut end = None;
                for (test, body) in branches {
                    let (mut yes, no) = self.condition(test, rest);
                    self.statement(body, &mut yes);
                    end = join(end, yes);
                    rest = no;
                }
                if let Some(s) = otherwise {
                    self.statement(s, &mut rest);
                }
                *state = join(end, rest);
            }
            IrStmt::Loop {
                test,
                after,
                step,
                body,
            } => self.looped(test.as_mut(), *after, step, body, state),
            IrStmt::Foreach {
                convert, of, body, ..
            } => {
                self.expr(of, state);
                let mut inside = state.clone();
                if let Some(c) = convert {
                    self.expr(c, &mut inside);
                }
                self.breaks.push(None);
                self.continues.push(None);
                self.statement(body, &mut inside);
                self.breaks.pop();
                self.continues.pop();
            }
            IrStmt::Switch {
                of,
                tests,
                default,
                sections,
                ..
            } => {
                self.expr(of, state);
                let mut entries: Vec<State> = sections.iter().map(|_| None).collect();
                let mut rest = state.take();
                for (test, section) in tests {
                    let (yes, no) = self.condition(test, rest);
                    if let Some(entry) = entries.get_mut(*section) {
                        *entry = join(entry.take(), yes);
                    }
                    rest = no;
                }
                let mut end = None;
                match default.and_then(|i| entries.get_mut(i)) {
                    Some(entry) => *entry = join(entry.take(), rest),
                    None => end = rest,
                }
                self.sections.push(entries);
                self.breaks.push(None);
                for (i, list) in sections.iter_mut().enumerate() {
                    let place = self.sections.last_mut().and_then(|e| e.get_mut(i));
                    let mut inside = place.and_then(Option::take);
                    self.block(list, &mut inside);
                }
                self.sections.pop();
                *state = join(end, self.breaks.pop().flatten());
            }
            IrStmt::Break => leave(&mut self.breaks, state),
            IrStmt::Continue => leave(&mut self.continues, state),
            IrStmt::Label(label) => {
                *state = join(state.take(), self.labels.remove(label).flatten());
            }
            IrStmt::Goto(label) => {
                let there = self.labels.remove(label).flatten();
                self.labels.insert(*label, join(there, state.take()));
            }
            IrStmt::GotoCase(section) => {
                let now = state.take();
                let entries = self.sections.last_mut();
                if let Some(entry) = entries.and_then(|e| e.get_mut(*section)) {
                    *entry = join(entry.take(), now);
                }
            }
            IrStmt::Return(value) => {
                if let Some(e) = value {
                    self.expr(e, state);
                }
                *state = None;
            }
            IrStmt::Throw(e) => {
                self.expr(e, state);
                *state = None;
            }
            IrStmt::Rethrow => *state = None,
            IrStmt::Try {
                body,
                catches,
                finally,
            } => {
                let before = state.clone();
                self.block(body, state);
                for c in catches {
                    let mut inside = before.clone();
                    if let Some(w) = &mut c.when {
                        inside = self.condition(w, inside).0;
                    }
                    self.block(&mut c.body, &mut inside);
                    *state = join(state.take(), inside);
                }
                if let Some(list) = finally {
                    let mut last = before;
                    self.block(list, &mut last);
                    // What `finally` gives a value has one, however the rest went.
                    *state = match (state.take(), last) {
                        (Some(a), Some(b)) => Some(a.intersection(&b).copied().collect()),
                        _ => None,
                    };
                }
            }
        }
    }

    fn looped(
        &mut self,
        test: Option<&mut Ir>,
        after: bool,
        step: &mut [Ir],
        body: &mut IrStmt,
        state: &mut State,
    ) {
        self.breaks.push(None);
        self.continues.push(None);
        let end = if after {
            self.statement(body, state);
            let again = self.continues.pop().flatten();
            let reached = join(state.take(), again);
            match test {
                Some(t) => self.condition(t, reached).1,
                None => None,
            }
        } else {
            let (mut inside, out) = match test {
                Some(t) => self.condition(t, state.take()),
                None => (state.take(), None),
            };
            self.statement(body, &mut inside);
            let mut again = join(inside, self.continues.pop().flatten());
            for ir in step {
                self.expr(ir, &mut again);
            }
            out
        };
        *state = join(end, self.breaks.pop().flatten());
    }
}

/// `break` and `continue`: the flow goes on elsewhere.
fn leave(to: &mut [State], state: &mut State) {
    let now = state.take();
    if let Some(last) = to.last_mut() {
        *last = join(last.take(), now);
    }
}
