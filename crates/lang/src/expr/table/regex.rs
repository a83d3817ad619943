//! `System.Text.RegularExpressions`: `Regex`, and in its modules all that it needs.
//!
//! .NET's patterns mean what they mean in .NET: they are read ([`parse`]), compiled ([`code`]) and run ([`machine`]) as there,
//! because no library has balancing groups, captures of repeated groups, lookbehind of any length and searches from right
//! to left. What must stay true: no pattern runs with another meaning; a search is bounded; a constant pattern that .NET
//! would refuse is a fault of the document ([`check`]).

mod captures;
mod class;
mod code;
pub(in crate::expr::table) mod found;
mod machine;
mod parse;
mod program;
mod replace;
mod syntax;

use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::{Object, Str, Value};
use found::{Part, collection};
use program::{Found, Joined, Program, Search, Subject};
use replace::Replacement;
use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;

/// `Regex.InfiniteMatchTimeout`, in ticks.
const NO_TIMEOUT: i64 = -10_000;
/// The longest time-out .NET takes: `int.MaxValue - 1` milliseconds.
const LONGEST_TIMEOUT: i64 = (i32::MAX as i64 - 1) * 10_000;

/// What is wrong with a constant pattern, and what to do; called at load. The pattern stays compiled, for all threads.
pub(crate) fn check(pattern: &Str, options: i64) -> Result<(), (String, &'static str)> {
    match Program::shared(pattern, options) {
        Ok(_) => Ok(()),
        Err(refusal) => Err((
            refusal.message(pattern),
            match refusal {
                syntax::Refusal::Syntax(..) => {
                    "a character that stands for itself is escaped: `\\(`; in a verbatim string, @\"\\(\""
                }
                syntax::Refusal::Options => {
                    "ECMAScript goes together with IgnoreCase, Multiline and Compiled only"
                }
                syntax::Refusal::Bound(_) => "use several smaller patterns",
            },
        )),
    }
}

/// Searches any text with any pattern and asserts what must hold for all; for fuzzing.
///
/// # Panics
/// When it does not hold.
pub(crate) fn probe(pattern: &str, options: i64, text: &str) {
    let mut host = crate::expr::host::Nowhere::default();
    let mut cx = Cx::new(&mut host);
    let (pattern, text) = (Str::from(pattern), Str::from(text));
    let subject = Subject::of(&text);
    // What escapes is undone, and matches itself.
    let escaped = Str::from(parse::escape(&text));
    assert_eq!(parse::unescape(&escaped).as_deref(), Ok(&*text));
    if let Ok(program) = Program::shared(&escaped, 0) {
        assert!(program.is_match(&mut cx, &subject, 0).unwrap_or(true));
    }
    let Ok(program) = Program::shared(&pattern, options) else {
        return;
    };
    let call = Call { program, subject };
    let start = call.program.first(&call.subject);
    let Ok(all) = call.all(&mut cx, start, Some(64)) else {
        return;
    };
    let mut last: Option<usize> = None;
    for found in &all {
        assert_eq!(found.groups.len(), call.program.groups.numbers.len());
        for (start, length) in found.groups.iter().flatten() {
            assert!(start + length <= call.subject.len());
        }
        let at = found.span().start;
        let back = call.program.is_back();
        assert!(last.is_none_or(|last| if back { at <= last } else { at >= last }));
        last = Some(at);
    }
    // A replacement by what was found changes nothing.
    if let Ok(with) = call.replacement(&Value::from("$&"))
        && let Ok(same) = call.replace(&mut cx, &with, start, Some(64))
    {
        let halves = call.subject.len() != text.chars().count();
        assert!(halves || same.as_str() == Some(&text));
    }
}

/// `Regex`.
#[derive(Debug)]
struct Regex {
    program: Arc<Program>,
    /// In ticks. A search here has a bound of its own, stricter than any time-out that documents set.
    timeout: i64,
}

/// `Options` of a `Regex`.
pub(crate) fn options(v: &Value) -> Option<i32> {
    let Value::Object(o) = v else { return None };
    Some(o.as_any().downcast_ref::<Regex>()?.program.options as i32)
}

impl Object for Regex {
    fn ty(&self) -> Ty {
        Ty::class("Regex")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        self.program.pattern.to_string()
    }
}

/// What replaces matches.
enum With {
    Text(Replacement),
    Delegate(Value),
}

/// A pattern and the text it is used on.
struct Call {
    program: Arc<Program>,
    subject: Rc<Subject>,
}

fn regex<'a>(a: &'a Args<'_>) -> Result<&'a Regex, Throw> {
    a.object::<Regex>(0)
}

