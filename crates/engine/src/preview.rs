//! What a model request would cost: expected and at most, for each model that may answer it.
//!
//! Called by `llm-cost-preview` and by the management listener. What must stay true: nothing is called and nothing is
//! counted; amounts are exact; what is not known is said in place of an amount.
//!
//! The rules. Prompt: as estimated for the model; at most what no tokenizer can exceed. Output at most: what the request
//! allows for each choice, else what the model makes. Output expected: the average of the model's last calls through this
//! gateway, else [`EXPECTED`]; never above the most.

#[cfg(test)]
mod tests;

use crate::pricing::{Paid, bound, plain};
use crate::snapshot::Snapshot;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use tollgate_lang::value::Str;
use tollgate_llm::price::{Price, Tier, Unpriced};
use tollgate_llm::tokens::{bound_prompt, estimate_prompt};
use tollgate_llm::{Operation, Peek, ceiling};

/// Output tokens that are expected of a model of which nothing is known yet.
pub const EXPECTED: u64 = 256;

/// Most candidates of one preview.
const CANDIDATES: usize = 50;

/// A request for a preview, unless it is the model request itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    request: &'a RawValue,
    /// The path that the request would go to.
    path: Option<String>,
    #[serde(default)]
    candidates: Vec<Candidate>,
}

/// A model that may answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Candidate {
    model: Option<String>,
    /// A backend of the configuration: who serves the model, where, and which model a deployment is.
    backend: Option<String>,
    provider: Option<String>,
    region: Option<String>,
    tier: Option<String>,
}

/// Whether a body says itself which candidates it asks for.
#[derive(Deserialize)]
struct Either<'a> {
    #[serde(borrow)]
    request: Option<&'a RawValue>,
}

/// The preview as JSON.
///
/// # Errors
/// What is wrong with the body.
pub fn preview(
    snapshot: &Snapshot,
    unix_seconds: u64,
    target: Option<&Paid>,
    body: &[u8],
) -> Result<Value, String> {
    let either: Either<'_> =
        serde_json::from_slice(body).map_err(|why| format!("the body is not usable: {why}"))?;
    let wrapped = either.request.is_some_and(|raw| raw.get().starts_with('{'));
    let envelope: Envelope<'_> = if wrapped {
        serde_json::from_slice(body).map_err(|why| format!("the body is not usable: {why}"))?
    } else {
        Envelope {
            request: serde_json::from_slice(body)
                .map_err(|why| format!("the body is not usable: {why}"))?,
            path: None,
            candidates: Vec::new(),
        }
    };
    if envelope.candidates.len() > CANDIDATES {
        return Err(format!(
            "{} candidates are too many: {CANDIDATES} at most",
            envelope.candidates.len()
        ));
    }
    let request = envelope.request.get().as_bytes();
    let peek = Peek::new(request).map_err(|why| why.to_string())?;
    let operation = match &envelope.path {
        Some(path) => Operation::from_path(path),
        None => operation(&peek),
    };
    let mut candidates = envelope.candidates;
    if candidates.is_empty() {
        candidates.push(Candidate::default());
    }
    let asked = Asked {
        operation,
        request,
        peek,
    };
    let rows: Result<Vec<Value>, String> = candidates
        .iter()
        .map(|candidate| row(snapshot, unix_seconds, target, candidate, &asked))
        .collect();
    let prices = snapshot.prices.table();
    Ok(json!({
        "currency": prices.currency(),
        "price_version": prices.version(),
        "candidates": rows?,
    }))
}

/// The operation that a request is for, when no path says so.
fn operation(peek: &Peek<'_>) -> Operation {
    if peek.contents.is_some() {
        Operation::Other
    } else if peek.messages.is_some() {
        Operation::ChatCompletions
    } else if peek.prompt.is_some() {
        Operation::Completions
    } else if peek
        .model
        .as_deref()
        .is_some_and(|model| model.contains("embed"))
    {
        Operation::Embeddings
    } else {
        Operation::Responses
    }
}

/// The model request.
struct Asked<'a> {
    operation: Operation,
    request: &'a [u8],
    peek: Peek<'a>,
}

