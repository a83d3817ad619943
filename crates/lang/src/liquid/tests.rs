//! What templates give: values, conditions, loops, filters.

mod faults;

use super::*;
use crate::expr::host::{BodyError, Entity, Field, ListOf, UrlOf, UrlParts};
use crate::value::{Lent, Str, Value};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

/// An exchange for templates.
struct Exchange {
    body: Option<Bytes>,
    headers: HeaderMap,
    matched: Vec<(Str, Str)>,
    variables: Vec<(Str, Value)>,
}

impl Host for Exchange {
    fn has(&self, entity: Entity) -> bool {
        match entity {
            Entity::RequestBody => self.body.is_some(),
            entity => entity == Entity::Response,
        }
    }
    fn field(&self, field: Field) -> Lent<'_> {
        Lent::Own(match field {
            Field::RequestMethod => Value::from("PUT"),
            Field::RequestOriginalMethod => Value::from("POST"),
            Field::RequestIpAddress => Value::from("10.0.0.7"),
            Field::ResponseStatusCode => Value::Int(201),
            _ => Value::Null,
        })
    }
    fn list(&self, _: ListOf) -> Vec<(Str, Str)> {
        Vec::new()
    }
    fn headers(&self, _: Message) -> &HeaderMap {
        &self.headers
    }
    fn url(&self, url: UrlOf) -> UrlParts {
        UrlParts {
            scheme: Str::from("https"),
            host: Str::from(if url == UrlOf::Request {
                "backend"
            } else {
                "gateway"
            }),
            port: 443,
            path: Str::from("/orders/7"),
            query_string: Str::from("?q=a%20b&n=1&n=2"),
        }
    }
    fn matched_parameters(&self) -> &[(Str, Str)] {
        &self.matched
    }
    fn variable(&self, name: &str) -> Option<&Value> {
        let found = self.variables.iter().find(|(n, _)| &**n == name);
        found.map(|(_, v)| v)
    }
    fn variable_names(&self) -> Vec<Str> {
        Vec::new()
    }
    fn body(&mut self, _: Message, _: bool) -> Result<Bytes, BodyError> {
        self.body.clone().ok_or(BodyError::Missing)
    }
    fn certificates(&self) -> Vec<(Str, Bytes, Option<Str>)> {
        Vec::new()
    }
    fn request_id(&self) -> u128 {
        0
    }
    fn timestamp(&self) -> i64 {
        0
    }
    fn now(&self) -> i64 {
        // 2026-01-31T12:30:00
        crate::value::time::ticks_of(2026, 1, 31, 12, 30, 0, 0).unwrap()
    }
    fn random(&mut self) -> u64 {
        0
    }
    fn trace(&mut self, _: &str) {}
}

fn exchange(body: &str) -> Exchange {
    let mut headers = HeaderMap::new();
    headers.append("x-one", HeaderValue::from_static("1"));
    headers.append("x-two", HeaderValue::from_static("a"));
    headers.append("x-two", HeaderValue::from_static("b"));
    Exchange {
        body: (!body.is_empty()).then(|| Bytes::copy_from_slice(body.as_bytes())),
        headers,
        matched: vec![(Str::from("orderId"), Str::from("001"))],
        variables: vec![
            (Str::from("text"), Value::from("v")),
            (
                Str::from("tree"),
                Value::json(r#"{"a": {"b": [1, 2]}}"#).unwrap(),
            ),
            (Str::from("yes"), Value::Bool(true)),
        ],
    }
}

const JSON: Binding<'static> = Binding {
    message: Message::Request,
    format: Some(Format::Json),
    charset: None,
    nil_is_null: false,
    parse_date: true,
};

fn bound(binding: &Binding<'_>, template: &str, body: &str) -> String {
    let (made, faults) = read(template);
    let Some(made) = made else {
        return faults
            .iter()
            .map(|f| format!("{} {}; ", f.code, f.message))
            .collect();
    };
    match made.render(&mut exchange(body), binding) {
        Ok(text) => text,
        Err(e) => format!("{}: {}", e.exception, e.message),
    }
}

fn json(template: &str, body: &str) -> String {
    bound(&JSON, template, body)
}

