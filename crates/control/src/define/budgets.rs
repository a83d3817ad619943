//! `budgets:` and `gateway.budgets`.

use super::products::api_ids;
use super::{Reader, api_id_of, id_of};
use crate::model::budget::{
    Budget, BudgetLimit, BudgetPeriod, BudgetSubject, Budgets, Notification, Unpriced, WeekDay,
};
use crate::model::{Configuration, Lists};
use crate::yaml::{At, Place};
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tollgate_engine::definition::{
    BudgetDefinition, BudgetScope, BudgetSettings, Definition, Each, NotificationDefinition,
    UnpricedCalls,
};
use tollgate_lang::Diagnostic;
use tollgate_state::budgets::{Calendar, Recurrence, Unit};

/// Longest id: with that of a workspace and a subject, the ledger keeps 256 bytes.
const LONGEST_ID: usize = 80;

/// Most thresholds of a budget.
const MOST_THRESHOLDS: usize = 16;

/// Longest life of a child key, and longest time that a webhook is tried.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

impl Reader<'_, '_> {
    pub(super) fn budgets(
        &mut self,
        lists: Lists<'_>,
        model: &Configuration,
    ) -> Vec<BudgetDefinition> {
        self.once(lists.budgets.iter().map(|b| &b.id), "budget");
        let mut seen = BTreeSet::new();
        let mut budgets = Vec::new();
        for budget in lists.budgets {
            if let Some(read) = self.budget(budget, lists, model)
                && seen.insert(budget.id.as_str())
            {
                budgets.push(read);
            }
        }
        budgets
    }

    fn budget(
        &mut self,
        budget: &Budget,
        lists: Lists<'_>,
        model: &Configuration,
    ) -> Option<BudgetDefinition> {
        let id = &budget.id;
        let fits = (1..=LONGEST_ID).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
        if !fits {
            self.budget_fault(
                "TG0733",
                id.place,
                format!("`{}` cannot be the id of a budget", id.value),
                "1 to 80 letters, digits, `.`, `-` and `_`",
            );
        }
        let limit = self.limit(&budget.limit);
        let carry_over = self.carry_over(budget, limit);
        let notify = self.notified(&budget.notify, model);
        let thresholds = self.thresholds(budget, &notify, model);
        let calendar = self.calendar(budget);
        let (unit, limit) = limit?;
        if budget.unpriced.is_some() && unit == Unit::Tokens {
            self.warning(
                id.place,
                format!("`unpriced` of budget `{}` has no effect", id.value),
                "it counts tokens, which need no price: leave `unpriced` out",
            );
        }
        Some(BudgetDefinition {
            span: Some(self.span(id.place)),
            workspace: self.workspace.clone(),
            id: Arc::from(id.as_str()),
            unit,
            limit,
            calendar: calendar?,
            hard: budget.hard.unwrap_or(true),
            carry_over,
            thresholds,
            notify,
            parent: self.parent(budget, lists, model),
            each: budget.each.map(|each| match each {
                BudgetSubject::Subscription => Each::Subscription,
                BudgetSubject::User => Each::User,
                BudgetSubject::Product => Each::Product,
                BudgetSubject::Api => Each::Api,
                BudgetSubject::Run => Each::Run,
            }),
            children_only: budget.children_only,
            scope: self.budget_scope(budget, lists, model),
            unpriced: match budget.unpriced {
                Some(Unpriced::Allow) => UnpricedCalls::Allow,
                Some(Unpriced::Refuse) | None => UnpricedCalls::Refuse,
            },
        })
    }

    fn budget_fault(
        &mut self,
        code: &'static str,
        place: Place,
        message: impl Into<String>,
        expected: &str,
    ) {
        let fault = Diagnostic::error(code, self.span(place), message)
            .label(format!("expected {expected}"));
        self.diagnostics.push(fault);
    }

    /// Whether there is a fault in a part of the file already.
    fn told_within(&self, place: Place) -> bool {
        let whole = self.span(place);
        self.diagnostics.items().iter().any(|d| {
            d.span.is_some_and(|at| {
                at.file == whole.file && at.start >= whole.start && at.end <= whole.end
            })
        })
    }

