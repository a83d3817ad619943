//! Expressions: `$filter`, `$orderby`, `$compute`, and the values of keys, parameters and aliases.

use super::options;
use super::parser::{Parsed, Parser};

/// Operators and how tightly they bind.
const OPERATORS: [(&str, u8); 16] = [
    ("or", 1),
    ("and", 2),
    ("eq", 3),
    ("ne", 3),
    ("gt", 4),
    ("ge", 4),
    ("lt", 4),
    ("le", 4),
    ("has", 4),
    ("in", 4),
    ("add", 5),
    ("sub", 5),
    ("mul", 6),
    ("div", 6),
    ("divby", 6),
    ("mod", 6),
];

/// How tightly `not` and `-` bind.
const UNARY: u8 = 7;

/// Functions without a namespace, with the fewest and most arguments.
const FUNCTIONS: [(&str, usize, usize); 38] = [
    ("cast", 1, 2),
    ("ceiling", 1, 1),
    ("concat", 2, 2),
    ("contains", 2, 2),
    ("date", 1, 1),
    ("day", 1, 1),
    ("endswith", 2, 2),
    ("floor", 1, 1),
    ("fractionalseconds", 1, 1),
    ("geo.distance", 2, 2),
    ("geo.intersects", 2, 2),
    ("geo.length", 1, 1),
    ("hassubsequence", 2, 2),
    ("hassubset", 2, 2),
    ("hour", 1, 1),
    ("indexof", 2, 2),
    ("isof", 1, 2),
    ("length", 1, 1),
    ("matchesPattern", 2, 2),
    ("maxdatetime", 0, 0),
    ("mindatetime", 0, 0),
    ("minute", 1, 1),
    ("month", 1, 1),
    ("now", 0, 0),
    ("round", 1, 1),
    ("second", 1, 1),
    ("startswith", 2, 2),
    ("substring", 2, 3),
    ("substringof", 2, 2),
    ("time", 1, 1),
    ("tolower", 1, 1),
    ("totaloffsetminutes", 1, 1),
    ("totalseconds", 1, 1),
    ("toupper", 1, 1),
    ("trim", 1, 1),
    ("year", 1, 1),
    ("Collection", 1, 1),
    ("$count", 0, 0),
];