fn xml(template: &str, body: &str) -> String {
    bound(
        &Binding {
            format: Some(Format::Xml),
            ..JSON
        },
        template,
        body,
    )
}

fn alone(template: &str) -> String {
    json(template, "")
}

fn all(cases: &[(&str, &str)]) {
    for (template, expected) in cases {
        assert_eq!(alone(template), *expected, "{template}");
    }
}

#[test]
fn values_print_as_in_dotliquid() {
    let body = r#"{"s": "x", "n": null, "t": true, "f": false, "i": 7, "big": 12345678901, "d": 1.50, "date": "2012-03-21T05:40:00Z",
        "list": [1, "a", true, null], "object": {"k": "v", "n": 1}, "deep": {"list": [{"a": 1}, {"a": 2}]}, "a-b": 1}"#;
    for (template, expected) in [
        (
            "{{ body.s }}|{{body.n}}|{{ body.t }}|{{ body.f }}|{{ body.i }}|{{ body.big }}|{{ body.d }}",
            "x||true|false|7|12345678901|1.5",
        ),
        ("{{ body.date }}", "03/21/2012 05:40:00"),
        ("{{ body.list }}", "1aTrue"),
        ("{{ body.object }}", "[k, v][n, 1]"),
        (
            "{{ body.deep.list[1].a }} {{ body['deep'].list.first.a }} {{ body.deep.list.last.a }} {{ body.list.size }}",
            "2 1 2 4",
        ),
        (
            "{{ body.S }}{{ body.missing.more }}{{ body.list[9] }}{{ body.s.size }}",
            "1",
        ),
        ("{{ body[\"a-b\"] }}{{ body.a-b }}", "11"),
        ("{{ body.i | Plus: 1 }}{{ body.d | Times: 2 }}", "83.0"),
        ("{% assign k = 's' %}{{ body[k] }}", "x"),
        ("{{body.s}}}{{ body.s }}", "x}x"),
        (
            "{{ 'a' }}{{ \"b\" }}{{ 3 }}{{ -2.5 }}{{ true }}{{ nil }}{{ }}",
            "ab3-2.5true",
        ),
    ] {
        assert_eq!(json(template, body), expected, "{template}");
    }
    assert_eq!(
        json("{{ body[0].a }}-{{ body.size }}", r#"[{"a": 1}]"#),
        "1-1"
    );
    let copied = Binding {
        parse_date: false,
        ..JSON
    };
    assert_eq!(
        bound(&copied, "{{ body.date }}", body),
        "2012-03-21T05:40:00Z"
    );
    assert_eq!(json("a{{ body.x }}b", ""), "ab");
    assert_eq!(
        bound(
            &Binding {
                format: None,
                ..JSON
            },
            "a{{ body.s }}b",
            body
        ),
        "ab"
    );
    assert!(json("{{ body.x }}", "{").starts_with("Newtonsoft.Json.JsonReaderException"));
}

