//! The load: a fixed number of connections, each sending its next request when the last answer has ended.

use crate::mock::length;
use crate::scenario::{Bearer, Scenario, Shape};
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// No row may hang.
const DEADLINE: Duration = Duration::from_secs(180);

/// What a run saw.
pub(crate) struct Seen {
    pub(crate) seconds: f64,
    latencies: Vec<f64>,
    firsts: Vec<f64>,
}

impl Seen {
    /// Microseconds until the whole answer.
    pub(crate) fn percentile(&self, p: f64) -> f64 {
        at(&self.latencies, p)
    }

    /// Median microseconds until the first event's bytes.
    pub(crate) fn first(&self) -> f64 {
        at(&self.firsts, 0.5)
    }
}

fn at(sorted: &[f64], p: f64) -> f64 {
    sorted
        .get(((sorted.len().saturating_sub(1)) as f64 * p) as usize)
        .copied()
        .unwrap_or(0.0)
}

/// Sends `requests` over `connections`, with tokens of `bearers` where the row wants some.
pub(crate) async fn run(
    addr: SocketAddr,
    scenario: &Scenario,
    connections: usize,
    bearers: &Rc<Vec<String>>,
    requests: usize,
) -> Result<Seen, String> {
    let left = Rc::new(Cell::new(requests));
    let local = LocalSet::new();
    let begin = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|_| local.spawn_local(connection(addr, *scenario, bearers.clone(), left.clone())))
        .collect();
    let all = local.run_until(async {
        let mut seen = Seen {
            seconds: 0.0,
            latencies: Vec::with_capacity(requests),
            firsts: Vec::with_capacity(requests),
        };
        for task in tasks {
            let (latencies, firsts) = task
                .await
                .map_err(|e| e.to_string())?
                .map_err(|e| e.to_string())?;
            seen.latencies.extend(latencies);
            seen.firsts.extend(firsts);
        }
        Ok::<_, String>(seen)
    });
    let mut seen = tokio::time::timeout(DEADLINE, all)
        .await
        .map_err(|_| String::from("the row did not end in time"))??;
    seen.seconds = begin.elapsed().as_secs_f64();
    seen.latencies.sort_by(f64::total_cmp);
    seen.firsts.sort_by(f64::total_cmp);
    Ok(seen)
}

/// A call of a tool as a client of the revision 2026-07-28 makes it.
fn tool_call(prefix: &str) -> Vec<u8> {
    let body = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"microsoft_docs_search","arguments":{"query":"How does App Service scale a server horizontally?"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1.0.0"},"io.modelcontextprotocol/clientCapabilities":{"elicitation":{},"sampling":{}}}}}"#;
    let head = format!(
        "POST {prefix}/mcp HTTP/1.1\r\nhost: localhost\r\naccept: application/json, text/event-stream\r\nuser-agent: bench/1\r\ncontent-type: application/json\r\nmcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: microsoft_docs_search\r\nocp-apim-subscription-key: bench-key\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

/// The bytes of a request, and where the prompt's digits and the token stand in them.
fn request(scenario: &Scenario, bearer: &str) -> (Vec<u8>, usize, usize) {
    if matches!(scenario.shape, Shape::Tool | Shape::ToolEvent) {
        return (tool_call(scenario.prefix), 0, 0);
    }
    let stream = if scenario.shape == Shape::Stream {
        r#","stream":true"#
    } else {
        ""
    };
    let body = format!(
        r#"{{"model":"gpt-4o-mini","messages":[{{"role":"system","content":"Answer in one sentence."}},{{"role":"user","content":"00000000 How does App Service scale a server horizontally, and what happens to its sessions?"}}],"temperature":0.2{stream}}}"#
    );
    let authorization = match scenario.bearer {
        Bearer::None => String::new(),
        _ => format!("authorization: Bearer {bearer}\r\n"),
    };
    let head = format!(
        "POST {}/openai/deployments/gpt-4o-mini/chat/completions?api-version=2024-10-21 HTTP/1.1\r\nhost: bench\r\naccept: application/json\r\nuser-agent: bench/1\r\ncontent-type: application/json\r\nocp-apim-subscription-key: bench-key\r\n{authorization}content-length: {}\r\n\r\n",
        scenario.prefix,
        body.len()
    );
    let at = head.len() + body.find("00000000").unwrap_or(0);
    let token = head.find("Bearer ").map_or(0, |n| n + "Bearer ".len());
    ([head.into_bytes(), body.into_bytes()].concat(), at, token)
}

thread_local! {
    static NEXT: Cell<u64> = const { Cell::new(0) };
    static NEXT_BEARER: Cell<usize> = const { Cell::new(0) };
}

async fn connection(
    addr: SocketAddr,
    scenario: Scenario,
    bearers: Rc<Vec<String>>,
    left: Rc<Cell<usize>>,
) -> Result<(Vec<f64>, Vec<f64>), std::io::Error> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let bearer = bearers.first().map_or("", String::as_str);
    let (mut bytes, digits, token) = request(&scenario, bearer);
    let (mut latencies, mut firsts) = (Vec::new(), Vec::new());
    let mut buffer: Vec<u8> = Vec::with_capacity(64 << 10);
    while left.get() > 0 {
        left.set(left.get() - 1);
        if scenario.unique {
            let next = NEXT.get() + 1;
            NEXT.set(next);
            bytes[digits..digits + 8]
                .copy_from_slice(format!("{:08}", next % 100_000_000).as_bytes());
        }
        if scenario.bearer == Bearer::New {
            let next = NEXT_BEARER.get();
            NEXT_BEARER.set((next + 1) % bearers.len().max(1));
            if let Some(bearer) = bearers.get(next) {
                bytes[token..token + bearer.len()].copy_from_slice(bearer.as_bytes());
            }
        }
        buffer.clear();
        let begin = Instant::now();
        stream.write_all(&bytes).await?;
        let mut first = None;
        loop {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err(std::io::Error::other("the proxy closed the connection"));
            }
            if let Some(head) = memchr::memmem::find(&buffer, b"\r\n\r\n").map(|n| n + 4) {
                if first.is_none() && buffer.len() > head {
                    first = Some(begin.elapsed());
                }
                let ended = match scenario.shape {
                    Shape::Whole | Shape::Tool => buffer.len() >= head + length(&buffer[..head]),
                    Shape::Stream | Shape::ToolEvent => buffer.ends_with(b"0\r\n\r\n"),
                };
                if ended {
                    break;
                }
            }
        }
        if !buffer.starts_with(b"HTTP/1.1 200") {
            let text = String::from_utf8_lossy(&buffer[..buffer.len().min(400)]).into_owned();
            return Err(std::io::Error::other(format!("unexpected answer: {text}")));
        }
        latencies.push(begin.elapsed().as_nanos() as f64 / 1000.0);
        firsts.extend(first.map(|d| d.as_nanos() as f64 / 1000.0));
    }
    Ok((latencies, firsts))
}
