//! URLs of the specification, broken ones, and any text.

use super::*;

fn told(url: &str, version: Version) -> Vec<String> {
    let (path, query) = url
        .split_once('?')
        .map_or((url, None), |(p, q)| (p, Some(q)));
    let problems = check(path, query, version);
    problems
        .into_iter()
        .map(|p| format!("{}: {}", p.option.unwrap_or_default(), p.message))
        .collect()
}

#[test]
fn what_the_specification_shows_is_right() {
    for url in [
        "/",
        "",
        "/Products",
        "/Products(1)",
        "/Products('it''s')/Name/$value",
        "/Products('a/b')",
        "/Products(Id=1,Lang='en')",
        "/Products(@k)?@k=7",
        "/Categories(1)/Products/$count",
        "/Customers(1)/Orders(7)/$ref",
        "/Products/1/Name",
        "/$metadata",
        "/$batch",
        "/$entity?$id=http://host/service/Customers('ALFKI')",
        "/$crossjoin(Products,Sales)",
        "/$all",
        "/Model.MostExpensive()",
        "/Products/Model.Discounted(percent=@p)?@p=0.5",
        "/Employees(1)/Model.Manager/Reports",
        "/Products/$filter(@f)/$each?@f=Price%20gt%203",
        "/P?$filter=Name eq 'Milk' and Price lt 2.55",
        "/P?$filter=not (Price le 10 or Price gt 20)",
        "/P?$filter=not endswith(Description,'milk')",
        "/P?$filter=contains(tolower(Name),'x') eq true",
        "/P?$filter=style has Sales.Pattern'Yellow'",
        "/P?$filter=Name in ('Milk', 'Cheese')",
        "/P?$filter=Price sub 5 gt 10 and -Price lt 3",
        "/P?$filter=substring(Name,1,2) eq 'lf' or length(Name) add 1 eq 4",
        "/P?$filter=Items/any(d:d/Quantity gt 100)",
        "/P?$filter=Items/any()",
        "/P?$filter=Items/all(d:d/Q gt 1 and d/Sub/any(e:e eq d/X))",
        "/P?$filter=Items/$count gt 3",
        "/P?$filter=Id eq 01234567-89ab-cdef-0123-456789abcdef",
        "/P?$filter=Id eq abcdef01-89ab-cdef-0123-456789abcdef",
        "/P?$filter=When ge 2012-12-03T07:16:23Z and Day eq 2012-12-03 and T lt 07:59:59.999",
        "/P?$filter=When ge 2012-12-03T07:16:23%2B01:00",
        "/P?$filter=Span lt duration'P12DT23H59M59.999999999999S'",
        "/P?$filter=X eq null or Y eq INF or Z eq -INF or V eq NaN or W eq 1e-3 or U eq -7",
        "/P?$filter=isof(NS.Car) and cast(A,Edm.String) eq 'x'",
        "/P?$filter=geo.distance(@p1,Loc) lt 3&@p1=geography'SRID=0;Point(1 2)'",
        "/P?$filter=$it/A eq $root/B(1)/C",
        "/P?$filter=NS.Func(a=1,b='x') eq 2",
        "/P?$filter=Tags eq [\"a\",\"b\"]",
        "/P?$orderby=Name desc,Price asc,length(Name)",
        "/P?$select=Name,Address/City,NS.Action,*",
        "/P?$select=NS.*",
        "/P?$expand=Category,Items($filter=Price gt 3;$select=Name;$expand=Sub($levels=max);$top=3;$count=true)",
        "/P?$expand=*/$ref,Items/$ref,Items/$count($search=blue OR green)",
        "/P?$top=5&$skip=2&$count=true",
        "/P?$search=blue AND (green OR NOT \"dark red\") mountain",
        "/P?$format=json",
        "/P?$format=application/json;odata.metadata=full",
        "/P?$skiptoken=abc&$deltatoken=x",
        "/P?$apply=groupby((Country),aggregate(Amount with sum as Total))/filter(Name eq ')')",
        "/P?custom=anything('&debug",
    ] {
        assert_eq!(told(url, Version::V40), [""; 0], "{url}");
        assert_eq!(told(url, Version::V401), [""; 0], "{url}");
    }
    for url in [
        "/P?filter=Name EQ 'x'&TOP=3",
        "/P?$compute=Price mul Qty as Total&$index=-1",
        "/P?$filter=case(A gt 1:1,true:2) eq 1",
    ] {
        assert_eq!(told(url, Version::V401), [""; 0], "{url}");
    }
}

