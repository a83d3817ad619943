//! Paths of rules: what they mean, and which one is more specific.

use super::Pattern;

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap_or_else(|| panic!("`{text}`"))
}

#[test]
fn what_a_path_means() {
    let means =
        |path: &str, name: &str, field: &str, root: bool| pattern(path).matches(name, field, root);
    assert!(means("/User/name", "User", "name", false));
    assert!(!means("/User/name", "User", "names", false));
    assert!(means("/User", "User", "name", false));
    assert!(means("/users", "Query", "users", true));
    assert!(!means("/users", "User", "users", false), "no root type");
    assert!(means("/__*", "Query", "__schema", true));
    assert!(means("/", "User", "name", false));
    assert!(means("/*/pass*", "User", "password", false));
    assert!(means("/Us*/*", "User", "name", false));
    for path in ["/", "/__*", "/User", "/User/*", "/*/*", "/*/__*"] {
        assert!(!means(path, "User", "__typename", true), "{path}");
    }
    assert!(means("/User/__typename", "User", "__typename", false));
    assert!(means("/__typename", "Query", "__typename", true));
}

#[test]
fn what_is_no_path() {
    for text in [
        "", "users", "//", "/a/", "/a b", "/1a", "/a/b/c", "/*a", "/\u{e9}", "/a/**",
    ] {
        assert_eq!(Pattern::parse(text), None, "`{text}`");
    }
}

#[test]
fn the_more_specific_path() {
    let order = [
        "/",
        "/*",
        "/Us*",
        "/User",
        "/*/*",
        "/User/*",
        "/User/na*",
        "/*/name",
        "/User/name",
    ];
    for pair in order.windows(2) {
        let [less, more] = [pattern(pair[0]), pattern(pair[1])];
        assert!(less.specificity() < more.specificity(), "{pair:?}");
    }
}
