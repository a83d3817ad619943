//! The probe: what it is told, in which order and with which places; that it changes nothing; that it may hold a step.

use expect_test::expect;
use std::cell::RefCell;
use std::fmt::Write as _;
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use tollgate_engine::LocalBoxFuture;
use tollgate_engine::exchange::Exchange;
use tollgate_engine::fixture::{self, Setup, Watch};
use tollgate_engine::probe::{Event, Probe, Stop};

/// Gives way once.
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Writes down what it is told, indented by its nesting.
#[derive(Default)]
struct Log {
    text: RefCell<String>,
    depth: RefCell<usize>,
    stops: RefCell<Vec<String>>,
}

impl Log {
    fn line(&self, text: &str) {
        let indent = "  ".repeat(*self.depth.borrow());
        writeln!(self.text.borrow_mut(), "{indent}{text}").unwrap();
    }

    fn begin(&self, text: &str) {
        self.line(text);
        *self.depth.borrow_mut() += 1;
    }

    fn end(&self) {
        let mut depth = self.depth.borrow_mut();
        *depth = depth.checked_sub(1).expect("what ends has begun");
    }
}

fn at(rq: &Exchange, span: tollgate_lang::Span) -> String {
    let position = rq.snapshot.texts.position(span);
    position.map_or(String::from("-"), |p| p.to_string())
}

impl Probe for Log {
    fn tell(&self, rq: &Exchange, event: &Event<'_>) {
        match event {
            Event::SectionBegins(part) => {
                let (section, scope) = (part.section.name(), part.scope.name());
                let place = part.code.place.map(|p| at(rq, p));
                self.begin(&format!("{section} {scope} {:?} {place:?}", part.id));
            }
            Event::SectionEnds(..) | Event::StepEnds(..) | Event::BranchEnds(_) => self.end(),
            Event::StepBegins(step) => {
                self.begin(&format!(
                    "{} {} {}",
                    step.policy,
                    step.path,
                    at(rq, step.place)
                ));
            }
            Event::BranchBegins(branch) => {
                self.begin(&format!("-> {} {}", branch.path, at(rq, branch.place)));
            }
            Event::Evaluated {
                place,
                secret,
                result,
            } => {
                let text = rq.snapshot.texts.text(*place).unwrap_or_default();
                let came = match result {
                    Ok(value) => value.to_text().to_string(),
                    Err(error) => error.exception.to_owned(),
                };
                self.line(&format!(
                    "{text} = {came} secret={secret} {}",
                    at(rq, *place)
                ));
            }
            Event::VariableSet {
                name,
                before,
                after,
            } => {
                let before = before.map(|v| v.to_text().to_string());
                self.line(&format!("{name}: {before:?} -> {}", after.to_text()));
            }
            Event::Attempt(n) => self.line(&format!("attempt {n}")),
            Event::BackendChosen(chosen) => {
                let name = |index| rq.snapshot.backend(index).id.to_string();
                let rejected: Vec<_> = chosen
                    .rejected
                    .iter()
                    .map(|(index, why)| format!("{} {why:?}", name(*index)))
                    .collect();
                let backend = chosen.backend.map(name);
                self.line(&format!("backend {backend:?}, not {rejected:?}"));
            }
            Event::UpstreamRequest { origin, uri, .. } => {
                self.line(&format!("sends to {}{uri}", origin.authority));
            }
            Event::UpstreamResponse { status, .. } => self.line(&format!("answer {status}")),
            Event::UpstreamFailed(why) => self.line(&format!("no answer: {why}")),
            Event::Counter(c) => self.line(&format!(
                "counter {} of {:?}: {:?} allowed={}",
                c.count, c.limit, c.used, c.allowed
            )),
            Event::Cache { access, .. } => self.line(&format!("cache {access:?}")),
            Event::Failed(failure) => self.line(&format!("failed: {}", failure.reason)),
            Event::Answer(head) => self.line(&format!("answered {}", head.status())),
            Event::Settled(outcome) => self.line(outcome.as_str()),
            _ => {}
        }
    }

    fn stop<'a>(&'a self, _rq: &'a mut Exchange, at: Stop<'a>) -> Option<LocalBoxFuture<'a, ()>> {
        self.stops.borrow_mut().push(match at {
            Stop::Step(step) => step.path.to_string(),
            Stop::Failure(step, _) => format!("! {}", step.path),
        });
        Some(Box::pin(Yield(false)))
    }
}

