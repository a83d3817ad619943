//! One structured record for each request, and what `trace` policies say.
//!
//! What must stay true: no key, no query, no header value but the trace id; nothing is formatted while nobody listens.

use crate::trace_context::trace_id;
use std::fmt::Write as _;
use tollgate_engine::Exchange;
use tollgate_engine::services::TraceSeverity;
use tollgate_engine::settle::Record;
use tollgate_lang::value::Str;
use uuid::Uuid;

/// `tracing` target of access records.
const ACCESS: &str = "tollgate::access";

/// `tracing` target of `trace` policies.
const TRACE: &str = "tollgate::trace";

/// Writes the record of a settled request.
pub(crate) fn write(record: &Record<'_>) {
    if !tracing::enabled!(target: ACCESS, tracing::Level::INFO) {
        return;
    }
    let rq = record.exchange;
    let request = &rq.request;
    let response = rq.response.as_ref();
    let last = rq.last_error.as_ref();
    let usage = rq.llm.as_ref().and_then(|l| l.usage.as_ref());
    let backend = rq.attempts.last().and_then(|a| a.backend);
    let tried = (rq.attempts.len() > 1).then(|| tried(rq));
    let server = rq
        .inner
        .as_ref()
        .and_then(|i| rq.snapshot.apis.get(i.server as usize));
    let milliseconds = |nanos: u64| nanos as f64 / 1e6;
    // An event has 32 fields at most: those of MCP servers stand where others have tokens and tools inside.
    macro_rules! write {
        ($($name:ident = $value:expr,)*) => {
            tracing::info!(
                target: ACCESS,
                request_id = %Uuid::from_u128(rq.id),
                trace_id = trace_id(&request.headers),
                client_ip = %request.client_ip,
                method = request.original_method.as_str(),
                host = &*request.authority,
                path = request.path_and_query.path(),
                api = rq.api().map(|a| &*a.id),
                operation = rq.operation().map(|o| &*o.id),
                product = rq.product().map(|p| &*p.id),
                subscription = rq.subscription().map(|s| &*s.id),
                status = response.map(|r| r.status.as_u16()),
                outcome = record.outcome.as_str(),
                duration_ms = milliseconds(record.elapsed_nanos),
                upstream_ms = milliseconds(rq.attempts.iter().map(|a| a.nanos).sum()),
                attempts = rq.attempts.len(),
                backend = backend.map(|b| &*rq.snapshot.backend(b).id),
                tried,
                backend_status = rq.attempts.last().map(|a| a.status),
                sent_bytes = record.sent_bytes,
                received_bytes = rq.received_bytes,
                error_source = last.map(|e| e.source),
                error_reason = last.map(|e| e.reason),
                error_message = last.map(|e| &*e.message),
                error_scope = last.map(|e| e.place.scope),
                error_section = last.map(|e| e.place.section),
                error_path = last.and_then(|e| e.place.path.as_deref()),
                $($name = $value,)*
                "request"
            )
        };
    }
    if let Some(call) = rq.mcp.as_deref() {
        let message = call.message.as_ref();
        let revision = call.revision();
        write! {
            mcp_method = message.map(|m| shown(&m.method)),
            mcp_tool = message.and_then(|m| m.tool()).map(|t| shown(t)),
            mcp_revision = revision.map(|r| r.as_str()),
            mcp_session = call.in_session,
            mcp_refusal = call.refusal,
        };
    } else {
        write! {
            tool = rq.inner.as_ref().map(|inner| &*inner.tool),
            tool_server = server.map(|api| &*api.id),
            prompt_tokens = usage.map(|u| u.input),
            completion_tokens = usage.map(|u| u.output),
            total_tokens = usage.map(|u| u.total),
            tokens_estimated = usage.map(|u| u.estimated),
        };
    }
}

/// A text of the caller's, of bounded length.
fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(128)]
}

/// Each attempt: backend and status, `-` for none.
fn tried(rq: &Exchange) -> String {
    let mut text = String::new();
    for attempt in &rq.attempts {
        let backend = attempt.backend.map_or("-", |b| &*rq.snapshot.backend(b).id);
        let separator = if text.is_empty() { "" } else { ", " };
        // Writing into a string does not fail.
        let _ = match attempt.status {
            0 => write!(text, "{separator}{backend} -"),
            status => write!(text, "{separator}{backend} {status}"),
        };
    }
    text
}

/// Writes what a `trace` policy or an expression says.
pub(crate) fn trace(
    request_id: u128,
    source: &str,
    severity: TraceSeverity,
    message: &str,
    metadata: &[(Str, Str)],
) {
    // `tracing` wants the level of an event at compile time.
    macro_rules! say {
        ($level:expr) => {
            tracing::event!(
                target: TRACE,
                $level,
                request_id = %Uuid::from_u128(request_id),
                source,
                metadata = ?metadata,
                "{message}"
            )
        };
    }
    match severity {
        TraceSeverity::Verbose => say!(tracing::Level::DEBUG),
        TraceSeverity::Information => say!(tracing::Level::INFO),
        TraceSeverity::Error => say!(tracing::Level::ERROR),
    }
}
