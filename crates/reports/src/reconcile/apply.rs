//! Differences written into the ledger as corrections.
//!
//! What must stay true: the corrections of a subject are its differences, to the last token and the last pico, shared
//! out to who used it; a correction that is there already is not written again; one process writes at a time (the lock
//! of the folder of corrections, taken before the ledger is read).

use super::{Comparison, Line, Measure, Share, Subject, Verdict};
use crate::period::midnight;
use crate::source::ADJUSTMENTS;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tollgate_llm::price::{PriceTable, Query, Tier};
use tollgate_state::ledger::{Adjustment, Call, Folder, OpenError, Record, SignedTokens, Writer};

/// Who used a model on a day (or made a call), by the day, the model and the call's id.
type Shares<'a> = BTreeMap<(String, String, String), Vec<(Vec<String>, &'a Share)>>;

/// The folder of a ledger's corrections, held for writing.
#[derive(Debug)]
pub struct Lock(Arc<Folder>);

/// Corrections that cannot be written.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ApplyError {
    #[error("{}", locked(.0))]
    Open(OpenError),
    #[error("the corrections cannot be written: {0}")]
    Write(#[from] std::io::Error),
}

fn locked(error: &OpenError) -> String {
    match error {
        OpenError::Locked { .. } => {
            String::from("another `tollgate reconcile --apply` is at work on this ledger")
        }
        OpenError::Io(..) => error.to_string(),
    }
}

