//! Arguments for parameters that mean something: numbers as text, dates, formats, patterns, places, sizes.

/// Texts for a parameter that means something: by the type that has the member, the member and the parameter.
pub(in crate::generate) fn text_for(
    of: &str,
    member: &str,
    parameter: &str,
) -> Option<&'static [&'static str]> {
    const NUMBERS: &[&str] = &[
        "\"0\"",
        "\"12\"",
        "\" 12 \"",
        "\"-7\"",
        "\"+5\"",
        "\"1,234\"",
        "\"1.5\"",
        "\"1e3\"",
        "\"abc\"",
        "\"\"",
        "\"99999999999999999999\"",
        "\"0x1F\"",
        "\"255\"",
        "\"-128\"",
        "\"(5)\"",
        "\"NaN\"",
        "\"Infinity\"",
        "\".5\"",
        "\"5.\"",
        "\"1 2\"",
        "\"True\"",
        "\"$5\"",
        "(string)null",
    ];
    const DATES: &[&str] = &[
        "\"2024-02-29\"",
        "\"2024-02-29T12:30:00Z\"",
        "\"2024-02-29T12:30:00.1234567+05:30\"",
        "\"02/29/2024\"",
        "\"2/9/2024 1:02 PM\"",
        "\"Thu, 29 Feb 2024 12:30:00 GMT\"",
        "\"29 Feb 2024\"",
        "\"2023-02-29\"",
        "\"\"",
        "\"soon\"",
        "\"20240229\"",
        "\"2024-02-29 12:30:00\"",
        "\"February 29, 2024\"",
        "\"2024-2-9\"",
        "\"0001-01-01\"",
        "\"9999-12-31T23:59:59.9999999\"",
        "(string)null",
    ];
    const SPANS: &[&str] = &[
        "\"1:02:03\"",
        "\"5\"",
        "\"1.02:03:04.5\"",
        "\"-00:00:01\"",
        "\"24:00:00\"",
        "\"10675199.02:48:05.4775807\"",
        "\"\"",
        "\"x\"",
        "\"00:00:00.0000001\"",
    ];
    const NUMBER_FORMATS: &[&str] = &[
        "\"G\"",
        "\"D5\"",
        "\"N2\"",
        "\"F1\"",
        "\"E3\"",
        "\"P\"",
        "\"C\"",
        "\"X\"",
        "\"x8\"",
        "\"R\"",
        "\"0.00\"",
        "\"#,##0.##\"",
        "\"000\"",
        "\"0%\"",
        "\"#;(#);zero\"",
        "\"0.0e+0\"",
        "\"q\"",
        "\"\"",
        "\"n0\"",
        "\"G3\"",
        "\"'x'0\"",
    ];
    const DATE_FORMATS: &[&str] = &[
        "\"o\"",
        "\"s\"",
        "\"u\"",
        "\"R\"",
        "\"d\"",
        "\"D\"",
        "\"g\"",
        "\"G\"",
        "\"f\"",
        "\"F\"",
        "\"t\"",
        "\"T\"",
        "\"M\"",
        "\"Y\"",
        "\"yyyy-MM-dd\"",
        "\"HH:mm:ss.fff\"",
        "\"ddd, dd MMM yyyy\"",
        "\"h:m:s tt\"",
        "\"yyyyMMddTHHmmssZ\"",
        "\"%d\"",
        "\"zzz\"",
        "\"K\"",
        "\"'q'yy\"",
        "\"FFF\"",
        "\"x\"",
        "\"\"",
        "\"yyyy\\\\-MM\"",
    ];
    const SPAN_FORMATS: &[&str] = &[
        "\"c\"",
        "\"g\"",
        "\"G\"",
        "\"hh\\\\:mm\"",
        "\"d\\\\.hh\"",
        "\"%s\"",
        "\"fff\"",
        "\"x\"",
        "\"\"",
    ];
    const GUIDS: &[&str] = &[
        "\"6f1c1d4e-0a6b-4f43-9f0e-2f3a0c1b7d55\"",
        "\"{6F1C1D4E-0A6B-4F43-9F0E-2F3A0C1B7D55}\"",
        "\"6f1c1d4e0a6b4f439f0e2f3a0c1b7d55\"",
        "\"x\"",
        "\"\"",
        "(string)null",
    ];
    const PATTERNS: &[&str] = &[
        "\"a\"",
        "@\"\\d+\"",
        "\"[a-z]+\"",
        "\"(o)(.)?\"",
        "\"^\"",
        "\"$\"",
        "\"\"",
        "\"(?<x>l+)\"",
        "\"(?i)HELLO\"",
        "\"b|c\"",
        "@\"\\b\"",
        "\"(\"",
        "@\"(?<=l)o\"",
        "\".*?o\"",
        "@\"[^\\w\\s]\"",
        "\"(a)(b)?\"",
        "\"x*\"",
        "@\"\\p{L}+\"",
    ];
    const REPLACEMENTS: &[&str] = &[
        "\"\"",
        "\"-\"",
        "\"[$0]\"",
        "\"$1\"",
        "\"${x}\"",
        "\"$$\"",
        "\"$&$&\"",
        "\"$9\"",
        "\"$`|$'\"",
    ];
    const PATHS: &[&str] = &[
        "\"a\"",
        "\"b[0]\"",
        "\"$..id\"",
        "\"items[*].id\"",
        "\"items[?(@.id == 2)].t\"",
        "\"$\"",
        "\"\"",
        "\"c.d\"",
        "\"['a']\"",
        "\"b[5]\"",
        "\"b[-1:]\"",
        "\"x.y\"",
        "\"items[0,1].id\"",
        "\"[\"",
        "\"b[0:2]\"",
        "\"$.*\"",
        "\"items[?(@.t)]\"",
    ];
    const JSON: &[&str] = &[
        "\"{}\"",
        "\"{\\\"a\\\":1,\\\"b\\\":[true,null,\\\"x\\\"]}\"",
        "\"[1,2.50,-3e2]\"",
        "\"\\\"t\\\"\"",
        "\"12\"",
        "\"null\"",
        "\"{\\\"d\\\":\\\"2024-02-29T12:30:00Z\\\"}\"",
        "\"{\"",
        "\"\"",
        "\"{\\\"a\\\":1}x\"",
        "\"[1,]\"",
        "\"{'s':'q'}\"",
        "\"{\\\"a\\\":1,\\\"a\\\":2}\"",
        "\"{\\\"u\\\":\\\"\\\\u00e9\\\\n\\\"}\"",
        "\"1.0\"",
        "\"true\"",
        "\"12345678901234567890\"",
        "\"// c\\n{}\"",
    ];
    const XML: &[&str] = &[
        "\"<a/>\"",
        "\"<a b='1'>x<c/>y</a>\"",
        "\"<a><b>1</b><b>2</b></a>\"",
        "\"<a\"",
        "\"\"",
        "\"<a xmlns='urn:x'><b/></a>\"",
        "\"<a>\\n  <b/>\\n</a>\"",
        "\"<a>&lt;&#65;</a>\"",
        "\"<?xml version='1.0'?><!-- c --><a/>\"",
        "\"<a><![CDATA[x]]></a>\"",
        "\"<a/><b/>\"",
    ];
    const NAMES: &[&str] = &[
        "\"a\"",
        "\"i\"",
        "\"{urn:p}r\"",
        "\"b\"",
        "\"\"",
        "\"1x\"",
        "\"k\"",
    ];
    const URIS: &[&str] = &[
        "\"https://example.com/\"",
        "\"https://user:pw@Example.COM:8443/a/../b/%7Ec?x=1&y=a+b#f\"",
        "\"/rel?q=1\"",
        "\"\"",
        "\"not a uri\"",
        "\"http://h\"",
        "\"mailto:a@b.c\"",
        "\"http://[::1]/\"",
        "\"https://e/%E4%BD%A0?a=%26\"",
        "\"../up\"",
        "\"file:///etc/x\"",
    ];
    const ADDRESSES: &[&str] = &[
        "\"127.0.0.1\"",
        "\"10.1.2.3\"",
        "\"::1\"",
        "\"2001:db8::ff00:42:8329\"",
        "\"256.1.1.1\"",
        "\"1.2\"",
        "\"\"",
        "\"x\"",
        "(string)null",
        "\"::ffff:1.2.3.4\"",
    ];
    const BASE64: &[&str] = &[
        "\"\"",
        "\"aGk=\"",
        "\"AQIDBA==\"",
        "\"aGk\"",
        "\"a Gk=\"",
        "\"####\"",
        "(string)null",
    ];
    const ENCODINGS: &[&str] = &[
        "\"utf-8\"",
        "\"us-ascii\"",
        "\"iso-8859-1\"",
        "\"utf-16\"",
        "\"UTF-8\"",
        "\"nope\"",
    ];
    const COMPOSITES: &[&str] = &[
        "\"{0}\"",
        "\"{0}-{1}\"",
        "\"{0,5}|{0,-5}|\"",
        "\"{{{0}}}\"",
        "\"{0:N2}\"",
        "\"{2}\"",
        "\"{\"",
        "\"\"",
        "\"x\"",
        "\"{0:yyyy}\"",
        "\"{0:X4} {1}\"",
    ];
    const ZONES: &[&str] = &[
        "\"UTC\"",
        "\"America/New_York\"",
        "\"Europe/Berlin\"",
        "\"Nowhere\"",
        "\"Asia/Tokyo\"",
    ];
    const KEYS: &[&str] = &[
        "\"a\"",
        "\"b\"",
        "\"\"",
        "\"A\"",
        "\"x-multi\"",
        "\"authorization\"",
        "\"text\"",
        "\"number\"",
        "\"items\"",
        "\"d\"",
        "(string)null",
    ];
    const ENUMS: &[&str] = &[
        "\"Monday\"",
        "\"monday\"",
        "\"1\"",
        "\"Nope\"",
        "\"\"",
        "\"Monday, Friday\"",
        "\"Ordinal\"",
        "\" Utc \"",
    ];
    const TOKENS: &[&str] = &[
        "\"eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJ1IiwiYXVkIjpbImEiLCJiIl0sImV4cCI6MTcwMDAwMDAwMCwiciI6eyJ4IjoxfX0.\"",
        "\"a.b\"",
        "\"\"",
        "(string)null",
        "\"Bearer x.y.z\"",
    ];
    const BASIC: &[&str] = &[
        "\"Basic dXNlcjpwYTpzcw==\"",
        "\"basic dTpw\"",
        "\"Basic x\"",
        "\"\"",
        "(string)null",
        "\"Basic dXNlcg==\"",
    ];
    let numeric = matches!(
        of,
        "Int32"
            | "Int64"
            | "Int16"
            | "UInt16"
            | "UInt32"
            | "UInt64"
            | "Byte"
            | "SByte"
            | "Double"
            | "Single"
            | "Decimal"
    );
    Some(match (of, member, parameter) {
        (_, "AsJwt" | "TryParseJwt", _) => TOKENS,
        (_, "AsBasic" | "TryParseBasic", _) => BASIC,
        (_, "Parse" | "TryParse", "s" | "value") if numeric || of == "Boolean" => NUMBERS,
        ("Convert", "FromBase64String", _) => BASE64,
        ("Convert", "ToDateTime", "value") => DATES,
        ("Convert", _, "value") => NUMBERS,
        ("DateTime" | "DateTimeOffset", "ParseExact" | "TryParseExact", "format") => DATE_FORMATS,
        ("DateTime" | "DateTimeOffset", _, "s" | "input") => DATES,
        ("DateTime" | "DateTimeOffset", _, "format") => DATE_FORMATS,
        ("TimeSpan", _, "s" | "input") => SPANS,
        ("TimeSpan", _, "format") => SPAN_FORMATS,
        ("Guid", "ToString", _) => &["\"D\"", "\"N\"", "\"B\"", "\"P\"", "\"X\"", "\"\"", "\"q\""],
        ("Guid", _, _) => GUIDS,
        ("String" | "StringBuilder", "Format" | "AppendFormat", "format") => COMPOSITES,
        ("Regex" | "Capture" | "Match", _, "pattern") => PATTERNS,
        ("Regex" | "Match", _, "replacement") => REPLACEMENTS,
        (
            "JToken" | "Extensions" | "JObject" | "JArray" | "JContainer",
            "SelectToken" | "SelectTokens",
            _,
        ) => PATHS,
        ("JsonConvert", "DeserializeObject", _) | ("JObject" | "JArray" | "JToken", "Parse", _) => {
            JSON
        }
        ("XDocument" | "XElement", "Parse", _) => XML,
        (_, _, "expandedName" | "localName") => NAMES,
        ("Uri", _, _) => URIS,
        ("IPAddress", _, _) => ADDRESSES,
        ("Encoding", "GetEncoding", _) => ENCODINGS,
        ("TimeZoneInfo", _, _) => ZONES,
        ("Enum", _, _) => ENUMS,
        (
            _,
            "GetValueOrDefault" | "ContainsKey" | "TryGetValue" | "Property" | "Remove"
            | "GetValue" | "this",
            "key" | "name" | "propertyName",
        ) => KEYS,
        (_, "ToString", "format") if numeric => NUMBER_FORMATS,
        (_, "ToString", "format") => NUMBER_FORMATS,
        _ => return None,
    })
}

