//! `xsl:sort` (XSLT 1.0, section 10): by text in the invariant culture's order, or by number.

use super::{Node, State};
use crate::expr::eval::{Cx, Throw, throw};
use crate::expr::table::xml::xpath::Context;
use crate::value::text::compare_culture;
use crate::xslt::ir::Sort;
use std::cmp::Ordering;
use std::rc::Rc;

/// What a node is sorted by.
enum By {
    Text(String),
    Number(f64),
}

/// How one key sorts.
struct How {
    number: bool,
    descending: bool,
    /// `None`: lower case first, as the culture has it.
    upper_first: bool,
}

impl<'s> State<'s> {
    /// Nodes in the order that the keys ask for; equal ones stay as they are.
    pub(super) fn sorted(
        &mut self,
        cx: &mut Cx<'_>,
        nodes: Vec<Rc<Node>>,
        sorts: &'s [Sort],
        at: &Context,
    ) -> Result<Vec<Rc<Node>>, Throw> {
        cx.charge(nodes.len() * size_of::<Rc<Node>>())?;
        if sorts.is_empty() || nodes.is_empty() {
            return Ok(nodes);
        }
        let mut hows = Vec::with_capacity(sorts.len());
        for sort in sorts {
            let word = |text: String, one: &str, other: &str, of: &str| match text.trim() {
                t if t == one => Ok(true),
                t if t == other => Ok(false),
                t => Err(throw(
                    "XsltException",
                    format!("'{t}' is an invalid value for the '{of}' attribute."),
                )),
            };
            let number = self.template(cx, &sort.number, at)?;
            let order = self.template(cx, &sort.order, at)?;
            let upper_first = match &sort.case_order {
                Some(case) => {
                    let case = self.template(cx, case, at)?;
                    word(case, "upper-first", "lower-first", "case-order")?
                }
                None => false,
            };
            hows.push(How {
                number: word(number, "number", "text", "data-type")?,
                descending: word(order, "descending", "ascending", "order")?,
                upper_first,
            });
        }
        let size = nodes.len();
        let current = self.current.clone();
        let mut rows = Vec::with_capacity(size);
        for (i, node) in nodes.into_iter().enumerate() {
            cx.breathe()?;
            self.current = node.clone();
            let at = Context {
                node,
                position: i + 1,
                size,
            };
            let mut row = Vec::with_capacity(sorts.len());
            for (sort, how) in sorts.iter().zip(&hows) {
                let found = self.eval(cx, &sort.select, &at)?;
                row.push(if how.number {
                    By::Number(found.number())
                } else {
                    let text = found.text();
                    cx.charge(text.len() + 32)?;
                    By::Text(text)
                });
            }
            rows.push((row, at.node));
        }
        self.current = current;
        let total: usize = rows
            .iter()
            .flat_map(|(row, _)| row)
            .map(|by| match by {
                By::Text(text) => 1 + text.len() / 8,
                By::Number(_) => 1,
            })
            .sum();
        cx.step(total.saturating_mul(size.ilog2() as usize + 1))?;
        rows.sort_by(|(a, _), (b, _)| {
            let keys = a.iter().zip(b).zip(&hows);
            keys.map(|((a, b), how)| how.compare(a, b))
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        });
        Ok(rows.into_iter().map(|(_, node)| node).collect())
    }
}

impl How {
    fn compare(&self, a: &By, b: &By) -> Ordering {
        let order = match (a, b) {
            // What is no number comes first.
            (By::Number(a), By::Number(b)) => match (a.is_nan(), b.is_nan()) {
                (false, false) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
                (a, b) => b.cmp(&a),
            },
            (By::Text(a), By::Text(b)) if self.upper_first => {
                compare_culture(a, b, true).then_with(|| compare_culture(b, a, false))
            }
            (By::Text(a), By::Text(b)) => compare_culture(a, b, false),
            _ => Ordering::Equal,
        };
        if self.descending {
            order.reverse()
        } else {
            order
        }
    }
}
