//! A reference against an absolute URI, as text.
//!
//! Called by `new Uri(base, reference)` and its kin. Source: .NET's `Uri.ResolveHelper` and `CombineUri`. What must stay
//! true: what comes out is `OriginalString` of the new URI; the base gives its parts readable, the reference stays as it is.

use super::parts::{Parts, without_dots};
use super::read::SPACE;
use super::syntax::{DOS_PATH, FILE, QUERY, ROOTED, SLASHES, UNKNOWN, is_scheme};

/// The joined text; `given` is the text of the base.
pub(super) fn combined(given: &str, base: &Parts, reference: &str) -> String {
    let reference = reference.trim_matches(SPACE);
    let syntax = base.syntax();
    let implicit = base.raw.implicit;
    let queried = syntax.has(QUERY) && !implicit;
    match reference.as_bytes() {
        [] => return base.shown(true),
        [b'#', ..] if !implicit => {
            return format!("{}{}{}{reference}", base.left(), base.path, base.query);
        }
        [b'?', ..] if queried => return format!("{}{}{reference}", base.left(), base.path),
        // A path on a drive takes the place of the path of a base that may have one.
        [letter, b':' | b'|', b'/' | b'\\', ..] if letter.is_ascii_alphabetic() => {
            if implicit {
                return reference.to_string();
            }
            if syntax.has(DOS_PATH) {
                let slashes = if base.authority { "//" } else { "" };
                let slash = if syntax.has(ROOTED) { "/" } else { "" };
                return format!("{}:{slashes}{slash}{reference}", base.scheme);
            }
        }
        _ => {}
    }
    let reference = match scheme_of(reference) {
        Some(scheme) if scheme.eq_ignore_ascii_case(&base.scheme) => &reference[scheme.len() + 1..],
        Some(_) => return reference.to_string(),
        None => reference,
    };
    if reference.is_empty() {
        return given.to_string();
    }
    rooted(given, base, reference).unwrap_or_else(|| below(base, reference))
}

/// A reference that begins with a slash.
fn rooted(given: &str, base: &Parts, reference: &str) -> Option<String> {
    let syntax = base.syntax();
    let behind = reference.strip_prefix(['/', '\\'])?;
    let two = behind.starts_with(['/', '\\']);
    if base.dos && !two {
        let colon = given
            .match_indices(':')
            .nth(usize::from(!base.raw.implicit));
        let drive = colon.map_or(given, |(i, _)| &given[..=i]);
        return Some(format!("{drive}{reference}"));
    }
    if syntax.has(FILE) {
        if two {
            let scheme = if base.raw.implicit { "" } else { "file:" };
            return Some(format!("{scheme}{reference}"));
        }
        if !base.unc {
            return Some(format!("file://{reference}"));
        }
        let path = super::percent_decode(&base.path, |_| true);
        let share = path[1..].find('/').map_or(&*path, |i| &path[..=i]);
        let mark = if base.raw.implicit { "\\\\" } else { "file://" };
        return Some(format!("{mark}{}{share}{reference}", base.host.name));
    }
    if reference.starts_with('/') || syntax.has(SLASHES) {
        if behind.starts_with('/') {
            return Some(format!("{}:{reference}", base.scheme));
        }
        return Some(format!("{}/{behind}", base.shown_left(true)));
    }
    None
}

/// A reference below the folder of the base.
fn below(base: &Parts, reference: &str) -> String {
    let syntax = base.syntax();
    let implicit = base.raw.implicit;
    let of_base = match implicit {
        true => base.raw.path.clone(),
        false => base.shown_path(true),
    };
    let folder = of_base.rfind('/').map_or("", |i| &of_base[..=i]);
    let end = reference
        .find(|c| !implicit && (c == '#' || (c == '?' && syntax.has(QUERY))))
        .unwrap_or(reference.len());
    let (way, rest) = reference.split_at(end);
    let way = match syntax.has(SLASHES) {
        true => way.replace('\\', "/"),
        false => way.to_string(),
    };
    let mut whole = format!("{folder}{way}");
    // The drive stays.
    let drive = match base.dos {
        true => 2 + usize::from(of_base.starts_with('/')),
        false => 0,
    };
    let dots = whole.split_off(drive.min(whole.len()));
    let as_file = syntax.has(SLASHES) && !syntax.has(UNKNOWN);
    whole.push_str(&without_dots(&dots, as_file));
    if implicit && base.dos {
        return whole[1..].to_string();
    }
    let left = match implicit {
        true => format!("\\\\{}", base.host.name),
        false => base.shown_left(true),
    };
    format!("{left}{whole}{rest}")
}

/// The scheme that a reference begins with; one letter is a drive.
fn scheme_of(reference: &str) -> Option<&str> {
    let end = reference.find(['/', '\\', '?', '#', ':'])?;
    let scheme = &reference[..end];
    (end > 1 && reference[end..].starts_with(':') && is_scheme(scheme)).then_some(scheme)
}
