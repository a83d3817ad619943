//! Entries out of a ledger's folder, in one pass.
//!
//! Called by the commands. Calls come from the ledger itself; corrections from the ledger beside it in
//! [`ADJUSTMENTS`], which `tollgate reconcile --apply` may write while a gateway holds the lock of the ledger.
//! What must stay true: an entry belongs to the instant at which its call was settled, so that a period that is over
//! never changes but by corrections; a correction belongs to the time that it corrects and counts once; memory is a
//! buffer and the ids of corrections.

use crate::entry::{Entry, Kind, Tokens, at};
use crate::period::Period;
use crate::table::grouped;
use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::LazyLock;
use tollgate_llm::usage::Class;
use tollgate_state::ledger::{
    self, Adjustment, Damage, EndReason, Flags, Reader, Record, Settlement,
};

/// The folder of corrections in a ledger's folder: a ledger of its own, which the gateway does not lock.
pub const ADJUSTMENTS: &str = "adjustments";

/// What reading a ledger came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Entries that were given.
    pub entries: u64,
    /// What could not be read.
    pub damage: Damage,
}

impl Read {
    /// What a reader of the numbers has to know, in sentences.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let damage = self.damage;
        if damage.places > 0 || damage.segments > 0 {
            notes.push(format!(
                "{} places and {} whole segments of the ledger were torn or damaged; {} bytes were skipped. Records \
                 in them are in no number. (A torn end is normal after a crash, and while a gateway writes.)",
                damage.places,
                damage.segments,
                grouped(damage.bytes.into())
            ));
        }
        if damage.unknown > 0 {
            notes.push(format!(
                "{} records are of a kind that only a newer version knows; they are in no number.",
                damage.unknown
            ));
        }
        notes
    }

    fn add(&mut self, damage: Damage) {
        self.damage.segments += damage.segments;
        self.damage.places += damage.places;
        self.damage.bytes += damage.bytes;
        self.damage.repeated += damage.repeated;
        self.damage.unknown += damage.unknown;
    }
}

/// Gives all entries of a period, in no certain order.
///
/// # Errors
/// When the folder or a file cannot be read; the message names it.
pub fn each(folder: &Path, period: &Period, mut take: impl FnMut(&Entry<'_>)) -> io::Result<Read> {
    let mut read = Read::default();
    let mut seen = HashSet::new();
    let mut give = |entry: &Entry<'_>| {
        if period.contains(entry.at) {
            read.entries += 1;
            take(entry);
        }
    };
    let mut reader = Reader::open(folder, span(period))
        .map_err(|e| io::Error::new(e.kind(), format!("`{}`: {e}", folder.display())))?;
    Reader::for_each(&mut reader, |record| {
        match record {
            Record::Settlement(settlement) => give(&settled(&settlement)),
            Record::Adjustment(correction) if seen.insert(correction.id) => {
                give(&corrected(&correction));
            }
            _ => {}
        }
        true
    })?;
    let mut damage = vec![reader.damage()];
    let beside = folder.join(ADJUSTMENTS);
    if beside.is_dir() {
        let mut reader = Reader::open(&beside, ledger::Period::ALL)?;
        Reader::for_each(&mut reader, |record| {
            if let Record::Adjustment(correction) = record
                && seen.insert(correction.id)
            {
                give(&corrected(&correction));
            }
            true
        })?;
        damage.push(reader.damage());
    }
    damage.into_iter().for_each(|damage| read.add(damage));
    Ok(read)
}

/// A period as the ledger's reader takes it.
fn span(period: &Period) -> ledger::Period {
    let ms = |at: jiff::Timestamp| u64::try_from(at.as_millisecond()).unwrap_or(0);
    ledger::Period {
        from_ms: ms(period.start),
        to_ms: ms(period.end),
    }
}

fn short(ms: u64) -> u32 {
    u32::try_from(ms).unwrap_or(u32::MAX)
}

fn signed(pico: u128) -> i128 {
    i128::try_from(pico).unwrap_or(i128::MAX)
}

/// Counts by class, from the ledger's by name.
fn tokens<T: TryInto<i64>>(counts: impl IntoIterator<Item = (&'static str, T)>) -> Tokens {
    /// The class of each of the ledger's names, in their order: names are compared once, not for each record.
    static CLASSES: LazyLock<Vec<Option<Class>>> = LazyLock::new(|| {
        let names = ledger::Tokens::default().classes().map(|(name, _)| name);
        let class = |name| Class::ALL.into_iter().find(|class| class.name() == name);
        names.map(class).into()
    });
    let mut tokens = [0; Class::COUNT];
    for ((_, count), class) in counts.into_iter().zip(&*CLASSES) {
        if let Some(class) = class {
            tokens[usize::from(class.code())] = count.try_into().unwrap_or(i64::MAX);
        }
    }
    tokens
}

/// The entry of a settlement.
#[must_use]
pub fn settled<'a>(settlement: &'a Settlement<'a>) -> Entry<'a> {
    let crashed = settlement.end == EndReason::GatewayCrash;
    Entry {
        kind: if settlement.call.attempt == 0 {
            Kind::Call
        } else {
            Kind::Attempt
        },
        at: at(settlement.settled_ms),
        served_model: &settlement.served_model,
        end_reason: settlement.end.as_str(),
        price_version: &settlement.price_version,
        status: settlement.status,
        tokens: tokens(settlement.tokens.classes()),
        estimated: settlement.flags.has(Flags::ESTIMATED),
        cost: settlement.cost_pico.map(signed),
        saved_tokens: i64::try_from(settlement.saved_tokens).unwrap_or(i64::MAX),
        saved: settlement.saved_pico.map(signed),
        first_token_ms: settlement.first_token_ms.map(short),
        duration_ms: (!crashed).then(|| short(settlement.duration_ms)),
        ..Entry::of(&settlement.call)
    }
}

/// The entry of a correction.
#[must_use]
pub fn corrected<'a>(correction: &'a Adjustment<'a>) -> Entry<'a> {
    Entry {
        kind: Kind::Adjustment {
            written: at(correction.at_ms),
        },
        at: at(correction.call.admitted_ms),
        end_reason: "adjustment",
        tokens: tokens(correction.tokens.classes()),
        cost: Some(correction.cost_pico),
        ..Entry::of(&correction.call)
    }
}
