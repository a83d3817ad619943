//! Tests again after a change: only what the change can have touched, and never less.

use crate::folder::{CONFIG, Folder, GIVEN, ONE};
use tollgate_author::Run;
use tollgate_author::watch::Watch;

fn titles(run: &Run) -> Vec<&str> {
    run.verdicts.iter().map(|v| v.title.as_str()).collect()
}

#[test]
fn a_change_runs_what_it_can_have_touched() {
    let folder = Folder::new(&[
        ("tollgate.yaml", CONFIG),
        ("policies/one.xml", ONE),
        ("given.test", GIVEN),
        (
            "one.test",
            "-- include given.test\n-- case first\n-- send GET /one/a\n-- expect 200\n",
        ),
        (
            "two.test",
            "-- include given.test\n-- case second\n-- send PUT /two/a as team\n-- expect 200\n",
        ),
    ]);
    let (mut watch, run) = Watch::begin(folder.session(None)).unwrap();
    assert_eq!(titles(&run), ["first", "second"]);
    assert!(run.passed());
    let mut changes = watch.changes();
    let mut change = |watch: &mut Watch, path: &str, text: &str| {
        folder.write(path, text);
        let changed = changes.wait(|| watch.files());
        assert_eq!(changed, [folder.path().join(path)]);
        watch.again(&changed).unwrap()
    };
    // The document of the first API: only its case, against the new document.
    let refuses = ONE.replace("DELETE", "GET");
    let run = change(&mut watch, "policies/one.xml", &refuses);
    assert_eq!(titles(&run), ["first"]);
    assert!(!run.passed());
    // A fixture: its own cases, and those that failed.
    let run = change(
        &mut watch,
        "two.test",
        "-- include given.test\n-- case other\n-- send PUT /two/a as team\n-- expect 200\n",
    );
    assert_eq!(titles(&run), ["first", "other"]);
    // A document that does not load runs nothing and is told.
    let run = change(&mut watch, "policies/one.xml", "<policies");
    assert!(run.refused.is_some());
    let run = change(&mut watch, "policies/one.xml", ONE);
    assert_eq!(titles(&run), ["first"]);
    assert!(run.passed());
    // An included file: all that include it.
    let run = change(&mut watch, "given.test", &format!("{GIVEN}\n"));
    assert_eq!(titles(&run), ["first", "other"]);
    // The configuration: everything.
    let run = change(&mut watch, "tollgate.yaml", &format!("{CONFIG}# changed\n"));
    assert_eq!(titles(&run), ["first", "other"]);
    // A new fixture.
    let run = change(
        &mut watch,
        "three.test",
        "-- include given.test\n-- send DELETE /one/a\n-- expect 405\n",
    );
    assert_eq!(titles(&run), [""]);
    assert!(run.passed());
}
