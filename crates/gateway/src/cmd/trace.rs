//! `tollgate trace`.

use crate::cmd::serve::report;
use crate::plane::Plane;
use anyhow::{Context, bail};
use bytes::Bytes;
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tollgate_control::{Loaded, Options, load_with};
use tollgate_engine::fixture::{self, Case, Fixture, Given, Setup};
use tollgate_engine::probe::Watch;
use tollgate_engine::trace::{Recorder, Trace as Account, text};

/// Longest wait for the end of a live request's answer.
const PATIENCE: Duration = Duration::from_secs(600);

/// Show what the policies do with one request: each step with its time, each expression with its value, variables
/// before and after, the branch taken, the backend chosen, and what went upstream. Secrets are masked.
///
/// No backend is called unless `--live` is given: they answer 200 `ok`, or what `--upstream` says. Waits (of a `retry`)
/// do not take time then. Exit status: 0 when the request was served, whatever its status; 1 when the configuration is
/// refused or a fixture does not pass; 2 when the command cannot be understood.
#[derive(Args)]
pub(crate) struct Trace {
    /// Configuration file, or a folder that holds a tollgate.yaml.
    #[arg(env = "TOLLGATE_CONFIG")]
    path: Option<PathBuf>,
    /// The request: its method, and a path or a URL.
    #[arg(
        long,
        num_args = 2,
        value_names = ["METHOD", "URL"],
        required_unless_present = "fixture",
        conflicts_with = "fixture"
    )]
    request: Vec<String>,
    #[command(flatten)]
    message: Message,
    /// What the next backend answers, as in a fixture: `[HOST] STATUS [REASON] [in DURATION] [always]`, and behind line
    /// breaks its headers, a blank line and its body; `@FILE` reads that from a file.
    #[arg(long, conflicts_with_all = ["live", "fixture"])]
    upstream: Vec<String>,
    /// Call the real backends, with real counters, tokens and time.
    #[arg(long, conflicts_with = "fixture")]
    live: bool,
    /// Trace the requests of a fixture, or of one of its cases.
    #[arg(long, value_name = "FILE[:CASE]")]
    fixture: Option<String>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// A request's message on the command line; `tollgate debug` takes the same from its launch configuration.
#[derive(Args, Clone, Default)]
pub(crate) struct Message {
    /// A header: `name: value`.
    #[arg(short = 'H', long = "header", conflicts_with = "fixture")]
    pub(crate) header: Vec<String>,
    /// The body; `@FILE` reads it from a file.
    #[arg(short = 'd', long = "data", conflicts_with = "fixture")]
    pub(crate) data: Option<String>,
    /// Send the primary key of this subscription.
    #[arg(long, value_name = "ID", conflicts_with = "fixture")]
    pub(crate) subscription: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs (docs/trace.md).
    Json,
}

impl Trace {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let (watch, traces) = recorder(!self.live);
        let passed = if let Some(fixture) = &self.fixture {
            self.fixture(fixture, watch)?
        } else {
            let path = self
                .path
                .clone()
                .unwrap_or_else(|| PathBuf::from("tollgate.yaml"));
            // Where nothing is called, a secret that is not there may be anything.
            let options = Options {
                missing_secrets: !self.live,
                ..Options::default()
            };
            let loaded = load_with(&path, &options);
            brief(&loaded);
            if loaded.snapshot.is_none() {
                return Ok(ExitCode::FAILURE);
            }
            let [method, url] = &self.request[..] else {
                bail!("expected `--request METHOD URL`");
            };
            if self.live {
                let sent = Sent {
                    path: &path,
                    options: &options,
                    loaded: &loaded,
                };
                sent.live(method, url, &self.message, watch, &traces, |t| {
                    self.print(t)
                })?;
                return Ok(ExitCode::SUCCESS);
            }
            let case = case(method, url, &self.message, &self.upstream)?;
            play(&case, &setup(&loaded, Some(watch)))
        };
        let mut printed = false;
        while let Ok(trace) = traces.try_recv() {
            self.print(&trace)?;
            printed = true;
        }
        match passed {
            Ok(()) if printed => Ok(ExitCode::SUCCESS),
            Ok(()) => {
                eprintln!("error: no request was sent");
                Ok(ExitCode::FAILURE)
            }
            Err(why) => {
                eprintln!("error: {why}");
                Ok(ExitCode::FAILURE)
            }
        }
    }

    fn print(&self, trace: &Account) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        match self.format {
            Format::Json => writeln!(out, "{}", trace.json())?,
            Format::Text => {
                let color = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
                writeln!(out, "{}", text::write(trace, color))?;
            }
        }
        Ok(())
    }

    /// Plays a fixture's cases; the inner error is one that did not pass.
    fn fixture(&self, name: &str, watch: Watch) -> anyhow::Result<Result<(), String>> {
        let mut refused = false;
        let cases = arranged(
            self.path.as_deref(),
            name,
            &BTreeMap::new(),
            watch,
            |loaded| {
                brief(loaded);
                refused |= loaded.snapshot.is_none();
            },
        )?;
        if refused {
            return Ok(Err(String::from("the configuration is refused")));
        }
        for (case, setup) in &cases {
            if let Err(why) = play(case, setup) {
                return Ok(Err(format!("{name}: {}: {why}", case.title)));
            }
        }
        Ok(Ok(()))
    }
}