/// `regex.X(input, …)`.
fn instance(a: &Args<'_>) -> Result<Call, Throw> {
    Ok(Call {
        program: regex(a)?.program.clone(),
        subject: Subject::of(&text(a, 1, "input")?),
    })
}

/// `Regex.X(input, pattern, …)`, with the options at `options` and the time-out after them.
fn statics(cx: &mut Cx<'_>, a: &Args<'_>, options: usize) -> Result<Call, Throw> {
    let pattern = text(a, 1, "pattern")?;
    timeout(a, options + 1)?;
    let program = Program::of(cx, &pattern, a.int(options))?;
    Ok(Call {
        program,
        subject: Subject::of(&text(a, 0, "input")?),
    })
}

/// `Regex.IsMatch(input, pattern, options)`.
pub(crate) fn is_match(
    cx: &mut Cx<'_>,
    input: &str,
    pattern: &str,
    options: i64,
) -> Result<bool, Throw> {
    let program = Program::of(cx, &Str::from(pattern), options)?;
    let subject = Subject::of(&Str::from(input));
    let start = program.first(&subject);
    program.is_match(cx, &subject, start)
}

/// `Regex.Replace(input, pattern, with)`, at most so many times.
pub(crate) fn replaced(
    cx: &mut Cx<'_>,
    input: &Str,
    pattern: &Str,
    with: &Str,
    most: Option<usize>,
) -> R {
    let program = Program::of(cx, pattern, 0)?;
    let call = Call {
        program,
        subject: Subject::of(input),
    };
    let start = call.program.first(&call.subject);
    let with = call.replacement(&Value::Str(with.clone()))?;
    call.replace(cx, &with, start, most)
}

fn null(parameter: &str) -> Throw {
    throw(
        "ArgumentNullException",
        format!("Value cannot be null. (Parameter '{parameter}')"),
    )
}

fn text(a: &Args<'_>, i: usize, parameter: &str) -> Result<Str, Throw> {
    a.str(i).map_err(|_| null(parameter))
}

/// The time-out at `i`, in ticks.
fn timeout(a: &Args<'_>, i: usize) -> Result<i64, Throw> {
    match a.values.get(i) {
        Some(Value::TimeSpan(t)) if *t != NO_TIMEOUT && !(1..=LONGEST_TIMEOUT).contains(t) => {
            Err(throw(
                "ArgumentOutOfRangeException",
                "Specified argument was out of the range of valid values. (Parameter 'matchTimeout')",
            ))
        }
        Some(Value::TimeSpan(t)) => Ok(*t),
        _ => Ok(NO_TIMEOUT),
    }
}

/// A count of matches: -1 is all.
fn count(a: &Args<'_>, i: usize) -> Result<Option<usize>, Throw> {
    match a.int(i) {
        -1 => Ok(None),
        n => usize::try_from(n).map(Some).map_err(|_| too_few()),
    }
}

/// What .NET throws when a match that was found from right to left reaches into the one before it.
fn overlap() -> Throw {
    throw(
        "ArgumentOutOfRangeException",
        "Specified argument was out of the range of valid values. (Parameter 'length')",
    )
}

fn too_few() -> Throw {
    throw(
        "ArgumentOutOfRangeException",
        "Count cannot be less than -1. (Parameter 'count')",
    )
}

/// A place in the text.
fn place(n: i64, most: usize, parameter: &str) -> Result<usize, Throw> {
    usize::try_from(n)
        .ok()
        .filter(|n| *n <= most)
        .ok_or_else(|| {
            throw(
                "ArgumentOutOfRangeException",
                format!("Start index cannot be less than 0 or greater than input length. (Parameter '{parameter}')"),
            )
        })
}

impl Call {
    /// `startat`, the argument at `i`; without it the end that the search begins at.
    fn start(&self, a: &Args<'_>, i: usize) -> Result<usize, Throw> {
        if i < a.len() {
            place(a.int(i), self.subject.len(), "startat")
        } else {
            Ok(self.program.first(&self.subject))
        }
    }

    fn search(&self, start: usize) -> Search {
        Search {
            within: 0..self.subject.len(),
            start,
            bumped: false,
        }
    }

    fn is_match(&self, cx: &mut Cx<'_>, start: usize) -> R {
        Ok(Value::Bool(self.program.is_match(
            cx,
            &self.subject,
            start,
        )?))
    }

    fn find(&self, cx: &mut Cx<'_>, search: Search) -> R {
        Ok(Part::of_match(self.program.find(
            cx,
            &self.subject,
            search,
        )?))
    }

