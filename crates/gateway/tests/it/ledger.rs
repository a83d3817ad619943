//! The ledger of the real binary: kills, full disks, two gateways on one folder.

mod crashes;
mod faults;
mod provider;

use crate::process::{Folder, Running, address};
use crate::scene::{FORWARD, KEY_A, KEY_B, chat};
use bytes::Bytes;
use http::Request;
use serde_json::json;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use tollgate_state::ledger::{Adjustment, Damage, Intent, Period, Reader, Record, Settlement};

/// A gateway's files, its ledger among them.
struct Site {
    folder: Folder,
}

impl Site {
    /// Before this provider; `ledger` are more properties of `gateway.ledger`.
    fn new(provider: SocketAddr, ledger: &str) -> Site {
        let folder = Folder::new();
        folder.write("global.xml", FORWARD);
        folder.write("api.xml", "<policies><inbound><base /></inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>");
        let more = format!("  ledger: {{ folder: ledger, {ledger} }}\n");
        let config = crate::scene::config(&format!("http://{provider}"), &more, "");
        folder.write("tollgate.yaml", &config);
        Site { folder }
    }

    /// Starts the gateway; does not wait for anything.
    fn spawn(&self) -> Running {
        Running::start(
            &["serve", self.folder.text()],
            &[("TEAM_A_KEY", KEY_A), ("TEAM_B_KEY", KEY_B)],
        )
    }

    /// Starts the gateway and waits until it serves. Gives the addresses of callers and of management.
    fn start(&self) -> (Running, SocketAddr, SocketAddr) {
        let mut running = self.spawn();
        let callers = address(&running.line("serving http://"));
        let management = address(&running.line("management http://"));
        running.line("ready");
        (running, callers, management)
    }

    fn ledger(&self) -> PathBuf {
        self.folder.path().join("ledger")
    }

    fn read(&self) -> Books {
        let mut books = Books::default();
        let mut reader = Reader::open(&self.ledger(), Period::ALL).unwrap();
        for record in reader.by_ref() {
            match record.unwrap() {
                Record::Intent(intent) => {
                    books
                        .intents
                        .entry(intent.call.id)
                        .or_default()
                        .push(intent);
                }
                Record::Settlement(settlement) if settlement.call.attempt == 0 => {
                    let id = settlement.call.id;
                    books.settlements.entry(id).or_default().push(settlement);
                }
                Record::Settlement(settlement) => books.attempts.push(settlement),
                Record::Adjustment(adjustment) => books.adjustments.push(adjustment),
                _ => {}
            }
        }
        books.damage = reader.damage();
        books
    }
}

/// What a ledger says.
#[derive(Default)]
struct Books {
    intents: BTreeMap<u128, Vec<Intent<'static>>>,
    settlements: BTreeMap<u128, Vec<Settlement<'static>>>,
    attempts: Vec<Settlement<'static>>,
    adjustments: Vec<Adjustment<'static>>,
    damage: Damage,
}

/// A model call of the first team.
fn ask(stream: bool) -> Request<Bytes> {
    let body = json!({
        "messages": [{ "role": "user", "content": "Count the ways in which a machine may fail." }],
        "stream": stream,
    });
    chat(KEY_A, &body)
}
