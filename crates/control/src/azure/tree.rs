//! Trees made by hand: nodes that nobody wrote, at the place of what they come from.

use crate::yaml::{Form, Key, Kind, Node, Place};

/// A text.
pub(super) fn text(value: impl Into<String>, place: Place) -> Node {
    let kind = Kind::Scalar {
        text: value.into(),
        form: Form::Text,
    };
    Node { id: 0, place, kind }
}

/// A list.
pub(super) fn list(items: Vec<Node>, place: Place) -> Node {
    let kind = Kind::Sequence(items);
    Node { id: 0, place, kind }
}

/// An empty mapping.
pub(super) fn mapping(place: Place) -> Node {
    let kind = Kind::Mapping(Vec::new());
    Node { id: 0, place, kind }
}

impl Node {
    /// Whether it is null.
    pub(super) fn is_null(&self) -> bool {
        matches!(
            self.kind,
            Kind::Scalar {
                form: Form::Null,
                ..
            }
        )
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        match &self.kind {
            Kind::Mapping(entries) => entries.is_empty(),
            Kind::Sequence(items) => items.is_empty(),
            Kind::Scalar { text, .. } => self.is_null() || text.is_empty(),
            Kind::Absent => true,
        }
    }

    /// The entries of a mapping.
    pub(super) fn entries(&self) -> &[(Key, Node)] {
        match &self.kind {
            Kind::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::Sequence(items) => items,
            _ => &[],
        }
    }

