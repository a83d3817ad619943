//! `gateway.prices` and what backends say of their models: the table of prices that is in force.
//!
//! What must stay true: the file goes over the shipped prices, entry by entry; amounts of two currencies are never
//! mixed; a fault stands at the entry that causes it.

use super::Reader;
use crate::model::backend::{Backend, Deployment};
use crate::model::gateway::Gateway;
use crate::model::price::PriceFile;
use crate::yaml::{self, At, Place};
use std::collections::HashMap;
use std::sync::Arc;
use tollgate_engine::definition::{DeploymentDefinition, ModelService};
use tollgate_lang::{Diagnostic, Diagnostics, FileId, Span};
use tollgate_llm::price::{Entry, File, Pico, PriceTable, Tier};

impl Reader<'_, '_> {
    pub(super) fn prices(&mut self, gateway: &Gateway) -> Arc<PriceTable> {
        let shipped = PriceTable::shipped();
        let Some(path) = &gateway.prices else {
            return shipped;
        };
        let resolved = self.files.resolve(path.trim());
        let (file, text) = match self.files.text(&resolved) {
            Ok(found) => found,
            Err(why) => {
                let fault = Diagnostic::error(
                    "TG0710",
                    self.span(path.place),
                    format!("the prices in {} cannot be read: {why}", path.value),
                )
                .label("expected the path of a YAML file")
                .help("leave it out for the prices that are shipped");
                self.diagnostics.push(fault);
                return shipped;
            }
        };
        let Some(mut root) = yaml::parse(file, &text, self.diagnostics) else {
            return shipped;
        };
        match yaml::read::<PriceFile>(file, &mut root, self.diagnostics) {
            Some(written) => over(file, &written, &shipped, self.diagnostics),
            None => shipped,
        }
    }

    /// What a backend says of its models.
    pub(super) fn models(&mut self, backend: &Backend) -> ModelService {
        let text = |value: &Option<At<String>>| {
            value
                .as_ref()
                .map(|value| Arc::from(value.trim().to_ascii_lowercase()))
        };
        ModelService {
            provider: text(&backend.provider),
            region: text(&backend.region),
            tier: backend.tier.map(Tier::from),
            deployments: backend
                .deployments
                .iter()
                .map(|(name, deployment)| {
                    (
                        Arc::from(name.as_str()),
                        self.deployment(backend, deployment),
                    )
                })
                .collect(),
        }
    }

    fn deployment(&mut self, backend: &Backend, written: &At<Deployment>) -> DeploymentDefinition {
        let mut tier = written.tier.or(backend.tier).map(Tier::from);
        let hour = written.capacity.as_ref().and_then(|capacity| {
            let units = rust_decimal::Decimal::from(capacity.units);
            let hour = capacity
                .unit_hour
                .0
                .checked_mul(units)
                .and_then(Pico::from_decimal);
            if hour.is_none() {
                let fault = Diagnostic::error(
                    "TG0713",
                    self.span(capacity.place),
                    format!(
                        "{} for an hour of a unit cannot be taken",
                        capacity.unit_hour.0
                    ),
                )
                .label(
                    "expected an amount of 0 or more, with at most twelve digits after the point",
                )
                .help("`unitHour` is what one unit costs for an hour");
                self.diagnostics.push(fault);
            }
            hour
        });
        if written.capacity.is_some() {
            if written
                .tier
                .is_some_and(|tier| Tier::from(tier) != Tier::Provisioned)
            {
                let fault = Diagnostic::error(
                    "TG0713",
                    self.span(written.place),
                    "a deployment with capacity of its own is `provisioned`",
                )
                .label("`tier` says something else")
                .help("leave `tier` out, or take `capacity` away");
                self.diagnostics.push(fault);
            }
            tier = Some(Tier::Provisioned);
        }
        DeploymentDefinition {
            model: written.model.as_ref().map(|model| Arc::from(model.trim())),
            region: written
                .region
                .as_ref()
                .map(|region| Arc::from(region.trim().to_ascii_lowercase())),
            tier,
            hour,
        }
    }
}

