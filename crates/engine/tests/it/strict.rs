//! A thousand calls at one time under strict accounting, against a limit of tokens and a budget of money that fit some of
//! them: the provider's own books stay within both, whatever callers do.

use crate::accounting::{Ledger, chat, services};
use crate::generation::answer;
use http::{Request, Response};
use http_body::Body as _;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tollgate_engine::LocalBoxFuture;
use tollgate_engine::body::Body;
use tollgate_engine::definition::{
    AccountingMode, BudgetDefinition, BudgetScope, Definition, PolicyText, TokenAccounting,
    UnpricedCalls,
};
use tollgate_engine::exchange::collect;
use tollgate_engine::fixture::Setup;
use tollgate_engine::pipeline::serve;
use tollgate_engine::services::{Origin, SendError, SendOptions, Transport};
use tollgate_engine::snapshot;
use tollgate_lang::{Diagnostics, source::Sources};
use tollgate_llm::price::Query;
use tollgate_llm::{Operation, Peek, Usage, tokens};
use tollgate_state::budgets::{Calendar, Unit};
use tollgate_state::{Counters, MemoryCounters, TokenLimit};

const CALLS: u64 = 1000;
/// Most tokens of a minute, and most pico of the budget: each fits the reservations of some hundred calls.
const TOKENS: u64 = 8_000;
const MONEY: u128 = 60_000_000_000;
/// The most output that a call asks for.
const OUTPUT: u64 = 40;
const POLICY: &str = r#"<policies><inbound>
    <llm-token-limit counter-key="all" tokens-per-minute="8000" />
</inbound><backend><base /></backend></policies>"#;

/// What the provider has worked on, as it would bill it.
#[derive(Default)]
struct Books {
    prompt: Cell<u64>,
    completion: Cell<u64>,
    calls: Cell<u64>,
}

/// A provider that produces what it is asked for, and stops when nobody reads.
struct Provider(Rc<Books>);

impl Transport for Provider {
    fn send<'a>(
        &'a self,
        _origin: &'a Origin,
        request: Request<Body>,
        _options: SendOptions,
    ) -> LocalBoxFuture<'a, Result<Response<Body>, SendError>> {
        Box::pin(async move {
            let body = collect(request.into_body(), 1 << 20).await.unwrap();
            let peek = Peek::new(&body).unwrap();
            let n: u64 = peek.user.as_deref().unwrap().parse().unwrap();
            let operation = Operation::ChatCompletions;
            let prompt = tokens::estimate_prompt(operation, &peek, Some("gpt-4o")).tokens;
            let wants = 1 + n * 13 % 60;
            let completion = wants.min(peek.output_bound(operation).unwrap());
            let books = &self.0;
            books.calls.set(books.calls.get() + 1);
            books.prompt.set(books.prompt.get() + prompt);
            let usage = format!(
                r#""usage":{{"prompt_tokens":{prompt},"completion_tokens":{completion},"total_tokens":{}}}"#,
                prompt + completion
            );
            let mut events = Vec::new();
            let kind = if peek.stream {
                let delta = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" lorem\"}}],\"usage\":null}\n\n";
                events.extend((0..completion).map(|_| String::from(delta)));
                events.push(format!("data: {{\"choices\":[],{usage}}}\n\n"));
                events.push(String::from("data: [DONE]\n\n"));
                "text/event-stream"
            } else {
                // It works on, whether anybody waits or not.
                books.completion.set(books.completion.get() + completion);
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
                events.push(format!("{{\"choices\":[],{usage}}}"));
                "application/json"
            };
            let books = books.clone();
            Ok(answer(kind, events, move |event| {
                if event.contains("lorem") {
                    books.completion.set(books.completion.get() + 1);
                }
            }))
        })
    }
}

fn definition() -> Definition {
    let mut definition: Definition = Setup::default().definition;
    let text = Arc::<str>::from(POLICY);
    let file = Sources::default().add("policy.xml", text.clone());
    let api = &mut definition.apis[0];
    api.policy = Some(PolicyText { file, text });
    // The host tells who is paid.
    api.service_url = Some(Arc::from("https://one.openai.azure.com"));
    definition.gateway.usage_timeout = Duration::ZERO;
    definition.gateway.token_accounting = TokenAccounting {
        mode: Some(AccountingMode::Strict),
        ..TokenAccounting::default()
    };
    definition.budgets = vec![BudgetDefinition {
        span: None,
        workspace: None,
        id: Arc::from("money"),
        unit: Unit::Money,
        limit: MONEY,
        calendar: Calendar::endless(),
        hard: true,
        carry_over: None,
        thresholds: Vec::new(),
        notify: Vec::new(),
        parent: None,
        each: None,
        children_only: false,
        scope: BudgetScope::default(),
        unpriced: UnpricedCalls::Refuse,
    }];
    definition
}

