//! The methods that both eras have: lists, tools, resources, prompts, completion.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};
use tollgate_agents::Revision;
use tollgate_agents::jsonrpc::code;

use super::call::{Call, Done, Side, Stop};
use super::content::failed;
use super::ledger::McpOutcome;
use super::refusal::Refusal;
use super::{Catalog, conformance, docs};

/// What every server of the simulator can.
pub(super) fn capabilities(legacy: bool) -> Value {
    let mut capabilities = json!({
        "tools": { "listChanged": true },
        "resources": { "subscribe": true, "listChanged": true },
        "prompts": { "listChanged": true },
        "completions": {}
    });
    if legacy {
        capabilities["logging"] = json!({});
    }
    capabilities
}

/// Who it is.
pub(super) fn server_info(catalog: Catalog) -> Value {
    let name = match catalog {
        Catalog::Docs => "tollgate-simulated-docs",
        Catalog::Conformance => "tollgate-simulated-conformance",
    };
    json!({ "name": name, "version": env!("CARGO_PKG_VERSION") })
}

/// The tools of a catalog.
pub(super) fn tools(catalog: Catalog) -> Vec<Value> {
    match catalog {
        Catalog::Docs => docs::tools(),
        Catalog::Conformance => conformance::tools(),
    }
}

/// What a request is about: a tool, a prompt, a resource.
pub(super) fn name<'a>(method: &str, params: &'a Value) -> &'a str {
    let field = match method {
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => "uri",
        _ => "name",
    };
    params[field].as_str().unwrap_or_default()
}

/// Runs a request and notes it.
pub(super) async fn run(call: &Call, method: &str, revision: Revision) -> Done {
    let ledger = &call.state.mcp.ledger;
    let entry = ledger.begin(method, name(method, &call.params), revision.as_str());
    let done = match handle(call, method).await {
        Err(Stop::Failed(why)) if method == "tools/call" => Ok(failed(&why)),
        Err(Stop::Failed(why)) => Err(Refusal::new(code::INTERNAL_ERROR, &why)
            .status(StatusCode::INTERNAL_SERVER_ERROR)
            .into()),
        other => other,
    };
    entry.end(match &done {
        Ok(_) => McpOutcome::Completed,
        Err(Stop::Asks(..)) => McpOutcome::InputRequired,
        Err(_) => McpOutcome::Refused,
    });
    done
}

async fn handle(call: &Call, method: &str) -> Done {
    let catalog = call.settings.catalog;
    match method {
        "tools/list" => list(call, "tools", tools(catalog)),
        "resources/list" => list(
            call,
            "resources",
            match catalog {
                Catalog::Docs => docs::resources(),
                Catalog::Conformance => conformance::resources(),
            },
        ),
        "resources/templates/list" => list(
            call,
            "resourceTemplates",
            match catalog {
                Catalog::Docs => docs::templates(),
                Catalog::Conformance => conformance::templates(),
            },
        ),
        "prompts/list" => list(
            call,
            "prompts",
            match catalog {
                Catalog::Docs => docs::prompts(),
                Catalog::Conformance => conformance::prompts(),
            },
        ),
        "tools/call" => tool(call).await,
        "prompts/get" => {
            let found = match catalog {
                Catalog::Docs => docs::prompt(call).await,
                Catalog::Conformance => conformance::prompt(call).await,
            };
            found.unwrap_or_else(|| {
                let name = name(method, &call.params);
                Err(Refusal::params(&format!("Unknown prompt: {name}")).into())
            })
        }
        "resources/read" => read(call),
        "completion/complete" => Ok(complete(call)),
        other => Err(Refusal::method(other).into()),
    }
}

/// A page of a list. A cursor is the number of the items before the page, and opaque to clients.
fn list(call: &Call, field: &str, items: Vec<Value>) -> Done {
    let from = match &call.params["cursor"] {
        Value::Null => 0,
        // The empty text is a cursor like any other; we give none that is empty.
        cursor => cursor
            .as_str()
            .and_then(|cursor| URL_SAFE_NO_PAD.decode(cursor).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok())
            .filter(|from| (1..items.len()).contains(from))
            .ok_or_else(|| Refusal::params("Invalid cursor"))?,
    };
    let size = call.settings.page.unwrap_or(items.len());
    let to = (from + size).min(items.len());
    let mut result = json!({ field: items[from..to] });
    if to < items.len() {
        result["nextCursor"] = json!(URL_SAFE_NO_PAD.encode(to.to_string()));
    }
    Ok(result)
}

async fn tool(call: &Call) -> Done {
    let name = name("tools/call", &call.params);
    let tools = tools(call.settings.catalog);
    let Some(tool) = tools.iter().find(|tool| tool["name"] == name) else {
        return Err(Refusal::params(&format!("Unknown tool: {name}")).into());
    };
    let missing = tool["inputSchema"]["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .find(|required| call.argument(required).is_null());
    if let Some(missing) = missing {
        let why = format!("Input validation error: '{missing}' is a required property");
        // Newer clients give it to the model, which can correct itself.
        let tells = match &call.side {
            Side::Legacy { session, .. } => session.revision >= Revision::V2025_11_25,
            Side::Modern { .. } => true,
        };
        return if tells {
            Ok(failed(&why))
        } else {
            Err(Refusal::params(&why).into())
        };
    }
    match call.settings.catalog {
        Catalog::Docs => docs::call(call, name).await,
        Catalog::Conformance => conformance::call(call, name).await,
    }
}

fn read(call: &Call) -> Done {
    let uri = name("resources/read", &call.params);
    let found = match call.settings.catalog {
        Catalog::Docs => docs::read(uri),
        Catalog::Conformance => conformance::read(uri),
    };
    match found {
        Some(contents) => Ok(json!({ "contents": [contents] })),
        None => {
            let code = match &call.side {
                Side::Legacy { .. } => -32002,
                Side::Modern { .. } => code::INVALID_PARAMS,
            };
            Err(Refusal::new(code, "Resource not found")
                .data(json!({ "uri": uri }))
                .into())
        }
    }
}

fn complete(call: &Call) -> Value {
    let argument = &call.params["argument"];
    let begun = argument["value"].as_str().unwrap_or_default();
    let words = match call.settings.catalog {
        Catalog::Docs => docs::words(argument["name"].as_str().unwrap_or_default()),
        Catalog::Conformance => vec!["paris", "park", "party"],
    };
    let values: Vec<_> = words
        .into_iter()
        .filter(|word| word.starts_with(begun))
        .collect();
    json!({ "completion": { "total": values.len(), "values": values, "hasMore": false } })
}
