//! Prompts and completions held to an Azure AI Content Safety service.
//!
//! `llm-content-safety` calls it with its [`Rules`], the pipeline for completions that a policy of inbound asked about.
//! Source of the calls: Azure AI Content Safety, REST API 2024-09-01, `text:analyze` and `text:shieldPrompt`. What must
//! stay true: what cannot be checked does not pass; every wait has a deadline; the number of calls is bounded.

mod stream;
mod text;

use crate::exchange::{BodyState, Exchange};
use crate::failure::Failure;
use crate::llm_call::{identity, is_encoded, is_event_stream};
use crate::services::{HttpVersion, SendOptions, Services, TraceSeverity};
use crate::snapshot::BackendIndex;
use crate::step::Needs;
use crate::upstream::Detached;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use std::rc::Rc;
use std::time::Duration;
use tollgate_lang::value::Str;

/// What the element is called.
pub(crate) const NAME: &str = "llm-content-safety";
/// Most characters that the service takes at once.
pub(crate) const WINDOW: usize = 10_000;
/// Most windows of one text.
const MOST_WINDOWS: usize = 400;
/// One call may take so long.
const CALL: Duration = Duration::from_secs(10);
/// The checks of one text may take so long.
const DEADLINE: Duration = Duration::from_secs(60);
/// Largest answer of the service.
const LARGEST: usize = 1 << 20;
/// Version of the service's interface.
const VERSION: &str = "api-version=2024-09-01";
/// What callers read.
const MESSAGE: &str = "Request failed content safety check.";

/// What a text is held to: a policy's attributes for one request.
#[derive(Debug)]
pub(crate) struct Rules {
    /// The service.
    pub(crate) backend: BackendIndex,
    /// Whether prompts are searched for attacks.
    pub(crate) shield: bool,
    /// Characters of a window of a completion.
    pub(crate) window: usize,
    /// Characters that two windows share.
    pub(crate) overlap: usize,
    /// `FourSeverityLevels` or `EightSeverityLevels`.
    pub(crate) output_type: &'static str,
    /// Categories and the severity from which they are blocked.
    pub(crate) categories: Vec<(&'static str, i64)>,
    /// Lists of the service.
    pub(crate) blocklists: Vec<Str>,
}

impl Rules {
    /// Whether there is anything to check in a prompt.
    pub(crate) fn check_prompts(&self) -> bool {
        self.shield || self.check_completions()
    }

    /// Whether there is anything to check in a completion.
    pub(crate) fn check_completions(&self) -> bool {
        !self.categories.is_empty() || !self.blocklists.is_empty()
    }
}

/// Why a text does not pass.
#[derive(Debug)]
pub(crate) enum Unsafe {
    /// What was found.
    Found(String),
    /// Why it could not be checked.
    Unknown(String),
}

impl Unsafe {
    fn text(&self) -> String {
        match self {
            Unsafe::Found(what) => what.clone(),
            Unsafe::Unknown(why) => format!("The text could not be checked: {why}."),
        }
    }

