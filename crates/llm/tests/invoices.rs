//! Golden invoices (`invoices/*.yaml`): from the bytes of an answer to its charge, to the last digit.
//!
//! What must hold: the charge is the one that the provider's own rule gives, for whole answers and for streams however
//! they are cut; the numbers of every provider fit together, so that none is flagged as inconsistent.

#![allow(clippy::unwrap_used)]

use arbtest::arbtest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::BTreeMap;
use tollgate_llm::price::{Entry, File, PriceTable, Query, Tier};
use tollgate_llm::stream::{Meter, Metered};
use tollgate_llm::{Operation, dialect, usage};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invoice {
    name: String,
    rule: String,
    charge: String,
    path: String,
    price: serde_json::Value,
    /// The tier that the answer tells.
    tier: Option<String>,
    /// What the request says the model is, where neither path nor answer do.
    model: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    events: Option<String>,
    /// Event types and payloads of Amazon's framing; those of `chunk` are coded as Bedrock does.
    frames: Option<Vec<(String, String)>>,
}

const INVOICES: [(&str, &str); 6] = [
    ("openai", include_str!("invoices/openai.yaml")),
    ("azure", include_str!("invoices/azure.yaml")),
    ("anthropic", include_str!("invoices/anthropic.yaml")),
    ("gemini", include_str!("invoices/gemini.yaml")),
    ("bedrock", include_str!("invoices/bedrock.yaml")),
    ("others", include_str!("invoices/others.yaml")),
];

fn frame(kind: &str, payload: &str) -> Vec<u8> {
    let payload = match kind {
        "chunk" => format!(r#"{{"bytes":"{}"}}"#, STANDARD.encode(payload)),
        _ => payload.to_owned(),
    };
    let mut headers = vec![11];
    headers.extend_from_slice(b":event-type\x07");
    headers.extend_from_slice(&u16::try_from(kind.len()).unwrap().to_be_bytes());
    headers.extend_from_slice(kind.as_bytes());
    let length = 16 + headers.len() + payload.len();
    let mut frame = u32::try_from(length).unwrap().to_be_bytes().to_vec();
    frame.extend_from_slice(&u32::try_from(headers.len()).unwrap().to_be_bytes());
    // Checksums are the caller's affair.
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(&headers);
    frame.extend_from_slice(payload.as_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame
}

impl Invoice {
    fn bytes(&self) -> Vec<u8> {
        match (&self.body, &self.events, &self.frames) {
            (Some(body), None, None) => body.clone().into_bytes(),
            (None, Some(events), None) => format!("{events}\n").into_bytes(),
            (None, None, Some(frames)) => frames
                .iter()
                .flat_map(|(kind, payload)| frame(kind, payload))
                .collect(),
            _ => panic!("{}: one of `body`, `events` and `frames`", self.name),
        }
    }

    fn meter(&self, bytes: &[u8], cuts: &[usize]) -> Metered {
        let operation = Operation::from_path(&self.path);
        let mut meter = if self.events.is_some() {
            Meter::events(operation)
        } else if self.frames.is_some() {
            Meter::frames(operation)
        } else {
            Meter::body(operation)
        };
        meter.headers(usage::from_headers(|name| {
            self.headers.get(name).map(String::as_str)
        }));
        let mut from = 0;
        for end in cuts.iter().copied().chain([bytes.len()]) {
            meter.feed(&Bytes::copy_from_slice(&bytes[from..end]));
            from = end;
        }
        meter.finish(0, "")
    }

    fn table(&self, model: &str) -> PriceTable {
        let mut entry = self.price.clone();
        entry["models"] = serde_json::json!([model]);
        let entry: Entry = serde_json::from_value(entry).unwrap();
        PriceTable::new(&File {
            tools: Vec::new(),
            version: "golden".to_owned(),
            currency: "USD".to_owned(),
            prices: vec![entry],
            fallback: None,
        })
        .unwrap()
    }
}

fn invoices() -> impl Iterator<Item = (&'static str, Invoice)> {
    INVOICES.into_iter().flat_map(|(provider, text)| {
        let invoices: Vec<Invoice> = serde_saphyr::from_str(text).unwrap();
        invoices.into_iter().map(move |invoice| (provider, invoice))
    })
}

#[test]
fn charges_are_the_providers_own() {
    let (mut count, mut wrong) = (0, Vec::new());
    for (provider, invoice) in invoices() {
        let (name, bytes) = (&invoice.name, invoice.bytes());
        let metered = invoice.meter(&bytes, &[]);
        let usage = metered
            .usage
            .unwrap_or_else(|| panic!("{provider}, {name}: no usage"));
        assert!(
            !usage.inconsistent && !usage.estimated,
            "{provider}, {name}: {usage:?}"
        );
        let in_path = dialect::model_in_path(&invoice.path).map(|(model, _)| model.to_owned());
        let model = metered.model.or_else(|| invoice.model.clone()).or(in_path);
        let model = model.unwrap_or_else(|| panic!("{provider}, {name}: no model"));
        let tier = usage.tier.unwrap_or_default();
        if let Some(expected) = &invoice.tier {
            assert_eq!(tier.name(), expected, "{provider}, {name}");
        } else {
            assert_eq!(tier, Tier::Standard, "{provider}, {name}");
        }
        let price = invoice
            .table(&model)
            .lookup(&Query {
                provider,
                model: &model,
                region: None,
                tier,
                at: "2026-11-20".parse().unwrap(),
            })
            .unwrap();
        let charge = price.cost(&usage.classes()).unwrap().cost.decimal();
        let expected: Decimal = invoice.charge.parse().unwrap();
        if charge != expected {
            wrong.push(format!(
                "{provider}, {name}: {charge}, expected {expected} = {}\n  {usage:?}",
                invoice.rule
            ));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 40, "{count} invoices");
}

#[test]
fn a_stream_cut_anywhere_is_charged_the_same() {
    for (provider, invoice) in invoices() {
        let bytes = invoice.bytes();
        let whole = invoice.meter(&bytes, &[]);
        let every: Vec<usize> = (1..bytes.len()).collect();
        assert_eq!(
            invoice.meter(&bytes, &every),
            whole,
            "{provider}, {}",
            invoice.name
        );
        arbtest(|u| {
            let mut cuts = Vec::new();
            for _ in 0..u.int_in_range(0..=6)? {
                cuts.push(u.int_in_range(0..=bytes.len())?);
            }
            cuts.sort_unstable();
            assert_eq!(
                invoice.meter(&bytes, &cuts),
                whole,
                "{provider}, {}",
                invoice.name
            );
            Ok(())
        })
        .budget_ms(10);
    }
}

/// A stream that ends early has no usage, an estimate, or the beginning of one: never more than it says, never a panic.
#[test]
fn a_stream_that_ends_anywhere_is_no_fault() {
    for (provider, invoice) in invoices() {
        let bytes = invoice.bytes();
        for end in 0..bytes.len() {
            let metered = invoice.meter(&bytes[..end], &[]);
            if let Some(usage) = metered.usage {
                let classes = usage.classes();
                assert_eq!(
                    (classes.input_tokens(), classes.output_tokens()),
                    (usage.input, usage.output),
                    "{provider}, {} up to {end}",
                    invoice.name
                );
            }
        }
    }
}
