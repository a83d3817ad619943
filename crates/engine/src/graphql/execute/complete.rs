//! Objects, lists and leaves of an answer (ExecuteSelectionSet and CompleteValue, 6.3 and 6.4.3 of the specification).
//!
//! What must stay true: a null where none may be goes up to the nearest place that may be null, with one error.

use super::{Execution, MOST_CALLS, MOST_VALUES, leaf};
use crate::LocalBoxFuture;
use crate::failure::{Failure, INTERNAL};
use crate::graphql::error::Error;
use crate::graphql::resolver::{self, Resolver, Resolving};
use crate::services::TraceSeverity;
use apollo_compiler::ast::Type;
use apollo_compiler::executable::{Field, SelectionSet};
use apollo_compiler::schema::{ExtendedType, FieldDefinition, ObjectType};
use apollo_compiler::{Name, Node};
use bytes::Bytes;
use futures_util::future::join_all;
use serde_json::{Map, Value as Json};
use tollgate_lang::value::Str;

/// Values between two pauses for the thread's other work.
const PAUSE: usize = 2000;

/// A null that may not stand here: the place around becomes null.
pub(super) struct Nulled;

/// Where the values of an object's fields come from.
#[derive(Clone, Copy)]
pub(super) enum Source<'v> {
    /// The root of the operation.
    Root,
    /// What a resolver gave: members by the names of fields.
    Given(&'v Json),
    /// What the backend answered: members by response keys.
    Answered(&'v Json),
}

impl<'v> Source<'v> {
    /// The same of a part of it.
    fn part(self, value: &'v Json) -> Source<'v> {
        match self {
            Source::Answered(_) => Source::Answered(value),
            _ => Source::Given(value),
        }
    }

    fn member(self, key: &Name, field: &Name) -> Option<&'v Json> {
        match self {
            Source::Root => None,
            Source::Given(object) => object.get(field.as_str()),
            Source::Answered(object) => object.get(key.as_str()),
        }
    }

    fn object(self) -> Option<Json> {
        match self {
            Source::Root => None,
            Source::Given(object) | Source::Answered(object) => Some(object.clone()),
        }
    }
}

/// A place in the answer, up to its root.
pub(super) struct Path<'p> {
    segment: Segment<'p>,
    above: Option<&'p Path<'p>>,
}

enum Segment<'p> {
    Key(&'p Name),
    Index(usize),
}

fn written(mut path: Option<&Path<'_>>) -> Vec<Json> {
    let mut all = Vec::new();
    while let Some(place) = path {
        all.push(match place.segment {
            Segment::Key(key) => Json::from(key.as_str()),
            Segment::Index(at) => Json::from(at),
        });
        path = place.above;
    }
    all.reverse();
    all
}

type Completed<'x> = LocalBoxFuture<'x, Result<Json, Nulled>>;

