//! What holds for every JSON, every document of XML and every path into them, over texts that are put together of bits
//! and over random bytes.

use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;
use std::time::Duration;
use tollgate_lang::fuzz;

const JSON: [&str; 44] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"a\"",
    "'b'",
    "c",
    "$d",
    "1",
    "-2.5",
    "1e400",
    "0x1F",
    "010",
    "123456789012345678901",
    "true",
    "false",
    "null",
    "undefined",
    "NaN",
    "-Infinity",
    "new Date(",
    ")",
    "/*c*/",
    "//x\n",
    "\"2024-01-02T03:04:05Z\"",
    "\"/Date(1)/\"",
    "\"\\u00e9\\n\"",
    "'\\'",
    " ",
    "\n",
    "{\"a\":",
    "{\"a\":1}",
    "[1,2]",
    "\u{feff}",
    "\u{2028}",
    "é",
    "\0",
    "\"a.b\":",
    "\"e'f\":",
    "\"\":",
    "[[",
    "]]",
];

const JSON_PATH: [&str; 40] = [
    "$",
    ".",
    "..",
    "*",
    "a",
    "b",
    "['a.b']",
    "['e\\'f']",
    "[0]",
    "[-1]",
    "[*]",
    "[1:2]",
    "[::-1]",
    "[0,1]",
    "['a','b']",
    "[?(",
    "@",
    "@.a",
    ")]",
    "==",
    "!=",
    "===",
    "<",
    ">=",
    "=~",
    "/x/i",
    "1",
    "'x'",
    "null",
    "true",
    "&&",
    "||",
    " ",
    "[",
    "]",
    "(",
    ")",
    "'",
    "$x",
    "-",
];

const XML: [&str; 40] = [
    "<a>",
    "</a>",
    "<b/>",
    "<a ",
    "x=\"1\"",
    " y='2'",
    ">",
    "/>",
    "<p:c xmlns:p=\"urn:p\">",
    "</p:c>",
    " xmlns=\"u\"",
    " xmlns:q='urn:p'",
    " p:z=\"1\"",
    "&amp;",
    "&#65;",
    "&#x0;",
    "&no;",
    "<!--c-->",
    "<?pi d?>",
    "<![CDATA[",
    "]]>",
    "<!DOCTYPE a>",
    "<?xml version=\"1.0\"?>",
    "text",
    " ",
    "\n",
    "\r\n",
    "\"",
    "'",
    "<",
    "é",
    "\u{1}",
    "\u{fffe}",
    "<a",
    "</",
    "<q:b/>",
    "]",
    "--",
    "xml:space='preserve'",
    "<a><b>1</b></a>",
];

const XPATH: [&str; 44] = [
    "/",
    "//",
    "a",
    "b",
    "*",
    "@x",
    "@*",
    "..",
    ".",
    "[1]",
    "[last()]",
    "[",
    "]",
    "(",
    ")",
    "p:c",
    "p:*",
    "text()",
    "node()",
    "comment()",
    "ancestor::",
    "following::",
    "preceding-sibling::",
    "descendant-or-self::",
    "count(",
    "contains(",
    "name()",
    "position()",
    "string(",
    "sum(",
    "'x'",
    "1",
    "=",
    "!=",
    "<",
    " or ",
    " and ",
    "|",
    "+",
    "-",
    " div ",
    ",",
    "not(",
    "substring('abc',2)",
];

fn joined(u: &mut Unstructured<'_>, bits: &[&str], most: usize) -> Result<String> {
    let mut out = String::new();
    for _ in 0..u.int_in_range(0..=most)? {
        out.push_str(u.choose(bits)?);
    }
    Ok(out)
}

#[test]
fn json_is_read_and_written() {
    arbtest(|u| {
        fuzz::json(joined(u, &JSON, 24)?.as_bytes());
        fuzz::json(&u.arbitrary::<Vec<u8>>()?);
        Ok(())
    })
    .budget(Duration::from_millis(400));
}

#[test]
fn json_paths_find_what_is_there() {
    const TREE: &str =
        "{\"a\":{\"b\":[1,{\"a\":2},[3]],\"a.b\":null},\"e'f\":\"x\",\"b\":[true,1.5]}";
    arbtest(|u| {
        let path = joined(u, &JSON_PATH, 10)?;
        fuzz::json_path(format!("{path}\n{TREE}").as_bytes());
        fuzz::json_path(format!("{path}\n{}", joined(u, &JSON, 12)?).as_bytes());
        Ok(())
    })
    .budget(Duration::from_millis(400));
}

#[test]
fn xml_is_written_as_it_was_read() {
    const TREE: &str =
        "<a x=\"1\"><b>t</b><!--c--><p:c xmlns:p=\"urn:p\" p:z=\"2\"><b/></p:c>u<?pi d?></a>";
    arbtest(|u| {
        let path = joined(u, &XPATH, 10)?;
        fuzz::xml(format!("{path}\n{TREE}").as_bytes());
        fuzz::xml(format!("{path}\n{}", joined(u, &XML, 16)?).as_bytes());
        Ok(())
    })
    .budget(Duration::from_millis(400));
}
