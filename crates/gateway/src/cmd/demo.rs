//! `tollgate demo`.

use super::simulate::duration;
use crate::logs;
use crate::plane::Plane;
use anyhow::Context;
use clap::Args;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tollgate_control::{FileSource, Options, load_with};
use tollgate_testkit::{Simulator, SimulatorConfig};

/// The files of examples/demo: the command needs nothing beside itself.
const FILES: &[(&str, &str)] = &[
    (
        "tollgate.yaml",
        include_str!("../../../../examples/demo/tollgate.yaml"),
    ),
    (
        "policies/global.xml",
        include_str!("../../../../examples/demo/policies/global.xml"),
    ),
    (
        "policies/azure-openai.xml",
        include_str!("../../../../examples/demo/policies/azure-openai.xml"),
    ),
    (
        "policies/trial.xml",
        include_str!("../../../../examples/demo/policies/trial.xml"),
    ),
];

/// Run a governed gateway with simulated providers: one command, no network, no account.
///
/// Prints the URL, two teams' keys and three commands to paste.
#[derive(Args)]
pub(crate) struct Demo {
    /// Print one line of JSON when ready, for scripts: gateway, keys by team, simulator, management.
    #[arg(long)]
    json: bool,
    /// Address of the gateway; default: a free port.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Address of the simulated providers; default: a free port.
    #[arg(long)]
    simulator: Option<SocketAddr>,
    /// Address of `/livez`, `/readyz` and `/metrics`; default: a free port.
    #[arg(long)]
    management: Option<SocketAddr>,
    /// Time between two tokens of an answer.
    #[arg(long, default_value = "15ms", value_parser = duration)]
    latency_per_token: Duration,
}

impl Demo {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let runtime = super::runtime()?;
        runtime.block_on(self.serve())
    }

    async fn serve(&self) -> anyhow::Result<ExitCode> {
        let mut stop = super::Stop::new()?;
        let mut providers = SimulatorConfig {
            latency_per_token: self.latency_per_token,
            // Only the gateway's identity may call the providers, as in a resource without keys.
            strict_auth: true,
            require_bearer: true,
            ..SimulatorConfig::default()
        };
        if let Some(address) = self.simulator {
            providers.listen = address;
        }
        let simulator = Simulator::start(providers)
            .await
            .context("the simulated providers cannot listen; choose another --simulator")?;
        let url = simulator.url().to_owned();
        let options = Options {
            files: FileSource::Embedded(FILES),
            environment: Arc::new(move |name| (name == "SIMULATOR_URL").then(|| url.clone())),
            literal_secrets: true,
            ..Options::default()
        };
        let path = Path::new("tollgate.yaml");
        let mut loaded = load_with(path, &options);
        super::serve::report(&loaded);
        let snapshot = loaded
            .snapshot
            .clone()
            .context("the demo's own configuration was refused")?;
        if let (Some(address), Some(listen)) = (self.listen, loaded.settings.listen.first_mut()) {
            listen.address = address;
        }
        if self.management.is_some() {
            loaded.settings.management = self.management;
        }
        // Its own output is what the user looks at.
        loaded.settings.logs.level = "warn".into();
        logs::begin(&loaded.settings.logs)?;
        let plane = Plane::start(path, &options, &loaded, false)?;
        let gateway = plane
            .gateway()
            .addresses()
            .first()
            .map(|address| format!("http://{address}"))
            .context("the demo has no listener")?;
        let management = plane
            .gateway()
            .management()
            .map(|address| format!("http://{address}"));
        let keys: Vec<(&str, &str)> = snapshot
            .subscriptions
            .iter()
            .map(|s| (&*s.id, &**s.primary_key.expose()))
            .collect();
        if self.json {
            let keys: serde_json::Map<String, serde_json::Value> = keys
                .iter()
                .map(|(team, key)| ((*team).to_owned(), (*key).into()))
                .collect();
            let line = serde_json::json!({
                "gateway": gateway,
                "keys": keys,
                "simulator": simulator.url(),
                "management": management,
            });
            println!("{line}");
        } else {
            print!(
                "{}",
                welcome(&gateway, &keys, simulator.url(), management.as_deref())
            );
        }
        stop.wait().await;
        tokio::task::spawn_blocking(move || plane.drain()).await?;
        simulator.shutdown().await;
        Ok(ExitCode::SUCCESS)
    }
}

/// What a newcomer sees.
fn welcome(
    gateway: &str,
    keys: &[(&str, &str)],
    simulator: &str,
    management: Option<&str>,
) -> String {
    use std::fmt::Write;
    let key = |at: usize| keys.get(at).map_or("", |(_, key)| key);
    let chat =
        format!("{gateway}/openai/deployments/gpt-4o-mini/chat/completions?api-version=2024-10-21");
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "Tollgate demo: a governed gateway before simulated providers. Nothing leaves this machine.\n\n  gateway     {gateway}\n"
    );
    for (team, key) in keys {
        let _ = writeln!(text, "  key         {key}   ({team})");
    }
    let _ = writeln!(
        text,
        "  providers   {simulator}   (billed so far: curl {simulator}/usage)"
    );
    if let Some(management) = management {
        let _ = writeln!(text, "  metrics     {management}/metrics");
    }
    let _ = write!(
        text,
        r#"
A call (look at x-tokens-remaining; call again, and x-llm-cache-status says hit):

  curl -i '{chat}' \
    -H 'api-key: {a}' -H 'Ocp-Apim-Subscription-Key: {a}' -H 'content-type: application/json' \
    -d '{{"messages":[{{"role":"user","content":"What does a toll gate do?"}}]}}'

Streams by reserved capacity (PTU) until it is full, then by pay-as-you-go, and by the PTU again when its Retry-After is over:

  for n in $(seq 30); do curl -s -o /dev/null -w '%{{http_code}} %header{{x-backend}}\n' '{chat}' \
    -H 'Ocp-Apim-Subscription-Key: {a}' -H 'content-type: application/json' \
    -d '{{"stream":true,"max_tokens":40,"messages":[{{"role":"user","content":"Tell me a story, number '$n'."}}]}}'; done

Team B is on trial with few tokens a minute, and runs into its limit (429 with retry-after):

  for n in 1 2 3 4 5 6; do curl -s -o /dev/null -w '%{{http_code}} retry-after: %header{{retry-after}}\n' '{chat}' \
    -H 'Ocp-Apim-Subscription-Key: {b}' -H 'content-type: application/json' \
    -d '{{"stream":true,"messages":[{{"role":"user","content":"Tell me a story, number '$n'."}}]}}'; done

Any OpenAI SDK: Azure endpoint {gateway}, and the key as Ocp-Apim-Subscription-Key. Stop with Ctrl-C.
"#,
        a = key(0),
        b = key(1),
    );
    text
}
