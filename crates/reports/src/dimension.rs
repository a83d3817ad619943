//! What calls can be grouped and filtered by.
//!
//! Called by `group` for each record. What must stay true: looking a value up allocates only for what has to be
//! made (times, joined budgets); a record has exactly one value of each dimension, so that sums over any grouping are
//! the total.

#[cfg(test)]
mod tests;

use crate::entry::{Entry, Kind};
use crate::period::{Days, week};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::{self, Write as _};

/// What calls can be grouped by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// Who pays, as [`Team`] says.
    Team,
    /// One of the record's texts.
    Text(Text),
    /// A tag of the configuration.
    Tag(String),
    /// The status that the caller got.
    Status,
    /// `stream` or `whole`.
    Stream,
    /// `call`, `attempt` or `adjustment`.
    Kind,
    /// All budgets of the call, widest first.
    Budget,
    /// The hour, in the period's time zone.
    Hour,
    /// The day.
    Day,
    /// The ISO week.
    Week,
    /// The month.
    Month,
}

/// The dimensions that a record holds as texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "they are named as the fields of Entry, which are described"
)]
pub enum Text {
    Api,
    Operation,
    Product,
    Subscription,
    User,
    Workspace,
    Backend,
    Provider,
    Model,
    RequestedModel,
    ServedModel,
    Deployment,
    Region,
    Tier,
    EndReason,
    AgentRun,
    PriceVersion,
    Purpose,
}

const TEXTS: [(&str, Text); 18] = [
    ("api", Text::Api),
    ("operation", Text::Operation),
    ("product", Text::Product),
    ("subscription", Text::Subscription),
    ("user", Text::User),
    ("workspace", Text::Workspace),
    ("backend", Text::Backend),
    ("provider", Text::Provider),
    ("model", Text::Model),
    ("requested-model", Text::RequestedModel),
    ("served-model", Text::ServedModel),
    ("deployment", Text::Deployment),
    ("region", Text::Region),
    ("tier", Text::Tier),
    ("end-reason", Text::EndReason),
    ("agent-run", Text::AgentRun),
    ("price-version", Text::PriceVersion),
    ("purpose", Text::Purpose),
];

/// A name that is no dimension.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a dimension: use team, {list}, tag:NAME, status, stream, kind, budget, hour, day, week or month", list = TEXTS.map(|(name, _)| name).join(", "))]
pub struct NotADimension(pub String);

impl Dimension {
    /// The dimension of a name.
    ///
    /// # Errors
    /// When there is none of it.
    pub fn parse(name: &str) -> Result<Dimension, NotADimension> {
        if let Some((_, text)) = TEXTS.iter().find(|(n, _)| *n == name) {
            return Ok(Dimension::Text(*text));
        }
        Ok(match name {
            "team" => Dimension::Team,
            "status" => Dimension::Status,
            "stream" => Dimension::Stream,
            "kind" => Dimension::Kind,
            "budget" => Dimension::Budget,
            "hour" => Dimension::Hour,
            "day" => Dimension::Day,
            "week" => Dimension::Week,
            "month" => Dimension::Month,
            _ => match name.strip_prefix("tag:").filter(|tag| !tag.is_empty()) {
                Some(tag) => Dimension::Tag(tag.to_owned()),
                None => return Err(NotADimension(name.to_owned())),
            },
        })
    }

    /// The record's value; empty when it has none.
    pub(crate) fn value<'a>(
        &'a self,
        entry: &'a Entry<'_>,
        team: &'a Team,
        days: &mut Days,
    ) -> Cow<'a, str> {
        match self {
            Dimension::Team => Cow::Borrowed(team.of(entry)),
            Dimension::Text(text) => Cow::Borrowed(text.of(entry)),
            Dimension::Tag(name) => Cow::Borrowed(entry.tag(name)),
            Dimension::Status if entry.status == 0 => Cow::Borrowed(""),
            Dimension::Status => Cow::Owned(entry.status.to_string()),
            Dimension::Stream => Cow::Borrowed(match (entry.kind, entry.call.stream) {
                (Kind::Adjustment { .. }, _) => "",
                (_, true) => "stream",
                (_, false) => "whole",
            }),
            Dimension::Kind => Cow::Borrowed(match entry.kind {
                Kind::Call => "call",
                Kind::Attempt => "attempt",
                Kind::Adjustment { .. } => "adjustment",
            }),
            Dimension::Budget => {
                let mut joined = String::new();
                for (at, budget) in entry.call.budgets.iter().rev().enumerate() {
                    if at > 0 {
                        joined.push_str(" > ");
                    }
                    joined.push_str(budget);
                }
                Cow::Owned(joined)
            }
            Dimension::Hour => Cow::Owned(days.hour(entry.at)),
            Dimension::Day => Cow::Owned(days.of(entry.at).to_string()),
            Dimension::Week => Cow::Owned(week(days.of(entry.at))),
            Dimension::Month => {
                let mut month = String::with_capacity(7);
                let date = days.of(entry.at);
                // Writing to a String does not fail.
                let _ = write!(month, "{:04}-{:02}", date.year(), date.month());
                Cow::Owned(month)
            }
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Dimension::Team => "team",
            Dimension::Text(text) => {
                let mut texts = TEXTS.iter();
                texts.find(|(_, t)| t == text).map_or("", |(name, _)| name)
            }
            Dimension::Tag(name) => return write!(f, "tag:{name}"),
            Dimension::Status => "status",
            Dimension::Stream => "stream",
            Dimension::Kind => "kind",
            Dimension::Budget => "budget",
            Dimension::Hour => "hour",
            Dimension::Day => "day",
            Dimension::Week => "week",
            Dimension::Month => "month",
        })
    }
}

