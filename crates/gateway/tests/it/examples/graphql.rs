//! `examples/graphql`: the page's query before the page's services gives the page's answer; an order reaches them.

use super::{block, blocks, copy, example, shell};
use crate::process::{Folder, Running, address};
use crate::python::interpreter;
use serde_json::Value;
use std::process::Command;

#[test]
fn graphql() {
    let Some(interpreter) = interpreter() else {
        return;
    };
    let from = example("graphql");
    let page = blocks(&std::fs::read_to_string(from.join("README.md")).unwrap());
    let mut services = Command::new(interpreter);
    services.arg(from.join("services.py")).arg("0");
    let mut services = Running::spawn(services);
    let services = format!("http://{}", address(&services.line("customers and orders")));

    let folder = Folder::new();
    let ports = [
        ("127.0.0.1:8080", "127.0.0.1:0"),
        ("127.0.0.1:8081", "127.0.0.1:0"),
    ];
    copy(&from, &folder, "", &ports);
    let customers = format!("{services}/v1");
    let mut running = Running::start(
        &["serve", folder.text()],
        &[("CUSTOMERS_URL", &customers), ("ORDERS_URL", &services)],
    );
    let gateway = address(&running.line("serving http://")).to_string();
    running.line("ready");

    let ask = |what: &str| {
        let command = block(&page, what).replace("127.0.0.1:8080", &gateway);
        let answer = shell(&command.replace("curl ", "curl -s "))?;
        Some(serde_json::from_str::<Value>(&answer).unwrap())
    };
    let Some(answer) = ask("{ customers { name orders") else {
        return;
    };
    let expected: Value = serde_json::from_str(block(&page, r#"{"data":{"customers""#)).unwrap();
    assert_eq!(answer, expected);
    let order = ask("placeOrder(customer: 8").unwrap();
    assert_eq!(order["data"]["placeOrder"]["number"], "4");
    let answer = ask("{ customers { name orders").unwrap();
    assert_eq!(answer["data"]["customers"][1]["orders"][1]["number"], "4");
}