#[test]
fn a_thousand_calls_stay_within_tokens_and_money() {
    let mut diagnostics = Diagnostics::default();
    let snapshot = snapshot::build(definition(), &mut diagnostics);
    let snapshot = Arc::new(snapshot.unwrap_or_else(|| panic!("{:?}", diagnostics.items())));
    let books = Rc::new(Books::default());
    let counters = Arc::new(MemoryCounters::default());
    let provider = Rc::new(Provider(books.clone()));
    let services = services(
        provider,
        Arc::new(Ledger::default()),
        counters.clone(),
        &snapshot,
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let local = tokio::task::LocalSet::new();
    let (answered, refused) = (Rc::new(Cell::new(0_u64)), Rc::new(Cell::new(0_u64)));
    for n in 0..CALLS {
        let (snapshot, services) = (snapshot.clone(), services.clone());
        let (answered, refused) = (answered.clone(), refused.clone());
        let stream = n % 2 == 0;
        // A third leaves: a stream after some events, a whole answer while it is worked on.
        let leaves = (n % 3 == 0).then_some(n * 7 % 30);
        let body = format!(
            r#"{{"user":"{n}","messages":[{{"role":"user","content":"call {n}"}}],"stream":{stream},"max_tokens":{OUTPUT}}}"#
        );
        local.spawn_local(async move {
            // They come in waves, so that later ones find what earlier ones have left.
            for _ in 0..n / 100 * 12 {
                tokio::task::yield_now().await;
            }
            let serving = serve(snapshot, services, chat(n, body));
            let left = async {
                match leaves.filter(|_| !stream) {
                    Some(times) => {
                        for _ in 0..times % 4 {
                            tokio::task::yield_now().await;
                        }
                    }
                    None => std::future::pending().await,
                }
            };
            let response = tokio::select! {
                biased;
                response = serving => response,
                () = left => return,
            };
            match response.status().as_u16() {
                200 => answered.set(answered.get() + 1),
                403 | 429 => return refused.set(refused.get() + 1),
                other => panic!("{other}"),
            }
            let mut body = Box::pin(response.into_body());
            let mut chunks = 0;
            while leaves.is_none_or(|most| chunks < most) {
                match std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
                    Some(frame) => drop(frame.unwrap()),
                    None => break,
                }
                chunks += 1;
            }
        });
    }
    runtime.block_on(local);
    let (answered, refused) = (answered.get(), refused.get());
    assert!(
        answered > 100 && refused > 100,
        "{answered} answered, {refused} refused"
    );

    let (prompt, completion) = (books.prompt.get(), books.completion.get());
    let query = Query {
        provider: "azure.ai.openai",
        model: "gpt-4o",
        region: None,
        tier: Default::default(),
        at: jiff::civil::date(2026, 1, 1),
    };
    let price = snapshot.gateway.prices.lookup(&query).unwrap();
    let usage = Usage::estimate(prompt, completion);
    let spent = price.cost(&usage.classes()).unwrap().cost.0;
    assert!(
        prompt + completion <= TOKENS,
        "{} tokens were used of {TOKENS}",
        prompt + completion
    );
    assert!(spent <= MONEY, "{spent} was spent of {MONEY}");

    let rule = &snapshot.budgets.find("money").unwrap().rule;
    let now = services.clock.unix_millis();
    let figures = services.budgets.accounts.figures(rule, "", now);
    assert!(spent <= figures.spent && figures.spent <= MONEY);
    assert_eq!(figures.reserved, 0, "all has been given back");
    let limit = TokenLimit {
        per_minute: Some(u64::MAX),
        quota: None,
    };
    let left = counters.tokens_left("all", limit, services.clock.moment());
    let left = left.now().unwrap_or_else(|_| panic!("memory answers"));
    let counted = u64::MAX - left.per_minute.unwrap();
    assert!(prompt + completion <= counted && counted <= TOKENS);
    // Both came near to their end: it is no accident that they hold.
    assert!(counted > TOKENS / 2, "{counted} of {TOKENS}");
    assert!(figures.spent > MONEY / 2, "{} of {MONEY}", figures.spent);
}
