//! Runs the simulated providers alone: `cargo run -p tollgate-testkit --example simulate [address]`.
//!
//! Prints its URL and runs until interrupted. `SIMULATE_LATENCY_MS` sets the time per token,
//! `SIMULATE_STRICT=1` refuses tokens that the simulated issuer did not sign, `SIMULATE_KEYS=a,b`
//! refuses other keys.

use std::error::Error;
use std::time::Duration;

use tollgate_testkit::{Simulator, SimulatorConfig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut config = SimulatorConfig::default();
    if let Some(listen) = std::env::args().nth(1) {
        config.listen = listen.parse()?;
    }
    if let Ok(latency) = std::env::var("SIMULATE_LATENCY_MS") {
        config.latency_per_token = Duration::from_millis(latency.parse()?);
    }
    if let Ok(keys) = std::env::var("SIMULATE_KEYS") {
        config.api_keys = Some(keys.split(',').map(str::to_owned).collect());
    }
    config.strict_auth = std::env::var("SIMULATE_STRICT").is_ok_and(|value| value == "1");
    let simulator = Simulator::start(config).await?;
    println!("{}", simulator.url());
    tokio::signal::ctrl_c().await?;
    simulator.shutdown().await;
    Ok(())
}
