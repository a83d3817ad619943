//! `tollgate reconcile`: a provider's export of usage or costs against the ledger, by model and day, or call by call.
//!
//! Called by the command. What must stay true: both sides are compared in the same classes (a provider that tells fewer
//! apart than the ledger is compared in its own); a difference is never hidden by another row; applying an export twice
//! is applying it once, because what was corrected belongs to the ledger's side of the next comparison.

mod apply;
mod export;
mod meter;
#[cfg(test)]
mod tests;

use crate::dimension::{Filter, Team};
use crate::entry::{Entry, Kind, money};
use crate::group::Keyed;
use crate::period::{Days, Period};
use crate::table::{Cell, Column, Table};
use jiff::civil::Date;
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::AddAssign;
use tollgate_llm::usage::Class;

pub use apply::{Applied, ApplyError, Lock, apply};
pub use export::{Columns, Export, ExportError, Provider, Row, read};
pub use meter::canonical;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Calls.
    Requests,
    /// Text and images of the prompt that no cache had.
    Input,
    /// Prompt tokens read from a cache.
    CachedInput,
    /// Prompt tokens written to a cache, for whatever time.
    CacheWrite,
    /// Text and images of the completion, with reasoning.
    Output,
    /// Sound in the prompt.
    AudioInput,
    /// Sound in the completion.
    AudioOutput,
    /// Money, in 10^-12 units.
    Cost,
}

impl Measure {
    /// All, in the order of rows.
    pub const ALL: [Measure; 8] = [
        Measure::Requests,
        Measure::Input,
        Measure::CachedInput,
        Measure::CacheWrite,
        Measure::Output,
        Measure::AudioInput,
        Measure::AudioOutput,
        Measure::Cost,
    ];

    /// Its name in columns and mappings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Measure::Requests => "requests",
            Measure::Input => "input",
            Measure::CachedInput => "cached_input",
            Measure::CacheWrite => "cache_write",
            Measure::Output => "output",
            Measure::AudioInput => "audio_input",
            Measure::AudioOutput => "audio_output",
            Measure::Cost => "cost",
        }
    }

    /// Which measure a class of the ledger counts for.
    #[must_use]
    pub fn of(class: Class) -> Option<Measure> {
        Some(match class {
            Class::Input | Class::ImageInput => Measure::Input,
            Class::CachedInput | Class::CachedAudioInput | Class::CachedImageInput => {
                Measure::CachedInput
            }
            Class::CacheWrite | Class::CacheWriteHour => Measure::CacheWrite,
            Class::Output | Class::Reasoning | Class::ImageOutput => Measure::Output,
            Class::AudioInput => Measure::AudioInput,
            Class::AudioOutput => Measure::AudioOutput,
            Class::WebSearch | Class::FileSearch => return None,
        })
    }

    /// The class that a correction of it is written to.
    fn class(self) -> Option<Class> {
        Some(match self {
            Measure::Input => Class::Input,
            Measure::CachedInput => Class::CachedInput,
            Measure::CacheWrite => Class::CacheWrite,
            Measure::Output => Class::Output,
            Measure::AudioInput => Class::AudioInput,
            Measure::AudioOutput => Class::AudioOutput,
            Measure::Requests | Measure::Cost => return None,
        })
    }
}

/// A number for each measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers([i128; Measure::ALL.len()]);

impl Numbers {
    /// The number of a measure.
    #[must_use]
    pub fn get(&self, measure: Measure) -> i128 {
        self.0[measure as usize]
    }

    /// Adds to a measure.
    pub fn add(&mut self, measure: Measure, amount: i128) {
        let number = &mut self.0[measure as usize];
        *number = number.saturating_add(amount);
    }

    fn of(entry: &Entry<'_>) -> Numbers {
        let mut numbers = Numbers::default();
        numbers.add(Measure::Requests, i128::from(entry.kind == Kind::Call));
        for (class, count) in Class::ALL.into_iter().zip(entry.tokens) {
            if let Some(measure) = Measure::of(class) {
                numbers.add(measure, count.into());
            }
        }
        numbers.add(Measure::Cost, entry.cost.unwrap_or(0));
        numbers
    }
}

impl AddAssign for Numbers {
    fn add_assign(&mut self, other: Numbers) {
        for measure in Measure::ALL {
            self.add(measure, other.get(measure));
        }
    }
}

/// What is compared with what.
#[derive(Clone, Debug)]
pub struct Question {
    /// The days that are compared.
    pub period: Period,
    /// Which calls of the ledger.
    pub filters: Vec<Filter>,
    /// Who is a team, for filters.
    pub team: Team,
    /// Names of models that are the same, by the provider's.
    pub aliases: HashMap<String, String>,
    /// Differences of at most so many hundredths of a percent are none.
    pub tolerance: i128,
    /// Differences of at most so many tokens or calls are none.
    pub tokens: i128,
    /// Differences of at most so much money (10^-12 units) are none.
    pub cost: i128,
}

