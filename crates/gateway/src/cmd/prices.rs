//! `tollgate prices`.

use anyhow::{Context, bail};
use clap::Args;
use jiff::civil::Date;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tollgate_control::{Options, load_with};
use tollgate_lang::diagnostic::nearest::nearest;
use tollgate_llm::price::{Price, PriceTable, Query};
use tollgate_llm::usage::Class;

/// Print the prices that are in force: the ones that are shipped, with those of a configuration over them.
///
/// Amounts are for a million tokens (searches of the web: for a thousand). Exit status: 0, 1 when nothing has a price, or
/// when the configuration was refused.
#[derive(Args)]
pub(crate) struct Prices {
    /// The configuration, whose `gateway.prices` counts. Without it: the prices that are shipped.
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
    /// Only a model, by the name that requests and providers call it: what each provider's price of it is.
    #[arg(long)]
    model: Option<String>,
    /// Only a provider, as `openai` or `aws.bedrock`.
    #[arg(long)]
    provider: Option<String>,
    /// The day, as 2026-11-20. Default: today (UTC).
    #[arg(long, value_name = "DATE")]
    at: Option<Date>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Prices {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let table = self.table()?;
        let at = self.at.unwrap_or_else(|| {
            jiff::Timestamp::now()
                .to_zoned(jiff::tz::TimeZone::UTC)
                .date()
        });
        let prices: Vec<Arc<Price>> = match &self.model {
            Some(model) => of_model(&table, model, at),
            None => table.prices().filter(|p| p.holds(at)).cloned().collect(),
        };
        let wanted = |price: &Arc<Price>| {
            let own = self.provider.as_deref();
            own.is_none_or(|own| own.eq_ignore_ascii_case(&price.provider))
        };
        let mut prices: Vec<_> = prices.into_iter().filter(wanted).collect();
        prices.extend(table.fallback().cloned());
        let mut out = std::io::stdout().lock();
        if self.json {
            let rows: Vec<Value> = prices.iter().map(|price| row(price)).collect();
            let all = json!({
                "version": table.version(),
                "currency": table.currency(),
                "at": at.to_string(),
                "prices": rows,
            });
            writeln!(out, "{all:#}")?;
        } else {
            writeln!(
                out,
                "prices {} on {at}, {} for a million tokens\n",
                table.version(),
                table.currency()
            )?;
            write_table(&mut out, &prices)?;
        }
        if !prices.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        let near = self.model.as_deref().and_then(|model| {
            let known = table.prices().filter(|p| p.holds(at) && wanted(p));
            nearest(model, known.map(|p| &*p.model))
        });
        match near {
            Some(near) => eprintln!("nothing has a price here; did you mean `{near}`?"),
            None => eprintln!("nothing has a price here; `tollgate prices` lists what has"),
        }
        Ok(ExitCode::FAILURE)
    }

    fn table(&self) -> anyhow::Result<Arc<PriceTable>> {
        let Some(path) = &self.config else {
            return Ok(PriceTable::shipped());
        };
        let options = Options {
            definition: true,
            missing_secrets: true,
            ..Options::default()
        };
        let loaded = load_with(path, &options);
        if loaded.diagnostics.has_errors() {
            bail!("{} was refused: `tollgate check` says why", path.display());
        }
        let definition = loaded.definition.context("the configuration is empty")?;
        Ok(definition.gateway.prices)
    }
}

/// What each provider's price of a model is, in each region and tier that has one.
fn of_model(table: &PriceTable, model: &str, at: Date) -> Vec<Arc<Price>> {
    let asked: BTreeSet<_> = table
        .prices()
        .map(|price| (&*price.provider, price.region.as_deref(), price.tier))
        .collect();
    let mut found: Vec<Arc<Price>> = Vec::new();
    for (provider, region, tier) in asked {
        let query = Query {
            provider,
            model,
            region,
            tier,
            at,
        };
        if let Ok(price) = table.find(&query)
            && !found.contains(&price)
        {
            found.push(price);
        }
    }
    found
}

fn row(price: &Price) -> Value {
    let steps: Vec<Value> = price
        .steps
        .iter()
        .map(|step| {
            let amounts: Map<String, Value> = Class::ALL
                .into_iter()
                .filter_map(|class| {
                    let amount = step.rates.per_million(class)?;
                    Some((class.name().to_owned(), Value::String(amount.to_string())))
                })
                .collect();
            json!({ "above_tokens": step.above, "per_million": amounts })
        })
        .collect();
    json!({
        "provider": price.provider,
        "model": price.model,
        "region": price.region,
        "tier": price.tier.name(),
        "from": price.from.map(|date| date.to_string()),
        "until": price.until.map(|date| date.to_string()),
        "steps": steps,
        "max_output": price.max_output,
        "context": price.context,
        "source": price.source,
        "seen": price.seen.map(|date| date.to_string()),
        "version": price.version,
        "fallback": price.fallback,
    })
}

fn write_table(out: &mut impl Write, prices: &[Arc<Price>]) -> std::io::Result<()> {
    const HEAD: [&str; 10] = [
        "provider", "model", "region", "tier", "above", "input", "cached", "write", "output",
        "other",
    ];
    const OWN: [Class; 4] = [
        Class::Input,
        Class::CachedInput,
        Class::CacheWrite,
        Class::Output,
    ];
    let mut rows: Vec<[String; 10]> = vec![HEAD.map(str::to_owned)];
    for price in prices {
        for step in &price.steps {
            let amount = |class| {
                let amount = step.rates.per_million(class);
                amount.map_or_else(String::new, |amount| amount.to_string())
            };
            let other: Vec<String> = Class::ALL
                .into_iter()
                .filter(|class| !OWN.contains(class) && step.rates.own(*class).is_some())
                .map(|class| format!("{}={}", class.name(), amount(class)))
                .collect();
            let model = if price.fallback {
                "(any other)"
            } else {
                &price.model
            };
            let above = (step.above > 0).then(|| step.above.to_string());
            rows.push([
                price.provider.to_string(),
                model.to_owned(),
                price.region.as_deref().unwrap_or_default().to_owned(),
                price.tier.name().to_owned(),
                above.unwrap_or_default(),
                amount(Class::Input),
                amount(Class::CachedInput),
                amount(Class::CacheWrite),
                amount(Class::Output),
                other.join(" "),
            ]);
        }
    }
    let mut widths = [0; 10];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in &rows {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            // Numbers to the right.
            let cell = match at {
                4..=8 => format!("{cell:>width$}"),
                _ => format!("{cell:<width$}"),
            };
            line.push_str(&cell);
            line.push_str("  ");
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
