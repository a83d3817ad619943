//! The entry points with random pieces of what they read.

use arbtest::{arbitrary, arbtest};

/// Random pieces, now and then with a byte that fits nowhere.
fn pieces(u: &mut arbitrary::Unstructured<'_>, of: &[&str]) -> arbitrary::Result<Vec<u8>> {
    let mut data = Vec::new();
    for _ in 0..u.int_in_range(0..=20)? {
        if u.ratio(1, 10)? {
            data.push(u.arbitrary()?);
        } else {
            data.extend_from_slice(u.choose(of)?.as_bytes());
        }
    }
    Ok(data)
}

/// The same behind a random way of cutting.
fn cut(u: &mut arbitrary::Unstructured<'_>, of: &[&str]) -> arbitrary::Result<Vec<u8>> {
    let mut data = vec![u.int_in_range(0..=7)?];
    for _ in 0..data[0] {
        data.push(u.int_in_range(0..=40)?);
    }
    data.extend(pieces(u, of)?);
    Ok(data)
}

const STREAM: &[&str] = &[
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\r\n\r\n",
    "data: ",
    "data:",
    "event: x",
    ": c",
    "[DONE]",
    "\u{feff}",
    r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#,
    r#"{"choices":[{"delta":{"content":"é\u00e9"}}],"model":"gpt-4o","usage":null}"#,
    r#"{"type":"response.completed","response":{"usage":{"input_tokens":1,"output_tokens":99999999999999999999}}}"#,
    r#""usage":{"#,
    r#""usageMetadata":{"promptTokenCount":1e99}"#,
    r#""delta":"#,
    "\"",
    "}",
    "\\",
];

const REQUEST: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    " ",
    "\"",
    "\\",
    "\\ud800",
    "null",
    "true",
    "1e400",
    "-1",
    r#""stream":true"#,
    r#""stream_options":{}"#,
    r#""stream_options":null"#,
    r#""stream_options":{"include_usage":false,"include_usage":0}"#,
    r#""str\u0065am":true"#,
    r#""messages":[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url"}]}]"#,
    r#""tools":[{"type":"function","function":{"name":"f","parameters":{"properties":{"a":{"enum":["x"]}}}}}]"#,
    r#""input":[[1,2],"x",{"type":"function_call","arguments":"{}"}]"#,
    r#""model":"gpt-4o""#,
    r#"{"stream":true,"n":2,"max_tokens":18446744073709551615}"#,
    "/openai/deployments/é/chat/completions",
];

#[test]
fn any_stream_is_cut_alike() {
    arbtest(|u| {
        super::sse(&cut(u, STREAM)?);
        Ok(())
    });
}

#[test]
fn any_request_is_read() {
    arbtest(|u| {
        super::request(&pieces(u, REQUEST)?);
        Ok(())
    });
}

#[test]
fn any_stream_is_metered_alike() {
    arbtest(|u| {
        super::stream(&cut(u, STREAM)?);
        Ok(())
    });
}

/// What fuzzing has found.
#[test]
fn streams_that_were_metered_by_their_cuts() {
    super::stream(b"\x01\x00\x00\n\r\nhoi:] [ENDdOata:]\n a:]\n a]\n a]\n");
}