/// Entries with a price that an earlier one decides, the earlier one, and what the price is of.
fn doubled(entries: &[At<Entry>]) -> Vec<(&At<Entry>, &At<Entry>, String)> {
    let mut seen = HashMap::new();
    let mut doubled: Vec<(&At<Entry>, &At<Entry>, String)> = Vec::new();
    for entry in entries {
        // What cannot be taken was told.
        for price in entry.prices("").unwrap_or_default() {
            let of = match &*price.provider {
                "" => format!("`{}`", price.model),
                provider => format!("`{}` of `{provider}`", price.model),
            };
            let key = (
                price.provider,
                price.model,
                price.region,
                price.tier,
                price.from,
            );
            let first = *seen.entry(key).or_insert(entry);
            let told = doubled
                .last()
                .is_some_and(|(last, ..)| std::ptr::eq(*last, entry));
            if !std::ptr::eq(first, entry) && !told {
                doubled.push((entry, first, of));
            }
        }
    }
    doubled
}

/// The file's prices over the shipped ones; those are left out when they are in another currency.
pub(crate) fn over(
    file: FileId,
    written: &PriceFile,
    shipped: &PriceTable,
    diagnostics: &mut Diagnostics,
) -> Arc<PriceTable> {
    let span = |place: Place| Span {
        file,
        start: place.start,
        end: place.end,
    };
    let currency = written.currency.as_ref().map_or("USD", |c| c.trim());
    if let Some(at) = &written.currency
        && (currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_uppercase()))
    {
        let fault = Diagnostic::error(
            "TG0712",
            span(at.place),
            format!("`{currency}` is no currency"),
        )
        .label("expected a code of ISO 4217")
        .help("such as `USD` or `EUR`");
        diagnostics.push(fault);
    }
    for entry in &written.prices {
        if let Err(fault) = entry.prices("") {
            let fault = Diagnostic::error(
                "TG0711",
                span(entry.place),
                format!("a price cannot be taken: {}", fault.message),
            )
            .label(format!("because of its `{}`", fault.property))
            .help("docs/prices.md describes the file");
            diagnostics.push(fault);
        }
    }
    for (entry, first, of) in doubled(&written.prices) {
        let warning = Diagnostic::warning(
            "TG0718",
            span(entry.place),
            format!("{of} has a price for the same time already"),
        )
        .label("never taken: the first one is")
        .help("remove one of them, or say from when each holds (`from`)")
        .related(span(first.place), "the first one");
        diagnostics.push(warning);
    }
    for tools in &written.tools {
        if let Err(fault) = tools.rates() {
            let fault = Diagnostic::error(
                "TG0722",
                span(tools.place),
                format!("what tools cost cannot be taken: {}", fault.message),
            )
            .label(format!("because of its `{}`", fault.property))
            .help("docs/prices.md describes the file");
            diagnostics.push(fault);
            return PriceTable::shipped();
        }
    }
    let table = PriceTable::new(&File {
        version: written.version.clone(),
        currency: currency.to_owned(),
        prices: written.prices.iter().map(|e| e.value.clone()).collect(),
        tools: written.tools.iter().map(|t| t.value.clone()).collect(),
        fallback: written.fallback.as_ref().map(|f| f.value.clone()),
    });
    match table {
        Ok(own) if own.currency() == shipped.currency() => Arc::new(own.over(shipped)),
        Ok(own) => Arc::new(own),
        Err((None, fault)) => {
            let place = written
                .fallback
                .as_ref()
                .map_or(Place::default(), |f| f.place);
            let fault = Diagnostic::error(
                "TG0711",
                span(place),
                format!("the fallback cannot be taken: {}", fault.message),
            )
            .help("docs/prices.md describes the file");
            diagnostics.push(fault);
            PriceTable::shipped()
        }
        // Told above, at its entry.
        Err((Some(_), _)) => PriceTable::shipped(),
    }
}
