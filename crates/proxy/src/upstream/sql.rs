//! Databases of SQL Server: pools of connections, one statement at a time on each.
//!
//! Called by [`Upstream`](super::Upstream) for `sql-data-source`. The protocol is `tiberius`'s, over a stream of ours
//! ([`wire`]). What must stay true: a connection goes back to its pool only after a statement that ended well, so that nothing
//! of a broken one is seen by the next; whoever leaves closes the connection, which ends the statement on the server; waiting
//! for a connection, the login and the statement each have a deadline; what is read of an answer is bounded.

mod argument;
mod json;
mod pool;
mod prelogin;
mod wire;

use super::connect::reach;
use super::dns::Cache;
use super::tls::ClientTls;
use argument::Argument;
use futures_util::TryStreamExt;
use json::Columns;
use pool::{Key, Pool};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tiberius::error::Error;
use tiberius::{AuthMethod, Client, Command, CommandItem, Config, EncryptionLevel};
use tokio::time::{Instant, timeout};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};
use tollgate_engine::sql::{Parameter, Rows, SqlCall, SqlError};
use wire::{Gauge, Wire};

/// Most pools of a thread; documents may compute connection strings.
const MOST_POOLS: usize = 256;

/// How often a server may send the gateway on to another address (Azure SQL's gateways do once).
const MOST_ROUTES: usize = 4;

/// Most bytes that a login may answer.
const LOGIN_BYTES: u64 = 1 << 20;

/// The databases of one thread.
pub(super) struct Databases {
    /// Among how many threads `Max Pool Size` is shared.
    threads: u32,
    idle_timeout: Duration,
    pools: RefCell<HashMap<Key, Rc<Pool>>>,
}

/// A connection that is logged in.
pub(super) struct Connection {
    client: Client<Compat<Wire>>,
    gauge: Arc<Gauge>,
    /// The same socket, to see whether the server has closed it.
    probe: socket2::Socket,
    opened: Instant,
    used: Instant,
    /// When its token ends.
    expires: Option<SystemTime>,
}

impl Databases {
    pub(super) fn new(threads: usize, idle_timeout: Duration) -> Databases {
        Databases {
            threads: u32::try_from(threads).unwrap_or(u32::MAX).max(1),
            idle_timeout,
            pools: RefCell::default(),
        }
    }

    /// Closes what was idle for long, and forgets pools without connections.
    pub(super) fn sweep(&self) {
        self.pools.borrow_mut().retain(|_, pool| {
            pool.sweep(self.idle_timeout);
            !pool.is_empty() || Rc::strong_count(pool) > 1
        });
    }

    fn pool(&self, call: &SqlCall) -> Rc<Pool> {
        let key = Key::of(call);
        let mut pools = self.pools.borrow_mut();
        if let Some(pool) = pools.get(&key) {
            return pool.clone();
        }
        if pools.len() >= MOST_POOLS {
            pools.retain(|_, pool| Rc::strong_count(pool) > 1);
        }
        let most = call.database.max_pool_size.div_ceil(self.threads);
        let pool = Rc::new(Pool::new(most));
        pools.insert(key, pool.clone());
        pool
    }

    /// The rows of a statement.
    pub(super) async fn query(
        &self,
        dns: &Cache,
        tls: &ClientTls,
        call: &SqlCall,
    ) -> Result<Rows, SqlError> {
        let database = &call.database;
        let pool = self.pool(call);
        let connecting = async {
            let seat = pool.seat().await;
            let connection = match pool.take(self.idle_timeout, database.lifetime) {
                Some(connection) => connection,
                None => open(dns, tls, call).await?,
            };
            Ok((seat, connection))
        };
        let limit = database.connect_timeout;
        let (_seat, mut connection) = match timeout(limit, connecting).await {
            Ok(connected) => connected?,
            Err(_) => {
                let why = format!("no connection within {limit:?}");
                return Err(SqlError::Connect(why));
            }
        };
        let limit = database.command_timeout;
        match timeout(limit, connection.ask(call)).await {
            Ok(answered) => {
                let rows = answered?;
                if database.pooling {
                    connection.used = Instant::now();
                    pool.put(connection);
                }
                Ok(rows)
            }
            Err(_) => Err(SqlError::Timeout(limit)),
        }
    }
}

