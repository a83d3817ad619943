//! Values of anonymous types, tuples and `System.Tuple`.
//!
//! Made by the evaluator and by the rows of tuples. What must stay true: a record never changes, and a nest of them is
//! bounded when it is made.

use super::{R, ops};
use crate::expr::types::Ty;
use crate::value::Value;
use crate::value::object::Object;
use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;

/// A value of an anonymous type, a tuple or a `System.Tuple`: immutable, equal when all its values are.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) ty: Ty,
    pub(crate) values: Vec<Value>,
    pub(crate) weight: usize,
}

impl Record {
    /// An object of the type, unless too many are nested in it.
    pub(crate) fn value(ty: Ty, values: Vec<Value>) -> R {
        let weight = super::weigh(&values)?;
        Ok(Value::Object(Rc::new(Record { ty, values, weight })))
    }

    /// Names and values of its members.
    pub(crate) fn members(&self) -> Vec<(Arc<str>, &Value)> {
        let name = |i: usize| match &self.ty {
            Ty::Anonymous(a) => a.fields.get(i).map(|(n, _)| n.clone()),
            _ => None,
        };
        self.values
            .iter()
            .enumerate()
            .map(|(i, v)| {
                (
                    name(i).unwrap_or_else(|| format!("Item{}", i + 1).into()),
                    v,
                )
            })
            .collect()
    }
}

impl Object for Record {
    fn weight(&self) -> usize {
        self.weight
    }
    fn ty(&self) -> Ty {
        self.ty.clone()
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn parts(&self) -> Option<&[Value]> {
        Some(&self.values)
    }
    fn text(&self) -> String {
        if !matches!(self.ty, Ty::Anonymous(_)) {
            let mut items: Vec<_> = self.values.iter().map(Value::to_text).collect();
            // The eighth part of a `System.Tuple` is a tuple itself, written without its bracket.
            if let (8, Ty::Class(..), Some(rest)) = (items.len(), &self.ty, items.last_mut()) {
                *rest = rest.trim_start_matches('(').trim_end_matches(')').into();
            }
            return format!("({})", items.join(", "));
        }
        let fields: Vec<String> = self
            .members()
            .into_iter()
            .map(|(n, v)| format!("{n} = {}", v.to_text()))
            .collect();
        if fields.is_empty() {
            return "{ }".into();
        }
        format!("{{ {} }}", fields.join(", "))
    }
    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<Record>().is_some_and(|o| {
            o.ty == self.ty
                && self
                    .values
                    .iter()
                    .zip(&o.values)
                    .all(|(a, b)| ops::equal(a, b))
        })
    }
}
