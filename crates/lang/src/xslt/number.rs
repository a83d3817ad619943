//! `xsl:number` (XSLT 1.0, section 7.7): counting nodes, and writing numbers in letters, Roman and decimal.
//!
//! What must stay true: counting goes through a tree once and each node counts as a step; a number that no letters can
//! write is written in digits, as .NET does.

use super::ir::Template;
use super::pattern::Pattern;
use crate::expr::eval::{Cx, Throw};
use crate::expr::table::xml::xpath::{Expr, Found, Library};
use crate::value::xml::{Kind, Node};
use std::rc::Rc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Single,
    Multiple,
    Any,
}

#[derive(Debug)]
pub(super) struct Numbering {
    pub(super) level: Level,
    pub(super) count: Option<Pattern>,
    pub(super) from: Option<Pattern>,
    pub(super) value: Option<Expr>,
    pub(super) format: Template,
    pub(super) separator: Option<Template>,
    pub(super) size: Option<Template>,
}

/// Whether a node is counted: by the pattern, or because it is of the kind and name of the one that is numbered.
fn counts(
    cx: &mut Cx<'_>,
    library: &mut dyn Library,
    numbering: &Numbering,
    of: &Node,
    node: &Rc<Node>,
) -> Result<bool, Throw> {
    cx.step(1)?;
    match &numbering.count {
        Some(pattern) => pattern.matches(cx, library, node),
        None => Ok(match (&of.kind, &node.kind) {
            (Kind::Element { .. }, Kind::Element { .. })
            | (Kind::Attribute { .. }, Kind::Attribute { .. }) => of.name() == node.name(),
            (Kind::Instruction { target, .. }, Kind::Instruction { target: other, .. }) => {
                target == other
            }
            (Kind::Text(_) | Kind::CData(_), Kind::Text(_) | Kind::CData(_))
            | (Kind::Comment(_), Kind::Comment(_))
            | (Kind::Document(_), Kind::Document(_)) => true,
            _ => false,
        }),
    }
}

fn begins(
    cx: &mut Cx<'_>,
    library: &mut dyn Library,
    numbering: &Numbering,
    node: &Rc<Node>,
) -> Result<bool, Throw> {
    match &numbering.from {
        Some(pattern) => pattern.matches(cx, library, node),
        None => Ok(false),
    }
}

/// The numbers of a node.
pub(super) fn count(
    cx: &mut Cx<'_>,
    library: &mut dyn Library,
    numbering: &Numbering,
    node: &Rc<Node>,
) -> Result<Vec<f64>, Throw> {
    match numbering.level {
        Level::Any => any(cx, library, numbering, node),
        Level::Single => {
            let mut at = Some(node.clone());
            while let Some(now) = at {
                if counts(cx, library, numbering, node, &now)? {
                    if numbering.from.is_some() && !inside(cx, library, numbering, &now)? {
                        return Ok(Vec::new());
                    }
                    return Ok(vec![place(cx, library, numbering, node, &now)?]);
                }
                if begins(cx, library, numbering, &now)? {
                    return Ok(Vec::new());
                }
                at = now.holder();
            }
            Ok(Vec::new())
        }
        Level::Multiple => {
            let mut all = Vec::new();
            let mut at = Some(node.clone());
            let mut begun = numbering.from.is_none();
            while let Some(now) = at {
                if counts(cx, library, numbering, node, &now)? {
                    all.push(place(cx, library, numbering, node, &now)?);
                }
                if begins(cx, library, numbering, &now)? {
                    begun = true;
                    break;
                }
                at = now.holder();
            }
            if !begun {
                return Ok(Vec::new());
            }
            all.reverse();
            Ok(all)
        }
    }
}

/// Whether an ancestor (or the node itself) is what counting begins at.
fn inside(
    cx: &mut Cx<'_>,
    library: &mut dyn Library,
    numbering: &Numbering,
    node: &Rc<Node>,
) -> Result<bool, Throw> {
    let mut at = Some(node.clone());
    while let Some(now) = at {
        if begins(cx, library, numbering, &now)? {
            return Ok(true);
        }
        at = now.holder();
    }
    Ok(false)
}

/// One more than the counted siblings before it.
fn place(
    cx: &mut Cx<'_>,
    library: &mut dyn Library,
    numbering: &Numbering,
    of: &Node,
    node: &Rc<Node>,
) -> Result<f64, Throw> {
    let mut n = 1.0;
    if node.is_attribute() {
        return Ok(n);
    }
    if let Some((holder, at)) = node.position() {
        cx.step(holder.width() / 16)?;
        for sibling in holder.children().into_iter().take(at) {
            if counts(cx, library, numbering, of, &sibling)? {
                n += 1.0;
            }
        }
    }
    Ok(n)
}