    fn limit(&mut self, limit: &At<BudgetLimit>) -> Option<(Unit, u128)> {
        match (&limit.tokens, &limit.amount) {
            (Some(tokens), None) => Some((Unit::Tokens, tokens.value.0.into())),
            (None, Some(amount)) => Some((Unit::Money, amount.value.0.0)),
            // What cannot be read has been told, and left out.
            (None, None) if self.told_within(limit.place) => None,
            _ => {
                self.budget_fault(
                    "TG0734",
                    limit.place,
                    "a limit is in tokens or in money",
                    "one of `tokens` and `amount`",
                );
                None
            }
        }
    }

    fn carry_over(&mut self, budget: &Budget, limit: Option<(Unit, u128)>) -> Option<u128> {
        let cap = match &budget.carry_over_limit {
            None => limit.map(|(_, limit)| limit),
            Some(cap) => {
                let read = self.limit(cap);
                if !budget.carry_over {
                    self.budget_fault(
                        "TG0734",
                        cap.place,
                        "nothing is carried over",
                        "`carryOver: true` beside it",
                    );
                }
                if let (Some((of_cap, _)), Some((unit, _))) = (read, limit)
                    && of_cap != unit
                {
                    self.budget_fault(
                        "TG0734",
                        cap.place,
                        "it counts something else than the limit",
                        "the same of `tokens` and `amount` as in `limit`",
                    );
                }
                read.map(|(_, cap)| cap)
            }
        };
        cap.filter(|_| budget.carry_over)
    }

    fn calendar(&mut self, budget: &Budget) -> Option<Calendar> {
        let zone = match &budget.time_zone {
            None => Some(TimeZone::UTC),
            Some(name) => {
                let zone = TimeZone::get(name.trim()).ok();
                if zone.is_none() {
                    self.budget_fault(
                        "TG0735",
                        name.place,
                        format!("there is no time zone `{}`", name.value),
                        "a name of the IANA database, as `Europe/Berlin`",
                    );
                }
                zone
            }
        };
        let (days, from, until) = (&budget.days, &budget.from, &budget.until);
        let (wants_days, wants_from, wants_until) = match budget.period {
            BudgetPeriod::Days => (true, true, false),
            BudgetPeriod::Once => (false, true, true),
            _ => (false, false, false),
        };
        let mut whole = true;
        for (name, wanted, place) in [
            ("days", wants_days, days.as_ref().map(|d| d.place)),
            ("from", wants_from, from.as_ref().map(|d| d.place)),
            ("until", wants_until, until.as_ref().map(|d| d.place)),
        ] {
            if wanted != place.is_some() {
                whole = false;
                let expected = if wanted {
                    format!("`{name}` beside this `period`")
                } else {
                    format!("no `{name}` beside this `period`")
                };
                self.budget_fault(
                    "TG0735",
                    place.unwrap_or(budget.id.place),
                    format!("the period of budget `{}` cannot be used", budget.id.value),
                    &expected,
                );
            }
        }
        let from = from.as_ref().map(|date| self.day(date));
        let until = until.as_ref().map(|date| self.day(date));
        if !whole {
            return None;
        }
        let recurrence = match (budget.period, from, until) {
            (BudgetPeriod::Day, ..) => Recurrence::Day,
            (BudgetPeriod::Week, ..) => Recurrence::Week(match budget.week_start {
                None | Some(WeekDay::Monday) => Weekday::Monday,
                Some(WeekDay::Tuesday) => Weekday::Tuesday,
                Some(WeekDay::Wednesday) => Weekday::Wednesday,
                Some(WeekDay::Thursday) => Weekday::Thursday,
                Some(WeekDay::Friday) => Weekday::Friday,
                Some(WeekDay::Saturday) => Weekday::Saturday,
                Some(WeekDay::Sunday) => Weekday::Sunday,
            }),
            (BudgetPeriod::Month, ..) => Recurrence::Month,
            (BudgetPeriod::Quarter, ..) => Recurrence::Quarter,
            (BudgetPeriod::Year, ..) => Recurrence::Year,
            (BudgetPeriod::Endless, ..) => Recurrence::Endless,
            (BudgetPeriod::Days, Some(from), _) => {
                let days = budget.days.as_ref()?;
                if !(1..=3660).contains(&days.value) {
                    self.budget_fault(
                        "TG0735",
                        days.place,
                        format!("a period of {} days", days.value),
                        "1 to 3660",
                    );
                }
                let (days, from) = (days.value, from?);
                Recurrence::Days { days, from }
            }
            (BudgetPeriod::Once, Some(from), Some(until)) => {
                let (from, until) = (from?, until?);
                if until < from {
                    self.budget_fault(
                        "TG0735",
                        budget.until.as_ref()?.place,
                        "the period ends before it begins",
                        "a day that is not before `from`",
                    );
                }
                Recurrence::Once { from, until }
            }
            _ => return None,
        };
        let zone = zone?;
        Some(Calendar { recurrence, zone })
    }

