//! What `List<T>` and `Array` share: ranges with .NET's checks, and searching, sorting and copying within them.
//!
//! What must stay true: items are read one by one, because a delegate may change the list meanwhile.

use super::super::linq::sort::{self, Order};
use crate::expr::eval::{Args, Cx, R, Throw, equals, null_argument, throw};
use crate::value::{List, Value};
use std::cmp::Ordering;
use std::rc::Rc;

/// `ArgumentOutOfRangeException` with .NET's words.
pub(in crate::expr::table) fn out_of_range(name: &str, why: &str) -> Throw {
    throw(
        "ArgumentOutOfRangeException",
        format!("{why} (Parameter '{name}')"),
    )
}

pub(super) const NEGATIVE: &str = "Non-negative number required.";
const START: &str = "Index was out of range. Must be non-negative and less than or equal to the size of the collection.";
const PLACE: &str =
    "Index was out of range. Must be non-negative and less than the size of the collection.";
const COUNT: &str =
    "Count must be positive and count must refer to a location within the string/array/collection.";

pub(super) fn too_long() -> Throw {
    throw(
        "ArgumentException",
        "Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.",
    )
}

/// An index or a length that must not be negative.
pub(in crate::expr::table) fn size(a: &Args<'_>, i: usize, name: &str) -> Result<usize, Throw> {
    usize::try_from(a.int(i)).map_err(|_| out_of_range(name, NEGATIVE))
}

/// A capacity to start with: what .NET would allocate for it counts, though nothing is allocated here.
pub(in crate::expr::table) fn capacity(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    i: usize,
) -> Result<usize, Throw> {
    let n = size(a, i, "capacity")?;
    cx.charge(n.saturating_mul(8))?;
    Ok(n)
}

/// The list or array of an argument; what only shows another list stands for that list.
pub(in crate::expr::table) fn list(a: &Args<'_>, i: usize, name: &str) -> Result<Rc<List>, Throw> {
    match a.values.get(i) {
        None | Some(Value::Null) => Err(null_argument(name)),
        Some(Value::List(l)) => Ok(l.clone()),
        Some(Value::Object(o)) => match o.enumerated() {
            Some(Value::List(l)) => Ok(l),
            _ => Err(unchangeable()),
        },
        _ => Err(unchangeable()),
    }
}

pub(super) fn unchangeable() -> Throw {
    throw("NotSupportedException", "Collection is read-only.")
}

/// Items of a list or array, read by index.
pub(super) struct Items(Value);

