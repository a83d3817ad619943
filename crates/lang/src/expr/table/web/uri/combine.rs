//! A reference against an absolute URI, as text.
//!
//! Called by `new Uri(base, reference)` and its kin. Source: .NET's `Uri.ResolveHelper` and `CombineUri`. What must stay
//! true: what comes out is `OriginalString` of the new URI; the base gives its parts readable, the reference stays as it is.

use super::parts::{Parts, hierarchical, is_scheme, queried, readable, without_dots};

/// The joined text.
pub(super) fn combined(base: &Parts, reference: &str) -> String {
    let reference = reference.trim_matches([' ', '\t', '\r', '\n']);
    let path = &base.path;
    match reference.as_bytes().first() {
        None => return readable(&base.absolute()),
        Some(b'#') => return format!("{}{path}{}{reference}", base.left(), base.query),
        Some(b'?') if queried(&base.scheme) => return format!("{}{path}{reference}", base.left()),
        _ => {}
    }
    let reference = match scheme_of(reference) {
        Some(scheme) if scheme.eq_ignore_ascii_case(&base.scheme) => &reference[scheme.len() + 1..],
        Some(_) => return reference.to_string(),
        None => reference,
    };
    if reference.is_empty() {
        return base.absolute();
    }
    let flat = hierarchical(&base.scheme);
    let left = readable(&base.left());
    if reference.starts_with('/') || (flat && reference.starts_with('\\')) {
        if reference[1..].starts_with('/') {
            return format!("{}:{reference}", base.scheme);
        }
        return format!("{left}/{}", &reference[1..]);
    }
    let of_base = readable(&base.path);
    let folder = of_base.rfind('/').map_or("", |i| &of_base[..=i]);
    let end = reference
        .find(|c| c == '#' || (c == '?' && queried(&base.scheme)))
        .unwrap_or(reference.len());
    let (way, rest) = reference.split_at(end);
    let way = if flat {
        way.replace('\\', "/")
    } else {
        way.to_string()
    };
    let whole = format!("{folder}{way}");
    if whole.starts_with('/') {
        format!("{left}{}{rest}", without_dots(&whole))
    } else {
        format!("{left}{whole}{rest}")
    }
}

/// The scheme that a reference begins with; one letter is a drive.
fn scheme_of(reference: &str) -> Option<&str> {
    let end = reference.find(['/', '\\', '?', '#', ':'])?;
    let scheme = &reference[..end];
    (end > 1 && reference[end..].starts_with(':') && is_scheme(scheme)).then_some(scheme)
}
