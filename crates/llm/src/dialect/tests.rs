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
