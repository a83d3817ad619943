//! `System.Text.RegularExpressions`: `Regex`, `Match`, `Group`, `Capture` and their collections.
//!
//! Patterns are .NET's ([`translate`]); matching is done by fancy-regex within bounds ([`program`]). What must stay true:
//! a pattern that would mean something else here is refused with `NotSupportedException`, never run.

mod program;
mod translate;

use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::{List, Object, Str, Value};
use program::{Found, Program, Replacement, Subject};
use std::any::Any;
use std::ops::Range;
use std::rc::Rc;

/// `Regex`.
#[derive(Debug)]
struct Regex(Rc<Program>);

impl Object for Regex {
    fn ty(&self) -> Ty {
        Ty::class("Regex")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        self.0.pattern.to_string()
    }
}

/// `Match`, `Group` or `Capture`: part of what a match found.
#[derive(Clone, Debug)]
struct Part {
    class: &'static str,
    /// `None`: nothing was found.
    found: Option<Rc<Found>>,
    group: usize,
}

impl Part {
    fn value(class: &'static str, found: Option<Rc<Found>>, group: usize) -> Value {
        Value::Object(Rc::new(Part {
            class,
            found,
            group,
        }))
    }

    fn span(&self) -> Option<(&Rc<Found>, Range<usize>)> {
        let found = self.found.as_ref()?;
        found
            .spans
            .get(self.group)?
            .clone()
            .map(|span| (found, span))
    }

    fn read(&self) -> String {
        self.span()
            .map(|(f, span)| f.subject.part(span))
            .unwrap_or_default()
    }
}

impl Object for Part {
    fn ty(&self) -> Ty {
        Ty::class(self.class)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        self.read()
    }
}

/// `GroupCollection`.
#[derive(Debug)]
struct Groups(Option<Rc<Found>>);

impl Groups {
    fn get(&self, index: Option<usize>) -> Value {
        match (&self.0, index) {
            // The whole match is a `Match` among the groups.
            (Some(f), Some(0)) => Part::value("Match", Some(f.clone()), 0),
            (Some(f), Some(i)) => Part::value("Group", Some(f.clone()), i),
            (None, Some(0)) => Part::value("Match", None, 0),
            _ => Part::value("Group", None, 0),
        }
    }

    fn len(&self) -> usize {
        self.0.as_ref().map_or(1, |f| f.program.groups.len())
    }
}

impl Object for Groups {
    fn ty(&self) -> Ty {
        Ty::class("GroupCollection")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn items(&self) -> Option<Vec<Value>> {
        Some((0..self.len()).map(|i| self.get(Some(i))).collect())
    }
}

/// A pattern and the text it is used on.
struct Call {
    program: Rc<Program>,
    subject: Rc<Subject>,
}

/// `regex.X(input, …)`.
fn instance(a: &Args<'_>) -> Result<Call, Throw> {
    Ok(Call {
        program: a.object::<Regex>(0)?.0.clone(),
        subject: Subject::of(&text(a, 1, "input")?),
    })
}

/// `Regex.X(input, pattern, …)`, with the options at `options`.
fn statics(a: &Args<'_>, options: usize) -> Result<Call, Throw> {
    let (input, pattern) = (text(a, 0, "input")?, text(a, 1, "pattern")?);
    Ok(Call {
        program: Program::of(&pattern, a.int(options))?,
        subject: Subject::of(&input),
    })
}

/// `Regex.IsMatch(input, pattern, options)`.
pub(super) fn is_match(
    cx: &mut Cx<'_>,
    input: &str,
    pattern: &str,
    options: i64,
) -> Result<bool, Throw> {
    let call = Call {
        program: Program::of(&Str::from(pattern), options)?,
        subject: Subject::of(&Str::from(input)),
    };
    call.is_match(cx, 0).map(|v| v.as_bool() == Some(true))
}

fn text(a: &Args<'_>, i: usize, name: &str) -> Result<Str, Throw> {
    a.str(i).map_err(|_| {
        throw(
            "ArgumentNullException",
            format!("Value cannot be null. (Parameter '{name}')"),
        )
    })
}

/// A count of matches: -1 is all.
fn count(a: &Args<'_>, i: usize) -> Result<Option<usize>, Throw> {
    match a.int(i) {
        -1 => Ok(None),
        n => usize::try_from(n).map(Some).map_err(|_| too_few()),
    }
}

/// A count of pieces: 0 is all.
fn pieces(a: &Args<'_>, i: usize) -> Result<usize, Throw> {
    usize::try_from(a.int(i)).map_err(|_| too_few())
}

fn too_few() -> Throw {
    throw(
        "ArgumentOutOfRangeException",
        "Count cannot be less than -1. (Parameter 'count')",
    )
}

impl Call {
    /// Byte offset of `startat`, the argument at `i`.
    fn start(&self, a: &Args<'_>, i: usize) -> Result<usize, Throw> {
        usize::try_from(a.int(i)).ok().and_then(|n| self.subject.byte(n)).ok_or_else(|| {
            throw("ArgumentOutOfRangeException", "Start index cannot be less than 0 or greater than input length. (Parameter 'startat')")
        })
    }

