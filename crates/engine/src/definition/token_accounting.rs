//! `tokenAccounting`: how token limits hold, for the gateway, a product or an API.
//!
//! Read by `engine::llm_call`. What must stay true: what the narrower place does not say is what the wider one says, in
//! the order gateway, product, API; with nothing said anywhere, tokens are counted as API Management counts them.

/// The settings of one place; `None` is what the wider place says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenAccounting {
    /// When a call is let through, and what it holds of a limit meanwhile.
    pub mode: Option<AccountingMode>,
    /// Whether a stream is ended when a limit is used up in its middle. Strict accounting always does, at what the call
    /// has reserved.
    pub stop_streams: Option<bool>,
    /// Strict: the most output tokens of one choice of a call that names no bound itself.
    pub max_tokens: Option<u64>,
    /// Strict: a call that does not fit is sent with a lower bound of its output instead of being refused, but not below
    /// so many tokens for each choice; 0 refuses it.
    pub clamp_max_tokens: Option<u64>,
}

/// When a call is let through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccountingMode {
    /// As API Management: by what was counted, and by the prompt where `estimate-prompt-tokens` says so. What calls under
    /// way use comes on top.
    #[default]
    Observed,
    /// By the most that the call can use, which is reserved until it has ended.
    Strict,
}

impl TokenAccounting {
    /// These settings, with those of a wider place where they say nothing.
    #[must_use]
    pub fn over(self, wider: TokenAccounting) -> TokenAccounting {
        TokenAccounting {
            mode: self.mode.or(wider.mode),
            stop_streams: self.stop_streams.or(wider.stop_streams),
            max_tokens: self.max_tokens.or(wider.max_tokens),
            clamp_max_tokens: self.clamp_max_tokens.or(wider.clamp_max_tokens),
        }
    }

    /// Whether accounting is strict.
    #[must_use]
    pub fn is_strict(self) -> bool {
        self.mode == Some(AccountingMode::Strict)
    }

    /// Whether streams end when an observed limit is used up.
    #[must_use]
    pub fn stops_streams(self) -> bool {
        self.stop_streams == Some(true)
    }

    /// The least output tokens of a choice that a call is sent with, when it may be sent with fewer than it asked for.
    #[must_use]
    pub fn clamp(self) -> Option<u64> {
        self.clamp_max_tokens.filter(|least| *least > 0)
    }
}