#[test]
fn elements_are_found_without_prefix_and_case() {
    let soap = r#"<?xml version="1.0"?><soap:Envelope xmlns:soap="http://s/" xmlns="urn:o" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soap:Body>
        <GetProductsResponse><GetProductsResult><Product sku="p1"><ID>1</ID><Name>A "1"</Name><Note xsi:nil="true"/><Empty/></Product>
        <Product sku="p2"><ID>2</ID><Name>B</Name></Product></GetProductsResult></GetProductsResponse></soap:Body></soap:Envelope>"#;
    for (template, expected) in [
        (
            "{% JSONArrayFor item in body.envelope.body.GetProductsResponse.GetProductsResult -%}\n{ \"iD\": {{item.ID}} }\n{% endJSONArrayFor -%}",
            "{ \"iD\": 1 },\n{ \"iD\": 2 }\n",
        ),
        (
            "{{ body.envelope.Body.getproductsresponse.getproductsresult.product[1].name }}",
            "B",
        ),
        (
            "{% for p in body.Envelope.Body.GetProductsResponse.GetProductsResult.Product %}{{ p.sku }};{% endfor %}",
            "p1;p2;",
        ),
        (
            "{% assign p = body.envelope.body.GetProductsResponse.GetProductsResult.first %}{% if p.Missing %}a{% else %}null{% endif %}{% if p.Empty %}b{% else %}null{% endif %}{% if p.Note %}c{% else %}null{% endif %}",
            "nullbc",
        ),
        (
            "{{ body.envelope.body.GetProductsResponse.GetProductsResult.first.Name | Replace: '([^\\\\](\\\\\\\\)*)\"', '$1\\\"' }}",
            "A \\\"1\\\"",
        ),
        ("{{ body.envelope.body.fault.faultcode }}", ""),
        (
            "{{ body.envelope.body.GetProductsResponse.GetProductsResult.size }}",
            "2",
        ),
    ] {
        assert_eq!(xml(template, soap), expected, "{template}");
    }
    let null = Binding {
        format: Some(Format::Xml),
        nil_is_null: true,
        ..JSON
    };
    let note = "{% if body.envelope.body.GetProductsResponse.GetProductsResult.first.Note %}c{% else %}null{% endif %}";
    assert_eq!(bound(&null, note, soap), "null");
    assert!(xml("{{ body.a }}", "<a>").starts_with("System.Xml.XmlException"));
    assert_eq!(
        xml(
            "{{ body.a }}{% for x in body.a %}[{{x}}]{% endfor %}",
            "<a>t<b>1</b><c>2</c></a>"
        ),
        "t12[1][2]"
    );
    assert_eq!(
        xml(
            "[{% JSONArrayFor x in body.a where b %}{{ x }}{% endJSONArrayFor %}][{% JSONArrayFor x in body.a where x == 'c' %}{{ x }}{% endJSONArrayFor %}]",
            "<a><b>1</b><c>2</c><B>3</B></a>"
        ),
        "[1,3][2]"
    );
}

#[test]
fn context_is_as_documented() {
    all(&[
        (
            "{{ context.Request.Method }} {{ context.Request.OriginalMethod }} {{ context.Request.IpAddress }} {{ context.Request.HasBody }}",
            "PUT POST 10.0.0.7 false",
        ),
        (
            "{{ context.Request.Url.Scheme }}://{{ context.Request.Url.Host }}:{{ context.Request.Url.Port }}{{ context.Request.Url.Path }}{{ context.Request.Url.QueryString }}",
            "https://backend:443/orders/7?q=a%20b&n=1&n=2",
        ),
        (
            "{{ context.Request.Url.Query['q'] }} {{ context.Request.Url.Query.n }} {{ context.Request.OriginalUrl.ToString }} {{ context.Request.OriginalUrl.ToUri }}",
            "a b 1,2 https://gateway/orders/7?q=a%20b&n=1&n=2 https://gateway/orders/7?q=a%20b&n=1&n=2",
        ),
        (
            "{{ context.Request.Headers[\"X-One\"] }}{{ context.Request.Headers['x-two'] }}{{ context.Request.Headers['none'] }}",
            "1a,b",
        ),
        (
            "{{ context.Request.MatchedParameters[\"orderId\"] }}{{ context.Request.MatchedParameters.orderid }}",
            "001001",
        ),
        (
            "{{ context.Response.StatusCode | Plus: 1 }} {{ context.Response.Headers.x-one }}{{ context.Response.Method }}",
            "202 1PUT",
        ),
        (
            "{{ context.Variables[\"text\"] }}{{ context.Variables.yes }}{{ context.Variables['none'] }}{{ context.Variables[\"tree\"].a.b[1] }}",
            "vtrue2",
        ),
        (
            "{%- assign vars = context.Variables[\"tree\"] -%}\n{{ vars['a'].b }}",
            "12",
        ),
        (
            "{{ context }}{{ context.Request }}{{ context.Request.ClientCertificates }}",
            "",
        ),
    ]);
}