    /// All matches, or the first `most`.
    fn all(
        &self,
        cx: &mut Cx<'_>,
        start: usize,
        most: Option<usize>,
    ) -> Result<Vec<Rc<Found>>, Throw> {
        let mut out: Vec<Rc<Found>> = Vec::new();
        if most == Some(0) {
            return Ok(out);
        }
        let mut next = self.program.find(cx, &self.subject, self.search(start))?;
        while let Some(found) = next {
            out.push(found.clone());
            if most == Some(out.len()) {
                break;
            }
            next = self.program.find_next(cx, &found)?;
        }
        Ok(out)
    }

    fn matches(&self, cx: &mut Cx<'_>, start: usize) -> R {
        let all = self.all(cx, start, None)?;
        let items = all.into_iter().map(|f| Part::of_match(Some(f))).collect();
        Ok(collection("MatchCollection", items))
    }

    /// What to replace with: a text with references, or a delegate.
    fn replacement(&self, with: &Value) -> Result<With, Throw> {
        match with {
            Value::Str(s) => Ok(With::Text(Replacement::read(s, &self.program)?)),
            Value::Func(_) => Ok(With::Delegate(with.clone())),
            _ => Err(null("replacement")),
        }
    }

    fn replace(&self, cx: &mut Cx<'_>, with: &With, start: usize, most: Option<usize>) -> R {
        let all = self.all(cx, start, most)?;
        if all.is_empty() {
            return Ok(Value::Str(self.subject.given().clone()));
        }
        let mut parts: Vec<(&Rc<Found>, Value)> = Vec::with_capacity(all.len());
        for found in &all {
            // A delegate is called in the order in which they were found.
            let made = match with {
                With::Text(_) => Value::Null,
                With::Delegate(f) => {
                    let made = cx.call(f, &[Part::of_match(Some(found.clone()))])?;
                    cx.charge(made.as_str().map_or(0, str::len))?;
                    made
                }
            };
            parts.push((found, made));
        }
        if self.program.is_back() {
            parts.reverse();
        }
        let mut out = Joined::default();
        let mut at = 0;
        for (found, made) in parts {
            let span = found.span();
            if span.start < at {
                return Err(overlap());
            }
            out.part(&self.subject, at..span.start);
            if let With::Text(r) = with {
                r.expand(cx, found, &mut out)?;
            }
            out.str(made.as_str().unwrap_or(""));
            at = span.end;
        }
        out.part(&self.subject, at..self.subject.len());
        cx.text(out.finish())
    }

    /// Splits into `most` pieces (0: all); captured groups stand between them.
    fn split(&self, cx: &mut Cx<'_>, start: usize, most: i64) -> R {
        let most = usize::try_from(most).map_err(|_| too_few())?;
        let back = self.program.is_back();
        let mut out = Vec::new();
        let mut at = if back { self.subject.len() } else { 0 };
        for found in self.all(cx, start, most.checked_sub(1))? {
            let span = found.span();
            let piece = if back { span.end..at } else { at..span.start };
            if piece.start > piece.end {
                return Err(overlap());
            }
            out.push(cx.text(self.subject.part(piece))?);
            at = if back { span.start } else { span.end };
            // As .NET does it: whether there is a capture is asked by index, which then is read by number; where a number
            // is left out, that is an empty text.
            for index in (1..found.groups.len()).filter(|i| found.last(*i).is_some()) {
                let numbered = self.program.groups.by_number(index);
                let (start, length) = numbered.and_then(|g| found.last(g)).unwrap_or_default();
                out.push(cx.text(self.subject.part(start..start + length))?);
            }
        }
        let rest = if back { 0..at } else { at..self.subject.len() };
        out.push(cx.text(self.subject.part(rest))?);
        if back {
            out.reverse();
        }
        cx.list(Ty::array(Ty::String), out)
    }
}

fn create(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let pattern = text(a, 0, "pattern")?;
    let timeout = timeout(a, 2)?;
    Ok(Value::Object(Rc::new(Regex {
        program: Program::of(cx, &pattern, a.int(1))?,
        timeout,
    })))
}

/// `regex.Replace(input, with[, count[, startat]])`.
fn replace_instance(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let call = instance(a)?;
    let with = call.replacement(&a.get(2))?;
    let most = if a.len() > 3 { count(a, 3)? } else { None };
    let start = call.start(a, 4)?;
    call.replace(cx, &with, start, most)
}

/// `Regex.Replace(input, pattern, with[, options[, time-out]])`.
fn replace_static(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let call = statics(cx, a, 3)?;
    let start = call.program.first(&call.subject);
    let with = call.replacement(&a.get(2))?;
    call.replace(cx, &with, start, None)
}

