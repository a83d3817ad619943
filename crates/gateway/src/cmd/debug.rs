//! `tollgate debug`.

use crate::cmd::trace::{self, Message};
use crate::plane::Plane;
use anyhow::{Context, anyhow, bail};
use clap::Args;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tollgate_control::{Loaded, Options, load_with};
use tollgate_debugger::{End, Launch, Reader, Session, Writer};
use tollgate_engine::fixture::{Case, Setup};

/// Debug policies from an editor that speaks the Debug Adapter Protocol, such as VS Code (docs/debug.md).
///
/// Speaks the protocol on standard input and output, or to one editor after the other on a port of this machine.
#[derive(Args)]
pub(crate) struct Debug {
    /// Listen on this port of the loopback address (`debugServer` in VS Code); 0 takes a free one, which is printed.
    #[arg(long)]
    port: Option<u16>,
}

impl Debug {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let Some(port) = self.port else {
            let session = Session::new(Writer::new(std::io::stdout()));
            session.serve(Reader(std::io::stdin().lock()), &mut Debuggee::default());
            return Ok(ExitCode::SUCCESS);
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .with_context(|| format!("cannot listen on port {port}; choose another one"))?;
        eprintln!("debugging on {}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            let session = Session::new(Writer::new(stream.try_clone()?));
            let reader = Reader(std::io::BufReader::new(stream));
            match session.serve(reader, &mut Debuggee::default()) {
                End::Disconnected => eprintln!("the editor disconnected"),
                End::Vanished => eprintln!("the editor is gone"),
            }
        }
    }
}

/// What a launch configuration says (docs/debug.md).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Arguments {
    /// Configuration file or folder.
    config: Option<PathBuf>,
    /// The folder that relative paths are of.
    cwd: Option<PathBuf>,
    send: Option<ToSend>,
    /// What backends answer.
    #[serde(default)]
    upstream: Vec<String>,
    /// Call the real backends.
    #[serde(default)]
    live: bool,
    /// `FILE[:CASE]`.
    fixture: Option<String>,
    #[serde(default)]
    stop_on_entry: bool,
    /// Variables that the configuration reads.
    #[serde(default)]
    env: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct ToSend {
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<Value>,
    subscription: Option<String>,
}

/// What is to be started.
enum Prepared {
    /// Cases, one after the other, on a thread that is held itself.
    Cases(Vec<(Case, Arc<Setup>)>),
    /// A gateway, and the request that it is sent, if it is one.
    Gateway(PathBuf, Box<Options>, Arc<Loaded>, Option<ToSend>, bool),
}

/// What this command debugs.
#[derive(Default)]
struct Debuggee {
    prepared: Option<Prepared>,
    plane: Option<Plane>,
    /// The editor wants no more.
    stopped: Arc<AtomicBool>,
}

impl Launch for Debuggee {
    fn prepare(
        &mut self,
        session: &Session,
        attach: bool,
        arguments: &Value,
    ) -> Result<(), String> {
        let read = Arguments::deserialize(arguments).context("the launch configuration");
        let prepared = read.and_then(|arguments| prepare(session, attach, arguments));
        match prepared {
            Ok(prepared) => {
                self.prepared = Some(prepared);
                Ok(())
            }
            Err(error) => Err(format!("{error:#}")),
        }
    }

    fn start(&mut self, session: &Session) {
        match self.prepared.take() {
            None => {}
            Some(Prepared::Cases(cases)) => {
                let (session, stopped) = (session.clone(), self.stopped.clone());
                std::thread::spawn(move || {
                    let mut code = 0;
                    for (case, setup) in &cases {
                        if stopped.load(Ordering::Acquire) {
                            break;
                        }
                        if let Err(why) = trace::play(case, setup) {
                            session.output(&format!("{}: {why}", case.title));
                            code = 1;
                        }
                    }
                    session.ended(code);
                });
            }
            Some(Prepared::Gateway(path, options, loaded, to_send, stop_on_entry)) => {
                let started = gateway(session, &path, &options, &loaded, to_send, stop_on_entry);
                match started {
                    Ok(plane) => self.plane = Some(plane),
                    Err(error) => {
                        session.output(&format!("error: {error:#}"));
                        session.ended(1);
                    }
                }
            }
        }
    }

    fn stop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        // Nothing is held any more: what runs ends within the gateway's own deadlines.
        self.plane = None;
    }
}

