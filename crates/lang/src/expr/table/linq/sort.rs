//! Order of values and .NET's sort, for `OrderBy`, `List.Sort` and `Array.Sort`.
//!
//! What must stay true: `introsort` swaps in the same places as .NET's, so that equal items end in the same order.

use super::super::strings;
use crate::expr::eval::{Cx, Throw, compare, throw};
use crate::value::{Object, Value};
use std::cmp::Ordering;
use std::rc::Rc;

/// Default order: null first; what has none is refused.
pub(in crate::expr::table) fn order(a: &Value, b: &Value) -> Result<Ordering, Throw> {
    match (a.is_null(), b.is_null()) {
        (true, true) => return Ok(Ordering::Equal),
        (true, false) => return Ok(Ordering::Less),
        (false, true) => return Ok(Ordering::Greater),
        _ => {}
    }
    // A value of JSON compares itself with what there is; so does the other one, if it can.
    let able = !matches!(
        a,
        Value::Token(_) | Value::Object(_) | Value::List(_) | Value::Dict(_)
    );
    for (x, y, turned) in [(a, b, false), (b, a, true)] {
        if let Value::Token(t) = x
            && t.value().is_some()
            && !(turned && able)
        {
            let o = super::super::json::values::compared_to(t, y)?;
            let o = o.as_i64().unwrap_or(0).cmp(&0);
            return Ok(if turned { o.reverse() } else { o });
        }
    }
    if std::mem::discriminant(a) != std::mem::discriminant(b) {
        return Err(throw(
            "ArgumentException",
            format!("Object must be of type {}.", a.ty().table_name()),
        ));
    }
    match compare(a, b) {
        Some(o) => Ok(o),
        // NaN sorts before every number.
        None if matches!(a, Value::Double(_) | Value::Float(_)) => {
            let nan = |v: &Value| crate::value::number::as_f64(v).is_some_and(f64::is_nan);
            Ok(nan(b).cmp(&nan(a)))
        }
        None if crate::expr::eval::same(a, b) => Ok(Ordering::Equal),
        None => Err(throw(
            "ArgumentException",
            "At least one object must implement IComparable.",
        )),
    }
}

/// The difference of two values of a small type, which is what its `CompareTo` gives.
fn difference(a: &Value, b: &Value) -> Option<i64> {
    match (a, b) {
        (Value::Char(a), Value::Char(b)) | (Value::UShort(a), Value::UShort(b)) => {
            Some(i64::from(*a) - i64::from(*b))
        }
        (Value::Byte(a), Value::Byte(b)) => Some(i64::from(*a) - i64::from(*b)),
        (Value::SByte(a), Value::SByte(b)) => Some(i64::from(*a) - i64::from(*b)),
        (Value::Short(a), Value::Short(b)) => Some(i64::from(*a) - i64::from(*b)),
        _ => None,
    }
}

/// An `IComparer<T>` or `Comparison<T>`.
#[derive(Clone, Debug)]
pub(in crate::expr::table) enum Order {
    Default,
    Text(Rc<dyn Object>),
    By(Value),
}

impl Order {
    /// What an argument stands for; null is the default order.
    pub(in crate::expr::table) fn of(v: &Value) -> Order {
        match v {
            Value::Func(_) => Order::By(v.clone()),
            Value::Object(o) if o.as_any().is::<strings::Comparer>() => Order::Text(o.clone()),
            Value::Object(o) => match super::super::comparers::comparison(&**o) {
                Some(f) => Order::By(f),
                None => Order::Default,
            },
            _ => Order::Default,
        }
    }

    pub(in crate::expr::table) fn compare(
        &self,
        cx: &mut Cx<'_>,
        a: &Value,
        b: &Value,
    ) -> Result<Ordering, Throw> {
        Ok(self.compared(cx, a, b)?.cmp(&0))
    }

