//! Cells in their forms: what a spreadsheet or a terminal must not run.

use super::*;

#[test]
fn formulas_are_guarded() {
    for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\u{ff1d}1"] {
        assert_eq!(Cell::text(text).csv(), format!("'{text}"));
    }
    assert_eq!(Cell::text("gold=1").csv(), "gold=1");
    assert_eq!(Cell::Money(Decimal::new(-15, 1)).csv(), "-1.5");
    let table = Table {
        columns: vec![Column {
            name: String::from("user"),
            sparse: false,
        }],
        rows: vec![vec![Cell::text("=cmd|' /C calc'!A0, \"x\"\n")]],
        total: None,
    };
    assert_eq!(
        table.csv(),
        "user\r\n\"'=cmd|' /C calc'!A0, \"\"x\"\"\n\"\r\n"
    );
}

#[test]
fn a_terminal_gets_no_commands() {
    assert_eq!(plain("a\u{1b}[2Jb\u{202e}c"), "a\u{fffd}[2Jb\u{fffd}c");
    assert_eq!(
        plain("Zo\u{eb} \u{4f60}\u{597d}"),
        "Zo\u{eb} \u{4f60}\u{597d}"
    );
}

#[test]
fn numbers_for_people() {
    for (n, shown) in [
        (0, "0"),
        (999, "999"),
        (1000, "1,000"),
        (-1234567, "-1,234,567"),
    ] {
        assert_eq!(grouped(n), shown);
    }
    for (n, shown) in [
        (0, "0.0%"),
        (4, "0.0%"),
        (5, "0.1%"),
        (1234, "12.3%"),
        (10_000, "100.0%"),
        (-1235, "-12.4%"),
    ] {
        assert_eq!(percent(n), shown);
    }
    assert_eq!(Cell::Share(1250).csv(), "0.125");
}
