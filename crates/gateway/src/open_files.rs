//! The limit of open files, which is what a proxy runs out of first.
//!
//! Called once at start. Systems begin a process with a low soft limit for programs that still use `select`; a call
//! through the gateway holds two sockets, so that 1,024 files would be 500 calls in flight.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to what the system allows.
pub(crate) fn raise() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // Refused, the limit stays as it was; that is what `gateway.limits.connections` is for.
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: maximum,
                maximum,
            },
        );
    }
}
