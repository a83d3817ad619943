//! The BER of PKCS #12 files, as far as they use it: elements one in another.

/// An element: its tag, its content, and both with the length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'d> {
    tag: u8,
    pub(super) content: &'d [u8],
    pub(super) whole: &'d [u8],
}

/// Most elements of one level.
const MOST: usize = 10_000;

/// The elements that a text is a row of.
pub(super) fn elements(mut der: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut out = Vec::new();
    while let [tag, first, rest @ ..] = der {
        let mut length = usize::from(*first);
        let mut rest = rest;
        if length >= 0x80 {
            let (digits, after) = rest.split_at_checked(length - 0x80)?;
            if digits.is_empty() || digits.len() > 4 {
                return None;
            }
            length = digits.iter().fold(0, |n, b| n << 8 | usize::from(*b));
            rest = after;
        }
        let (content, after) = rest.split_at_checked(length)?;
        out.push(Element {
            tag: *tag,
            content,
            whole: &der[..der.len() - after.len()],
        });
        if out.len() > MOST {
            return None;
        }
        der = after;
    }
    der.is_empty().then_some(out)
}

impl<'d> Element<'d> {
    /// The elements inside, when it is made of some.
    pub(super) fn inner(&self) -> Option<Vec<Element<'d>>> {
        (self.tag & 0x20 != 0)
            .then(|| elements(self.content))
            .flatten()
    }

    /// A number that is not negative.
    pub(super) fn number(&self) -> Option<u64> {
        let digits = self.content;
        (self.tag == 2 && digits.len() <= 8 && digits.first().is_some_and(|b| *b < 0x80))
            .then(|| digits.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
    }
}

/// An object identifier with points.
pub(super) fn oid(content: &[u8]) -> Option<String> {
    let mut numbers: Vec<u64> = Vec::new();
    let mut n: u64 = 0;
    for byte in content {
        n = n.checked_mul(128)? + u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if numbers.is_empty() {
                let first = (n / 40).min(2);
                numbers.push(first);
                n -= first * 40;
            }
            numbers.push(n);
            n = 0;
        }
    }
    let texts: Vec<String> = numbers.iter().map(u64::to_string).collect();
    Some(texts.join("."))
}
