//! System query options and parameter aliases.

use super::Version;
use super::expression::is_number;
use super::parser::{Fault, Parsed, Parser};

/// A system query option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "OData's own names")]
pub(super) enum Option {
    Apply,
    Compute,
    Count,
    DeltaToken,
    Expand,
    Filter,
    Format,
    Id,
    Index,
    Levels,
    OrderBy,
    SchemaVersion,
    Search,
    Select,
    Skip,
    SkipToken,
    Top,
}

const OPTIONS: [(&str, Option); 17] = [
    ("apply", Option::Apply),
    ("compute", Option::Compute),
    ("count", Option::Count),
    ("deltatoken", Option::DeltaToken),
    ("expand", Option::Expand),
    ("filter", Option::Filter),
    ("format", Option::Format),
    ("id", Option::Id),
    ("index", Option::Index),
    ("levels", Option::Levels),
    ("orderby", Option::OrderBy),
    ("schemaversion", Option::SchemaVersion),
    ("search", Option::Search),
    ("select", Option::Select),
    ("skip", Option::Skip),
    ("skiptoken", Option::SkipToken),
    ("top", Option::Top),
];

/// What the name of a query option is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    System(Option),
    /// `@name`.
    Alias,
    /// The service's own.
    Custom,
    /// It begins with `$` and is none.
    Unknown,
}

impl Name {
    pub(super) fn of(name: &str, version: Version) -> Name {
        if name.starts_with('@') {
            return Name::Alias;
        }
        match (option(name, version), name.starts_with('$')) {
            // `$levels` stands in `$expand` only.
            (Some(Option::Levels), true) | (None, true) => Name::Unknown,
            (Some(Option::Levels), false) | (None, false) => Name::Custom,
            (Some(found), _) => Name::System(found),
        }
    }
}

/// The option of a name: with its `$` and in lower case in 4.0, without and of any case since.
fn option(name: &str, version: Version) -> std::option::Option<Option> {
    let newer = version >= Version::V401;
    let bare = match name.strip_prefix('$') {
        Some(bare) => bare,
        None if newer => name,
        None => return None,
    };
    let found = OPTIONS
        .iter()
        .find(|(known, _)| bare == *known || newer && bare.eq_ignore_ascii_case(known));
    let option = found.map(|(_, option)| *option)?;
    let new = matches!(
        option,
        Option::Compute | Option::Index | Option::SchemaVersion
    );
    (newer || !new).then_some(option)
}

/// Checks the value of an option.
pub(super) fn check(option: Option, value: &str, version: Version) -> Result<(), Fault> {
    let mut parser = Parser::new(value, version);
    parser.option(option)?;
    parser.end()
}

/// Checks `@name=value`.
pub(super) fn alias(name: &str, value: &str, version: Version) -> Result<(), Fault> {
    let mut parser = Parser::new(name, version);
    parser.alias_name()?;
    parser.end()?;
    let mut parser = Parser::new(value, version);
    parser.spaces();
    parser.expression()?;
    parser.spaces();
    parser.end()
}

/// `(option;option)` behind a name in `$expand`, `$select` or `/$count`.
pub(super) fn nested(parser: &mut Parser<'_>) -> Parsed {
    parser.enter()?;
    parser.need('(')?;
    loop {
        parser.spaces();
        let mark = parser.mark();
        if parser.peek() == Some('@') {
            parser.alias_name()?;
            parser.need('=')?;
            parser.expression()?;
        } else {
            parser.eat('$');
            parser.while_is(|c| c.is_ascii_alphabetic());
            let end = parser.mark();
            parser.back(mark);
            let name = &parser.rest()[..end - mark];
            let Some(option) = option(name, parser.version).filter(|o| stands_inside(*o)) else {
                return Err(parser.expected("a query option such as `$filter`"));
            };
            parser.skip(name.len());
            parser.need('=')?;
            parser.option(option)?;
        }
        parser.spaces();
        if !parser.eat(';') {
            break;
        }
    }
    parser.need(')')?;
    parser.leave();
    Ok(())
}

fn stands_inside(option: Option) -> bool {
    !matches!(
        option,
        Option::Format
            | Option::Id
            | Option::Index
            | Option::SchemaVersion
            | Option::SkipToken
            | Option::DeltaToken
    )
}