#[test]
fn conditions() {
    all(&[
        (
            "{% if true %}a{% endif %}{% if false %}b{% endif %}{% if nil %}c{% endif %}{% if '' %}d{% endif %}{% if 0 %}e{% endif %}",
            "ade",
        ),
        (
            "{% if 1 == 1 and 2 > 1 %}a{% endif %}{% if 1 != 1 or 'a' <> 'b' %}b{% endif %}",
            "ab",
        ),
        (
            "{% if true or false and false %}a{% endif %}{% if false and true or true %}b{% endif %}",
            "a",
        ),
        (
            "{% if 1 < 1.4 %}a{% endif %}{% if 1 <= 1.4 %}b{% endif %}{% if 1.4 > 1 %}c{% endif %}{% if 2 >= 3 %}d{% endif %}",
            "bc",
        ),
        (
            "{% if '5' == 5 %}a{% endif %}{% if 5 == '5' %}b{% endif %}{% if 'x' == 5 %}c{% endif %}{% if 5 != 'x' %}d{% endif %}",
            "abd",
        ),
        (
            "{% if '10' > 3 %}a{% endif %}{% if '5' > 3 %}b{% endif %}{% if nil < 1 %}c{% endif %}{% if 1 > nil %}d{% endif %}",
            "b",
        ),
        (
            "{% if nil == false %}a{% endif %}{% if nil == nil %}b{% endif %}{% if x == null %}c{% endif %}{% if true == 'True' %}d{% endif %}",
            "bcd",
        ),
        (
            "{% if 'abc' contains 'b' %}a{% endif %}{% if 'abc' startsWith 'a' %}b{% endif %}{% if 'abc' EndsWith 'c' %}c{% endif %}",
            "abc",
        ),
        (
            "{% assign l = 'a,b' | Split: ',' %}{% if l contains 'b' %}a{% endif %}{% if l startswith 'b' %}b{% endif %}{% if l endswith 'b' %}c{% endif %}{% if l == empty %}d{% endif %}",
            "ac",
        ),
        (
            "{% if '' == empty %}a{% endif %}{% if 'a' != blank %}b{% endif %}{% if nil == empty %}c{% endif %}",
            "ab",
        ),
        (
            "{% if 1 > 2 %}a{% elsif 2 > 1 %}b{% else %}c{% endif %}{% unless 1 > 2 %}d{% else %}e{% endunless %}{% unless true %}f{% elsif true %}g{% endunless %}",
            "bdg",
        ),
        (
            "{% case 2 %}x{% when 1, 3 %}a{% when 2 or 4 %}b{% when '2' %}c{% else %}d{% endcase %}{% case 9 %}{% when 1 %}a{% else %}e{% endcase %}",
            "bce",
        ),
        (
            "{% if context.Variables.tree hasKey 'a' %}a{% endif %}{% if context.Variables.tree.a.b contains 2 %}b{% endif %}",
            "ab",
        ),
        (
            "{% if 'a' < 1 %}x{% endif %}{% if 1 < 'a' %}x{% endif %}",
            "System.FormatException: Input string was not in a correct format.",
        ),
    ]);
}

