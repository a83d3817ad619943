//! The rows: which proxy, which request, how many.

/// What is put under load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// No proxy: the upstream itself.
    Direct,
    /// The minimal hyper proxy.
    Floor,
    /// nginx with kept-alive upstream connections.
    Nginx,
    /// The gateway.
    Tollgate,
}

/// The tokens that requests carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bearer {
    /// None.
    None,
    /// The same one, as a caller sends it for an hour.
    Same,
    /// Another one each time: none is remembered.
    New,
}

/// Which rows compare with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shape {
    /// A chat answer in one piece.
    Whole,
    /// A chat answer as 50 events.
    Stream,
    /// An MCP tool's result as one JSON object.
    Tool,
    /// An MCP tool's result as the one event of a stream.
    ToolEvent,
}

/// A row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) proxy: Program,
    pub(crate) shape: Shape,
    /// Path prefix: chooses the API in the gateway's configuration.
    pub(crate) prefix: &'static str,
    /// Each request carries another prompt (the semantic cache must miss).
    pub(crate) unique: bool,
    pub(crate) bearer: Bearer,
    pub(crate) floor: bool,
    /// The gateway keeps a ledger; the row compares with the one whose name this is.
    pub(crate) ledger: Option<&'static str>,
    pub(crate) connections: &'static [usize],
}

impl Scenario {
    /// Requests of the measured part.
    pub(crate) fn requests(&self, connections: usize) -> usize {
        match (self.shape, connections) {
            (Shape::Whole | Shape::Tool | Shape::ToolEvent, 1) => 20_000,
            (Shape::Whole | Shape::Tool | Shape::ToolEvent, _) => 100_000,
            (Shape::Stream, 1) => 1_500,
            (Shape::Stream, _) => 6_000,
        }
    }
}

const BOTH: &[usize] = &[1, 64];

const fn row(name: &'static str, proxy: Program, shape: Shape, prefix: &'static str) -> Scenario {
    Scenario {
        name,
        proxy,
        shape,
        prefix,
        unique: false,
        bearer: Bearer::None,
        floor: false,
        ledger: None,
        connections: BOTH,
    }
}

/// The row of a name and the same with a ledger.
fn with_ledger(without: Scenario, name: &'static str) -> [Scenario; 2] {
    let with = Scenario {
        name,
        ledger: Some(without.name),
        ..without
    };
    [without, with]
}

/// What a long run sends: whole answers, and streams.
pub(crate) fn soak() -> [Scenario; 2] {
    let of = |shape| Scenario {
        ledger: Some(""),
        ..row("soak", Program::Tollgate, shape, "/governed")
    };
    [of(Shape::Whole), of(Shape::Stream)]
}

/// All rows, the floors before what compares with them.
pub(crate) fn all() -> Vec<Scenario> {
    let floor = |shape| {
        let (name, prefix) = match shape {
            Shape::Whole => ("floor", "/plain"),
            Shape::Stream => ("stream: floor", "/plain"),
            Shape::Tool => ("MCP: floor", "/tools"),
            Shape::ToolEvent => ("MCP event: floor", "/events"),
        };
        Scenario {
            floor: true,
            ..row(name, Program::Floor, shape, prefix)
        }
    };
    let [limit, limit_ledger] = with_ledger(
        row(
            "tollgate: limit, metrics",
            Program::Tollgate,
            Shape::Whole,
            "/governed",
        ),
        "tollgate: limit, metrics, ledger",
    );
    let [miss, miss_ledger] = with_ledger(
        Scenario {
            unique: true,
            ..row(
                "tollgate: governed, cache miss",
                Program::Tollgate,
                Shape::Whole,
                "/cache",
            )
        },
        "tollgate: governed, miss, ledger",
    );
    let [stream, stream_ledger] = with_ledger(
        row(
            "stream: tollgate: limit, metrics",
            Program::Tollgate,
            Shape::Stream,
            "/governed",
        ),
        "stream: limit, metrics, ledger",
    );
    vec![
        row("direct (no proxy)", Program::Direct, Shape::Whole, "/plain"),
        floor(Shape::Whole),
        row("nginx", Program::Nginx, Shape::Whole, "/plain"),
        row("tollgate: key", Program::Tollgate, Shape::Whole, "/plain"),
        Scenario {
            bearer: Bearer::New,
            ..row(
                "tollgate: validate-jwt RS256",
                Program::Tollgate,
                Shape::Whole,
                "/jwt",
            )
        },
        Scenario {
            bearer: Bearer::Same,
            ..row(
                "tollgate: validate-jwt, same token",
                Program::Tollgate,
                Shape::Whole,
                "/jwt",
            )
        },
        row(
            "tollgate: pool of four",
            Program::Tollgate,
            Shape::Whole,
            "/pool",
        ),
        limit,
        limit_ledger,
        row(
            "tollgate: limit, metrics, estimate",
            Program::Tollgate,
            Shape::Whole,
            "/estimate",
        ),
        row(
            "tollgate: governed, cache hit",
            Program::Tollgate,
            Shape::Whole,
            "/cache",
        ),
        miss,
        miss_ledger,
        Scenario {
            connections: &[256],
            ..row(
                "tollgate: key, 256 connections",
                Program::Tollgate,
                Shape::Whole,
                "/plain",
            )
        },
        Scenario {
            connections: &[256],
            ..row(
                "tollgate: limit, 256 connections",
                Program::Tollgate,
                Shape::Whole,
                "/governed",
            )
        },
        row("stream: direct", Program::Direct, Shape::Stream, "/plain"),
        floor(Shape::Stream),
        row("stream: nginx", Program::Nginx, Shape::Stream, "/plain"),
        row(
            "stream: tollgate: key",
            Program::Tollgate,
            Shape::Stream,
            "/plain",
        ),
        stream,
        stream_ledger,
        row("MCP: direct", Program::Direct, Shape::Tool, "/tools"),
        floor(Shape::Tool),
        row("MCP: nginx", Program::Nginx, Shape::Tool, "/tools"),
        row(
            "tollgate: MCP tools/call",
            Program::Tollgate,
            Shape::Tool,
            "/tools",
        ),
        row(
            "tollgate: MCP tools/call, described policy",
            Program::Tollgate,
            Shape::Tool,
            "/described",
        ),
        floor(Shape::ToolEvent),
        row(
            "tollgate: MCP tools/call, event",
            Program::Tollgate,
            Shape::ToolEvent,
            "/events",
        ),
    ]
}