impl Lock {
    /// Takes the folder of corrections of a ledger; makes it when it is not there. Take it before the ledger is read.
    ///
    /// # Errors
    /// When another process holds it, or it cannot be made.
    pub fn take(ledger: &Path, now_ms: u64) -> Result<Lock, ApplyError> {
        let folder = Folder::open(&ledger.join(ADJUSTMENTS), now_ms).map_err(ApplyError::Open)?;
        Ok(Lock(Arc::new(folder)))
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Corrections.
    pub corrections: u64,
    /// Their sum, in 10^-12 currency units.
    pub cost: i128,
    /// Calls that a crash had cut, which now have what the provider says of them.
    pub mended: u64,
    /// Of these corrections, how many have no price: the export tells tokens only, and the table does not know the model.
    pub unpriced: u64,
}

/// Writes the differences that are beyond the tolerances; with `missing` also those of what the export does not have,
/// which an export that is not whole would take away from the ledger.
///
/// # Errors
/// When a correction cannot be written. What was written before it stays, and is not written again the next time.
pub fn apply(
    lock: &Lock,
    comparison: &Comparison,
    lines: &[Line],
    prices: &PriceTable,
    source: &str,
    now_ms: u64,
    missing: bool,
) -> Result<Applied, ApplyError> {
    let mut applied = Applied::default();
    let mut writer = Writer::new(lock.0.clone(), 0);
    let mut shares = Shares::new();
    for (mut key, share) in comparison.shares.iter() {
        let who = key.split_off(3);
        if let [day, model, call] = &key[..] {
            let subject = (day.clone(), model.clone(), call.clone());
            shares.entry(subject).or_default().push((who, share));
        }
    }
    let mut subjects: BTreeMap<&Subject, Vec<&Line>> = BTreeMap::new();
    for line in lines {
        // Calls are not corrected: what was counted was made.
        let applies = match line.verdict {
            Verdict::Agrees => false,
            Verdict::OnlyLedger => missing,
            _ => true,
        };
        if applies && line.measure != Measure::Requests {
            subjects.entry(&line.subject).or_default().push(line);
        }
    }
    for (subject, lines) in subjects {
        let key = (
            subject.day.to_string(),
            subject.model.clone(),
            subject.call.to_string(),
        );
        let mut sharing = shares.remove(&key).unwrap_or_default();
        sharing.sort_by(|a, b| a.0.cmp(&b.0));
        let crashed = lines.iter().any(|line| line.verdict == Verdict::Crashed);
        applied.mended += u64::from(crashed);
        let tells_cost = comparison.told.contains(&Measure::Cost);
        let weights: Vec<u128> = sharing.iter().map(|(_, share)| weight(share)).collect();
        let count = sharing.len().max(1);
        for at in 0..count {
            let mut tokens = SignedTokens::default();
            let mut cost = 0;
            for line in &lines {
                let part = part(line.difference(), &weights, at);
                match line.measure.class() {
                    Some(class) => {
                        let part = part.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
                        set(&mut tokens, class, part);
                    }
                    None => cost += part,
                }
            }
            let call = match sharing.get(at).and_then(|(_, share)| share.call.as_ref()) {
                Some(call) => call.clone(),
                None => Call {
                    model: subject.model.clone().into(),
                    ..Call::default()
                },
            };
            if !tells_cost {
                match priced(prices, &call, subject, &tokens) {
                    Some(price) => cost = price,
                    None => applied.unpriced += 1,
                }
            }
            if cost == 0 && tokens == SignedTokens::default() {
                continue;
            }
            let call = Call {
                id: subject.call,
                attempt: 0,
                admitted_ms: noon(comparison, subject),
                ..call
            };
            let who = sharing.get(at).map(|(who, _)| who.join("\u{1f}"));
            let note = if crashed {
                "gateway crash mended"
            } else {
                "difference"
            };
            let basis = lines
                .iter()
                .map(|line| format!("{:?}:{}:{}", line.measure, line.provider, line.ledger));
            let basis = basis.collect::<Vec<_>>().join(" ");
            let id = fnv(&format!("{key:?} {who:?} {basis}"));
            writer.write(&Record::Adjustment(Adjustment {
                id,
                at_ms: now_ms,
                call,
                tokens,
                cost_pico: cost,
                source: source.into(),
                note: note.into(),
            }))?;
            applied.corrections += 1;
            applied.cost = applied.cost.saturating_add(cost);
        }
    }
    Ok(applied)
}

/// The middle of the day, so that it is that day in the neighbouring time zones too.
fn noon(comparison: &Comparison, subject: &Subject) -> u64 {
    const HALF: i64 = 12 * 3_600_000;
    let start = midnight(subject.day, &comparison.question.period.zone);
    let ms = start.map_or(0, |at| at.as_millisecond().saturating_add(HALF));
    u64::try_from(ms).unwrap_or(0)
}

/// By what a correction is shared out: what was paid, else the tokens.
fn weight(share: &Share) -> u128 {
    let cost = share.numbers.get(Measure::Cost).unsigned_abs();
    if cost > 0 {
        return cost;
    }
    let tokens = Measure::ALL.iter().filter(|m| m.class().is_some());
    tokens.map(|m| share.numbers.get(*m).unsigned_abs()).sum()
}

/// The part of one of those who share: all parts together are the whole.
fn part(whole: i128, weights: &[u128], at: usize) -> i128 {
    let all: u128 = weights
        .iter()
        .fold(0, |sum: u128, w| sum.saturating_add(*w));
    if weights.len() <= 1 || all == 0 {
        return if at == 0 { whole } else { 0 };
    }
    // What stands before a share, and with it: the difference of two roundings, so that nothing is lost.
    let before = |count: usize| -> i128 {
        let sum: u128 = weights[..count]
            .iter()
            .fold(0, |sum: u128, w| sum.saturating_add(*w));
        scaled(whole, sum, all)
    };
    before(at + 1) - before(at)
}

/// `whole * sum / all` without overflow, where `sum` is at most `all`.
fn scaled(whole: i128, sum: u128, all: u128) -> i128 {
    if sum >= all {
        return whole;
    }
    // To 62 bits, which keeps the largest share's error below a token of 10^18.
    let shift = 128_u32
        .saturating_sub(all.leading_zeros())
        .saturating_sub(62);
    let (sum, all) = ((sum >> shift) as i128, ((all >> shift) as i128).max(1));
    whole / all * sum + whole % all * sum / all
}

fn set(tokens: &mut SignedTokens, class: tollgate_llm::usage::Class, count: i64) {
    use tollgate_llm::usage::Class;
    match class {
        Class::CachedInput => tokens.cached_input = count,
        Class::CacheWrite => tokens.cache_write = count,
        Class::Output => tokens.output = count,
        Class::AudioInput => tokens.audio_input = count,
        Class::AudioOutput => tokens.audio_output = count,
        _ => tokens.input = count,
    }
}

/// What the table says that the tokens of a correction cost.
fn priced(
    prices: &PriceTable,
    call: &Call<'_>,
    subject: &Subject,
    tokens: &SignedTokens,
) -> Option<i128> {
    let price = prices
        .lookup(&Query {
            provider: &call.provider,
            model: &call.model,
            region: (!call.region.is_empty()).then_some(&*call.region),
            tier: Tier::from_name(&call.tier).unwrap_or_default(),
            at: subject.day,
        })
        .ok()?;
    let rates = price.rates(0);
    let classes = tollgate_llm::usage::Class::ALL;
    let mut cost = 0_i128;
    for (name, count) in tokens.classes() {
        if count == 0 {
            continue;
        }
        let class = classes.into_iter().find(|class| class.name() == name)?;
        let unit = i128::try_from(rates.unit(class)?.0).ok()?;
        cost = cost.saturating_add(unit.saturating_mul(count.into()));
    }
    Some(cost)
}

/// FNV-1a with 128 bits: ids that are the same on every machine and in every version.
fn fnv(text: &str) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    text.bytes().fold(BASIS, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(PRIME)
    })
}
