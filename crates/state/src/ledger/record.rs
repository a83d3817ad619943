//! What the ledger keeps: intents, settlements, adjustments, grants, and their binary form.
//!
//! What must stay true: money is a whole number of 10^-12 units of the gateway's currency; token classes do not overlap;
//! field numbers are never used again for another thing.

mod end;

use super::fields::{self, Fields, Value};
use std::borrow::Cow;

pub use end::EndReason;

/// A text, borrowed where it is written and where it is read in passing. Cut to 256 bytes when written.
pub type Text<'a> = Cow<'a, str>;

/// Most budgets of one call.
pub(crate) const MOST_BUDGETS: usize = 16;

/// Most custom tags of one call.
pub(crate) const MOST_TAGS: usize = 8;

/// A record.
#[derive(Clone, Debug, PartialEq)]
pub enum Record<'a> {
    /// A call is about to go upstream.
    Intent(Intent<'a>),
    /// A call (or one of its attempts) has come to its end.
    Settlement(Settlement<'a>),
    /// What was charged is corrected.
    Adjustment(Adjustment<'a>),
    /// A child key of a budget was made, changed or taken back.
    Grant(Grant<'a>),
}

/// Texts of a [`Call`] with their field numbers.
macro_rules! call_texts {
    ($go:ident) => {
        $go! { 4 api, 5 operation, 6 product, 7 subscription, 8 user, 9 workspace, 10 backend, 11 provider,
               12 model, 13 deployment, 14 region, 15 tier, 16 agent_run, 20 purpose }
    };
}

/// Which call a record is about: its dimensions. Every text may be empty: not known, or none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Call<'a> {
    /// The request's id, as in `tollgate-request-id`.
    pub id: u128,
    /// 0 for the attempt whose answer the caller got; else the number of an earlier one that may have cost.
    pub attempt: u32,
    /// Wall clock at admission, Unix milliseconds.
    pub admitted_ms: u64,
    /// API.
    pub api: Text<'a>,
    /// Operation of the API.
    pub operation: Text<'a>,
    /// Product.
    pub product: Text<'a>,
    /// Subscription: its name, never its key.
    pub subscription: Text<'a>,
    /// Owner of the subscription.
    pub user: Text<'a>,
    /// Workspace.
    pub workspace: Text<'a>,
    /// The single backend that was called.
    pub backend: Text<'a>,
    /// Provider, as the price table names it.
    pub provider: Text<'a>,
    /// The model that was asked for.
    pub model: Text<'a>,
    /// Deployment of the path.
    pub deployment: Text<'a>,
    /// Region of the backend.
    pub region: Text<'a>,
    /// Service tier (`default`, `flex`, `priority`, `batch`, `ptu`).
    pub tier: Text<'a>,
    /// Run of an agent that the call belongs to.
    pub agent_run: Text<'a>,
    /// What the gateway called for by itself (`embedding_cache`, `send_request`, ...); empty for the caller's own call.
    pub purpose: Text<'a>,
    /// The call that this one was made for; 0 for the caller's own.
    pub parent: u128,
    /// Whether the caller asked for a stream.
    pub stream: bool,
    /// Budgets that the call draws from, narrow to broad; at most 16 are kept.
    pub budgets: Vec<Text<'a>>,
    /// Custom dimensions, name and value; at most 8 are kept.
    pub tags: Vec<(Text<'a>, Text<'a>)>,
}

/// A call that was admitted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Intent<'a> {
    /// The call; its `admitted_ms` is when this was written.
    pub call: Call<'a>,
    /// Estimate of the prompt, tokens.
    pub estimate: u64,
    /// Tokens that were reserved for it.
    pub reserved_tokens: u64,
    /// Money that was reserved for it, pico.
    pub reserved_pico: u128,
}

/// A call that has ended, with what it is charged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settlement<'a> {
    /// The call.
    pub call: Call<'a>,
    /// When this was written, Unix milliseconds.
    pub settled_ms: u64,
    /// How it ended.
    pub end: EndReason,
    /// Status that the caller got; 0: none.
    pub status: u16,
    /// The model that the provider says it served.
    pub served_model: Text<'a>,
    /// Estimate of the prompt at admission, tokens.
    pub estimate: u64,
    /// Tokens that had been reserved.
    pub reserved_tokens: u64,
    /// What is charged, tokens.
    pub tokens: Tokens,
    /// The provider's own total where it gives one, else the sum.
    pub total: u64,
    /// What is special about these numbers.
    pub flags: Flags,
    /// What is charged, pico; `None`: nobody knows the price.
    pub cost_pico: Option<u128>,
    /// Version of the price table.
    pub price_version: Text<'a>,
    /// Tokens that an answer from a cache had cost when it was made, which were not used again.
    pub saved_tokens: u64,
    /// What these would have cost now, pico; `None`: nobody knows the price.
    pub saved_pico: Option<u128>,
    /// From acceptance to the first token of a stream, milliseconds.
    pub first_token_ms: Option<u64>,
    /// From acceptance to the end, milliseconds.
    pub duration_ms: u64,
    /// Calls that were sent upstream, this one included.
    pub attempts: u32,
}

