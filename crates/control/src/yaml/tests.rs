//! Trees: places, spelling, repair.

use super::{At, parse, read};
use serde::Deserialize;
use tollgate_lang::{Diagnostics, Sources};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Model {
    #[serde(default)]
    items: Vec<At<Item>>,
    #[serde(default)]
    count: Option<u32>,
    #[serde(default)]
    nested: Option<Nested>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Item {
    id: At<String>,
    size: u16,
    open: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Nested {
    inner: Inner,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Inner {
    name: String,
    kind: Kind,
}

#[derive(Debug, PartialEq, Deserialize)]
enum Kind {
    One,
    Two,
}

fn check(text: &str) -> (Option<Model>, Vec<String>) {
    let mut sources = Sources::default();
    let file = sources.add("a.yaml", text);
    let mut diagnostics = Diagnostics::default();
    let model = parse(file, text, &mut diagnostics)
        .and_then(|mut root| read(file, &mut root, &mut diagnostics));
    let faults = diagnostics.render_compact(&sources);
    (model, faults.lines().map(str::to_owned).collect())
}

#[test]
fn keeps_spelling_and_places() {
    let (model, faults) = check(
        "# é\nitems:\n  - id: 0123\n    size: \"7\"\n    open: TRUE\n  - {id: \"é\", size: 2}\n",
    );
    assert!(faults.is_empty(), "{faults:?}");
    let model = model.unwrap();
    assert_eq!(model.items[0].id.value, "0123");
    assert_eq!((model.items[0].size, model.items[0].open), (7, Some(true)));
    assert_eq!(model.items[0].id.place.start, 20);
    assert_eq!(model.items[0].id.place.end, 24);
    assert_eq!(model.items[1].id.value, "é");
    assert!(model.count.is_none());
}

#[test]
fn reports_every_fault_once_and_keeps_the_rest() {
    let (model, faults) = check(
        "items:\n  - id: a\n    size: many\n  - size: 3\n    sise: 4\n  - 7\n  - id: [x]\n    size: 70000\n    open: maybe\ncuont: 4\ncount: -1\nnested:\n  inner:\n    kind: Tow\n",
    );
    assert_eq!(
        faults,
        [
            "a.yaml:3:11: error[TG0405]: text cannot stand here; expected a whole number from 0 to 65535",
            "a.yaml:5:5: error[TG0403]: unknown property `sise`; not a property here; did you mean `size`?",
            "a.yaml:4:5: error[TG0404]: `id` is missing; expected `id` among these properties",
            "a.yaml:6:5: error[TG0405]: a number cannot stand here; expected a mapping",
            "a.yaml:7:9: error[TG0405]: a list cannot stand here; expected text",
            "a.yaml:8:11: error[TG0405]: a number cannot stand here; expected a whole number from 0 to 65535",
            "a.yaml:9:11: error[TG0405]: text cannot stand here; expected `true` or `false`",
            "a.yaml:10:1: error[TG0403]: unknown property `cuont`; not a property here; did you mean `count`?",
            "a.yaml:11:8: error[TG0405]: a number cannot stand here; expected a whole number, 0 or more",
            "a.yaml:14:11: error[TG0405]: unknown value `Tow`; expected `One` or `Two`; did you mean `Two`?",
            "a.yaml:14:5: error[TG0404]: `name` is missing; expected `name` among these properties",
        ]
    );
    let model = model.unwrap();
    assert_eq!(model.items.len(), 3);
    assert_eq!(model.items[1].size, 3);
    assert_eq!(model.nested.unwrap().inner.kind, Kind::One);
}

#[test]
fn a_missing_mapping_is_one_fault() {
    let (model, faults) = check("nested:\n  innr: 1\n");
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(
        model
            .unwrap()
            .nested
            .unwrap()
            .inner
            .name
            .starts_with("missing-")
    );
    let (model, faults) = check("nested:\n");
    assert!(faults.is_empty() && model.unwrap().nested.is_none());
}

#[test]
fn a_double_key_does_not_hide_the_rest() {
    let (model, faults) = check("count: 1\ncount: 2\nx: 1\n");
    assert_eq!(
        faults,
        [
            "a.yaml:2:1: error[TG0402]: `count` stands twice in one mapping; remove one of the two",
            "a.yaml:3:1: error[TG0403]: unknown property `x`; not a property here; properties here are `items`, `count` or `nested`",
        ]
    );
    assert_eq!(model.unwrap().count, Some(1));
}

#[test]
fn broken_yaml_has_a_place() {
    let (model, faults) = check("count: [1\nitems: 2\n");
    assert!(model.is_none());
    assert_eq!(faults.len(), 1);
    assert!(faults[0].starts_with("a.yaml:2:"), "{faults:?}");
    assert!(check(&"[".repeat(100_000)).0.is_none());
    assert!(check("").0.is_some());
    assert!(check("[]").0.is_none());
}