impl Parser<'_> {
    fn option(&mut self, option: Option) -> Parsed {
        self.spaces();
        match option {
            Option::Filter => self.expression()?,
            Option::OrderBy => {
                self.list(Self::order)?;
            }
            Option::Compute => {
                self.list(Self::computed)?;
            }
            Option::Select => {
                self.list(Self::selected)?;
            }
            Option::Expand => {
                self.list(Self::expanded)?;
            }
            Option::Top | Option::Skip => self.digits()?,
            Option::Index => {
                self.eat('-');
                self.digits()?;
            }
            Option::Levels => {
                if self.peek().is_some_and(|c| c.is_ascii_digit()) {
                    self.digits()?;
                } else {
                    self.word(&["max"])?;
                }
            }
            Option::Count => self.word(&["true", "false"])?,
            Option::Search => self.search()?,
            Option::Format => self.format()?,
            Option::Apply => {
                self.transformation()?;
                while self.eat('/') {
                    self.transformation()?;
                }
            }
            Option::Id | Option::SkipToken | Option::DeltaToken | Option::SchemaVersion => {
                if self.while_is(|_| true).is_empty() {
                    return Err(self.expected("a value"));
                }
            }
        }
        self.spaces();
        Ok(())
    }

    fn digits(&mut self) -> Parsed {
        let mark = self.mark();
        let digits = self.while_is(|c| c.is_ascii_digit());
        if !digits.is_empty() && digits.len() <= 18 && is_number(digits) {
            return Ok(());
        }
        self.back(mark);
        Err(self.expected("a whole number"))
    }

    fn word(&mut self, words: &[&str]) -> Parsed {
        let mark = self.mark();
        let word = self.while_is(|c| c.is_ascii_alphabetic());
        if words.iter().any(|w| self.is_word(word, w)) {
            return Ok(());
        }
        self.back(mark);
        Err(self.expected(&format!("`{}`", words.join("` or `"))))
    }

    fn order(&mut self) -> Parsed {
        self.expression()?;
        let mark = self.mark();
        if self.spaces() && self.peek().is_some_and(|c| c.is_ascii_alphabetic()) {
            return self.word(&["asc", "desc"]);
        }
        self.back(mark);
        Ok(())
    }

    fn computed(&mut self) -> Parsed {
        self.expression()?;
        if !self.spaces() {
            return Err(self.expected("`as` and a name"));
        }
        self.word(&["as"])?;
        self.spaces();
        match self.identifier() {
            Some(_) => Ok(()),
            None => Err(self.expected("a name")),
        }
    }

    /// `name/NS.Type/name`, with `*` or `NS.*` at its end where `star` allows it.
    fn path(&mut self, star: bool) -> Parsed {
        loop {
            if star && self.eat('*') {
                return Ok(());
            }
            if self.peek() == Some('@') {
                // An annotation: `@NS.Term`.
                self.skip(1);
            }
            if self.qualified().is_none() {
                return Err(self.expected("a name"));
            }
            if star && self.rest().starts_with(".*") {
                self.skip(2);
                return Ok(());
            }
            let rest = self.rest();
            if !rest.starts_with('/') || rest.starts_with("/$") {
                return Ok(());
            }
            self.skip(1);
        }
    }

    fn selected(&mut self) -> Parsed {
        self.path(true)?;
        if self.peek() == Some('(') {
            // An action or function with the types of its parameters, or options of a complex property.
            let mark = self.mark();
            if nested(self).is_err() {
                self.back(mark);
                self.skip(1);
                self.list(|p| p.path(false))?;
                self.need(')')?;
            }
        }
        Ok(())
    }

    fn expanded(&mut self) -> Parsed {
        self.path(true)?;
        for end in ["/$ref", "/$count", "/$value"] {
            if self.rest().starts_with(end) {
                self.skip(end.len());
                break;
            }
        }
        if self.peek() == Some('(') {
            nested(self)?;
        }
        Ok(())
    }

    /// Terms, phrases, `AND`, `OR`, `NOT` and parentheses.
    fn search(&mut self) -> Parsed {
        self.enter()?;
        loop {
            self.spaces();
            if self.rest().starts_with("NOT ") {
                self.skip(4);
                self.spaces();
            }
            match self.peek() {
                Some('(') => {
                    self.skip(1);
                    self.search()?;
                    self.need(')')?;
                }
                Some('"') => {
                    let mark = self.mark();
                    self.skip(1);
                    while self.peek().is_some_and(|c| c != '"') {
                        self.while_is(|c| c != '"' && c != '\\');
                        if self.eat('\\') {
                            let escaped = self.peek().map_or(0, char::len_utf8);
                            self.skip(escaped);
                        }
                    }
                    if !self.eat('"') {
                        self.back(mark);
                        return Err(self.fault("the phrase has no closing `\"`"));
                    }
                }
                _ => {
                    let mark = self.mark();
                    let word = self
                        .while_is(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | '"' | ';'));
                    if word.is_empty() || matches!(word, "AND" | "OR" | "NOT") {
                        self.back(mark);
                        return Err(self.expected("a word or a phrase"));
                    }
                }
            }
            let mark = self.mark();
            let blank = self.spaces();
            if self.done() || matches!(self.peek(), Some(')' | ';')) {
                break;
            }
            if !blank {
                self.back(mark);
                return Err(self.expected("a space"));
            }
            for word in ["AND ", "OR "] {
                if self.rest().starts_with(word) {
                    self.skip(word.len());
                    break;
                }
            }
        }
        self.leave();
        Ok(())
    }

    /// `json`, `atom`, `xml`, or a media type.
    fn format(&mut self) -> Parsed {
        let mark = self.mark();
        let text = self.while_is(|_| true);
        let essence = text.split(';').next().unwrap_or_default().trim();
        let token = |t: &str| {
            !t.is_empty()
                && t.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+*".contains(&b))
        };
        let fits = match essence.split_once('/') {
            Some((kind, rest)) => token(kind) && token(rest),
            None => token(essence),
        };
        if fits {
            return Ok(());
        }
        self.back(mark);
        Err(self.expected("`json`, `xml` or a media type"))
    }

    /// `name(...)` of `$apply`: its parentheses and texts must close. What stands in it is the aggregation extension's.
    fn transformation(&mut self) -> Parsed {
        if self.qualified().is_none() {
            return Err(self.expected("a transformation such as `aggregate(...)`"));
        }
        if self.peek() != Some('(') {
            return Ok(());
        }
        let mut open = 0usize;
        loop {
            match self.peek() {
                Some('(') => open += 1,
                Some(')') => open -= 1,
                Some('\'') => {
                    self.quoted()?;
                    continue;
                }
                Some(_) => {}
                None => return Err(self.expected("`)`")),
            }
            self.skip(self.peek().map_or(0, char::len_utf8));
            if open == 0 {
                return Ok(());
            }
        }
    }
}
