//! A long run: the governed pipeline with a ledger under full load, and the gateway's memory over time.
//!
//! `cargo xtask bench soak [minutes]`. What must stay true: memory is the kernel's figure for the gateway's process.

use crate::process::Proxy;
use crate::scenario::{Program, soak};
use crate::{load, mock, tokens};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Connections.
const CONNECTIONS: usize = 64;

/// Requests between two looks at the clock.
const PIECE: usize = 10_000;

/// Time between two lines.
const LINE: Duration = Duration::from_secs(10);

/// Runs so many minutes and prints a line each ten seconds.
pub(crate) async fn run(binaries: &Path, minutes: u64) -> Result<(), String> {
    let issuer = tokens::Issuer::generate()?;
    let upstream = mock::start(&issuer.jwks())
        .await
        .map_err(|e| format!("mock upstream: {e}"))?;
    let folder = std::env::temp_dir().join(format!("tollgate-soak-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    let mut proxy = Proxy::start(Program::Tollgate, true, binaries, &folder, upstream).await?;
    let bearers = Rc::new(Vec::new());
    println!(
        "{CONNECTIONS} connections, limit and metrics with a ledger; of {} requests {} are streams\n",
        PIECE + PIECE / 20,
        PIECE / 20
    );
    println!(
        "{:>8} {:>12} {:>8} {:>10} {:>8} {:>10}",
        "seconds", "requests", "rps", "cpu s/100k", "RSS MB", "ledger MB"
    );
    let [whole, stream] = soak();
    let begin = Instant::now();
    let (mut requests, mut before) = (0, 0);
    let (mut line, mut cpu) = (Instant::now(), proxy.usage()?.cpu);
    while begin.elapsed() < Duration::from_secs(minutes * 60) {
        for (scenario, count) in [(&whole, PIECE), (&stream, PIECE / 20)] {
            load::run(proxy.addr, scenario, CONNECTIONS, &bearers, count).await?;
            requests += count;
        }
        if line.elapsed() >= LINE {
            let usage = proxy.usage()?;
            let done = (requests - before) as f64;
            println!(
                "{:>8.0} {requests:>12} {:>8.0} {:>10.2} {:>8.1} {:>10.1}",
                begin.elapsed().as_secs_f64(),
                done / line.elapsed().as_secs_f64(),
                (usage.cpu - cpu) / done * 100_000.0,
                usage.resident,
                megabytes(&folder.join("ledger")),
            );
            (line, before, cpu) = (Instant::now(), requests, usage.cpu);
        }
    }
    proxy.stop();
    let _ = std::fs::remove_dir_all(&folder);
    Ok(())
}

/// Size of a ledger's files.
fn megabytes(folder: &Path) -> f64 {
    let days = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = days.flat_map(|day| {
        std::fs::read_dir(day.path())
            .into_iter()
            .flatten()
            .flatten()
    });
    files
        .filter_map(|file| Some(file.metadata().ok()?.len() as f64))
        .sum::<f64>()
        / f64::from(1 << 20)
}