/// A correction, such as one from a provider's export.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Adjustment<'a> {
    /// Its own id, by which it counts once.
    pub id: u128,
    /// When this was written, Unix milliseconds.
    pub at_ms: u64,
    /// What it is about. `id` 0: not one call; `admitted_ms` then says which time it belongs to.
    pub call: Call<'a>,
    /// To be added to the tokens.
    pub tokens: SignedTokens,
    /// To be added to the cost, pico.
    pub cost_pico: i128,
    /// Where it comes from: a file, a command.
    pub source: Text<'a>,
    /// Why.
    pub note: Text<'a>,
}

/// A child key of a budget. The last record of an id is what holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grant<'a> {
    /// The grant's id.
    pub id: u128,
    /// When this was written, Unix milliseconds.
    pub at_ms: u64,
    /// Id of the child budget.
    pub budget: Text<'a>,
    /// Id of the budget that it draws from.
    pub parent: Text<'a>,
    /// Subscription of whoever asked for it.
    pub subscription: Text<'a>,
    /// A label for people.
    pub name: Text<'a>,
    /// Hash of the key, as text; never the key.
    pub key_hash: Text<'a>,
    /// What the ceiling counts.
    pub unit: GrantUnit,
    /// The ceiling: tokens, or pico.
    pub ceiling: u128,
    /// When it ends, Unix milliseconds; 0: with its parent.
    pub expires_ms: u64,
    /// Whether it was taken back.
    pub revoked: bool,
}

/// What a grant's ceiling counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GrantUnit {
    /// Tokens.
    #[default]
    Tokens,
    /// Money, pico.
    Money,
}

/// What is special about a settlement's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u64);

impl Flags {
    /// The gateway counted, since the provider reported nothing (or nothing usable).
    pub const ESTIMATED: Flags = Flags(1);
    /// The provider's counts do not fit together (parts above the whole, a total below its parts).
    pub const INCONSISTENT: Flags = Flags(1 << 1);
    /// A count was negative or larger than can be believed, and was cut.
    pub const ABSURD: Flags = Flags(1 << 2);
    /// The provider may have charged for something of which nothing is known.
    pub const UNCERTAIN: Flags = Flags(1 << 3);
    /// The intent could not be written, so that a crash would have lost the call (`onFailure: degrade`).
    pub const NO_INTENT: Flags = Flags(1 << 4);

    /// Whether all of `other` is set.
    #[must_use]
    pub fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// With `other` too when `on`.
    #[must_use]
    pub fn with(self, other: Flags, on: bool) -> Flags {
        if on { Flags(self.0 | other.0) } else { self }
    }
}