/// Opens a connection and logs in.
async fn open(dns: &Cache, tls: &ClientTls, call: &SqlCall) -> Result<Connection, SqlError> {
    let database = &call.database;
    let (mut host, mut port) = (database.host.clone(), database.port);
    for _ in 0..MOST_ROUTES {
        let stream = reach(dns, &host, port).await.map_err(SqlError::Connect)?;
        let (wire, probe) = wire::open(stream, tls, call, &host).await?;
        let gauge = wire.gauge().clone();
        gauge.allow(LOGIN_BYTES);
        match Client::connect(login(call, &host, port), wire.compat()).await {
            Ok(client) => {
                let expires = call.token.as_ref().and_then(|token| {
                    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(token.expires))
                });
                return Ok(Connection {
                    client,
                    gauge,
                    probe,
                    opened: Instant::now(),
                    used: Instant::now(),
                    expires,
                });
            }
            Err(Error::Routing {
                host: next,
                port: at,
            }) => (host, port) = (Arc::from(next), at),
            Err(error) => return Err(failed(error)),
        }
    }
    Err(SqlError::Connect(String::from(
        "the server sends the gateway from one address to another",
    )))
}

/// What the driver is told. Encryption is not its business: it is in the stream already.
fn login(call: &SqlCall, host: &str, port: u16) -> Config {
    let database = &call.database;
    let mut config = Config::new();
    config.host(host);
    config.port(port);
    config.encryption(EncryptionLevel::NotSupported);
    config.handshake_timeout(None);
    config.command_timeout(None);
    config.lossy_utf16_decoding(true);
    config.application_name(&database.application);
    config.packet_size(database.packet_size);
    config.readonly(database.read_only);
    if !database.database.is_empty() {
        config.database(&database.database);
    }
    if !database.workstation.is_empty() {
        config.client_name(&database.workstation);
    }
    config.authentication(match &call.token {
        Some(token) => AuthMethod::aad_token(token.token.expose()),
        None => AuthMethod::sql_server(&database.user, database.password.expose()),
    });
    config
}

/// The driver's error as ours.
fn failed(error: Error) -> SqlError {
    match error {
        Error::Server(error) => SqlError::Server {
            number: error.code(),
            class: error.class(),
            state: error.state(),
            line: error.line(),
            message: error.message().to_owned(),
        },
        other => SqlError::Connect(other.to_string()),
    }
}

/// `@name type, ...`, as `sp_executesql` declares them.
fn declarations(parameters: &[Parameter]) -> String {
    let each = parameters.iter();
    let each: Vec<String> = each
        .map(|p| format!("{} {}", p.name, p.declaration))
        .collect();
    each.join(", ")
}

impl Connection {
    /// Whether it can be used once more.
    fn is_fresh(&self, idle: Duration, lifetime: Duration) -> bool {
        let old = !lifetime.is_zero() && self.opened.elapsed() >= lifetime;
        let over = self.expires.is_some_and(|at| at <= SystemTime::now());
        !old && !over && self.used.elapsed() < idle && wire::is_open(&self.probe)
    }

    async fn ask(&mut self, call: &SqlCall) -> Result<Rows, SqlError> {
        // Text is two bytes a character on the wire, and one at least in JSON; metadata and small results have room.
        let most = (call.limit as u64)
            .saturating_mul(4)
            .saturating_add(1 << 20);
        self.gauge.allow(most);
        let answered = self.rows(call).await;
        if answered.is_err() && self.gauge.is_spent() {
            return Err(SqlError::TooLarge(call.limit));
        }
        self.gauge.reset_before_next();
        answered
    }

    async fn rows(&mut self, call: &SqlCall) -> Result<Rows, SqlError> {
        let declarations = declarations(&call.parameters);
        let mut command = Command::new("sp_executesql");
        command.bind_param("", &*call.statement);
        if !call.parameters.is_empty() {
            command.bind_param("", &*declarations);
        }
        for parameter in &call.parameters {
            command.bind_param(&*parameter.name, Argument(&parameter.value));
        }
        let mut items = command.exec(&mut self.client).await.map_err(failed)?;
        let (mut columns, mut json, mut count) = (Columns::default(), Vec::new(), 0);
        while let Some(item) = items.try_next().await.map_err(failed)? {
            match item {
                // Each result takes the place of the one before.
                CommandItem::Metadata(result) => {
                    columns = Columns::of(result.columns());
                    json.clear();
                    count = 0;
                }
                CommandItem::Row(row) if !(call.one_row && count > 0) => {
                    if count > 0 {
                        json.push(b',');
                    }
                    columns.write(&row, &mut json);
                    count += 1;
                    if json.len() > call.limit {
                        return Err(SqlError::TooLarge(call.limit));
                    }
                }
                _ => {}
            }
        }
        Ok(Rows {
            json: json.into(),
            count,
        })
    }
}