    fn day(&mut self, date: &At<String>) -> Option<Date> {
        let day = date.trim().parse::<Date>().ok();
        if day.is_none() {
            self.budget_fault(
                "TG0735",
                date.place,
                format!("`{}` is not a day", date.value),
                "a date as `2026-01-31`",
            );
        }
        day
    }

    fn thresholds(
        &mut self,
        budget: &Budget,
        notify: &[Arc<str>],
        model: &Configuration,
    ) -> Vec<(u16, Vec<Arc<str>>)> {
        let mut read: Vec<(u16, Vec<Arc<str>>)> = Vec::new();
        for threshold in &budget.thresholds {
            let percent = &threshold.percent;
            if !(1..=1000).contains(&percent.value) || read.iter().any(|(p, _)| *p == percent.value)
            {
                self.budget_fault(
                    "TG0736",
                    percent.place,
                    format!("a threshold of {} percent", percent.value),
                    "1 to 1000, each once",
                );
            }
            let told = match &threshold.notify {
                None => notify.to_vec(),
                Some(ids) => self.notified(ids, model),
            };
            read.push((percent.value, told));
        }
        if read.len() > MOST_THRESHOLDS {
            self.budget_fault(
                "TG0736",
                budget.id.place,
                format!("{} thresholds", read.len()),
                "at most 16",
            );
        }
        read.sort_by_key(|(percent, _)| *percent);
        read
    }

    /// Ids of notifications, each known.
    fn notified(&mut self, ids: &[At<String>], model: &Configuration) -> Vec<Arc<str>> {
        let all = &model.gateway.budgets.notifications;
        let known: BTreeSet<&str> = all.iter().map(|n| n.id.as_str()).collect();
        ids.iter()
            .filter(|id| {
                self.known(
                    id,
                    id,
                    "notification",
                    "gateway.budgets.notifications",
                    &known,
                )
            })
            .map(|id| Arc::from(id.as_str()))
            .collect()
    }

    fn parent(
        &mut self,
        budget: &Budget,
        lists: Lists<'_>,
        model: &Configuration,
    ) -> Option<(Arc<str>, Option<tollgate_lang::Span>)> {
        let parent = budget.parent.as_ref()?;
        let all = lists.budgets.iter().chain(&model.budgets);
        let known: BTreeSet<&str> = all.map(|b| b.id.as_str()).collect();
        self.known(parent, parent, "budget", "budgets", &known)
            .then(|| (Arc::from(parent.as_str()), Some(self.span(parent.place))))
    }

    fn budget_scope(
        &mut self,
        budget: &Budget,
        lists: Lists<'_>,
        model: &Configuration,
    ) -> BudgetScope {
        let scope = &budget.scope;
        let products = lists.products.iter().map(|p| p.id.as_str()).collect();
        let subscriptions = lists.subscriptions.iter().map(|s| s.id.as_str()).collect();
        let users = model.users.iter().map(|u| u.id.as_str()).collect();
        let groups = self.groups(lists);
        let groups: BTreeSet<&str> = groups.keys().map(String::as_str).collect();
        let backends = self.service.backends.clone();
        let own = lists.backends.iter().map(|b| b.id.as_str());
        let backends: BTreeSet<&str> = backends.iter().map(String::as_str).chain(own).collect();
        let mut ids = |list: &[At<String>], of: Of, known: &BTreeSet<&str>| -> Vec<Arc<str>> {
            let kept = list.iter().filter_map(|reference| {
                let id = match of.section {
                    "apis" => api_id_of(reference),
                    section => id_of(reference, section),
                };
                self.known(reference, id, of.what, of.section, known)
                    .then(|| Arc::from(id))
            });
            kept.collect()
        };
        BudgetScope {
            products: ids(&scope.products, Of::new("product", "products"), &products),
            groups: ids(&scope.groups, Of::new("group", "groups"), &groups),
            subscriptions: ids(
                &scope.subscriptions,
                Of::new("subscription", "subscriptions"),
                &subscriptions,
            ),
            users: ids(&scope.users, Of::new("user", "users"), &users),
            apis: ids(&scope.apis, Of::new("API", "apis"), &api_ids(lists)),
            backends: ids(&scope.backends, Of::new("backend", "backends"), &backends),
            models: scope.models.iter().map(|m| Arc::from(m.trim())).collect(),
        }
    }