macro_rules! tokens {
    ($($number:literal $name:ident: $doc:literal),*) => {
        /// Tokens in classes that do not overlap.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Tokens { $(#[doc = $doc] pub $name: u64,)* }

        /// Differences of tokens, class by class.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct SignedTokens { $(#[doc = $doc] pub $name: i64,)* }

        impl Tokens {
            /// All tokens; searches are none.
            #[must_use]
            pub fn sum(&self) -> u64 {
                let all = [$(self.$name),*].iter().fold(0, |sum: u64, n| sum.saturating_add(*n));
                all.saturating_sub(self.web_search).saturating_sub(self.file_search)
            }

            /// Adds, class by class.
            pub fn add(&mut self, other: &Tokens) {
                $(self.$name = self.$name.saturating_add(other.$name);)*
            }

            /// Classes with their names.
            #[must_use]
            pub fn classes(&self) -> [(&'static str, u64); [$($number),*].len()] {
                [$((stringify!($name), self.$name)),*]
            }

            fn write(&self, out: &mut Vec<u8>) {
                $(fields::number(out, $number, self.$name);)*
            }

            fn read(&mut self, number: u128, value: Value<'_>) -> bool {
                match number {
                    $($number => self.$name = value.u64(),)*
                    _ => return false,
                }
                true
            }
        }

        impl SignedTokens {
            /// Classes with their names.
            #[must_use]
            pub fn classes(&self) -> [(&'static str, i64); [$($number),*].len()] {
                [$((stringify!($name), self.$name)),*]
            }

            fn write(&self, out: &mut Vec<u8>) {
                $(fields::signed(out, $number, i128::from(self.$name));)*
            }

            fn read(&mut self, number: u128, value: Value<'_>) -> bool {
                match number {
                    $($number => self.$name = value.i128().clamp(i64::MIN.into(), i64::MAX.into()) as i64,)*
                    _ => return false,
                }
                true
            }
        }
    };
}

tokens! {
    32 input: "Prompt tokens neither read from nor written to a cache.",
    33 cached_input: "Prompt tokens read from a cache.",
    34 cache_write: "Prompt tokens written to a cache.",
    35 output: "Completion tokens without reasoning.",
    36 reasoning: "Reasoning tokens.",
    37 audio_input: "Audio in the prompt.",
    38 audio_output: "Audio in the completion.",
    39 image_input: "Images in the prompt.",
    40 image_output: "Images in the completion.",
    41 cache_write_hour: "Prompt tokens written to a cache for an hour.",
    42 cached_audio_input: "Audio in the prompt, read from a cache.",
    43 cached_image_input: "Images in the prompt, read from a cache.",
    44 web_search: "Searches of the web; calls, not tokens.",
    45 file_search: "Searches of stored files; calls, not tokens."
}

impl Call<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        fields::id(out, 1, self.id);
        fields::number(out, 2, self.attempt);
        fields::number(out, 3, self.admitted_ms);
        macro_rules! go {
            ($($number:literal $name:ident),*) => { $(fields::text(out, $number, &self.$name);)* };
        }
        call_texts!(go);
        fields::number(out, 17, self.stream);
        fields::id(out, 21, self.parent);
        for budget in self.budgets.iter().take(MOST_BUDGETS) {
            fields::text(out, 18, budget);
        }
        for (name, value) in self.tags.iter().take(MOST_TAGS) {
            fields::pair(out, 19, name, value);
        }
    }

    /// The same without borrowing.
    #[must_use]
    pub fn into_owned(self) -> Call<'static> {
        macro_rules! go {
            ($($number:literal $name:ident),*) => {
                Call {
                    id: self.id,
                    parent: self.parent,
                    attempt: self.attempt,
                    admitted_ms: self.admitted_ms,
                    $($name: own(self.$name),)*
                    stream: self.stream,
                    budgets: self.budgets.into_iter().map(own).collect(),
                    tags: self.tags.into_iter().map(|(n, v)| (own(n), own(v))).collect(),
                }
            };
        }
        call_texts!(go)
    }
}

impl<'a> Call<'a> {
    fn read(&mut self, number: u128, value: Value<'a>) -> bool {
        macro_rules! go {
            ($($number:literal $name:ident),*) => {
                match number {
                    1 => self.id = value.u128(),
                    2 => self.attempt = value.u64().try_into().unwrap_or(u32::MAX),
                    3 => self.admitted_ms = value.u64(),
                    $($number => self.$name = value.text(),)*
                    17 => self.stream = value.u128() != 0,
                    21 => self.parent = value.u128(),
                    18 if self.budgets.len() < MOST_BUDGETS => self.budgets.push(value.text()),
                    19 if self.tags.len() < MOST_TAGS => self.tags.push(value.pair()),
                    _ => return false,
                }
            };
        }
        call_texts!(go);
        true
    }
}

/// A text without borrowing.
fn own(text: Text<'_>) -> Text<'static> {
    Cow::Owned(text.into_owned())
}

/// A payload as it was read.
pub(crate) struct Decoded<'a> {
    /// Counts the records of a segment's writer.
    pub(crate) sequence: u64,
    /// `None`: of a kind that only a newer gateway knows.
    pub(crate) record: Option<Record<'a>>,
    /// Whether it stands in an earlier segment too.
    pub(super) carried: bool,
}