/// A static method that begins at the text's end.
fn whole(cx: &mut Cx<'_>, a: &Args<'_>, f: impl FnOnce(&Call, &mut Cx<'_>, usize) -> R) -> R {
    let call = statics(cx, a, 2)?;
    let start = call.program.first(&call.subject);
    f(&call, cx, start)
}

/// An instance method with `startat` as its second argument, if it has that.
fn from(cx: &mut Cx<'_>, a: &Args<'_>, f: impl FnOnce(&Call, &mut Cx<'_>, usize) -> R) -> R {
    let call = instance(a)?;
    let start = call.start(a, 2)?;
    f(&call, cx, start)
}

fn found(call: &Call, cx: &mut Cx<'_>, start: usize) -> R {
    call.find(cx, call.search(start))
}

fn split_all(call: &Call, cx: &mut Cx<'_>, start: usize) -> R {
    call.split(cx, start, 0)
}

// Options are at 2 of the static rows; where a row has none, the argument is not there and reads as 0.
const REGEX: &[Row] = &[
    m("[Pattern] new(string pattern)", create_row),
    m(
        "[Pattern] new(string pattern, RegexOptions options)",
        create_row,
    ),
    m(
        "[Pattern] new(string pattern, RegexOptions options, TimeSpan matchTimeout)",
        create_row,
    ),
    m("RegexOptions Options", |_, a| {
        Ok(Value::Enum(
            &super::enums::REGEX_OPTIONS,
            regex(a)?.program.options,
        ))
    }),
    m("TimeSpan MatchTimeout", |_, a| {
        Ok(Value::TimeSpan(regex(a)?.timeout))
    }),
    m("static TimeSpan InfiniteMatchTimeout", |_, _| {
        Ok(Value::TimeSpan(NO_TIMEOUT))
    }),
    m("bool RightToLeft", |_, a| {
        Ok(Value::Bool(regex(a)?.program.is_back()))
    }),
    m("string ToString()", |_, a| {
        Ok(Value::Str(regex(a)?.program.pattern.clone()))
    }),
    m("string[] GetGroupNames()", |cx, a| {
        let program = regex(a)?.program.clone();
        let names = program.groups.names.iter();
        cx.list(
            Ty::array(Ty::String),
            names.map(|n| Value::from(&**n)).collect(),
        )
    }),
    m("int[] GetGroupNumbers()", |cx, a| {
        let program = regex(a)?.program.clone();
        let numbers = program.groups.numbers.iter();
        cx.list(
            Ty::array(Ty::Int),
            numbers.map(|n| Value::Int(*n as i32)).collect(),
        )
    }),
    m("string GroupNameFromNumber(int i)", |_, a| {
        let groups = &regex(a)?.program.groups;
        let index = usize::try_from(a.int(1))
            .ok()
            .and_then(|n| groups.by_number(n));
        let name = index.and_then(|i| groups.names.get(i));
        Ok(Value::from(name.map_or("", String::as_str)))
    }),
    m("int GroupNumberFromName(string name)", |_, a| {
        let name = text(a, 1, "name")?;
        let groups = &regex(a)?.program.groups;
        let number = groups.by_name(&name).and_then(|i| groups.numbers.get(i));
        Ok(Value::Int(number.map_or(-1, |n| *n as i32)))
    }),
    m("bool IsMatch(string input)", |cx, a| {
        from(cx, a, Call::is_match)
    }),
    m("bool IsMatch(string input, int startat)", |cx, a| {
        from(cx, a, Call::is_match)
    }),
    m(
        "[Pattern] static bool IsMatch(string input, string pattern)",
        |cx, a| whole(cx, a, Call::is_match),
    ),
    m(
        "[Pattern] static bool IsMatch(string input, string pattern, RegexOptions options)",
        |cx, a| whole(cx, a, Call::is_match),
    ),
    m(
        "[Pattern] static bool IsMatch(string input, string pattern, RegexOptions options, TimeSpan matchTimeout)",
        |cx, a| whole(cx, a, Call::is_match),
    ),
    m("Match Match(string input)", |cx, a| from(cx, a, found)),
    m("Match Match(string input, int startat)", |cx, a| {
        from(cx, a, found)
    }),
    m(
        "Match Match(string input, int beginning, int length)",
        |cx, a| {
            let call = instance(a)?;
            let from = place(a.int(2), call.subject.len(), "beginning")?;
            let length = place(a.int(3), call.subject.len() - from, "length")?;
            let start = if call.program.is_back() {
                from + length
            } else {
                from
            };
            let search = Search {
                within: from..from + length,
                start,
                bumped: false,
            };
            call.find(cx, search)
        },
    ),
    m(
        "[Pattern] static Match Match(string input, string pattern)",
        |cx, a| whole(cx, a, found),
    ),
    m(
        "[Pattern] static Match Match(string input, string pattern, RegexOptions options)",
        |cx, a| whole(cx, a, found),
    ),
    m(
        "[Pattern] static Match Match(string input, string pattern, RegexOptions options, TimeSpan matchTimeout)",
        |cx, a| whole(cx, a, found),
    ),
    m("MatchCollection Matches(string input)", |cx, a| {
        from(cx, a, Call::matches)
    }),
    m(
        "MatchCollection Matches(string input, int startat)",
        |cx, a| from(cx, a, Call::matches),
    ),
    m(
        "[Pattern] static MatchCollection Matches(string input, string pattern)",
        |cx, a| whole(cx, a, Call::matches),
    ),
    m(
        "[Pattern] static MatchCollection Matches(string input, string pattern, RegexOptions options)",
        |cx, a| whole(cx, a, Call::matches),
    ),
    m(
        "[Pattern] static MatchCollection Matches(string input, string pattern, RegexOptions options, TimeSpan matchTimeout)",
        |cx, a| whole(cx, a, Call::matches),
    ),
    m(
        "string Replace(string input, string replacement)",
        replace_row,
    ),
    m(
        "string Replace(string input, string replacement, int count)",
        replace_row,
    ),
    m(
        "string Replace(string input, string replacement, int count, int startat)",
        replace_row,
    ),
    m(
        "string Replace(string input, MatchEvaluator evaluator)",
        replace_row,
    ),
    m(
        "string Replace(string input, MatchEvaluator evaluator, int count)",
        replace_row,
    ),
    m(
        "string Replace(string input, MatchEvaluator evaluator, int count, int startat)",
        replace_row,
    ),
    m(
        "[Pattern] static string Replace(string input, string pattern, string replacement)",
        replace_static_row,
    ),
    m(
        "[Pattern] static string Replace(string input, string pattern, string replacement, RegexOptions options)",
        replace_static_row,
    ),
    m(
        "[Pattern] static string Replace(string input, string pattern, string replacement, RegexOptions options, TimeSpan matchTimeout)",
        replace_static_row,
    ),
    m(
        "[Pattern] static string Replace(string input, string pattern, MatchEvaluator evaluator)",
        replace_static_row,
    ),
    m(
        "[Pattern] static string Replace(string input, string pattern, MatchEvaluator evaluator, RegexOptions options)",
        replace_static_row,
    ),
    m(
        "[Pattern] static string Replace(string input, string pattern, MatchEvaluator evaluator, RegexOptions options, TimeSpan matchTimeout)",
        replace_static_row,
    ),
    m("string[] Split(string input)", |cx, a| {
        from(cx, a, split_all)
    }),
    m("string[] Split(string input, int count)", split_row),
    m(
        "string[] Split(string input, int count, int startat)",
        split_row,
    ),
    m(
        "[Pattern] static string[] Split(string input, string pattern)",
        |cx, a| whole(cx, a, split_all),
    ),
    m(
        "[Pattern] static string[] Split(string input, string pattern, RegexOptions options)",
        |cx, a| whole(cx, a, split_all),
    ),
    m(
        "[Pattern] static string[] Split(string input, string pattern, RegexOptions options, TimeSpan matchTimeout)",
        |cx, a| whole(cx, a, split_all),
    ),
    m("static string Escape(string str)", |cx, a| {
        let s = parse::escape(&text(a, 0, "str")?);
        cx.text(s)
    }),
    m("static string Unescape(string str)", |cx, a| {
        let s = text(a, 0, "str")?;
        cx.charge(s.len() * 2)?;
        let s = parse::unescape(&s).map_err(|refusal| refusal.thrown(&s))?;
        cx.text(s)
    }),
];

fn create_row(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    create(cx, a)
}

fn replace_row(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    replace_instance(cx, a)
}

fn replace_static_row(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    replace_static(cx, a)
}

fn split_row(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let call = instance(a)?;
    let start = call.start(a, 3)?;
    call.split(cx, start, a.int(2))
}

pub(super) const TYPES: &[Type] = &[
    ty("class System.Text.RegularExpressions.Regex", REGEX),
    ty(
        "delegate System.Text.RegularExpressions.MatchEvaluator",
        &[],
    ),
];

#[cfg(test)]
mod tests;
