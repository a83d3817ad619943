//! Connection strings of SQL Server, as ADO.NET writes them.
//!
//! Source: Microsoft, "SqlConnection.ConnectionString" and "Connection String Syntax". Documents are checked with it when they
//! are loaded, and `proxy` connects by it. What must stay true: no error repeats a part of the string, because each may be a
//! piece of the password.

use crate::definition::Secret;
use std::sync::Arc;
use std::time::Duration;

/// Longest string that is read.
const LONGEST: usize = 32 << 10;

/// Longest name of a server, a database, a user or an application: `LOGIN7` holds no more.
const LONGEST_NAME: usize = 128;

/// Longest wait that `0`, which is "without end" in ADO.NET, stands for.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// How the connection is protected (`Encrypt`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Encrypt {
    /// `False`, `Optional`: encrypted where the server can, whoever it is.
    Optional,
    /// `True`, `Mandatory`: encrypted, and the server's certificate is checked.
    #[default]
    Mandatory,
    /// `Strict`: as before, and the handshake comes first (TDS 8.0).
    Strict,
}

/// What a connection string says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionString {
    /// Host of `Server`.
    pub host: Arc<str>,
    /// Port of `Server`; default 1433.
    pub port: u16,
    /// `Initial Catalog`; empty: the login's own.
    pub database: Arc<str>,
    /// `User ID`, of an identity its client id; empty: none.
    pub user: Arc<str>,
    /// `Password`.
    pub password: Secret,
    /// Whether `Authentication` says that an identity of the gateway's is used.
    pub identity: bool,
    /// `Encrypt`.
    pub encrypt: Encrypt,
    /// `TrustServerCertificate`: whether any certificate will do.
    pub trust_any_certificate: bool,
    /// `HostNameInCertificate`; empty: the host.
    pub certificate_host: Arc<str>,
    /// `Connect Timeout`: until there is a connection, from the pool or new.
    pub connect_timeout: Duration,
    /// `Command Timeout`: until all rows are there.
    pub command_timeout: Duration,
    /// Most connections: `Max Pool Size`.
    pub max_pool_size: u32,
    /// Whether connections are kept for later: `Pooling`.
    pub pooling: bool,
    /// How old a connection may become: `Connection Lifetime`; zero: as old as it likes.
    pub lifetime: Duration,
    /// `Application Name`.
    pub application: Arc<str>,
    /// `Workstation ID`; empty: none.
    pub workstation: Arc<str>,
    /// `Application Intent=ReadOnly`.
    pub read_only: bool,
    /// `Packet Size`, in bytes.
    pub packet_size: u32,
}

impl Default for ConnectionString {
    fn default() -> ConnectionString {
        ConnectionString {
            host: Arc::from(""),
            port: 1433,
            database: Arc::from(""),
            user: Arc::from(""),
            password: Secret::default(),
            identity: false,
            encrypt: Encrypt::default(),
            trust_any_certificate: false,
            certificate_host: Arc::from(""),
            connect_timeout: Duration::from_secs(15),
            command_timeout: Duration::from_secs(30),
            max_pool_size: 100,
            pooling: true,
            lifetime: Duration::ZERO,
            application: Arc::from("Tollgate"),
            workstation: Arc::from(""),
            read_only: false,
            packet_size: 8000,
        }
    }
}

/// What is understood, by its synonyms, in lower case and without blanks.
#[derive(Clone, Copy)]
enum Keyword {
    Server,
    Database,
    User,
    Password,
    Authentication,
    IntegratedSecurity,
    Encrypt,
    TrustServerCertificate,
    HostNameInCertificate,
    ConnectTimeout,
    CommandTimeout,
    MaxPoolSize,
    Pooling,
    Lifetime,
    ApplicationName,
    WorkstationId,
    ApplicationIntent,
    PacketSize,
    NetworkLibrary,
    /// Changes which server or file is meant, and is not understood.
    Unsupported,
    /// Means nothing for a single statement, or nothing here.
    Ignored,
}

