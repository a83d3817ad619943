//! WebSockets of GraphQL APIs that answer subscriptions themselves: the protocol `graphql-transport-ws`.
//!
//! `forward-request` opens one ([`opening`]); whoever owns the connection then serves it over a [`Wire`]. Source: "GraphQL over
//! WebSocket Protocol" of the package `graphql-ws`, which API Management's page on GraphQL APIs names. What must stay true:
//! the engine touches no socket; the exchange of the handshake lives as long as its socket and settles behind it; operations,
//! waiting events and the size of messages are bounded, and every wait has an end.

mod message;
pub(crate) mod opening;
mod session;

use super::rules::MessageRules;
use crate::exchange::Exchange;
use crate::services::SendOptions;
use std::borrow::Cow;
use std::time::Duration;

/// The sub-protocol.
pub const PROTOCOL: &str = "graphql-transport-ws";

/// Most bytes of a message from the client.
pub const LARGEST: usize = 1 << 20;

/// Most operations of one socket at one time.
pub const MOST_OPERATIONS: usize = 100;

/// Why a socket is closed: a code of RFC 6455 or of the protocol, and words for people, of no more than 123 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The code.
    pub code: u16,
    /// The words.
    pub reason: Cow<'static, str>,
}

impl Close {
    /// The gateway is ending.
    pub const GOING_AWAY: Close = Close::new(1001, "The gateway is stopping: connect again.");
    /// The policies that let the client in may have changed.
    pub const RELOADED: Close = Close::new(
        1012,
        "The gateway's configuration has changed: connect again.",
    );

    /// A message that is no text.
    pub const BINARY: Close = Close::new(1003, "Messages are texts.");

    /// One with fixed words.
    const fn new(code: u16, reason: &'static str) -> Close {
        Close {
            code,
            reason: Cow::Borrowed(reason),
        }
    }

    /// One whose words hold what a client sent; they are cut where they are too long for the frame.
    fn because(code: u16, mut reason: String) -> Close {
        reason.truncate(reason.floor_char_boundary(123));
        Close {
            code,
            reason: Cow::Owned(reason),
        }
    }
}

/// What comes from a client, or of its connection.
#[derive(Debug)]
pub enum Received {
    /// A text message.
    Text(String),
    /// The connection is to be closed by the gateway, once queries and mutations under way are answered.
    Close(Close),
    /// The client has gone.
    Gone,
}

/// A client's connection: whole messages, both ways.
pub trait Wire {
    /// The next message. Dropping the future loses nothing.
    fn receive(&mut self) -> impl Future<Output = Received>;

    /// Sends a text message, within a time. `false`: the client has gone, or does not read.
    fn send(&mut self, text: String) -> impl Future<Output = bool>;

    /// Closes, and waits a moment for the client to do so too.
    fn close(&mut self, close: &Close) -> impl Future<Output = ()>;

    /// How long the client may take for `connection_init`.
    fn patience(&self) -> Duration;
}

/// A socket of an exchange.
#[derive(Debug, Default)]
pub struct Socket {
    /// What `validate-graphql-request` asks of its messages.
    pub(crate) rules: Vec<MessageRules>,
    /// As `forward-request` says it; `None`: the handshake was not accepted here.
    options: Option<SendOptions>,
}

impl Socket {
    /// Serves it to its end. `rq`: the exchange of the handshake.
    pub async fn serve(self, rq: &Exchange, wire: &mut impl Wire) {
        if let Some(options) = self.options {
            session::serve(&self.rules, options, rq, wire).await;
        }
    }
}

/// Reads what a client may have sent.
pub(super) fn fuzz(text: &str) {
    if let Err(close) = message::Message::read(text) {
        let fits = close.code == 4400 && close.reason.len() <= 123;
        assert!(fits, "{close:?}");
    }
}

impl Exchange {
    /// The socket that the answer opens, where the answer is a 101 of the gateway's own.
    pub fn take_graphql_socket(&mut self) -> Option<Socket> {
        let opened = self
            .graphql_socket
            .take_if(|socket| socket.options.is_some());
        opened.map(|socket| *socket)
    }
}