/// Plays a fixture and gives what the probes of its requests wrote.
fn play(text: &str) -> (String, Vec<String>) {
    thread_local! {
        static LOGS: RefCell<Vec<Rc<Log>>> = RefCell::default();
    }
    let setup = Setup {
        watch: Some(Watch(Arc::new(|| {
            let log = Rc::new(Log::default());
            LOGS.with_borrow_mut(|logs| logs.push(log.clone()));
            log
        }))),
        ..Setup::default()
    };
    for outcome in fixture::run(text, &setup) {
        assert!(outcome.fault.is_none(), "{:?}", outcome.fault);
    }
    let logs = LOGS.take();
    let text = logs.iter().map(|l| l.text.borrow().clone()).collect();
    let stops = logs.iter().flat_map(|l| l.stops.borrow().clone()).collect();
    (text, stops)
}

#[test]
fn what_is_told_has_its_order_and_its_places() {
    let (text, stops) = play(
        r#"
-- config
secret hush: the-secret
backend a: http://a.test
backend b: http://b.test
pool p: a priority 1, b priority 2
-- fragment shared
<fragment>
  <set-variable name="n" value="@(1 + context.Request.Url.Path.Length)" />
</fragment>
-- policy.xml global
<policies>
<inbound>
  <rate-limit-by-key calls="5" renewal-period="60" counter-key="k" />
</inbound>
<backend><forward-request /></backend>
</policies>
-- policy.xml
<policies>
<inbound>
  <base />
  <include-fragment fragment-id="shared" />
  <choose>
    <when condition="@(context.Request.Method == "POST")"><set-method>PUT</set-method></when>
    <otherwise>
      <set-variable name="n" value="@((string)context.Variables.GetValueOrDefault("x", "{{hush}}"))" />
    </otherwise>
  </choose>
  <set-backend-service backend-id="p" />
</inbound>
<outbound><set-header name="a"><value>@(((string)null).Length.ToString())</value></set-header></outbound>
</policies>
-- send GET /abc
-- expect 500
"#,
    );
    expect![[r#"
        inbound operation "operation" None
          inbound api "api" Some("policy.xml:2:2")
            inbound product "product" None
              inbound global "" Some("policy.xml global:2:2")
                rate-limit-by-key rate-limit-by-key policy.xml global:3:4
                  counter 1 of Some(5): Some((0, 1)) allowed=true
            include-fragment include-fragment policy.xml:4:4
              set-variable include-fragment\set-variable fragment shared:2:4
                @(1 + context.Request.Url.Path.Length) = 5 secret=false fragment shared:2:33
                n: None -> 5
            choose choose policy.xml:5:4
              @(context.Request.Method == "POST") = False secret=false policy.xml:6:22
              -> choose\otherwise policy.xml:7:6
                set-variable choose\otherwise\set-variable policy.xml:8:8
                  @((string)context.Variables.GetValueOrDefault("x", "{{hush}}")) = the-secret secret=true policy.xml:8:37
                  n: Some("5") -> the-secret
            set-backend-service set-backend-service policy.xml:11:4
        backend operation "operation" None
          backend api "api" None
            backend product "product" None
              backend global "" Some("policy.xml global:5:2")
                forward-request forward-request policy.xml global:5:11
                  backend Some("a"), not ["b LowerPriority(2, 1)"]
                  sends to a.test/abc
                  answer 200 OK
        outbound operation "operation" None
          outbound api "api" Some("policy.xml:13:2")
            set-header set-header policy.xml:13:12
              @(((string)null).Length.ToString()) = System.NullReferenceException secret=false policy.xml:13:39
        failed: ExpressionValueEvaluationFailure
        on-error operation "operation" None
          on-error api "api" None
            on-error product "product" None
              on-error global "" None
        answered 500 Internal Server Error
        answered
    "#]]
    .assert_eq(&text);
    assert_eq!(
        stops,
        [
            "rate-limit-by-key",
            "include-fragment",
            "include-fragment\\set-variable",
            "choose",
            "choose\\otherwise\\set-variable",
            "set-backend-service",
            "forward-request",
            "set-header",
            "! set-header",
        ]
    );
}

#[test]
fn a_probe_that_holds_every_step_changes_nothing() {
    let mut cases = 0;
    for folder in ["policies", "pipeline", "mcp"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests")
            .join(folder);
        for file in std::fs::read_dir(folder).unwrap() {
            let file = file.unwrap().path();
            if file.extension().is_none_or(|e| e != "test") {
                continue;
            }
            let text = std::fs::read_to_string(&file).unwrap();
            let setup = Setup {
                watch: Some(Watch(Arc::new(|| Rc::new(Log::default())))),
                ..Setup::default()
            };
            for outcome in fixture::run(&text, &setup) {
                cases += 1;
                let fault = outcome.fault;
                assert!(fault.is_none(), "{}: {fault:?}", file.display());
            }
        }
    }
    assert!(cases > 100);
}