const KEYWORDS: &[(&str, Keyword)] = &[
    ("server", Keyword::Server),
    ("datasource", Keyword::Server),
    ("address", Keyword::Server),
    ("addr", Keyword::Server),
    ("networkaddress", Keyword::Server),
    ("database", Keyword::Database),
    ("initialcatalog", Keyword::Database),
    ("userid", Keyword::User),
    ("uid", Keyword::User),
    ("user", Keyword::User),
    ("password", Keyword::Password),
    ("pwd", Keyword::Password),
    ("authentication", Keyword::Authentication),
    ("integratedsecurity", Keyword::IntegratedSecurity),
    ("trusted_connection", Keyword::IntegratedSecurity),
    ("encrypt", Keyword::Encrypt),
    ("trustservercertificate", Keyword::TrustServerCertificate),
    ("hostnameincertificate", Keyword::HostNameInCertificate),
    ("connecttimeout", Keyword::ConnectTimeout),
    ("connectiontimeout", Keyword::ConnectTimeout),
    ("timeout", Keyword::ConnectTimeout),
    ("commandtimeout", Keyword::CommandTimeout),
    ("maxpoolsize", Keyword::MaxPoolSize),
    ("pooling", Keyword::Pooling),
    ("connectionlifetime", Keyword::Lifetime),
    ("loadbalancetimeout", Keyword::Lifetime),
    ("applicationname", Keyword::ApplicationName),
    ("app", Keyword::ApplicationName),
    ("workstationid", Keyword::WorkstationId),
    ("wsid", Keyword::WorkstationId),
    ("applicationintent", Keyword::ApplicationIntent),
    ("packetsize", Keyword::PacketSize),
    ("networklibrary", Keyword::NetworkLibrary),
    ("network", Keyword::NetworkLibrary),
    ("net", Keyword::NetworkLibrary),
    ("attachdbfilename", Keyword::Unsupported),
    ("extendedproperties", Keyword::Unsupported),
    ("initialfilename", Keyword::Unsupported),
    ("contextconnection", Keyword::Unsupported),
    ("userinstance", Keyword::Unsupported),
    ("servercertificate", Keyword::Unsupported),
    ("persistsecurityinfo", Keyword::Ignored),
    ("multipleactiveresultsets", Keyword::Ignored),
    ("multisubnetfailover", Keyword::Ignored),
    ("transparentnetworkipresolution", Keyword::Ignored),
    ("ipaddresspreference", Keyword::Ignored),
    ("minpoolsize", Keyword::Ignored),
    ("poolblockingperiod", Keyword::Ignored),
    ("connectretrycount", Keyword::Ignored),
    ("connectretryinterval", Keyword::Ignored),
    ("asynchronousprocessing", Keyword::Ignored),
    ("async", Keyword::Ignored),
    ("enlist", Keyword::Ignored),
    ("replication", Keyword::Ignored),
    ("transactionbinding", Keyword::Ignored),
    ("typesystemversion", Keyword::Ignored),
    ("currentlanguage", Keyword::Ignored),
    ("language", Keyword::Ignored),
    ("columnencryptionsetting", Keyword::Ignored),
    ("enclaveattestationurl", Keyword::Ignored),
    ("attestationprotocol", Keyword::Ignored),
    ("failoverpartner", Keyword::Ignored),
    ("serverspn", Keyword::Ignored),
    ("failoverpartnerspn", Keyword::Ignored),
];

impl ConnectionString {
    /// Reads one. The error says what is wrong, and repeats nothing of it.
    pub fn parse(text: &str) -> Result<ConnectionString, String> {
        if text.len() > LONGEST {
            return Err(format!("it is longer than {LONGEST} bytes"));
        }
        let mut read = ConnectionString::default();
        for (at, (key, value)) in settings(text)?.into_iter().enumerate() {
            let plain: String = key
                .chars()
                .filter(|c| !c.is_whitespace())
                .map(|c| c.to_ascii_lowercase())
                .collect();
            let known = KEYWORDS.iter().find(|(name, _)| *name == plain);
            let Some((name, keyword)) = known else {
                return Err(format!(
                    "setting {} is none that connection strings have; a value with `;` in it stands in quotes",
                    at + 1
                ));
            };
            // An empty value is the default.
            if !value.is_empty() {
                read.set(*keyword, name, value)?;
            }
        }
        if read.host.is_empty() {
            return Err(String::from("it has no `Server`"));
        }
        Ok(read)
    }