/// The counted nodes before it and above it, since what counting begins at.
fn any(
    cx: &mut Cx<'_>,
    library: &mut dyn Library,
    numbering: &Numbering,
    node: &Rc<Node>,
) -> Result<Vec<f64>, Throw> {
    let root = node.root();
    let target = if node.is_attribute() {
        node.holder().unwrap_or_else(|| node.clone())
    } else {
        node.clone()
    };
    let mut before = vec![root.clone()];
    if !Rc::ptr_eq(&root, &target) {
        let all = root.descendants();
        cx.step(all.len() / 8)?;
        for other in all {
            let last = Rc::ptr_eq(&other, &target);
            before.push(other);
            if last {
                break;
            }
        }
    }
    if node.is_attribute() {
        before.push(node.clone());
    }
    let mut n = 0.0;
    let mut begun = numbering.from.is_none();
    for now in before.iter().rev() {
        if counts(cx, library, numbering, node, now)? {
            n += 1.0;
        }
        if begins(cx, library, numbering, now)? {
            begun = true;
            break;
        }
    }
    Ok(if n == 0.0 || !begun {
        Vec::new()
    } else {
        vec![n]
    })
}

/// Numbers as a format shows them; `group`: what stands between how many digits.
pub(super) fn write(numbers: &[f64], format: &str, group: Option<(&str, usize)>) -> String {
    let mut tokens: Vec<(bool, &str)> = Vec::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        let word = first.is_alphanumeric();
        let end = rest
            .find(|c: char| c.is_alphanumeric() != word)
            .unwrap_or(rest.len());
        tokens.push((word, &rest[..end]));
        rest = &rest[end..];
    }
    let mut out = String::new();
    let mut prefix = "";
    let mut suffix = "";
    if let Some((false, text)) = tokens.first() {
        prefix = text;
        tokens.remove(0);
    }
    if let Some((false, text)) = tokens.last() {
        suffix = text;
        tokens.pop();
    }
    // Alone, what is no word stands around the number.
    if tokens.is_empty() {
        suffix = if suffix.is_empty() { prefix } else { suffix };
    }
    out.push_str(prefix);
    let words: Vec<&str> = tokens.iter().filter(|(w, _)| *w).map(|(_, t)| *t).collect();
    let between: Vec<&str> = tokens
        .iter()
        .filter(|(w, _)| !*w)
        .map(|(_, t)| *t)
        .collect();
    for (i, number) in numbers.iter().enumerate() {
        if i > 0 {
            let at = (i - 1).min(between.len().saturating_sub(1));
            out.push_str(between.get(at).copied().unwrap_or("."));
        }
        let word = words.get(i).or(words.last()).copied().unwrap_or("1");
        one(*number, word, group, &mut out);
    }
    out.push_str(suffix);
    out
}

fn one(number: f64, word: &str, group: Option<(&str, usize)>, out: &mut String) {
    let whole = number.is_finite() && number >= 0.5;
    let n = if whole && number < 1e15 {
        number.round() as u64
    } else {
        0
    };
    match word {
        "a" if n > 0 => letters(n, b'a', out),
        "A" if n > 0 => letters(n, b'A', out),
        "i" if n > 0 && n < 32_768 => out.push_str(&roman(n).to_lowercase()),
        "I" if n > 0 && n < 32_768 => out.push_str(&roman(n)),
        _ => {
            let (zero, width) = decimal(word);
            let digits = if n > 0 {
                n.to_string()
            } else {
                Found::Number(number.round()).text()
            };
            let digits = format!("{}{digits}", "0".repeat(width.saturating_sub(digits.len())));
            let digits: String = digits
                .chars()
                .map(|c| match c.to_digit(10) {
                    Some(d) => char::from_u32(zero + d).unwrap_or(c),
                    None => c,
                })
                .collect();
            match group {
                Some((separator, size)) if size > 0 => {
                    let count = digits.chars().count();
                    for (i, c) in digits.chars().enumerate() {
                        if i > 0 && (count - i).is_multiple_of(size) {
                            out.push_str(separator);
                        }
                        out.push(c);
                    }
                }
                _ => out.push_str(&digits),
            }
        }
    }
}

/// The zeros of the scripts that write numbers in decimal.
const ZEROS: [u32; 15] = [
    0x30, 0x660, 0x6f0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0,
    0xf20, 0xff10,
];

/// The zero of a word like `001`, and how many digits it asks for; of any other word those of `1`.
fn decimal(word: &str) -> (u32, usize) {
    let width = word.chars().count();
    let fits = |zero: &&u32| {
        word.chars()
            .enumerate()
            .all(|(i, c)| u32::from(c) == if i + 1 == width { **zero + 1 } else { **zero })
    };
    match ZEROS.iter().find(fits) {
        Some(zero) if width < 64 => (*zero, width),
        _ => (ZEROS[0], 1),
    }
}

/// `a`, `b`, ... `z`, `aa`.
fn letters(mut n: u64, first: u8, out: &mut String) {
    let mut text = Vec::new();
    while n > 0 {
        n -= 1;
        text.push(char::from(first + (n % 26) as u8));
        n /= 26;
    }
    out.extend(text.iter().rev());
}

fn roman(mut n: u64) -> String {
    const VALUES: [(u64, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let mut out = String::new();
    for (value, text) in VALUES {
        while n >= value {
            out.push_str(text);
            n -= value;
        }
    }
    out
}