fn row(
    snapshot: &Snapshot,
    now: u64,
    target: Option<&Paid>,
    candidate: &Candidate,
    asked: &Asked<'_>,
) -> Result<Value, String> {
    let Asked {
        operation,
        request,
        peek,
    } = asked;
    let operation = *operation;
    let model = candidate.model.as_deref().or(peek.model.as_deref());
    let Some(model) = model.filter(|model| !model.is_empty()) else {
        return Err(String::from(
            "there is no model: name it in the request or in `candidates`",
        ));
    };
    let mut paid = match &candidate.backend {
        Some(backend) => of_backend(snapshot, backend, model)?,
        None => target.cloned().unwrap_or_default(),
    };
    if let Some(provider) = &candidate.provider {
        paid.provider = Str::from(provider.to_ascii_lowercase());
    }
    if let Some(region) = &candidate.region {
        paid.region = Some(Str::from(region.to_ascii_lowercase()));
    }
    if let Some(tier) = &candidate.tier {
        paid.tier = Tier::from_name(tier).ok_or_else(|| format!("there is no tier `{tier}`"))?;
    }
    let name = paid.model.clone().unwrap_or_else(|| Str::from(model));
    let price = price(snapshot, now, &mut paid, &name);
    let estimate = estimate_prompt(operation, peek, Some(&name));
    let prompt = bound_prompt(operation, request, peek, Some(&name));
    let most = output(
        operation,
        peek,
        price.as_ref().ok().map(|price| &**price),
        &name,
    );
    let usual = snapshot.prices.average(&name).unwrap_or(EXPECTED);
    let expected = most.map_or(usual, |most| usual.min(most));
    let mut row = Map::new();
    row.insert("model".into(), json!(model));
    row.insert(
        "priced_as".into(),
        json!(price.as_ref().ok().map(|price| &*price.model)),
    );
    row.insert("provider".into(), json!(&*paid.provider));
    row.insert("region".into(), json!(paid.region.as_deref()));
    row.insert("tier".into(), json!(paid.tier.name()));
    row.insert("prompt_tokens".into(), json!(estimate.tokens));
    row.insert("prompt_tokens_exact".into(), json!(estimate.exact));
    row.insert("prompt_tokens_maximum".into(), json!(prompt));
    row.insert("output_tokens_expected".into(), json!(expected));
    row.insert("output_tokens_maximum".into(), json!(most));
    match price {
        Ok(price) => {
            let expected =
                plain(&price, estimate.tokens, expected).map(|priced| priced.cost.to_string());
            let maximum = match (prompt, most) {
                (Some(prompt), Some(most)) => {
                    bound(&price, prompt, most).map(|bound| Some(bound.most.to_string()))
                }
                _ => Ok(None),
            };
            row.insert("fallback".into(), json!(price.fallback));
            row.insert("provisioned".into(), json!(price.tier == Tier::Provisioned));
            amount(&mut row, "expected", expected.map(Some), None);
            let unbounded = match prompt {
                None => "part of the prompt is only at the provider",
                Some(_) => "the request has no bound of its output, and the model's is not known",
            };
            amount(&mut row, "maximum", maximum, Some(unbounded));
        }
        Err(why) => {
            row.insert("unpriced".into(), json!(why.to_string()));
        }
    }
    Ok(Value::Object(row))
}

fn amount(
    row: &mut Map<String, Value>,
    name: &str,
    amount: Result<Option<String>, Unpriced>,
    none: Option<&str>,
) {
    match amount {
        Ok(Some(amount)) => {
            row.insert(name.to_owned(), Value::String(amount));
        }
        Ok(None) => {
            row.insert(name.to_owned(), Value::Null);
            row.insert("unbounded".into(), json!(none));
        }
        Err(why) => {
            row.insert(name.to_owned(), Value::Null);
            row.insert("unpriced".into(), json!(why.to_string()));
        }
    }
}

/// How a backend's calls are paid for.
fn of_backend(snapshot: &Snapshot, id: &str, model: &str) -> Result<Paid, String> {
    let ids = snapshot.backend_ids.first();
    let index = ids.and_then(|ids| ids.get(id));
    let server = index.and_then(|index| snapshot.server(*index));
    let Some(server) = server else {
        return Err(format!("there is no single backend `{id}`"));
    };
    Ok(Paid::of_server(server, model))
}

/// The price of a model; of a provider that is not known, the first that has one.
fn price(
    snapshot: &Snapshot,
    now: u64,
    paid: &mut Paid,
    model: &str,
) -> Result<Arc<Price>, Unpriced> {
    let prices = &snapshot.prices;
    let mut found = prices.find(model, paid, now);
    if found.is_err() && paid.provider.is_empty() {
        let providers: BTreeSet<&str> = prices.table().prices().map(|p| &*p.provider).collect();
        for provider in providers {
            let other = Paid {
                provider: Str::from(provider),
                ..paid.clone()
            };
            if let Ok(price) = prices.find(model, &other, now) {
                *paid = other;
                found = Ok(price);
                break;
            }
        }
    }
    found.or_else(|why| prices.table().fallback().cloned().ok_or(why))
}

/// The most output tokens over all choices.
fn output(
    operation: Operation,
    peek: &Peek<'_>,
    price: Option<&Price>,
    model: &str,
) -> Option<u64> {
    if operation == Operation::Embeddings {
        return Some(0);
    }
    let one = peek
        .output_bound(operation)
        .or_else(|| price.and_then(|price| price.max_output))
        .or_else(|| ceiling::of(model).map(|ceiling| ceiling.output))?;
    Some(one.saturating_mul(peek.choices(operation)))
}
