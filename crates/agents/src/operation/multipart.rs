//! `multipart/form-data` (RFC 7578) from an object's members.
//!
//! What must stay true: a name or a value cannot end its part; the boundary does not occur in any of them.

use super::contract::Field;
use super::style;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut, Bytes, BytesMut};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// `Content-Type` and the body; the error says which member cannot be written and why.
pub fn write(
    members: &Map<String, Value>,
    fields: &BTreeMap<String, Field>,
) -> Result<(String, Bytes), (String, String)> {
    let mut parts = Vec::new();
    for (name, value) in members {
        let field = fields.get(name);
        let items = match value {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        for item in items {
            parts.push(part(name, item, field).map_err(|why| (name.clone(), why))?);
        }
    }
    let boundary = boundary(&parts);
    let mut body = BytesMut::new();
    for (head, content) in &parts {
        body.put_slice(b"--");
        body.put_slice(boundary.as_bytes());
        body.put_slice(b"\r\n");
        body.put_slice(head.as_bytes());
        body.put_slice(b"\r\n\r\n");
        body.put_slice(content);
        body.put_slice(b"\r\n");
    }
    body.put_slice(b"--");
    body.put_slice(boundary.as_bytes());
    body.put_slice(b"--\r\n");
    Ok((
        format!("multipart/form-data; boundary={boundary}"),
        body.freeze(),
    ))
}

/// Head and content of a part.
fn part(name: &str, value: &Value, field: Option<&Field>) -> Result<(String, Vec<u8>), String> {
    let mut head = format!("Content-Disposition: form-data; name=\"{}\"", escaped(name));
    let told = field.and_then(|f| f.content_type.as_deref());
    let (content, default) = if field.is_some_and(|f| f.binary) {
        head.push_str(&format!("; filename=\"{}\"", escaped(name)));
        (decode(value)?, Some("application/octet-stream"))
    } else if value.is_object() || value.is_array() {
        (value.to_string().into_bytes(), Some("application/json"))
    } else {
        (style::text(value).into_owned().into_bytes(), None)
    };
    if let Some(kind) = told.or(default) {
        head.push_str("\r\nContent-Type: ");
        head.extend(kind.chars().filter(|c| !c.is_control()));
    }
    Ok((head, content))
}

/// The bytes of a base64 text.
pub fn decode(value: &Value) -> Result<Vec<u8>, String> {
    let text = value.as_str().ok_or("expected base64 text")?;
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD
        .decode(text)
        .map_err(|why| format!("expected base64 text: {why}"))
}

/// A name as HTML forms write it.
fn escaped(name: &str) -> String {
    name.replace('\r', "%0D")
        .replace('\n', "%0A")
        .replace('"', "%22")
}

/// A line that no part holds.
fn boundary(parts: &[(String, Vec<u8>)]) -> String {
    let mut number = 0u32;
    loop {
        let boundary = format!("tollgate-part-{number}");
        let held = parts.iter().any(|(head, content)| {
            head.contains(&boundary) || memchr::memmem::find(content, boundary.as_bytes()).is_some()
        });
        if !held {
            return boundary;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn writes_texts_files_and_json() {
        let members = json!({"note": "hi", "file": "AAH/", "tags": ["a", "b"], "meta": {"x": 1}});
        let mut fields = BTreeMap::new();
        fields.insert(
            String::from("file"),
            Field {
                binary: true,
                content_type: Some(String::from("image/png")),
                ..Field::default()
            },
        );
        let (kind, body) = write(members.as_object().unwrap(), &fields).unwrap();
        assert_eq!(kind, "multipart/form-data; boundary=tollgate-part-0");
        let mut expected = Vec::from(
            &b"--tollgate-part-0\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhi\r\n\
            --tollgate-part-0\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\nContent-Type: image/png\r\n\r\n"[..],
        );
        expected.extend([0, 1, 255]);
        expected.extend(
            &b"\r\n--tollgate-part-0\r\nContent-Disposition: form-data; name=\"tags\"\r\n\r\na\r\n\
            --tollgate-part-0\r\nContent-Disposition: form-data; name=\"tags\"\r\n\r\nb\r\n\
            --tollgate-part-0\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: application/json\r\n\r\n{\"x\":1}\r\n\
            --tollgate-part-0--\r\n"[..],
        );
        assert_eq!(
            String::from_utf8_lossy(&body),
            String::from_utf8_lossy(&expected)
        );
    }

    #[test]
    fn nothing_ends_its_part() {
        let members = json!({"a\"\r\nX: y": "--tollgate-part-0\r\n"});
        let (kind, body) = write(members.as_object().unwrap(), &BTreeMap::new()).unwrap();
        assert_eq!(kind, "multipart/form-data; boundary=tollgate-part-1");
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains(
            "name=\"a%22%0D%0AX: y\"\r\n\r\n--tollgate-part-0\r\n\r\n--tollgate-part-1--"
        ));
        let file = BTreeMap::from([(
            String::from("f"),
            Field {
                binary: true,
                ..Field::default()
            },
        )]);
        let bad = write(json!({"f": "***"}).as_object().unwrap(), &file);
        assert_eq!(bad.unwrap_err().0, "f");
    }
}