const INTENT: u8 = 1;
const SETTLEMENT: u8 = 2;
const ADJUSTMENT: u8 = 3;
const GRANT: u8 = 4;
/// An intent that was still open when its thread began a new segment, written again for the recovery.
pub(super) const CARRIED: u8 = 5;

impl<'a> Record<'a> {
    /// When it was written, Unix milliseconds: what periods go by, and the day of its folder.
    #[must_use]
    pub fn time_ms(&self) -> u64 {
        match self {
            Record::Intent(intent) => intent.call.admitted_ms,
            Record::Settlement(settlement) => settlement.settled_ms,
            Record::Adjustment(adjustment) => adjustment.at_ms,
            Record::Grant(grant) => grant.at_ms,
        }
    }

    /// Appends the payload of a frame. `sequence` counts the records of a segment from 1.
    pub(crate) fn encode(&self, out: &mut Vec<u8>, sequence: u64) {
        out.push(match self {
            Record::Intent(_) => INTENT,
            Record::Settlement(_) => SETTLEMENT,
            Record::Adjustment(_) => ADJUSTMENT,
            Record::Grant(_) => GRANT,
        });
        fields::varint(out, sequence.into());
        match self {
            Record::Intent(intent) => intent.write(out),
            Record::Settlement(settlement) => settlement.write(out),
            Record::Adjustment(adjustment) => adjustment.write(out),
            Record::Grant(grant) => grant.write(out),
        }
    }

    /// Reads a payload.
    pub(crate) fn decode(payload: &'a [u8]) -> Option<Decoded<'a>> {
        let (&kind, rest) = payload.split_first()?;
        let mut fields = Fields(rest);
        let sequence = u64::try_from(fields.varint()?).ok()?;
        let record = match kind {
            INTENT | CARRIED => Some(Record::Intent(Intent::read(fields))),
            SETTLEMENT => Some(Record::Settlement(Settlement::read(fields))),
            ADJUSTMENT => Some(Record::Adjustment(Adjustment::read(fields))),
            GRANT => Some(Record::Grant(Grant::read(fields))),
            _ => None,
        };
        Some(Decoded {
            sequence,
            record,
            carried: kind == CARRIED,
        })
    }

    /// The same without borrowing.
    #[must_use]
    pub fn into_owned(self) -> Record<'static> {
        match self {
            Record::Intent(i) => Record::Intent(Intent {
                call: i.call.into_owned(),
                estimate: i.estimate,
                reserved_tokens: i.reserved_tokens,
                reserved_pico: i.reserved_pico,
            }),
            Record::Settlement(s) => Record::Settlement(Settlement {
                call: s.call.into_owned(),
                settled_ms: s.settled_ms,
                end: s.end,
                status: s.status,
                served_model: own(s.served_model),
                estimate: s.estimate,
                reserved_tokens: s.reserved_tokens,
                tokens: s.tokens,
                total: s.total,
                flags: s.flags,
                cost_pico: s.cost_pico,
                price_version: own(s.price_version),
                saved_tokens: s.saved_tokens,
                saved_pico: s.saved_pico,
                first_token_ms: s.first_token_ms,
                duration_ms: s.duration_ms,
                attempts: s.attempts,
            }),
            Record::Adjustment(a) => Record::Adjustment(Adjustment {
                id: a.id,
                at_ms: a.at_ms,
                call: a.call.into_owned(),
                tokens: a.tokens,
                cost_pico: a.cost_pico,
                source: own(a.source),
                note: own(a.note),
            }),
            Record::Grant(g) => Record::Grant(Grant {
                id: g.id,
                at_ms: g.at_ms,
                budget: own(g.budget),
                parent: own(g.parent),
                subscription: own(g.subscription),
                name: own(g.name),
                key_hash: own(g.key_hash),
                unit: g.unit,
                ceiling: g.ceiling,
                expires_ms: g.expires_ms,
                revoked: g.revoked,
            }),
        }
    }
}

impl<'a> Intent<'a> {
    fn write(&self, out: &mut Vec<u8>) {
        self.call.write(out);
        fields::number(out, 48, self.estimate);
        fields::number(out, 49, self.reserved_tokens);
        fields::number(out, 50, self.reserved_pico);
    }

