//! Names of tools: what a configuration or a specification says, made fit for MCP and for the models' own limits.
//!
//! What must stay true: a name depends on the operation and on the names it collides with, never on when it is asked
//! for; it has at most 64 characters of `[A-Za-z0-9_-]`, which every model API takes.

use std::collections::HashMap;

/// Longest name.
pub const LONGEST_NAME: usize = 64;

/// A name of `[A-Za-z0-9_-]`, at most 64 long; empty when nothing is left.
pub fn sanitised(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST_NAME));
    for c in text.trim().chars() {
        let c = if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        };
        if c == '_' && out.ends_with('_') {
            continue;
        }
        if out.len() == LONGEST_NAME {
            break;
        }
        out.push(c);
    }
    if out.bytes().all(|b| b == b'_') {
        out.clear();
    }
    out
}

/// The name of an operation that has none of its own: its verb and the words of its path.
pub fn of_path(method: &str, template: &str) -> String {
    let path = template.split('?').next().unwrap_or_default();
    let words = path
        .split(|c: char| !(c.is_alphanumeric() || c == '-'))
        .filter(|w| !w.is_empty());
    let mut name = method.to_ascii_lowercase();
    for word in words {
        name.push('_');
        name.push_str(word);
    }
    name
}

/// The names of one server's tools.
#[derive(Debug, Default)]
pub struct Names(HashMap<String, usize>);

/// A name that is taken.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken {
    /// The name, sanitised.
    pub name: String,
    /// Who has it: the number given to [`Names::configured`] or [`Names::derived`].
    pub by: usize,
}

impl Names {
    /// Takes a name that was configured. Fails when another tool has it; an empty name is one that nothing is left of.
    pub fn configured(&mut self, name: &str, owner: usize) -> Result<String, Taken> {
        let name = sanitised(name);
        match self.0.get(&name) {
            Some(&by) => Err(Taken { name, by }),
            None => {
                self.0.insert(name.clone(), owner);
                Ok(name)
            }
        }
    }

    /// Takes a name made from an operation. When another tool has it, a hash of the operation's identity (`api/operation`)
    /// tells them apart. Call it after all configured names are taken.
    pub fn derived(&mut self, name: &str, identity: &str, owner: usize) -> String {
        let plain = sanitised(name);
        let mut chosen = plain.clone();
        let mut salt = 0u32;
        while chosen.is_empty() || self.0.contains_key(&chosen) {
            let suffix = format!("_{:06x}", hash(identity, salt) & 0xff_ffff);
            let kept = plain.len().min(LONGEST_NAME - suffix.len());
            chosen = format!("{}{suffix}", plain[..kept].trim_end_matches('_'));
            salt += 1;
        }
        self.0.insert(chosen.clone(), owner);
        chosen
    }
}

/// FNV-1a: the same on every machine and in every version.
fn hash(text: &str, salt: u32) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes().chain(salt.to_le_bytes()) {
        hash ^= u64::from(byte);
        hash = hash.wrapping_mul(0x0100_0000_01b3);
    }
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_every_model_api() {
        for (text, name) in [
            ("get-weather", "get-weather"),
            ("Get weather", "Get_weather"),
            ("orders.list / all", "orders_list_all"),
            ("gr\u{fc}n", "gr_n"),
            ("__x__", "_x_"),
            ("\u{fc}", ""),
            ("", ""),
        ] {
            assert_eq!(sanitised(text), name, "{text}");
        }
        assert_eq!(sanitised(&"x".repeat(100)).len(), LONGEST_NAME);
        assert_eq!(
            of_path("GET", "/orders/{id}/items?x={x}"),
            "get_orders_id_items"
        );
    }

    #[test]
    fn the_same_name_is_told_apart_by_the_operation() {
        let mut names = Names::default();
        assert_eq!(names.configured("list", 0).as_deref(), Ok("list"));
        assert_eq!(
            names.configured("list", 1),
            Err(Taken {
                name: String::from("list"),
                by: 0
            })
        );
        let first = names.derived("list", "a/list", 2);
        assert_ne!(first, "list");
        let mut again = Names::default();
        assert_eq!(again.configured("list", 0).as_deref(), Ok("list"));
        assert_eq!(again.derived("list", "a/list", 9), first, "stable");
        let long = "y".repeat(80);
        let one = names.derived(&long, "a/y", 3);
        let two = names.derived(&long, "b/y", 4);
        assert!(one != two && one.len() == 64 && two.len() == 64);
        assert!(names.derived("", "c/z", 5).len() > 1);
    }
}