impl Execution<'_> {
    /// An object: the fields that the selection sets ask of it. `serial`: one after the other.
    pub(super) fn object<'x>(
        &'x self,
        object: &'x Node<ObjectType>,
        source: Source<'x>,
        sets: Vec<&'x SelectionSet>,
        path: Option<&'x Path<'x>>,
        serial: bool,
    ) -> Completed<'x> {
        Box::pin(async move {
            let fields = self.collect(object, &sets);
            let places = fields.keys().map(|key| Path {
                segment: Segment::Key(key),
                above: path,
            });
            let places: Vec<Path<'_>> = places.collect();
            let work = fields.iter().zip(&places);
            let mut work = work
                .map(|((key, fields), place)| self.field(object, source, key, fields, Some(place)));
            // What watches is told of one thing after the other.
            let values = if serial || self.outer.is_observed() {
                let mut values = Vec::with_capacity(fields.len());
                for one in work {
                    values.push(one.await);
                }
                values
            } else if fields.len() == 1 {
                match work.next() {
                    Some(one) => vec![one.await],
                    None => Vec::new(),
                }
            } else {
                join_all(work).await
            };
            let mut all = Map::new();
            for (key, value) in fields.keys().zip(values) {
                all.insert(key.to_string(), value?);
            }
            Ok(Json::Object(all))
        })
    }

    async fn field(
        &self,
        object: &Node<ObjectType>,
        source: Source<'_>,
        key: &Name,
        fields: &[&Node<Field>],
        path: Option<&Path<'_>>,
    ) -> Result<Json, Nulled> {
        let (Some(field), Ok(types)) = (fields.first(), self.more(1, path, fields)) else {
            return Err(Nulled);
        };
        let name = &field.name;
        match name.as_str() {
            "__typename" => return Ok(Json::from(object.name.as_str())),
            "__schema" | "__type" => {
                let value = self.introspection.get(key.as_str());
                return Ok(value.cloned().unwrap_or(Json::Null));
            }
            _ => {}
        }
        let Ok(definition) = types.type_field(&object.name, name) else {
            return Err(Nulled);
        };
        let value = if let Some(resolver) = self.graphql.resolver(&object.name, name) {
            match self
                .resolve(resolver, object, source, definition, field, path)
                .await
            {
                Ok(given) => {
                    let value = self.complete(&definition.ty, Source::Given(&given), fields, path);
                    value.await
                }
                Err(Nulled) => Err(Nulled),
            }
        } else if let Some(value) = source.member(key, name) {
            let value = self.complete(&definition.ty, source.part(value), fields, path);
            value.await
        } else if let (Source::Root, Some(data)) = (source, &self.data) {
            let value = data.get(key.as_str()).unwrap_or(&Json::Null);
            let value = self.complete(&definition.ty, Source::Answered(value), fields, path);
            value.await
        } else if let Source::Root = source {
            let why = format!(
                "The field `{name}` of the type `{}` has no resolver.",
                object.name
            );
            self.fail(why, fields, path);
            Err(Nulled)
        } else {
            let value = self.complete(&definition.ty, Source::Given(&Json::Null), fields, path);
            value.await
        };
        or_null(&definition.ty, value)
    }

    /// Counts values, pauses now and then, and gives the types.
    fn more(
        &self,
        values: usize,
        path: Option<&Path<'_>>,
        fields: &[&Node<Field>],
    ) -> Result<&apollo_compiler::Schema, Nulled> {
        let before = self.state.values.get();
        let now = before.saturating_add(values);
        self.state.values.set(now);
        if before / PAUSE != now / PAUSE && !self.outer.services.around.pause() {
            return Err(Nulled);
        }
        if now > MOST_VALUES {
            // Once: every value behind it is refused too.
            if before <= MOST_VALUES {
                let why = format!("The answer has more than {MOST_VALUES} values.");
                self.fail(why, fields, path);
            }
            return Err(Nulled);
        }
        Ok(self.graphql.schema.types())
    }

    /// A value of a type.
    fn complete<'x>(
        &'x self,
        ty: &'x Type,
        source: Source<'x>,
        fields: &'x [&'x Node<Field>],
        path: Option<&'x Path<'x>>,
    ) -> Completed<'x> {
        Box::pin(async move {
            let (Source::Given(value) | Source::Answered(value)) = source else {
                return Err(Nulled);
            };
            if value.is_null() {
                if ty.is_non_null() {
                    // The backend has told of its own.
                    if !matches!(source, Source::Answered(_)) {
                        self.fail(String::from("The value may not be null."), fields, path);
                    }
                    return Err(Nulled);
                }
                return Ok(Json::Null);
            }
            let name = match ty {
                Type::List(inner) | Type::NonNullList(inner) => {
                    return self.list(inner, source, value, fields, path).await;
                }
                Type::Named(name) | Type::NonNullNamed(name) => name,
            };
            let types = self.graphql.schema.types();
            let Some(definition) = types.types.get(name) else {
                return Err(Nulled);
            };
            if definition.is_leaf() {
                return leaf::coerce(name, definition, value).ok_or_else(|| {
                    let why = format!("The value is no `{name}`.");
                    self.fail(why, fields, path);
                    Nulled
                });
            }
            if !value.is_object() {
                let why = format!("The value is no object, and no `{name}`.");
                self.fail(why, fields, path);
                return Err(Nulled);
            }
            let Some(object) = self.object_type(name, definition, value, fields, path) else {
                return Err(Nulled);
            };
            let sets = fields.iter().map(|field| &field.selection_set).collect();
            self.object(object, source, sets, path, false).await
        })
    }

    async fn list<'x>(
        &'x self,
        inner: &'x Type,
        source: Source<'x>,
        value: &'x Json,
        fields: &'x [&'x Node<Field>],
        path: Option<&'x Path<'x>>,
    ) -> Result<Json, Nulled> {
        let Json::Array(items) = value else {
            self.fail(String::from("The value is no list."), fields, path);
            return Err(Nulled);
        };
        self.more(items.len(), path, fields)?;
        let places = (0..items.len()).map(|at| Path {
            segment: Segment::Index(at),
            above: path,
        });
        let places: Vec<Path<'_>> = places.collect();
        let work = items.iter().zip(&places).map(|(item, place)| {
            let item = self.complete(inner, source.part(item), fields, Some(place));
            async move { or_null(inner, item.await) }
        });
        let items = if self.outer.is_observed() || self.is_leaf(inner) {
            let mut items = Vec::with_capacity(places.len());
            for one in work {
                items.push(one.await);
            }
            items
        } else {
            join_all(work).await
        };
        Ok(Json::Array(items.into_iter().collect::<Result<_, _>>()?))
    }

    fn is_leaf(&self, ty: &Type) -> bool {
        let types = &self.graphql.schema.types().types;
        let named = types.get(ty.inner_named_type());
        named.is_some_and(ExtendedType::is_leaf)
    }

    /// The object type of a value: by its `__typename` where the type leaves it open.
    fn object_type(
        &self,
        name: &Name,
        definition: &ExtendedType,
        value: &Json,
        fields: &[&Node<Field>],
        path: Option<&Path<'_>>,
    ) -> Option<&Node<ObjectType>> {
        let types = self.graphql.schema.types();
        if definition.is_object() {
            return types.get_object(name);
        }
        let possible = self.graphql.schema.possible(name);
        let told = value.get("__typename").and_then(Json::as_str);
        let found = match (told, &*possible) {
            (Some(told), _) => possible.iter().find(|p| p.as_str() == told).copied(),
            (None, [only]) => Some(*only),
            (None, _) => None,
        };
        if found.is_none() {
            let why = match told {
                Some(told) => format!("`{told}` is no type of `{name}`."),
                None => format!("The value of `{name}` does not say its type as `__typename`."),
            };
            self.fail(why, fields, path);
        }
        types.get_object(found?)
    }

    /// What a resolver gives for a field.
    async fn resolve(
        &self,
        resolver: &Resolver,
        object: &ObjectType,
        source: Source<'_>,
        definition: &FieldDefinition,
        field: &Node<Field>,
        path: Option<&Path<'_>>,
    ) -> Result<Json, Nulled> {
        let fail = |why: String| {
            self.fail(why, &[field], path);
            Nulled
        };
        let arguments = self.arguments(definition, field).map_err(fail)?;
        let calls = self.state.calls.get() + 1;
        self.state.calls.set(calls);
        if calls > MOST_CALLS {
            return Err(fail(format!(
                "The request needs more than {MOST_CALLS} calls of resolvers."
            )));
        }
        let resolving = Resolving::new(arguments, source.object(), definition.ty.is_list());
        let seat = self.state.seats.acquire().await;
        let called = resolver::call(self.outer, resolver, resolving).await;
        drop(seat);
        let given = called.map_err(|failure| {
            self.told(resolver, object, field, &failure);
            fail(public(&failure))
        })?;
        self.state.attempts.borrow_mut().extend(given.attempts);
        let bytes = self.state.bytes.get().saturating_add(given.body.len());
        self.state.bytes.set(bytes);
        let most = self.outer.snapshot.gateway.max_buffered_body;
        if bytes > most {
            let why = format!("The answers of the resolvers have more than {most} bytes.");
            return Err(fail(why));
        }
        for field in &given.subscriptions {
            self.publish(field, &given.body);
        }
        let value = read(&given.body, self.is_text(&definition.ty));
        value.ok_or_else(|| fail(String::from("The data source's answer is not JSON.")))
    }

    /// Tells the operator what the caller may not read.
    fn told(&self, resolver: &Resolver, object: &ObjectType, field: &Field, failure: &Failure) {
        let message = format!(
            "The resolver of `{}.{}` failed: {}",
            object.name, field.name, failure.message
        );
        let metadata = [(Str::from("resolver"), resolver.id.clone())];
        let severity = TraceSeverity::Error;
        self.outer
            .trace_message("graphql-resolver", severity, &message, &metadata);
    }

    /// Whether a value may be any text.
    pub(super) fn is_text(&self, ty: &Type) -> bool {
        let (Type::Named(name) | Type::NonNullNamed(name)) = ty else {
            return false;
        };
        let types = &self.graphql.schema.types().types;
        let scalar = types.get(name).is_some_and(ExtendedType::is_scalar);
        scalar && !matches!(name.as_str(), "Int" | "Float" | "Boolean")
    }

    fn fail(&self, why: String, fields: &[&Node<Field>], path: Option<&Path<'_>>) {
        let mut error = Error::new(why).at(written(path));
        if let Some(field) = fields.first() {
            error.locations = self.document.place(field.name.location());
        }
        self.error(error);
    }
}

/// A null where one may stand.
fn or_null(ty: &Type, value: Result<Json, Nulled>) -> Result<Json, Nulled> {
    match value {
        Err(Nulled) if !ty.is_non_null() => Ok(Json::Null),
        value => value,
    }
}

pub(in crate::graphql) fn public(failure: &Failure) -> String {
    match &failure.public {
        Some(public) if public == INTERNAL => String::from("The resolver failed."),
        Some(public) => public.to_string(),
        None => failure.message.clone(),
    }
}

/// An answer as a value: JSON, or for a text the answer itself. Nothing is null.
pub(super) fn read(body: &Bytes, text: bool) -> Option<Json> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.iter().all(u8::is_ascii_whitespace) {
        return Some(Json::Null);
    }
    let json = serde_json::from_slice::<Json>(body).ok();
    if !text {
        return json;
    }
    match json {
        Some(json) if !json.is_object() && !json.is_array() => Some(json),
        _ => Some(Json::from(std::str::from_utf8(body).ok()?)),
    }
}
