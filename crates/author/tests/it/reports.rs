//! What is printed of a run, in each format, and what counts as passed.

use crate::folder::{CONFIG, Folder, GIVEN, ONE};
use tollgate_author::{Session, Suite, report};

const FIXTURE: &str = "-- include ../given.test
-- case passes
-- send GET /one/a
-- expect 200
-- upstream saw GET http://b.test/one/a
x-key: p
-- case fails <&>
-- send GET /one/a
-- expect 404
-- case with a subscription
-- send PUT /two/a as team
-- expect 200
";

fn folder() -> Folder {
    Folder::new(&[
        ("tollgate.yaml", CONFIG),
        ("policies/one.xml", ONE),
        ("given.test", GIVEN),
        ("tests/one.test", FIXTURE),
    ])
}

#[test]
fn failures_are_told_with_file_and_line() {
    let folder = folder();
    let run = folder.run();
    assert_eq!(run.counts(), (2, 1));
    assert!(!run.passed());
    let text = folder.plain(&report::text(&run));
    let expected = "FAIL tests/one.test: 2 passed, 1 failed\n\n  fails <&>\n  tests/one.test:9\n    expected status 404, found 200 OK\n";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("2 passed, 1 failed in "), "{text}");

    let json = report::json(&run);
    assert_eq!(json["failed"], 1);
    assert_eq!(json["cases"][1]["fault"]["line"], 9);
    assert_eq!(json["cases"][0]["passed"], true);
    assert_eq!(json["coverage"]["all"], 9);

    let junit = folder.plain(&report::junit(&run));
    let has = |part: &str| assert!(junit.contains(part), "{part}\n{junit}");
    has("tests=\"3\" failures=\"1\" errors=\"0\"");
    has(
        "<testcase classname=\"tests/one.test\" name=\"fails &lt;&amp;&gt;\" file=\"tests/one.test\" line=\"7\"",
    );
    has("<failure message=\"expected status 404, found 200 OK\">tests/one.test:9\n");
    let document = tollgate_lang::document::read(
        tollgate_lang::FileId(0),
        junit.trim_start_matches("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"),
        &tollgate_lang::document::NoNamedValues,
        &mut tollgate_lang::Diagnostics::default(),
    );
    assert_eq!(&*document.unwrap().root.name, "testsuites");
}

#[test]
fn coverage_tells_steps_branches_and_lines() {
    let folder = folder();
    let run = folder.run();
    let text = folder.plain(&run.coverage.text());
    let line = |name: &str| {
        let found = text.lines().find(|l| l.contains(name));
        found
            .unwrap_or_else(|| panic!("{text}"))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    // The document of the second API stands in the configuration file, on lines of that.
    assert!(
        line("policies/one.xml").ends_with("policies/one.xml 2/3 0/1 50.0 6-7"),
        "{text}"
    );
    assert!(line("tollgate.yaml").ends_with("2/3 1/2 60.0 21"), "{text}");
    let lcov = folder.plain(&run.coverage.lcov());
    assert!(lcov.contains("SF:policies/one.xml\nBRDA:6,0,0,0\nBRF:1\nBRH:0\nDA:4,2\nDA:5,2\nDA:7,0\nLF:3\nLH:2\nend_of_record\n"), "{lcov}");
    assert_eq!(run.coverage.json()["files"][1]["uncovered"][0]["line"], 21);
}

#[test]
fn a_filter_takes_cases_by_title_or_file() {
    let folder = folder();
    let counts = |filter| folder.session(Some(filter)).run().unwrap().counts();
    assert_eq!(counts("passes"), (1, 0));
    assert_eq!(counts("one.test"), (2, 1));
    assert_eq!(counts("nothing of it"), (0, 0));
}

#[test]
fn what_cannot_be_tested_is_told() {
    let folder = folder();
    folder.write("tests/broken.test", "-- case");
    folder.write("tests/lost.test", "-- include nowhere.test\n-- send GET /");
    let run = folder.run();
    assert_eq!(run.counts(), (2, 3));
    let text = folder.plain(&report::text(&run));
    assert!(
        text.contains("tests/broken.test:1\n    a case needs a title"),
        "{text}"
    );
    assert!(
        text.contains("tests/lost.test:1\n    `nowhere.test`: "),
        "{text}"
    );

    folder.write(
        "policies/one.xml",
        "<policies><inbound><nothing /></inbound></policies>",
    );
    let run = folder.run();
    assert!(!run.passed());
    assert!(run.verdicts.iter().all(|v| v.fault.is_some()));
    let text = report::text(&run);
    assert!(text.contains("unknown policy `nothing`"), "{text}");
    assert!(report::junit(&run).contains("errors=\"1\""));

    let gone = Suite::new(&[folder.path().to_path_buf(), folder.path().join("gone.test")]);
    let why = Session::new(gone, None, 1).run().unwrap_err();
    assert!(why.ends_with("gone.test is not there"), "{why}");
}

#[test]
fn a_fixture_finds_the_configuration_around_it() {
    let folder = folder();
    let fixture = folder.path().join("tests/one.test");
    let suite = Suite::new(std::slice::from_ref(&fixture));
    assert_eq!(suite.config, folder.path());
    assert_eq!(suite.find().unwrap(), [fixture]);
}
