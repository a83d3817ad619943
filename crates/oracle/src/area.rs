//! Which part of the library a member belongs to: for `--area`, and to sort reports.

use tollgate_lang::expr::catalog::TypeEntry;

/// The areas.
pub(crate) const AREAS: [&str; 8] = [
    "syntax", "linq", "text", "time", "json", "xml", "web", "crypto",
];

/// The area of a type.
pub(crate) fn of(t: &TypeEntry) -> &'static str {
    let name = &*t.full_name;
    let within = |prefixes: &[&str]| prefixes.iter().any(|p| name.starts_with(p));
    if within(&["Newtonsoft."]) {
        "json"
    } else if within(&["System.Xml."]) {
        "xml"
    } else if within(&["System.Uri", "System.Net.", "System.Web.", "Microsoft."]) {
        "web"
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
    ]) {
        "time"
    } else if within(&["System.Nullable", "System.Func", "System.Action"]) {
        "syntax"
    } else {
        "text"
    }
}
