//! Contracts of operations: out of the specification, what the file says over it, and only where a policy wants them.

use crate::folder::Folder;
use serde_json::json;
use tollgate_agents::operation::Location;
use tollgate_control::{Loaded, Options, load_with};
use tollgate_engine::contract::Contract;
use tollgate_engine::contract::body::{BodyRules, Validation};
use tollgate_engine::contract::parameter::Wrong;

const POLICY: &str = r#"<policies><inbound><base />
  <validate-parameters specified-parameter-action="prevent" unspecified-parameter-action="ignore" />
  <validate-content unspecified-content-type-action="prevent" max-size="100" size-exceeded-action="prevent"><content validate-as="json" action="prevent" /></validate-content>
</inbound><backend><base /></backend><outbound><base /><choose><when condition="@(false)"><mock-response status-code="201" /></when></choose></outbound><on-error><base /></on-error></policies>"#;

const CONFIGURATION: &str = r#"
apis:
  - id: pets
    path: pets
    serviceUrl: https://pets.internal
    specification: pets.json
    policy: policy.xml
    operations:
      - id: add
        templateParameters:
          - { name: kind, type: string, values: [dog, cat] }
        request:
          queryParameters:
            - { name: limit, type: integer, required: true, values: ["1", "2"] }
            - { name: owner, schemaId: /schemas/service, typeName: Owner }
          representations:
            - { contentType: application/vnd.pet+json, schemaId: own, typeName: Pet }
        responses:
          - statusCode: 201
            representations:
              - { contentType: application/json, examples: { rex: { value: { name: Rex } } } }
      - id: rest
        method: GET
        urlTemplate: /rest
        request: { headers: [{ name: X-N, type: integer }] }
    schemas:
      - id: own
        document: { components: { schemas: { Pet: { type: object, required: [name] } } } }
  - id: plain
    path: plain
    serviceUrl: https://pets.internal
    specification: pets.json
schemas:
  - id: service
    value: service.json
"#;

const SPECIFICATION: &str = r#"{"openapi": "3.0.3", "paths": {"/{kind}": {"post": {"operationId": "add",
  "parameters": [{"name": "kind", "in": "path", "required": true, "schema": {"type": "integer"}}, {"name": "limit", "in": "query", "schema": {"type": "string"}}, {"name": "kept", "in": "query", "schema": {"type": "boolean"}}],
  "requestBody": {"content": {"application/json": {"schema": {"type": "array"}}}}, "responses": {"201": {"description": "", "content": {"application/json": {"schema": {"type": "object"}}}}}},
  "get": {"operationId": "list"}}}}"#;

fn load(configuration: &str) -> Loaded {
    let folder = Folder::new();
    folder.write("tollgate.yaml", configuration);
    folder.write("pets.json", SPECIFICATION);
    folder.write("policy.xml", POLICY);
    folder.write(
        "service.json",
        r#"{"definitions": {"Owner": {"type": "integer", "minimum": 3}}}"#,
    );
    load_with(folder.path(), &Options::default())
}

#[test]
fn what_the_file_says_comes_over_the_specification() {
    let loaded = load(CONFIGURATION);
    let said = loaded.diagnostics.render_compact(&loaded.sources);
    let snapshot = loaded.snapshot.unwrap_or_else(|| panic!("{said}"));
    let api = |id: &str| snapshot.apis.iter().find(|a| *a.id == *id).unwrap();
    let contract = |id: &str| -> &Contract {
        let operation = api("pets").operations.iter().find(|o| *o.id == *id);
        operation.unwrap().contract.as_deref().unwrap()
    };
    let add = contract("add");
    let check = |location: Location, name: &str, text: &str| {
        let found = add.parameters.iter();
        let parameter = found
            .filter(|p| p.location == location)
            .find(|p| *p.name == *name)
            .unwrap();
        let value = match location {
            Location::Query => parameter.query(&[(name, text)]),
            _ => parameter.texts(&[text]),
        };
        value.and_then(|v| parameter.check(&add.validators, &v))
    };
    assert_eq!(check(Location::Path, "kind", "dog"), Ok(()));
    assert!(matches!(
        check(Location::Path, "kind", "7"),
        Err(Wrong::Unfit(_))
    ));
    assert_eq!(check(Location::Query, "limit", "2"), Ok(()));
    assert!(matches!(
        check(Location::Query, "limit", "3"),
        Err(Wrong::Unfit(_))
    ));
    assert!(matches!(
        check(Location::Query, "limit", "x"),
        Err(Wrong::Unparsed(_))
    ));
    assert_eq!(check(Location::Query, "kept", "true"), Ok(()));
    assert_eq!(check(Location::Query, "owner", "3"), Ok(()));
    assert!(matches!(
        check(Location::Query, "owner", "2"),
        Err(Wrong::Unfit(_))
    ));
    assert!(
        add.parameters
            .iter()
            .any(|p| &*p.name == "limit" && p.required)
    );

    let fits = |content_type: &str, value: serde_json::Value| {
        let body = add.request.iter().find(|r| r.takes(content_type)).unwrap();
        let Validation::Json { validator, .. } = body.validation(BodyRules::default()) else {
            panic!("{content_type} has no schema");
        };
        add.validators.violations(*validator, &value).is_empty()
    };
    assert!(fits("application/json", json!([])) && !fits("application/json", json!({})));
    assert!(fits("application/vnd.pet+json", json!({"name": 1})));
    assert!(!fits("application/vnd.pet+json", json!({})));

    let made = add.response(201).unwrap();
    assert!(add.response(200).is_none());
    assert_eq!(&*made.samples[0].bodies[0], b"{\n  \"name\": \"Rex\"\n}");
    assert_eq!(contract("rest").parameters.len(), 1);
    // What no policy asks for is not there.
    assert!(made.headers.is_empty() && made.representations.is_empty());
    assert!(api("plain").operations.iter().all(|o| o.contract.is_none()));
}

#[test]
fn schemas_that_cannot_be_had_are_faults() {
    for (from, to, expected) in [
        ("schemaId: own", "schemaId: owm", "there is no schema `owm`"),
        (
            "value: service.json",
            "value: none.json",
            "schema `service` cannot be read",
        ),
        (
            "    value: service.json",
            "    description: none",
            "schema `service` needs its text",
        ),
        (
            "method: GET\n",
            "method: GET\n        responses: [{ statusCode: 20x }]\n",
            "`\"20x\"` is not a status code",
        ),
    ] {
        let configuration = CONFIGURATION.replace(from, to);
        assert_ne!(configuration, CONFIGURATION);
        let loaded = load(&configuration);
        let said = loaded.diagnostics.render_compact(&loaded.sources);
        assert!(
            loaded.snapshot.is_none() && said.contains(expected),
            "{said}"
        );
    }
}
