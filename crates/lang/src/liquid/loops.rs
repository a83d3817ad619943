//! `for`, `tablerow` and `JSONArrayFor`.
//!
//! Sources: DotLiquid's `For` and `TableRow`; API Management's own `JSONArrayFor`, as templates on record use it. What
//! must stay true: a loop's names are gone after it; between the items of a `JSONArrayFor` that print something stands
//! one comma.

use super::item::Item;
use super::node::{Loop, LoopKind, Offset};
use super::render::{Ended, Renderer};
use crate::expr::eval::{Throw, throw};
use crate::value::{Str, Value};

fn int(n: usize) -> Item {
    Item::Value(Value::Int(i32::try_from(n).unwrap_or(i32::MAX)))
}

fn truth(b: bool) -> Item {
    Item::Value(Value::Bool(b))
}

/// Members of `forloop` and `tablerowloop`, as DotLiquid spells them and as C# does.
fn members(all: Vec<(&str, Item)>) -> Item {
    let fields = all.into_iter().flat_map(|(name, item)| {
        let mut upper = name.to_owned();
        if let Some(first) = upper.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        [(Str::from(name), item.clone()), (Str::from(upper), item)]
    });
    Item::Record(std::rc::Rc::new(fields.collect()))
}

impl Renderer<'_, '_, '_> {
    pub(super) fn repeated(&mut self, l: &Loop) -> Result<Ended, Throw> {
        let collection = self.item(&l.collection)?;
        let mut items = self.items_of(&collection)?.unwrap_or_default();
        if let Some(named) = &l.named {
            let name = self.item(named)?.plain();
            items.retain(|item| match item {
                Item::Xml(node) => node
                    .name()
                    .is_some_and(|n| n.local.eq_ignore_ascii_case(&name)),
                _ => false,
            });
        }
        let from = match &l.offset {
            Offset::None => 0,
            Offset::Continue => self.ended.get(&l.name).copied().unwrap_or(0),
            Offset::At(at) => usize::try_from(self.whole_number(at)?).unwrap_or(0),
        };
        let limit = match &l.limit {
            Some(limit) => usize::try_from(self.whole_number(limit)?).unwrap_or(0),
            None => usize::MAX,
        };
        let mut items: Vec<Item> = items.into_iter().skip(from).take(limit).collect();
        if items.is_empty() {
            return self.nodes(&l.otherwise);
        }
        if l.reversed {
            items.reverse();
        }
        self.ended.insert(l.name.clone(), from + items.len());
        self.scopes.push(Vec::with_capacity(2));
        let ended = match l.kind {
            LoopKind::For => self.plain_loop(l, items),
            LoopKind::TableRow => self.table(l, items),
            LoopKind::JsonArray => self.json_array(l, items),
        };
        self.scopes.pop();
        ended.map(|()| Ended::Well)
    }

    /// Names the item of this turn.
    fn turn(&mut self, l: &Loop, item: Item, about: (&str, Item)) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.clear();
            scope.push((l.variable.clone(), item));
            scope.push((Str::from(about.0), about.1));
        }
    }

    /// What `forloop` says in a turn.
    fn about(&self, l: &Loop, index: usize, length: usize) -> Item {
        members(vec![
            ("name", Item::text(l.name.clone())),
            ("length", int(length)),
            ("index", int(index + 1)),
            ("index0", int(index)),
            ("rindex", int(length - index)),
            ("rindex0", int(length - index - 1)),
            ("first", truth(index == 0)),
            ("last", truth(index + 1 == length)),
        ])
    }

    fn plain_loop(&mut self, l: &Loop, items: Vec<Item>) -> Result<(), Throw> {
        let length = items.len();
        for (index, item) in items.into_iter().enumerate() {
            let about = self.about(l, index, length);
            self.turn(l, item, ("forloop", about));
            if self.nodes(&l.body)? == Ended::Break {
                break;
            }
        }
        Ok(())
    }

    fn json_array(&mut self, l: &Loop, items: Vec<Item>) -> Result<(), Throw> {
        let length = items.len();
        // White space that stands behind an item comes after its comma.
        let mut behind: Option<String> = None;
        for (index, item) in items.into_iter().enumerate() {
            let about = self.about(l, index, length);
            self.turn(l, item, ("forloop", about));
            let (text, ended) = self.apart(&l.body)?;
            let shown = text.trim_end();
            if !shown.is_empty() {
                if let Some(space) = behind.take() {
                    self.write(",")?;
                    self.write(&space)?;
                }
                self.write(shown)?;
                behind = Some(text[shown.len()..].to_owned());
            }
            if ended == Ended::Break {
                break;
            }
        }
        self.write(&behind.unwrap_or_default())
    }

    fn table(&mut self, l: &Loop, items: Vec<Item>) -> Result<(), Throw> {
        let length = items.len();
        let columns = match &l.columns {
            Some(columns) => usize::try_from(self.whole_number(columns)?).unwrap_or(0),
            None => length,
        };
        if columns == 0 {
            return Err(throw(
                "ArgumentException",
                "A table needs one column at least.",
            ));
        }
        self.write("<tr class=\"row1\">\n")?;
        for (index, item) in items.into_iter().enumerate() {
            let column = index % columns;
            let about = members(vec![
                ("length", int(length)),
                ("index", int(index + 1)),
                ("index0", int(index)),
                ("col", int(column + 1)),
                ("col0", int(column)),
                ("rindex", int(length - index)),
                ("rindex0", int(length - index - 1)),
                ("first", truth(index == 0)),
                ("last", truth(index + 1 == length)),
                ("col_first", truth(column == 0)),
                ("col_last", truth(column + 1 == columns)),
            ]);
            self.turn(l, item, ("tablerowloop", about));
            self.write(&format!("<td class=\"col{}\">", column + 1))?;
            let ended = self.nodes(&l.body)?;
            self.write("</td>")?;
            if ended == Ended::Break {
                break;
            }
            if column + 1 == columns && index + 1 != length {
                self.write(&format!("</tr>\n<tr class=\"row{}\">", index / columns + 2))?;
            }
        }
        self.write("</tr>\n")
    }
}
