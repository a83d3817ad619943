//! SQL Server as data sources see it: a database, a statement with its parameters, and rows as JSON.
//!
//! `sql-data-source` asks [`Transport::query`](crate::services::Transport::query); `proxy` speaks the protocol. What must stay
//! true: values go as parameters and never become text of a statement; passwords and tokens do not print.

pub mod connection_string;
pub mod parameter;

pub use connection_string::ConnectionString;
pub use parameter::{Parameter, SqlType, SqlValue};

use crate::connect::ConnectOptions;
use crate::failure::Failure;
use crate::services::IdentityToken;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tollgate_lang::value::Str;

/// One statement that a database is asked.
#[derive(Debug)]
pub struct SqlCall {
    /// Which database, and as whom when there is no token.
    pub database: Arc<ConnectionString>,
    /// A token of the gateway's identity, which takes the place of user and password.
    pub token: Option<Arc<IdentityToken>>,
    /// What the gateway shows of itself when the connection opens.
    pub connect: Option<Arc<ConnectOptions>>,
    /// The statement, as the document has it.
    pub statement: Str,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// Whether nothing but the first row is wanted.
    pub one_row: bool,
    /// Most bytes of [`Rows::json`].
    pub limit: usize,
}

/// The rows of a statement's last result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// JSON objects with commas between them.
    pub json: Bytes,
    /// How many there are.
    pub count: usize,
}

/// Why there are no rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// No connection, no login, or it broke.
    #[error("{0}")]
    Connect(String),
    /// No answer in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The server's own error.
    #[error("error {number}, level {class}, state {state}, line {line}: {message}")]
    Server {
        /// `Number` of .NET's `SqlError`.
        number: u32,
        /// `Class`: the severity.
        class: u8,
        /// `State`.
        state: u8,
        /// `LineNumber`, from 1.
        line: u32,
        /// `Message`.
        message: String,
    },
    /// The rows are larger than the call allows, in bytes.
    #[error("the rows are larger than {0} bytes")]
    TooLarge(usize),
}

impl SqlError {
    /// What `context.LastError` has of it; `server` is whom it came from.
    pub(crate) fn failure(&self, server: &str) -> Box<Failure> {
        let reason = match self {
            SqlError::Connect(_) | SqlError::TooLarge(_) => "BackendConnectionFailure",
            SqlError::Timeout(_) => "Timeout",
            SqlError::Server { .. } => "SqlException",
        };
        Failure::internal("", reason, format!("SQL Server {server}: {self}."))
    }
}