fn prepare(session: &Session, attach: bool, arguments: Arguments) -> anyhow::Result<Prepared> {
    if let Some(folder) = &arguments.cwd {
        std::env::set_current_dir(folder).with_context(|| folder.display().to_string())?;
    }
    if let Some(name) = &arguments.fixture {
        if attach {
            bail!("a fixture is launched, not attached to");
        }
        let watch = session.watch(true, arguments.stop_on_entry);
        let (config, environment) = (arguments.config.as_deref(), &arguments.env);
        let mut refused = None;
        let cases = trace::arranged(config, name, environment, watch, |loaded| {
            match &loaded.snapshot {
                Some(snapshot) => session.load(snapshot),
                None => refused = Some(loaded.diagnostics.render(&loaded.sources, false)),
            }
        })?;
        return match refused {
            Some(why) => Err(anyhow!("the configuration is refused:\n{why}")),
            None => Ok(Prepared::Cases(cases)),
        };
    }
    let environment = arguments.env;
    let options = Options {
        environment: Arc::new(move |name| {
            environment
                .get(name)
                .cloned()
                .or_else(|| std::env::var(name).ok())
        }),
        // Where nothing is called, a secret that is not there may be anything.
        missing_secrets: !attach && !arguments.live,
        ..Options::default()
    };
    let loaded = match &arguments.config {
        None => None,
        Some(path) => {
            let loaded = load_with(path, &options);
            let found = loaded.diagnostics.render(&loaded.sources, false);
            if !found.is_empty() {
                session.output(&found);
            }
            let Some(snapshot) = &loaded.snapshot else {
                return Err(anyhow!("the configuration is refused:\n{found}"));
            };
            session.load(snapshot);
            Some((path.clone(), loaded))
        }
    };
    let (path, loaded) =
        loaded.context("expected `config`, the configuration, or `fixture`, a fixture's file")?;
    if attach {
        let entry = arguments.stop_on_entry;
        return Ok(Prepared::Gateway(
            path,
            Box::new(options),
            Arc::new(loaded),
            None,
            entry,
        ));
    }
    let to_send = arguments
        .send
        .context("expected `send`, with `method` and `url`; to wait for requests, use \"request\": \"attach\"")?;
    if arguments.live {
        let (options, entry) = (Box::new(options), arguments.stop_on_entry);
        return Ok(Prepared::Gateway(
            path,
            options,
            Arc::new(loaded),
            Some(to_send),
            entry,
        ));
    }
    let case = trace::case(
        &to_send.method,
        &to_send.url,
        &to_send.message(),
        &arguments.upstream,
    )?;
    let watch = session.watch(true, arguments.stop_on_entry);
    let setup = trace::setup(&loaded, Some(watch));
    Ok(Prepared::Cases(vec![(case, Arc::new(setup))]))
}

/// Starts a gateway and, for a launch, sends it the request.
fn gateway(
    session: &Session,
    path: &std::path::Path,
    options: &Options,
    loaded: &Arc<Loaded>,
    to_send: Option<ToSend>,
    stop_on_entry: bool,
) -> anyhow::Result<Plane> {
    let watch = session.watch(false, stop_on_entry);
    let Some(to_send) = to_send else {
        let plane = Plane::watched(path, options, loaded, true, Some(watch))?;
        for address in plane.gateway().addresses() {
            session.output(&format!("serving on {address}"));
        }
        return Ok(plane);
    };
    let plane = Plane::alone(path, options, loaded, watch)?;
    let address = plane.gateway().addresses()[0];
    let request = trace::request(&to_send.method, &to_send.url, &to_send.message(), loaded)?;
    let session = session.clone();
    std::thread::spawn(move || {
        let sent = super::runtime()
            .map_err(anyhow::Error::from)
            .and_then(|runtime| runtime.block_on(trace::send(address, request)));
        let code = match sent {
            Ok(()) => 0,
            Err(error) => {
                session.output(&format!("error: {error:#}"));
                1
            }
        };
        session.ended(code);
    });
    Ok(plane)
}

impl ToSend {
    fn message(&self) -> Message {
        let headers = self.headers.iter();
        Message {
            header: headers
                .map(|(name, value)| format!("{name}: {value}"))
                .collect(),
            // A body is written as text, or as the JSON that it is.
            data: self.body.as_ref().map(|body| match body {
                Value::String(text) => text.clone(),
                json => json.to_string(),
            }),
            subscription: self.subscription.clone(),
        }
    }
}
