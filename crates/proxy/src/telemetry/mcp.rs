//! The numbers of calls of MCP servers: what was asked, and of which tool.
//!
//! What must stay true: a label that a caller writes counts only where the server answered, and series are bounded.

use super::metric::{Attributes, Metric, pairs};
use super::shard::{OVERFLOW, Shard, cut};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tollgate_engine::Exchange;
use tollgate_engine::mcp::Endpoint;
use tollgate_lang::value::Str;

/// The methods that count under their own name.
const METHODS: [&str; 29] = [
    "initialize",
    "ping",
    "server/discover",
    "subscriptions/listen",
    "tools/list",
    "tools/call",
    "resources/list",
    "resources/read",
    "resources/templates/list",
    "resources/subscribe",
    "resources/unsubscribe",
    "prompts/list",
    "prompts/get",
    "completion/complete",
    "logging/setLevel",
    "tasks/get",
    "tasks/update",
    "tasks/result",
    "tasks/list",
    "tasks/cancel",
    "notifications/initialized",
    "notifications/cancelled",
    "notifications/progress",
    "notifications/roots/list_changed",
    "GET",
    "DELETE",
    "response",
    "other",
    "none",
];

/// API, method and tool.
type Key = (Str, &'static str, Str);

/// One thread's counts.
#[derive(Clone, Default)]
pub(super) struct McpCounts(HashMap<Key, u64>);

impl McpCounts {
    /// Counts a call.
    pub(super) fn count(&mut self, exchange: &Exchange, most: usize) {
        let Some(call) = exchange.mcp.as_deref() else {
            return;
        };
        if call.endpoint == Endpoint::Operation {
            return;
        }
        let none = || Str::from("");
        let method = match &call.message {
            Some(message) if message.method.is_empty() => "response",
            Some(message) => known(&message.method).unwrap_or("other"),
            // Refused before it was read, or without a message.
            None => known(exchange.request.original_method.as_str()).unwrap_or("none"),
        };
        let answered = exchange
            .response
            .as_ref()
            .is_some_and(|r| r.status.is_success())
            && call.refusal.is_none();
        let tool = call
            .message
            .as_ref()
            .and_then(|m| m.tool())
            .filter(|_| answered)
            .map_or_else(none, cut);
        let api = exchange.api().map_or_else(none, |api| api.id.clone());
        let mut key = (api, method, tool);
        if self.0.len() >= most && !self.0.contains_key(&key) {
            key.2 = Str::from(OVERFLOW);
            if self.0.len() >= most.saturating_mul(2) && !self.0.contains_key(&key) {
                key.0 = Str::from(OVERFLOW);
            }
        }
        *self.0.entry(key).or_default() += 1;
    }
}

fn known(method: &str) -> Option<&'static str> {
    METHODS.into_iter().find(|known| *known == method)
}

/// All threads' counts, added up.
pub(super) fn metric(shards: &[Arc<Shard>]) -> Metric {
    let mut sums: BTreeMap<Attributes, u64> = BTreeMap::new();
    for shard in shards {
        let counts = shard.lock().mcp.clone();
        for ((api, method, tool), count) in counts.0 {
            let labels = pairs(&[("api", &api), ("method", method), ("tool", &tool)]);
            *sums.entry(labels).or_default() += count;
        }
    }
    let help = "Calls of MCP servers by method, and by tool where one was called";
    Metric::counter("mcp.requests", "{request}", help, sums)
}
