//! What a workspace has of its own is what its documents mean, and what the service has stands behind it.

use crate::folder::Folder;
use tollgate_author::report;

const CONFIG: &str = "namedValues:
  - { id: greeting, keyVault: { secretIdentifier: \"https://kv.vault.azure.net/secrets/greeting\" } }
certificates:
  - { id: shown, certificate: service.pem }
schemas:
  - { id: thing, value: '{\"type\": \"array\"}' }
  - { id: number, value: '{\"type\": \"number\"}' }
apis:
  - id: out
    path: out
    serviceUrl: http://out.test
    subscriptionRequired: false
    operations: [{ id: any, method: POST, urlTemplate: / }]
    policy: held.xml
workspaces:
  - id: team
    certificates:
      - { id: shown, certificate: client.pem, key: client.key }
    schemas:
      - { id: thing, value: '{\"type\": \"object\"}' }
    apis:
      - id: in
        path: in
        serviceUrl: http://in.test
        subscriptionRequired: false
        operations: [{ id: any, method: POST, urlTemplate: / }]
        policy: held.xml
      - id: named
        path: named
        serviceUrl: http://in.test
        subscriptionRequired: false
        operations: [{ id: any, method: POST, urlTemplate: / }]
        policy: named.xml
      - id: own
        path: own
        serviceUrl: http://in.test
        subscriptionRequired: false
        operations:
          - id: any
            method: POST
            urlTemplate: /
            request: { representations: [{ contentType: application/json, schemaId: number }] }
        policy: own.xml
";

const HELD: &str = r#"<policies><inbound><base />
  <set-header name="x-greeting"><value>{{greeting}}</value></set-header>
  <validate-content unspecified-content-type-action="ignore" max-size="99" size-exceeded-action="prevent">
    <content type="application/json" validate-as="json" action="prevent" schema-id="thing" />
  </validate-content>
</inbound></policies>"#;

const OWN: &str = r#"<policies><inbound><base />
  <validate-content unspecified-content-type-action="ignore" max-size="99" size-exceeded-action="prevent">
    <content type="application/json" validate-as="json" action="prevent" />
  </validate-content>
</inbound></policies>"#;

const NAMED: &str = r#"<policies><inbound><base />
  <authentication-certificate certificate-id="@(context.Request.Headers.GetValueOrDefault("which", ""))" />
</inbound></policies>"#;

const FIXTURE: &str = "-- background
-- config
named-value greeting: hello
-- case the service's own
-- send POST /out
content-type: application/json

[]
-- expect 200
-- upstream saw POST http://out.test/
x-greeting: hello
-- send POST /out
content-type: application/json

{}
-- expect 400

-- case the workspace's own
-- send POST /in
content-type: application/json

{}
-- expect 200
-- send POST /in
content-type: application/json

[]
-- expect 400

-- case its certificate, and not the one of that name which has no key
-- send POST /named
which: shown
-- expect 200
-- upstream saw POST http://in.test/ showing 5111639BBF1E50464DE53F80CEE71EB929D8FFAE

-- case a schema of the service for an operation of a workspace
-- send POST /own
content-type: application/json

7
-- expect 200
-- send POST /own
content-type: application/json

{}
-- expect 400
";

#[test]
fn what_a_workspace_has_comes_over_the_services() {
    let certificate = include_str!("../../../engine/tests/certificates/client.pem");
    let folder = Folder::new(&[
        ("tollgate.yaml", CONFIG),
        ("client.pem", certificate),
        ("service.pem", certificate),
        (
            "client.key",
            include_str!("../../../engine/tests/certificates/client.key"),
        ),
        ("held.xml", HELD),
        ("own.xml", OWN),
        ("named.xml", NAMED),
        ("workspaces.test", FIXTURE),
    ]);
    let run = folder.run();
    assert!(run.passed(), "{}", report::text(&run));
    assert_eq!(run.verdicts.len(), 4);
}
