//! Every policy file has its entry in the list, its documentation and its fixture; the list is sorted.

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
