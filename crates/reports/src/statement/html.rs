//! A statement as a page: one file without anything from elsewhere, that prints well and can be heard.
//!
//! What must stay true: every text of the data is escaped; the page forbids itself scripts and requests
//! (Content-Security-Policy), so that a mistake here runs nothing.

use super::{Statement, chart};
use crate::table::{Cell, Table, percent, plain, with_places};
use std::fmt::Write as _;

const STYLE: &str = "
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1rem 0; padding: 0; list-style: none; }
.figures li { border: 1px solid #767676; border-radius: .4rem; padding: .6rem 1rem; min-width: 9rem; }
.figures b { display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: #4a4a4a; padding-bottom: .3rem; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #d0d0d0; text-align: right; overflow-wrap: anywhere; }
th.text, td.text, tbody th { text-align: left; font-weight: normal; } thead th { font-weight: 600; border-bottom: 2px solid #1a1a1a; }
tfoot td, tfoot th { border-top: 2px solid #1a1a1a; border-bottom: 0; font-weight: 600; }
svg { width: 100%; height: auto; } svg text { font-size: 11px; fill: #4a4a4a; } svg rect { fill: #1f5f99; } svg .grid { stroke: #d0d0d0; }
progress { width: 8rem; } .notes { border-left: 4px solid #767676; padding-left: 1rem; }
@media print { body { margin: 0; max-width: none; font-size: 11px; } section { break-inside: avoid; } thead { display: table-header-group; } svg rect { fill: #333; } }
@page { margin: 15mm; }
";

/// Text in HTML, in elements and in quoted attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// A column's name with a capital.
fn heading(name: &str) -> String {
    let name = name.replace('_', " ");
    let mut chars = name.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

fn section(title: &str, caption: &str, table: &Table) -> String {
    let mut out = format!(
        "<section>\n<h2>{}</h2>\n<table>\n<caption>{}</caption>\n<thead><tr>",
        escaped(title),
        escaped(caption)
    );
    let every = || table.rows.iter().chain(&table.total);
    let places: Vec<u32> = (0..table.columns.len())
        .map(|at| {
            let amounts = every().filter_map(|row| match row[at] {
                Cell::Money(amount) => Some(amount.scale()),
                _ => None,
            });
            amounts.max().unwrap_or(0)
        })
        .collect();
    let text = |at: usize| {
        table
            .rows
            .iter()
            .all(|row| matches!(row[at], Cell::Text(_) | Cell::None))
    };
    // Writing to a String does not fail.
    for (at, column) in table.columns.iter().enumerate() {
        let class = if text(at) { " class=\"text\"" } else { "" };
        let _ = write!(
            out,
            "<th scope=\"col\"{class}>{}</th>",
            escaped(&heading(&column.name))
        );
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    let row = |cells: &[Cell]| {
        let mut line = String::from("<tr>");
        for (at, cell) in cells.iter().enumerate() {
            let shown = match cell {
                Cell::Money(amount) => with_places(*amount, places[at]),
                other => other.shown(),
            };
            let shown = escaped(&shown);
            let _ = match (at, text(at)) {
                (0, _) => write!(line, "<th scope=\"row\">{shown}</th>"),
                (_, true) => write!(line, "<td class=\"text\">{shown}</td>"),
                (_, false) => write!(line, "<td>{shown}</td>"),
            };
        }
        line.push_str("</tr>\n");
        line
    };
    table
        .rows
        .iter()
        .for_each(|cells| out.push_str(&row(cells)));
    out.push_str("</tbody>\n");
    if let Some(total) = &table.total {
        let _ = writeln!(out, "<tfoot>{}</tfoot>", row(total));
    }
    out.push_str("</table>\n</section>\n");
    out
}

impl Statement {
    /// A whole page.
    #[must_use]
    pub fn html(&self) -> String {
        let title = escaped(&self.title());
        let currency = &self.subject.currency;
        let mut out = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n<ul class=\"figures\">\n"
        );
        for (name, now, before, change) in self.summary() {
            let unit = match name {
                "cost" => format!(" {}", escaped(currency)),
                _ => String::new(),
            };
            let change = match change {
                Some(change) if change > 0 => format!("+{} on the month before", percent(change)),
                Some(change) => format!("{} on the month before", percent(change)),
                None => format!("month before: {}", before.shown()),
            };
            let _ = writeln!(
                out,
                "<li>{}<b>{}{unit}</b>{}</li>",
                heading(name),
                escaped(&now.shown()),
                escaped(&change)
            );
        }
        out.push_str("</ul>\n");
        out.push_str(&section(
            "By model",
            "Tokens and cost by the model that served, with its cost of the month before.",
            &self.by_model,
        ));
        out.push_str(&section(
            "By user and subscription",
            "The owner of the subscription whose key was used.",
            &self.by_user,
        ));
        out.push_str("<section>\n<h2>Day by day</h2>\n");
        out.push_str(&chart::days(&self.days, currency));
        out.push_str("</section>\n");
        out.push_str(&section(
            "Values of the days",
            "Days without a call are left out.",
            &self.day_table(),
        ));
        out.push_str(&section(
            "How calls ended",
            "Each reason has a rule for what is charged.",
            &self.by_end,
        ));
        if let Some(budgets) = self.budget_table() {
            out.push_str(&section(
                "Budgets",
                "Limits, and what this team has used of them.",
                &budgets,
            ));
        }
        out.push_str("<section class=\"notes\">\n<h2>Notes</h2>\n<ul>\n");
        for note in self.notes.iter().chain([&self.basis()]) {
            let _ = writeln!(out, "<li>{}</li>", escaped(note));
        }
        out.push_str("</ul>\n</section>\n</main>\n</body>\n</html>\n");
        out
    }
}
