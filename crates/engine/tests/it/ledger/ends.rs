//! Every way in which a model call ends: its reason, what it is charged, and its flags. One row for each.

use super::{ASK, ASK_STREAM, DELTA, DONE, Does, PASS, STOP, Scene, USAGE, WHOLE, chat, run};
use crate::side_calls::{budget, spent};
use tollgate_engine::accounting::LedgerOptions;
use tollgate_engine::definition::AccountingMode;
use tollgate_state::ledger::{EndReason, Flags};

/// At most 500 tokens of output.
const BOUNDED: &str =
    r#"{"model":"gpt-4o","messages":[{"role":"user","content":"Hello"}],"max_tokens":500}"#;

/// One case: what the provider does, how much the caller takes, and what is expected: reason, input, cached and output
/// tokens, flags.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    &'static [Does],
    Option<usize>,
    EndReason,
    (u64, u64, u64),
    &'static [Flags],
);

#[test]
fn every_end_has_its_reason_and_its_charge() {
    use Does::{Answers, Breaks, Hangs, IsAway, IsLate, Streams};
    use EndReason::{
        ClientLeft, ContentFilter, Done, GatewayError, Length, PolicyRejection, Timeout,
        UpstreamBroke, UpstreamError,
    };
    const ESTIMATED: &[Flags] = &[Flags::ESTIMATED];
    const UNCERTAIN: &[Flags] = &[Flags::UNCERTAIN];
    const REFUSES: &str = "<policies><inbound><return-response><set-status code=\"418\" /></return-response></inbound></policies>";
    const FAILS: &str = "<policies><inbound /><backend><forward-request /></backend><outbound><set-body>@{ throw new Exception(); }</set-body></outbound></policies>";
    let cases: &[Case] = &[
        (
            "whole",
            PASS,
            ASK,
            &[Answers(200, WHOLE)],
            None,
            Done,
            (7, 4, 3),
            &[],
        ),
        (
            "stream",
            PASS,
            ASK_STREAM,
            &[Streams(&[DELTA, STOP, USAGE, DONE])],
            None,
            Done,
            (11, 0, 3),
            &[],
        ),
        (
            "length",
            PASS,
            ASK,
            &[Answers(
                200,
                r#"{"choices":[{"finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
            )],
            None,
            Length,
            (1, 0, 2),
            &[],
        ),
        (
            "content filter",
            PASS,
            ASK,
            &[Answers(
                200,
                r#"{"choices":[{"finish_reason":"content_filter"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
            )],
            None,
            ContentFilter,
            (1, 0, 2),
            &[],
        ),
        (
            "no usage in a stream",
            PASS,
            ASK_STREAM,
            &[Streams(&[DELTA, STOP, DONE])],
            None,
            Done,
            (11, 0, 2),
            ESTIMATED,
        ),
        (
            "no end of a stream",
            PASS,
            ASK_STREAM,
            &[Streams(&[DELTA])],
            None,
            UpstreamBroke,
            (11, 0, 2),
            ESTIMATED,
        ),
        (
            "a stream that ends in mid-event",
            PASS,
            ASK_STREAM,
            &[Streams(&[DELTA, "data: {\"choi"])],
            None,
            UpstreamBroke,
            (11, 0, 2),
            ESTIMATED,
        ),
        (
            "a stream that breaks",
            PASS,
            ASK_STREAM,
            &[Breaks(&[DELTA])],
            None,
            UpstreamBroke,
            (11, 0, 2),
            ESTIMATED,
        ),
        (
            "usage that cannot be",
            PASS,
            ASK,
            &[Answers(
                200,
                r#"{"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":-5,"completion_tokens":2,"total_tokens":99}}"#,
            )],
            None,
            Done,
            (0, 0, 2),
            &[Flags::INCONSISTENT],
        ),
        (
            "a caller that leaves",
            PASS,
            ASK_STREAM,
            &[Streams(&[DELTA, DELTA, STOP, USAGE, DONE])],
            Some(1),
            ClientLeft,
            (11, 0, 3),
            &[],
        ),
        (
            "a caller that does not wait",
            PASS,
            ASK,
            &[Hangs],
            None,
            ClientLeft,
            (11, 0, 0),
            ESTIMATED,
        ),
        (
            "an error status",
            PASS,
            ASK,
            &[Answers(429, "{}")],
            None,
            UpstreamError,
            (0, 0, 0),
            &[],
        ),
        (
            "no connection",
            PASS,
            ASK,
            &[IsAway],
            None,
            UpstreamError,
            (0, 0, 0),
            UNCERTAIN,
        ),
        (
            "no answer in time",
            PASS,
            ASK,
            &[IsLate],
            None,
            Timeout,
            (0, 0, 0),
            UNCERTAIN,
        ),
        (
            "refused",
            REFUSES,
            ASK,
            &[],
            None,
            PolicyRejection,
            (0, 0, 0),
            &[],
        ),
        (
            "outbound fails",
            FAILS,
            ASK,
            &[Answers(200, WHOLE)],
            None,
            GatewayError,
            (7, 4, 3),
            &[],
        ),
    ];
    for (name, policy, ask, script, most, end, (input, cached, output), flags) in cases {
        let scene = Scene::new(policy, LedgerOptions::default());
        scene.provider.script.borrow_mut().extend(script.iter());
        run(scene.call(chat(ask), *most));
        let (intents, settlements) = scene.read();
        assert_eq!(intents.len(), script.len().min(1), "{name}");
        assert_eq!(settlements.len(), 1, "{name}: {settlements:?}");
        let settlement = &settlements[0];
        let tokens = &settlement.tokens;
        assert_eq!(settlement.end, *end, "{name}: {settlement:?}");
        assert_eq!(
            (tokens.input, tokens.cached_input, tokens.output),
            (*input, *cached, *output),
            "{name}: {settlement:?}"
        );
        for flag in [
            Flags::ESTIMATED,
            Flags::INCONSISTENT,
            Flags::UNCERTAIN,
            Flags::NO_INTENT,
        ] {
            assert_eq!(
                settlement.flags.has(flag),
                flags.contains(&flag),
                "{name}: {settlement:?}"
            );
        }
        assert_eq!(settlement.call.api, "api");
        assert_eq!(settlement.call.subscription, "sub");
        assert_eq!(settlement.call.product, "product");
        let free = tokens.sum() == 0;
        assert_eq!(
            free,
            settlement.cost_pico == Some(0),
            "{name}: {settlement:?}"
        );
        assert!(scene.provider.script.borrow().is_empty(), "{name}");
    }
}

#[test]
fn strict_accounting_charges_a_late_call_what_it_had_reserved() {
    let scene = Scene::with(PASS, LedgerOptions::default(), |definition| {
        definition.gateway.token_accounting.mode = Some(AccountingMode::Strict);
        definition.budgets.push(budget(100_000));
    });
    scene.provider.script.borrow_mut().push_back(Does::IsLate);
    run(scene.call(chat(BOUNDED), None));
    let (_, settlements) = scene.read();
    let late = &settlements[0];
    assert_eq!(late.end, EndReason::Timeout, "{late:?}");
    assert!(
        late.total > 500 && late.total == late.reserved_tokens,
        "{late:?}"
    );
    assert!(late.flags.has(Flags::ESTIMATED), "{late:?}");
    assert!(late.cost_pico > Some(0), "{late:?}");
    assert_eq!(spent(&scene), u128::from(late.total));
}
