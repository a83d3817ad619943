//! Rows of what a search finds: `Match`, `Group`, `Capture` and their collections.

use super::super::collections::{span, store};
use super::program::{Found, Joined, Subject};
use super::replace::Replacement;
use super::{Row, Type, m, null, ty};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::{List, Object, Value};
use std::any::Any;
use std::ops::Range;
use std::rc::Rc;

/// `Match`, `Group` or `Capture`: part of what a match found.
#[derive(Clone, Debug)]
pub(super) struct Part {
    class: &'static str,
    /// `None`: nothing was found.
    found: Option<Rc<Found>>,
    /// Index among the groups.
    group: usize,
    /// Which capture of the group; its last unless said.
    capture: Option<usize>,
}

thread_local! {
    /// `Match.Empty`, which every search without a match gives.
    static EMPTY: Value = Part::value("Match", None, 0);
}

impl Part {
    fn value(class: &'static str, found: Option<Rc<Found>>, group: usize) -> Value {
        Value::Object(Rc::new(Part {
            class,
            found,
            group,
            capture: None,
        }))
    }

    /// A `Match`; without anything found it is one that failed.
    pub(super) fn of_match(found: Option<Rc<Found>>) -> Value {
        if found.is_none() {
            return EMPTY.with(Clone::clone);
        }
        Part::value("Match", found, 0)
    }

    /// Where it is, with the text.
    fn span(&self) -> Option<(&Subject, Range<usize>)> {
        let found = self.found.as_ref()?;
        let captures = found.groups.get(self.group)?;
        let (start, length) = match self.capture {
            Some(i) => captures.get(i)?,
            None => captures.last()?,
        };
        Some((&found.subject, *start..start + length))
    }

    fn read(&self) -> String {
        self.span()
            .map(|(subject, span)| subject.part(span))
            .unwrap_or_default()
    }
}

impl Object for Part {
    fn ty(&self) -> Ty {
        Ty::class(self.class)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        self.read()
    }
    fn hash_text(&self) -> Option<String> {
        Some(self.text())
    }
    fn equals(&self, other: &dyn Object) -> bool {
        // Made anew each time they are asked for; the same part is the same object in .NET.
        let same = |a: &Option<Rc<Found>>, b: &Option<Rc<Found>>| match (a, b) {
            (Some(a), Some(b)) => Rc::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        other.as_any().downcast_ref::<Part>().is_some_and(|o| {
            o.class == self.class
                && o.group == self.group
                && o.capture == self.capture
                && same(&self.found, &o.found)
        })
    }
}

/// `GroupCollection`.
#[derive(Debug)]
struct Groups(Option<Rc<Found>>);

impl Groups {
    fn get(&self, index: Option<usize>) -> Value {
        match (&self.0, index) {
            // The whole match is a `Match` among the groups.
            (found, Some(0)) => Part::of_match(found.clone()),
            (Some(f), Some(i)) => Part::value("Group", Some(f.clone()), i),
            _ => Part::value("Group", None, 0),
        }
    }

    fn len(&self) -> usize {
        self.0.as_ref().map_or(1, |f| f.groups.len())
    }

    fn by_number(&self, number: i64) -> Option<usize> {
        match (&self.0, usize::try_from(number)) {
            (Some(f), Ok(n)) => f.program.groups.by_number(n),
            (None, Ok(0)) => Some(0),
            _ => None,
        }
    }