/// The cases that `FILE[:CASE]` names, and what each builds on: the configuration as `tollgate test` loads it for the
/// values of the case, `environment` behind them. `loaded` is told of each load.
pub(crate) fn arranged(
    path: Option<&Path>,
    name: &str,
    environment: &BTreeMap<String, String>,
    watch: Watch,
    mut loaded: impl FnMut(&Loaded),
) -> anyhow::Result<Vec<(Case, Arc<Setup>)>> {
    let mut setups: BTreeMap<Given, Arc<Setup>> = BTreeMap::new();
    let mut cases = Vec::new();
    for case in fixture_cases(name)? {
        let mut given = case.given();
        for (name, value) in environment {
            let known = given.environment.entry(name.clone());
            known.or_insert_with(|| value.clone());
        }
        let setup = match (setups.get(&given), path) {
            (Some(known), _) => known.clone(),
            (None, path) => {
                let mut setup = match path {
                    Some(path) => {
                        let found = load_with(path, &tollgate_author::run::options(&given));
                        loaded(&found);
                        setup(&found, Some(watch.clone()))
                    }
                    None => Setup {
                        watch: Some(watch.clone()),
                        ..Setup::default()
                    },
                };
                note_fixture(&mut setup, name)?;
                let setup = Arc::new(setup);
                setups.insert(given, setup.clone());
                setup
            }
        };
        cases.push((case, setup));
    }
    Ok(cases)
}

/// Prints why a configuration was refused; of a good one, that there are warnings.
fn brief(loaded: &Loaded) {
    let (_, warnings) = loaded.counts();
    if loaded.snapshot.is_none() {
        report(loaded);
    } else if warnings > 0 {
        eprintln!("warnings: {warnings}; `tollgate check` shows them");
    }
}

/// The cases that `FILE[:CASE]` names.
fn fixture_cases(name: &str) -> anyhow::Result<Vec<Case>> {
    let (file, title) = match name.split_once(':') {
        Some((file, title)) if !Path::new(name).exists() => (file, Some(title)),
        _ => (name, None),
    };
    let text = std::fs::read_to_string(file).with_context(|| file.to_owned())?;
    let folder = Path::new(file)
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default();
    let mut include =
        |path: &str| std::fs::read_to_string(folder.join(path)).map_err(|e| e.to_string());
    let fixture = Fixture::parse_with(&text, &mut include)
        .map_err(|fault| anyhow::anyhow!("{file}: {fault}"))?;
    let mut cases = fixture.cases;
    if let Some(title) = title {
        cases.retain(|case| case.title == title);
        if cases.is_empty() {
            bail!("{file} has no case `{title}`");
        }
    }
    Ok(cases)
}

/// Notes the fixture's own text, so that places in its documents are lines of the file.
fn note_fixture(setup: &mut Setup, name: &str) -> anyhow::Result<()> {
    let file = match name.split_once(':') {
        Some((file, _)) if !Path::new(name).exists() => file,
        _ => name,
    };
    let text = std::fs::read_to_string(file).with_context(|| file.to_owned())?;
    setup.fixture = Some((Arc::from(file), Arc::from(text)));
    Ok(())
}

/// A fixture's set-up around a loaded configuration.
pub(crate) fn setup(loaded: &Loaded, watch: Option<Watch>) -> Setup {
    Setup {
        definition: loaded.definition.clone().unwrap_or_default(),
        snapshot: loaded.snapshot.clone(),
        sources: loaded.sources.clone(),
        key: None,
        watch,
        ..Setup::default()
    }
}

/// Plays one case; the error says why it did not pass.
pub(crate) fn play(case: &Case, setup: &Setup) -> Result<(), String> {
    fixture::run_case(case, setup, &mut |_, _| ()).map_err(|fault| fault.message)
}

/// A value, or what a file holds that `@FILE` names.
fn read(value: &str) -> anyhow::Result<String> {
    match value.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).with_context(|| file.to_owned()),
        None => Ok(value.to_owned()),
    }
}

