//! Exports of providers, read into rows: JSON of the usage and cost APIs, CSV of consoles and bills.
//!
//! Columns were looked up in the providers' documentation; names are tried in order and in any case, so that an export
//! of another year or language of keys is read too. What must stay true: a row that cannot be read is a fault with its
//! line, never left out; rows that are not about models are counted as skipped; text is never taken for a number.

use super::meter::{meter, multiplier};
use super::{Measure, Numbers};
use crate::entry::pico;
use crate::period::Days;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

/// Largest export that is read.
const MOST_BYTES: u64 = 1 << 30;

/// Whose export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// OpenAI: usage and costs, as JSON of the API or as CSV of the dashboard.
    OpenAi,
    /// Azure: cost details of Cost Management, or FOCUS.
    Azure,
    /// Anthropic: usage and cost report, JSON or CSV.
    Anthropic,
    /// AWS: Cost and Usage Report, or FOCUS.
    Bedrock,
    /// CSV with columns that are named by the caller.
    Generic,
}

/// Which columns of a CSV say what, by measure or `day`, `model`, `call`, `meter`, `quantity`, `unit`: over those that
/// are known of the provider.
pub type Columns = HashMap<String, String>;

/// A row of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The day.
    pub day: Date,
    /// The model as the provider names it; empty when it does not.
    pub model: String,
    /// The call's id, where the export has one; else 0.
    pub call: u128,
    /// What it says.
    pub numbers: Numbers,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Export {
    /// The rows.
    pub rows: Vec<Row>,
    /// Measures that it tells; others are not compared.
    pub told: BTreeSet<Measure>,
    /// Rows that are about something else.
    pub skipped: u64,
    /// The currencies of its costs.
    pub currencies: BTreeSet<String>,
}

/// An export that cannot be read.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ExportError {
    /// The file.
    #[error("{0}")]
    Io(String),
    /// Not of a form that is known.
    #[error("{0}")]
    Form(String),
    /// A row.
    #[error("line {line}: {why}")]
    Row {
        /// From 1, the head included.
        line: u64,
        /// What is wrong.
        why: String,
    },
}

/// Reads an export.
///
/// # Errors
/// When the file, its form or a row cannot be read.
pub fn read(
    path: &Path,
    provider: Provider,
    columns: &Columns,
    zone: &TimeZone,
) -> Result<Export, ExportError> {
    let io = |error: std::io::Error| ExportError::Io(format!("{}: {error}", path.display()));
    let size = std::fs::metadata(path).map_err(io)?.len();
    if size > MOST_BYTES {
        return Err(ExportError::Io(format!(
            "{}: {size} bytes are more than {MOST_BYTES}; export fewer days at a time",
            path.display()
        )));
    }
    let bytes = std::fs::read(path).map_err(io)?;
    parse(&bytes, provider, columns, zone)
}

/// Reads an export's bytes.
pub(super) fn parse(
    bytes: &[u8],
    provider: Provider,
    columns: &Columns,
    zone: &TimeZone,
) -> Result<Export, ExportError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut export = Export::default();
    let first = bytes.iter().find(|b| !b.is_ascii_whitespace());
    if matches!(first, Some(b'{' | b'[')) {
        json(bytes, provider, zone, &mut export)?;
    } else {
        csv(bytes, provider, columns, zone, &mut export)?;
    }
    Ok(export)
}

fn add(export: &mut Export, numbers: &mut Numbers, measure: Measure, amount: i128) {
    export.told.insert(measure);
    numbers.add(measure, amount);
}

/// Pages of a usage or cost API: one, a list of them, or one on each line.
fn json(
    bytes: &[u8],
    provider: Provider,
    zone: &TimeZone,
    export: &mut Export,
) -> Result<(), ExportError> {
    let form = |why: &str| ExportError::Form(format!("the JSON is no usage or cost report: {why}"));
    let mut pages = Vec::new();
    for page in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>() {
        match page.map_err(|e| form(&e.to_string()))? {
            Value::Array(list) => pages.extend(list),
            page => pages.push(page),
        }
    }
    let mut days = Days::new(zone);
    for page in &pages {
        let buckets = page["data"]
            .as_array()
            .ok_or_else(|| form("it has no `data`"))?;
        for bucket in buckets {
            let at = bucket["start_time"]
                .as_i64()
                .and_then(|second| Timestamp::from_second(second).ok())
                .or_else(|| bucket["starting_at"].as_str()?.parse().ok())
                .ok_or_else(|| form("a bucket has no `start_time` and no `starting_at`"))?;
            let results = bucket["results"].as_array().or(bucket["result"].as_array());
            for result in results.ok_or_else(|| form("a bucket has no `results`"))? {
                let row = if provider == Provider::Anthropic {
                    anthropic(result, export)
                } else {
                    openai(result, export)
                };
                let (model, numbers) = row.map_err(|why| form(&why))?;
                export.rows.push(Row {
                    day: days.of(at),
                    model,
                    call: 0,
                    numbers,
                });
            }
        }
    }
    Ok(())
}

