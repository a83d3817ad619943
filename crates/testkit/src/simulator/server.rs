//! The accept loop and the life of a connection.
//!
//! Called by the simulator. What must stay true: TCP_NODELAY is set, a fault can end the connection
//! at any point, and when the loop ends no connection is left.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::body::SimulatorBody;
use super::connection::{ConnectionControl, ConnectionIo};

/// How long open answers may take after a shutdown was asked for.
const DRAIN: Duration = Duration::from_secs(5);
/// How long a request head may take.
const HEAD_DEADLINE: Duration = Duration::from_secs(60);
/// Pause after the system refused a connection, for want of file handles for instance.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Serves connections until `stopped` says true. Aborting the task drops all of them.
pub(super) async fn accept<F, R>(
    listener: TcpListener,
    mut stopped: watch::Receiver<bool>,
    serve: F,
) where
    F: Fn(Arc<ConnectionControl>, Request<Incoming>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<SimulatorBody>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, stopped.clone(), serve.clone()));
                }
                Err(error) => {
                    tracing::debug!(%error, "connection not accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            _ = stopped.changed() => break,
        }
    }
    drop(listener);
    let drained = timeout(DRAIN, async {
        while connections.join_next().await.is_some() {}
    })
    .await;
    if drained.is_err() {
        connections.shutdown().await;
    }
}

async fn connection<F, R>(stream: TcpStream, mut stopped: watch::Receiver<bool>, serve: F)
where
    F: Fn(Arc<ConnectionControl>, Request<Incoming>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<SimulatorBody>> + Send + 'static,
{
    // Without it, single events would wait for acknowledgements; a failure only costs time.
    let _ = stream.set_nodelay(true);
    let control = Arc::new(ConnectionControl::default());
    let io = TokioIo::new(ConnectionIo::new(stream, Arc::clone(&control)));
    let service = service_fn({
        let control = Arc::clone(&control);
        move |request| {
            let answer = serve(Arc::clone(&control), request);
            async move { Ok::<_, Infallible>(answer.await) }
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE);
    builder.http2().timer(TokioTimer::new());
    let connection = builder.serve_connection(io, service);
    tokio::pin!(connection);
    let mut draining = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended early");
                }
                return;
            }
            () = control.ended() => return,
            _ = stopped.changed(), if !draining => {
                draining = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