#[test]
fn what_is_wrong_has_its_place() {
    for (url, expected) in [
        (
            "/P?$filter=Name eq",
            "$filter: At position 7: expected a space behind the operator, found the end.",
        ),
        (
            "/P?$filter=Name eq ",
            "$filter: At position 8: expected a value, found the end.",
        ),
        (
            "/P?$filter=Name equals 1",
            "$filter: At position 5: expected the end, found `e`.",
        ),
        (
            "/P?$filter=(A eq 1",
            "$filter: At position 7: expected `)`, found the end.",
        ),
        (
            "/P?$filter=A eq 'x",
            "$filter: At position 5: the text has no closing `'`.",
        ),
        (
            "/P?$filter=A eq 1 or",
            "$filter: At position 9: expected a space behind the operator, found the end.",
        ),
        (
            "/P?$filter=length(A,B) eq 1",
            "$filter: At position 11: `length` does not take 2 arguments.",
        ),
        (
            "/P?$filter=nosuch(A) eq 1",
            "$filter: At position 0: there is no function `nosuch`.",
        ),
        (
            "/P?$filter=A eq 12x",
            "$filter: At position 5: `12x` is not a number, date, time or GUID.",
        ),
        (
            "/P?$filter=A eq 2012-13-03",
            "$filter: At position 5: `2012-13-03` is not a number, date, time or GUID.",
        ),
        (
            "/P?$filter=A/any(x) eq 1",
            "$filter: At position 7: expected `:`, found `)`.",
        ),
        (
            "/P?$filter=1;drop table",
            "$filter: At position 1: expected the end, found `;`.",
        ),
        (
            "/P?$filter=",
            "$filter: At position 0: expected a value, found the end.",
        ),
        (
            "/P?$orderby=Name up",
            "$orderby: At position 5: expected `asc` or `desc`, found `u`.",
        ),
        (
            "/P?$top=-1",
            "$top: At position 0: expected a whole number, found `-`.",
        ),
        (
            "/P?$top=9999999999999999999",
            "$top: At position 0: expected a whole number, found `9`.",
        ),
        (
            "/P?$count=yes",
            "$count: At position 0: expected `true` or `false`, found `y`.",
        ),
        (
            "/P?$select=",
            "$select: At position 0: expected a name, found the end.",
        ),
        (
            "/P?$expand=Items($format=json)",
            "$expand: At position 6: expected a query option such as `$filter`, found `$`.",
        ),
        (
            "/P?$expand=Items($top=x)",
            "$expand: At position 11: expected a whole number, found `x`.",
        ),
        (
            "/P?$search=a AND",
            "$search: At position 2: expected a word or a phrase, found `A`.",
        ),
        (
            "/P?$nosuch=1",
            "$nosuch: It is not a query option of OData.",
        ),
        (
            "/P?$levels=1",
            "$levels: It is not a query option of OData.",
        ),
        (
            "/P?$compute=A as B",
            "$compute: It is not a query option of OData.",
        ),
        ("/P?$top=1&$top=2", "$top: It stands there more than once."),
        (
            "/P?@=1",
            "@: At position 1: expected a parameter alias, found the end.",
        ),
        ("/P//Q", ": At position 2: a segment is empty."),
        (
            "/P/$count/Q",
            ": At position 8: nothing may follow `$count`.",
        ),
        (
            "/P/$nosuch",
            ": At position 2: `$nosuch` is not a segment of OData.",
        ),
        ("/P(1", ": At position 3: expected `)`, found the end."),
        (
            "/P(1,2)",
            ": At position 6: several values need their names: `(a=1,b=2)`.",
        ),
        ("/P(1)x", ": At position 4: expected the end, found `x`."),
        ("/P%FF", ": At position 0: a segment is not UTF-8."),
    ] {
        assert_eq!(told(url, Version::V40), [expected], "{url}");
    }
}

#[test]
fn nesting_has_an_end() {
    let deep = format!("/P?$filter={}1", "(".repeat(5000));
    assert!(told(&deep, Version::V40)[0].ends_with("it is nested too deep."));
    let deep = format!("/P?$filter={}1", "not ".repeat(5000));
    assert!(told(&deep, Version::V40)[0].ends_with("it is nested too deep."));
    let deep = format!("/P?$expand={}", "A($expand=".repeat(5000));
    assert!(told(&deep, Version::V40)[0].ends_with("it is nested too deep."));
    let deep = format!("/P?$search={}", "(".repeat(5000));
    assert!(told(&deep, Version::V40)[0].ends_with("it is nested too deep."));
    let long = format!("/P?$filter=1 eq 1{}", " and 1 eq 1".repeat(5000));
    assert_eq!(told(&long, Version::V40), [""; 0]);
}

#[test]
fn versions_compare() {
    let v = |t: &str| Version::parse(t);
    assert_eq!(v("4.0"), Some(Version::V40));
    assert_eq!(v("4"), Some(Version::V40));
    assert_eq!(v(" 4.01 "), Some(Version::V401));
    assert!(v("4.1") > v("4.01") && v("5.0") > v("4.99") && v("3.0") < v("4.0"));
    for bad in ["", "4.", ".1", "4.001", "a", "4.0;x", "-4"] {
        assert_eq!(v(bad), None, "{bad}");
    }
}

#[test]
fn any_text_is_judged() {
    arbtest::arbtest(|u| {
        let data: Vec<u8> = u.arbitrary()?;
        crate::fuzz::odata(&data);
        Ok(())
    });
    // Texts that are near to the grammar.
    let words = [
        "$filter=",
        "$expand=",
        "$select=",
        "$search=",
        "$orderby=",
        "A",
        "/",
        "(",
        ")",
        "'",
        "''",
        " ",
        "eq",
        " and ",
        "not ",
        "1",
        "-",
        ".",
        ":",
        ",",
        ";",
        "$",
        "@",
        "any(",
        "case(",
        "$count",
        "[",
        "{",
        "\"",
        "é",
        "2012-12-03",
        "%27",
        "&",
        "=",
        "*",
        "?",
    ];
    arbtest::arbtest(|u| {
        let mut text = String::new();
        for _ in 0..u.int_in_range(0..=24)? {
            text.push_str(u.choose(&words)?);
        }
        crate::fuzz::odata(text.as_bytes());
        Ok(())
    });
}