impl Parser<'_> {
    /// A whole expression.
    pub(super) fn expression(&mut self) -> Parsed {
        self.operation(0)
    }

    fn operation(&mut self, tightest: u8) -> Parsed {
        self.enter()?;
        self.operand()?;
        loop {
            let mark = self.mark();
            let blank = self.spaces();
            let word = self.while_is(|c| c.is_ascii_alphabetic());
            let found = OPERATORS.iter().find(|(name, _)| self.is_word(word, name));
            let Some((name, binds)) = found.filter(|(_, binds)| *binds > tightest) else {
                self.back(mark);
                break;
            };
            if !blank {
                self.back(mark);
                return Err(self.expected("a space before the operator"));
            }
            if !self.spaces() {
                return Err(self.expected("a space behind the operator"));
            }
            if *name == "in" && self.peek() == Some('(') {
                self.items()?;
            } else {
                self.operation(*binds)?;
            }
        }
        self.leave();
        Ok(())
    }

    /// `(1,2,3)`, which may be empty.
    fn items(&mut self) -> Parsed {
        self.need('(')?;
        self.spaces();
        if !self.eat(')') {
            self.list(Self::expression)?;
            self.need(')')?;
        }
        Ok(())
    }

    fn operand(&mut self) -> Parsed {
        let mark = self.mark();
        let word = self.while_is(|c| c.is_ascii_alphabetic());
        if self.is_word(word, "not") && matches!(self.peek(), Some(' ' | '\t' | '(')) {
            self.spaces();
            return self.operation(UNARY);
        }
        self.back(mark);
        match self.peek() {
            Some('(') => {
                self.skip(1);
                self.spaces();
                self.expression()?;
                self.spaces();
                self.need(')')
            }
            Some('\'') => self.quoted(),
            Some('[' | '{') => self.json(),
            Some('@') => self.alias_name(),
            Some('-')
                if !self.rest()[1..].starts_with(|c: char| c.is_ascii_digit() || c == 'I') =>
            {
                self.skip(1);
                self.spaces();
                self.operation(UNARY)
            }
            Some('$') => {
                self.skip(1);
                let word = self.while_is(|c| c.is_ascii_alphabetic());
                match word {
                    "it" | "this" => self.members(),
                    "root" if self.peek() == Some('/') => self.members(),
                    _ => {
                        self.back(mark);
                        Err(self.expected("`$it`, `$this` or `$root/`"))
                    }
                }
            }
            Some(c) if c.is_ascii_digit() || c == '-' => self.number_or_time(),
            Some(c) if c == '_' || c.is_alphabetic() => {
                if self.guid() {
                    return Ok(());
                }
                self.member(true)?;
                self.members()
            }
            _ => Err(self.expected("a value")),
        }
    }

    /// `@name`.
    pub(super) fn alias_name(&mut self) -> Parsed {
        self.need('@')?;
        match self.identifier() {
            Some(_) => Ok(()),
            None => Err(self.expected("a parameter alias")),
        }
    }

    fn guid(&mut self) -> bool {
        let found = self.rest().get(..36).is_some_and(is_guid);
        let more = self.rest().get(36..).and_then(|r| r.chars().next());
        let found = found && !more.is_some_and(|c| c == '-' || c.is_alphanumeric());
        if found {
            self.skip(36);
        }
        found
    }

    fn number_or_time(&mut self) -> Parsed {
        if self.guid() {
            return Ok(());
        }
        let mark = self.mark();
        let text =
            self.while_is(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '+' | '-'));
        if is_number(text) || is_time(text) {
            return Ok(());
        }
        self.back(mark);
        // A number before the colon of `case`.
        if let Some((number, _)) = text.split_once(':').filter(|(n, _)| is_number(n)) {
            self.skip(number.len());
            return Ok(());
        }
        Err(self.fault(format!("`{text}` is not a number, date, time or GUID")))
    }

    /// `/name/name`, with their arguments.
    fn members(&mut self) -> Parsed {
        while self.eat('/') {
            self.member(false)?;
        }
        Ok(())
    }

    /// A name with its arguments, if it has any; `first`: nothing stands before it, so that it may be a literal.
    fn member(&mut self, first: bool) -> Parsed {
        let mark = self.mark();
        if !first && self.rest().starts_with("$count") {
            self.skip("$count".len());
            if self.peek() == Some('(') {
                return options::nested(self);
            }
            return Ok(());
        }
        let Some(name) = self.qualified() else {
            return Err(self.expected("a name"));
        };
        match self.peek() {
            // `duration'PT1S'`, `binary'..'`, `geography'..'`, `NS.Colour'Red'`.
            Some('\'') if first => self.quoted(),
            Some('(') if !first && (self.is_word(name, "any") || self.is_word(name, "all")) => {
                self.lambda()
            }
            Some('(') if self.is_word(name, "case") && first => self.case(),
            Some('(') => {
                let function = FUNCTIONS.iter().find(|(n, ..)| self.is_word(name, n));
                match function.filter(|_| first) {
                    Some((_, fewest, most)) => self.call(name, *fewest, *most),
                    None => {
                        let named = self.arguments()?;
                        if !named && first && !name.contains('.') {
                            self.back(mark);
                            return Err(self.fault(format!("there is no function `{name}`")));
                        }
                        // A collection of an entity's: `Orders(7)`.
                        Ok(())
                    }
                }
            }
            _ => Ok(()),
        }
    }

    fn call(&mut self, name: &str, fewest: usize, most: usize) -> Parsed {
        self.need('(')?;
        self.spaces();
        let mut count = 0;
        if !self.eat(')') {
            count = self.list(Self::expression)?;
            self.need(')')?;
        }
        if (fewest..=most).contains(&count) {
            Ok(())
        } else {
            Err(self.fault(format!("`{name}` does not take {count} arguments")))
        }
    }

    /// `any()`, `any(x:expression)`.
    fn lambda(&mut self) -> Parsed {
        self.need('(')?;
        self.spaces();
        if self.eat(')') {
            return Ok(());
        }
        if self.identifier().is_none() {
            return Err(self.expected("the name of the range variable"));
        }
        self.spaces();
        self.need(':')?;
        self.spaces();
        self.expression()?;
        self.spaces();
        self.need(')')
    }

    /// `case(condition:value,...)`.
    fn case(&mut self) -> Parsed {
        self.need('(')?;
        self.list(|p| {
            p.expression()?;
            p.spaces();
            p.need(':')?;
            p.spaces();
            p.expression()
        })?;
        self.need(')')
    }

    /// Arguments of a function, or a key: `(1)`, `(a=1,b=@p)`, `()`. Whether they have names, or there are none.
    pub(super) fn arguments(&mut self) -> Parsed<bool> {
        self.need('(')?;
        self.spaces();
        if self.eat(')') {
            return Ok(true);
        }
        let mut named = 0;
        let count = self.list(|p| {
            let mark = p.mark();
            if p.identifier().is_some() {
                p.spaces();
                if p.eat('=') {
                    named += 1;
                    p.spaces();
                    return p.expression();
                }
            }
            p.back(mark);
            p.expression()
        })?;
        self.need(')')?;
        if named != count && count > 1 {
            return Err(self.fault("several values need their names: `(a=1,b=2)`"));
        }
        Ok(named > 0)
    }
}

