use super::referred;

#[test]
fn liquid_and_comments_refer_to_no_named_value() {
    let text = "<policies><inbound><!-- {{old}} --><set-header name=\"{{name}}\"><value>{{value}}</value></set-header>
        <set-body template=\"liquid\">{{body.name}} {{context.Variables[\"v\"]}}</set-body></inbound></policies>";
    let names: Vec<_> = referred(text).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["name", "value"]);
    // What cannot be read to its end may refer to anything.
    let names: Vec<_> = referred("<policies><inbound>{{a}}</outbound>{{b}}")
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["a", "b"]);
}
