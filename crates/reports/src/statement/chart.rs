//! The chart of a month's days, as SVG in the page.
//!
//! What must stay true: it says the same as the table below it, has a title and a description for those who hear it,
//! and prints in black and white.

use crate::entry::money;
use crate::sums::Sums;
use jiff::civil::Date;
use std::fmt::Write as _;

const WIDTH: i128 = 720;
const HEIGHT: i128 = 180;
const LEFT: i128 = 70;
const BOTTOM: i128 = 24;
const TOP: i128 = 12;

/// Bars of each day's cost; of its tokens where nothing has a price.
pub(super) fn days(days: &[(Date, Sums)], currency: &str) -> String {
    let priced = days.iter().any(|(_, sums)| sums.cost > 0);
    let value = |sums: &Sums| {
        let value = if priced {
            sums.cost
        } else {
            sums.total_tokens()
        };
        value.max(0)
    };
    let shown = |value: i128| {
        if priced {
            let amount = money(value).round_dp(4);
            format!("{} {currency}", amount.normalize())
        } else {
            format!("{} tokens", crate::table::grouped(value))
        }
    };
    let top = days.iter().map(|(_, sums)| value(sums)).max().unwrap_or(0);
    let what = if priced { "Cost" } else { "Tokens" };
    let mut svg = format!(
        "<svg role=\"img\" viewBox=\"0 0 {WIDTH} {}\" aria-labelledby=\"chart-title chart-text\">\
         <title id=\"chart-title\">{what} by day</title><desc id=\"chart-text\">A bar for each day; the highest is {}. \
         The table below has all values.</desc>\n",
        HEIGHT + BOTTOM + TOP,
        super::html::escaped(&shown(top)),
    );
    let count = days.len().max(1) as i128;
    let step = (WIDTH - LEFT) / count;
    let floor = TOP + HEIGHT;
    // Writing to a String does not fail.
    for (part, height) in [(top, TOP), (top / 2, TOP + HEIGHT / 2), (0, floor)] {
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{height}\" y2=\"{height}\"/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            LEFT - 6,
            height + 4,
            super::html::escaped(shown(part).split(' ').next().unwrap_or_default()),
        );
    }
    for (at, (date, sums)) in (0_i128..).zip(days) {
        let value = value(sums);
        // The largest amounts are divided first, so that they do not overflow.
        let height = match value.checked_mul(HEIGHT) {
            _ if top == 0 => 0,
            Some(scaled) => scaled / top,
            None => (value / (top / HEIGHT)).min(HEIGHT),
        };
        let x = LEFT + at * step;
        let _ = writeln!(
            svg,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{height}\"><title>{date}: {}</title></rect>",
            x + 1,
            floor - height,
            (step - 2).max(1),
            super::html::escaped(&shown(value)),
        );
        if date.day() == 1 || date.day() % 5 == 0 {
            let _ = writeln!(
                svg,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                x + step / 2,
                floor + 16,
                date.day()
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}