#[test]
fn loops() {
    all(&[
        (
            "{% for i in (1..3) %}{{ i }}{% endfor %}{% for i in (1..x) %}{{ i }}{% else %}none{% endfor %}",
            "123none",
        ),
        (
            "{% for i in (1..5) limit:2 offset:1 %}{{ i }}{% endfor %}-{% for i in (1..5) limit: 2 offset: continue %}{{ i }}{% endfor %}-{% for i in (1..3) reversed %}{{ i }}{% endfor %}",
            "23-45-321",
        ),
        (
            "{% for i in (1..5) limit:2 %}{{ i }}{% endfor %}{% for i in (1..5) limit:2 offset:continue %}{{ i }}{% endfor %}",
            "1234",
        ),
        (
            "{% for i in (1..2) %}{{ forloop.name }} {{ forloop.length }} {{ forloop.index }} {{ forloop.index0 }} {{ forloop.rindex }} {{ forloop.rindex0 }} {{ forloop.first }} {{ forloop.last }};{% endfor %}",
            "i-(1..2) 2 1 0 2 1 true false;i-(1..2) 2 2 1 1 0 false true;",
        ),
        (
            "{% for i in (1..3) %}{{ i }}{%- if forloop.Last == false -%},{%- endif -%}{% endfor %}",
            "1,2,3",
        ),
        (
            "{% for i in (1..9) %}{% if i == 2 %}{% continue %}{% endif %}{% if i > 3 %}{% break %}{% endif %}{{ i }}{% endfor %}.",
            "13.",
        ),
        (
            "{% for i in (1..2) %}{% for j in (1..9) %}{% break %}{% endfor %}{{ i }}{% endfor %}{{ i }}",
            "12",
        ),
        ("a{% break %}b", "a"),
        (
            "{% for p in context.Variables.tree.a %}{{ p[0] }}={{ p.Value.size }}{{ p.Key }}{% endfor %}",
            "b=2b",
        ),
        (
            "{% for c in 'abc' %}{{ c }}.{% endfor %}{% for c in 5 %}x{% endfor %}",
            "a.b.c.",
        ),
        (
            "{% for i in (1..4) %}{% cycle 'a', 'b' %}{% cycle g: 1, 2, 3 %}{% endfor %}",
            "a1b2a3b1",
        ),
        (
            "{% for i in (1..4) %}{% ifchanged %}{{ i | DividedBy: 2 }}{% endifchanged %}{% endfor %}",
            "012",
        ),
        (
            "{% increment n %}{% increment n %}{% decrement n %}{% decrement m %}",
            "011-1",
        ),
        (
            "{% tablerow i in (1..3) cols:2 %}{{ i }}{{ tablerowloop.col_last }}{% endtablerow %}",
            "<tr class=\"row1\">\n<td class=\"col1\">1false</td><td class=\"col2\">2true</td></tr>\n<tr class=\"row2\"><td class=\"col1\">3false</td></tr>\n",
        ),
        (
            "[{% JSONArrayFor i in (1..3) %}{{ i }}{% endJSONArrayFor %}][{% JSONArrayFor i in (1..3) %}{% if i != 2 %} {{ i }} {% endif %}{% endJSONArrayFor %}][{% JSONArrayFor i in nothing %}x{% endJSONArrayFor %}]",
            "[1,2,3][ 1,  3 ][]",
        ),
        (
            "{% for i in (1..2000000) %}x{% endfor %}",
            "System.ArgumentOutOfRangeException: A range has more than 100000 numbers.",
        ),
    ]);
    assert_eq!(
        json(
            "{\n  \"results\": [\n    {% JSONArrayFor joke in body.results %}\n      \"{{ joke.joke }}\"\n    {% endJSONArrayFor %}\n  ]\n}",
            r#"{"results": [{"joke": "a"}, {"joke": "b"}]}"#
        ),
        "{\n  \"results\": [\n    \n      \"a\",\n    \n      \"b\"\n    \n  ]\n}"
    );
}

#[test]
fn names_text_and_white_space() {
    all(&[
        (
            "{% assign a = 'x' | Upcase %}{{ a }}{% capture b %}[{{ a }}]{% endcapture %}{{ b }}{% for i in (1..2) %}{% assign a = i %}{% endfor %}{{ a }}",
            "X[X]2",
        ),
        (
            "a{% comment %}{{ b {% if %}{% endcomment %}c{% raw %}{{ d }}{% e %}{% endraw %}{% literal %}{{ f }}{% endliteral %}",
            "ac{{ d }}{% e %}{{ f }}",
        ),
        (
            "a \t{{- 'b' -}} \n c {%- if true -%}\n\n d{% endif %}",
            "ab\n c\n d",
        ),
        ("a\n{{- 'b' -}}\r\nc", "a\nbc"),
        (
            "{ \"a\": { \"b\": {{ 1 }} }} %}",
            "{ \"a\": { \"b\": 1 }} %}",
        ),
        ("{{ \"}}\" }}{{ 'a|b' | Append: '|:,' }}", "}}a|b|:,"),
        (
            "{% if true %}\u{e9}{% endif %}{{ '\u{1f600}x' | Size }}",
            "\u{e9}3",
        ),
        ("", ""),
    ]);
}

