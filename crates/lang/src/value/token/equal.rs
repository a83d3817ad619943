//! Copies of tokens, and when two are equal.

use super::{Fields, Kind, Token, compare};
use crate::value::number;
use std::cell::RefCell;

impl Token {
    /// A copy without parent, with the annotations of all.
    pub(crate) fn deep_clone(&self) -> Token {
        let all =
            |items: &RefCell<Vec<Token>>| items.borrow().iter().map(Token::deep_clone).collect();
        let copy = match self.kind() {
            Kind::Scalar(v) => Token::formed(v.borrow().clone(), self.form()),
            Kind::Property(n, v) => match &*v.borrow() {
                Some(v) => Token::property(n.clone(), v.deep_clone()),
                None => Token::empty_property(n.clone()),
            },
            Kind::Array(a) => Token::array(all(a)),
            Kind::Constructor(name, a) => Token::constructor(name.borrow().clone(), all(a)),
            Kind::Object(f) => {
                let mut fields = Fields::default();
                for p in &f.borrow().list {
                    fields.push(p.deep_clone());
                }
                Token::object(fields)
            }
        };
        let annotations = self.0.annotations.borrow();
        if !annotations.is_empty() {
            copy.0.annotations.replace(annotations.clone());
        }
        drop(annotations);
        copy
    }

    /// What a `JValue` is equal by in a set; the rest is by identity.
    pub(crate) fn scalar_key(&self) -> Option<String> {
        match self.kind() {
            Kind::Scalar(v) => Some(format!("{}:{}", self.type_number(), v.borrow().to_text())),
            _ => None,
        }
    }

    /// A text that tokens share which are equal in `DeepEquals`.
    pub(crate) fn deep_key(&self) -> String {
        let all = |t: &Token| t.children().iter().map(Token::deep_key).collect::<Vec<_>>();
        match self.kind() {
            Kind::Object(_) => {
                let mut all = all(self);
                all.sort();
                format!("{{{}}}", all.join(","))
            }
            Kind::Array(_) => format!("[{}]", all(self).join(",")),
            Kind::Constructor(name, _) => {
                format!("new {:?}({})", name.borrow(), all(self).join(","))
            }
            Kind::Property(name, _) => format!("{name:?}:{}", all(self).join(",")),
            Kind::Scalar(v) => {
                let v = v.borrow();
                let text = match (self.type_number(), number::as_f64(&v)) {
                    (7, Some(f)) => f.to_string(),
                    _ => v.to_text().to_string(),
                };
                format!("{}{text:?}", self.type_number())
            }
        }
    }

    /// `JToken.DeepEquals`: the order of properties does not matter.
    pub(crate) fn deep_equals(&self, other: &Token) -> bool {
        match (self.kind(), other.kind()) {
            (Kind::Scalar(_), Kind::Scalar(_)) => self.value_equals(other),
            (Kind::Property(n, v), Kind::Property(m, w)) => {
                n == m
                    && match (&*v.borrow(), &*w.borrow()) {
                        (Some(v), Some(w)) => v.deep_equals(w),
                        (None, None) => true,
                        _ => false,
                    }
            }
            (Kind::Array(a), Kind::Array(b)) => same_items(a, b),
            (Kind::Constructor(n, a), Kind::Constructor(m, b)) => n == m && same_items(a, b),
            (Kind::Object(a), Kind::Object(b)) => {
                let (a, b) = (a.borrow(), b.borrow());
                if a.list.len() != b.list.len() {
                    return false;
                }
                for p in &a.list {
                    let Some(i) = p.name().and_then(|n| b.position(n)) else {
                        return false;
                    };
                    match (p.content(), b.list[i].content()) {
                        (Some(v), Some(w)) if v.deep_equals(&w) => {}
                        // Json.NET looks no further.
                        (None, w) => return w.is_none(),
                        _ => return false,
                    }
                }
                true
            }
            _ => false,
        }
    }

    /// `JValue.Equals`: of one type, and comparing equal.
    pub(crate) fn value_equals(&self, other: &Token) -> bool {
        let (Some(a), Some(b)) = (self.value(), other.value()) else {
            return self.same(other);
        };
        let ty = self.type_number();
        ty == other.type_number() && compare::values(ty, &a, &b).is_ok_and(|o| o.is_eq())
    }
}

fn same_items(a: &RefCell<Vec<Token>>, b: &RefCell<Vec<Token>>) -> bool {
    let (a, b) = (a.borrow(), b.borrow());
    a.len() == b.len() && a.iter().zip(b.iter()).all(|(x, y)| x.deep_equals(y))
}
