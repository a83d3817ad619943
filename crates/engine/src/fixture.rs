//! Fixtures: text files that configure a gateway, send requests and say what must come back.
//!
//! The engine's own tests run them, and so can a policy's author: nothing here opens a socket or waits for real time.
//! What must stay true: a fixture runs the very pipeline that serves; the same file gives the same result every time.

mod arrangement;
mod budgets;
mod config;
mod counters;
mod database;
mod json;
mod look;
mod message;
mod openapi;
mod openid;
mod pattern;
mod play;
mod recorder;
mod script;
pub mod shapes;
pub(crate) mod signer;
mod socket;
mod table;
mod time;
mod update;
mod upstream;

pub use crate::probe::Watch;
pub use arrangement::Setup;
pub use play::offline;
pub use script::{Case, Fixture, Given, Include};
pub use time::FakeClock;
pub use update::Edit;

use crate::definition::Definition;
use std::fmt;
use std::sync::Arc;
use tollgate_lang::Diagnostic;

/// The format, for people who write fixtures.
pub const FORMAT: &str = r#"A fixture is a text file of sections. A section begins with a line `-- NAME ...` and ends where the next begins.
What stands before the first section is a comment. `-- case TITLE` begins a new gateway with nothing of the earlier ones.
  -- background
      what follows, up to the first case, stands at the beginning of each case
  -- include FILE
      the sections of another file, whose path is relative to this one (where fixtures are read from files)
  -- table
      rows of cells with `|` between them, the first one with names: the case runs for each row, and `<NAME>` stands for
      the row's cell in its title and its sections (not in documents)

Arrangement (before the first request of a case):
  -- policy.xml [global|product|api|operation [ID]]
      a policy document; without a scope it is the API's. `<policies>` around the sections may be left out
  -- fragment ID
      a policy fragment; `<fragment>` around the policies may be left out
  -- openapi
      an OpenAPI document (JSON): its operations, with their contracts, are those of the API
  -- schema ID
      a schema that policies name by `schema-id`: JSON, or XML when it begins with `<`
  -- graphql
      the API is a GraphQL API with this schema; with no text it has none
  -- resolver TYPE.FIELD
      the document of a resolver of it, whose root is a data source
  -- config
      lines `NAME: VALUE`:
      named-value NAME, secret NAME          a named value, also in place of the configuration's own
      env NAME                               an environment variable that the configuration reads
      api path, api service-url, api protocols, api subscription-required, api kind, api key-header, api key-query
      api version                            segment|query NAME|header NAME VERSION
      operation ID                           METHOD /template; the first one replaces the default `* /*`
      mcp endpoint, mcp sse-endpoints, mcp allowed-origins, mcp max-body, mcp authorization-servers, mcp scopes,
      mcp resource-name, mcp allow, mcp deny, mcp product allow, mcp product deny
                                             of an API whose kind is mcp; lists are words
      tool NAME                              METHOD /template: an operation of the API `backing`, and a tool of the API
      tool api path, tool api service-url, ... settings of the API `backing`
      product subscription-required, product groups
      subscription ID                        KEY product|api|all [of USER] [inactive]
      user ID                                email first-name last-name [GROUP ...]
      budget ID                              NUMBER tokens|money [each subscription|user|product|api|run] [per day|month|ever] [soft]
                                             [of product|group|subscription|user|api|backend|model NAME] [below BUDGET] [at PERCENT]
                                             [carrying] [children-only] [allowing-unpriced]
      budgets path, budgets tokens-header, budgets amount-header, budgets key-depth, budgets keys
      backend ID                             its URL
      logger ID                              event-hub|application-insights CREDENTIAL=VALUE ...: as name=hub endpointAddress=HOST
      authorization PROVIDER ID              TOKEN [until TIME] [CLAIMS as a JSON object]: a stored connection
      backend ID header NAME, backend ID query NAME, backend ID authorization
      backend ID managed-identity            RESOURCE [CLIENT-ID]
      certificate ID                         PFX-IN-BASE64 [PASSWORD]: one of the configuration's certificates, with its key
      backend ID certificate                 ID of a certificate, or certificate-thumbprint: what the gateway shows it
      backend ID proxy                       URL [USER PASSWORD]
      backend ID circuit-breaker             [count N] [percentage N] [in DURATION] on STATUS|MIN-MAX|REASON ... [for DURATION] [or retry-after]
      pool ID                                BACKEND [priority N] [weight N], ...
      pool ID affinity                       COOKIE [KEY]
      pool ID failover                       ATTEMPTS
      identity RESOURCE                      the token that managed identity gives, or `fails WHY`
      key NAME                               `HS256 of KEY` (its secret is the public text of KEY), or RS256 (384, 512), PS256.., ES256.., HS256.. or EdDSA: a key that signs tokens.
                                             Documents read {{NAME}} (a shared secret, Base64) or {{NAME-n}} and {{NAME-e}} (RSA)
      openid URL                             ISSUER KEY...: the issuer and the keys that the OpenID provider at this
                                             configuration URL publishes, or `fails WHY`. A KEY may be `NAME{"use":"enc"}`, with members
                                             that come over its own (null takes one out)
      gateway openid-authority URL           what stands in its place at the beginning of OpenID configuration URLs
      gateway id, gateway region, gateway service-name, gateway max-buffered-body, gateway usage-timeout,
      gateway token-accounting, product token-accounting, api token-accounting
                                             strict|observed stop|no-stop max N clamp N, in any order
     
      gateway client-authorities             PEM in Base64: whom client certificates are trusted by
      gateway public-url, gateway allowed-hosts, gateway dapr-endpoint
