//! `[...]`: ranges, shorthands, properties and subtraction.

use super::{MAX_NEST, MAX_RANGES, Parser, Refusal, S, option};
use crate::expr::table::regex::class::Class;

impl Parser<'_> {
    /// The set after a `[`.
    pub(super) fn set(&mut self, fold: bool, depth: usize) -> S<Class> {
        let mut set = Class::default();
        self.read_set(Some(&mut set), fold, depth)?;
        if fold {
            set.fold();
        }
        self.ranges += set.len();
        if self.ranges > MAX_RANGES {
            return Err(Refusal::Bound(format!(
                "its sets may have {MAX_RANGES} ranges in all, counted without regard to case"
            )));
        }
        Ok(set)
    }

    /// The same in the first reading, for its end.
    pub(super) fn skip_set(&mut self, depth: usize) -> S {
        self.read_set(None, false, depth)
    }

    fn read_set(&mut self, mut set: Option<&mut Class>, fold: bool, depth: usize) -> S {
        if depth > MAX_NEST {
            return self.too_deep("sets");
        }
        let ecma = self.has(option::ECMA_SCRIPT);
        let mut range: Option<u16> = None;
        let mut first = true;
        if self.eat(b'^')
            && let Some(set) = set.as_deref_mut()
        {
            set.negate();
        }
        while let Some(mut unit) = self.take() {
            let at_first = std::mem::take(&mut first);
            let mut escaped = false;
            let c = u8::try_from(unit).unwrap_or(0xff);
            if c == b']' && !at_first {
                return Ok(());
            }
            if c == b'\\' && self.left() > 0 {
                match self.ahead(0) {
                    letter @ (b'd' | b'D' | b's' | b'S' | b'w' | b'W') => {
                        self.at += 1;
                        if let Some(set) = set.as_deref_mut() {
                            if range.is_some() {
                                return self.shorthand_in_range(letter);
                            }
                            set.add_shorthand(letter, ecma);
                        }
                        continue;
                    }
                    letter @ (b'p' | b'P') => {
                        self.at += 1;
                        if set.is_some() && range.is_some() {
                            return self.shorthand_in_range(letter);
                        }
                        let name = self.property_name()?;
                        if let Some(set) = set.as_deref_mut()
                            && !set.add_property(&name, letter == b'P', fold)
                        {
                            return self.syntax(format!("Unknown property '{name}'."));
                        }
                        continue;
                    }
                    b'-' => {
                        self.at += 1;
                        if let Some(set) = set.as_deref_mut() {
                            set.add(u16::from(b'-'), u16::from(b'-'));
                        }
                        continue;
                    }
                    _ => {
                        unit = self.char_escape()?;
                        escaped = true;
                    }
                }
            } else if c == b'[' && self.ahead(0) == b':' && range.is_none() {
                // `[:name:]` is skipped by .NET, which has no such classes.
                let from = self.at;
                self.at += 1;
                self.name();
                if !(self.eat(b':') && self.eat(b']')) {
                    self.at = from;
                }
            }
            if let Some(low) = range.take() {
                let Some(set) = set.as_deref_mut() else {
                    continue;
                };
                if unit == u16::from(b'[') && !escaped && !at_first {
                    // No range but a subtraction: `[a-[b]]`.
                    set.add(low, low);
                    set.subtract(self.set(fold, depth + 1)?.finish());
                    self.subtraction_is_last()?;
                } else if low > unit {
                    return self.syntax("[x-y] range in reverse order.");
                } else {
                    set.add(low, unit);
                }
            } else if self.left() >= 2 && self.ahead(0) == b'-' && self.ahead(1) != b']' {
                range = Some(unit);
                self.at += 1;
            } else if unit == u16::from(b'-') && !escaped && self.ahead(0) == b'[' && !at_first {
                self.at += 1;
                match set.as_deref_mut() {
                    Some(set) => {
                        set.subtract(self.set(fold, depth + 1)?.finish());
                        self.subtraction_is_last()?;
                    }
                    None => self.skip_set(depth + 1)?,
                }
            } else if let Some(set) = set.as_deref_mut() {
                set.add(unit, unit);
            }
        }
        self.syntax("Unterminated [] set.")
    }

    fn shorthand_in_range<T>(&self, letter: u8) -> S<T> {
        self.syntax(format!(
            "Cannot include class \\{} in character range.",
            char::from(letter)
        ))
    }

    fn subtraction_is_last(&self) -> S {
        if self.left() > 0 && self.ahead(0) != b']' {
            return self.syntax("A subtraction must be the last element in a character class.");
        }
        Ok(())
    }

    /// The name after `\p`.
    pub(super) fn property_name(&mut self) -> S<String> {
        if self.left() < 3 {
            return self.syntax("Incomplete \\p{X} character escape.");
        }
        if !self.eat(b'{') {
            return self.syntax("Malformed \\p{X} character escape.");
        }
        let from = self.at;
        while self.ahead(0) == b'-'
            || self
                .peek()
                .is_some_and(crate::expr::table::regex::class::is_word)
        {
            self.at += 1;
        }
        let name = self.part(from, self.at);
        if !self.eat(b'}') {
            return self.syntax("Incomplete \\p{X} character escape.");
        }
        Ok(name)
    }
}
