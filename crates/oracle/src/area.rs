//! Which part of the library a member belongs to: for `--area`, and to sort reports.

use tollgate_lang::expr::catalog::TypeEntry;

/// The areas.
pub(crate) const AREAS: [&str; 6] = ["syntax", "linq", "text", "time", "json", "crypto"];

/// The area of a type.
pub(crate) fn of(t: &TypeEntry) -> &'static str {
    let name = &*t.full_name;
    let within = |prefixes: &[&str]| prefixes.iter().any(|p| name.starts_with(p));
    if within(&["Newtonsoft.", "System.Xml."]) {
        "json"
    } else if within(&["System.Security.", "System.Text.RegularExpressions."]) || t.name == "Jwt" {
        "crypto"
    } else if within(&["System.Collections.", "System.Linq."])
        || matches!(t.name, "Array" | "Tuple" | "ValueTuple")
    {
        "linq"
    } else if within(&[
        "System.DateTime",
        "System.TimeSpan",
        "System.TimeZone",
        "System.DayOfWeek",
        "System.Uri",
        "System.Net.",
        "Microsoft.",
    ]) {
        "time"
    } else if within(&["System.Nullable", "System.Func", "System.Action"]) {
        "syntax"
    } else {
        "text"
    }
}
