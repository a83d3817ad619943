//! Arrays of more than one dimension: `new int[2, 3]`, `{ { 1, 2 }, { 3, 4 } }`, `a[i, j]`.
//!
//! Called by the binder of creations, of indexers and of assignments. What must stay true: array, indices and value are
//! evaluated in this order before anything is checked, as in C#.

use super::{B, Binder, Bound};
use crate::expr::ast::{Arg, ArgValue, At, Expr, Kind, TypeRef};
use crate::expr::ir::{Call, Ir};
use crate::expr::lexer::Fault;
use crate::expr::table::{Native, collections::rectangular};
use crate::expr::types::Ty;
use crate::value::Frozen;

fn call(run: Native, args: Vec<Ir>, types: Vec<Ty>) -> Ir {
    Ir::Call(Box::new(Call {
        run,
        member: None,
        checked: false,
        args,
        types,
        outs: Vec::new(),
    }))
}

/// `of[places]`.
pub(super) fn cell(of: Ir, places: impl IntoIterator<Item = Ir>) -> Ir {
    let args = std::iter::once(of).chain(places).collect();
    call(rectangular::item, args, Vec::new())
}

/// `of[places] = value`; gives the value.
pub(super) fn set_cell(of: Ir, places: impl IntoIterator<Item = Ir>, value: Ir) -> Ir {
    let args = std::iter::once(of).chain(places).chain([value]).collect();
    call(rectangular::set_item, args, Vec::new())
}

/// The items of the rows in order, and how many each dimension has: rows beside each other must agree.
fn gather<'e>(
    rows: &'e [Expr],
    at: &At,
    lengths: &mut [Option<usize>],
    out: &mut Vec<&'e Expr>,
) -> B<()> {
    let Some((length, inner)) = lengths.split_first_mut() else {
        return Ok(());
    };
    let expected = *length.get_or_insert(rows.len());
    if expected != rows.len() {
        return Err(Fault::new(
            at.clone(),
            format!("this row has {} items, the first {expected}", rows.len()),
            format!("expected {expected}"),
        ));
    }
    for row in rows {
        match &row.kind {
            Kind::Row(items) => gather(items, &row.at, inner, out)?,
            _ => out.push(row),
        }
    }
    Ok(())
}

impl Binder {
    pub(super) fn create_rectangular(
        &mut self,
        e: &Expr,
        rank: u8,
        written: Option<&TypeRef>,
        sizes: &[Expr],
        items: Option<&[Expr]>,
    ) -> B<Bound> {
        let element = written.map(|t| self.resolve(t)).transpose()?;
        if let (None, Some(of)) = (items, &element) {
            let ty = Ty::array_of_rank(of.clone(), rank);
            let mut lengths = Vec::new();
            for size in sizes {
                lengths.push(self.array_size(size)?);
            }
            return Ok(Bound::new(
                call(rectangular::sized, lengths, vec![ty.clone()]),
                ty,
            ));
        }
        let mut lengths = vec![None; usize::from(rank)];
        let mut cells = Vec::new();
        gather(items.unwrap_or_default(), &e.at, &mut lengths, &mut cells)?;
        // A dimension within one that is empty is empty.
        let lengths: Vec<usize> = lengths.into_iter().map(Option::unwrap_or_default).collect();
        for (size, n) in sizes.iter().zip(&lengths) {
            self.size_of_items(size, *n)?;
        }
        let (cells, of) = self.items_of(&e.at, &cells, element)?;
        let ty = Ty::array_of_rank(of, rank);
        let args = lengths
            .into_iter()
            .map(|n| Ir::Const(Frozen::Long(n as i64)))
            .chain(cells)
            .collect();
        Ok(Bound::new(
            call(rectangular::of, args, vec![ty.clone()]),
            ty,
        ))
    }

    /// The indices of an item.
    pub(super) fn cell_places(&mut self, args: &[Arg], rank: u8, at: &At) -> B<Vec<Ir>> {
        if args.len() != usize::from(rank) {
            return Err(Fault::new(
                at.clone(),
                format!("an array of {rank} dimensions takes {rank} indices"),
                format!("expected {rank} numbers"),
            ));
        }
        let mut places = Vec::new();
        for a in args {
            let Arg {
                value: ArgValue::Expr(e),
                name: None,
            } = a
            else {
                return Err(Fault::new(
                    at.clone(),
                    "an index of an array is a number",
                    "expected a value",
                ));
            };
            let b = self.value(e)?;
            places.push(self.array_index(b, &e.at)?);
        }
        Ok(places)
    }
}