    /// What `IComparer<T>.Compare` gives: not only its sign, but the difference where .NET gives it.
    pub(in crate::expr::table) fn compared(
        &self,
        cx: &mut Cx<'_>,
        a: &Value,
        b: &Value,
    ) -> Result<i64, Throw> {
        match self {
            Order::Default => Ok(match difference(a, b) {
                Some(n) => n,
                None => order(a, b)? as i64,
            }),
            Order::Text(c) => Ok(match c.as_any().downcast_ref::<strings::Comparer>() {
                Some(c) => c.compare(a, b).into(),
                None => 0,
            }),
            Order::By(f) => Ok(cx.call(f, &[a.clone(), b.clone()])?.as_i64().unwrap_or(0)),
        }
    }
}

/// A stable merge sort whose comparison can fail and is counted.
pub(super) fn merge_sort<T: Clone>(
    cx: &mut Cx<'_>,
    list: &mut Vec<T>,
    by: &mut dyn FnMut(&mut Cx<'_>, &T, &T) -> Result<Ordering, Throw>,
) -> Result<(), Throw> {
    let mut width = 1;
    let n = list.len();
    while width < n {
        let mut out = Vec::with_capacity(n);
        let mut start = 0;
        while start < n {
            let (mid, end) = ((start + width).min(n), (start + 2 * width).min(n));
            let (mut i, mut j) = (start, mid);
            while i < mid && j < end {
                cx.step(1)?;
                if by(cx, &list[i], &list[j])?.is_le() {
                    out.push(list[i].clone());
                    i += 1;
                } else {
                    out.push(list[j].clone());
                    j += 1;
                }
            }
            out.extend_from_slice(&list[i..mid]);
            out.extend_from_slice(&list[j..end]);
            start = end;
        }
        *list = out;
        width *= 2;
    }
    Ok(())
}

/// Keys being sorted, and items that move with them.
struct Sorting<'a> {
    keys: &'a mut [Value],
    items: Option<&'a mut [Value]>,
    order: &'a Order,
}

/// What a comparison that contradicts itself ends with, which sorting reports as its fault.
const OUT_OF_RANGE: &str = "IndexOutOfRangeException";

/// Up to this many are sorted by insertion.
const SMALL: usize = 16;

/// `Array.Sort` and `List.Sort`: what the comparison throws comes as the inner exception.
pub(in crate::expr::table) fn sort(
    cx: &mut Cx<'_>,
    keys: &mut [Value],
    items: Option<&mut [Value]>,
    order: &Order,
) -> Result<(), Throw> {
    let n = keys.len();
    if n < 2 {
        return Ok(());
    }
    let limit = 2 * (n.ilog2() + 1);
    let mut s = Sorting { keys, items, order };
    s.intro(cx, 0, n - 1, limit).map_err(|e| match e {
        Throw::Exception(inner) if inner.class == OUT_OF_RANGE => throw(
            "ArgumentException",
            "Unable to sort because the IComparer.Compare() method returns inconsistent results. Either a value does not compare equal to itself, or one value repeatedly compared to another value yields different results.",
        ),
        e => failed(e),
    })
}

/// What a comparison throws, as sorting and searching report it.
pub(in crate::expr::table) fn failed(e: Throw) -> Throw {
    match e {
        Throw::Exception(inner) => Throw::Exception(Rc::new(crate::expr::eval::Exception {
            class: "InvalidOperationException",
            message: "Failed to compare two elements in the array.".into(),
            inner: Value::Object(inner),
            details: Default::default(),
        })),
        bound => bound,
    }
}