    fn is_match(&self, cx: &mut Cx<'_>, from: usize) -> R {
        Ok(Value::Bool(self.program.is_match(
            cx,
            &self.subject,
            from,
        )?))
    }

    fn find(&self, cx: &mut Cx<'_>, from: usize) -> R {
        Ok(Part::value(
            "Match",
            self.program.find(cx, &self.subject, from)?,
            0,
        ))
    }

    /// All matches, or the first `most`.
    fn all(
        &self,
        cx: &mut Cx<'_>,
        from: usize,
        most: Option<usize>,
    ) -> Result<Vec<Rc<Found>>, Throw> {
        let mut out: Vec<Rc<Found>> = Vec::new();
        if most == Some(0) {
            return Ok(out);
        }
        let mut next = self.program.find(cx, &self.subject, from)?;
        while let Some(found) = next {
            out.push(found.clone());
            if most == Some(out.len()) {
                break;
            }
            next = self.program.find_next(cx, &found)?;
        }
        Ok(out)
    }

    fn matches(&self, cx: &mut Cx<'_>, from: usize) -> R {
        let all = self.all(cx, from, None)?;
        let items = all
            .into_iter()
            .map(|f| Part::value("Match", Some(f), 0))
            .collect();
        Ok(Value::List(List::new(Ty::class("MatchCollection"), items)))
    }

    /// Replaces with the text or the delegate in argument `with`.
    fn replace(&self, cx: &mut Cx<'_>, with: &Value, from: usize, most: Option<usize>) -> R {
        let replacement = match with {
            Value::Str(s) => Some(Replacement::read(s, &self.program)),
            Value::Func(_) => None,
            _ => {
                return Err(throw(
                    "ArgumentNullException",
                    "Value cannot be null. (Parameter 'replacement')",
                ));
            }
        };
        let all = self.all(cx, from, most)?;
        if all.is_empty() {
            return Ok(Value::Str(self.subject.given().clone()));
        }
        let mut out = String::new();
        let mut at = 0;
        for found in all {
            let span = found.span();
            self.subject.append(at..span.start, &mut out);
            at = span.end;
            match &replacement {
                Some(r) => r.expand(cx, &found, &mut out)?,
                None => {
                    let text = cx.call(with, &[Part::value("Match", Some(found), 0)])?;
                    let text = text.as_str().unwrap_or("");
                    cx.charge(text.len())?;
                    out.push_str(text);
                }
            }
        }
        self.subject
            .append(at..self.subject.searched().len(), &mut out);
        cx.text(out)
    }

