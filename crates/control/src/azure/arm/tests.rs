//! Expressions, functions, loops and nested templates.

use super::*;
use crate::yaml;
use serde_json::{Value, json};
use tollgate_lang::{Diagnostics, FileId};

fn tree(template: &Value) -> Node {
    let mut diagnostics = Diagnostics::default();
    let tree = yaml::parse(FileId(0), &template.to_string(), &mut diagnostics).unwrap();
    assert!(!diagnostics.has_errors());
    tree
}

/// What a template with this value in a resource gives for it, or why it is left out.
fn value(expression: &Value) -> Result<Value, String> {
    let template = json!({
        "parameters": {
            "svc": { "type": "string", "defaultValue": "contoso" },
            "list": { "type": "array", "defaultValue": ["a", "b"] },
            "given": { "type": "string" }
        },
        "variables": {
            "one": 1,
            "object": { "Name": "x", "deep": [{ "y": "[variables('one')]" }] },
            "loop": "[concat('x', variables('loop'))]",
            "copy": [{ "name": "made", "count": 3, "input": "[concat('n', copyIndex('made'))]" }],
            "twice": "[concat(variables('t1'), variables('t1'))]"
        },
        "resources": [{
            "type": "Microsoft.ApiManagement/service/tags",
            "name": "[concat(parameters('svc'), '/t')]",
            "properties": { "v": expression }
        }]
    });
    let parameters = json!({ "parameters": { "given": { "value": "told" } } });
    let read = read(&tree(&template), Some(&tree(&parameters)));
    match read.resources[0].properties.get("v") {
        Some(value) => Ok(value.json()),
        None => Err(read.notes[0].message.clone()),
    }
}

#[test]
fn expressions_are_worked_out() {
    for (expression, expected) in [
        ("plain", json!("plain")),
        ("[[not an expression]", json!("[not an expression]")),
        ("[parameters('given')]", json!("told")),
        ("[concat('a', 1, parameters('svc'))]", json!("a1contoso")),
        (
            "[concat(parameters('list'), createArray('c'))]",
            json!(["a", "b", "c"]),
        ),
        ("[format('{0}/{1:D3}{{x}}', 'a', 5)]", json!("a/5{x}")),
        ("['it''s']", json!("it's")),
        ("[variables('object').deep[0].y]", json!(1)),
        ("[variables('object').name]", json!("x")),
        ("[variables('made')]", json!(["n0", "n1", "n2"])),
        (
            "[if(equals(variables('one'), 1), 'yes', reference('x'))]",
            json!("yes"),
        ),
        ("[coalesce(null(), 'b')]", json!("b")),
        ("[toLower(replace('A-B', '-', '_'))]", json!("a_b")),
        (
            "[join(split('a,b;c', createArray(',', ';')), '|')]",
            json!("a|b|c"),
        ),
        ("[substring('abcdef', 1, 3)]", json!("bcd")),
        ("[length(parameters('list'))]", json!(2)),
        ("[contains(parameters('list'), 'b')]", json!(true)),
        ("[first(parameters('list'))]", json!("a")),
        ("[last('abc')]", json!("c")),
        ("[skip(parameters('list'), 1)]", json!(["b"])),
        ("[take('abc', 2)]", json!("ab")),
        ("[add(mul(2, 3), mod(7, 4))]", json!(9)),
        ("[max(1, 5, 3)]", json!(5)),
        ("[and(true(), not(false()))]", json!(true)),
        ("[greaterOrEquals(2, 2)]", json!(true)),
        ("[empty(createArray())]", json!(true)),
        (
            "[union(createObject('a', 1), createObject('b', 2)).b]",
            json!(2),
        ),
        ("[json('{\"a\": [true, 1.5]}').a[0]]", json!(true)),
        ("[base64ToString(base64('hi'))]", json!("hi")),
        ("[padLeft('7', 3, '0')]", json!("007")),
        ("[indexOf('hello', 'L')]", json!(2)),
        (
            "[uri('https://a.example/', '/b')]",
            json!("https://a.example/b"),
        ),
        ("[range(3, 2)]", json!([3, 4])),
        ("[tryGet(variables('object'), 'none')]", json!(null)),
        (
            "[resourceId('Microsoft.ApiManagement/service/backends', parameters('svc'), 'b')]",
            json!(
                "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/resource-group/providers/Microsoft.ApiManagement/service/contoso/backends/b"
            ),
        ),
    ] {
        assert_eq!(
            value(&json!(expression)).as_ref(),
            Ok(&expected),
            "{expression}"
        );
    }
}

