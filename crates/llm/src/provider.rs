//! Who serves a model, told from the host that it is called at.
//!
//! Called when the configuration is compiled. Names are the well-known values of OpenTelemetry's
//! `gen_ai.provider.name`; what is not known has none, and its calls have no price until the configuration says who
//! serves them.

/// What a host says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Host<'a> {
    /// `gen_ai.provider.name`.
    pub provider: Option<&'static str>,
    /// The region, where the name of the host has it.
    pub region: Option<&'a str>,
}

/// Hosts by their end.
const HOSTS: &[(&str, &str)] = &[
    ("api.openai.com", "openai"),
    (".openai.azure.com", "azure.ai.openai"),
    (".cognitiveservices.azure.com", "azure.ai.openai"),
    (".services.ai.azure.com", "azure.ai.inference"),
    (".models.ai.azure.com", "azure.ai.inference"),
    ("api.anthropic.com", "anthropic"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.cohere.com", "cohere"),
    ("api.cohere.ai", "cohere"),
    ("api.deepseek.com", "deepseek"),
    ("api.groq.com", "groq"),
    ("api.x.ai", "x_ai"),
    ("api.perplexity.ai", "perplexity"),
];

/// Who serves models at a host; regional hosts of OpenAI (`eu.api.openai.com`), Vertex AI and Bedrock too.
#[must_use]
pub fn of_host(host: &str) -> Host<'_> {
    if let Some(region) = bedrock(host) {
        return Host {
            provider: Some("aws.bedrock"),
            region: Some(region),
        };
    }
    let provider = HOSTS
        .iter()
        .find(|(end, _)| before(host, end).is_some())
        .map(|(_, provider)| *provider);
    let region = before(host, "aiplatform.googleapis.com")
        .and_then(|region| region.strip_suffix('-'))
        .or_else(|| before(host, ".api.openai.com"))
        .filter(|region| !region.is_empty() && !region.contains('.'));
    Host { provider, region }
}

/// `bedrock-runtime.{region}.amazonaws.com`, `bedrock-runtime-fips.` too.
fn bedrock(host: &str) -> Option<&str> {
    let rest = before(host, ".amazonaws.com")?;
    let (service, region) = rest.split_once('.')?;
    let is_runtime = service
        .get(.."bedrock-runtime".len())
        .is_some_and(|start| start.eq_ignore_ascii_case("bedrock-runtime"));
    (is_runtime && !region.is_empty()).then_some(region)
}

/// What stands before the end of a host, when it ends so: an end that begins with a name needs a dot, a hyphen or
/// nothing before it.
fn before<'a>(host: &'a str, end: &str) -> Option<&'a str> {
    let at = host.len().checked_sub(end.len())?;
    let (start, tail) = (host.get(..at)?, host.get(at..)?);
    let whole = end.starts_with('.') || start.is_empty() || start.ends_with(['.', '-']);
    (whole && tail.eq_ignore_ascii_case(end)).then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (host, provider, region) in [
            ("api.openai.com", Some("openai"), None),
            ("EU.API.OpenAI.com", Some("openai"), Some("EU")),
            ("notapi.openai.com", None, None),
            ("contoso.openai.azure.com", Some("azure.ai.openai"), None),
            ("api.anthropic.com", Some("anthropic"), None),
            ("aiplatform.googleapis.com", Some("gcp.vertex_ai"), None),
            (
                "us-east5-aiplatform.googleapis.com",
                Some("gcp.vertex_ai"),
                Some("us-east5"),
            ),
            (
                "bedrock-runtime.eu-central-1.amazonaws.com",
                Some("aws.bedrock"),
                Some("eu-central-1"),
            ),
            ("s3.eu-central-1.amazonaws.com", None, None),
            ("localhost", None, None),
            ("größe", None, None),
            ("", None, None),
        ] {
            assert_eq!(of_host(host), Host { provider, region }, "{host}");
        }
    }
}
