//! Paths as the providers document them.
use super::*;

#[test]
fn operations_by_path() {
    for (path, operation, id) in [
        (
            "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
            Operation::ChatCompletions,
            Some("gpt-4o"),
        ),
        (
            "/openai/deployments/my%20d/completions",
            Operation::Completions,
            Some("my%20d"),
        ),
        (
            "/openai/deployments/ada/embeddings/",
            Operation::Embeddings,
            Some("ada"),
        ),
        (
            "/openai/deployments/x/extensions/chat/completions",
            Operation::ChatCompletions,
            Some("x"),
        ),
        ("/openai/v1/responses", Operation::Responses, None),
        (
            "/openai/responses?api-version=preview",
            Operation::Responses,
            None,
        ),
        ("/v1/chat/completions", Operation::ChatCompletions, None),
        (
            "/team/v1/Chat/Completions#x",
            Operation::ChatCompletions,
            None,
        ),
        ("chat/completions", Operation::ChatCompletions, None),
        ("/v1/completions", Operation::Completions, None),
        ("/completions", Operation::Completions, None),
        ("/v1/embeddings", Operation::Embeddings, None),
        ("/v1/responses/resp_1", Operation::Other, None),
        ("/v1/responses/resp_1/cancel", Operation::Other, None),
        ("/v1/messages", Operation::Other, None),
        ("/openai/deployments", Operation::Other, None),
        ("/", Operation::Other, None),
        ("", Operation::Other, None),
        ("?/chat/completions", Operation::Other, None),
    ] {
        assert_eq!(Operation::from_path(path), operation, "{path}");
        assert_eq!(deployment(path), id, "{path}");
    }
}

#[test]
fn models_in_paths() {
    for (path, expected) in [
        (
            "/v1beta/models/gemini-2.5-pro:generateContent",
            Some(("gemini-2.5-pro", false)),
        ),
        (
            "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
            Some(("gemini-2.5-pro", true)),
        ),
        (
            "/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict",
            Some(("claude-sonnet-4-5@20250929", true)),
        ),
        (
            "/model/anthropic.claude-3-haiku-20240307-v1:0/invoke",
            Some(("anthropic.claude-3-haiku-20240307-v1:0", false)),
        ),
        (
            "/model/us.amazon.nova-pro-v1%3A0/converse-stream/",
            Some(("us.amazon.nova-pro-v1%3A0", true)),
        ),
        (
            "/aws/model/arn:aws:bedrock:us-east-1:1:inference-profile/us.x-v1:0/converse",
            Some((
                "arn:aws:bedrock:us-east-1:1:inference-profile/us.x-v1:0",
                false,
            )),
        ),
        ("/model//converse", None),
        ("/converse", None),
        ("/v1/models/x:publish", None),
        ("/v1/models/:generateContent", None),
        ("/v1/chat/completions", None),
        ("/models/größe:generateContent", Some(("größe", false))),
        ("", None),
    ] {
        assert_eq!(model_in_path(path), expected, "{path}");
    }
}
