//! A host made of a JSON fixture: the `context` of an expression that is tried outside a gateway.
//!
//! Used by `tollgate eval`, the differential campaign and the tests of this crate. What must stay true: the campaign's C#
//! stand-in of `context` reads the same notation with the same defaults; time and randomness are fixed, so that an
//! expression gives the same at each run. See [`Fixture::read`] for the notation.

mod read;

use super::host::{
    ApiParts, BodyError, Entity, Field, Host, ListOf, Message, Parsed, UrlOf, UrlParts,
};
use crate::value::{Lent, Str, Value};
use bytes::Bytes;
use http::HeaderMap;
use std::collections::BTreeMap;

/// An exchange as a fixture describes it.
pub struct Fixture {
    fields: Vec<(Field, Value)>,
    present: Vec<Entity>,
    lists: Vec<(ListOf, Vec<(Str, Str)>)>,
    product_apis: Vec<ApiParts>,
    headers: [HeaderMap; 2],
    bodies: [Option<Bytes>; 2],
    had: [bool; 2],
    parsed: [Option<Parsed>; 2],
    parameters: Vec<(Str, Str)>,
    variables: BTreeMap<String, Value>,
    urls: [UrlParts; 3],
    request_id: u128,
    timestamp: i64,
    traced: Vec<String>,
    seed: u64,
    pauses: u32,
    /// The caller leaves at this pause.
    leaves_at: Option<u32>,
}

impl Fixture {
    /// Reads the `context` of a case; the error says what is wrong, and where.
    ///
    /// Everything may be left out. The keys:
    ///
    /// - `requestId`, `timestamp` (also what `DateTime.UtcNow` gives);
    /// - `request`: `method`, `url`, `originalUrl`, `ipAddress`, `headers`, `matchedParameters`, `body`;
    /// - `response`: `statusCode`, `statusReason`, `headers`, `body`;
    /// - `variables`: text, numbers, `true`, `null`, JSON, or `{"$type": …, "value": …}` with one of `JObject`, `JArray`,
    ///   `JToken`, `DateTime`, `int`, `long`, `double`, `Guid`, `bytes` (base64), `IResponse` (as `response`) and `Jwt`
    ///   (`id`, `issuer`, `subject`, `audiences`, `claims`);
    /// - `api`, `operation`, `product`, `subscription`, `user`, `lastError`, `deployment`, `workspace`: their members in camel
    ///   case; the names of an API's key parameters are `subscriptionKeyHeader` and `subscriptionKeyQuery`.
    ///
    /// A header is a text or a list of texts, a body a text or JSON. A message without `body` has none.
    pub fn read(context: &serde_json::Value) -> Result<Fixture, String> {
        read::fixture(context)
    }

    /// Sets a variable.
    pub fn set_variable(&mut self, name: &str, value: Value) {
        self.variables.insert(name.into(), value);
    }

    /// How often an evaluation let others go on.
    pub fn pauses(&self) -> u32 {
        self.pauses
    }

    /// Lets the caller leave at a pause, counted from 1.
    pub fn leave_at(&mut self, pause: u32) {
        self.leaves_at = Some(pause);
    }

    /// What `context.Trace` said.
    pub fn traced(&self) -> &[String] {
        &self.traced
    }
}

/// Where a URL stands.
fn place(url: UrlOf) -> usize {
    match url {
        UrlOf::Request => 0,
        UrlOf::Original => 1,
        UrlOf::ApiService => 2,
    }
}

impl Host for Fixture {
    fn has(&self, entity: Entity) -> bool {
        self.present.contains(&entity)
    }

    fn field(&self, field: Field) -> Lent<'_> {
        self.fields
            .iter()
            .find(|(f, _)| *f == field)
            .map_or(Lent::NULL, |(_, v)| Lent::Kept(v))
    }

    fn list(&self, list: ListOf) -> Vec<(Str, Str)> {
        self.lists
            .iter()
            .find(|(l, _)| *l == list)
            .map_or_else(Vec::new, |(_, items)| items.clone())
    }

    fn product_apis(&self) -> Vec<ApiParts> {
        self.product_apis.clone()
    }

    fn headers(&self, message: Message) -> &HeaderMap {
        &self.headers[usize::from(message == Message::Response)]
    }

    fn url(&self, url: UrlOf) -> UrlParts {
        self.urls[place(url)].clone()
    }

    fn query(&self, url: UrlOf, read: &mut dyn FnMut(&str)) {
        read(&self.urls[place(url)].query_string);
    }

    fn matched_parameters(&self) -> &[(Str, Str)] {
        &self.parameters
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }

    fn variable_names(&self) -> Vec<Str> {
        self.variables.keys().map(|k| k.as_str().into()).collect()
    }

    fn body(&mut self, message: Message, preserve: bool) -> Result<Bytes, BodyError> {
        let i = usize::from(message == Message::Response);
        let body = if preserve {
            self.bodies[i].clone()
        } else {
            self.bodies[i].take()
        };
        body.ok_or(if self.had[i] {
            BodyError::Consumed
        } else {
            BodyError::Missing
        })
    }

    fn parsed(&mut self, message: Message) -> Option<Parsed> {
        self.parsed[usize::from(message == Message::Response)].take()
    }

    fn keep_parsed(&mut self, message: Message, parsed: Parsed) {
        self.parsed[usize::from(message == Message::Response)] = Some(parsed);
    }

    fn request_id(&self) -> u128 {
        self.request_id
    }

    fn timestamp(&self) -> i64 {
        self.timestamp
    }

    fn now(&self) -> i64 {
        self.timestamp
    }

    fn random(&mut self) -> u64 {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.seed
    }

    fn trace(&mut self, text: &str) {
        self.traced.push(text.to_string());
    }

    fn pause(&mut self) -> bool {
        self.pauses += 1;
        self.leaves_at.is_none_or(|at| self.pauses < at)
    }
}

#[cfg(test)]
mod tests;