    fn read(fields: Fields<'a>) -> Intent<'a> {
        let mut intent = Intent::default();
        for (number, value) in fields {
            match number {
                48 => intent.estimate = value.u64(),
                49 => intent.reserved_tokens = value.u64(),
                50 => intent.reserved_pico = value.u128(),
                _ => {
                    intent.call.read(number, value);
                }
            }
        }
        intent
    }
}

impl<'a> Settlement<'a> {
    fn write(&self, out: &mut Vec<u8>) {
        self.call.write(out);
        self.tokens.write(out);
        fields::number(out, 48, self.estimate);
        fields::number(out, 49, self.reserved_tokens);
        fields::number(out, 51, self.settled_ms);
        fields::number(out, 52, self.end.code());
        fields::number(out, 53, self.status);
        fields::text(out, 54, &self.served_model);
        fields::number(out, 55, self.total);
        fields::number(out, 56, self.flags.0);
        fields::present(out, 57, self.cost_pico);
        fields::text(out, 58, &self.price_version);
        fields::present(out, 59, self.first_token_ms);
        fields::number(out, 60, self.duration_ms);
        fields::number(out, 61, self.attempts);
        fields::number(out, 62, self.saved_tokens);
        fields::present(out, 63, self.saved_pico);
    }

    fn read(fields: Fields<'a>) -> Settlement<'a> {
        let mut read = Settlement::default();
        for (number, value) in fields {
            match number {
                48 => read.estimate = value.u64(),
                49 => read.reserved_tokens = value.u64(),
                51 => read.settled_ms = value.u64(),
                52 => read.end = EndReason::from_code(value.u64()),
                53 => read.status = value.u64().try_into().unwrap_or(0),
                54 => read.served_model = value.text(),
                55 => read.total = value.u64(),
                56 => read.flags = Flags(value.u64()),
                57 => read.cost_pico = Some(value.u128()),
                58 => read.price_version = value.text(),
                59 => read.first_token_ms = Some(value.u64()),
                60 => read.duration_ms = value.u64(),
                61 => read.attempts = value.u64().try_into().unwrap_or(u32::MAX),
                62 => read.saved_tokens = value.u64(),
                63 => read.saved_pico = Some(value.u128()),
                _ if read.tokens.read(number, value) => {}
                _ => {
                    read.call.read(number, value);
                }
            }
        }
        read
    }
}

impl<'a> Adjustment<'a> {
    fn write(&self, out: &mut Vec<u8>) {
        self.call.write(out);
        self.tokens.write(out);
        fields::id(out, 64, self.id);
        fields::number(out, 65, self.at_ms);
        fields::signed(out, 66, self.cost_pico);
        fields::text(out, 67, &self.source);
        fields::text(out, 68, &self.note);
    }

    fn read(fields: Fields<'a>) -> Adjustment<'a> {
        let mut read = Adjustment::default();
        for (number, value) in fields {
            match number {
                64 => read.id = value.u128(),
                65 => read.at_ms = value.u64(),
                66 => read.cost_pico = value.i128(),
                67 => read.source = value.text(),
                68 => read.note = value.text(),
                _ if read.tokens.read(number, value) => {}
                _ => {
                    read.call.read(number, value);
                }
            }
        }
        read
    }
}

impl<'a> Grant<'a> {
    fn write(&self, out: &mut Vec<u8>) {
        fields::id(out, 1, self.id);
        fields::number(out, 2, self.at_ms);
        fields::text(out, 3, &self.budget);
        fields::text(out, 4, &self.parent);
        fields::text(out, 5, &self.subscription);
        fields::text(out, 6, &self.name);
        fields::text(out, 7, &self.key_hash);
        fields::number(out, 8, self.unit == GrantUnit::Money);
        fields::number(out, 9, self.ceiling);
        fields::number(out, 10, self.expires_ms);
        fields::number(out, 11, self.revoked);
    }

    fn read(fields: Fields<'a>) -> Grant<'a> {
        let mut read = Grant::default();
        for (number, value) in fields {
            match number {
                1 => read.id = value.u128(),
                2 => read.at_ms = value.u64(),
                3 => read.budget = value.text(),
                4 => read.parent = value.text(),
                5 => read.subscription = value.text(),
                6 => read.name = value.text(),
                7 => read.key_hash = value.text(),
                8 if value.u128() != 0 => read.unit = GrantUnit::Money,
                9 => read.ceiling = value.u128(),
                10 => read.expires_ms = value.u64(),
                11 => read.revoked = value.u128() != 0,
                _ => {}
            }
        }
        read
    }
}