impl Sorting<'_> {
    fn cmp(&self, cx: &mut Cx<'_>, i: usize, j: usize) -> Result<Ordering, Throw> {
        cx.step(1)?;
        self.order.compare(cx, &self.keys[i], &self.keys[j])
    }

    fn swap(&mut self, i: usize, j: usize) {
        self.keys.swap(i, j);
        if let Some(items) = &mut self.items {
            items.swap(i, j);
        }
    }

    fn swap_if_greater(&mut self, cx: &mut Cx<'_>, i: usize, j: usize) -> Result<(), Throw> {
        if i != j && self.cmp(cx, i, j)?.is_gt() {
            self.swap(i, j);
        }
        Ok(())
    }

    /// Sorts `lo..=hi`.
    fn intro(
        &mut self,
        cx: &mut Cx<'_>,
        lo: usize,
        mut hi: usize,
        mut limit: u32,
    ) -> Result<(), Throw> {
        while hi > lo {
            let size = hi - lo + 1;
            if size <= SMALL {
                match size {
                    2 => self.swap_if_greater(cx, lo, hi)?,
                    3 => {
                        self.swap_if_greater(cx, lo, hi - 1)?;
                        self.swap_if_greater(cx, lo, hi)?;
                        self.swap_if_greater(cx, hi - 1, hi)?;
                    }
                    _ => self.insertion(cx, lo, hi)?,
                }
                return Ok(());
            }
            if limit == 0 {
                return self.heap(cx, lo, hi);
            }
            limit -= 1;
            let p = self.partition(cx, lo, hi)?;
            self.intro(cx, p + 1, hi, limit)?;
            if p == 0 {
                return Ok(());
            }
            hi = p - 1;
        }
        Ok(())
    }

    fn partition(&mut self, cx: &mut Cx<'_>, lo: usize, hi: usize) -> Result<usize, Throw> {
        let middle = lo + (hi - lo) / 2;
        self.swap_if_greater(cx, lo, middle)?;
        self.swap_if_greater(cx, lo, hi)?;
        self.swap_if_greater(cx, middle, hi)?;
        self.swap(middle, hi - 1);
        let (mut left, mut right) = (lo, hi - 1);
        while left < right {
            // A comparison that contradicts itself leads out of the part, where .NET ends.
            loop {
                left += 1;
                if left > hi {
                    return Err(throw(
                        OUT_OF_RANGE,
                        "Index was outside the bounds of the array.",
                    ));
                }
                if !self.cmp(cx, left, hi - 1)?.is_lt() {
                    break;
                }
            }
            loop {
                if right == lo {
                    return Err(throw(
                        OUT_OF_RANGE,
                        "Index was outside the bounds of the array.",
                    ));
                }
                right -= 1;
                if !self.cmp(cx, hi - 1, right)?.is_lt() {
                    break;
                }
            }
            if left >= right {
                break;
            }
            self.swap(left, right);
        }
        self.swap(left, hi - 1);
        Ok(left)
    }

    fn insertion(&mut self, cx: &mut Cx<'_>, lo: usize, hi: usize) -> Result<(), Throw> {
        for i in lo..hi {
            let mut j = i + 1;
            while j > lo && self.cmp(cx, j, j - 1)?.is_lt() {
                self.swap(j, j - 1);
                j -= 1;
            }
        }
        Ok(())
    }

    fn heap(&mut self, cx: &mut Cx<'_>, lo: usize, hi: usize) -> Result<(), Throw> {
        let n = hi - lo + 1;
        for i in (1..=n / 2).rev() {
            self.down(cx, i, n, lo)?;
        }
        for i in (2..=n).rev() {
            self.swap(lo, lo + i - 1);
            self.down(cx, 1, i - 1, lo)?;
        }
        Ok(())
    }

    fn down(&mut self, cx: &mut Cx<'_>, mut i: usize, n: usize, lo: usize) -> Result<(), Throw> {
        while i <= n / 2 {
            let mut child = 2 * i;
            if child < n && self.cmp(cx, lo + child - 1, lo + child)?.is_lt() {
                child += 1;
            }
            if !self.cmp(cx, lo + i - 1, lo + child - 1)?.is_lt() {
                break;
            }
            self.swap(lo + i - 1, lo + child - 1);
            i = child;
        }
        Ok(())
    }
}
