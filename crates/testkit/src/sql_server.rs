//! A scripted SQL Server: real TDS, rows that a test says.
//!
//! Called by tests of `sql-data-source`. Source: MS-TDS. What must stay true: it checks what clients send as the real one does
//! (lengths, the login, who may reset a session) and remembers it; nothing here parses SQL. Other clients than the gateway's
//! must be able to talk to it, so that a mistake is not made on both sides.

mod login;
mod packet;
mod request;
mod stream;
mod token;

pub use login::Login;
pub use request::{Parameter, Statement};
pub use token::{Cell, Column, Table};

use crate::upstream::TestCertificates;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use stream::Stream;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How a server protects its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// It has none.
    NotSupported,
    /// After `PRELOGIN`, in its packets (TDS 7).
    On,
    /// Before anything else (TDS 8).
    Strict,
}

/// What a server answers a statement.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Results in their order; each may be without columns, as an INSERT's is.
    Results(Vec<Table>),
    /// An error behind these results: number, class, message.
    Error(Vec<Table>, u32, u8, String),
    /// Tokens as they are.
    Raw(Vec<u8>),
    /// Nothing, for as long as the client waits.
    Silence,
    /// The connection is closed.
    Close,
}

/// How a server behaves.
pub struct Options {
    /// Encryption.
    pub encryption: Encryption,
    /// User and password that it lets in.
    pub password: (String, String),
    /// The access token that it lets in.
    pub token: Option<String>,
    /// Where it sends clients on to, once they are logged in.
    pub route: Option<(String, u16)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            encryption: Encryption::NotSupported,
            password: (String::from("reader"), String::from("p;w=1")),
            token: None,
            route: None,
        }
    }
}

/// What a server has seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// Who logged in, in order.
    pub logins: Vec<Login>,
    /// What was asked, in order.
    pub statements: Vec<Statement>,
}

/// A server that listens on loopback until it is dropped.
pub struct SqlServer {
    address: SocketAddr,
    certificates: Arc<TestCertificates>,
    seen: Arc<Mutex<Seen>>,
    open: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl SqlServer {
    /// Starts one. `answer` is asked for each statement.
    ///
    /// # Errors
    /// When no port is free, or no certificate can be made.
    pub async fn start(
        options: Options,
        answer: impl Fn(&Statement) -> Reply + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let certificates = Arc::new(TestCertificates::generate()?);
        let seen = Arc::new(Mutex::new(Seen::default()));
        let open = Arc::new(AtomicUsize::new(0));
        let shared = Arc::new(Shared {
            options,
            answer: Box::new(answer),
            certificates: certificates.clone(),
            seen: seen.clone(),
        });
        let counted = open.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (shared, open) = (shared.clone(), counted.clone());
                tokio::spawn(async move {
                    open.fetch_add(1, Ordering::SeqCst);
                    let served = serve(socket, &shared).await;
                    open.fetch_sub(1, Ordering::SeqCst);
                    if let Err(error) = served {
                        tracing::debug!(%error, "a connection of the scripted SQL Server ended");
                    }
                });
            }
        });
        Ok(Self {
            address,
            certificates,
            seen,
            open,
            accepting,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its certificates.
    pub fn certificates(&self) -> &TestCertificates {
        &self.certificates
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Looks at what it has seen.
    pub fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for SqlServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

struct Shared {
    options: Options,
    answer: Box<dyn Fn(&Statement) -> Reply + Send + Sync>,
    certificates: Arc<TestCertificates>,
    seen: Arc<Mutex<Seen>>,
}

impl Shared {
    fn note(&self, note: impl FnOnce(&mut Seen)) {
        note(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// One connection, from its first byte to its last.
async fn serve(socket: TcpStream, shared: &Shared) -> io::Result<()> {
    let options = &shared.options;
    let mut stream = Stream::new(socket);
    if options.encryption == Encryption::Strict {
        let config = shared.certificates.server_config(&[b"tds/8.0"])?;
        stream.secure(config, false).await?;
    }
    let hello = packet::read(&mut stream).await?;
    if hello.kind != packet::PRELOGIN {
        return Err(io::Error::other("the first message is no PRELOGIN"));
    }
    let wanted = login::wanted_encryption(&hello.payload)?;
    let encrypt = options.encryption == Encryption::On && wanted != login::NOT_SUPPORTED;
    let said = if encrypt {
        login::ON
    } else {
        login::NOT_SUPPORTED
    };
    packet::write(&mut stream, packet::ANSWER, &login::prelogin_answer(said)).await?;
    if encrypt {
        stream
            .secure(shared.certificates.server_config(&[])?, true)
            .await?;
    }
    let message = packet::read(&mut stream).await?;
    if message.kind != packet::LOGIN7 {
        return Err(io::Error::other("the second message is no LOGIN7"));
    }
    let login = Login::parse(&message.payload, stream.is_secure())?;
    let welcome = login.is_let_in(&options.password, options.token.as_deref());
    let database = login.database.clone();
    let by_token = login.token.is_some();
    shared.note(|seen| seen.logins.push(login));
    if !welcome {
        let refused = token::refused("Login failed for user.", 18456, 14);
        return packet::write(&mut stream, packet::ANSWER, &refused).await;
    }
    let answer = login::answer(&database, by_token, options.route.as_ref());
    packet::write(&mut stream, packet::ANSWER, &answer).await?;
    loop {
        let message = packet::read(&mut stream).await?;
        let statement = match message.kind {
            packet::BATCH => request::batch(&message)?,
            packet::RPC => request::rpc(&message)?,
            packet::ATTENTION => {
                packet::write(&mut stream, packet::ANSWER, &token::attention()).await?;
                continue;
            }
            kind => return Err(io::Error::other(format!("a message of type {kind}"))),
        };
        let reply = (shared.answer)(&statement);
        let in_procedure = message.kind == packet::RPC;
        shared.note(|seen| seen.statements.push(statement));
        let tokens = match reply {
            Reply::Results(tables) => token::results(&tables, in_procedure, None),
            Reply::Error(tables, number, class, message) => {
                token::results(&tables, in_procedure, Some((number, class, &message)))
            }
            Reply::Raw(tokens) => tokens,
            Reply::Close => return Ok(()),
            // Until the client sends an attention or leaves.
            Reply::Silence => continue,
        };
        packet::write(&mut stream, packet::ANSWER, &tokens).await?;
    }
}