/// A whole number of a member; missing and null are none.
fn count(value: &Value) -> Result<Option<i128>, String> {
    match value {
        Value::Null => Ok(None),
        Value::Number(n) => match n.as_i64() {
            Some(n) => Ok(Some(n.into())),
            None => Err(format!("{n} is not a count")),
        },
        other => Err(format!("{other} is not a count")),
    }
}

/// An amount of a member, of a number's own digits.
fn amount(value: &Value) -> Result<Decimal, String> {
    let text = match value {
        Value::Number(n) => n.to_string(),
        Value::String(text) => text.clone(),
        other => return Err(format!("{other} is not an amount")),
    };
    decimal(&text).ok_or_else(|| format!("{text:?} is not an amount"))
}

fn openai(result: &Value, export: &mut Export) -> Result<(String, Numbers), String> {
    let mut numbers = Numbers::default();
    if let Value::Object(money) = &result["amount"] {
        let value = amount(money.get("value").unwrap_or(&Value::Null))?;
        let currency = money.get("currency").and_then(Value::as_str);
        export.currencies.extend(currency.map(str::to_uppercase));
        add(export, &mut numbers, Measure::Cost, rounded(value));
        let item = result["line_item"].as_str().unwrap_or_default();
        return Ok((meter(item.split(',').next().unwrap_or_default()).0, numbers));
    }
    let model = result["model"].as_str().unwrap_or_default().to_owned();
    // Cached tokens are a part of the input; sound is not.
    let cached = count(&result["input_cached_tokens"])?;
    if let Some(input) = count(&result["input_tokens"])? {
        add(
            export,
            &mut numbers,
            Measure::Input,
            input - cached.unwrap_or(0),
        );
    }
    for (measure, number) in [
        (Measure::CachedInput, cached),
        (Measure::Output, count(&result["output_tokens"])?),
        (Measure::AudioInput, count(&result["input_audio_tokens"])?),
        (Measure::AudioOutput, count(&result["output_audio_tokens"])?),
        (Measure::Requests, count(&result["num_model_requests"])?),
    ] {
        if let Some(number) = number {
            add(export, &mut numbers, measure, number);
        }
    }
    Ok((model, numbers))
}

fn anthropic(result: &Value, export: &mut Export) -> Result<(String, Numbers), String> {
    let mut numbers = Numbers::default();
    let model = result["model"].as_str().unwrap_or_default().to_owned();
    if !result["amount"].is_null() {
        // In cents, as text.
        let cents = amount(&result["amount"])?;
        let currency = result["currency"].as_str();
        export.currencies.extend(currency.map(str::to_uppercase));
        let units = cents / Decimal::ONE_HUNDRED;
        add(export, &mut numbers, Measure::Cost, rounded(units));
        return Ok((model, numbers));
    }
    let written = &result["cache_creation"];
    for (measure, value) in [
        (Measure::Input, &result["uncached_input_tokens"]),
        (Measure::CachedInput, &result["cache_read_input_tokens"]),
        (Measure::CacheWrite, &result["cache_creation_input_tokens"]),
        (Measure::CacheWrite, &written["ephemeral_5m_input_tokens"]),
        (Measure::CacheWrite, &written["ephemeral_1h_input_tokens"]),
        (Measure::Output, &result["output_tokens"]),
    ] {
        if let Some(number) = count(value)? {
            add(export, &mut numbers, measure, number);
        }
    }
    Ok((model, numbers))
}