#[test]
fn filters_of_texts() {
    all(&[
        (
            "{{ 'aB' | Upcase }}{{ 'aB' | Downcase }}{{ 'one TWO threE' | Capitalize }}",
            "ABabOne TWO Three",
        ),
        (
            "{{ 'a' | Append: 'b' | Prepend: 'c' }}{{ nil | Append: 'b' }}{{ 5 | Append: 1 }}{{ true | Append: '' }}",
            "cab51True",
        ),
        (
            "{{ '<a href=\"x\">&</a>' | Escape }}{{ \"'\" | H }}",
            "&lt;a href=&quot;x&quot;&gt;&amp;&lt;/a&gt;&#39;",
        ),
        (
            "{{ 'a b&c' | UrlEncode }} {{ 'a+b%26c' | UrlDecode }}",
            "a+b%26c a b&c",
        ),
        (
            "[{{ ' a ' | Strip }}][{{ ' a ' | Lstrip }}][{{ ' a ' | Rstrip }}]",
            "[a][a ][ a]",
        ),
        (
            "{{ 'a.b.c' | Replace: '\\.', '-' }} {{ 'a.b.c' | ReplaceFirst: '\\.', '$1' }} {{ 'a.b' | Replace: '.', 'x' }} {{ 'ab' | Replace: 'b' }}",
            "a-b-c a$1b.c xxx a",
        ),
        (
            "{{ 'a.b.c' | Remove: '.' }} {{ 'a.b.c' | RemoveFirst: '\\.' }}",
            "abc ab.c",
        ),
        (
            "{{ 'abcdefghij' | Truncate: 5 }} {{ 'abc' | Truncate: 5 }} {{ 'abcdef' | Truncate: 5, '' }} {{ 'a b c' | TruncateWords: 2 }} {{ 'a b c' | TruncateWords: 2, '!' }} {{ 'abc' | Truncate: 2 }}",
            "ab... abc abcde a b... a b! ...",
        ),
        (
            "{{ 'abcde' | Slice: 1 }}{{ 'abcde' | Slice: 1, 3 }}{{ 'abcde' | Slice: -2, 9 }}{{ 'abc' | Slice: 9 }}{{ 'abc' | Slice: -9, 7 }}",
            "bbcddea",
        ),
        (
            "{{ 'a,,b' | Split: ',' | Join: '+' }} {{ 'abc' | Split: '' | Join }} {{ 'abc' | Join: '-' }}",
            "a+b a b c a-b-c",
        ),
        (
            "{{ '<p>a<script>x</script><!-- y -->b</p>' | StripHtml }}",
            "ab",
        ),
        (
            "{% capture t %}a\nb\r\nc{% endcapture %}{{ t | NewlineToBr }}|{{ t | StripNewlines }}",
            "a<br />\nb<br />\r\nc|abc",
        ),
        (
            "{{ '' | Default: 'd' }}{{ nil | Default: 'e' }}{{ ' ' | Default: 'f' }}{{ 'g' | Default: 'h' }}{{ false | Default: 'i' }}",
            "defgFalse",
        ),
        (
            "{{ '2024-03-21T05:40:00' | Date: 'yyyyMMddTHH:mm:ddZ' }} {{ 'x' | Date: 'yyyy' }} {{ 'now' | Date: 'yyyy-MM-dd HH:mm' }} {{ '2024-03-21' | Date: '' }} {{ 5 | Date: 'yyyy' }}",
            "20240321T05:40:21Z x 2026-01-31 12:30 2024-03-21 5",
        ),
        (
            "{{ 'abc' | upcase }}{{ 'abc' | nothing: 1 | Upcase }}",
            "abcABC",
        ),
        (
            "{{ context.Variables.tree | Upcase }}",
            "System.ArgumentException: A list or an object cannot be converted to type 'System.String'.",
        ),
        (
            "{{ 'a' | Replace: '(', 'b' }}",
            "System.ArgumentException: Invalid pattern '(' at offset 1. Not enough )'s.",
        ),
    ]);
    assert_eq!(
        json(
            "{{ body.d | Date: \"dd.MM.yyyy\" }}",
            r#"{"d": "2012-03-21T05:40:00Z"}"#
        ),
        "21.03.2012"
    );
}

