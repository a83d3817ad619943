//! `find-and-replace`: replaces a text in the body of the current message.
//!
//! It compares bytes, so bodies that are not UTF-8 keep what does not match. What must stay true: a message in which
//! nothing matches goes on as it came, headers and coding included; the result is bounded as a body that is read is.

use crate::body::coding::Coding;
use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::exchange::{BodyState, Exchange};
use crate::failure::Failure;
use crate::step::{Flow, Needs, Step};
use bytes::Bytes;
use memchr::memmem::Finder;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "find-and-replace",
    sections: Sections::ALL,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute(
            "from",
            Kind::Text,
            "the text to find, with its case; an expression that gives an empty text finds nothing",
        )
        .required()
        .expression(),
        attribute(
            "to",
            Kind::Text,
            "what stands in its place; may be empty, which removes the text",
        )
        .required()
        .expression(),
    ],
    children: &[],
    content: Content::Empty,
    doc: "Replaces every occurrence of a text in the body: of the request in `inbound` and `backend`, of the response in `outbound` and `on-error`.\n\nThe whole body is read into memory. A body in gzip or deflate goes on without that coding once something was replaced; one in any other coding is left as it is.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let from = cx.arg::<Str>(element, "from");
    let to = cx.arg::<Str>(element, "to");
    if let (Some(Arg::Const(text)), Some(from)) = (&from, element.attribute("from"))
        && text.is_empty()
    {
        cx.report(
            Diagnostic::error("TG0360", from.value.span, "there is no text to find")
                .label("expected one character at least"),
        );
        return None;
    }
    let request_body = cx.section.on_request();
    cx.needs(Needs {
        request_body,
        response_body: !request_body,
    });
    cx.step(FindAndReplace {
        from: from?,
        to: to?,
    })
}

#[derive(Debug)]
struct FindAndReplace {
    from: Arg<Str>,
    to: Arg<Str>,
}

impl FindAndReplace {
    /// The new body; `None` when it stays.
    fn body(&self, rq: &mut Exchange) -> Result<Option<Bytes>, Box<Failure>> {
        let from = self.from.get(rq)?;
        let to = self.to.get(rq)?;
        if from.is_empty() {
            return Ok(None);
        }
        let most = rq.snapshot.gateway.max_buffered_body;
        let (body, headers) = if rq.section.on_request() {
            (&rq.request.body, &rq.request.headers)
        } else {
            let response = rq.response_mut();
            (&response.body, &response.headers)
        };
        let BodyState::Buffered(bytes) = body else {
            return Ok(None);
        };
        let Some(plain) = Coding::of(headers).undo(bytes, most) else {
            return Ok(None);
        };
        replaced(&plain, from.as_bytes(), to.as_bytes(), most).map_err(|length| {
            Failure::internal(
                "",
                "",
                format!("The body would grow to {length} bytes; a body may have {most} bytes."),
            )
        })
    }
}

/// The body with every `from` replaced, left to right; `None` when there is none. The error: a length above `most`.
fn replaced(body: &[u8], from: &[u8], to: &[u8], most: usize) -> Result<Option<Bytes>, usize> {
    let finder = Finder::new(from);
    let count = finder.find_iter(body).count();
    if count == 0 {
        return Ok(None);
    }
    let length = (body.len() - count * from.len()).saturating_add(count.saturating_mul(to.len()));
    if length > most && length > body.len() {
        return Err(length);
    }
    let mut out = Vec::with_capacity(length);
    let mut rest = 0;
    for at in finder.find_iter(body) {
        out.extend_from_slice(&body[rest..at]);
        out.extend_from_slice(to);
        rest = at + from.len();
    }
    out.extend_from_slice(&body[rest..]);
    Ok(Some(Bytes::from(out)))
}

impl Step for FindAndReplace {
    fn run(&self, rq: &mut Exchange) -> Flow {
        match self.body(rq) {
            Ok(Some(body)) => {
                rq.replace_body(body);
                Flow::Next
            }
            Ok(None) => Flow::Next,
            Err(failure) => Flow::Fail(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn replaces_left_to_right_without_overlap() {
        let text = |body: &str, from: &str, to: &str| {
            replaced(body.as_bytes(), from.as_bytes(), to.as_bytes(), 100)
                .unwrap()
                .map(|b| String::from_utf8(b.to_vec()).unwrap())
        };
        assert_eq!(text("aaaaa", "aa", "b").unwrap(), "bba");
        assert_eq!(text("abc", "abc", "").unwrap(), "");
        assert_eq!(text("a-b-c", "-", "--").unwrap(), "a--b--c");
        assert_eq!(text("a", "ab", "x"), None);
        assert_eq!(text("", "a", "x"), None);
    }

    #[test]
    fn bytes_that_do_not_match_stay() {
        let body = replaced(b"\xff\x00a\xfe", b"a", "\u{e4}".as_bytes(), 100);
        assert_eq!(&body.unwrap().unwrap()[..], b"\xff\x00\xc3\xa4\xfe");
    }

    #[test]
    fn the_result_is_bounded() {
        assert_eq!(replaced(b"aaaa", b"a", b"bbb", 11), Err(12));
        assert_eq!(
            replaced(b"aaaa", b"a", b"bbb", 12).unwrap().unwrap().len(),
            12
        );
    }
}