impl Items {
    pub(super) fn of(cx: &mut Cx<'_>, a: &Args<'_>, i: usize, name: &str) -> Result<Items, Throw> {
        match a.values.get(i) {
            None | Some(Value::Null) => Err(null_argument(name)),
            Some(v @ (Value::List(_) | Value::Bytes(_))) => Ok(Items(v.clone())),
            Some(v) => {
                let items = crate::expr::eval::iterate(cx, v)?;
                let ty = crate::expr::types::Ty::array(crate::expr::types::Ty::Object);
                Ok(Items(Value::List(List::new(ty, items))))
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        match &self.0 {
            Value::List(l) => l.items().len(),
            Value::Bytes(b) => b.len(),
            _ => 0,
        }
    }

    pub(super) fn get(&self, i: usize) -> Option<Value> {
        match &self.0 {
            Value::List(l) => l.items().get(i).cloned(),
            Value::Bytes(b) => b.get(i).copied().map(Value::Byte),
            _ => None,
        }
    }

    /// How often the list was changed; arrays do not tell.
    fn version(&self) -> u32 {
        match &self.0 {
            Value::List(l) if l.ty().as_array().is_none() => l.version(),
            _ => 0,
        }
    }

    /// The first place of those given that the test holds for.
    pub(super) fn find(
        &self,
        cx: &mut Cx<'_>,
        places: impl Iterator<Item = usize>,
        mut test: impl FnMut(&mut Cx<'_>, &Value) -> Result<bool, Throw>,
    ) -> Result<Option<(usize, Value)>, Throw> {
        for i in places {
            cx.step(1)?;
            let Some(item) = self.get(i) else { break };
            if test(cx, &item)? {
                return Ok(Some((i, item)));
            }
        }
        Ok(None)
    }

    /// `ForEach`: a list that changes meanwhile ends it.
    pub(super) fn each(&self, cx: &mut Cx<'_>, f: &Value) -> R {
        let version = self.version();
        for i in 0..self.len() {
            cx.step(1)?;
            let Some(item) = self.get(i) else { break };
            cx.call(f, &[item])?;
            if self.version() != version {
                return Err(throw(
                    "InvalidOperationException",
                    "Collection was modified; enumeration operation may not execute.",
                ));
            }
        }
        Ok(Value::Null)
    }
}

/// Where a search goes: arguments `start` and `count` of the row, if it has them.
pub(super) struct Where {
    pub(super) start: Option<usize>,
    pub(super) count: Option<usize>,
    pub(super) names: (&'static str, &'static str),
}

impl Where {
    pub(super) const ALL: Where = Where {
        start: None,
        count: None,
        names: ("startIndex", "count"),
    };

    pub(super) const fn from(start: usize) -> Where {
        Where {
            start: Some(start),
            count: None,
            names: ("startIndex", "count"),
        }
    }

    pub(super) const fn within(start: usize, count: usize) -> Where {
        Where {
            start: Some(start),
            count: Some(count),
            names: ("startIndex", "count"),
        }
    }

    /// As `List<T>.IndexOf` calls its argument.
    pub(super) const fn index(mut self) -> Where {
        self.names.0 = "index";
        self
    }

    /// Places of a search to the end.
    pub(super) fn forward(
        &self,
        a: &Args<'_>,
        len: usize,
    ) -> Result<std::ops::Range<usize>, Throw> {
        let start = match self.start {
            Some(i) => usize::try_from(a.int(i))
                .ok()
                .filter(|s| *s <= len)
                .ok_or_else(|| out_of_range(self.names.0, START))?,
            None => 0,
        };
        let end = match self.count {
            Some(i) => usize::try_from(a.int(i))
                .ok()
                .filter(|n| *n <= len - start)
                .map(|n| start + n)
                .ok_or_else(|| out_of_range(self.names.1, COUNT))?,
            None => len,
        };
        Ok(start..end)
    }

    /// Places of a search to the beginning, last first. `matched`: by a predicate.
    fn backward(
        &self,
        a: &Args<'_>,
        len: usize,
        matched: bool,
    ) -> Result<std::ops::Range<usize>, Throw> {
        let Some(i) = self.start else {
            return Ok(0..len);
        };
        let start = a.int(i);
        let count = self.count.map(|i| a.int(i));
        if len == 0 {
            let list = self.names.0 == "index";
            let starts = match (matched, list) {
                (true, _) => start == -1,
                (false, true) => start < 0 || count.is_some(),
                (false, false) => start == -1 || start == 0,
            };
            if !starts {
                return Err(out_of_range(self.names.0, PLACE));
            }
            if count.is_some_and(|n| n != 0) && !list {
                return Err(out_of_range(self.names.1, COUNT));
            }
            return Ok(0..0);
        }
        let start = usize::try_from(start)
            .ok()
            .filter(|s| *s < len)
            .ok_or_else(|| out_of_range(self.names.0, PLACE))?;
        let from = match self.count {
            Some(i) => usize::try_from(a.int(i))
                .ok()
                .filter(|n| *n <= start + 1)
                .map(|n| start + 1 - n)
                .ok_or_else(|| out_of_range(self.names.1, COUNT))?,
            None => 0,
        };
        Ok(from..start + 1)
    }
}

/// The first item, or the last, that a test holds for.
pub(super) fn search(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    wherein: &Where,
    (backward, matched): (bool, bool),
    test: impl FnMut(&mut Cx<'_>, &Value) -> Result<bool, Throw>,
) -> Result<Option<(usize, Value)>, Throw> {
    let items = Items::of(cx, a, 0, "array")?;
    if backward {
        let places = wherein.backward(a, items.len(), matched)?;
        items.find(cx, places.rev(), test)
    } else {
        let places = wherein.forward(a, items.len())?;
        items.find(cx, places, test)
    }
}

fn index(found: Option<(usize, Value)>) -> R {
    Ok(Value::Int(found.map_or(-1, |(i, _)| i as i32)))
}

/// `IndexOf` and `LastIndexOf`: the second argument is looked for.
pub(super) fn index_of(cx: &mut Cx<'_>, a: &Args<'_>, wherein: &Where, backward: bool) -> R {
    let v = a.get(1);
    search(cx, a, wherein, (backward, false), |_, x| Ok(equals(x, &v))).and_then(index)
}

/// What the predicate at an argument says.
pub(super) fn matching(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    f: usize,
    wherein: &Where,
    backward: bool,
) -> Result<Option<(usize, Value)>, Throw> {
    if a.is_null(0) {
        return Err(null_argument("array"));
    }
    if a.is_null(f) {
        return Err(null_argument("match"));
    }
    let f = a.get(f);
    search(cx, a, wherein, (backward, true), |cx, x| {
        Ok(cx.call(&f, std::slice::from_ref(x))?.as_bool() == Some(true))
    })
}

/// `FindIndex` and `FindLastIndex`.
pub(super) fn find_index(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    f: usize,
    wherein: &Where,
    backward: bool,
) -> R {
    matching(cx, a, f, wherein, backward).and_then(index)
}

/// A range told by index and length, within `len`.
pub(super) fn range(
    a: &Args<'_>,
    from: usize,
    names: (&str, &str),
    len: usize,
) -> Result<std::ops::Range<usize>, Throw> {
    let start = size(a, from, names.0)?;
    let n = size(a, from + 1, names.1)?;
    match start.checked_add(n).filter(|end| *end <= len) {
        Some(end) => Ok(start..end),
        None => Err(too_long()),
    }
}

/// `BinarySearch`: the place, or the complement of where it would stand.
pub(super) fn binary_search(
    cx: &mut Cx<'_>,
    items: &Items,
    within: std::ops::Range<usize>,
    v: &Value,
    order: &Order,
) -> R {
    let (mut lo, mut hi) = (within.start as i64, within.end as i64 - 1);
    while lo <= hi {
        let mid = lo + (hi - lo) / 2;
        let item = items.get(mid as usize).unwrap_or_default();
        cx.step(1)?;
        match order.compare(cx, &item, v).map_err(sort::failed)? {
            Ordering::Equal => return Ok(Value::Int(mid as i32)),
            Ordering::Less => lo = mid + 1,
            Ordering::Greater => hi = mid - 1,
        }
    }
    Ok(Value::Int(!(lo as i32)))
}

/// Sorts a range of a list, and another list with it. The list shows the outcome when all is compared.
pub(super) fn sort_range(
    cx: &mut Cx<'_>,
    keys: &List,
    items: Option<&List>,
    within: std::ops::Range<usize>,
    order: &Order,
) -> R {
    let mut all = keys.items().clone();
    cx.charge(all.len() * size_of::<Value>())?;
    let mut with = items.map(|l| l.items().clone());
    let part = all.get_mut(within.clone()).ok_or_else(too_long)?;
    let with_part = match with.as_mut() {
        Some(w) => Some(w.get_mut(within).ok_or_else(too_long)?),
        None => None,
    };
    sort::sort(cx, part, with_part, order)?;
    replace(keys, all);
    if let (Some(l), Some(w)) = (items, with) {
        replace(l, w);
    }
    Ok(Value::Null)
}

/// Puts other items into a list; the old ones are dropped when it is no longer held.
pub(super) fn replace(l: &List, items: Vec<Value>) {
    let old = std::mem::replace(&mut *l.items_mut(), items);
    drop(old);
}

/// An index of 64 bits that no array has.
pub(super) fn too_wide() -> Throw {
    out_of_range("index", "Arrays larger than 2GB are not supported.")
}

/// Copies items into an array, from a place of it on.
pub(in crate::expr::table) fn copy_to(
    cx: &mut Cx<'_>,
    items: &[Value],
    a: &Args<'_>,
    to: usize,
    at: i64,
    name: &str,
) -> R {
    let target = list(a, to, name)?;
    let at = usize::try_from(at).map_err(|_| out_of_range("arrayIndex", NEGATIVE))?;
    cx.step(items.len() / 8)?;
    let old: Vec<Value> = {
        let mut all = target.items_mut();
        let place = at
            .checked_add(items.len())
            .and_then(|end| all.get_mut(at..end))
            .ok_or_else(|| {
                throw(
                    "ArgumentException",
                    "Destination array was not long enough. Check the destination index, length, and the array's lower bounds. (Parameter 'destinationArray')",
                )
            })?;
        place
            .iter_mut()
            .zip(items)
            .map(|(place, item)| std::mem::replace(place, item.clone()))
            .collect()
    };
    drop(old);
    Ok(Value::Null)
}

/// `ConvertAll`: what the delegate makes of each item.
pub(super) fn converted(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    ty: crate::expr::types::Ty,
    name: &str,
) -> R {
    let items = Items::of(cx, a, 0, name)?;
    a.not_null(&["", "converter"])?;
    let f = a.get(1);
    let mut out = Vec::new();
    for i in 0..items.len() {
        let Some(item) = items.get(i) else { break };
        out.push(cx.call(&f, &[item])?);
    }
    if out.is_empty() {
        // A new one each time, where other members give the one empty array.
        return Ok(Value::List(List::new(ty, out)));
    }
    cx.list(ty, out)
}

/// `FindAll`.
pub(super) fn find_all(cx: &mut Cx<'_>, a: &Args<'_>, ty: crate::expr::types::Ty) -> R {
    let items = Items::of(cx, a, 0, "array")?;
    a.not_null(&["", "match"])?;
    let f = a.get(1);
    let mut out = Vec::new();
    for i in 0..items.len() {
        let Some(item) = items.get(i) else { break };
        if cx.call(&f, std::slice::from_ref(&item))?.as_bool() == Some(true) {
            out.push(item);
        }
    }
    cx.list(ty, out)
}

/// `TrueForAll`.
pub(super) fn true_for_all(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let items = Items::of(cx, a, 0, "array")?;
    a.not_null(&["", "match"])?;
    let f = a.get(1);
    let n = items.len();
    let failing = items.find(cx, 0..n, |cx, x| {
        Ok(cx.call(&f, std::slice::from_ref(x))?.as_bool() != Some(true))
    })?;
    Ok(Value::Bool(failing.is_none()))
}