    /// The refusal; what exactly was found goes to the log only.
    fn refuse(&self, rq: &Exchange) -> Box<Failure> {
        tell(&rq.services, rq.id, &self.text());
        Failure::refused(
            NAME,
            "ContentSafetyCheckFailed",
            StatusCode::FORBIDDEN,
            MESSAGE,
        )
    }
}

fn tell(services: &Services, id: u128, what: &str) {
    let severity = TraceSeverity::Information;
    services.telemetry.trace(id, NAME, severity, what, &[]);
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Analyze<'a> {
    text: &'a str,
    categories: Vec<&'a str>,
    blocklist_names: &'a [Str],
    halt_on_blocklist_hit: bool,
    output_type: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Analyzed {
    #[serde(default)]
    categories_analysis: Vec<Severity>,
    #[serde(default)]
    blocklists_match: Vec<Match>,
}

#[derive(Deserialize)]
struct Severity {
    category: String,
    #[serde(default)]
    severity: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Match {
    #[serde(default)]
    blocklist_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shield<'a> {
    user_prompt: &'a str,
    documents: [&'a str; 0],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shielded {
    user_prompt_analysis: Attack,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attack {
    attack_detected: bool,
}

/// The service, ready to be called while a body is on its way.
pub(crate) struct Service {
    rules: Rc<Rules>,
    services: Rc<Services>,
    backend: Detached,
    id: u128,
}

impl Service {
    async fn of(rq: &Exchange, rules: Rc<Rules>) -> Result<Service, Unsafe> {
        let mut headers = HeaderMap::new();
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
        identity(rq, rules.backend, &mut headers)
            .await
            .map_err(Unsafe::Unknown)?;
        let backend = Detached::of(rq, rules.backend, headers).await;
        Ok(Service {
            backend: backend.map_err(|f| Unsafe::Unknown(f.message))?,
            services: rq.services.clone(),
            id: rq.id,
            rules,
        })
    }

    async fn post<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Unsafe> {
        let body = serde_json::to_vec(body).map_err(|e| Unsafe::Unknown(e.to_string()))?;
        let options = SendOptions {
            timeout: CALL,
            version: HttpVersion::default(),
            continue_timeout: None,
        };
        let posted = self.backend.post(
            &self.services,
            path,
            VERSION,
            Bytes::from(body),
            options,
            LARGEST,
        );
        let (status, answer) = posted.await.map_err(Unsafe::Unknown)?;
        if !status.is_success() {
            let why = format!("the content safety service answered {status}");
            return Err(Unsafe::Unknown(why));
        }
        serde_json::from_slice(&answer)
            .map_err(|e| Unsafe::Unknown(format!("the content safety service's answer: {e}")))
    }

    /// Categories and lists of one window.
    async fn analyze(&self, text: &str) -> Result<(), Unsafe> {
        let rules = &*self.rules;
        let request = Analyze {
            text,
            categories: rules.categories.iter().map(|(name, _)| *name).collect(),
            blocklist_names: &rules.blocklists,
            halt_on_blocklist_hit: true,
            output_type: rules.output_type,
        };
        let answer: Analyzed = self.post("/contentsafety/text:analyze", &request).await?;
        if let Some(hit) = answer.blocklists_match.first() {
            let what = format!(
                "The text has a term of the blocklist {}.",
                hit.blocklist_name
            );
            return Err(Unsafe::Found(what));
        }
        for (name, threshold) in &rules.categories {
            let found = answer.categories_analysis.iter();
            let severity = found
                .filter(|a| a.category.eq_ignore_ascii_case(name))
                .filter_map(|a| a.severity)
                .max();
            let Some(severity) = severity else {
                let why = format!("the content safety service told no severity of {name}");
                return Err(Unsafe::Unknown(why));
            };
            if severity >= *threshold {
                return Err(Unsafe::Found(format!(
                    "The category {name} has the severity {severity}, and {threshold} is blocked."
                )));
            }
        }
        Ok(())
    }

    async fn shield(&self, text: &str) -> Result<(), Unsafe> {
        let request = Shield {
            user_prompt: text,
            documents: [],
        };
        let answer: Shielded = self
            .post("/contentsafety/text:shieldPrompt", &request)
            .await?;
        if answer.user_prompt_analysis.attack_detected {
            let what = String::from("The text is an attack on the model.");
            return Err(Unsafe::Found(what));
        }
        Ok(())
    }

    /// A whole text, window by window.
    async fn check(&self, text: &str, window: usize, prompt: bool) -> Result<(), Unsafe> {
        let windows = text::windows(text, window, self.rules.overlap);
        if windows.len() > MOST_WINDOWS {
            let why = format!("it has more than {MOST_WINDOWS} windows");
            return Err(Unsafe::Unknown(why));
        }
        let clock = self.services.clock.clone();
        let checked = async {
            for window in windows {
                if self.rules.check_completions() {
                    self.analyze(window).await?;
                }
                if prompt && self.rules.shield {
                    self.shield(window).await?;
                }
            }
            Ok(())
        };
        tokio::select! {
            biased;
            checked = checked => checked,
            () = clock.sleep(DEADLINE) => Err(Unsafe::Unknown(format!("not within {DEADLINE:?}"))),
        }
    }
}

/// Holds a text to the rules, in windows of so many characters; `None`: the body that has it cannot be read.
async fn judge(
    rq: &Exchange,
    rules: &Rc<Rules>,
    text: Option<String>,
    window: usize,
    prompt: bool,
) -> Result<(), Box<Failure>> {
    let checked = match text {
        None => Err(Unsafe::Unknown(String::from("the body cannot be read"))),
        Some(text) if text.trim().is_empty() => Ok(()),
        Some(text) => match Service::of(rq, rules.clone()).await {
            Ok(service) => service.check(&text, window, prompt).await,
            Err(why) => Err(why),
        },
    };
    checked.map_err(|why| why.refuse(rq))
}

/// Holds the request's prompt to the rules.
pub(crate) async fn prompt(rq: &mut Exchange, rules: &Rc<Rules>) -> Result<(), Box<Failure>> {
    if !rules.check_prompts() || !rq.request.body.is_some() {
        return Ok(());
    }
    let needs = Needs {
        request_body: true,
        ..Needs::default()
    };
    rq.buffer(needs, NAME).await?;
    let limit = rq.snapshot.gateway.max_buffered_body;
    let text = match &rq.request.body {
        BodyState::Buffered(body) => text::of_request(&rq.request.headers, body, limit),
        BodyState::None => return Ok(()),
        BodyState::Streaming(_) | BodyState::Consumed => None,
    };
    judge(rq, rules, text, WINDOW, true).await
}

/// Holds the completion to all rules that policies of inbound left for it.
pub(crate) async fn completions(rq: &mut Exchange) -> Result<(), Box<Failure>> {
    for rules in std::mem::take(&mut rq.completion_rules) {
        completion(rq, &rules).await?;
    }
    Ok(())
}

/// Holds the response to the rules: whole, or an event stream while it passes.
pub(crate) async fn completion(rq: &mut Exchange, rules: &Rc<Rules>) -> Result<(), Box<Failure>> {
    let Some(response) = &rq.response else {
        return Ok(());
    };
    if !rules.check_completions() || !response.status.is_success() || !response.body.is_some() {
        return Ok(());
    }
    let coded = is_encoded(&response.headers);
    if is_event_stream(&response.headers)
        && !coded
        && matches!(response.body, BodyState::Streaming(_))
    {
        let service = match Service::of(rq, rules.clone()).await {
            Ok(service) => service,
            Err(why) => return Err(why.refuse(rq)),
        };
        let operation = tollgate_llm::Operation::from_path(rq.request.path_and_query.path());
        let response = rq.response_mut();
        if let BodyState::Streaming(body) = std::mem::take(&mut response.body) {
            response.headers.remove(header::CONTENT_LENGTH);
            response.body = BodyState::Streaming(stream::guard(body, operation, service));
        }
        return Ok(());
    }
    let needs = Needs {
        response_body: true,
        ..Needs::default()
    };
    rq.buffer(needs, NAME).await?;
    let limit = rq.snapshot.gateway.max_buffered_body;
    let response = rq.response_mut();
    let text = match &response.body {
        BodyState::Buffered(body) => text::of_response(&response.headers, body, limit),
        BodyState::None => return Ok(()),
        BodyState::Streaming(_) | BodyState::Consumed => None,
    };
    judge(rq, rules, text, rules.window, false).await
}
