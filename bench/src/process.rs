//! The proxies as processes: how each is started, and what the kernel says that it used.

use crate::scenario::Program;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running proxy.
pub(crate) struct Proxy {
    child: Option<Child>,
    pub(crate) addr: SocketAddr,
    program: Program,
}

/// What a process has used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// CPU seconds.
    pub(crate) cpu: f64,
    /// Peak resident MB.
    pub(crate) peak: f64,
    /// Resident MB now.
    pub(crate) resident: f64,
}

impl Proxy {
    /// Starts one on core 0 and waits until it accepts.
    pub(crate) async fn start(
        program: Program,
        ledger: bool,
        binaries: &Path,
        folder: &Path,
        upstream: SocketAddr,
    ) -> Result<Proxy, String> {
        if program == Program::Direct {
            return Ok(Proxy {
                child: None,
                addr: upstream,
                program,
            });
        }
        let addr = free()?;
        let mut command = Command::new("taskset");
        command
            .args(["-c", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::inherit());
        if program != Program::Nginx {
            // A profiler in front of the program: `BENCH_WRAP="valgrind --tool=callgrind" cargo xtask bench limit`.
            command.args(
                std::env::var("BENCH_WRAP")
                    .unwrap_or_default()
                    .split_whitespace(),
            );
        }
        match program {
            Program::Floor => command
                .arg(binaries.join("floor"))
                .arg(addr.to_string())
                .arg(format!("http://{upstream}")),
            Program::Nginx => {
                let file = folder.join("nginx.conf");
                std::fs::write(&file, nginx(folder, addr, upstream)).map_err(|e| e.to_string())?;
                command
                    .arg("nginx")
                    .arg("-c")
                    .arg(file)
                    .arg("-p")
                    .arg(folder)
                    .stderr(Stdio::null())
            }
            _ => {
                let file = folder.join("tollgate.yaml");
                let text = configuration(addr, upstream, ledger);
                std::fs::write(&file, text).map_err(|e| e.to_string())?;
                command
                    .env("IDENTITY_ENDPOINT", format!("http://{upstream}/msi/token"))
                    .env("IDENTITY_HEADER", "bench")
                    .env("RUST_LOG", "warn");
                command
                    .arg(binaries.join("tollgate"))
                    .arg("serve")
                    .arg(file)
            }
        };
        let child = command.spawn().map_err(|e| format!("{command:?}: {e}"))?;
        let proxy = Proxy {
            child: Some(child),
            addr,
            program,
        };
        for _ in 0..600 {
            if tokio::net::TcpStream::connect(addr).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(300)).await;
                return Ok(proxy);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!("{program:?} did not come up on {addr}"))
    }

    /// CPU and memory so far; nginx's work is in its one worker.
    pub(crate) fn usage(&self) -> Result<Usage, String> {
        let Some(child) = &self.child else {
            return Ok(Usage::default());
        };
        let mut pids = vec![child.id()];
        if self.program == Program::Nginx {
            pids = children(child.id());
        }
        let mut usage = Usage::default();
        for pid in pids {
            let tasks = std::fs::read_dir(format!("/proc/{pid}/task"))
                .map_err(|e| format!("process {pid}: {e}"))?;
            for task in tasks.flatten() {
                let text =
                    std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
                let nanos: f64 = text
                    .split_whitespace()
                    .next()
                    .and_then(|n| n.parse().ok())
                    .unwrap_or(0.0);
                usage.cpu += nanos / 1e9;
            }
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let field = |name: &str| -> f64 {
                let line = status
                    .lines()
                    .find(|l| l.starts_with(name))
                    .unwrap_or_default();
                line.split_whitespace()
                    .nth(1)
                    .and_then(|n| n.parse::<f64>().ok())
                    .unwrap_or(0.0)
                    / 1024.0
            };
            usage.peak += field("VmHWM");
            usage.resident += field("VmRSS");
        }
        Ok(usage)
    }

    /// Ends it.
    pub(crate) fn stop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        // nginx ends its worker on QUIT; a profiler writes its file when the program ends by itself.
        let signal = if self.program == Program::Nginx {
            "-QUIT"
        } else {
            "-TERM"
        };
        let _ = Command::new("kill")
            .arg(signal)
            .arg(child.id().to_string())
            .status();
        let _ = child.wait();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop();
    }
}

fn free() -> Result<SocketAddr, String> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|l| l.local_addr())
        .map_err(|e| e.to_string())
}

fn children(pid: u32) -> Vec<u32> {
    let text =
        std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace()
        .filter_map(|n| n.parse().ok())
        .collect()
}

fn nginx(folder: &Path, addr: SocketAddr, upstream: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        "daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 4096; }}
http {{
  access_log off; tcp_nodelay on; keepalive_requests 10000000; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  upstream mock {{ server {upstream}; keepalive 1024; keepalive_requests 10000000; }}
  map $http_ocp_apim_subscription_key $allowed {{ default 0; 'bench-key' 1; }}
  server {{
    listen {addr};
    location / {{
      if ($allowed = 0) {{ return 401; }}
      proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_buffering off;
    }}
  }}
}}
"
    )
}

