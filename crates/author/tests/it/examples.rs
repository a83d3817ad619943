//! The fixtures of every example pass, and they use all of its documents but the defaults.

use std::path::Path;
use tollgate_author::{Session, Suite, report};

#[test]
fn every_example_has_fixtures_that_pass() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut tested = 0;
    for entry in std::fs::read_dir(examples).unwrap() {
        let folder = entry.unwrap().path();
        // Some folders are for editors and hold no configuration.
        if !folder.join("tollgate.yaml").is_file() && !folder.join("apis").is_dir() {
            continue;
        }
        let mut session = Session::new(Suite::new(std::slice::from_ref(&folder)), None, 2);
        let run = session.run().unwrap();
        let shown = folder.display();
        assert!(
            !run.verdicts.is_empty() || run.refused.is_some(),
            "{shown} has no fixture"
        );
        assert!(run.passed(), "{}", report::text(&run));
        let percent = run.coverage.ratio().percent();
        assert!(percent >= 85.0, "{shown}\n{}", run.coverage.text());
        tested += 1;
    }
    assert!(tested >= 8, "the examples were found");
}