impl Text {
    fn of<'a>(self, entry: &'a Entry<'_>) -> &'a str {
        match self {
            Text::Api => &entry.call.api,
            Text::Operation => &entry.call.operation,
            Text::Product => &entry.call.product,
            Text::Subscription => &entry.call.subscription,
            Text::User => &entry.call.user,
            Text::Workspace => &entry.call.workspace,
            Text::Backend => &entry.call.backend,
            Text::Provider => &entry.call.provider,
            Text::Model => entry.model(),
            Text::RequestedModel => &entry.call.model,
            Text::ServedModel => entry.served_model,
            Text::Deployment => &entry.call.deployment,
            Text::Region => &entry.call.region,
            Text::Tier => &entry.call.tier,
            Text::EndReason => entry.end_reason,
            Text::AgentRun => &entry.call.agent_run,
            Text::PriceVersion => entry.price_version,
            Text::Purpose => &entry.call.purpose,
        }
    }
}

/// What a team is: the one whose statement a call stands on.
#[derive(Clone, Debug)]
pub enum Team {
    /// The value of a dimension, as it is: the product by default.
    Of(Box<Dimension>),
    /// The group of the call's user. A user that is in several belongs to the first of them.
    Group(HashMap<String, String>),
}

impl Default for Team {
    fn default() -> Self {
        Team::Of(Box::new(Dimension::Text(Text::Product)))
    }
}

impl Team {
    /// `product`, `subscription`, `user`, `workspace`, `api` or `tag:NAME`. (`group` needs a configuration that says
    /// who is in which.)
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(name: &str) -> Result<Team, NotADimension> {
        match Dimension::parse(name) {
            Ok(
                dimension @ (Dimension::Tag(_)
                | Dimension::Text(
                    Text::Product | Text::Subscription | Text::User | Text::Workspace | Text::Api,
                )),
            ) => Ok(Team::Of(Box::new(dimension))),
            _ => Err(NotADimension(name.to_owned())),
        }
    }

    /// The team of a call; empty when it has none.
    #[must_use]
    pub fn of<'a>(&'a self, entry: &'a Entry<'_>) -> &'a str {
        match self {
            Team::Of(dimension) => match &**dimension {
                Dimension::Text(text) => text.of(entry),
                Dimension::Tag(name) => entry.tag(name),
                _ => "",
            },
            Team::Group(groups) => groups.get(&*entry.call.user).map_or("", String::as_str),
        }
    }
}

impl fmt::Display for Team {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Team::Of(dimension) => dimension.fmt(f),
            Team::Group(_) => f.write_str("group"),
        }
    }
}

/// `product=gold`: only records whose value it is. `product!=gold`: all others. Several values with `|` between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    dimension: Dimension,
    values: Vec<String>,
    not: bool,
}

/// A text that is no filter.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum NotAFilter {
    #[error("{0:?} is not a filter: write product=gold, product!=gold, or product=gold|silver")]
    Shape(String),
    #[error(transparent)]
    Dimension(#[from] NotADimension),
}

impl Filter {
    /// The filter of a text.
    ///
    /// # Errors
    /// When it has no `=`, or names no dimension.
    pub fn parse(text: &str) -> Result<Filter, NotAFilter> {
        let (name, values) = text
            .split_once('=')
            .ok_or_else(|| NotAFilter::Shape(text.to_owned()))?;
        let (name, not) = match name.strip_suffix('!') {
            Some(name) => (name, true),
            None => (name, false),
        };
        Ok(Filter {
            dimension: Dimension::parse(name.trim())?,
            values: values.split('|').map(str::to_owned).collect(),
            not,
        })
    }

    /// Only what a dimension has this value of.
    #[must_use]
    pub fn only(dimension: Dimension, value: &str) -> Filter {
        Filter {
            dimension,
            values: vec![value.to_owned()],
            not: false,
        }
    }

    pub(crate) fn holds(&self, entry: &Entry<'_>, team: &Team, days: &mut Days) -> bool {
        let value = self.dimension.value(entry, team, days);
        self.values.iter().any(|v| *v == value) != self.not
    }
}
