//! Every policy file has its entry in the list, its documentation and its fixture; the list is sorted; a code means one
//! fault.

use std::path::Path;
use tollgate_engine::policies;

#[test]
fn every_policy_is_listed_documented_and_has_a_fixture() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<String> = std::fs::read_dir(root.join("src/policies"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| name != "mod")
        .collect();
    files.sort();
    let listed = listed(&std::fs::read_to_string(root.join("src/policies/mod.rs")).unwrap());
    assert_eq!(
        listed, files,
        "the list and the files of src/policies differ"
    );
    for policy in policies::all() {
        let name = policy.name;
        assert!(
            !policy.doc.trim().is_empty(),
            "`{name}` has no documentation"
        );
        for part in policy.attributes {
            assert!(
                !part.doc.trim().is_empty(),
                "`{}` of `{name}` has no documentation",
                part.name
            );
        }
        for part in policy.children {
            assert!(
                !part.doc.trim().is_empty(),
                "`{}` in `{name}` has no documentation",
                part.name
            );
        }
        let fixture = root.join(format!("tests/policies/{name}.test"));
        assert!(
            fixture.is_file(),
            "`{name}` has no fixture {}",
            fixture.display()
        );
    }
}

/// The words of the `policies!` list.
fn listed(source: &str) -> Vec<String> {
    let (_, list) = source.split_once("\npolicies! {").unwrap();
    let (list, _) = list.split_once('}').unwrap();
    list.lines()
        .filter_map(|line| line.split("//").next())
        .flat_map(str::split_whitespace)
        .map(str::to_owned)
        .collect()
}

#[test]
fn no_policy_is_both_served_and_not_yet() {
    for name in policies::NOT_YET {
        assert!(
            policies::find(name).is_none(),
            "`{name}` is served: remove it from NOT_YET"
        );
    }
}

/// Codes of the document's and the elements' shape, which policies report too where the shape is theirs to check.
const SHAPE: std::ops::RangeInclusive<&str> = "TG0301"..="TG0322";

#[test]
fn a_code_means_one_fault() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root];
    let mut places: std::collections::BTreeMap<String, Vec<String>> = Default::default();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // Tests name the codes that they expect.
            if path.file_name().is_some_and(|name| name == "tests.rs") {
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            for (at, _) in source.match_indices("\"TG") {
                let code: String = source[at + 1..].chars().take_while(|c| *c != '"').collect();
                let place = path.display().to_string();
                places.entry(code).or_default().push(place);
            }
        }
    }
    assert!(places.len() > 30, "the codes were found");
    for (code, places) in places {
        assert!(
            SHAPE.contains(&code.as_str()) || places.len() == 1,
            "`{code}` is taken: {places:?}"
        );
    }
}
