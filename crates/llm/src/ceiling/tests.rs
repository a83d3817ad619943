//! Names of models as they come.

use super::*;

#[test]
fn names_as_they_come() {
    for (model, output) in [
        ("gpt-4o", Some(16_384)),
        ("gpt-4o-mini-2024-07-18", Some(16_384)),
        ("ft:gpt-4o-mini:org::id", Some(16_384)),
        ("openai/gpt-4.1-nano", Some(32_768)),
        ("GPT-4", Some(8_192)),
        ("gpt-4-0613", Some(8_192)),
        ("gpt-4-turbo-2024-04-09", Some(4_096)),
        ("gpt-35-turbo", Some(4_096)),
        ("gpt-5-mini", Some(128_000)),
        ("gpt-5-chat-latest", Some(16_384)),
        ("o3-mini", Some(100_000)),
        ("team-o1", Some(100_000)),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", Some(64_000)),
        ("claude-opus-4-1-20250805", Some(32_000)),
        ("claude-3-5-haiku-latest", Some(8_192)),
        ("models/gemini-2.5-flash", Some(65_536)),
        ("gpt-5.99", None),
        ("proto1", None),
        ("o17", None),
        ("chat-prod", None),
        ("", None),
    ] {
        assert_eq!(of(model).map(|ceiling| ceiling.output), output, "{model}");
    }
}

#[test]
fn output_is_inside_the_context() {
    for (family, ceiling) in FAMILIES {
        assert!(ceiling.output <= ceiling.context, "{family}");
        let found = of(family);
        assert_eq!(found, Some(*ceiling), "{family} is hidden by one before it");
    }
}

#[test]
fn models_that_reason() {
    assert!(reasons("o3-mini") && reasons("team-gpt-5") && !reasons("gpt-4o"));
}