    /// Without a ledger a restart forgets what was spent.
    pub(super) fn budgets_without_ledger(
        &mut self,
        model: &Configuration,
        definition: &Definition,
    ) {
        let first = definition.budgets.iter().find_map(|budget| budget.span);
        if let (None, Some(span)) = (&model.gateway.ledger, first) {
            self.diagnostics.push(
                Diagnostic::warning("TG0738", span, "a restart forgets what budgets have spent")
                    .help("keep a ledger: `gateway: { ledger: { folder: ledger } }`"),
            );
        }
    }

    /// `gateway.budgets`.
    pub(super) fn budget_settings(&mut self, written: &Budgets) -> BudgetSettings {
        let default = BudgetSettings::default();
        let mut header = |value: &Option<At<String>>, default: Arc<str>| match value {
            None => default,
            Some(name) => {
                let text = name.trim();
                if !text.is_empty() && http::HeaderName::try_from(text).is_err() {
                    self.budget_fault(
                        "TG0737",
                        name.place,
                        format!("`{text}` is not a header name"),
                        "letters, digits and hyphens, or an empty text for none",
                    );
                }
                Arc::from(text)
            }
        };
        let tokens_header = header(&written.remaining_tokens_header, default.tokens_header);
        let amount_header = header(&written.remaining_amount_header, default.amount_header);
        let run_header = header(&written.run_header, default.run_header);
        let path = written.path.as_ref().and_then(|path| {
            let text = path.trim().trim_end_matches('/');
            let usable = text.len() > 1
                && text.starts_with('/')
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b));
            if !usable {
                self.budget_fault(
                    "TG0737",
                    path.place,
                    format!("`{}` is not a path", path.value),
                    "a path such as `/budgets`",
                );
            }
            usable.then(|| Arc::from(text))
        });
        let keys = &written.child_keys;
        let mut bounded = |value: &Option<At<u32>>, default: u32, most: u32| match value {
            None => default,
            Some(value) => {
                if value.value > most {
                    self.budget_fault(
                        "TG0737",
                        value.place,
                        format!("{} is out of range", value.value),
                        &format!("0 to {most}"),
                    );
                }
                value.value.min(most)
            }
        };
        let key_depth = bounded(&keys.depth, default.key_depth, 8);
        let count = bounded(&keys.count, 10_000, 1_000_000);
        let key_life = self.span_of_time(keys.life.as_ref(), default.key_life);
        self.once(written.notifications.iter().map(|n| &n.id), "notification");
        let notifications = written.notifications.iter();
        BudgetSettings {
            tokens_header,
            amount_header,
            run_header,
            path,
            key_depth,
            keys: usize::try_from(count).unwrap_or(usize::MAX),
            key_life,
            notifications: notifications.map(|n| self.notification(n)).collect(),
        }
    }

    fn span_of_time(
        &mut self,
        value: Option<&At<crate::model::Duration>>,
        default: Duration,
    ) -> Duration {
        let Some(value) = value else {
            return default;
        };
        if value.value.0.is_zero() || value.value.0 > LONGEST {
            self.budget_fault(
                "TG0737",
                value.place,
                "a time that is out of range",
                "more than nothing, and at most 366 days",
            );
            return default;
        }
        value.value.0
    }

    fn notification(&mut self, notification: &Notification) -> NotificationDefinition {
        let url = self.url(&notification.url);
        let secret = notification
            .secret
            .as_ref()
            .map(|secret| self.secret(secret, secret.place, "secret"));
        if secret.is_none() {
            self.warning(
                notification.id.place,
                format!(
                    "notifications to `{}` are not signed",
                    notification.id.value
                ),
                "give it a `secret`, so that who gets them knows whose they are",
            );
        }
        let hour = Duration::from_secs(3600);
        NotificationDefinition {
            id: Arc::from(notification.id.as_str()),
            url: Arc::from(url),
            secret,
            deadline: self.span_of_time(notification.deadline.as_ref(), hour),
        }
    }
}

/// What a list of ids is of.
#[derive(Clone, Copy)]
struct Of {
    what: &'static str,
    section: &'static str,
}

impl Of {
    fn new(what: &'static str, section: &'static str) -> Of {
        Of { what, section }
    }
}