/// One gateway with an API for each kind of row.
fn configuration(addr: SocketAddr, upstream: SocketAddr, ledger: bool) -> String {
    let ledger = if ledger {
        "  ledger: { folder: ledger }\n"
    } else {
        ""
    };
    let metric = r#"<azure-openai-emit-token-metric namespace="ai-gateway">
          <dimension name="Subscription ID" value="@(context.Subscription?.Id ?? "anonymous")" />
          <dimension name="API ID" value="@(context.Api.Id)" />
          <dimension name="Operation ID" value="@(context.Operation.Id)" />
          <dimension name="Client IP" value="@(context.Request.IpAddress)" />
        </azure-openai-emit-token-metric>"#;
    let limit = |estimate: bool| {
        format!(
            r#"<azure-openai-token-limit counter-key="@(context.Subscription?.Id ?? "anonymous")" tokens-per-minute="2000000000" estimate-prompt-tokens="{estimate}" />"#
        )
    };
    let governed = format!(
        r#"<authentication-managed-identity resource="https://cognitiveservices.azure.com" output-token-variable-name="aoai-token" />
        <set-header name="Authorization" exists-action="override"><value>@("Bearer " + (string)context.Variables["aoai-token"])</value></set-header>
        {}
        <azure-openai-semantic-cache-lookup score-threshold="0.05" embeddings-backend-id="embeddings" embeddings-backend-auth="system-assigned">
          <vary-by>@(context.Subscription?.Id ?? "anonymous")</vary-by>
        </azure-openai-semantic-cache-lookup>
        <set-backend-service backend-id="aoai" />
        {metric}"#,
        limit(true)
    );
    let api = |id: &str, inbound: &str, outbound: &str| {
        format!(
            r"
  - id: {id}
    displayName: {id}
    path: {id}
    serviceUrl: http://{upstream}
    operations:
      - id: chat
        displayName: Chat
        method: POST
        urlTemplate: /openai/deployments/{{deployment-id}}/chat/completions
    policy: |
      <policies>
        <inbound><base />
        {inbound}
        </inbound>
        <backend><base /></backend>
        <outbound><base />{outbound}</outbound>
        <on-error><base /></on-error>
      </policies>"
        )
    };
    let apis = [
        api("plain", "", ""),
        api(
            "governed",
            &format!("{}\n        {metric}", limit(false)),
            "",
        ),
        api(
            "estimate",
            &format!("{}\n        {metric}", limit(true)),
            "",
        ),
        api(
            "cache",
            &governed,
            r#"<azure-openai-semantic-cache-store duration="3600" />"#,
        ),
        api(
            "jwt",
            &format!(
                r#"<validate-jwt header-name="Authorization" require-scheme="Bearer">
          <openid-config url="http://{upstream}/.well-known/openid-configuration" />
          <audiences><audience>api://bench</audience></audiences>
          <required-claims><claim name="roles" match="any"><value>Chat.User</value></claim></required-claims>
        </validate-jwt>"#
            ),
            "",
        ),
        api("pool", r#"<set-backend-service backend-id="pool" />"#, ""),
    ]
    .concat();
    let described = include_str!("../../crates/gateway/tests/documents/mcp-denylist.xml");
    let server = |id: &str, base: &str, policy: &str| {
        format!(
            "
  - id: {id}
    type: mcp
    path: {id}/mcp
    serviceUrl: http://{upstream}{base}
    policy: |
      {}",
            policy.replace('\n', "\n      ")
        )
    };
    let forward = "<policies><inbound><base /></inbound></policies>";
    let servers = [
        server("tools", "", forward),
        server("described", "", described),
        server("events", "/events", forward),
    ]
    .concat();
    // Reserved capacity first, as pools of models are laid out; with one upstream, all share its connections.
    let member = |id: &str| {
        format!(
            "
  - id: {id}
    url: http://{upstream}
    circuitBreaker:
      rules:
        - failureCondition: {{ count: 1, interval: PT1M, statusCodeRanges: [{{ min: 429, max: 429 }}, {{ min: 500, max: 599 }}] }}
          tripDuration: PT1M
          acceptRetryAfter: true"
        )
    };
    let members = ["ptu-1", "ptu-2", "payg-1", "payg-2"].map(member).concat();
    format!(
        "gateway:
  listen:
    - address: {addr}
  threads: 1
  management:
    address: 127.0.0.1:0
  logs:
    requests: false
{ledger}backends:
  - id: aoai
    url: http://{upstream}
  - id: embeddings
    url: http://{upstream}/openai/deployments/text-embedding-3-small/embeddings{members}
  - id: pool
    pool:
      services:
        - {{ id: ptu-1, priority: 1 }}
        - {{ id: ptu-2, priority: 1 }}
        - {{ id: payg-1, priority: 2, weight: 2 }}
        - {{ id: payg-2, priority: 2, weight: 1 }}
apis:{apis}{servers}
subscriptions:
  - id: bench
    displayName: bench
    scope: /apis
    primaryKey: bench-key
"
    )
}
