//! What an array takes that is not of the type of its items: by `SetValue`, and in `Array.Copy` and its like. What must
//! stay true: no item comes into an array that is not of the array's type.

use super::rectangular::outside;
use crate::expr::eval::{R, Throw, throw, to_number, types};
use crate::expr::table::{TypeKind, table};
use crate::expr::types::{Num, Ty};
use crate::value::{List, Value};

/// Type of the items of an array.
pub(super) fn element(ty: &Ty) -> Ty {
    ty.as_array().map_or(Ty::Object, |(of, _)| of.clone())
}

/// Whether a type is one that widens to others: a decimal is no primitive, a boolean is one that widens to nothing else.
fn primitive(ty: &Ty) -> bool {
    *ty == Ty::Bool || (ty.numeric().is_some() && *ty != Ty::Decimal)
}

/// A value as an array of the type takes it: `Array.SetValue`.
fn stored(of: &Ty, v: Value) -> R {
    if v.is_null() {
        return Ok(types::default_of(of));
    }
    if types::is(of, &v) {
        return Ok(v);
    }
    // An enum widens as its number does; no number becomes an enum.
    let v = match v {
        Value::Enum(_, n) if primitive(of) => Value::Int(n as i32),
        v => v,
    };
    let from = v.ty();
    if !(primitive(of) && primitive(&from)) {
        return Err(throw(
            "InvalidCastException",
            "Object cannot be stored in an array of this type.",
        ));
    }
    match (of.numeric(), from.numeric()) {
        (Some(to), Some(num)) if num == to || num.widens_to(to) => to_number(to, &v),
        _ => Err(throw(
            "ArgumentException",
            "Cannot widen from source type to target type either because the source type is a not a primitive type or the conversion cannot be accomplished.",
        )),
    }
}

/// `Array.SetValue` at one place.
pub(in crate::expr::table) fn set(l: &List, at: i64, v: Value) -> R {
    let v = stored(&element(l.ty()), v)?;
    let mut items = l.items_mut();
    let place = usize::try_from(at).ok().and_then(|at| items.get_mut(at));
    let old = std::mem::replace(place.ok_or_else(outside)?, v);
    drop(items);
    drop(old);
    Ok(Value::Null)
}

/// How items of one array become those of another.
enum Way {
    AsTheyAre,
    Widened(Num),
    /// Each must be of the type.
    Cast,
}

/// How, or `None` when no array of the one type is copied to one of the other.
fn way(from: &Ty, to: &Ty) -> Option<Way> {
    let value = |t: &Ty| t.is_value() || t.is_nullable();
    let interface = |t: &Ty| table().of(t).is_some_and(|t| t.kind == TypeKind::Interface);
    if from == to || *from == Ty::Unknown || *to == Ty::Unknown {
        return Some(Way::AsTheyAre);
    }
    match (value(from), value(to)) {
        (true, true) if primitive(from) && primitive(to) => match (from.numeric(), to.numeric()) {
            (Some(a), Some(b)) if a.widens_to(b) => Some(Way::Widened(b)),
            _ => None,
        },
        (true, true) => None,
        (_, false) if types::derives(from, to) => Some(Way::AsTheyAre),
        (true, false) => None,
        (false, true) => types::derives(to, from).then_some(Way::Cast),
        (false, false) => {
            (types::derives(to, from) || interface(from) || interface(to)).then_some(Way::Cast)
        }
    }
}

/// Copies items of an array of `from` into another, from a place on where there is room for them.
pub(in crate::expr::table) fn copy(
    from: &Ty,
    mut moved: Vec<Value>,
    target: &List,
    at: usize,
) -> R {
    let to = element(target.ty());
    let mut wrong: Option<Throw> = None;
    match way(from, &to) {
        None => {
            return Err(throw(
                "ArrayTypeMismatchException",
                "Source array type cannot be assigned to destination array type.",
            ));
        }
        Some(Way::AsTheyAre) => {}
        Some(Way::Widened(num)) => {
            for item in &mut moved {
                *item = to_number(num, item)?;
            }
        }
        // Those before the first that is not are copied.
        Some(Way::Cast) => {
            let null = |v: &Value| v.is_null() && (!to.is_value() || to.is_nullable());
            if let Some(at) = moved.iter().position(|v| !(null(v) || types::is(&to, v))) {
                moved.truncate(at);
                wrong = Some(throw(
                    "InvalidCastException",
                    "At least one element in the source array could not be cast down to the destination array type.",
                ));
            }
        }
    }
    let old: Vec<Value> = {
        let mut all = target.items_mut();
        let place = all.get_mut(at..at + moved.len()).unwrap_or_default();
        place
            .iter_mut()
            .zip(moved)
            .map(|(place, item)| std::mem::replace(place, item))
            .collect()
    };
    drop(old);
    wrong.map_or(Ok(Value::Null), Err)
}
