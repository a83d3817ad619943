//! Measures the gateway against a minimal proxy and nginx: the same load, the same upstream, one run.
//!
//! `cargo xtask bench` runs it on one core; each proxy runs alone on another. What must stay true: CPU time is read
//! from the kernel for the proxy's process only, and every figure is also printed as a ratio to the floor's of this run.

mod load;
mod mock;
mod process;
mod scenario;
mod soak;
mod tokens;

use process::{Proxy, Usage};
use scenario::{Bearer, Scenario, Shape};
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut args = std::env::args().skip(1);
    let Some(binaries) = args.next() else {
        eprintln!("usage: bench <folder with the binaries> [filter | soak [minutes]]");
        std::process::exit(2);
    };
    let filter = args.next().unwrap_or_default();
    let done = if filter == "soak" {
        let minutes = args.next().and_then(|text| text.parse().ok()).unwrap_or(20);
        soak::run(Path::new(&binaries), minutes).await
    } else {
        run(Path::new(&binaries), &filter).await
    };
    if let Err(why) = done {
        eprintln!("bench: {why}");
        std::process::exit(1);
    }
}

/// Rounds over all rows. A figure is the median of its rounds, so that one disturbance does not make a row.
const ROUNDS: usize = 3;

async fn run(binaries: &Path, filter: &str) -> Result<(), String> {
    let issuer = tokens::Issuer::generate()?;
    let upstream = mock::start(&issuer.jwks())
        .await
        .map_err(|e| format!("mock upstream: {e}"))?;
    let folder = std::env::temp_dir().join(format!("tollgate-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    println!(
        "upstream and load on one core, each proxy alone on another; medians of {ROUNDS} interleaved rounds; ratios are to the floor of this run\n"
    );
    // A floor always runs: the others' ratios need it.
    let all = scenario::all();
    // So does what a row with a ledger compares with.
    let compared: Vec<&str> = all
        .iter()
        .filter(|s| s.name.contains(filter))
        .filter_map(|s| s.ledger)
        .collect();
    let rows: Vec<(Scenario, usize)> = all
        .iter()
        .filter(|s| s.floor || s.name.contains(filter) || compared.contains(&s.name))
        .flat_map(|s| s.connections.iter().map(move |c| (*s, *c)))
        .collect();
    let bearers = if rows.iter().any(|(s, _)| s.bearer != Bearer::None) {
        println!("signing {} tokens\n", tokens::TOKENS);
        issuer.tokens(upstream, tokens::TOKENS)?
    } else {
        Vec::new()
    };
    let bearers = Rc::new(bearers);
    let mut measured: Vec<Vec<Row>> = vec![Vec::new(); rows.len()];
    for _ in 0..ROUNDS {
        for (at, (scenario, connections)) in rows.iter().enumerate() {
            let ledger = scenario.ledger.is_some();
            let mut proxy =
                Proxy::start(scenario.proxy, ledger, binaries, &folder, upstream).await?;
            let row = measure(scenario, *connections, &bearers, &mut proxy).await;
            proxy.stop();
            measured[at].push(row.map_err(|e| format!("{} at {connections}: {e}", scenario.name))?);
        }
    }
    println!(
        "{:<35} {:>4} {:>8} {:>10} {:>6} {:>8} {:>6} {:>8} {:>8} {:>6} {:>8} {:>8}",
        "row",
        "conn",
        "rps",
        "cpu s/100k",
        "ratio",
        "p50 us",
        "ratio",
        "p99 us",
        "first us",
        "ratio",
        "peak MB",
        "idle MB"
    );
    let mut floors: BTreeMap<(Shape, usize), Row> = BTreeMap::new();
    for ((scenario, connections), rounds) in rows.iter().zip(&measured) {
        let row = Row::median(rounds);
        if scenario.floor {
            floors.insert((scenario.shape, *connections), row);
        }
        print(
            scenario,
            *connections,
            &row,
            floors.get(&(scenario.shape, *connections)),
        );
    }
    ledgers(&rows, &measured);
    let _ = std::fs::remove_dir_all(&folder);
    Ok(())
}

/// What a ledger costs: each row with one against the same without, round by round, and the median of these ratios.
fn ledgers(rows: &[(Scenario, usize)], measured: &[Vec<Row>]) {
    println!();
    for ((scenario, connections), with) in rows.iter().zip(measured) {
        let Some(without) = scenario.ledger else {
            continue;
        };
        let other = rows
            .iter()
            .position(|(s, c)| s.name == without && c == connections);
        let Some(without) = other.map(|at| &measured[at]) else {
            continue;
        };
        let mut ratios: Vec<f64> = with
            .iter()
            .zip(without)
            .map(|(a, b)| a.cpu / b.cpu)
            .collect();
        ratios.sort_by(f64::total_cmp);
        println!(
            "{:<35} {connections:>4}  CPU with a ledger / without: {:.3} (rounds {:.3} to {:.3})",
            scenario.name,
            ratios.get(ratios.len() / 2).copied().unwrap_or_default(),
            ratios.first().copied().unwrap_or_default(),
            ratios.last().copied().unwrap_or_default(),
        );
    }
}

/// What one row measured.
#[derive(Clone, Copy, Debug)]
struct Row {
    rps: f64,
    cpu: f64,
    p50: f64,
    p99: f64,
    first: f64,
    peak: f64,
    idle: f64,
}

impl Row {
    /// The median of each figure.
    fn median(rounds: &[Row]) -> Row {
        let of = |figure: fn(&Row) -> f64| {
            let mut all: Vec<f64> = rounds.iter().map(figure).collect();
            all.sort_by(f64::total_cmp);
            all.get(all.len() / 2).copied().unwrap_or(0.0)
        };
        Row {
            rps: of(|r| r.rps),
            cpu: of(|r| r.cpu),
            p50: of(|r| r.p50),
            p99: of(|r| r.p99),
            first: of(|r| r.first),
            peak: of(|r| r.peak),
            idle: of(|r| r.idle),
        }
    }
}

async fn measure(
    scenario: &Scenario,
    connections: usize,
    bearers: &Rc<Vec<String>>,
    proxy: &mut Proxy,
) -> Result<Row, String> {
    let idle = proxy.usage()?.resident;
    let requests = scenario.requests(connections);
    load::run(
        proxy.addr,
        scenario,
        connections,
        bearers,
        requests / 10 + 1,
    )
    .await?;
    let before = proxy.usage()?;
    let result = load::run(proxy.addr, scenario, connections, bearers, requests).await?;
    let after: Usage = proxy.usage()?;
    Ok(Row {
        rps: requests as f64 / result.seconds,
        cpu: (after.cpu - before.cpu) / requests as f64 * 100_000.0,
        p50: result.percentile(0.5),
        p99: result.percentile(0.99),
        first: result.first(),
        peak: after.peak,
        idle,
    })
}

fn print(scenario: &Scenario, connections: usize, row: &Row, floor: Option<&Row>) {
    let ratio = |mine: f64, theirs: fn(&Row) -> f64| {
        floor.map_or_else(|| String::from("-"), |f| format!("{:.2}", mine / theirs(f)))
    };
    println!(
        "{:<35} {:>4} {:>8.0} {:>10.2} {:>6} {:>8.0} {:>6} {:>8.0} {:>8.0} {:>6} {:>8.1} {:>8.1}",
        scenario.name,
        connections,
        row.rps,
        row.cpu,
        ratio(row.cpu, |f| f.cpu),
        row.p50,
        ratio(row.p50, |f| f.p50),
        row.p99,
        row.first,
        ratio(row.first, |f| f.first),
        row.peak,
        row.idle,
    );
}
