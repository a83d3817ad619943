//! Going through sequences: [`Iter`] yields the items of any value that can be enumerated, [`Query`] is a LINQ query that runs
//! when it is enumerated, each time anew.
//!
//! Used by `foreach`, by every row that takes a sequence, and by the rows of `linq`. What must stay true: an item is
//! produced when it is asked for, not before; every pull counts a step and a level of nesting, so that a chain of queries
//! built in a loop can neither stall a worker nor overflow the stack; a list or dictionary that changes meanwhile ends the
//! enumeration as in .NET.

use super::{Cx, R, Throw, null_reference, throw};
use crate::expr::types::Ty;
use crate::value::collections::drop_later;
use crate::value::token::Kind;
use crate::value::{Dict, List, Object, Str, Value};
use bytes::Bytes;
use smallvec::SmallVec;
use std::any::Any;
use std::collections::HashSet;
use std::rc::Rc;

/// The state of a running query: gives the next item.
pub(crate) type Pull = Box<dyn FnMut(&mut Cx<'_>) -> Result<Option<Value>, Throw>>;

/// Starts a query: called at the first pull.
pub(crate) type Open = fn(&mut Cx<'_>, &Query) -> Result<Pull, Throw>;

/// A query: what it runs on, and how it runs.
pub(crate) struct Query {
    /// `IEnumerable` or `IOrderedEnumerable`.
    pub(crate) class: &'static str,
    /// Type of its items.
    pub(crate) of: Ty,
    /// .NET's name of the iterator class.
    pub(crate) name: &'static str,
    /// Sources, delegates and numbers, as the operator got them.
    pub(crate) args: SmallVec<[Value; 3]>,
    pub(crate) open: Open,
}

/// The name of a query that is known to give nothing.
pub(crate) const EMPTY: &str = "EmptyPartition";

/// The class of what `JToken.Children` gives.
pub(crate) const ENUMERABLE_OF_TOKENS: &str = "JEnumerable";

impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Object for Query {
    fn ty(&self) -> Ty {
        Ty::generic(self.class, vec![self.of.clone()])
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        if self.class == ENUMERABLE_OF_TOKENS {
            return self.ty().full_name();
        }
        let outer = if self.name == EMPTY {
            ""
        } else {
            "Enumerable+"
        };
        format!(
            "System.Linq.{outer}{}`1[{}]",
            self.name,
            self.of.full_name()
        )
    }
    /// A query over nothing is the same object always.
    fn is_single(&self) -> bool {
        self.name == EMPTY
    }
    fn equals(&self, other: &dyn Object) -> bool {
        let other = other.as_any().downcast_ref::<Query>();
        other.is_some_and(|o| {
            std::ptr::eq(self, o) || (self.name == EMPTY && o.name == EMPTY && self.of == o.of)
        })
    }
    fn is_sequence(&self) -> bool {
        true
    }
}

impl Drop for Query {
    fn drop(&mut self) {
        drop_later(self.args.drain(..));
    }
}

impl Query {
    /// An argument of the operator.
    pub(crate) fn arg(&self, i: usize) -> Value {
        self.args.get(i).cloned().unwrap_or_default()
    }

    /// A numeric argument.
    pub(crate) fn int(&self, i: usize) -> i64 {
        self.args.get(i).and_then(Value::as_i64).unwrap_or(0)
    }

    /// Starts to go through a source.
    pub(crate) fn iter(&self, cx: &mut Cx<'_>, i: usize) -> Result<Iter, Throw> {
        Iter::of(cx, self.args.get(i).unwrap_or(&Value::Null))
    }

    /// The query behind a value.
    pub(crate) fn behind(v: &Value) -> Option<&Query> {
        match v {
            Value::Object(o) => o.as_any().downcast_ref::<Query>(),
            _ => None,
        }
    }
}

/// What an enumeration of a dictionary yields.
#[derive(Clone, Debug)]
pub(crate) enum View {
    /// Keys; also the items of a set.
    Keys,
    Values,
    /// Pairs, with the types of key and value.
    Pairs(Ty, Ty),
}

/// A running enumeration.
pub(crate) enum Iter {
    List {
        list: Rc<List>,
        at: usize,
        /// Version at the start; arrays and results have none, they are read as they are.
        version: Option<u32>,
    },
    Dict {
        dict: Rc<Dict>,
        at: usize,
        version: u32,
        view: View,
    },
    Bytes(Bytes, usize),
    /// UTF-16 units: the text, place in bytes, second half of a pair.
    Text(Str, usize, Option<u16>),
    /// Children of a JSON container, and how many it had.
    Token(
        crate::value::Token,
        usize,
        std::vec::IntoIter<crate::value::Token>,
    ),
    Items(std::vec::IntoIter<Value>),
    /// A query that was not asked for an item yet.
    Query(Rc<dyn Object>),
    Pull(Pull),
    Done,
}

pub(crate) fn modified() -> Throw {
    throw(
        "InvalidOperationException",
        "Collection was modified; enumeration operation may not execute.",
    )
}

impl Iter {
    /// `GetEnumerator`; `NullReferenceException` for what cannot be enumerated.
    pub(crate) fn of(cx: &mut Cx<'_>, v: &Value) -> Result<Iter, Throw> {
        Ok(match v {
            Value::List(l) => Iter::list(l),
            Value::Dict(d) => {
                let view = match d.ty() {
                    Ty::Class(n, a) if n.contains("Dictionary") || n.contains("SortedList") => {
                        let of = |i: usize| a.get(i).cloned().unwrap_or(Ty::Object);
                        View::Pairs(of(0), of(1))
                    }
                    _ => View::Keys,
                };
                Iter::dict(d, view)
            }
            Value::Bytes(b) => Iter::Bytes(b.clone(), 0),
            Value::Str(s) => Iter::Text(s.clone(), 0, None),
            Value::Token(t) => match t.kind() {
                Kind::Scalar(_) => Iter::Done,
                _ => Iter::Token(t.clone(), t.len(), t.children().into_iter()),
            },
            Value::Host(_) => {
                let items = crate::expr::table::dictionaries::entries(cx, v)?;
                cx.charge(items.len().saturating_mul(size_of::<Value>()))?;
                Iter::Items(items.into_iter())
            }
            Value::Object(o) if o.as_any().is::<Query>() => Iter::Query(o.clone()),
            Value::Object(o) => match o.enumerated() {
                Some(inner) => return Iter::of(cx, &inner),
                None => match crate::expr::table::dictionaries::view(o) {
                    Some((dict, view)) => Iter::dict(dict, view),
                    None => {
                        let items = o.items().ok_or_else(null_reference)?;
                        cx.charge(items.len().saturating_mul(size_of::<Value>()))?;
                        Iter::Items(items.into_iter())
                    }
                },
            },
            _ => return Err(null_reference()),
        })
    }

    fn list(l: &Rc<List>) -> Iter {
        Iter::List {
            list: l.clone(),
            at: 0,
            version: l.ty().as_array().is_none().then(|| l.version()),
        }
    }

    fn dict(d: &Rc<Dict>, view: View) -> Iter {
        Iter::Dict {
            dict: d.clone(),
            at: 0,
            version: d.version(),
            view,
        }
    }

    /// `MoveNext` and `Current`. After the end, or a fault, there is nothing more.
    pub(crate) fn next(&mut self, cx: &mut Cx<'_>) -> Result<Option<Value>, Throw> {
        cx.step(1)?;
        cx.breathe()?;
        match self {
            Iter::List { list, at, version } => {
                if version.is_some_and(|v| v != list.version()) {
                    return Err(modified());
                }
                let item = list.items().get(*at).cloned();
                *at += 1;
                Ok(item)
            }
            Iter::Items(items) => Ok(items.next()),
            Iter::Query(_) | Iter::Pull(_) => self.pull(cx),
            Iter::Done => Ok(None),
            _ => self.other(),
        }
    }

    /// The next item of what is neither a list nor a query.
    fn other(&mut self) -> Result<Option<Value>, Throw> {
        match self {
            Iter::Dict {
                dict,
                at,
                version,
                view,
            } => {
                if *version != dict.version() {
                    return Err(modified());
                }
                let Some((place, k, v)) = dict.entry_from(*at) else {
                    return Ok(None);
                };
                *at = place + 1;
                Ok(Some(match view {
                    View::Keys => k,
                    View::Values => v,
                    View::Pairs(kt, vt) => {
                        crate::expr::table::dictionaries::pair_of(kt.clone(), vt.clone(), k, v)?
                    }
                }))
            }
            Iter::Bytes(b, at) => {
                let item = b.get(*at).copied().map(Value::Byte);
                *at += 1;
                Ok(item)
            }
            Iter::Text(s, at, half) => {
                if let Some(low) = half.take() {
                    return Ok(Some(Value::Char(low)));
                }
                let Some(c) = s.get(*at..).and_then(|rest| rest.chars().next()) else {
                    return Ok(None);
                };
                *at += c.len_utf8();
                let mut units = [0; 2];
                let units = c.encode_utf16(&mut units);
                *half = units.get(1).copied();
                Ok(Some(Value::Char(units[0])))
            }
            Iter::Token(t, len, children) => {
                if t.len() != *len {
                    return Err(modified());
                }
                Ok(children.next().map(Value::Token))
            }
            _ => Ok(None),
        }
    }

    #[inline(never)]
    fn pull(&mut self, cx: &mut Cx<'_>) -> Result<Option<Value>, Throw> {
        cx.enter()?;
        if let Iter::Query(o) = self
            && let Some(q) = o.as_any().downcast_ref::<Query>()
        {
            let opened = (q.open)(cx, q);
            *self = match opened {
                Ok(pull) => Iter::Pull(pull),
                Err(e) => {
                    cx.depth -= 1;
                    *self = Iter::Done;
                    return Err(e);
                }
            };
        }
        let item = match self {
            Iter::Pull(f) => f(cx),
            _ => Ok(None),
        };
        cx.depth -= 1;
        if !matches!(item, Ok(Some(_))) {
            *self = Iter::Done;
        }
        item
    }

    /// All that is left, counted.
    pub(crate) fn rest(&mut self, cx: &mut Cx<'_>) -> Result<Vec<Value>, Throw> {
        let mut out = Vec::new();
        while let Some(v) = self.next(cx)? {
            cx.charge(size_of::<Value>())?;
            out.push(v);
        }
        Ok(out)
    }
}

/// How many items a value has, when it can tell without going through them (`ICollection`).
pub(crate) fn known_count(v: &Value) -> Option<usize> {
    match v {
        Value::List(l) => Some(l.items().len()),
        Value::Dict(d) => Some(d.len()),
        Value::Bytes(b) => Some(b.len()),
        Value::Object(o) => match o.enumerated() {
            Some(inner) => known_count(&inner),
            None => match o.as_any().downcast_ref::<Query>() {
                Some(q) if q.name == EMPTY => Some(0),
                // `Range` and `Repeat` were told how many.
                Some(q) if matches!(q.name, "RangeIterator" | "RepeatIterator") => {
                    usize::try_from(q.int(1)).ok()
                }
                _ => crate::expr::table::dictionaries::view(o).map(|(d, _)| d.len()),
            },
        },
        _ => None,
    }
}

/// Deepest nest of sequences in a result that is looked at.
const NEST: usize = 64;

/// A result that leaves the expression: queries in it are run, so that it no longer depends on this evaluation.
pub(crate) fn settled(cx: &mut Cx<'_>, v: Value) -> R {
    match &v {
        Value::List(_) | Value::Dict(_) | Value::Object(_) => settle(cx, v, 0, &mut HashSet::new()),
        _ => Ok(v),
    }
}

/// As [`settled`]; what was seen is settled already, or is being.
fn settle(cx: &mut Cx<'_>, v: Value, depth: usize, seen: &mut HashSet<usize>) -> R {
    fn nests(v: &Value) -> bool {
        matches!(v, Value::List(_) | Value::Dict(_)) || Query::behind(v).is_some()
    }
    if depth > NEST {
        return Ok(v);
    }
    match &v {
        Value::List(l) if l.items().iter().any(nests) => {
            if !seen.insert(Rc::as_ptr(l).addr()) {
                return Ok(v);
            }
            let n = l.items().len();
            for i in 0..n {
                let Some(item) = l.items().get(i).filter(|v| nests(v)).cloned() else {
                    continue;
                };
                cx.step(1)?;
                let now = settle(cx, item, depth + 1, seen)?;
                let old = l
                    .items_mut()
                    .get_mut(i)
                    .map(|place| std::mem::replace(place, now));
                drop(old);
            }
        }
        Value::Dict(d) => {
            if !seen.insert(Rc::as_ptr(d).addr()) {
                return Ok(v);
            }
            for (key, value) in d.entries() {
                if nests(&value) {
                    cx.step(1)?;
                    let now = settle(cx, value, depth + 1, seen)?;
                    drop(d.insert(key, now));
                }
            }
        }
        v if Query::behind(v).is_some() => {
            let ty = v.ty();
            let items = Iter::of(cx, v)?.rest(cx)?;
            let made = cx.list(ty, items)?;
            return settle(cx, made, depth + 1, seen);
        }
        _ => {}
    }
    Ok(v)
}
