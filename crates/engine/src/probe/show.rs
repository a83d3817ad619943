//! Values for people: the C# name of a type and the value on one line, or its parts.
//!
//! Used by traces and the debugger. What must stay true: bounded in length and depth, whatever the value holds; nothing
//! here masks, so what comes out goes through [`super::mask::Mask`].

use tollgate_lang::value::Value;

/// Most bytes of a value's text.
const LONGEST: usize = 64 << 10;

/// Most items of a collection that are written.
const MOST_ITEMS: usize = 100;

/// How deep collections are written in one another.
const DEEPEST: usize = 4;

/// The type as C# writes it: `string`, `JObject`, `List<int>`.
pub fn type_name(value: &Value) -> String {
    match value {
        Value::Null => String::from("null"),
        Value::Response(_) => String::from("IResponse"),
        value => short(&value.type_name()),
    }
}

/// A .NET type name without namespaces and assemblies, with C#'s words for the basic types.
fn short(full: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    let end = |word: &mut String, out: &mut String| {
        let name = word.rsplit('.').next().unwrap_or_default();
        out.push_str(match (name, word.starts_with("System.")) {
            ("String", true) => "string",
            ("Boolean", true) => "bool",
            ("Int32", true) => "int",
            ("Int64", true) => "long",
            ("Double", true) => "double",
            ("Decimal", true) => "decimal",
            ("Object", true) => "object",
            ("Byte", true) => "byte",
            ("Char", true) => "char",
            (name, _) => name,
        });
        word.clear();
    };
    let mut characters = full.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '`' => while characters.next_if(char::is_ascii_digit).is_some() {},
            '[' if matches!(characters.peek(), Some(']' | ',')) => {
                end(&mut word, &mut out);
                out.push(c);
            }
            ',' if characters.peek() == Some(&' ') => {
                // An assembly, up to the bracket that closes the argument.
                while characters.next_if(|c| *c != ']').is_some() {}
            }
            '[' | ']' | ',' => {
                end(&mut word, &mut out);
                out.push(c);
            }
            c => word.push(c),
        }
    }
    end(&mut word, &mut out);
    out.replace("[[", "<")
        .replace("],[", ", ")
        .replace("]]", ">")
}

/// The value on one line: texts as they are, JSON compact, collections with their items.
pub fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out
}

fn write(value: &Value, depth: usize, out: &mut String) {
    if out.len() > LONGEST {
        return;
    }
    let list = |items: Vec<Value>, out: &mut String| {
        out.push('[');
        for (at, item) in items.iter().take(MOST_ITEMS).enumerate() {
            if at > 0 {
                out.push_str(", ");
            }
            write(item, depth + 1, out);
        }
        if items.len() > MOST_ITEMS {
            out.push_str(", ...");
        }
        out.push(']');
    };
    match value {
        Value::Null => out.push_str("null"),
        Value::Str(text) if depth > 0 => out.push_str(&quoted(text)),
        Value::Token(_) => {
            let text = value.to_text();
            match serde_json::from_str::<serde_json::Value>(&text) {
                Ok(json) => out.push_str(&json.to_string()),
                Err(_) => out.push_str(&text),
            }
        }
        Value::Response(response) => {
            out.push_str(&format!("{} {}", response.status, response.reason));
        }
        Value::Bytes(bytes) => out.push_str(&format!("{} bytes", bytes.len())),
        Value::List(_) | Value::Dict(_) | Value::Object(_) if depth >= DEEPEST => {
            out.push_str("...");
        }
        Value::List(items) => list(items.items().clone(), out),
        Value::Dict(dict) => {
            out.push('{');
            for (at, (key, value)) in dict.entries().iter().take(MOST_ITEMS).enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write(key, depth + 1, out);
                out.push_str(": ");
                write(value, depth + 1, out);
            }
            if dict.len() > MOST_ITEMS {
                out.push_str(", ...");
            }
            out.push('}');
        }
        Value::Object(object) => match object.items() {
            Some(items) => list(items, out),
            None => out.push_str(&value.to_text()),
        },
        value => out.push_str(&value.to_text()),
    }
}

/// A text in quotes.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use tollgate_lang::expr::Target;
    use tollgate_lang::expr::fixture::Fixture;
    use tollgate_lang::expr::outcome::compiled;

    #[test]
    fn types_and_values() {
        let mut all = String::new();
        for code in [
            "@(1)",
            "@((string)null)",
            "@(\"a\")",
            "@(new[] { 1, 2 })",
            "@(new List<string> { \"a\" })",
            "@(new Dictionary<string, object> { { \"a\", 1 } })",
            "@(JObject.Parse(\"{\\\"a\\\": [1, null]}\"))",
            "@(new byte[] { 1 })",
            "@(1.5m)",
            "@(TimeSpan.FromSeconds(1))",
        ] {
            let value = compiled(code, Target::Any).unwrap();
            let value = value
                .eval(&mut Fixture::read(&serde_json::Value::Null).unwrap())
                .unwrap();
            all.push_str(&format!("{}: {}\n", type_name(&value), text(&value)));
        }
        expect![[r#"
            int: 1
            null: null
            string: a
            int[]: [1, 2]
            List[string]: ["a"]
            Dictionary[string,object]: {"a": 1}
            JObject: {"a":[1,null]}
            byte[]: [1]
            decimal: 1.5
            TimeSpan: 00:00:01
        "#]]
        .assert_eq(&all);
    }
}