    /// Whether it is the truth value `true`, also as text.
    pub(super) fn is_true(&self) -> bool {
        self.text()
            .is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// A property, whatever the case of its name.
    pub(super) fn property(&self, name: &str) -> Option<&Node> {
        let mut entries = self.entries().iter();
        let found = entries.find(|(key, _)| key.text.eq_ignore_ascii_case(name))?;
        Some(&found.1).filter(|value| !value.is_null())
    }

    /// The property as text.
    pub(super) fn property_text(&self, name: &str) -> Option<&str> {
        self.property(name).and_then(Node::text)
    }

    /// Sets a property, over one that is there.
    pub(crate) fn set(&mut self, name: &str, value: Node) {
        if let Kind::Mapping(entries) = &mut self.kind {
            if let Some((_, old)) = entries.iter_mut().find(|(key, _)| key.text == name) {
                *old = value;
                return;
            }
            let key = Key {
                id: 0,
                place: value.place,
                text: name.to_owned(),
            };
            entries.push((key, value));
        }
    }

    /// Takes a property out.
    pub(super) fn take(&mut self, name: &str) -> Option<Node> {
        let Kind::Mapping(entries) = &mut self.kind else {
            return None;
        };
        let mut keys = entries.iter();
        let at = keys.position(|(key, _)| key.text.eq_ignore_ascii_case(name))?;
        Some(entries.remove(at).1)
    }

    /// Adds to a list that is a property, which is made when it is not there.
    pub(super) fn append(&mut self, name: &str, item: Node) {
        let Kind::Mapping(entries) = &mut self.kind else {
            return;
        };
        match entries.iter_mut().find(|(key, _)| key.text == name) {
            Some((_, list)) => {
                if let Kind::Sequence(items) = &mut list.kind {
                    items.push(item);
                }
            }
            None => {
                let place = item.place;
                self.set(name, list(vec![item], place));
            }
        }
    }

    /// A copy. Ids are kept; whoever joins trees numbers them again.
    pub(crate) fn copy(&self) -> Node {
        let kind = match &self.kind {
            Kind::Scalar { text, form } => Kind::Scalar {
                text: text.clone(),
                form: *form,
            },
            Kind::Sequence(items) => Kind::Sequence(items.iter().map(Node::copy).collect()),
            Kind::Mapping(entries) => {
                let copies = entries.iter().map(|(key, value)| {
                    let key = Key {
                        id: key.id,
                        place: key.place,
                        text: key.text.clone(),
                    };
                    (key, value.copy())
                });
                Kind::Mapping(copies.collect())
            }
            Kind::Absent => Kind::Absent,
        };
        Node {
            id: self.id,
            place: self.place,
            kind,
        }
    }

    /// Puts what another mapping says over this one: mappings are merged, everything else is replaced.
    pub(super) fn merge(&mut self, over: &Node) {
        let (Kind::Mapping(own), Kind::Mapping(entries)) = (&mut self.kind, &over.kind) else {
            *self = over.copy();
            return;
        };
        for (key, value) in entries {
            match own
                .iter_mut()
                .find(|(k, _)| k.text.eq_ignore_ascii_case(&key.text))
            {
                Some((_, old)) => old.merge(value),
                None => own.push((
                    Key {
                        id: 0,
                        place: key.place,
                        text: key.text.clone(),
                    },
                    value.copy(),
                )),
            }
        }
    }

    /// Calls `change` for every text in it, also for those that are no strings in YAML.
    pub(super) fn texts(&mut self, change: &mut impl FnMut(&mut String)) {
        match &mut self.kind {
            Kind::Scalar {
                text,
                form: Form::Text,
            } => change(text),
            Kind::Scalar { .. } | Kind::Absent => {}
            Kind::Sequence(items) => items.iter_mut().for_each(|item| item.texts(change)),
            Kind::Mapping(entries) => {
                for (_, value) in entries {
                    value.texts(change);
                }
            }
        }
    }

    /// Moves all places, and gives all nodes numbers of their own from `number` on.
    pub(crate) fn shift(&mut self, by: u32, number: &mut u32) {
        let moved = |place: &mut Place| {
            place.start = place.start.saturating_add(by);
            place.end = place.end.saturating_add(by);
        };
        let next = |number: &mut u32| {
            *number = number.wrapping_add(1);
            *number
        };
        self.id = next(number);
        moved(&mut self.place);
        match &mut self.kind {
            Kind::Sequence(items) => {
                for item in items {
                    item.shift(by, number);
                }
            }
            Kind::Mapping(entries) => {
                for (key, value) in entries {
                    key.id = next(number);
                    moved(&mut key.place);
                    value.shift(by, number);
                }
            }
            Kind::Scalar { .. } | Kind::Absent => {}
        }
    }
}

impl Node {
    /// The items of a list that is a property.
    pub(super) fn members(&mut self, name: &str) -> &mut [Node] {
        let Kind::Mapping(entries) = &mut self.kind else {
            return &mut [];
        };
        match entries.iter_mut().find(|(key, _)| key.text == name) {
            Some((_, list)) => match &mut list.kind {
                Kind::Sequence(items) => items,
                _ => &mut [],
            },
            None => &mut [],
        }
    }

    /// Calls `change` for every mapping in it, outermost first.
    pub(super) fn mappings(&mut self, change: &mut impl FnMut(&mut Node)) {
        if matches!(self.kind, Kind::Mapping(_)) {
            change(self);
        }
        match &mut self.kind {
            Kind::Sequence(items) => items.iter_mut().for_each(|item| item.mappings(change)),
            Kind::Mapping(entries) => {
                for (_, value) in entries {
                    value.mappings(change);
                }
            }
            Kind::Scalar { .. } | Kind::Absent => {}
        }
    }

    /// Takes out of mappings what has nothing in it, however deep.
    pub(super) fn without_empty(&mut self) {
        match &mut self.kind {
            Kind::Sequence(items) => items.iter_mut().for_each(Node::without_empty),
            Kind::Mapping(entries) => entries.retain_mut(|(_, value)| {
                value.without_empty();
                !value.is_empty()
            }),
            Kind::Scalar { .. } | Kind::Absent => {}
        }
    }

    /// Keeps the entries of a mapping that fit.
    pub(super) fn retain(&mut self, keep: impl Fn(&str, &Node) -> bool) {
        if let Kind::Mapping(entries) = &mut self.kind {
            entries.retain(|(key, value)| keep(&key.text, value));
        }
    }
}