/// A case of one request now, with what the backends answer.
pub(crate) fn case(
    method: &str,
    url: &str,
    message: &Message,
    upstream: &[String],
) -> anyhow::Result<Case> {
    let mut sections = vec![(format!("time {}", now()), String::new())];
    for answer in upstream {
        let answer = read(answer)?;
        let (head, rest) = answer.split_once('\n').unwrap_or((&answer, ""));
        sections.push((format!("upstream {}", head.trim()), rest.to_owned()));
    }
    let mut send = format!("send {method} {url}");
    if let Some(id) = &message.subscription {
        send.push_str(&format!(" as {id}"));
    }
    let mut text = String::new();
    for header in &message.header {
        if !header.contains(':') || header.contains(['\r', '\n']) {
            bail!("`{header}` is not a header: expected `name: value`");
        }
        text.push_str(header);
        text.push('\n');
    }
    if let Some(data) = &message.data {
        text.push('\n');
        text.push_str(&read(data)?);
    }
    sections.push((send, text));
    Ok(Case::of(&format!("{method} {url}"), &sections))
}

/// The time as fixtures write it.
fn now() -> String {
    let time = SystemTime::now();
    let seconds = time
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let seconds = i64::try_from(seconds).unwrap_or(0);
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |t| t.to_string())
}

/// What records every request, and where the traces come. `real`: the clock moves only when something waits.
fn recorder(real: bool) -> (Watch, Receiver<Account>) {
    let (sender, receiver) = channel();
    let sender: Mutex<Sender<Account>> = Mutex::new(sender);
    let watch = Watch(Arc::new(move || {
        let sender = sender
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let recorder = Recorder::new(move |trace| drop(sender.send(trace)));
        Rc::new(if real {
            recorder.with_real_time()
        } else {
            recorder
        })
    }));
    (watch, receiver)
}

/// A request to a gateway of its own.
pub(crate) struct Sent<'a> {
    pub(crate) path: &'a Path,
    pub(crate) options: &'a Options,
    pub(crate) loaded: &'a Loaded,
}

impl Sent<'_> {
    /// Starts the gateway on a free port of this machine, sends the request, and prints its trace when it has settled.
    fn live(
        &self,
        method: &str,
        url: &str,
        message: &Message,
        watch: Watch,
        traces: &Receiver<Account>,
        print: impl Fn(&Account) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let plane = Plane::alone(self.path, self.options, self.loaded, watch)?;
        let address = plane.gateway().addresses()[0];
        let request = request(method, url, message, self.loaded)?;
        super::runtime()?.block_on(send(address, request))?;
        print(&traces.recv_timeout(PATIENCE)?)?;
        plane.drain();
        Ok(())
    }
}

/// Sends a request and reads its answer to the end.
pub(crate) async fn send(address: SocketAddr, request: http::Request<Bytes>) -> anyhow::Result<()> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await?;
    let exchange = async move {
        let answer = sender
            .send_request(request.map(http_body_util::Full::new))
            .await?;
        let mut body = answer.into_body();
        while let Some(frame) = http_body_util::BodyExt::frame(&mut body).await {
            frame?;
        }
        anyhow::Ok(())
    };
    tokio::select! {
        sent = exchange => sent,
        // It ends with the exchange, or before it.
        broken = connection => Ok(broken?),
        () = tokio::time::sleep(PATIENCE) => bail!("no answer within {PATIENCE:?}"),
    }
}

/// The request as it goes over a connection.
pub(crate) fn request(
    method: &str,
    url: &str,
    message: &Message,
    loaded: &Loaded,
) -> anyhow::Result<http::Request<Bytes>> {
    let uri: http::Uri = url.parse().with_context(|| url.to_owned())?;
    let target = uri.path_and_query().map_or("/", |p| p.as_str());
    let mut request = http::Request::builder().method(method).uri(target);
    let host = uri.authority().map_or("localhost", |a| a.as_str());
    request = request.header(http::header::HOST, host);
    for header in &message.header {
        let (name, value) = header
            .split_once(':')
            .with_context(|| format!("`{header}` is not a header: expected `name: value`"))?;
        request = request.header(name.trim(), value.trim());
    }
    if let (Some(id), Some(snapshot)) = (&message.subscription, &loaded.snapshot) {
        let found = snapshot.subscriptions.iter().find(|s| *s.id == **id);
        let found = found.with_context(|| format!("there is no subscription `{id}`"))?;
        let api = snapshot
            .router
            .api(uri.path(), uri.query(), &http::HeaderMap::new())
            .and_then(|found| snapshot.apis.get(found.api as usize));
        let header = api.map_or("Ocp-Apim-Subscription-Key", |api| api.key_header.as_str());
        request = request.header(header, &**found.primary_key.expose());
    }
    let body = message.data.as_deref().map(read).transpose()?;
    Ok(request.body(Bytes::from(body.unwrap_or_default()))?)
}