/// Where a CSV says what; names in lower case.
struct Layout {
    day: &'static [&'static str],
    model: &'static [&'static str],
    /// Columns with counts. Several of a measure are added.
    counts: &'static [(&'static str, Measure)],
    /// The part of `input` that is in `cached_input` too.
    input_has_cached: bool,
    cost: &'static [&'static str],
    currency: &'static [&'static str],
    /// A meter's name, quantity and unit.
    meter: [&'static [&'static str]; 3],
    /// A row is about models when one of these columns has one of these words.
    about: &'static [&'static str],
    words: &'static [&'static str],
}

const FOCUS_DAY: &str = "chargeperiodstart";

const OPENAI: Layout = Layout {
    day: &["start_time_iso", "start_time", "date", FOCUS_DAY],
    model: &["model", "snapshot_id"],
    counts: &[
        ("num_model_requests", Measure::Requests),
        ("input_tokens", Measure::Input),
        ("input_cached_tokens", Measure::CachedInput),
        ("output_tokens", Measure::Output),
        ("input_audio_tokens", Measure::AudioInput),
        ("output_audio_tokens", Measure::AudioOutput),
    ],
    input_has_cached: true,
    cost: &["amount_value", "cost_in_major", "cost", "billedcost"],
    currency: &["amount_currency", "currency", "billingcurrency"],
    meter: [&["line_item", "skumeter"], &["quantity"], &[]],
    about: &[],
    words: &[],
};

const ANTHROPIC: Layout = Layout {
    day: &["usage_date_utc", "date", "starting_at", FOCUS_DAY],
    model: &["model_version", "model"],
    counts: &[
        ("usage_input_tokens_no_cache", Measure::Input),
        ("usage_input_tokens_cache_write_5m", Measure::CacheWrite),
        ("usage_input_tokens_cache_write_1h", Measure::CacheWrite),
        ("usage_input_tokens_cache_read", Measure::CachedInput),
        ("usage_output_tokens", Measure::Output),
    ],
    input_has_cached: false,
    cost: &["cost_usd", "amount", "billedcost"],
    currency: &["currency", "billingcurrency"],
    meter: [&[], &[], &[]],
    about: &[],
    words: &[],
};

const AZURE: Layout = Layout {
    day: &["date", "usagedate", "usagedatetime", FOCUS_DAY],
    model: &["x_model"],
    counts: &[],
    input_has_cached: false,
    cost: &["costinbillingcurrency", "pretaxcost", "cost", "billedcost"],
    currency: &["billingcurrency", "billingcurrencycode", "currency"],
    meter: [
        &["metername", "meter", "skumeter", "x_skumetername"],
        &["quantity", "usagequantity", "consumedquantity"],
        &["unitofmeasure", "consumedunit"],
    ],
    about: &[
        "metercategory",
        "metersubcategory",
        "consumedservice",
        "servicename",
        "x_skumetercategory",
        "x_skumetersubcategory",
    ],
    words: &["openai", "cognitive", "foundry", "azure ai"],
};

const BEDROCK: Layout = Layout {
    day: &[
        "lineitem/usagestartdate",
        "line_item_usage_start_date",
        FOCUS_DAY,
    ],
    model: &["product/model", "product_model"],
    counts: &[],
    input_has_cached: false,
    cost: &[
        "lineitem/unblendedcost",
        "line_item_unblended_cost",
        "billedcost",
        "effectivecost",
    ],
    currency: &[
        "lineitem/currencycode",
        "line_item_currency_code",
        "billingcurrency",
    ],
    meter: [
        &[
            "lineitem/usagetype",
            "line_item_usage_type",
            "x_usagetype",
            "skumeter",
        ],
        &[
            "lineitem/usageamount",
            "line_item_usage_amount",
            "consumedquantity",
        ],
        &["pricing/unit", "pricing_unit", "consumedunit"],
    ],
    about: &[
        "lineitem/productcode",
        "line_item_product_code",
        "servicename",
        "x_servicecode",
    ],
    words: &["bedrock"],
};

const GENERIC: Layout = Layout {
    day: &["day", "date", "timestamp", "time", FOCUS_DAY],
    model: &["model", "x_model"],
    counts: &[
        ("requests", Measure::Requests),
        ("calls", Measure::Requests),
        ("input", Measure::Input),
        ("cached_input", Measure::CachedInput),
        ("cache_write", Measure::CacheWrite),
        ("output", Measure::Output),
        ("audio_input", Measure::AudioInput),
        ("audio_output", Measure::AudioOutput),
    ],
    input_has_cached: false,
    cost: &["cost", "amount", "billedcost"],
    currency: &["currency", "billingcurrency"],
    meter: [&["meter"], &["quantity"], &["unit"]],
    about: &[],
    words: &[],
};