fn is_guid(text: &str) -> bool {
    text.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    }) && text.len() == 36
}

/// A number: whole, decimal, with an exponent, or `-INF`.
pub(super) fn is_number(text: &str) -> bool {
    let bare = text.strip_prefix('-').unwrap_or(text);
    if bare == "INF" {
        return true;
    }
    let (mantissa, exponent) = match bare.find(['e', 'E']) {
        Some(at) => (&bare[..at], Some(&bare[at + 1..])),
        None => (bare, None),
    };
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let exponent = exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)));
    digits(whole) && digits(fraction) && exponent
}

/// A date, a date with time and zone, or a time of day.
fn is_time(text: &str) -> bool {
    match text.split_once('T') {
        Some((date, time)) => {
            let zone = time.find(['Z', '+', '-']);
            let Some((time, zone)) = zone.map(|at| time.split_at(at)) else {
                return false;
            };
            let offset = zone.strip_prefix(['+', '-']);
            let zone = zone == "Z" || offset.is_some_and(|o| parts(o, ':', &[2, 2]));
            is_date(date) && is_clock(time) && zone
        }
        None => is_date(text) || is_clock(text),
    }
}

fn is_date(text: &str) -> bool {
    let bare = text.strip_prefix('-').unwrap_or(text);
    bare.parse::<jiff::civil::Date>().is_ok() && parts(bare, '-', &[4, 2, 2])
}

fn is_clock(text: &str) -> bool {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let fits = parts(clock, ':', &[2, 2, 2]) || parts(clock, ':', &[2, 2]);
    let range = |at: usize, most: u8| {
        let part = clock.split(':').nth(at);
        part.is_none_or(|p| p.parse::<u8>().is_ok_and(|n| n <= most))
    };
    fits && range(0, 23)
        && range(1, 59)
        && range(2, 60)
        && !fraction.is_empty()
        && fraction.len() <= 12
        && fraction.bytes().all(|b| b.is_ascii_digit())
}

/// Groups of digits of these lengths.
fn parts(text: &str, between: char, lengths: &[usize]) -> bool {
    let mut found = text.split(between);
    let fit = lengths.iter().all(|length| {
        found
            .next()
            .is_some_and(|p| p.len() == *length && p.bytes().all(|b| b.is_ascii_digit()))
    });
    fit && found.next().is_none()
}
