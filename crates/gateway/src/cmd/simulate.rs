//! `tollgate simulate`.

use anyhow::Context;
use clap::Args;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;
use tollgate_control::model::Duration as Span;
use tollgate_testkit::{Simulator, SimulatorConfig};

/// Run the simulated providers alone: Azure OpenAI, OpenAI, an MCP server, Entra ID and managed identity on one port.
///
/// The MCP server at `/mcp` speaks the revisions 2025-03-26 to 2026-07-28 (docs/mcp.md); `/conformance/mcp` has what
/// the official conformance suite asks for. `GET /requests` and `GET /calls` give what has reached it.
///
/// The simulated Entra ID issues tokens of users and applications with chosen claims, rotates its keys and plays an
/// outage on demand (docs/tokens.md says how). `GET /` lists every endpoint.
#[derive(Args)]
pub(crate) struct Simulate {
    /// Address to listen on; port 0 takes a free one. It has no credentials: keep it on loopback.
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Time between two tokens of an answer, for example 20ms.
    #[arg(long, default_value = "0s", value_parser = duration)]
    latency_per_token: Duration,
    /// Time before the first token, for example 300ms.
    #[arg(long, default_value = "0s", value_parser = duration)]
    first_token_latency: Duration,
    /// Refuse keys and bearer tokens that the simulated issuer did not sign.
    #[arg(long)]
    strict_auth: bool,
    /// Print one line of JSON instead of text when ready.
    #[arg(long)]
    json: bool,
}

/// A duration as in the configuration file.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    Span::parse(text)
        .map(|d| d.0)
        .ok_or_else(|| String::from("expected a duration such as 20ms or 1.5s"))
}

impl Simulate {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let runtime = super::runtime()?;
        runtime.block_on(async {
            let mut stop = super::Stop::new()?;
            let config = SimulatorConfig {
                listen: self.listen,
                latency_per_token: self.latency_per_token,
                first_token_latency: self.first_token_latency,
                strict_auth: self.strict_auth,
                ..SimulatorConfig::default()
            };
            let resources = config.resources.clone();
            let simulator = Simulator::start(config)
                .await
                .with_context(|| format!("cannot listen on {}", self.listen))?;
            if self.json {
                println!("{}", serde_json::json!({ "simulator": simulator.url() }));
            } else {
                let url = simulator.url();
                println!("Simulated providers: {url}");
                println!("  Azure OpenAI:      {url}/openai");
                for resource in &resources {
                    println!("                     {url}/{}/openai", resource.name);
                }
                println!("  what was billed:   curl {url}/usage");
                println!("  MCP server:        {url}/mcp");
                println!("  token issuer:      {}", simulator.issuer());
                println!("  all endpoints:     curl {url}/");
                println!("Stop with Ctrl-C.");
            }
            stop.wait().await;
            simulator.shutdown().await;
            Ok(ExitCode::SUCCESS)
        })
    }
}