    fn by_name(&self, name: &str) -> Option<usize> {
        match &self.0 {
            Some(f) => f.program.groups.by_name(name),
            None => (name == "0").then_some(0),
        }
    }
}

impl Object for Groups {
    fn ty(&self) -> Ty {
        Ty::class("GroupCollection")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn items(&self) -> Option<Vec<Value>> {
        // By number, as .NET does: where a number is left out, so is the last group.
        let numbers = 0..self.len() as i64;
        Some(numbers.map(|n| self.get(self.by_number(n))).collect())
    }
}

/// A `MatchCollection` or `CaptureCollection`.
pub(super) fn collection(class: &'static str, items: Vec<Value>) -> Value {
    Value::List(List::new(Ty::class(class), items))
}

fn part<'a>(a: &'a Args<'_>) -> Result<&'a Part, Throw> {
    a.object::<Part>(0)
}

fn int(n: usize) -> R {
    Ok(Value::Int(i32::try_from(n).unwrap_or(i32::MAX)))
}

const CAPTURE: &[Row] = &[
    m("string Value", |cx, a| {
        let s = part(a)?.read();
        cx.text(s)
    }),
    m("int Index", |_, a| {
        int(part(a)?.span().map_or(0, |(_, span)| span.start))
    }),
    m("int Length", |_, a| {
        int(part(a)?.span().map_or(0, |(_, span)| span.len()))
    }),
    m("string ToString()", |cx, a| {
        let s = part(a)?.read();
        cx.text(s)
    }),
];

const GROUP: &[Row] = &[
    m("bool Success", |_, a| {
        Ok(Value::Bool(part(a)?.span().is_some()))
    }),
    m("string Name", |_, a| {
        let p = part(a)?;
        let names = p.found.as_ref().map(|f| &f.program.groups.names);
        let name = names.and_then(|n| n.get(p.group)).map(String::as_str);
        let none = if p.class == "Match" { "0" } else { "" };
        Ok(Value::from(name.unwrap_or(none)))
    }),
    m("CaptureCollection Captures", |cx, a| {
        let p = part(a)?;
        let captures = p.found.as_ref().and_then(|f| f.groups.get(p.group));
        let n = captures.map_or(0, |c| c.len());
        cx.step(n / 4)?;
        cx.charge(n * (size_of::<Part>() + size_of::<Value>()))?;
        let items = (0..n)
            .map(|i| {
                // The last is the group itself.
                let last = i + 1 == n;
                Value::Object(Rc::new(Part {
                    class: if last { p.class } else { "Capture" },
                    found: p.found.clone(),
                    group: p.group,
                    capture: (!last).then_some(i),
                }))
            })
            .collect();
        Ok(collection("CaptureCollection", items))
    }),
    m("static Group Synchronized(Group inner)", |_, a| {
        same_or_null(a)
    }),
];

/// `Synchronized`: values here stay on one thread.
fn same_or_null(a: &Args<'_>) -> R {
    if a.is_null(0) {
        return Err(null("inner"));
    }
    Ok(a.get(0))
}

const MATCH: &[Row] = &[
    m("static Match Empty", |_, _| Ok(Part::of_match(None))),
    m("GroupCollection Groups", |_, a| {
        Ok(Value::Object(Rc::new(Groups(part(a)?.found.clone()))))
    }),
    m("Match NextMatch()", |cx, a| {
        let next = match part(a)?.found.clone() {
            Some(f) => f.program.find_next(cx, &f)?,
            None => None,
        };
        Ok(Part::of_match(next))
    }),
    m("string Result(string replacement)", |cx, a| {
        let replacement = a.str(1).map_err(|_| null("replacement"))?;
        let Some(f) = part(a)?.found.clone() else {
            return Err(throw(
                "NotSupportedException",
                "Result cannot be called on a failed Match.",
            ));
        };
        let mut out = Joined::default();
        Replacement::read(&replacement, &f.program)?.expand(cx, &f, &mut out)?;
        cx.text(out.finish())
    }),
    m("static Match Synchronized(Match inner)", |_, a| {
        same_or_null(a)
    }),
];

fn groups<'a>(a: &'a Args<'_>) -> Result<&'a Groups, Throw> {
    a.object::<Groups>(0)
}

fn group_name(a: &Args<'_>, i: usize, parameter: &str) -> Result<Option<usize>, Throw> {
    let name = a.text(i).map_err(|_| null(parameter))?;
    Ok(groups(a)?.by_name(name))
}

/// `CopyTo(Array)` of groups and captures: each is put at its place, as far as there is one.
fn put(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let array = span::list(a, 1, "array")?;
    for (i, item) in a.items(cx, 0)?.into_iter().enumerate() {
        store::set(&array, a.int(2).saturating_add(i as i64), item)?;
    }
    Ok(Value::Null)
}

/// `CopyTo` of groups and captures into an array of theirs: there must be room for all.
fn copy(cx: &mut Cx<'_>, a: &Args<'_>, of: &'static str) -> R {
    let array = span::list(a, 1, "array")?;
    let items = a.items(cx, 0)?;
    let room = array.items().len();
    let Some(at) = usize::try_from(a.int(2)).ok().filter(|at| *at <= room) else {
        return Err(throw(
            "ArgumentOutOfRangeException",
            "Specified argument was out of the range of valid values. (Parameter 'arrayIndex')",
        ));
    };
    if room - at < items.len() {
        return Err(throw(
            "ArgumentException",
            "Destination array is not long enough to copy all the items in the collection. Check array index and length.",
        ));
    }
    store::copy(&Ty::class(of), items, &array, at)
}

/// `CopyTo` of matches, which .NET keeps in a list.
fn copy_matches(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let items = a.items(cx, 0)?;
    let array = span::list(a, 1, "array")?;
    let at = span::size(a, 2, "destinationIndex")?;
    if at.saturating_add(items.len()) > array.items().len() {
        return Err(throw(
            "ArgumentException",
            "Destination array was not long enough. Check the destination index, length, and the array's lower bounds. (Parameter 'destinationArray')",
        ));
    }
    store::copy(&Ty::class("Match"), items, &array, at).map_err(|t| match t {
        Throw::Exception(e) if e.class == "ArrayTypeMismatchException" => throw(
            "ArgumentException",
            "Target array type is not compatible with the type of items in the collection.",
        ),
        t => t,
    })
}

const GROUPS: &[Row] = &[
    m("int Count", |_, a| int(groups(a)?.len())),
    m("bool IsReadOnly", |_, _| Ok(Value::Bool(true))),
    m("bool IsSynchronized", |_, _| Ok(Value::Bool(false))),
    m("Group this[int groupnum]", |_, a| {
        let groups = groups(a)?;
        Ok(groups.get(groups.by_number(a.int(1))))
    }),
    m("Group this[string groupname]", |_, a| {
        // The groups of no match look at no name.
        if groups(a)?.0.is_none() {
            return Ok(groups(a)?.get(None));
        }
        let index = group_name(a, 1, "groupname")?;
        Ok(groups(a)?.get(index))
    }),
    m("bool ContainsKey(string key)", |_, a| {
        Ok(Value::Bool(group_name(a, 1, "key")?.is_some()))
    }),
    m("bool TryGetValue(string key, out Group value)", |_, a| {
        let index = group_name(a, 1, "key")?;
        let found = index
            .map(|i| groups(a).map(|g| g.get(Some(i))))
            .transpose()?;
        let there = found.is_some();
        a.values[2] = found.unwrap_or_default();
        Ok(Value::Bool(there))
    }),
    m("IEnumerable<string> Keys", |cx, a| {
        let names = match &groups(a)?.0 {
            Some(f) => f
                .program
                .groups
                .names
                .iter()
                .map(|n| Value::from(&**n))
                .collect(),
            None => vec![Value::from("0")],
        };
        cx.sequence(Ty::String, names)
    }),
    m("IEnumerable<Group> Values", |cx, a| {
        let items = groups(a)?.items().unwrap_or_default();
        cx.sequence(Ty::class("Group"), items)
    }),
    m("void CopyTo(Array array, int arrayIndex)", |cx, a| {
        put(cx, a)
    }),
    m("void CopyTo(Group[] array, int arrayIndex)", |cx, a| {
        copy(cx, a, "Group")
    }),
];

fn item(a: &Args<'_>) -> R {
    let list = a.list(0)?;
    let found = usize::try_from(a.int(1))
        .ok()
        .and_then(|i| list.items().get(i).cloned());
    let outside = "Specified argument was out of the range of valid values. (Parameter 'i')";
    found.ok_or_else(|| throw("ArgumentOutOfRangeException", outside))
}

macro_rules! collection_rows {
    ($item:literal, $($row:expr),*) => {
        &[
            $($row,)*
            m("int Count", |_, a| int(a.list(0)?.items().len())),
            m("bool IsReadOnly", |_, _| Ok(Value::Bool(true))),
            m("bool IsSynchronized", |_, _| Ok(Value::Bool(false))),
            m(concat!($item, " this[int i]"), |_, a| item(a)),
        ]
    };
}

pub(in crate::expr::table) const TYPES: &[Type] = &[
    ty("class System.Text.RegularExpressions.Capture", CAPTURE),
    ty(
        "class System.Text.RegularExpressions.Group : Capture",
        GROUP,
    ),
    ty("class System.Text.RegularExpressions.Match : Group", MATCH),
    ty(
        "class System.Text.RegularExpressions.GroupCollection : IEnumerable<Group>",
        GROUPS,
    ),
    ty(
        "class System.Text.RegularExpressions.MatchCollection : IEnumerable<Match>",
        collection_rows!(
            "Match",
            m("void CopyTo(Array array, int arrayIndex)", |cx, a| {
                copy_matches(cx, a)
            })
        ),
    ),
    ty(
        "class System.Text.RegularExpressions.CaptureCollection : IEnumerable<Capture>",
        collection_rows!(
            "Capture",
            m("void CopyTo(Array array, int arrayIndex)", |cx, a| put(
                cx, a
            )),
            m("void CopyTo(Capture[] array, int arrayIndex)", |cx, a| {
                copy(cx, a, "Capture")
            })
        ),
    ),
];
