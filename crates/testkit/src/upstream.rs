//! Upstreams that do exactly what a test says, down to the byte.
//!
//! Called by tests of whole gateways. [`ScriptedUpstream`] plays raw HTTP/1.1 (chunks, delays,
//! resets, broken bytes), [`HttpUpstream`] speaks proper HTTP/1.1 and HTTP/2 in clear text or over
//! TLS, [`WebSocketEcho`] upgrades and echoes frames.
//! What must stay true: port 0 only; recorded requests are bounded; dropping an upstream closes its
//! listener and its connections.

mod http_server;
mod request;
mod script;
mod scripted;
mod tls;
mod websocket;

pub use http_server::{HttpUpstream, Transport};
pub use request::ReceivedRequest;
pub use script::{Script, Step};
pub use scripted::ScriptedUpstream;
pub use tls::TestCertificates;
pub use websocket::{WebSocketClient, WebSocketEcho, WebSocketMessage};
