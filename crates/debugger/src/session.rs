//! One editor: its requests, the threads that it sees, and what is being debugged.
//!
//! `tollgate debug` calls [`Session::serve`] with a [`Launch`], which loads and starts what the editor wants. What must
//! stay true: every request is answered once, by the session or by the held exchange that it is about; when the editor is
//! gone, nothing is held any more.

use crate::breakpoints::Breakpoints;
use crate::hold::{Caller, Command, Hold, Line, Mode};
use crate::protocol::{Message, Reader, Request, Writer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::BufRead;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tollgate_engine::Snapshot;
use tollgate_engine::probe::{Probe, Watch};

/// References and frames of one thread: its number times this, and more.
pub(crate) const REFERENCES: i64 = 100_000;

/// Threads are numbered from 1 to this, and then from 1 again, so that a reference stays below 2^31.
const MOST_THREADS: i64 = 20_000;

/// What an editor debugs.
pub trait Launch {
    /// Loads what the arguments of `launch` (or `attach`) name. The error is shown to the user.
    ///
    /// # Errors
    /// When it cannot be started as it was asked for.
    fn prepare(&mut self, session: &Session, attach: bool, arguments: &Value)
    -> Result<(), String>;

    /// Starts it, when the breakpoints are set. It calls [`Session::ended`] when it is over.
    fn start(&mut self, session: &Session);

    /// Ends it: the editor has disconnected, or is gone.
    fn stop(&mut self);
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The editor said so.
    Disconnected,
    /// The stream ended.
    Vanished,
}

struct Thread {
    caller: Caller,
    stopped: bool,
    pause: bool,
}

/// What the session and the exchanges share.
pub(crate) struct Shared {
    pub(crate) writer: Writer,
    pub(crate) breakpoints: Breakpoints,
    /// Whether failures of policies stop.
    pub(crate) failures: AtomicBool,
    /// The editor is gone.
    pub(crate) gone: AtomicBool,
    /// It has been told that what is being debugged is over.
    ended: AtomicBool,
    /// The first stop is the entry.
    entry: AtomicBool,
    threads: Mutex<Threads>,
}

#[derive(Default)]
struct Threads {
    all: BTreeMap<i64, Thread>,
    last: i64,
    /// The one that stopped last.
    stopped: i64,
}

impl Shared {
    fn threads(&self) -> MutexGuard<'_, Threads> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn take_pause(&self, thread: i64) -> bool {
        let mut threads = self.threads();
        let thread = threads.all.get_mut(&thread);
        thread.is_some_and(|t| std::mem::take(&mut t.pause))
    }

    pub(crate) fn take_entry(&self) -> bool {
        self.entry.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn set_stopped(&self, id: i64, stopped: bool) {
        let mut threads = self.threads();
        if stopped {
            threads.stopped = id;
        }
        if let Some(thread) = threads.all.get_mut(&id) {
            thread.stopped = stopped;
        }
    }

    pub(crate) fn thread_ended(&self, id: i64) {
        if self.threads().all.remove(&id).is_some() {
            let body = json!({ "reason": "exited", "threadId": id });
            self.writer.event("thread", body);
        }
    }

    fn begin(self: &Arc<Self>, blocking: bool, mode: Mode) -> Rc<dyn Probe> {
        let (caller, line) = if blocking {
            let (to, from) = std::sync::mpsc::channel();
            (Caller::Blocking(to), Line::Blocking(from))
        } else {
            let (to, from) = tokio::sync::mpsc::unbounded_channel();
            (Caller::Waiting(to), Line::Waiting(from))
        };
        let id = {
            let mut threads = self.threads();
            let free = (1..=MOST_THREADS)
                .map(|n| (threads.last + n - 1) % MOST_THREADS + 1)
                .find(|id| !threads.all.contains_key(id));
            threads.last = free.unwrap_or(MOST_THREADS);
            let id = threads.last;
            let thread = Thread {
                caller,
                stopped: false,
                pause: false,
            };
            threads.all.insert(id, thread);
            id
        };
        let body = json!({ "reason": "started", "threadId": id });
        self.writer.event("thread", body);
        Rc::new(Hold::new(self.clone(), id, line, mode))
    }
}

/// A session with an editor.
#[derive(Clone)]
pub struct Session {
    shared: Arc<Shared>,
}

impl Session {
    /// A session that writes there.
    pub fn new(writer: Writer) -> Session {
        Session {
            shared: Arc::new(Shared {
                writer,
                breakpoints: Breakpoints::default(),
                failures: AtomicBool::new(false),
                gone: AtomicBool::new(false),
                ended: AtomicBool::new(false),
                entry: AtomicBool::new(false),
                threads: Mutex::default(),
            }),
        }
    }

    /// What watches each exchange. `blocking`: its thread has nothing else to do and may be held itself, as that of a
    /// fixture, whose time stands still meanwhile.
    pub fn watch(&self, blocking: bool, stop_on_entry: bool) -> Watch {
        self.shared.entry.store(stop_on_entry, Ordering::Release);
        let shared = self.shared.clone();
        Watch(Arc::new(move || {
            let mode = if shared.entry.load(Ordering::Acquire) {
                Mode::In
            } else {
                Mode::Run
            };
            shared.begin(blocking, mode)
        }))
    }

    /// Holds the breakpoints against a configuration before an exchange runs.
    pub fn load(&self, snapshot: &Arc<Snapshot>) {
        for changed in self.shared.breakpoints.load(snapshot) {
            let body = json!({ "reason": "changed", "breakpoint": changed });
            self.shared.writer.event("breakpoint", body);
        }
    }

    /// A line in the debug console.
    pub fn output(&self, text: &str) {
        self.shared.writer.output("console", text);
    }

    /// Says that what is being debugged is over; once.
    pub fn ended(&self, code: i32) {
        if self.shared.ended.swap(true, Ordering::AcqRel) {
            return;
        }
        self.shared
            .writer
            .event("exited", json!({ "exitCode": code }));
        self.shared.writer.event("terminated", json!({}));
    }

    /// Answers the editor until it disconnects or is gone.
    pub fn serve(&self, mut reader: Reader<impl BufRead>, launch: &mut dyn Launch) -> End {
        let mut started = Started::default();
        let end = loop {
            match reader.next() {
                Ok(Some(Message::Request(request))) => {
                    if self.request(request, launch, &mut started) {
                        break End::Disconnected;
                    }
                }
                Ok(Some(Message::Malformed(why))) => {
                    self.shared
                        .writer
                        .output("stderr", &format!("not understood: {why}"));
                }
                Ok(None) | Err(_) => break End::Vanished,
            }
        };
        self.shared.gone.store(true, Ordering::Release);
        // Their callers go with them: whoever is held goes on.
        self.shared.threads().all.clear();
        launch.stop();
        end
    }

    /// Answers one request; `true`: it was the last.
    fn request(&self, request: Request, launch: &mut dyn Launch, started: &mut Started) -> bool {
        let Request {
            seq,
            command,
            arguments,
        } = &request;
        let answer = |answer| self.shared.writer.answer(*seq, command, answer);
        match command.as_str() {
            "initialize" => {
                answer(Ok(capabilities()));
                self.shared.writer.event("initialized", json!({}));
            }
            "launch" | "attach" => {
                let prepared = launch.prepare(self, command == "attach", arguments);
                started.prepared = prepared.is_ok();
                answer(prepared.map(|()| json!({})));
                started.go(self, launch);
            }
            "configurationDone" => {
                started.configured = true;
                answer(Ok(json!({})));
                started.go(self, launch);
            }
            "setBreakpoints" => {
                let path = arguments["source"]["path"].as_str().unwrap_or_default();
                let wanted = arguments["breakpoints"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default();
                let told = self.shared.breakpoints.set(path, &wanted);
                answer(Ok(json!({ "breakpoints": told })));
            }
            "breakpointLocations" => {
                let path = arguments["source"]["path"].as_str().unwrap_or_default();
                let line = |name: &str| usize::try_from(arguments[name].as_u64()?).ok();
                let from = line("line").unwrap_or(1);
                let to = line("endLine").unwrap_or(from);
                let lines = self.shared.breakpoints.lines(path, from, to);
                answer(Ok(json!({ "breakpoints": lines })));
            }
            "setExceptionBreakpoints" => {
                let filters = arguments["filters"].as_array();
                let wanted = filters.is_some_and(|f| f.iter().any(|f| f == "failures"));
                self.shared.failures.store(wanted, Ordering::Release);
                answer(Ok(json!({})));
            }
            "threads" => answer(Ok(self.threads())),
            "continue" => self.go(&request, Mode::Run),
            "next" => self.go(&request, Mode::Over),
            "stepIn" => self.go(&request, Mode::In),
            "stepOut" => self.go(&request, Mode::Out),
            "pause" => {
                let id = arguments["threadId"].as_i64().unwrap_or(0);
                let mut threads = self.shared.threads();
                // 0, or one that is over: whichever comes first.
                let known = threads.all.contains_key(&id);
                for (n, thread) in &mut threads.all {
                    thread.pause |= !known || *n == id;
                }
                drop(threads);
                answer(Ok(json!({})));
            }
            "stackTrace" | "exceptionInfo" => {
                let thread = arguments["threadId"].as_i64().unwrap_or(0);
                self.ask(request, thread);
            }
            "scopes" => {
                let frame = arguments["frameId"].as_i64().unwrap_or(0);
                self.ask(request, frame / REFERENCES);
            }
            "variables" => {
                let reference = arguments["variablesReference"].as_i64().unwrap_or(0);
                self.ask(request, reference / REFERENCES);
            }
            "evaluate" => {
                let frame = arguments["frameId"].as_i64();
                let thread =
                    frame.map_or_else(|| self.shared.threads().stopped, |f| f / REFERENCES);
                self.ask(request, thread);
            }
            "terminate" => {
                answer(Ok(json!({})));
                self.release();
                launch.stop();
                self.ended(0);
            }
            "disconnect" => {
                self.release();
                answer(Ok(json!({})));
                return true;
            }
            other => answer(Err(format!("`{other}` is not supported"))),
        }
        false
    }

    /// Lets everything go on that is held.
    fn release(&self) {
        self.shared.gone.store(true, Ordering::Release);
        self.shared.breakpoints.clear();
        for thread in self.shared.threads().all.values() {
            thread.caller.send(Command::Go(Mode::Run));
        }
    }

    fn threads(&self) -> Value {
        let threads = self.shared.threads();
        let all = threads
            .all
            .keys()
            .map(|id| json!({ "id": id, "name": format!("request {id}") }));
        json!({ "threads": all.collect::<Vec<_>>() })
    }

    /// Hands a request to the held exchange that it is about.
    fn ask(&self, request: Request, thread: i64) {
        let (seq, command) = (request.seq, request.command.clone());
        let sent = {
            let threads = self.shared.threads();
            let held = threads.all.get(&thread).filter(|t| t.stopped);
            held.is_some_and(|t| t.caller.send(Command::Ask(request)))
        };
        if !sent {
            let why = Err(String::from("the request is not held"));
            self.shared.writer.answer(seq, &command, why);
        }
    }

    fn go(&self, request: &Request, mode: Mode) {
        let id = request.arguments["threadId"].as_i64().unwrap_or(0);
        let mut threads = self.shared.threads();
        let held = threads.all.get_mut(&id).filter(|t| t.stopped);
        let answer = match held {
            Some(thread) => {
                thread.stopped = false;
                // The answer first: what stops next is told after it.
                self.shared.writer.answer(
                    request.seq,
                    &request.command,
                    Ok(json!({ "allThreadsContinued": false })),
                );
                thread.caller.send(Command::Go(mode));
                return;
            }
            None => Err(String::from("the request is not held")),
        };
        drop(threads);
        self.shared
            .writer
            .answer(request.seq, &request.command, answer);
    }
}

/// What has been said before it may start.
#[derive(Default)]
struct Started {
    prepared: bool,
    configured: bool,
    begun: bool,
}

impl Started {
    fn go(&mut self, session: &Session, launch: &mut dyn Launch) {
        if self.prepared && self.configured && !std::mem::replace(&mut self.begun, true) {
            launch.start(session);
        }
    }
}

fn capabilities() -> Value {
    json!({
        "supportsConfigurationDoneRequest": true,
        "supportsConditionalBreakpoints": true,
        "supportsHitConditionalBreakpoints": true,
        "supportsLogPoints": true,
        "supportsEvaluateForHovers": true,
        "supportsTerminateRequest": true,
        "supportsExceptionInfoRequest": true,
        "supportsBreakpointLocationsRequest": true,
        "supportsDelayedStackTraceLoading": true,
        "exceptionBreakpointFilters": [{
            "filter": "failures",
            "label": "Failures of policies",
            "description": "Stops where a policy fails, before on-error.",
            "default": false,
        }],
    })
}
