//! The classes of tokens that prices tell apart, and the counts of one call in them.
//!
//! Called by `price`, the ledger and reports. What must hold: the classes do not overlap, so that a token is charged
//! once; their sum is the usage's `input + output`; a class keeps its `code` for ever, because ledgers hold it.

use serde::Deserialize;

/// A class of what is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase")]
#[repr(u8)]
pub enum Class {
    /// Prompt text neither read from nor written to a cache.
    Input = 0,
    /// Prompt text read from the provider's cache.
    CachedInput = 1,
    /// Prompt tokens written to the provider's cache for its shortest time (Anthropic: five minutes).
    CacheWrite = 2,
    /// Completion text without reasoning.
    Output = 3,
    /// Reasoning ("thoughts") tokens.
    Reasoning = 4,
    /// Audio in the prompt, not cached.
    AudioInput = 5,
    /// Audio in the completion.
    AudioOutput = 6,
    /// Images and video in the prompt, not cached.
    ImageInput = 7,
    /// Images in the completion.
    ImageOutput = 8,
    /// Prompt tokens written to the provider's cache for an hour (Anthropic).
    CacheWriteHour = 9,
    /// Audio in the prompt, read from a cache.
    CachedAudioInput = 10,
    /// Images in the prompt, read from a cache.
    CachedImageInput = 11,
    /// Searches of the web that the provider made. Calls, not tokens.
    WebSearch = 12,
    /// Searches of stored files that the provider made. Calls, not tokens.
    FileSearch = 13,
}

impl Class {
    /// How many there are.
    pub const COUNT: usize = 14;

    /// All of them, by code.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Input,
        Self::CachedInput,
        Self::CacheWrite,
        Self::Output,
        Self::Reasoning,
        Self::AudioInput,
        Self::AudioOutput,
        Self::ImageInput,
        Self::ImageOutput,
        Self::CacheWriteHour,
        Self::CachedAudioInput,
        Self::CachedImageInput,
        Self::WebSearch,
        Self::FileSearch,
    ];

    /// The number that ledgers keep; never given to another class.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The class of a code; `None` for one that a later version gave.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Its name in reports and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::CachedInput => "cached_input",
            Self::CacheWrite => "cache_write",
            Self::Output => "output",
            Self::Reasoning => "reasoning",
            Self::AudioInput => "audio_input",
            Self::AudioOutput => "audio_output",
            Self::ImageInput => "image_input",
            Self::ImageOutput => "image_output",
            Self::CacheWriteHour => "cache_write_hour",
            Self::CachedAudioInput => "cached_audio_input",
            Self::CachedImageInput => "cached_image_input",
            Self::WebSearch => "web_search",
            Self::FileSearch => "file_search",
        }
    }

    /// Whether what is counted are tokens.
    #[must_use]
    pub fn is_tokens(self) -> bool {
        !matches!(self, Self::WebSearch | Self::FileSearch)
    }

    /// Whether it is a part of the prompt.
    #[must_use]
    pub fn is_input(self) -> bool {
        !matches!(
            self,
            Self::Output
                | Self::Reasoning
                | Self::AudioOutput
                | Self::ImageOutput
                | Self::WebSearch
                | Self::FileSearch
        )
    }
}

/// The counts of one call, or of several, by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Classes {
    /// [`Class::Input`]
    pub input: u64,
    /// [`Class::CachedInput`]
    pub cached_input: u64,
    /// [`Class::CacheWrite`]
    pub cache_write: u64,
    /// [`Class::CacheWriteHour`]
    pub cache_write_hour: u64,
    /// [`Class::Output`]
    pub output: u64,
    /// [`Class::Reasoning`]
    pub reasoning: u64,
    /// [`Class::AudioInput`]
    pub audio_input: u64,
    /// [`Class::CachedAudioInput`]
    pub cached_audio_input: u64,
    /// [`Class::AudioOutput`]
    pub audio_output: u64,
    /// [`Class::ImageInput`]
    pub image_input: u64,
    /// [`Class::CachedImageInput`]
    pub cached_image_input: u64,
    /// [`Class::ImageOutput`]
    pub image_output: u64,
    /// [`Class::WebSearch`]
    pub web_search: u64,
    /// [`Class::FileSearch`]
    pub file_search: u64,
}

impl Classes {
    /// The count of a class.
    #[must_use]
    pub fn get(&self, class: Class) -> u64 {
        match class {
            Class::Input => self.input,
            Class::CachedInput => self.cached_input,
            Class::CacheWrite => self.cache_write,
            Class::CacheWriteHour => self.cache_write_hour,
            Class::Output => self.output,
            Class::Reasoning => self.reasoning,
            Class::AudioInput => self.audio_input,
            Class::CachedAudioInput => self.cached_audio_input,
            Class::AudioOutput => self.audio_output,
            Class::ImageInput => self.image_input,
            Class::CachedImageInput => self.cached_image_input,
            Class::ImageOutput => self.image_output,
            Class::WebSearch => self.web_search,
            Class::FileSearch => self.file_search,
        }
    }

    /// The count of a class, to change.
    pub fn get_mut(&mut self, class: Class) -> &mut u64 {
        match class {
            Class::Input => &mut self.input,
            Class::CachedInput => &mut self.cached_input,
            Class::CacheWrite => &mut self.cache_write,
            Class::CacheWriteHour => &mut self.cache_write_hour,
            Class::Output => &mut self.output,
            Class::Reasoning => &mut self.reasoning,
            Class::AudioInput => &mut self.audio_input,
            Class::CachedAudioInput => &mut self.cached_audio_input,
            Class::AudioOutput => &mut self.audio_output,
            Class::ImageInput => &mut self.image_input,
            Class::CachedImageInput => &mut self.cached_image_input,
            Class::ImageOutput => &mut self.image_output,
            Class::WebSearch => &mut self.web_search,
            Class::FileSearch => &mut self.file_search,
        }
    }

    /// The classes that have a count, by code.
    pub fn iter(&self) -> impl Iterator<Item = (Class, u64)> + '_ {
        Class::ALL
            .into_iter()
            .map(|class| (class, self.get(class)))
            .filter(|(_, count)| *count > 0)
    }

    /// The tokens of the prompt, all classes together.
    #[must_use]
    pub fn input_tokens(&self) -> u64 {
        self.sum(Class::is_input)
    }

    /// The tokens of the completion, all classes together.
    #[must_use]
    pub fn output_tokens(&self) -> u64 {
        self.sum(|class| class.is_tokens() && !class.is_input())
    }

    /// Adds the counts of another call; a count stays at `u64::MAX`.
    pub fn add(&mut self, other: &Self) {
        for (class, count) in other.iter() {
            let sum = self.get_mut(class);
            *sum = sum.saturating_add(count);
        }
    }

    fn sum(&self, which: impl Fn(Class) -> bool) -> u64 {
        self.iter()
            .filter(|(class, _)| which(*class))
            .fold(0, |sum, (_, count)| sum.saturating_add(count))
    }
}
