//! `tokenAccounting:` to [`TokenAccounting`].

use super::Reader;
use crate::model::token_accounting as model;
use tollgate_engine::definition::{AccountingMode, TokenAccounting};

/// The largest bound of output tokens that makes sense; above it a reservation would be no number of tokens.
const MOST: u64 = 100_000_000;

impl Reader<'_, '_> {
    /// The settings of one place.
    pub(super) fn token_accounting(
        &mut self,
        settings: Option<&model::TokenAccounting>,
    ) -> TokenAccounting {
        let Some(settings) = settings else {
            return TokenAccounting::default();
        };
        for (value, least) in [(&settings.max_tokens, 1), (&settings.clamp_max_tokens, 0)] {
            if let Some(value) = value
                && !(least..=MOST).contains(&value.value)
            {
                let expected = format!("expected {least} to {MOST} tokens");
                let found = format!("{} is out of range", value.value);
                self.fault(value.place, found, &expected, "");
            }
        }
        TokenAccounting {
            mode: settings.mode.map(|mode| match mode {
                model::AccountingMode::Observed => AccountingMode::Observed,
                model::AccountingMode::Strict => AccountingMode::Strict,
            }),
            stop_streams: settings.stop_streams,
            max_tokens: settings.max_tokens.as_ref().map(|most| most.value),
            clamp_max_tokens: settings.clamp_max_tokens.as_ref().map(|least| least.value),
        }
    }
}