Without any, there is one API `api` at the root with one operation `* /*`, serviceUrl http://upstream.test, in product
`product`, and a subscription `sub` to it whose key `key` is sent with every request.

Actions, in order:
  -- send METHOD TARGET [as SUBSCRIPTION] [from IP] [without key] [with CERTIFICATE] [N times] [beside N others]
          [and leave [after N chunks|at DURATION]]
      then headers, a blank line and the body; TARGET is a path or a URL (default host: https://gateway.test);
      who leaves at a time leaves though there is no answer yet, which waiting brings on; others are the same request,
      sent at the same time: each `expect` behind it looks at the next answer
  -- socket TARGET
      opens a WebSocket of a GraphQL API with the subscription's key and plays lines over it: `> MESSAGE` is sent,
      `< MESSAGE` must come next (with placeholders), `< close CODE REASON` is how the gateway closes it; behind the
      last line the client leaves. `expect` sees the answer to the handshake
  -- expect STATUS [REASON] [after DURATION]
      then headers, a blank line and the body of the answer to the last request; what is not said is not checked.
      `name:` alone: the header is not there. `(empty)` as body: there is none.
      `<any>`, `<guid>` and `<int>` stand for what they say, in headers and bodies.
      A body may also be lines `$.path: VALUE` (`$.a.b`, `[0]`, `[-1]`, `['c']`, `[*]` for any item, `.length()`; VALUE is JSON,
      a text with placeholders, or `absent`) and `~ REGEX`, all of which must hold; or `(json)` and a JSON value under it,
      which need not tell all members of its objects
  -- token NAME by KEY
      a token for messages to send, where `<token NAME>` stands for it: lines `name: JSON` of its header (over `typ`, `alg`
      and `kid`; null takes one out), or its whole header as a line that begins with `{`; a blank line, and its claims as JSON.
      `<token NAME without signature>` ends before its last dot, `<signature NAME>` is what stands behind it
  -- token NAME unsigned
      a token whose header, claims and signature are the three lines under it; only the first two are encoded
  -- openid URL ISSUER KEY..., -- openid URL fails WHY, or -- openid URL silent
      what the provider publishes from now on; what was fetched stays known
  -- upstream [HOST][/PATH] STATUS [REASON] [in DURATION] [in events [every DURATION]] [gzip] [breaks] [always]
      what the upstream answers next, with headers and body, or that host does, or to paths that begin so; unscripted,
      it answers 200 `ok`
  -- upstream [HOST] refuses|stalls|garbles [always]
  -- upstream saw METHOD TARGET [showing THUMBPRINT|nothing] [through HOST:PORT [AUTHORIZATION]|nothing] [at DURATION]
      the next request of the last `send` that reached the upstream, with headers and body as in `expect`
  -- upstream saw nothing
  -- database [SERVER] answers [in DURATION]
      the rows that a database of SQL Server answers next, as a JSON array of objects
  -- database [SERVER] fails NUMBER, with the message under it; or refuses|stalls
  -- database saw SERVER,PORT/DATABASE as USER:PASSWORD|token TOKEN [showing THUMBPRINT]
      the next statement of the last `send` that reached a database: lines `@name TYPE = VALUE` of its parameters, a blank
      line, the statement
  -- database saw nothing
  -- time +DURATION, or -- time 2026-01-31T00:00:00Z
      turns the clock, which begins at 2026-01-01T00:00:00Z; waiting turns it too
  -- traced SEVERITY SOURCE
      the next message of the last request's `trace` policies: lines `name: value` of metadata, a blank line, the message
  -- metric NAMESPACE [NAME]
      the next metric: its dimensions, a blank line, and the counts `prompt N completion N total N`, with those of
      the other categories that are not zero behind them (`cached N cache-write N reasoning N audio-prompt N
      audio-completion N image-prompt N image-completion N`, in this order); of `emit-metric`,
      which has a name, the value
  -- variables
      lines `NAME: VALUE`: the last request's variables when it ended, as texts; `NAME:` alone: it is not set
  -- counted KEY N
      N is on the counter of a key (of a rate limit, a quota or a token limit) before the next request
  -- counter KEY [used N] [left N]
      what is on the counter of a key now; of tokens only what is left
  -- settled answered|client_left|upstream_failed
      how the last request ended
  -- settled inner TOOL answered|client_left|upstream_failed
      how the next call of a tool inside it ended
  -- fault
      what loading must report (after an error nothing can follow): a line `LINE:COLUMN CODE MESSAGE` for each fault (`-` for a place outside documents),
      and under it, if wished, `  label: TEXT` and `  help: TEXT`
Durations are a number with ms, s, m, h or d.
"#;

/// Why a fixture did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The included file that the line stands in, as the fixture names it; `None`: the fixture itself.
    pub file: Option<Arc<str>>,
    /// Line in it, from 1.
    pub line: usize,
    /// What was expected and what came.
    pub message: String,
    /// What would make the expectation say what came; none where nothing would.
    pub edits: Vec<Edit>,
}

