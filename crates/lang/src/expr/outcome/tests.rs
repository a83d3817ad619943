use super::*;

#[test]
fn names_of_types_lose_their_assemblies() {
    let int =
        "System.Int32, mscorlib, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089";
    for (long, short) in [
        ("System.Int32[]".to_string(), "System.Int32[]"),
        (format!("A.List`1[[{int}]]"), "A.List`1[System.Int32]"),
        (
            format!("A.Map`2[[System.Int32[], mscorlib, Version=4.0.0.0],[A.List`1[[{int}]], B]]"),
            "A.Map`2[System.Int32[],A.List`1[System.Int32]]",
        ),
        (
            "A.List`1[System.Int32]".to_string(),
            "A.List`1[System.Int32]",
        ),
        ("A.Map`2[A.B,C.D[]]".to_string(), "A.Map`2[A.B,C.D[]]"),
    ] {
        assert_eq!(plain(&long), short);
    }
}

#[test]
fn outcomes_compare_by_type_value_and_exception() {
    let of = |e: &str| of(e, &Json::Null);
    assert_eq!(
        of("@(new[] { 1, 2 })"),
        json!({"ok": true, "result": {"type": "System.Int32[]", "items": [
            {"type": "System.Int32", "value": "1"}, {"type": "System.Int32", "value": "2"}]}})
    );
    assert!(same(&of("@(1 + 1)"), &of("@(2)")));
    assert!(!same(&of("@(1 + 1)"), &of("@(2L)")));
    assert!(!same(&of("@(1 + 1)"), &of("@(3)")));
    assert!(same(&of("@(int.Parse(\"x\"))"), &of("@(int.Parse(\"y\"))")));
    assert!(!same(&of("@(int.Parse(\"x\"))"), &of("@(int.Parse(null))")));
    assert!(same(&of("@(nothing)"), &of("@(1 +)")));
    assert!(!same(&of("@(nothing)"), &of("@(1)")));
    assert!(
        of("1")["compile_error"]
            .as_str()
            .unwrap()
            .contains("expected `@(…)`")
    );
}
