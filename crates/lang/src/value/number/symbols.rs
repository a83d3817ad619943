//! `NumberFormatInfo`: the signs, separators and patterns with which numbers are written and read.
//!
//! Everything uses [`INVARIANT`] unless an expression hands over its own `NumberFormatInfo`.

use std::borrow::Cow;

type Text = Cow<'static, str>;

/// Separators, group sizes and decimals of one kind of number (`Number…`, `Currency…`, `Percent…`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) decimals: usize,
    pub(crate) point: Text,
    pub(crate) separator: Text,
    /// Lengths of groups from the right; the last one repeats, 0 ends grouping.
    pub(crate) sizes: Cow<'static, [usize]>,
    /// .NET's number of the pattern for positive values (not used for plain numbers).
    pub(crate) positive: usize,
    /// .NET's number of the pattern for negative values.
    pub(crate) negative: usize,
}

/// All of a `NumberFormatInfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Symbols {
    pub(crate) number: Layout,
    pub(crate) currency: Layout,
    pub(crate) percent: Layout,
    pub(crate) minus: Text,
    pub(crate) plus: Text,
    pub(crate) currency_symbol: Text,
    pub(crate) percent_symbol: Text,
    pub(crate) per_mille: Text,
    pub(crate) nan: Text,
    pub(crate) infinity: Text,
    pub(crate) minus_infinity: Text,
}

const fn layout(positive: usize, negative: usize) -> Layout {
    Layout {
        decimals: 2,
        point: Cow::Borrowed("."),
        separator: Cow::Borrowed(","),
        sizes: Cow::Borrowed(&[3]),
        positive,
        negative,
    }
}

/// Those of the invariant culture.
pub(crate) static INVARIANT: Symbols = Symbols {
    number: layout(0, 1),
    currency: layout(0, 0),
    percent: layout(0, 0),
    minus: Cow::Borrowed("-"),
    plus: Cow::Borrowed("+"),
    currency_symbol: Cow::Borrowed("\u{a4}"),
    percent_symbol: Cow::Borrowed("%"),
    per_mille: Cow::Borrowed("\u{2030}"),
    nan: Cow::Borrowed("NaN"),
    infinity: Cow::Borrowed("Infinity"),
    minus_infinity: Cow::Borrowed("-Infinity"),
};

/// Patterns by .NET's numbers: `#` the digits, `$` the currency symbol, `%` the percent symbol, `-` the sign.
pub(super) const CURRENCY_POSITIVE: [&str; 4] = ["$#", "#$", "$ #", "# $"];
pub(super) const CURRENCY_NEGATIVE: [&str; 17] = [
    "($#)", "-$#", "$-#", "$#-", "(#$)", "-#$", "#-$", "#$-", "-# $", "-$ #", "# $-", "$ #-",
    "$ -#", "#- $", "($ #)", "(# $)", "$- #",
];
pub(super) const PERCENT_POSITIVE: [&str; 4] = ["# %", "#%", "%#", "% #"];
pub(super) const PERCENT_NEGATIVE: [&str; 12] = [
    "-# %", "-#%", "-%#", "%-#", "%#-", "#-%", "#%-", "-% #", "# %-", "% #-", "% -#", "#- %",
];
pub(super) const NUMBER_NEGATIVE: [&str; 5] = ["(#)", "-#", "- #", "#-", "# -"];

impl Symbols {
    /// Text of NaN and the infinities.
    pub(crate) fn special(&self, f: f64) -> Option<&str> {
        if f.is_nan() {
            Some(&self.nan)
        } else if f.is_infinite() {
            Some(if f > 0.0 {
                &self.infinity
            } else {
                &self.minus_infinity
            })
        } else {
            None
        }
    }
}