    fn set(&mut self, keyword: Keyword, name: &str, value: String) -> Result<(), String> {
        let word = value.trim().to_ascii_lowercase();
        match keyword {
            Keyword::Server => (self.host, self.port) = server(value.trim())?,
            Keyword::Database => self.database = short(name, value)?,
            Keyword::User => self.user = short(name, value)?,
            Keyword::Password => {
                short(name, value.clone())?;
                self.password = Secret::new(value);
            }
            Keyword::Authentication => {
                let way: String = word.chars().filter(|c| !c.is_whitespace()).collect();
                self.identity = match way.as_str() {
                    "sqlpassword" => false,
                    "activedirectorymanagedidentity"
                    | "activedirectorymsi"
                    | "activedirectorydefault"
                    | "activedirectoryworkloadidentity" => true,
                    _ => {
                        return Err(String::from(
                            "`Authentication` must be `Sql Password` or `Active Directory Managed Identity`",
                        ));
                    }
                };
            }
            Keyword::IntegratedSecurity => {
                if word == "sspi" || boolean(name, &word)? {
                    return Err(String::from(
                        "a Windows account (`Integrated Security`) cannot be used; give `User ID` and `Password`, or `use-managed-identity`",
                    ));
                }
            }
            Keyword::Encrypt => {
                self.encrypt = match word.as_str() {
                    "strict" => Encrypt::Strict,
                    "mandatory" => Encrypt::Mandatory,
                    "optional" => Encrypt::Optional,
                    _ if boolean(name, &word)? => Encrypt::Mandatory,
                    _ => Encrypt::Optional,
                };
            }
            Keyword::TrustServerCertificate => {
                self.trust_any_certificate = boolean(name, &word)?;
            }
            Keyword::HostNameInCertificate => self.certificate_host = short(name, value)?,
            Keyword::ConnectTimeout => {
                self.connect_timeout = until(number(name, &word, 0, 86_400)?);
            }
            Keyword::CommandTimeout => {
                self.command_timeout = until(number(name, &word, 0, 86_400)?);
            }
            Keyword::MaxPoolSize => self.max_pool_size = number(name, &word, 1, 32_767)?,
            Keyword::Pooling => self.pooling = boolean(name, &word)?,
            Keyword::Lifetime => {
                self.lifetime = Duration::from_secs(number(name, &word, 0, u32::MAX)?.into());
            }
            Keyword::ApplicationName => self.application = short(name, value)?,
            Keyword::WorkstationId => self.workstation = short(name, value)?,
            Keyword::ApplicationIntent => {
                self.read_only = match word.as_str() {
                    "readonly" => true,
                    "readwrite" => false,
                    _ => return Err(wrong(name, "`ReadOnly` or `ReadWrite`")),
                };
            }
            Keyword::PacketSize => self.packet_size = number(name, &word, 512, 32_767)?,
            Keyword::NetworkLibrary => {
                if word != "dbmssocn" {
                    return Err(wrong(name, "`dbmssocn`, which is TCP"));
                }
            }
            Keyword::Unsupported => {
                if !matches!(word.as_str(), "false" | "no") {
                    return Err(format!("`{name}` cannot be used"));
                }
            }
            Keyword::Ignored => {}
        }
        Ok(())
    }

    /// What a token of the gateway's identity must be for: Azure SQL of the cloud that the server is in.
    pub fn resource(&self) -> String {
        let host = self.host.to_ascii_lowercase();
        match host.split_once(".database.") {
            Some((_, cloud)) => format!("https://database.{cloud}/"),
            None => String::from("https://database.windows.net/"),
        }
    }

    /// `host,port` as messages show it.
    pub fn server(&self) -> String {
        format!("{},{}", self.host, self.port)
    }
}