    /// Splits into `most` pieces (0: all); captured groups stand between them.
    fn split(&self, cx: &mut Cx<'_>, from: usize, most: usize) -> R {
        let mut out = Vec::new();
        let mut at = 0;
        for found in self.all(cx, from, most.checked_sub(1))? {
            let span = found.span();
            out.push(cx.text(self.subject.part(at..span.start))?);
            at = span.end;
            for group in found.spans.iter().skip(1).flatten() {
                out.push(cx.text(self.subject.part(group.clone()))?);
            }
        }
        out.push(cx.text(self.subject.part(at..self.subject.searched().len()))?);
        cx.list(Ty::array(Ty::String), out)
    }
}

fn create(a: &Args<'_>) -> R {
    Ok(Value::Object(Rc::new(Regex(Program::of(
        &text(a, 0, "pattern")?,
        a.int(1),
    )?))))
}

/// `regex.Replace(input, with[, count[, startat]])`.
fn replace_instance(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let call = instance(a)?;
    let most = if a.len() > 3 { count(a, 3)? } else { None };
    let from = if a.len() > 4 { call.start(a, 4)? } else { 0 };
    call.replace(cx, &a.get(2), from, most)
}

/// `Regex.Replace(input, pattern, with[, options[, time-out]])`.
fn replace_static(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    statics(a, 3)?.replace(cx, &a.get(2), 0, None)
}

// Options are at 2 of the static rows; where a row has none, the argument is not there and reads as 0.
// A search here has a bound of its own, stricter than any time-out that documents set: `matchTimeout` is only accepted.
const REGEX: &[Row] = &[
    m("new(string pattern)", |_, a| create(a)),
    m("new(string pattern, RegexOptions options)", |_, a| {
        create(a)
    }),
    m(
        "new(string pattern, RegexOptions options, TimeSpan matchTimeout)",
        |_, a| create(a),
    ),
    m("RegexOptions Options", |_, a| {
        Ok(Value::Enum(
            &super::enums::REGEX_OPTIONS,
            a.object::<Regex>(0)?.0.options,
        ))
    }),
    m("bool IsMatch(string input)", |cx, a| {
        instance(a)?.is_match(cx, 0)
    }),
    m("bool IsMatch(string input, int startat)", |cx, a| {
        let call = instance(a)?;
        let from = call.start(a, 2)?;
        call.is_match(cx, from)
    }),
    m(
        "static bool IsMatch(string input, string pattern)",
        |cx, a| statics(a, 2)?.is_match(cx, 0),
    ),
    m(
        "static bool IsMatch(string input, string pattern, RegexOptions options)",
        |cx, a| statics(a, 2)?.is_match(cx, 0),
    ),
    m(
        "static bool IsMatch(string input, string pattern, RegexOptions options, TimeSpan matchTimeout)",
        |cx, a| statics(a, 2)?.is_match(cx, 0),
    ),
    m("Match Match(string input)", |cx, a| {
        instance(a)?.find(cx, 0)
    }),
    m("Match Match(string input, int startat)", |cx, a| {
        let call = instance(a)?;
        let from = call.start(a, 2)?;
        call.find(cx, from)
    }),
    m(
        "static Match Match(string input, string pattern)",
        |cx, a| statics(a, 2)?.find(cx, 0),
    ),
    m(
        "static Match Match(string input, string pattern, RegexOptions options)",
        |cx, a| statics(a, 2)?.find(cx, 0),
    ),
    m(
        "static Match Match(string input, string pattern, RegexOptions options, TimeSpan matchTimeout)",
        |cx, a| statics(a, 2)?.find(cx, 0),
    ),
    m("MatchCollection Matches(string input)", |cx, a| {
        instance(a)?.matches(cx, 0)
    }),
    m(
        "MatchCollection Matches(string input, int startat)",
        |cx, a| {
            let call = instance(a)?;
            let from = call.start(a, 2)?;
            call.matches(cx, from)
        },
    ),
    m(
        "static MatchCollection Matches(string input, string pattern)",
        |cx, a| statics(a, 2)?.matches(cx, 0),
    ),
    m(
        "static MatchCollection Matches(string input, string pattern, RegexOptions options)",
        |cx, a| statics(a, 2)?.matches(cx, 0),
    ),
    m(
        "static MatchCollection Matches(string input, string pattern, RegexOptions options, TimeSpan matchTimeout)",
        |cx, a| statics(a, 2)?.matches(cx, 0),
    ),
    m(
        "string Replace(string input, string replacement)",
        |cx, a| replace_instance(cx, a),
    ),
    m(
        "string Replace(string input, string replacement, int count)",
        |cx, a| replace_instance(cx, a),
    ),
    m(
        "string Replace(string input, string replacement, int count, int startat)",
        |cx, a| replace_instance(cx, a),
    ),
    m(
        "string Replace(string input, MatchEvaluator evaluator)",
        |cx, a| replace_instance(cx, a),
    ),
    m(
        "string Replace(string input, MatchEvaluator evaluator, int count)",
        |cx, a| replace_instance(cx, a),
    ),
    m(
        "string Replace(string input, MatchEvaluator evaluator, int count, int startat)",
        |cx, a| replace_instance(cx, a),
    ),
    m(
        "static string Replace(string input, string pattern, string replacement)",
        |cx, a| replace_static(cx, a),
    ),
    m(
        "static string Replace(string input, string pattern, string replacement, RegexOptions options)",
        |cx, a| replace_static(cx, a),
    ),
    m(
        "static string Replace(string input, string pattern, string replacement, RegexOptions options, TimeSpan matchTimeout)",
        |cx, a| replace_static(cx, a),
    ),
    m(
        "static string Replace(string input, string pattern, MatchEvaluator evaluator)",
        |cx, a| replace_static(cx, a),
    ),
    m(
        "static string Replace(string input, string pattern, MatchEvaluator evaluator, RegexOptions options)",
        |cx, a| replace_static(cx, a),
    ),
    m(
        "static string Replace(string input, string pattern, MatchEvaluator evaluator, RegexOptions options, TimeSpan matchTimeout)",
        |cx, a| replace_static(cx, a),
    ),
    m("string[] Split(string input)", |cx, a| {
        instance(a)?.split(cx, 0, 0)
    }),
    m("string[] Split(string input, int count)", |cx, a| {
        instance(a)?.split(cx, 0, pieces(a, 2)?)
    }),
    m(
        "string[] Split(string input, int count, int startat)",
        |cx, a| {
            let call = instance(a)?;
            let from = call.start(a, 3)?;
            call.split(cx, from, pieces(a, 2)?)
        },
    ),
    m(
        "static string[] Split(string input, string pattern)",
        |cx, a| statics(a, 2)?.split(cx, 0, 0),
    ),
    m(
        "static string[] Split(string input, string pattern, RegexOptions options)",
        |cx, a| statics(a, 2)?.split(cx, 0, 0),
    ),
    m(
        "static string[] Split(string input, string pattern, RegexOptions options, TimeSpan matchTimeout)",
        |cx, a| statics(a, 2)?.split(cx, 0, 0),
    ),
    m("static string Escape(string str)", |cx, a| {
        let s = translate::escape(&text(a, 0, "str")?);
        cx.text(s)
    }),
    m("static string Unescape(string str)", |cx, a| {
        let s = text(a, 0, "str")?;
        match translate::unescape(&s) {
            Ok(s) => cx.text(s),
            Err(_) => Err(throw(
                "ArgumentException",
                format!("Invalid pattern '{s}': unrecognized escape sequence."),
            )),
        }
    }),
];

fn part<'a>(a: &'a Args<'_>) -> Result<&'a Part, Throw> {
    a.object::<Part>(0)
}

const CAPTURE: &[Row] = &[
    m("string Value", |cx, a| {
        let s = part(a)?.read();
        cx.text(s)
    }),
    m("int Index", |_, a| {
        Ok(Value::Int(
            part(a)?
                .span()
                .map_or(0, |(f, span)| f.subject.units(span.start) as i32),
        ))
    }),
    m("int Length", |_, a| {
        let span = part(a)?.span();
        Ok(Value::Int(span.map_or(0, |(f, span)| {
            (f.subject.units(span.end) - f.subject.units(span.start)) as i32
        })))
    }),
    m("string ToString()", |cx, a| {
        let s = part(a)?.read();
        cx.text(s)
    }),
];

const GROUP: &[Row] = &[
    m("bool Success", |_, a| {
        Ok(Value::Bool(part(a)?.span().is_some()))
    }),
    m("string Name", |_, a| {
        let p = part(a)?;
        let group = p.found.as_ref().and_then(|f| f.program.groups.get(p.group));
        Ok(Value::from(group.map_or("0", |g| &g.name)))
    }),
    m("CaptureCollection Captures", |_, a| {
        let p = part(a)?;
        let mut items = Vec::new();
        if p.span().is_some() {
            if p.found
                .as_ref()
                .and_then(|f| f.program.groups.get(p.group))
                .is_some_and(|g| g.repeats)
            {
                let why =
                    "The captures of a group that repeats are not kept here; use Regex.Matches.";
                return Err(throw("NotSupportedException", why));
            }
            items.push(Part::value("Capture", p.found.clone(), p.group));
        }
        Ok(Value::List(List::new(
            Ty::class("CaptureCollection"),
            items,
        )))
    }),
];

const MATCH: &[Row] = &[
    m("static Match Empty", |_, _| {
        Ok(Part::value("Match", None, 0))
    }),
    m("GroupCollection Groups", |_, a| {
        Ok(Value::Object(Rc::new(Groups(part(a)?.found.clone()))))
    }),
    m("Match NextMatch()", |cx, a| {
        let next = match part(a)?.found.clone() {
            Some(f) => f.program.find_next(cx, &f)?,
            None => None,
        };
        Ok(Part::value("Match", next, 0))
    }),
    m("string Result(string replacement)", |cx, a| {
        let Some(f) = part(a)?.found.clone() else {
            return Err(throw(
                "NotSupportedException",
                "Result cannot be called on a failed Match.",
            ));
        };
        let mut out = String::new();
        Replacement::read(&text(a, 1, "replacement")?, &f.program).expand(cx, &f, &mut out)?;
        cx.text(out)
    }),
];

const GROUPS: &[Row] = &[
    m("int Count", |_, a| {
        Ok(Value::Int(a.object::<Groups>(0)?.len() as i32))
    }),
    m("Group this[int groupnum]", |_, a| {
        let groups = a.object::<Groups>(0)?;
        let index = match (&groups.0, usize::try_from(a.int(1))) {
            (Some(f), Ok(n)) => f.program.group_number(n),
            (None, Ok(0)) => Some(0),
            _ => None,
        };
        Ok(groups.get(index))
    }),
    m("Group this[string groupname]", |_, a| {
        let groups = a.object::<Groups>(0)?;
        let name = text(a, 1, "groupname")?;
        Ok(groups.get(groups.0.as_ref().and_then(|f| f.program.group(&name))))
    }),
];

fn item(a: &Args<'_>) -> R {
    let list = a.list(0)?;
    let found = usize::try_from(a.int(1))
        .ok()
        .and_then(|i| list.items().get(i).cloned());
    let outside = "Specified argument was out of the range of valid values. (Parameter 'i')";
    found.ok_or_else(|| throw("ArgumentOutOfRangeException", outside))
}

fn length(a: &Args<'_>) -> R {
    Ok(Value::Int(a.list(0)?.items().len() as i32))
}

const MATCHES: &[Row] = &[
    m("int Count", |_, a| length(a)),
    m("Match this[int i]", |_, a| item(a)),
];
const CAPTURES: &[Row] = &[
    m("int Count", |_, a| length(a)),
    m("Capture this[int i]", |_, a| item(a)),
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
        "class System.Text.RegularExpressions.CaptureCollection : IEnumerable<Capture>",
        CAPTURES,
    ),
    ty(
        "delegate System.Text.RegularExpressions.MatchEvaluator",
        &[],
    ),
];

#[cfg(test)]
mod tests;
