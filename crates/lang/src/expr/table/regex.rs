//! `Regex`, `Match`, `Group`.
//!
//! fancy-regex runs the patterns, with a bound on backtracking. What .NET would match differently is refused, not guessed.

use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::{Object, Str, Value, text};
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

/// Most backtracking steps of one match.
const BACKTRACK: usize = 200_000;
const MAX_PATTERN: usize = 16 * 1024;

const IGNORE_CASE: i64 = 1;
const MULTILINE: i64 = 2;
const EXPLICIT: i64 = 4;
const SINGLELINE: i64 = 16;
const BLANK: i64 = 32;
const RIGHT_TO_LEFT: i64 = 64;

#[derive(Debug)]
struct Regex {
    compiled: Rc<fancy_regex::Regex>,
    pattern: Str,
}

impl Object for Regex {
    fn ty(&self) -> Ty {
        Ty::class("Regex")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        self.pattern.to_string()
    }
}

#[derive(Clone, Debug)]
struct Captured {
    name: Option<Str>,
    /// Byte range in the input; `None`: the group took no part.
    at: Option<(usize, usize)>,
}

/// A `Match`, or the failed one.
#[derive(Debug)]
struct Match {
    input: Str,
    groups: Vec<Captured>,
    regex: Rc<fancy_regex::Regex>,
}

#[derive(Debug)]
struct Group {
    input: Str,
    captured: Captured,
}

macro_rules! object {
    ($t:ident, $name:literal, $self:ident => $text:expr) => {
        impl Object for $t {
            fn ty(&self) -> Ty {
                Ty::class($name)
            }
            fn as_any(&self) -> &dyn Any {
                self
            }
            fn text(&$self) -> String {
                $text
            }
        }
    };
}

object!(Match, "Match", self => self.group(0).value().to_string());
object!(Group, "Group", self => self.value().to_string());

impl Match {
    fn group(&self, i: usize) -> Group {
        let captured = self.groups.get(i).cloned().unwrap_or(Captured {
            name: None,
            at: None,
        });
        Group {
            input: self.input.clone(),
            captured,
        }
    }
}

impl Group {
    fn value(&self) -> &str {
        self.captured.at.map_or("", |(a, b)| &self.input[a..b])
    }
}

/// `GroupCollection`: the groups of one match.
#[derive(Debug)]
struct Groups(Rc<Match>);