/// What is compared: a model on a day, or a call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// The day, in the question's time zone.
    pub day: Date,
    /// The model's canonical name; empty when the provider names none.
    pub model: String,
    /// The call's id; 0 when days are compared.
    pub call: u128,
}

/// Both sides of a subject.
#[derive(Clone, Copy, Debug, Default)]
struct Sides {
    provider: Numbers,
    ledger: Numbers,
    in_provider: bool,
    in_ledger: bool,
    /// The call was cut by a crash of the gateway, so that nobody knew its usage.
    crashed: bool,
}

/// The comparison while it is made.
#[derive(Debug)]
pub struct Comparison {
    question: Question,
    days: Days,
    sides: BTreeMap<Subject, Sides>,
    /// Measures that the provider told.
    told: BTreeSet<Measure>,
    by_call: bool,
    by_model: bool,
    /// Calls of the export, by id, with where they are compared.
    calls: HashMap<u128, Subject>,
    /// Who used what, for sharing a correction out.
    shares: Keyed<Share>,
}

/// What one caller used of a model on a day.
#[derive(Clone, Debug, Default)]
struct Share {
    numbers: Numbers,
    /// The first call of it, for the dimensions of corrections.
    call: Option<tollgate_state::ledger::Call<'static>>,
}

/// Most callers that a correction is shared out to apart.
const MOST_SHARES: usize = 200_000;

/// What a row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Within the tolerances.
    Agrees,
    /// Both have it.
    Differs,
    /// The ledger has no such call or model.
    OnlyProvider,
    /// The export has no such call or model.
    OnlyLedger,
    /// A call that a crash cut, of which the provider knows more.
    Crashed,
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Verdict::Agrees => "agrees",
            Verdict::Differs => "differs",
            Verdict::OnlyProvider => "only provider",
            Verdict::OnlyLedger => "only ledger",
            Verdict::Crashed => "gateway crash",
        }
    }
}

/// A measure of a subject, compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What.
    pub subject: Subject,
    /// In which measure.
    pub measure: Measure,
    /// The provider's number.
    pub provider: i128,
    /// The ledger's, with earlier corrections.
    pub ledger: i128,
    /// Whether they agree.
    pub verdict: Verdict,
}

impl Line {
    /// What must be added to the ledger.
    #[must_use]
    pub fn difference(&self) -> i128 {
        self.provider.saturating_sub(self.ledger)
    }
}

impl Comparison {
    /// With the provider's side.
    #[must_use]
    pub fn new(question: Question, export: &Export) -> Comparison {
        let by_call = export.rows.iter().any(|row| row.call != 0);
        let by_model = by_call || export.rows.iter().all(|row| !row.model.is_empty());
        let mut comparison = Comparison {
            days: Days::new(&question.period.zone),
            sides: BTreeMap::new(),
            told: export.told.clone(),
            by_call,
            by_model,
            calls: HashMap::new(),
            shares: Keyed::new(MOST_SHARES),
            question,
        };
        let dates = comparison.bounds();
        for row in &export.rows {
            if (by_call && row.call == 0) || !dates(row.day) {
                continue;
            }
            let subject = Subject {
                day: row.day,
                model: comparison.model(&row.model),
                call: row.call,
            };
            if by_call {
                comparison.calls.insert(row.call, subject.clone());
            }
            let sides = comparison.sides.entry(subject).or_default();
            sides.provider += row.numbers;
            sides.in_provider = true;
        }
        comparison
    }

    /// Whether a day is in the period.
    fn bounds(&self) -> impl Fn(Date) -> bool + use<> {
        let period = self.question.period.clone();
        move |day| {
            crate::period::midnight(day, &period.zone).is_some_and(|at| {
                // The day of a period that begins at noon would be cut; periods begin at midnight.
                period.contains(at)
            })
        }
    }

    fn model(&self, name: &str) -> String {
        if !self.by_model {
            return String::new();
        }
        let same = self.question.aliases.get(name);
        canonical(same.map_or(name, String::as_str))
    }

    /// Counts a record of the ledger.
    pub fn add(&mut self, entry: &Entry<'_>) {
        let question = &self.question;
        let days = &mut self.days;
        let mut filters = question.filters.iter();
        if !question.period.contains(entry.at)
            || !filters.all(|filter| filter.holds(entry, &question.team, days))
        {
            return;
        }
        let day = self.days.of(entry.at);
        let numbers = Numbers::of(entry);
        let subject = if self.by_call {
            match self.calls.get(&entry.call.id) {
                Some(subject) => subject.clone(),
                // A correction of a day is no call's.
                None if entry.call.id == 0 => return,
                None => Subject {
                    day,
                    model: self.model(entry.model()),
                    call: entry.call.id,
                },
            }
        } else {
            Subject {
                day,
                model: self.model(entry.model()),
                call: 0,
            }
        };
        // What never reached the provider, and used nothing, is not the provider's to know.
        if numbers.0[1..].iter().all(|n| *n == 0)
            && !matches!(entry.end_reason, "gateway_crash" | "done" | "length")
            && !self.sides.contains_key(&subject)
        {
            return;
        }
        self.share(&subject, entry, numbers);
        let sides = self.sides.entry(subject).or_default();
        sides.ledger += numbers;
        sides.in_ledger = true;
        sides.crashed |= entry.end_reason == "gateway_crash";
    }

