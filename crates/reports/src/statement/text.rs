//! A statement as text, for a terminal or a mail.

use super::Statement;
use crate::table::{Cell, Column, Table, percent};

impl Statement {
    /// For a terminal or a mail.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = format!(
            "{}\n{}\n\n",
            self.title(),
            "=".repeat(self.title().chars().count())
        );
        let names = ["", "this_month", "month_before", "change"];
        let columns = names.map(|name| Column {
            name: name.to_owned(),
            sparse: false,
        });
        let rows = self
            .summary()
            .into_iter()
            .map(|(name, now, before, change)| {
                let change = change.map_or(String::from("-"), |change| {
                    let sign = if change > 0 { "+" } else { "" };
                    format!("{sign}{}", percent(change))
                });
                let unit = if name == "cost" {
                    &self.subject.currency
                } else {
                    ""
                };
                let name = format!("{name} {unit}");
                vec![Cell::text(name.trim()), now, before, Cell::Text(change)]
            });
        let summary = Table {
            columns: columns.into(),
            rows: rows.collect(),
            total: None,
        };
        out.push_str(&summary.text());
        let mut section = |title: &str, table: &Table| {
            out.push_str(&format!("\n{title}\n\n{}", table.text()));
        };
        section("By model", &self.by_model);
        section("By user and subscription", &self.by_user);
        section("By day", &self.day_table());
        section("How calls ended", &self.by_end);
        if let Some(budgets) = self.budget_table() {
            section("Budgets: this team's use", &budgets);
        }
        out.push('\n');
        for note in self.notes.iter().chain([&self.basis()]) {
            out.push_str(&format!("note: {note}\n"));
        }
        out
    }
}