/// Names and values, unquoted, in their order.
fn settings(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut found = Vec::new();
    let mut rest = text.chars().peekable();
    loop {
        while rest.next_if(|c| *c == ';' || c.is_whitespace()).is_some() {}
        if rest.peek().is_none() {
            return Ok(found);
        }
        let nth = found.len() + 1;
        let mut key = String::new();
        loop {
            match rest.next() {
                // Two of them are one in a name.
                Some('=') if rest.next_if_eq(&'=').is_some() => key.push('='),
                Some('=') => break,
                Some(';') | None => {
                    return Err(format!(
                        "setting {nth} has no `=`; a value with `;` in it stands in quotes"
                    ));
                }
                Some(c) if c.is_control() && !c.is_whitespace() => {
                    return Err(format!("the name of setting {nth} has a control character"));
                }
                Some(c) => key.push(c),
            }
        }
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        let value = match rest.next_if(|c| matches!(c, '"' | '\'')) {
            Some(quote) => {
                let mut value = String::new();
                loop {
                    match rest.next() {
                        Some(c) if c == quote && rest.next_if_eq(&quote).is_none() => break,
                        Some(c) => value.push(c),
                        None => return Err(format!("a quote in setting {nth} is not closed")),
                    }
                }
                while rest.next_if(|c| c.is_whitespace()).is_some() {}
                if rest.peek().is_some_and(|c| *c != ';') {
                    return Err(format!("setting {nth} goes on behind its quotes"));
                }
                value
            }
            None => {
                let mut value = String::new();
                while let Some(c) = rest.next_if(|c| *c != ';') {
                    value.push(c);
                }
                value.trim_end().to_owned()
            }
        };
        if value.contains('\0') {
            return Err(format!("setting {nth} has a null character"));
        }
        found.push((key.trim().to_owned(), value));
    }
}

/// `[tcp:]host[\instance][,port]`.
fn server(text: &str) -> Result<(Arc<str>, u16), String> {
    let lower = text.to_ascii_lowercase();
    if ["np:", "lpc:", "admin:", r"\\"]
        .iter()
        .any(|p| lower.starts_with(p))
    {
        return Err(String::from("`Server` must be reached over TCP"));
    }
    if lower.starts_with("(localdb)") {
        return Err(String::from("a local database cannot be reached over TCP"));
    }
    let bare = match lower.starts_with("tcp:") {
        true => text[4..].trim_start(),
        false => text,
    };
    let (name, port) = match bare.rsplit_once(',') {
        Some((name, port)) => {
            let port = port.trim().parse().ok().filter(|port| *port > 0);
            let port: u16 = port.ok_or("the port of `Server` is none")?;
            (name.trim(), Some(port))
        }
        None => (bare, None),
    };
    let (name, instance) = match name.split_once('\\') {
        Some((name, instance)) => (name.trim(), Some(instance)),
        None => (name, None),
    };
    // The port says which instance; without one a service on the server's host would have to be asked.
    let default = instance.is_none_or(|i| i.trim().eq_ignore_ascii_case("mssqlserver"));
    if port.is_none() && !default {
        return Err(String::from(
            "a named instance needs its port: `Server=host\\instance,port`",
        ));
    }
    let name = name.strip_prefix('[').unwrap_or(name);
    let name = name.strip_suffix(']').unwrap_or(name);
    let host = match name.to_ascii_lowercase().as_str() {
        "." | "(local)" => "localhost",
        _ => name,
    };
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    if host.is_empty() || !host.chars().all(fits) {
        return Err(String::from("`Server` has no host that could be one"));
    }
    Ok((short("server", host.to_owned())?, port.unwrap_or(1433)))
}

fn short(name: &str, value: String) -> Result<Arc<str>, String> {
    if value.encode_utf16().count() > LONGEST_NAME {
        return Err(format!("`{name}` is longer than {LONGEST_NAME} characters"));
    }
    Ok(Arc::from(value))
}

fn wrong(name: &str, expected: &str) -> String {
    format!("`{name}` must be {expected}")
}

fn boolean(name: &str, word: &str) -> Result<bool, String> {
    match word {
        "true" | "yes" => Ok(true),
        "false" | "no" => Ok(false),
        _ => Err(wrong(name, "`True` or `False`")),
    }
}

fn number(name: &str, word: &str, least: u32, most: u32) -> Result<u32, String> {
    let number = word.parse().ok().filter(|n| (least..=most).contains(n));
    number.ok_or_else(|| wrong(name, &format!("a number from {least} to {most}")))
}

fn until(seconds: u32) -> Duration {
    match seconds {
        0 => LONGEST_WAIT,
        seconds => Duration::from_secs(seconds.into()).min(LONGEST_WAIT),
    }
}

#[cfg(test)]
mod tests;
