//! Every folder of `examples/` loads without a fault.

use std::path::Path;
use std::sync::Arc;
use tollgate_control::{Options, load_with};

#[test]
fn all_load() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let apiops = path.join("policy.xml").is_file();
        if !apiops && !path.join("tollgate.yaml").is_file() {
            continue;
        }
        seen += 1;
        let options = Options {
            environment: Arc::new(|name| {
                let secret = name.ends_with("_KEY") || name.ends_with("_SECRET");
                let url = || String::from("https://resource.openai.azure.com");
                // An example names what it needs; no collector is there.
                (!name.starts_with("OTEL_")).then(|| match secret {
                    true => format!("value-of-{name}"),
                    false => url(),
                })
            }),
            // Only the demo may hold its keys.
            literal_secrets: path.ends_with("demo"),
            ..Options::default()
        };
        let loaded = load_with(&path, &options);
        let faults = loaded.diagnostics.render_compact(&loaded.sources);
        // What a folder of another tool has beyond ours is told.
        let clean = faults
            .lines()
            .all(|line| apiops && line.contains("warning[TG0412]"));
        assert!(clean, "{}\n{faults}", path.display());
        let snapshot = loaded.snapshot.unwrap();
        assert!(!snapshot.apis.is_empty());
    }
    assert!(seen >= 2, "{}", folder.display());
}