/// The places of a layout's columns in a head.
struct Places {
    day: usize,
    model: Option<usize>,
    call: Option<usize>,
    counts: Vec<(usize, Measure)>,
    cost: Option<usize>,
    currency: Option<usize>,
    meter: [Option<usize>; 3],
    about: Vec<usize>,
}

impl Places {
    fn find(
        layout: &Layout,
        head: &csv::StringRecord,
        columns: &Columns,
    ) -> Result<Places, ExportError> {
        let lower: Vec<String> = head
            .iter()
            .map(|name| name.trim().to_ascii_lowercase())
            .collect();
        let named = |name: &str| {
            lower
                .iter()
                .position(|column| *column == name.to_ascii_lowercase())
        };
        let mapped = |what: &str| -> Result<Option<usize>, ExportError> {
            let Some(column) = columns.get(what) else {
                return Ok(None);
            };
            named(column).map(Some).ok_or_else(|| {
                ExportError::Form(format!(
                    "--map {what}={column}: the export has no such column"
                ))
            })
        };
        let one = |what: &str, names: &[&str]| -> Result<Option<usize>, ExportError> {
            Ok(mapped(what)?.or_else(|| names.iter().find_map(|name| named(name))))
        };
        let mut counts: Vec<(usize, Measure)> = Vec::new();
        for measure in Measure::ALL {
            if measure == Measure::Cost {
                continue;
            }
            if let Some(place) = mapped(measure.name())? {
                counts.push((place, measure));
                continue;
            }
            let known = layout.counts.iter().filter(|(_, of)| *of == measure);
            counts.extend(known.filter_map(|(name, _)| Some((named(name)?, measure))));
        }
        let day = one("day", layout.day)?.ok_or_else(|| {
            ExportError::Form(format!(
                "no column says the day (looked for {}); name it with --map day=COLUMN. The columns are {}",
                layout.day.join(", "),
                head.iter().take(40).collect::<Vec<_>>().join(", ")
            ))
        })?;
        let places = Places {
            day,
            model: one("model", layout.model)?,
            call: one(
                "call",
                &[
                    "call",
                    "tollgate-request-id",
                    "tollgate_request_id",
                    "client_request_id",
                    "x-ms-client-request-id",
                ],
            )?,
            counts,
            cost: one("cost", layout.cost)?,
            currency: one("currency", layout.currency)?,
            meter: [
                one("meter", layout.meter[0])?,
                one("quantity", layout.meter[1])?,
                one("unit", layout.meter[2])?,
            ],
            about: layout.about.iter().filter_map(|name| named(name)).collect(),
        };
        if places.counts.is_empty() && places.cost.is_none() && places.meter[1].is_none() {
            return Err(ExportError::Form(String::from(
                "no column says tokens or cost; name them with --map input=COLUMN, output=COLUMN, cost=COLUMN",
            )));
        }
        Ok(places)
    }
}

