use super::*;
use crate::expr::host::Nowhere;

fn json(kind: Kind, arrays: bool, xml: &str) -> String {
    match xml_to_json(&mut Nowhere::default(), xml, kind, arrays) {
        Ok(json) => json,
        Err(e) => format!("{}: {}", e.exception, e.message),
    }
}

fn direct(xml: &str) -> String {
    json(Kind::Direct, false, xml)
}

const RULES: ToXml<'static> = ToXml {
    parse_date: true,
    namespace_separator: "_",
    namespace_prefix: "xmlns",
    attribute_block_name: "",
};

fn xml(rules: &ToXml<'_>, json: &str) -> String {
    match json_to_xml(&mut Nowhere::default(), json, rules) {
        Ok(xml) => xml,
        Err(e) => format!("{}: {}", e.exception, e.message),
    }
}

#[test]
fn direct_is_as_services_answer() {
    // Seen in answers of services that convert with `direct`.
    assert_eq!(
        direct(
            "<?xml version=\"1.0\"?>\n<soap:Envelope xmlns=\"http://a/\" xmlns:soap=\"http://s/\">\n  <soap:Body>\n    <GetOrders><Customer>1234567</Customer></GetOrders>\n  </soap:Body>\n</soap:Envelope>"
        ),
        r#"{"version":"1.0","soap$Envelope":{"@xmlns":"http://a/","@xmlns$soap":"http://s/","soap$Body":{"GetOrders":{"Customer":"1234567"}}}}"#
    );
    assert_eq!(
        direct(
            r#"<?xml version="1.0" encoding="utf-8"?><O xmlns:i="http://i" xmlns="http://o"><Link xmlns="http://l"><Text/><Uri>u</Uri></Link><Line2 i:nil="true"/><r><m a="1"/></r><r><m a="2"/></r></O>"#
        ),
        r#"{"version":"1.0","encoding":"utf-8","O":{"@xmlns$i":"http://i","@xmlns":"http://o","Link":{"@xmlns":"http://l","Text":null,"Uri":"u"},"Line2":{"@i$nil":"true"},"r":[{"m":{"@a":"1"}},{"m":{"@a":"2"}}]}}"#
    );
    assert_eq!(
        direct(r#"<f><t type="text">x</t><e a="b"></e><c a="b" /></f>"#),
        r##"{"f":{"t":{"@type":"text","#text":"x"},"e":{"@a":"b","#text":""},"c":{"@a":"b"}}}"##
    );
}

#[test]
fn direct_with_all_that_xml_has() {
    assert_eq!(
        direct("<?p x?><!DOCTYPE a><a><!-- c --><?q y?>t<b/>u<![CDATA[<v>]]></a><!-- e -->"),
        r##"{"a":{"#text":["t","u","<v>"],"b":null}}"##
    );
    assert_eq!(direct("<a><![CDATA[1 < 2]]></a>"), r#"{"a":"1 < 2"}"#);
    assert_eq!(direct("<a></a>"), r#"{"a":""}"#);
    assert_eq!(direct("<a/>"), r#"{"a":null}"#);
    assert_eq!(
        direct(
            r#"<?xml version="1.0" standalone="yes"?><x:a xmlns:x="u" xmlns:y="u" y:k="v"><x:b xmlns:x="w"/></x:a>"#
        ),
        r#"{"version":"1.0","standalone":"yes","y$a":{"@xmlns$x":"u","@xmlns$y":"u","@y$k":"v","x$b":{"@xmlns$x":"w"}}}"#
    );
    assert_eq!(
        direct(r#"<a xml:lang="en">t</a>"#),
        r##"{"a":{"@xml$lang":"en","#text":"t"}}"##
    );
    assert!(
        direct("<a>").starts_with("System.Xml.XmlException: "),
        "{}",
        direct("<a>")
    );
    assert_eq!(
        direct(" "),
        "System.Xml.XmlException: Root element is missing."
    );
}

#[test]
fn friendly_has_no_marks() {
    let friendly = |xml: &str| json(Kind::JavaScriptFriendly, false, xml);
    assert_eq!(
        friendly(r#"<s:a xmlns:s="u" k="v">t<b id="1"><id>2</id></b></s:a>"#),
        r#"{"s$a":{"xmlns$s":"u","k":"v","$t":"t","b":{"id":["1","2"]}}}"#
    );
    assert_eq!(
        friendly("<a><b>1</b><b>2</b></a>"),
        r#"{"a":{"b":["1","2"]}}"#
    );
}

#[test]
fn children_can_be_arrays_always() {
    assert_eq!(
        json(
            Kind::Direct,
            true,
            r#"<a k="v"><b><c/></b><d>1</d><d>2</d></a>"#
        ),
        r#"{"a":{"@k":"v","b":[{"c":[null]}],"d":["1","2"]}}"#
    );
}

#[test]
fn json_becomes_xml_as_services_answer() {
    let nil = r#"xsi:nil="true" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance""#;
    assert_eq!(
        xml(
            &RULES,
            r#"{"firstName":"John","isAlive":true,"age":25,"address":{"city":"New York"},"phoneNumbers":[{"type":"home"},{"type":"mobile"}],"children":[],"spouse":null}"#
        ),
        format!(
            "<Document><firstName>John</firstName><isAlive>True</isAlive><age>25</age><address><city>New York</city></address><phoneNumbers><type>home</type></phoneNumbers><phoneNumbers><type>mobile</type></phoneNumbers><children /><spouse {nil} /></Document>"
        )
    );
    let rules = ToXml {
        parse_date: false,
        namespace_separator: ":",
        attribute_block_name: "#attrs",
        ..RULES
    };
    assert_eq!(
        xml(
            &rules,
            r##"{"soapenv:Envelope":{"xmlns:soapenv":"http://schemas.xmlsoap.org/soap/envelope/","xmlns:v1":"http://localdomain.com/core/v1","soapenv:Header":{},"soapenv:Body":{"v1:QueryList":{"#attrs":{"queryName":"test"},"v1:QueryItem":{"name":"dummy text"}}}}}"##
        ),
        r#"<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:v1="http://localdomain.com/core/v1"><soapenv:Header /><soapenv:Body><v1:QueryList queryName="test"><v1:QueryItem><name>dummy text</name></v1:QueryItem></v1:QueryList></soapenv:Body></soapenv:Envelope>"#
    );
}

#[test]
fn roots_names_and_values() {
    for (json, expected) in [
        (r#"{"a":1}"#, "<a>1</a>"),
        (r#"{"a":[1]}"#, "<a>1</a>"),
        (r#"{"a":[]}"#, "<a />"),
        (r#"{"a":[1,2]}"#, "<Document><a>1</a><a>2</a></Document>"),
        (
            r#"{"a":[[1,2],[]]}"#,
            "<Document><a>1</a><a>2</a><a /></Document>",
        ),
        (
            "[1,2]",
            "<Document><Document>1</Document><Document>2</Document></Document>",
        ),
        ("[]", "<Document><Document /></Document>"),
        ("{}", "<Document />"),
        ("7", "<Document>7</Document>"),
        (
            r#"{"a b":{"1":"<&>"}}"#,
            "<a_x0020_b><_x0031_>&lt;&amp;&gt;</_x0031_></a_x0020_b>",
        ),
        (
            r#"{"a_b":{"c:d":1.50}}"#,
            "<a_b><c_x003A_d>1.5</c_x003A_d></a_b>",
        ),
        (r##"{"a":{"#text":"t","b":""}}"##, "<a>t<b></b></a>"),
        (r#"{"xmlns":"u"}"#, r#"<Document xmlns="u" />"#),
        (
            r#"{"a":{"xmlns":"u","b":1}}"#,
            r#"<a xmlns="u"><b>1</b></a>"#,
        ),
        (
            r#"{"p_a":{"xmlns_p":"u","p_b":{"xmlns_p":"w"}}}"#,
            r#"<p:a xmlns:p="u"><p:b xmlns:p="w" /></p:a>"#,
        ),
        (
            r#"{"a":"2024-03-21T05:40:00Z"}"#,
            "<a>03/21/2024 05:40:00</a>",
        ),
        (
            r#"{"":1}"#,
            "Newtonsoft.Json.JsonSerializationException: A property with an empty name cannot be converted to XML.",
        ),
    ] {
        assert_eq!(xml(&RULES, json), expected, "{json}");
    }
    let copied = ToXml {
        parse_date: false,
        ..RULES
    };
    assert_eq!(
        xml(&copied, r#"{"a":"2024-03-21T05:40:00Z"}"#),
        "<a>2024-03-21T05:40:00Z</a>"
    );
    assert!(xml(&RULES, "{").starts_with("Newtonsoft.Json.JsonReaderException: "));
    assert!(xml(&RULES, "{\"a\":\"\\u0001\"}").starts_with("System.ArgumentException: "));
    let attributes = ToXml {
        attribute_block_name: "@",
        ..RULES
    };
    assert_eq!(
        xml(
            &attributes,
            r#"{"a":{"@":{"xmlns_p":"u","p_k":true,"n":null,"o":{"x":1}},"@b":2}}"#
        ),
        r#"<a xmlns:p="u" p:k="True" n="" o="{&quot;x&quot;:1}"><_x0040_b>2</_x0040_b></a>"#
    );
    // What a namespace of nil is called already is not declared again.
    assert_eq!(
        xml(
            &RULES,
            r#"{"a":{"xmlns_i":"http://www.w3.org/2001/XMLSchema-instance","b":null}}"#
        ),
        r#"<a xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><b i:nil="true" /></a>"#
    );
}

#[test]
fn what_is_nested_deeply_is_refused() {
    let deep = format!("{}1{}", r#"{"a":"#.repeat(400), "}".repeat(400));
    let why = xml(&RULES, &deep);
    assert!(
        why.contains("nested") || why.contains("depth") || why.contains("MaxDepth"),
        "{why}"
    );
    let why = direct(&format!("{}{}", "<a>".repeat(400), "</a>".repeat(400)));
    assert!(why.contains("nested"), "{why}");
}

#[test]
fn both_ways_are_bounded() {
    let wide = format!("[{}1]", "1,".repeat(400_000));
    assert!(xml(&RULES, &wide).starts_with("System."));
    let wide = format!("<a>{}</a>", "<b/>".repeat(750_000));
    assert!(direct(&wide).starts_with("System."));
}

#[test]
fn bodies_are_decoded() {
    let utf16: Vec<u8> = "<a>\u{e9}</a>"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let marked = [&[0xff, 0xfe][..], &utf16].concat();
    assert_eq!(decode(&marked, None).unwrap(), "<a>\u{e9}</a>");
    assert_eq!(decode(&utf16, Some("UTF-16")).unwrap(), "<a>\u{e9}</a>");
    assert_eq!(decode(b"\xef\xbb\xbf{}", Some("iso-8859-1")).unwrap(), "{}");
    assert_eq!(decode(b"\xe9", Some("iso-8859-1")).unwrap(), "\u{e9}");
    let declared = b"<?xml version='1.0' encoding = 'ISO-8859-1'?><a>\xe9</a>";
    assert!(decode(declared, None).unwrap().ends_with("<a>\u{e9}</a>"));
    let wrong = br#"<?xml version="1.0" encoding="utf-16"?><a/>"#;
    assert!(decode(wrong, None).unwrap().ends_with("<a/>"));
    assert_eq!(decode(b"x", Some("klingon")), None);
}