impl Fault {
    fn new(line: usize, message: impl Into<String>) -> Fault {
        Fault {
            file: None,
            line,
            message: message.into(),
            edits: Vec::new(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file} ")?;
        }
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// What a case that passed did with its configuration.
#[derive(Clone, Copy, Debug)]
pub enum Passed<'a> {
    /// It loaded, and requests were sent.
    Served,
    /// It loaded; no request was sent.
    Loaded,
    /// It was refused, with these faults.
    Refused(&'a [Diagnostic]),
}

/// What came of one case.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The case's title; empty for a file without cases.
    pub title: String,
    /// Why it did not pass.
    pub fault: Option<Fault>,
}

/// Runs all cases of a fixture's text against a set-up that they build on.
pub fn run(text: &str, setup: &Setup) -> Vec<Outcome> {
    run_noting(text, setup, &mut |_, _| ())
}

/// The same; `note` gets the definition of each case that passed and what it did with it.
pub fn run_noting(
    text: &str,
    setup: &Setup,
    note: &mut dyn FnMut(&Definition, Passed<'_>),
) -> Vec<Outcome> {
    let fixture = match Fixture::parse(text) {
        Ok(fixture) => fixture,
        Err(fault) => {
            return vec![Outcome {
                title: String::new(),
                fault: Some(fault),
            }];
        }
    };
    fixture
        .cases
        .iter()
        .map(|case| Outcome {
            title: case.title.clone(),
            fault: run_case(case, setup, note).err(),
        })
        .collect()
}

/// Runs one case; `note` as in [`run_noting`].
pub fn run_case(
    case: &Case,
    setup: &Setup,
    note: &mut dyn FnMut(&Definition, Passed<'_>),
) -> Result<(), Fault> {
    play::case(case, setup, note)
}

#[cfg(test)]
mod tests;