/// Numbers for a parameter that is a place or a size: large ones would only try the memory.
pub(in crate::generate) fn int_for(parameter: &str) -> Option<&'static [&'static str]> {
    match parameter {
        "startIndex" | "index" | "count" | "length" | "arrayIndex" | "indexA" | "indexB"
        | "start" | "position" | "sourceIndex" | "destinationIndex" | "charIndex" | "byteIndex"
        | "offset" | "charCount" | "byteCount" | "startat" | "chunkSize" | "i" => {
            Some(&["0", "1", "2", "3", "-1", "5", "4", "100"])
        }
        "totalWidth" | "capacity" | "repeatCount" | "size" | "saltSize" | "digits" | "decimals" => {
            Some(&["0", "1", "3", "10", "-1", "20"])
        }
        "year" => Some(&["2024", "1", "9999", "0", "2023", "1900", "10000"]),
        "month" | "months" => Some(&["1", "2", "12", "0", "13", "-1", "6"]),
        "day" => Some(&["1", "28", "29", "31", "0", "32"]),
        "hour" | "hours" => Some(&["0", "12", "23", "24", "-1"]),
        "minute" | "minutes" | "second" | "seconds" => Some(&["0", "30", "59", "60", "-1"]),
        "millisecond" | "milliseconds" => Some(&["0", "1", "999", "1000"]),
        _ => None,
    }
}
