//! Errors in the shape that GraphQL's clients read.
//!
//! What must stay true: a request error answers with `errors` alone, without `data`.

use apollo_compiler::response::GraphQLError;
use serde_json::{Map, Value as Json, json};

/// Most errors of one answer.
pub const MOST: usize = 100;

/// An entry of `errors`.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// `message`.
    pub message: String,
    /// `locations`: lines and columns in the request's document, from 1.
    pub locations: Vec<(usize, usize)>,
    /// `path`: response keys and indexes.
    pub path: Vec<Json>,
}

impl Error {
    /// One without a place.
    pub fn new(message: impl Into<String>) -> Error {
        Error {
            message: message.into(),
            locations: Vec::new(),
            path: Vec::new(),
        }
    }

    /// One of the library's.
    pub fn of(error: &GraphQLError) -> Error {
        let locations = error.locations.iter().map(|l| (l.line, l.column));
        let path = error.path.iter().map(|segment| {
            use apollo_compiler::response::ResponseDataPathSegment::{Field, ListIndex};
            match segment {
                Field(name) => Json::from(name.as_str()),
                ListIndex(at) => Json::from(*at),
            }
        });
        Error {
            message: error.message.clone(),
            locations: locations.collect(),
            path: path.collect(),
        }
    }

    /// The same with the path of its field.
    #[must_use]
    pub fn at(mut self, path: Vec<Json>) -> Error {
        self.path = path;
        self
    }

    /// As it is sent.
    pub fn json(&self) -> Json {
        let mut object = Map::new();
        object.insert(String::from("message"), Json::from(self.message.as_str()));
        if !self.locations.is_empty() {
            let places = self.locations.iter();
            let places = places.map(|(line, column)| json!({ "line": line, "column": column }));
            object.insert(String::from("locations"), places.collect());
        }
        if !self.path.is_empty() {
            object.insert(String::from("path"), Json::Array(self.path.clone()));
        }
        Json::Object(object)
    }
}

/// The list of `errors`.
pub fn list(errors: &[Error]) -> Json {
    errors.iter().take(MOST).map(Error::json).collect()
}

/// The body of an answer to a request that was not executed.
pub fn refusal(errors: &[Error]) -> Json {
    json!({ "errors": list(errors) })
}
