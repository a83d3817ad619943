//! A trace for people: indented, times in one column, places in another, in colour when asked.
//!
//! Printed by `tollgate trace`. What must stay true: the same trace gives the same text, and without colour it is plain
//! ASCII but for what the request itself brought.

use super::{Entry, Request, Response, Shown, Source, Trace, What};
use crate::probe::show;
use std::fmt::Write;

/// Widest column of what happened.
const WIDEST: usize = 76;

/// Most characters of a value on its line.
const LONGEST: usize = 200;

#[derive(Clone, Copy)]
enum Paint {
    Plain,
    Head,
    Faint,
    Good,
    Bad,
    Value,
}

impl Paint {
    fn on(self, text: &str, color: bool) -> String {
        let code = match self {
            Paint::Plain => "",
            Paint::Head => "1",
            Paint::Faint => "2",
            Paint::Good => "32",
            Paint::Bad => "31",
            Paint::Value => "36",
        };
        if !color || code.is_empty() || text.is_empty() {
            return text.to_owned();
        }
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// One line: what, with its colour, how long it took, and where it stands.
struct Line {
    depth: usize,
    what: String,
    paint: Paint,
    time: String,
    place: String,
}

/// Writes a trace.
pub fn write(trace: &Trace, color: bool) -> String {
    let mut page = Page::default();
    page.request(0, "", &trace.request);
    if !trace.matched.is_empty() {
        let found: Vec<String> = trace
            .matched
            .iter()
            .map(|(n, id)| format!("{n} {id}"))
            .collect();
        page.line(1, Paint::Faint, found.join(", "));
    }
    trace.entries.iter().for_each(|e| page.entry(0, e));
    if let Some(response) = &trace.response {
        page.response(0, "answer ", response);
    }
    if trace.dropped > 0 {
        page.line(
            0,
            Paint::Bad,
            format!("{} more entries did not fit", trace.dropped),
        );
    }
    let outcome = trace.outcome.unwrap_or("not settled").replace('_', " ");
    let total = duration(trace.elapsed_micros);
    page.line(
        0,
        Paint::Faint,
        format!("{outcome} after {total}, request {}", trace.request_id),
    );
    page.print(color)
}

#[derive(Default)]
struct Page(Vec<Line>);

fn one_line(text: &str) -> String {
    let mut out: String = text
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        out.push_str("...");
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shown(value: &Shown) -> String {
    let text = if value.of == "string" {
        show::quoted(&value.value)
    } else {
        value.value.clone()
    };
    if value.of == "null" || value.of == "string" {
        return one_line(&text);
    }
    format!("{} ({})", one_line(&text), value.of)
}

/// Microseconds for people.
fn duration(micros: u64) -> String {
    match micros {
        0..=9_999 => format!("{micros} us"),
        10_000..=9_999_999 => format!("{}.{:01} ms", micros / 1000, micros % 1000 / 100),
        _ => format!(
            "{}.{:02} s",
            micros / 1_000_000,
            micros % 1_000_000 / 10_000
        ),
    }
}

impl Page {
    fn line(&mut self, depth: usize, paint: Paint, what: impl Into<String>) {
        self.0.push(Line {
            depth,
            what: what.into(),
            paint,
            time: String::new(),
            place: String::new(),
        });
    }

    fn headers(&mut self, depth: usize, headers: &[(String, String)]) {
        for (name, value) in headers {
            self.line(depth, Paint::Faint, format!("{name}: {}", one_line(value)));
        }
    }

    fn request(&mut self, depth: usize, lead: &str, request: &Request) {
        let (method, url) = (&request.method, one_line(&request.url));
        self.line(depth, Paint::Head, format!("{lead}{method} {url}"));
        self.headers(depth + 1, &request.headers);
    }

    fn response(&mut self, depth: usize, lead: &str, response: &Response) {
        let status = response.status;
        let phrase = http::StatusCode::from_u16(status)
            .ok()
            .and_then(|s| s.canonical_reason())
            .unwrap_or("");
        let paint = if status < 400 {
            Paint::Good
        } else {
            Paint::Bad
        };
        self.line(depth, paint, format!("{lead}{status} {phrase}").trim_end());
        self.headers(depth + 1, &response.headers);
        let mut lines = response.body.lines();
        for line in lines.by_ref().take(20) {
            self.line(depth + 1, Paint::Plain, line.trim_end());
        }
        if lines.next().is_some() {
            self.line(
                depth + 1,
                Paint::Faint,
                format!("... {} bytes in all", response.body_bytes),
            );
        }
    }

    fn entry(&mut self, depth: usize, entry: &Entry) {
        let first = self.0.len();
        match &entry.what {
            What::Section {
                section,
                scope,
                id,
                inherits,
            } => {
                if *inherits {
                    // It does nothing of its own.
                    return entry.entries.iter().for_each(|e| self.entry(depth, e));
                }
                let name = format!("{section} of {scope} {id}");
                self.line(depth, Paint::Head, name.trim_end());
            }
            What::Step {
                policy, decision, ..
            } => match *decision {
                "next" => self.line(depth, Paint::Plain, policy),
                "failed" => self.line(depth, Paint::Bad, format!("{policy} -> failed")),
                decision => self.line(depth, Paint::Good, format!("{policy} -> {decision}")),
            },
            What::Branch { path, .. } => {
                let name = path.rsplit('\\').next().unwrap_or(path);
                self.line(depth, Paint::Good, format!("-> {name}"));
            }
            What::Attempt { number } => self.line(depth, Paint::Faint, format!("attempt {number}")),
            What::Expression {
                text,
                result,
                error,
            } => {
                self.line(depth, Paint::Faint, one_line(text));
                if let Some(result) = result {
                    self.line(depth + 1, Paint::Value, format!("= {}", shown(result)));
                }
                if let Some(error) = error {
                    self.line(depth + 1, Paint::Bad, format!("throws {}", one_line(error)));
                }
            }
            What::Variable {
                name,
                before,
                after,
            } => {
                let was = before
                    .as_ref()
                    .map_or(String::new(), |b| format!(" (was {})", shown(b)));
                self.line(
                    depth,
                    Paint::Value,
                    format!("variable {name} = {}{was}", shown(after)),
                );
            }
            What::Backend { id, url, rejected } => {
                let id = id.as_ref().map_or(String::new(), |id| format!(" {id}"));
                match url {
                    Some(url) => self.line(depth, Paint::Plain, format!("backend{id} at {url}")),
                    None => self.line(depth, Paint::Bad, "no backend is available"),
                }
                for other in rejected {
                    let line = format!("not {}: {}", other.id, other.reason);
                    self.line(depth + 1, Paint::Faint, line);
                }
            }
            What::UpstreamRequest(request) => self.request(depth, "sends ", request),
            What::UpstreamResponse(response) => self.response(depth, "got ", response),
            What::UpstreamFailure { message } => {
                self.line(
                    depth,
                    Paint::Bad,
                    format!("no answer: {}", one_line(message)),
                );
            }
            What::Counter {
                key,
                limit,
                count,
                before,
                after,
                remaining,
                allowed,
            } => {
                let mut line = format!("counter {}", one_line(key));
                if let Some((before, after)) = before.zip(*after) {
                    let _ = write!(line, ": {before} -> {after}");
                } else {
                    let _ = write!(line, ": + {count}");
                }
                if let Some(limit) = limit {
                    let _ = write!(line, " of {limit}");
                }
                if let Some(left) = remaining {
                    let _ = write!(line, ", {left} left");
                }
                let (paint, end) = match allowed {
                    true => (Paint::Plain, ""),
                    false => (Paint::Bad, ", refused"),
                };
                self.line(depth, paint, format!("{line}{end}"));
            }
            What::Cache { access, key } => {
                let key = one_line(key);
                self.line(depth, Paint::Plain, format!("cache {access}: {key}"));
            }
            What::Message {
                origin,
                severity,
                message,
                metadata,
            } => {
                let line = format!("{severity} from {origin}: {}", one_line(message));
                self.line(depth, Paint::Value, line);
                self.headers(depth + 1, metadata);
            }
            What::Failure {
                origin,
                reason,
                message,
                ..
            } => {
                let line = format!("{origin} failed: {reason}: {}", one_line(message));
                self.line(depth, Paint::Bad, line);
            }
            What::ToolAnswer { status } => {
                self.line(
                    depth,
                    Paint::Plain,
                    format!("the operation answered {status}"),
                );
            }
        }
        if let Some(line) = self.0.get_mut(first) {
            line.time = entry.duration_micros.map(duration).unwrap_or_default();
            if !matches!(entry.what, What::Expression { .. }) {
                line.place = entry.source.as_ref().map(place).unwrap_or_default();
            }
        }
        entry.entries.iter().for_each(|e| self.entry(depth + 1, e));
    }

    fn print(&self, color: bool) -> String {
        let width = |line: &Line| 2 * line.depth + line.what.chars().count();
        let timed = self
            .0
            .iter()
            .filter(|l| !l.time.is_empty() || !l.place.is_empty());
        let column = timed.map(width).max().unwrap_or(0).min(WIDEST);
        let times = self.0.iter().map(|l| l.time.len()).max().unwrap_or(0);
        let mut out = String::new();
        for line in &self.0 {
            let indent = "  ".repeat(line.depth);
            let what = line.paint.on(&line.what, color);
            let _ = write!(out, "{indent}{what}");
            if !line.time.is_empty() || !line.place.is_empty() {
                let gap = column.saturating_sub(width(line)) + 2;
                let time = format!("{:>times$}", line.time);
                let rest = format!("{time}  {}", line.place);
                let _ = write!(
                    out,
                    "{}{}",
                    " ".repeat(gap),
                    Paint::Faint.on(rest.trim_end(), color)
                );
            }
            out.push('\n');
        }
        out
    }
}

fn place(source: &Source) -> String {
    format!("{}:{}:{}", source.file, source.line, source.column)
}
