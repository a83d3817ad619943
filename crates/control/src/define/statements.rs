//! `gateway.statements`: when statements are sent, and to whom.

use super::Reader;
use crate::model::gateway::Gateway;
use crate::model::statements::Statements;
use crate::settings;
use crate::yaml::Place;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use std::collections::HashSet;
use tollgate_lang::Diagnostic;

/// What a team can be, beside `tag:NAME`.
const TEAMS: [&str; 6] = [
    "product",
    "subscription",
    "user",
    "workspace",
    "api",
    "group",
];

impl Reader<'_, '_> {
    pub(super) fn statements(&mut self, gateway: &Gateway) -> Option<settings::Statements> {
        let written = gateway.statements.as_ref()?;
        if gateway.ledger.is_none() {
            self.statement_fault(
                "TG0725",
                written.send.first().map_or(Place::default(), |s| s.place),
                "statements are made of the ledger, and there is none",
                "keep one: `gateway: { ledger: { folder: ledger } }`",
            );
        }
        let (day, time, zone) = self.when(written);
        let team_is = written.team_is.as_ref().map_or("product", |t| t.trim());
        let tag = team_is.strip_prefix("tag:");
        if !TEAMS.contains(&team_is)
            && tag.is_none_or(str::is_empty)
            && let Some(at) = &written.team_is
        {
            self.statement_fault(
                "TG0723",
                at.place,
                format!("a team cannot be a `{team_is}`"),
                "write product, subscription, user, workspace, api, group or tag:NAME",
            );
        }
        let mut seen = HashSet::new();
        let mut send = Vec::new();
        for target in &written.send {
            let team = target.team.as_ref().map(|team| team.trim().to_owned());
            if !seen.insert(team.clone()) {
                self.statement_fault(
                    "TG0724",
                    target.place,
                    match &team {
                        Some(team) => format!("there is an entry of `{team}` before this one"),
                        None => {
                            String::from("there is an entry of all other teams before this one")
                        }
                    },
                    "a statement is sent once: take one of both away",
                );
            }
            let known = &gateway.budgets.notifications;
            let id = target.notification.trim();
            if !known.iter().any(|n| n.id.trim() == id) {
                self.statement_fault(
                    "TG0724",
                    target.notification.place,
                    format!("there is no notification `{id}`"),
                    "define it under `gateway.budgets.notifications`, with its URL",
                );
            }
            send.push(settings::StatementTarget {
                team,
                notification: id.to_owned(),
            });
        }
        Some(settings::Statements {
            day,
            time,
            zone,
            team_is: team_is.to_owned(),
            format: written.format,
            send,
        })
    }

    fn when(&mut self, written: &Statements) -> (i8, Time, TimeZone) {
        let mut day = 1;
        if let Some(at) = &written.day {
            match i8::try_from(at.value)
                .ok()
                .filter(|day| (1..=28).contains(day))
            {
                Some(given) => day = given,
                None => self.statement_fault(
                    "TG0723",
                    at.place,
                    format!("{} is no day that every month has", at.value),
                    "write 1 to 28",
                ),
            }
        }
        let mut time = Time::constant(6, 0, 0, 0);
        if let Some(at) = &written.time {
            match at.trim().parse() {
                Ok(given) => time = given,
                Err(_) => self.statement_fault(
                    "TG0723",
                    at.place,
                    format!("`{}` is no time of day", at.value),
                    "write it as `06:00`",
                ),
            }
        }
        let mut zone = TimeZone::UTC;
        if let Some(at) = &written.time_zone {
            match TimeZone::get(at.trim()) {
                Ok(given) => zone = given,
                Err(_) => self.statement_fault(
                    "TG0723",
                    at.place,
                    format!("there is no time zone `{}`", at.value),
                    "write `UTC`, or a name such as `Europe/Berlin`",
                ),
            }
        }
        (day, time, zone)
    }

    fn statement_fault(
        &mut self,
        code: &'static str,
        place: Place,
        message: impl Into<String>,
        help: &str,
    ) {
        let fault = Diagnostic::error(code, self.span(place), message).help(help);
        self.diagnostics.push(fault);
    }
}