#[test]
fn filters_of_numbers() {
    all(&[
        (
            "{{ 5 | DividedBy: 2 }} {{ 5.0 | DividedBy: 2 }} {{ 5 | DividedBy: 2.0 }} {{ 7 | Modulo: 4 }} {{ 7.5 | Modulo: 2 }}",
            "2 2.5 2.5 3 1.5",
        ),
        (
            "{{ 1 | Plus: 2 }} {{ 0.1 | Plus: 0.2 }} {{ 0.1 | Plus: 10 | Minus: 10 }} {{ 3 | Times: 1.5 }} {{ 3 | Minus: 5 }}",
            "3 0.3 0.1 4.5 -2",
        ),
        (
            "{{ '1' | Plus: 2 }} {{ 'ab' | Times: 2 }} {{ nil | Plus: 1 }}{{ 1 | Plus: nil }}",
            "12 abab ",
        ),
        (
            "{{ 4.5 | Round }} {{ 5.5 | Round }} {{ 1.255 | Round: 2 }} {{ '2.7' | Round }}{{ 'x' | Round }}",
            "4 6 1.26 3",
        ),
        (
            "{{ -5 | Abs }} {{ '-2.5' | Abs }} {{ 'x' | Abs }} {{ 3 | AtLeast: 5 }} {{ 3 | AtMost: 2.5 }} {{ 'x' | AtMost: 1 }}",
            "5 2.5 0 5 2.5 x",
        ),
        (
            "{{ 1234.5 | Currency }} {{ -2 | Currency }} {{ '1,000' | Currency: 'en-US' }} {{ 'x' | Currency }} {{ 0 | Currency }}",
            "$1,234.50 -$2.00 $1,000.00 x $0.00",
        ),
        (
            "{{ 2147483647 | Plus: 1 }}",
            "System.OverflowException: Arithmetic operation resulted in an overflow.",
        ),
        (
            "{{ 1 | DividedBy: 0 }}",
            "System.DivideByZeroException: Attempted to divide by zero.",
        ),
        (
            "{{ 1 | Minus: 'x' }}",
            "System.InvalidOperationException: The binary operator SubtractChecked is not defined for the types 'System.Int32' and 'System.String'.",
        ),
        (
            "{{ 1.5 | Times: 'x' }}",
            "System.FormatException: Input string was not in a correct format.",
        ),
        (
            "{{ 1 | Currency: 'de-DE' }}",
            "System.Globalization.CultureNotFoundException: Amounts are written for 'en-US' only, and not for 'de-DE'.",
        ),
    ]);
}

#[test]
fn filters_of_lists() {
    let body = r#"{"l": [3, 1, 2, 1, null], "s": ["b", "A", "c"], "o": [{"n": "y", "v": 2}, {"n": "x", "v": 1}, {"v": 3}], "m": [1, "a"], "nested": [[1, 2], [2, 3]]}"#;
    for (template, expected) in [
        (
            "{{ body.l | Size }}{{ body.l | First }}{{ body.s | Last }}{{ body.l | Compact | Size }}{{ nil | Size }}{{ nil | First }}",
            "53c40",
        ),
        (
            "{{ body.l | Sort | Join: ',' }} {{ body.s | Sort | Join: ',' }} {{ body.l | Uniq | Join: ',' }} {{ body.nested | Uniq | Join: ',' }}",
            ",1,1,2,3 A,b,c 3,1,2, 1,2,3",
        ),
        (
            "{{ body.o | Map: 'n' | Join: ',' }} {{ body.o | Sort: 'v' | Map: 'v' | Join: ',' }} {{ body.o | Sort: 'n' | Map: 'v' | Join: ',' }}",
            "y,x, 1,2,3 3,1,2",
        ),
        (
            "{{ body.m | Sort }}",
            "System.InvalidOperationException: Failed to compare two elements in the array.",
        ),
        (
            "{{ 5 | First }}",
            "System.ArgumentException: A single value cannot be converted to type 'System.Collections.IEnumerable'.",
        ),
        (
            "{{ nil | Sort }}{{ nil | Map: 'x' }}{{ nil | Join }}{{ nil | Uniq }}{{ nil | Compact }}",
            "",
        ),
    ] {
        assert_eq!(json(template, body), expected, "{template}");
    }
    assert_eq!(
        xml(
            "{{ body.a | Map: 'n' | Sort | Join: ',' }}{{ body.a | Size }}",
            "<a><b><n>2</n></b><b><n>1</n></b></a>"
        ),
        "1,22"
    );
}
