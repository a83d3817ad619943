//! A debugger for policy documents: the Debug Adapter Protocol on one side, a probe of the engine on the other.
//!
//! `tollgate debug` runs a [`Session`] over stdio or a socket and gives the gateway or the fixture its [`Session::watch`].
//! Each exchange is a thread of the protocol; it holds itself before a step (`hold`), answers there what is asked of its
//! frames and values (`inspect`), and goes on when it is told. What must stay true: an editor that vanishes lets every
//! exchange go; no held exchange waits without a deadline; a malformed message is answered, or skipped, and never ends the
//! session; values are masked as in a trace; nothing is held where no breakpoint, step or pause asks for it.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod breakpoints;
mod hold;
mod inspect;
mod protocol;
mod session;

pub use protocol::{Reader, Writer};
pub use session::{End, Launch, Session};
