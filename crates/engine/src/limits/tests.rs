//! Numbers as callers read them.

use super::*;

#[test]
fn time_spans_are_written_as_in_dotnet() {
    for (seconds, text) in [
        (0, "00:00:00"),
        (3551, "00:59:11"),
        (86_399, "23:59:59"),
        (86_400, "1.00:00:00"),
        (550_800, "6.09:00:00"),
    ] {
        assert_eq!(time_span(seconds), text);
    }
}

#[test]
fn numbers_are_ints_while_they_fit() {
    assert!(matches!(int(5), Value::Int(5)));
    assert!(matches!(int(1 << 31), Value::Long(2_147_483_648)));
    assert!(matches!(int(u64::MAX), Value::Long(i64::MAX)));
}
