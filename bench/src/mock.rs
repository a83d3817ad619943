//! The upstream: answers chat, streams, embeddings, tool calls, token and key requests from prepared bytes, as cheaply
//! as can be.

use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Events of a streamed answer.
pub(crate) const EVENTS: usize = 50;

struct Answers {
    chat: Vec<u8>,
    head: Vec<u8>,
    events: Vec<Vec<u8>>,
    usage: Vec<u8>,
    embeddings: Vec<Vec<u8>>,
    token: Vec<u8>,
    tool: Vec<u8>,
    tool_event: Vec<u8>,
    discovery: Vec<u8>,
    keys: Vec<u8>,
}

/// Starts it on a free port of this thread's runtime. `jwks` are the keys of the OpenID provider that it also is.
pub(crate) async fn start(jwks: &str) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let answers = Arc::new(prepare(addr, jwks));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(serve(stream, answers.clone()));
        }
    });
    Ok(addr)
}

fn whole(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-ms-region: East US\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn chunk(data: &str) -> Vec<u8> {
    let data = format!("data: {data}\n\n");
    format!("{:x}\r\n{data}\r\n", data.len()).into_bytes()
}

fn prepare(addr: SocketAddr, jwks: &str) -> Answers {
    let text = "The instances of a plan share its front ends, which spread requests over them; sessions stay in storage. ".repeat(4);
    let chat = format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o-mini","choices":[{{"index":0,"finish_reason":"stop","message":{{"role":"assistant","content":"{text}"}}}}],"usage":{{"prompt_tokens":40,"completion_tokens":80,"total_tokens":120}}}}"#
    );
    let event = |choices: &str, usage: &str| {
        chunk(&format!(
            r#"{{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini","choices":[{choices}],"usage":{usage}}}"#
        ))
    };
    let events = (0..EVENTS)
        .map(|n| {
            event(
                &format!(r#"{{"index":0,"delta":{{"content":" word{n}"}},"finish_reason":null}}"#),
                "null",
            )
        })
        .collect();
    let embeddings = (0u64..256)
        .map(|n| {
            let mut seed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            let mut next = || {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                (seed % 2000) as f64 / 1000.0 - 1.0
            };
            let vector: Vec<String> = (0..256).map(|_| format!("{:.4}", next())).collect();
            whole(&format!(
                r#"{{"object":"list","data":[{{"object":"embedding","index":0,"embedding":[{}]}}],"model":"text-embedding-3-small","usage":{{"prompt_tokens":8,"total_tokens":8}}}}"#,
                vector.join(",")
            ))
        })
        .collect();
    let tool = format!(
        r#"{{"jsonrpc":"2.0","id":7,"result":{{"content":[{{"type":"text","text":"{text}"}}],"isError":false,"resultType":"complete"}}}}"#
    );
    let event_head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
    let event_chunk = chunk(&tool);
    Answers {
        tool: whole(&tool),
        tool_event: [event_head.as_bytes(), &*event_chunk, b"0\r\n\r\n"].concat(),
        chat: whole(&chat),
        head: b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(),
        events,
        usage: event("", r#"{"prompt_tokens":40,"completion_tokens":50,"total_tokens":90}"#),
        embeddings,
        token: whole(r#"{"access_token":"bench-token","expires_on":"4102444800","resource":"https://cognitiveservices.azure.com","token_type":"Bearer"}"#),
        discovery: whole(&format!(
            r#"{{"issuer":"http://{addr}","jwks_uri":"http://{addr}/jwks"}}"#
        )),
        keys: whole(jwks),
    }
}

async fn serve(mut stream: TcpStream, answers: Arc<Answers>) -> std::io::Result<()> {
    let mut buffer: Vec<u8> = Vec::with_capacity(16 << 10);
    loop {
        let Some((head, total)) = request(&mut stream, &mut buffer).await? else {
            return Ok(());
        };
        let request = &buffer[..total];
        let line = &request[..memchr::memchr(b'\r', request).unwrap_or(0)];
        let body = &request[head..];
        let has = |haystack: &[u8], needle: &[u8]| memchr::memmem::find(haystack, needle).is_some();
        if has(line, b"/embeddings") {
            let hash = body.iter().fold(0u64, |h, b| {
                h.wrapping_mul(1_099_511_628_211) ^ u64::from(*b)
            });
            stream
                .write_all(&answers.embeddings[(hash % 256) as usize])
                .await?;
        } else if has(line, b"/events/mcp ") {
            stream.write_all(&answers.tool_event).await?;
        } else if has(line, b"/mcp ") {
            stream.write_all(&answers.tool).await?;
        } else if has(line, b"/msi/token") {
            stream.write_all(&answers.token).await?;
        } else if has(line, b"/openid-configuration") {
            stream.write_all(&answers.discovery).await?;
        } else if has(line, b"/jwks") {
            stream.write_all(&answers.keys).await?;
        } else if has(body, b"\"stream\":true") {
            stream.write_all(&answers.head).await?;
            for event in &answers.events {
                stream.write_all(event).await?;
                // As tokens come: one by one, not in one read of the proxy's.
                tokio::task::yield_now().await;
            }
            if has(body, b"include_usage") {
                stream.write_all(&answers.usage).await?;
            }
            stream
                .write_all(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
                .await?;
        } else {
            stream.write_all(&answers.chat).await?;
        }
        buffer.drain(..total);
    }
}

/// Reads until a whole request is there: lengths of its head and of all of it.
async fn request(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> std::io::Result<Option<(usize, usize)>> {
    loop {
        if let Some(end) = memchr::memmem::find(buffer, b"\r\n\r\n") {
            let head = end + 4;
            let total = head + length(&buffer[..head]);
            if buffer.len() >= total {
                return Ok(Some((head, total)));
            }
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// `Content-Length`, in whatever case the proxy writes it.
pub(crate) fn length(head: &[u8]) -> usize {
    let name = b"content-length:";
    let mut rest = head;
    while let Some(at) = memchr::memchr(b'\n', rest) {
        rest = &rest[at + 1..];
        if rest.len() > name.len() && rest[..name.len()].eq_ignore_ascii_case(name) {
            let digits = rest[name.len()..]
                .iter()
                .skip_while(|b| **b == b' ')
                .take_while(|b| b.is_ascii_digit());
            return digits.fold(0, |n, d| n * 10 + usize::from(d - b'0'));
        }
    }
    0
}