fn csv(
    bytes: &[u8],
    provider: Provider,
    columns: &Columns,
    zone: &TimeZone,
    export: &mut Export,
) -> Result<(), ExportError> {
    let layout = match provider {
        Provider::OpenAi => &OPENAI,
        Provider::Azure => &AZURE,
        Provider::Anthropic => &ANTHROPIC,
        Provider::Bedrock => &BEDROCK,
        Provider::Generic => &GENERIC,
    };
    let head = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let semicolons = head.iter().filter(|b| **b == b';').count();
    let commas = head.iter().filter(|b| **b == b',').count();
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(if semicolons > commas { b';' } else { b',' })
        .from_reader(bytes);
    let broken = |error: csv::Error| ExportError::Row {
        line: error.position().map_or(1, csv::Position::line),
        why: error.to_string(),
    };
    let head = reader.headers().map_err(broken)?.clone();
    let places = Places::find(layout, &head, columns)?;
    let mut days = Days::new(zone);
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let line = record.position().map_or(0, csv::Position::line);
        let field = |place: Option<usize>| place.and_then(|at| record.get(at)).unwrap_or("").trim();
        let fault = |why: String| ExportError::Row { line, why };
        if !places.about.is_empty() {
            let about = places.about.iter().any(|at| {
                let text = field(Some(*at)).to_ascii_lowercase();
                layout.words.iter().any(|word| text.contains(word))
            });
            if !about {
                export.skipped += 1;
                continue;
            }
        }
        let number = |text: &str| -> Result<Option<Decimal>, ExportError> {
            if text.is_empty() {
                return Ok(None);
            }
            let read = decimal(text).ok_or_else(|| fault(format!("{text:?} is not a number")))?;
            Ok(Some(read))
        };
        let mut numbers = Numbers::default();
        let mut model = field(places.model).to_owned();
        for (place, measure) in &places.counts {
            if let Some(n) = number(field(Some(*place)))? {
                add(export, &mut numbers, *measure, whole(n));
            }
        }
        if layout.input_has_cached && !columns.contains_key("input") {
            numbers.add(Measure::Input, -numbers.get(Measure::CachedInput));
        }
        if places.meter[0].is_some() {
            let (of, measure) = meter(field(places.meter[0]));
            if model.is_empty() {
                model = of;
            }
            let quantity = number(field(places.meter[1]))?;
            if let (Some(quantity), Some(measure)) = (quantity, measure) {
                let unit = Decimal::from(multiplier(field(places.meter[2])));
                let quantity = quantity.checked_mul(unit);
                let quantity =
                    quantity.ok_or_else(|| fault(String::from("the quantity is too large")))?;
                add(export, &mut numbers, measure, whole(quantity));
            }
        }
        if let Some(cost) = number(field(places.cost))? {
            add(export, &mut numbers, Measure::Cost, rounded(cost));
            let currency = field(places.currency).to_ascii_uppercase();
            if !currency.is_empty() {
                export.currencies.insert(currency);
            }
        }
        let text = field(Some(places.day));
        let day = day(text, &mut days).ok_or_else(|| fault(format!("{text:?} is not a day")))?;
        let call = match field(places.call) {
            "" => 0,
            text => {
                call_id(text).ok_or_else(|| fault(format!("{text:?} is not an id of a call")))?
            }
        };
        export.rows.push(Row {
            day,
            model,
            call,
            numbers,
        });
    }
    Ok(())
}

/// The id of a call, as `tollgate-request-id` has it.
fn call_id(text: &str) -> Option<u128> {
    // Behind the id stands the number of an attempt: it is the same call.
    let id = match text.char_indices().nth(36) {
        Some((at, '-')) => &text[..at],
        _ => text,
    };
    let digits: String = id.chars().filter(|c| *c != '-').collect();
    (digits.len() == 32).then(|| u128::from_str_radix(&digits, 16).ok())?
}

/// A day, or an instant: ISO 8601, Unix seconds, or the `11/20/2026` of Azure's bills.
fn day(text: &str, days: &mut Days) -> Option<Date> {
    if let Ok(second) = text.parse::<i64>() {
        // Eight digits are a date: 20261120.
        if text.len() == 8 {
            return Date::strptime("%Y%m%d", text).ok();
        }
        return Timestamp::from_second(second).ok().map(|at| days.of(at));
    }
    if let Ok(at) = text.replacen(' ', "T", 1).parse::<Timestamp>() {
        return Some(days.of(at));
    }
    if text.len() == 10
        && let Ok(date) = text.parse::<Date>()
    {
        return Some(date);
    }
    if let Ok(date) = Date::strptime("%m/%d/%Y", text) {
        return Some(date);
    }
    // An instant without an offset is UTC.
    let at: Timestamp = format!("{}Z", text.replacen(' ', "T", 1)).parse().ok()?;
    Some(days.of(at))
}

/// A number: with an exponent, and with commas between thousands.
fn decimal(text: &str) -> Option<Decimal> {
    let text = text.trim().trim_start_matches('$');
    let plain = text.replace(',', "");
    Decimal::from_str_exact(&plain)
        .or_else(|_| Decimal::from_scientific(&plain))
        .or_else(|_| plain.parse())
        .ok()
}

fn whole(n: Decimal) -> i128 {
    n.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero)
        .normalize()
        .mantissa()
}

/// Money in pico. Bills are no finer; digits beyond are rounded.
fn rounded(amount: Decimal) -> i128 {
    let amount = amount.round_dp_with_strategy(12, RoundingStrategy::MidpointAwayFromZero);
    pico(amount).unwrap_or(if amount.is_sign_negative() {
        i128::MIN
    } else {
        i128::MAX
    })
}
