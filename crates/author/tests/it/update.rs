//! `tollgate test --update`: what failed says what came, what fits stays, and what is a table's is left alone.

use crate::folder::{CONFIG, Folder, GIVEN, ONE};
use tollgate_author::report;
use tollgate_author::update::update;

const BEFORE: &str = "-- include given.test
-- case everything differs
-- upstream 200
content-type: application/json

{\"id\": 7, \"parts\": [{\"n\": 1}, {\"n\": 2}]}
-- send GET /one/a
-- expect 404 Not Found after 3s
content-type: text/<any>
x-gone: 1

(json)
{\"id\": 8, \"parts\": [{\"n\": \"<int>\"}, {\"n\": 3}], \"no\": 1}
-- upstream saw POST http://b.test/one/b
x-key: <any>
x-none: 2
-- upstream saw GET /more
x: 1
-- settled client_left

-- case lines of a body
-- upstream 200

{\"a\": [1, 2]}
-- send GET /one/a
-- expect 200

$.a[0]: 2
$.a[1]: 2
$.b: 1
-- expect 200

~ nothing like it

-- case faults
-- policy.xml api one
<policies><inbound><set-heder /></inbound></policies>
-- fault
1:21 TG0311 unknown policy `<any>`
  help: nobody knows
1:1 TG0000 another

-- case <how> in a table
-- table
how | status
GET | 201
-- send <how> /one/a
-- expect <status>
";

const AFTER: &str = "-- include given.test
-- case everything differs
-- upstream 200
content-type: application/json

{\"id\": 7, \"parts\": [{\"n\": 1}, {\"n\": 2}]}
-- send GET /one/a
-- expect 200 OK after 0s
content-type: application/json
x-gone:

(json)
{
  \"id\": 7,
  \"parts\": [
    {
      \"n\": \"<int>\"
    },
    {
      \"n\": 2
    }
  ]
}
-- upstream saw GET http://b.test/one/a
x-key: <any>
x-none:
-- upstream saw nothing
-- settled answered

-- case lines of a body
-- upstream 200

{\"a\": [1, 2]}
-- send GET /one/a
-- expect 200

$.a[0]: 1
$.a[1]: 2
$.b: absent
-- expect 200

~ nothing like it

-- case faults
-- policy.xml api one
<policies><inbound><set-heder /></inbound></policies>
-- fault
1:21 TG0311 unknown policy `<any>`
  help: did you mean `set-header`?

-- case <how> in a table
-- table
how | status
GET | 201
-- send <how> /one/a
-- expect <status>
";

#[test]
fn what_failed_says_what_came() {
    let folder = Folder::new(&[
        ("tollgate.yaml", CONFIG),
        ("policies/one.xml", ONE),
        ("given.test", GIVEN),
        ("one.test", BEFORE),
    ]);
    let updated = update(&mut folder.session(None)).unwrap();
    let path = folder.path().join("one.test");
    let now = std::fs::read_to_string(&path).unwrap();
    assert_eq!(now, AFTER);
    let verdicts = folder.plain(&report::text(&updated.run));
    // What no rewriting mends still fails: a pattern, and a row.
    assert_eq!(updated.run.counts(), (2, 2), "{verdicts}");
    assert!(verdicts.contains("expected a match of nothing like it"));
    assert!(verdicts.contains("expected status 201, found 200 OK"));
    let diff = folder.plain(&updated.diff());
    assert!(diff.starts_with("one.test\n"), "{diff}");
    assert!(diff.contains(" - $.a[0]: 2\n"), "{diff}");
    assert!(diff.contains(" + $.a[0]: 1\n"), "{diff}");
    // Nothing is left to do, and nothing is written.
    let again = update(&mut folder.session(None)).unwrap();
    assert_eq!((again.edits, again.files.len()), (0, 0));
}

/// A line that two cases share, and that cannot be right for both, does not go back and forth for ever.
#[test]
fn cases_that_differ_end() {
    let shared = "-- background\n-- send GET /one/a\n-- expect 200\nx-said: none\n";
    let folder = Folder::new(&[
        ("tollgate.yaml", CONFIG),
        ("policies/one.xml", ONE),
        ("given.test", GIVEN),
        ("shared.test", shared),
        (
            "one.test",
            "-- include given.test\n-- include shared.test\n-- case a\n-- policy.xml api one\n<policies><inbound><return-response><set-header name=\"x-said\"><value>a</value></set-header></return-response></inbound></policies>\n-- case b\n-- policy.xml api one\n<policies><inbound><return-response><set-header name=\"x-said\"><value>b</value></set-header></return-response></inbound></policies>\n",
        ),
    ]);
    let updated = update(&mut folder.session(None)).unwrap();
    assert_eq!(updated.run.counts(), (1, 1), "{}", updated.diff());
}