impl Object for Groups {
    fn ty(&self) -> Ty {
        Ty::class("GroupCollection")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn items(&self) -> Option<Vec<Value>> {
        Some(
            (0..self.0.groups.len())
                .map(|i| Value::Object(Rc::new(self.0.group(i)) as Rc<dyn Object>))
                .collect(),
        )
    }
}

thread_local! {
    /// Patterns of this thread, most recent last: static calls would compile each time.
    static CACHE: RefCell<Vec<(Str, i64, Rc<fancy_regex::Regex>)>> = const { RefCell::new(Vec::new()) };
}

const CACHED: usize = 64;

fn unsupported(what: &str) -> Throw {
    throw(
        "NotSupportedException",
        format!("The regular expression uses {what}, which is not supported here."),
    )
}

/// Rewrites what differs: `(?<name>`, `\z`, `$`, `\d` and the options.
fn translate(pattern: &str, options: i64) -> Result<String, Throw> {
    if options & RIGHT_TO_LEFT != 0 {
        return Err(unsupported("RightToLeft"));
    }
    if options & EXPLICIT != 0 {
        return Err(unsupported("ExplicitCapture"));
    }
    let chars: Vec<char> = pattern.chars().collect();
    let mut out = String::new();
    let mut flags = String::new();
    for (bit, flag) in [
        (IGNORE_CASE, 'i'),
        (SINGLELINE, 's'),
        (MULTILINE, 'm'),
        (BLANK, 'x'),
    ] {
        if options & bit != 0 {
            flags.push(flag);
        }
    }
    if !flags.is_empty() {
        out.push_str(&format!("(?{flags})"));
    }
    let mut class = 0usize;
    let mut i = 0;
    while i < chars.len() {
        let c = chars[i];
        let rest: String = chars[i..].iter().take(4).collect();
        match c {
            '\\' => {
                let Some(&n) = chars.get(i + 1) else {
                    return Err(throw("ArgumentException", "Illegal \\ at end of pattern."));
                };
                match n {
                    'Z' => out.push_str("(?=\\n?\\z)"),
                    '/' | '"' | '\'' | ' ' | '#' | ':' | ';' | ',' | '=' | '!' | '@' | '%'
                    | '&' | '<' | '>' | '`' | '~' | '_' | '-' => {
                        if class > 0 && n == '-' || n == '#' || n == ' ' {
                            out.push('\\');
                        }
                        out.push(n);
                    }
                    'e' => out.push_str("\\x1b"),
                    'G' => return Err(unsupported("\\G")),
                    'p' | 'P' if chars.get(i + 2) == Some(&'{') => {
                        let name: String =
                            chars[i + 3..].iter().take_while(|c| **c != '}').collect();
                        if name.starts_with("Is") {
                            return Err(unsupported("named Unicode blocks"));
                        }
                        out.push('\\');
                        out.push(n);
                    }
                    _ => {
                        out.push('\\');
                        out.push(n);
                    }
                }
                i += 2;
                continue;
            }
            '[' if class == 0 => {
                class = 1;
                out.push('[');
                if chars.get(i + 1) == Some(&'^') {
                    out.push('^');
                    i += 1;
                }
                if chars.get(i + 1) == Some(&']') {
                    out.push_str("\\]");
                    i += 1;
                }
            }
            '[' => out.push_str("\\["),
            ']' if class > 0 => {
                class = 0;
                out.push(']');
            }
            '-' if class > 0 && chars.get(i + 1) == Some(&'[') => {
                return Err(unsupported("character class subtraction"));
            }
            '&' | '~' if class > 0 => {
                out.push('\\');
                out.push(c);
            }
            // `$` also matches before a last line feed.
            '$' if class == 0 && options & MULTILINE == 0 => out.push_str("(?=\\n?\\z)"),
            '(' if class == 0 && rest.starts_with("(?'") => {
                let name: String = chars[i + 3..].iter().take_while(|c| **c != '\'').collect();
                if name.contains('-') {
                    return Err(unsupported("balancing groups"));
                }
                out.push_str(&format!("(?<{name}>"));
                i += 3 + name.chars().count() + 1;
                continue;
            }
            '(' if class == 0
                && rest.starts_with("(?<")
                && !rest.starts_with("(?<=")
                && !rest.starts_with("(?<!") =>
            {
                let name: String = chars[i + 3..].iter().take_while(|c| **c != '>').collect();
                if name.contains('-') {
                    return Err(unsupported("balancing groups"));
                }
                if name.starts_with(|c: char| c.is_ascii_digit()) {
                    return Err(unsupported("numbered group names"));
                }
                out.push('(');
            }
            c => out.push(c),
        }
        i += 1;
    }
    Ok(out)
}

fn compiled(pattern: &Str, options: i64) -> Result<Rc<fancy_regex::Regex>, Throw> {
    let cached = CACHE.with(|c| {
        c.borrow()
            .iter()
            .find(|(p, o, _)| *o == options && p == pattern)
            .map(|(_, _, r)| r.clone())
    });
    if let Some(r) = cached {
        return Ok(r);
    }
    if pattern.len() > MAX_PATTERN {
        return Err(Throw::Bound(
            "System.OutOfMemoryException",
            format!("a regular expression is longer than {MAX_PATTERN} bytes"),
        ));
    }
    let translated = translate(pattern, options)?;
    let built = fancy_regex::RegexBuilder::new(&translated)
        .backtrack_limit(BACKTRACK)
        .build();
    let r = Rc::new(built.map_err(|e| {
        throw(
            "ArgumentException",
            format!("Invalid pattern '{pattern}': {e}"),
        )
    })?);
    CACHE.with(|c| {
        let mut c = c.borrow_mut();
        if c.len() >= CACHED {
            c.remove(0);
        }
        c.push((pattern.clone(), options, r.clone()));
    });
    Ok(r)
}

fn too_long() -> Throw {
    throw(
        "RegexMatchTimeoutException",
        format!("The regular expression needed more than {BACKTRACK} backtracking steps."),
    )
}

/// The expression of a call: an object, or pattern and options of a static call.
fn regex(a: &Args<'_>, fixed: bool) -> Result<(Rc<fancy_regex::Regex>, Str), Throw> {
    if !fixed {
        return Ok((a.object::<Regex>(0)?.compiled.clone(), a.str(1)?));
    }
    Ok((compiled(&a.str(1)?, 0)?, a.str(0)?))
}

fn found(r: &Rc<fancy_regex::Regex>, input: &Str, at: usize) -> Result<Option<Match>, Throw> {
    let caps = r.captures_from_pos(&**input, at).map_err(|_| too_long())?;
    Ok(caps.map(|caps| {
        let names: Vec<Option<&str>> = r.capture_names().collect();
        let groups = (0..caps.len())
            .map(|i| Captured {
                name: names.get(i).copied().flatten().map(Str::from),
                at: caps.get(i).map(|g| (g.start(), g.end())),
            })
            .collect();
        Match {
            input: input.clone(),
            groups,
            regex: r.clone(),
        }
    }))
}

fn all(cx: &mut Cx<'_>, r: &Rc<fancy_regex::Regex>, input: &Str) -> Result<Vec<Match>, Throw> {
    let mut out = Vec::new();
    let mut at = 0;
    while at <= input.len() {
        cx.step(16)?;
        let Some(m) = found(r, input, at)? else { break };
        let (start, end) = m.groups[0].at.unwrap_or((at, at));
        at = if end > start {
            end
        } else {
            end + input[end..].chars().next().map_or(1, char::len_utf8)
        };
        cx.charge(128 + m.groups.len() * 48)?;
        out.push(m);
    }
    Ok(out)
}

fn failed(r: &Rc<fancy_regex::Regex>) -> Match {
    Match {
        input: Str::from(""),
        groups: vec![Captured {
            name: None,
            at: None,
        }],
        regex: r.clone(),
    }
}

fn first(a: &Args<'_>, r: Rc<fancy_regex::Regex>, input: Str) -> R {
    let _ = a;
    let m = found(&r, &input, 0)?;
    Ok(Value::Object(Rc::new(m.unwrap_or_else(|| failed(&r)))))
}

fn is_match(r: &fancy_regex::Regex, input: &str) -> R {
    r.is_match(input).map(Value::Bool).map_err(|_| too_long())
}

fn matches(cx: &mut Cx<'_>, r: &Rc<fancy_regex::Regex>, input: &Str) -> R {
    let list = all(cx, r, input)?
        .into_iter()
        .map(|m| Value::Object(Rc::new(m) as Rc<dyn Object>))
        .collect();
    cx.list(Ty::class("MatchCollection"), list)
}

/// `$1`, `${name}`, `$$`, `$&` of a replacement.
fn expand(replacement: &str, m: &Match, out: &mut String) {
    let chars: Vec<char> = replacement.chars().collect();
    let mut i = 0;
    while i < chars.len() {
        if chars[i] != '$' || i + 1 >= chars.len() {
            out.push(chars[i]);
            i += 1;
            continue;
        }
        match chars[i + 1] {
            '$' => {
                out.push('$');
                i += 2;
            }
            '&' | '0' if chars[i + 1] == '&' => {
                out.push_str(m.group(0).value());
                i += 2;
            }
            '{' => {
                let name: String = chars[i + 2..].iter().take_while(|c| **c != '}').collect();
                let known = name
                    .parse::<usize>()
                    .ok()
                    .filter(|n| *n < m.groups.len())
                    .or_else(|| {
                        m.groups
                            .iter()
                            .position(|g| g.name.as_deref() == Some(name.as_str()))
                    });
                match known {
                    Some(n) => {
                        out.push_str(m.group(n).value());
                        i += 3 + name.chars().count();
                    }
                    None => {
                        out.push('$');
                        i += 1;
                    }
                }
            }
            c if c.is_ascii_digit() => {
                let digits: String = chars[i + 1..]
                    .iter()
                    .take_while(|c| c.is_ascii_digit())
                    .collect();
                match digits.parse::<usize>().ok().filter(|n| *n < m.groups.len()) {
                    Some(n) => {
                        out.push_str(m.group(n).value());
                        i += 1 + digits.len();
                    }
                    None => {
                        out.push('$');
                        i += 1;
                    }
                }
            }
            _ => {
                out.push('$');
                i += 1;
            }
        }
    }
}

enum With {
    Text(Str),
    Call(Value),
}

fn replaced(
    cx: &mut Cx<'_>,
    r: &Rc<fancy_regex::Regex>,
    input: &Str,
    with: &With,
    limit: usize,
) -> R {
    let mut out = String::new();
    let mut at = 0;
    for m in all(cx, r, input)?.into_iter().take(limit) {
        let (start, end) = m.groups[0].at.unwrap_or((at, at));
        out.push_str(&input[at..start]);
        match with {
            With::Text(t) => expand(t, &m, &mut out),
            With::Call(f) => {
                let v = cx.call(f, &[Value::Object(Rc::new(m))])?;
                out.push_str(&v.to_text());
            }
        }
        at = end;
        cx.step(1)?;
        if out.len() > crate::expr::eval::MAX_BYTES {
            break;
        }
    }
    out.push_str(&input[at..]);
    cx.text(out)
}

fn split(cx: &mut Cx<'_>, r: &Rc<fancy_regex::Regex>, input: &Str) -> R {
    let mut out = Vec::new();
    let mut at = 0;
    for m in all(cx, r, input)? {
        let (start, end) = m.groups[0].at.unwrap_or((at, at));
        out.push(Value::from(&input[at..start]));
        for g in &m.groups[1..] {
            if let Some((a, b)) = g.at {
                out.push(Value::from(&input[a..b]));
            }
        }
        at = end;
    }
    out.push(Value::from(&input[at..]));
    cx.list(Ty::array(Ty::String), out)
}

fn made(pattern: Str, options: i64) -> R {
    let compiled = compiled(&pattern, options)?;
    Ok(Value::Object(Rc::new(Regex { compiled, pattern })))
}

fn text_arg(a: &Args<'_>, i: usize) -> Result<With, Throw> {
    a.str(i).map(With::Text)
}

/// A class of characters that a pattern reads literally.
fn escape(s: &str) -> String {
    let mut out = String::new();
    for c in s.chars() {
        match c {
            '\\' | '*' | '+' | '?' | '|' | '{' | '[' | '(' | ')' | '^' | '$' | '.' | '#' | ' ' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out
}

const REGEX: &[Row] = &[
    m("new(string pattern)", |_, a| made(a.str(0)?, 0)),
    m("new(string pattern, RegexOptions options)", |_, a| {
        made(a.str(0)?, a.int(1))
    }),
    m(
        "static bool IsMatch(string input, string pattern)",
        |_, a| {
            let (r, s) = regex(a, true)?;
            is_match(&r, &s)
        },
    ),
    m(
        "static bool IsMatch(string input, string pattern, RegexOptions options)",
        |_, a| is_match(&*compiled(&a.str(1)?, a.int(2))?, a.text(0)?),
    ),
    m(
        "static Match Match(string input, string pattern)",
        |_, a| {
            let (r, s) = regex(a, true)?;
            first(a, r, s)
        },
    ),
    m(
        "static Match Match(string input, string pattern, RegexOptions options)",
        |_, a| first(a, compiled(&a.str(1)?, a.int(2))?, a.str(0)?),
    ),
    m(
        "static MatchCollection Matches(string input, string pattern)",
        |cx, a| {
            let (r, s) = regex(a, true)?;
            matches(cx, &r, &s)
        },
    ),
    m(
        "static MatchCollection Matches(string input, string pattern, RegexOptions options)",
        |cx, a| matches(cx, &compiled(&a.str(1)?, a.int(2))?, &a.str(0)?),
    ),
    m(
        "static string Replace(string input, string pattern, string replacement)",
        |cx, a| {
            let (r, s) = regex(a, true)?;
            let w = text_arg(a, 2)?;
            replaced(cx, &r, &s, &w, usize::MAX)
        },
    ),
    m(
        "static string Replace(string input, string pattern, string replacement, RegexOptions options)",
        |cx, a| {
            let w = text_arg(a, 2)?;
            replaced(
                cx,
                &compiled(&a.str(1)?, a.int(3))?,
                &a.str(0)?,
                &w,
                usize::MAX,
            )
        },
    ),
    m(
        "static string Replace(string input, string pattern, MatchEvaluator evaluator)",
        |cx, a| {
            let (r, s) = regex(a, true)?;
            let w = With::Call(a.get(2));
            replaced(cx, &r, &s, &w, usize::MAX)
        },
    ),
    m(
        "static string Replace(string input, string pattern, MatchEvaluator evaluator, RegexOptions options)",
        |cx, a| {
            let w = With::Call(a.get(2));
            replaced(
                cx,
                &compiled(&a.str(1)?, a.int(3))?,
                &a.str(0)?,
                &w,
                usize::MAX,
            )
        },
    ),
    m(
        "static string[] Split(string input, string pattern)",
        |cx, a| {
            let (r, s) = regex(a, true)?;
            split(cx, &r, &s)
        },
    ),
    m(
        "static string[] Split(string input, string pattern, RegexOptions options)",
        |cx, a| split(cx, &compiled(&a.str(1)?, a.int(2))?, &a.str(0)?),
    ),
    m("static string Escape(string str)", |cx, a| {
        let s = escape(a.text(0)?);
        cx.text(s)
    }),
    m("bool IsMatch(string input)", |_, a| {
        let (r, s) = regex(a, false)?;
        is_match(&r, &s)
    }),
    m("Match Match(string input)", |_, a| {
        let (r, s) = regex(a, false)?;
        first(a, r, s)
    }),
    m("MatchCollection Matches(string input)", |cx, a| {
        let (r, s) = regex(a, false)?;
        matches(cx, &r, &s)
    }),
    m(
        "string Replace(string input, string replacement)",
        |cx, a| {
            let (r, s) = regex(a, false)?;
            let w = text_arg(a, 2)?;
            replaced(cx, &r, &s, &w, usize::MAX)
        },
    ),
    m(
        "string Replace(string input, string replacement, int count)",
        |cx, a| {
            let (r, s) = regex(a, false)?;
            let (w, n) = (
                text_arg(a, 2)?,
                usize::try_from(a.int(3)).unwrap_or(usize::MAX),
            );
            replaced(cx, &r, &s, &w, n)
        },
    ),
    m(
        "string Replace(string input, MatchEvaluator evaluator)",
        |cx, a| {
            let (r, s) = regex(a, false)?;
            let w = With::Call(a.get(2));
            replaced(cx, &r, &s, &w, usize::MAX)
        },
    ),
    m("string[] Split(string input)", |cx, a| {
        let (r, s) = regex(a, false)?;
        split(cx, &r, &s)
    }),
];

fn group_of(a: &Args<'_>) -> Result<Group, Throw> {
    if let Ok(m) = a.object::<Match>(0) {
        return Ok(m.group(0));
    }
    let g = a.object::<Group>(0)?;
    Ok(Group {
        input: g.input.clone(),
        captured: g.captured.clone(),
    })
}

const CAPTURE: &[Row] = &[
    m("string Value", |cx, a| {
        let g = group_of(a)?;
        cx.text(Str::from(g.value()))
    }),
    m("int Index", |_, a| {
        let g = group_of(a)?;
        Ok(Value::Int(
            g.captured
                .at
                .map_or(0, |(at, _)| text::units(&g.input[..at])) as i32,
        ))
    }),
    m("int Length", |_, a| {
        Ok(Value::Int(text::units(group_of(a)?.value()) as i32))
    }),
];

const GROUP: &[Row] = &[
    m("bool Success", |_, a| {
        Ok(Value::Bool(group_of(a)?.captured.at.is_some()))
    }),
    m("string Name", |_, a| {
        Ok(group_of(a)?.captured.name.map_or(Value::Null, Value::Str))
    }),
];

fn this_match(a: &Args<'_>) -> Result<Rc<Match>, Throw> {
    let m = a.object::<Match>(0)?;
    Ok(Rc::new(Match {
        input: m.input.clone(),
        groups: m.groups.clone(),
        regex: m.regex.clone(),
    }))
}

const MATCH: &[Row] = &[
    m("GroupCollection Groups", |_, a| {
        Ok(Value::Object(Rc::new(Groups(this_match(a)?))))
    }),
    m("string Result(string replacement)", |cx, a| {
        let mut out = String::new();
        expand(a.text(1)?, a.object::<Match>(0)?, &mut out);
        cx.text(out)
    }),
    m("Match NextMatch()", |_, a| {
        let m = a.object::<Match>(0)?;
        let next = match m.groups[0].at {
            Some((s, e)) => found(
                &m.regex,
                &m.input,
                if e > s { e } else { (e + 1).min(m.input.len()) },
            )?,
            None => None,
        };
        Ok(Value::Object(Rc::new(
            next.unwrap_or_else(|| failed(&m.regex)),
        )))
    }),
];

const GROUPS: &[Row] = &[
    m("int Count", |_, a| {
        Ok(Value::Int(a.object::<Groups>(0)?.0.groups.len() as i32))
    }),
    m("Group this[int groupnum]", |_, a| {
        let g = a.object::<Groups>(0)?;
        Ok(Value::Object(Rc::new(
            g.0.group(usize::try_from(a.int(1)).unwrap_or(usize::MAX)),
        )))
    }),
    m("Group this[string groupname]", |_, a| {
        let (g, name) = (a.object::<Groups>(0)?, a.text(1)?);
        let at =
            g.0.groups
                .iter()
                .position(|c| c.name.as_deref() == Some(name))
                .or_else(|| name.parse().ok());
        Ok(Value::Object(Rc::new(g.0.group(at.unwrap_or(usize::MAX)))))
    }),
];

const MATCHES: &[Row] = &[
    m("int Count", |_, a| {
        Ok(Value::Int(a.list(0)?.items().len() as i32))
    }),
    m("Match this[int i]", |_, a| {
        let i = usize::try_from(a.int(1)).ok();
        i.and_then(|i| a.list(0).ok()?.items().get(i).cloned())
            .ok_or_else(|| crate::expr::eval::out_of_range("i"))
    }),
];

pub(super) const TYPES: &[Type] = &[
    ty("class System.Text.RegularExpressions.Regex", REGEX),
    ty("class System.Text.RegularExpressions.Capture", CAPTURE),
    ty(
        "class System.Text.RegularExpressions.Group : Capture",
        GROUP,
    ),
    ty("class System.Text.RegularExpressions.Match : Group", MATCH),
    ty(
        "class System.Text.RegularExpressions.GroupCollection : IEnumerable<Group>",
        GROUPS,
    ),
    ty(
        "class System.Text.RegularExpressions.MatchCollection : IEnumerable<Match>",
        MATCHES,
    ),
    ty(
        "delegate System.Text.RegularExpressions.MatchEvaluator",
        &[],
    ),
];