    /// Notes who used it. Corrections too, so that a second one is shared out from what is there now.
    fn share(&mut self, subject: &Subject, entry: &Entry<'_>, numbers: Numbers) {
        let shares = &mut self.shares;
        shares.clear();
        shares.push(&subject.day.to_string());
        shares.push(&subject.model);
        shares.push(&subject.call.to_string());
        let call = entry.call;
        for text in [
            &call.product,
            &call.subscription,
            &call.user,
            &call.workspace,
            &call.api,
        ] {
            shares.push(text);
        }
        for (name, value) in &call.tags {
            shares.push(name);
            shares.push(value);
        }
        if let Some(share) = shares.value() {
            share.numbers += numbers;
            if share.call.is_none() {
                let mut call = call.clone().into_owned();
                if call.model.is_empty() {
                    call.model = subject.model.clone().into();
                }
                share.call = Some(call);
            }
        }
    }

    /// All lines, in the order of days, models and measures.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for (subject, sides) in &self.sides {
            for measure in self.told.iter().copied() {
                let (provider, ledger) = (sides.provider.get(measure), sides.ledger.get(measure));
                if provider == 0 && ledger == 0 {
                    continue;
                }
                lines.push(Line {
                    subject: subject.clone(),
                    measure,
                    provider,
                    ledger,
                    verdict: self.verdict(sides, measure, provider, ledger),
                });
            }
        }
        lines
    }

    fn verdict(&self, sides: &Sides, measure: Measure, provider: i128, ledger: i128) -> Verdict {
        let difference = provider.saturating_sub(ledger).saturating_abs();
        let question = &self.question;
        let least = match measure {
            Measure::Cost => question.cost,
            _ => question.tokens,
        };
        let share = provider.saturating_abs().saturating_mul(question.tolerance) / 10_000;
        if difference <= least.max(share) {
            Verdict::Agrees
        } else if sides.crashed && sides.in_provider {
            Verdict::Crashed
        } else if !sides.in_ledger {
            Verdict::OnlyProvider
        } else if !sides.in_provider {
            Verdict::OnlyLedger
        } else {
            Verdict::Differs
        }
    }

    /// The lines as a table; with `all` also those that agree.
    #[must_use]
    pub fn table(&self, lines: &[Line], all: bool) -> Table {
        let mut columns = vec!["day", "model"];
        if self.by_call {
            columns.push("call");
        }
        columns.extend([
            "measure",
            "provider",
            "ledger",
            "difference",
            "share",
            "verdict",
        ]);
        let shown = lines
            .iter()
            .filter(|line| all || line.verdict != Verdict::Agrees);
        let row = |line: &Line| {
            let number = |n: i128| match line.measure {
                Measure::Cost => Cell::Money(money(n)),
                _ => Cell::Count(n),
            };
            let mut cells = vec![
                Cell::Text(line.subject.day.to_string()),
                Cell::text(&line.subject.model),
            ];
            if self.by_call {
                cells.push(Cell::Text(format!("{:032x}", line.subject.call)));
            }
            let share = (line.provider != 0)
                .then(|| line.difference().saturating_mul(10_000) / line.provider.saturating_abs());
            cells.extend([
                Cell::Text(line.measure.name().to_owned()),
                number(line.provider),
                number(line.ledger),
                number(line.difference()),
                share.map_or(Cell::None, Cell::Share),
                Cell::Text(line.verdict.name().to_owned()),
            ]);
            cells
        };
        Table {
            columns: columns
                .into_iter()
                .map(|name| Column {
                    name: name.to_owned(),
                    sparse: false,
                })
                .collect(),
            rows: shown.map(row).collect(),
            total: None,
        }
    }

    /// The sums of both sides for each measure that the provider tells: provider, ledger.
    #[must_use]
    pub fn sums(&self) -> Vec<(Measure, Decimal, Decimal)> {
        let sum = |measure: Measure| {
            let mut sums = (0_i128, 0_i128);
            for sides in self.sides.values() {
                sums.0 = sums.0.saturating_add(sides.provider.get(measure));
                sums.1 = sums.1.saturating_add(sides.ledger.get(measure));
            }
            let shown = |n| match measure {
                Measure::Cost => money(n),
                _ => Decimal::try_from_i128_with_scale(n, 0).unwrap_or(Decimal::MAX),
            };
            (measure, shown(sums.0), shown(sums.1))
        };
        self.told.iter().copied().map(sum).collect()
    }
}
