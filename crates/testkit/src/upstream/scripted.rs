//! The raw HTTP/1.1 upstream.
//!
//! Called by tests of whole gateways. What must stay true: one task per connection, all of them
//! gone when the upstream is dropped; a peer that leaves while a script waits is noticed.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::request::{Received, ReceivedRequest, RequestReader};
use super::script::{Script, Step};

/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(120);

#[derive(Default)]
struct Counters {
    connections: AtomicU64,
    hang_ups: AtomicU64,
}

/// An upstream that answers each request with a script.
pub struct ScriptedUpstream {
    addr: SocketAddr,
    received: Received,
    counters: Arc<Counters>,
    task: JoinHandle<()>,
}

impl Drop for ScriptedUpstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ScriptedUpstream {
    /// Listens on a free loopback port; `answer` writes the script for each request.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start<F>(answer: F) -> io::Result<Self>
    where
        F: Fn(&ReceivedRequest) -> Script + Send + Sync + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let addr = listener.local_addr()?;
        let received = Received::default();
        let counters = Arc::new(Counters::default());
        let task = tokio::spawn(accept(
            listener,
            Arc::new(answer),
            received.clone(),
            Arc::clone(&counters),
        ));
        Ok(Self {
            addr,
            received,
            counters,
            task,
        })
    }

    /// Answers every request with the same script.
    ///
    /// # Errors
    /// As [`ScriptedUpstream::start`].
    pub async fn always(script: Script) -> io::Result<Self> {
        Self::start(move |_| script.clone()).await
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its base URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What it has received, in order of arrival.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.received.all()
    }

    /// Forgets what it has received.
    pub fn clear(&self) {
        self.received.clear();
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        self.counters.connections.load(Ordering::Acquire)
    }

    /// Scripts that ended because the peer left.
    pub fn hang_ups(&self) -> u64 {
        self.counters.hang_ups.load(Ordering::Acquire)
    }
}

async fn accept<F>(
    listener: TcpListener,
    answer: Arc<F>,
    received: Received,
    counters: Arc<Counters>,
) where
    F: Fn(&ReceivedRequest) -> Script + Send + Sync + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let number = counters.connections.fetch_add(1, Ordering::AcqRel);
                let (answer, received, counters) = (Arc::clone(&answer), received.clone(), Arc::clone(&counters));
                connections.spawn(async move {
                    if let Err(error) = serve(stream, number, &*answer, &received, &counters).await {
                        tracing::debug!(%error, "scripted connection ended early");
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve<F>(
    mut stream: TcpStream,
    number: u64,
    answer: &F,
    received: &Received,
    counters: &Counters,
) -> io::Result<()>
where
    F: Fn(&ReceivedRequest) -> Script,
{
    stream.set_nodelay(true)?;
    let mut reader = RequestReader::new(number);
    while let Some(request) = timeout(IDLE, reader.next(&mut stream)).await?? {
        let script = answer(&request);
        received.push(request);
        for step in script.steps() {
            match step {
                Step::Bytes(bytes) => {
                    if stream.write_all(bytes).await.is_err() {
                        counters.hang_ups.fetch_add(1, Ordering::AcqRel);
                        return Ok(());
                    }
                }
                Step::Delay(time) => {
                    if left(&stream, *time).await {
                        counters.hang_ups.fetch_add(1, Ordering::AcqRel);
                        return Ok(());
                    }
                }
                Step::Close => return stream.shutdown().await,
                Step::Reset => return stream.set_zero_linger(),
            }
        }
    }
    Ok(())
}

/// Waits; whether the peer closed or reset the connection meanwhile.
async fn left(stream: &TcpStream, time: Duration) -> bool {
    let gone = async {
        let mut byte = [0];
        match stream.peek(&mut byte).await {
            Ok(0) | Err(_) => {}
            // The peer has sent more, so it is still there.
            Ok(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = gone => true,
        () = sleep(time) => false,
    }
}