#[test]
fn what_cannot_be_known_is_left_out() {
    for (expression, why) in [
        (
            "[reference('x').y]",
            "left out: `reference` is known only in a deployment",
        ),
        (
            "[wonder(1)]",
            "left out: function `wonder` is not known here",
        ),
        (
            "[parameters('none')]",
            "left out: there is no parameter `none`",
        ),
        (
            "[variables('object').z]",
            "left out: there is no property `z`",
        ),
        ("[div(1, 0)]", "left out: a division by zero"),
        ("[concat('a'", "left out: a text does not end"),
        ("[concat('a']", "left out: expected `,` before ``"),
        (
            "[format('{3}', 1)]",
            "left out: `format` has no argument `{3}`",
        ),
        ("[parameters('list')[7]]", "left out: there is no item `7`"),
    ] {
        if expression == "[concat('a'" {
            // Without its bracket it is a text.
            assert_eq!(value(&json!(expression)), Ok(json!(expression)));
            continue;
        }
        assert_eq!(
            value(&json!(expression)),
            Err(String::from(why)),
            "{expression}"
        );
    }
    let endless = value(&json!("[variables('loop')]")).unwrap_err();
    assert!(endless.contains("does not come to an end"), "{endless}");
    let deep = format!("[{}1{}]", "not(".repeat(500), ")".repeat(500));
    assert!(value(&json!(deep)).is_err());
}

fn names(template: &Value) -> (Vec<String>, Vec<String>) {
    let read = read(&tree(template), None);
    let names = read.resources.iter().map(|r| {
        let workspace = r
            .workspace
            .as_deref()
            .map(|w| format!("{w}:"))
            .unwrap_or_default();
        format!("{workspace}{} {}", r.kind, r.names.join("/"))
    });
    (
        names.collect(),
        read.notes.into_iter().map(|n| n.message).collect(),
    )
}

#[test]
fn loops_children_and_nested_templates() {
    let (names, notes) = names(&json!({
        "resources": [
            { "type": "Microsoft.Storage/storageAccounts", "name": "x" },
            {
                "type": "Microsoft.ApiManagement/service", "name": "svc",
                "resources": [{ "type": "apis", "name": "a", "resources": [{ "type": "operations", "name": "o" }] }]
            },
            {
                "type": "Microsoft.ApiManagement/service/products",
                "name": "[format('svc/p{0}', copyIndex(1))]",
                "copy": { "name": "ps", "count": 2 }
            },
            { "type": "Microsoft.ApiManagement/service/tags", "name": "svc/no", "condition": "[equals(1, 2)]" },
            { "type": "Microsoft.ApiManagement/service/workspaces/apis", "name": "svc/w/a" },
            { "type": "Microsoft.ApiManagement/service/apis", "name": "svc/a/b" },
            {
                "type": "Microsoft.Resources/deployments", "name": "inner",
                "properties": {
                    "expressionEvaluationOptions": { "scope": "inner" },
                    "parameters": { "n": { "value": "[concat('in', 'ner')]" } },
                    "template": {
                        "parameters": { "n": { "type": "string" } },
                        "resources": {
                            "named": { "type": "Microsoft.ApiManagement/service/namedValues", "name": "[format('svc/{0}', parameters('n'))]" },
                            "there": { "existing": true, "type": "Microsoft.ApiManagement/service", "name": "svc" }
                        }
                    }
                }
            },
            { "type": "Microsoft.Resources/deployments", "name": "linked", "properties": { "templateLink": { "uri": "https://x" } } }
        ]
    }));
    assert_eq!(
        names,
        [
            "apis a",
            "apis/operations a/o",
            "products p1",
            "products p2",
            "w:apis a",
            "namedvalues inner"
        ]
    );
    assert_eq!(
        notes,
        [
            "`x` of type Microsoft.Storage/storageAccounts is no part of API Management: left out",
            "the settings of service `svc` do not carry over: write listeners and TLS under `gateway`",
            "the name `svc/a/b` does not fit the type `apis`: left out",
            "a linked template is not read: import its file, too",
        ]
    );
}
