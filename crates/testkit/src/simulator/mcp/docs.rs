//! The documentation server: three tools that find and read pages, and one for everything else a client can be shown -
//! progress, structured output, failure, questions, mirrored arguments, changes.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::Change;
use super::call::{Call, Done};
use super::content::{Question, failed, resource, say, text, tool, user};

/// Longest pause between two steps of `long_task`.
const LONGEST_STEP: Duration = Duration::from_secs(10);
/// Most steps of `long_task`.
const MOST_STEPS: u64 = 100;

/// A page: its address, title and text.
struct Page(&'static str, &'static str, &'static str);

const PAGES: [Page; 5] = [
    Page(
        "https://learn.example/api-management/overview",
        "API Management overview",
        "A gateway stands before your APIs. It checks keys and tokens, applies policies and records every call.",
    ),
    Page(
        "https://learn.example/api-management/policies",
        "Policy reference",
        "Policies are statements that run on the request or the response of an API, in the sections inbound, backend, outbound and on-error.",
    ),
    Page(
        "https://learn.example/api-management/rate-limits",
        "Limit call rate",
        "The rate-limit-by-key policy counts the calls of each key in a sliding window and answers 429 with Retry-After above the limit.",
    ),
    Page(
        "https://learn.example/openai/token-limits",
        "Limit tokens of model calls",
        "The azure-openai-token-limit policy counts prompt and completion tokens per key and minute, also of streamed answers.",
    ),
    Page(
        "https://learn.example/mcp/servers",
        "Govern MCP servers",
        "Policies on an MCP server filter its tools, limit calls and authorize agents. They read the JSON-RPC message as the request's body.",
    ),
];

/// Its tools.
pub(super) fn tools() -> Vec<Value> {
    let string = json!({ "type": "string" });
    let described = |description: &str| json!({ "type": "string", "description": description });
    let mut weather = tool(
        "get_weather",
        "Gives the weather of a city as structured data.",
        json!({ "city": string }),
        &["city"],
    );
    weather["outputSchema"] = json!({
        "type": "object",
        "properties": {
            "city": { "type": "string" }, "celsius": { "type": "number" }, "sky": { "type": "string" }
        },
        "required": ["city", "celsius", "sky"]
    });
    let mut tools = vec![
        tool(
            "microsoft_docs_search",
            "Finds pages of the documentation by words.",
            json!({ "query": string }),
            &["query"],
        ),
        tool(
            "microsoft_docs_fetch",
            "Gives a page of the documentation as Markdown.",
            json!({ "url": string }),
            &["url"],
        ),
        tool(
            "microsoft_code_sample_search",
            "Finds code samples by words.",
            json!({ "query": string, "language": string }),
            &["query"],
        ),
        weather,
        tool(
            "long_task",
            "Takes its time, and reports progress and log messages.",
            json!({ "steps": { "type": "integer" }, "step_ms": { "type": "integer" } }),
            &[],
        ),
        tool(
            "always_fails",
            "Fails with the given words.",
            json!({ "why": string }),
            &[],
        ),
        tool(
            "query_region",
            "Asks the database of a region; the region is also in a header.",
            json!({
                "region": { "type": "string", "x-mcp-header": "Region" },
                "limit": { "type": "integer", "x-mcp-header": "Limit" },
                "query": string
            }),
            &["region", "query"],
        ),
        tool(
            "book_table",
            "Books a table, and asks the user for how many.",
            json!({ "restaurant": string }),
            &["restaurant"],
        ),
        tool(
            "summarize",
            "Lets the client's model summarize a text.",
            json!({ "text": string }),
            &["text"],
        ),
        tool(
            "announce_change",
            "Tells all clients that something has changed.",
            json!({ "what": described("tools, prompts, resources, or the URI of a resource") }),
            &["what"],
        ),
    ];
    for tool in &mut tools[..4] {
        tool["annotations"] = json!({ "readOnlyHint": true });
    }
    tools
}

/// Runs a tool.
pub(super) async fn call(call: &Call, name: &str) -> Done {
    Ok(match name {
        "microsoft_docs_search" => search(call.text("query")),
        "microsoft_docs_fetch" => fetch(call.text("url")),
        "microsoft_code_sample_search" => {
            let language = match call.text("language") {
                "" => "csharp",
                language => language,
            };
            let query = call.text("query");
            say(&format!(
                "// A {language} sample about {query}\nConsole.WriteLine(\"{query}\");"
            ))
        }
        "get_weather" => weather(call.text("city")),
        "long_task" => long_task(call).await,
        "always_fails" => failed(match call.text("why") {
            "" => "This tool always fails.",
            why => why,
        }),
        "query_region" => {
            let (region, query) = (call.text("region"), call.text("query"));
            say(&format!("{region}: 3 rows for {query}"))
        }
        "book_table" => {
            let restaurant = call.text("restaurant");
            let question = Question::form(
                &format!("How many will come to {restaurant}?"),
                json!({ "guests": { "type": "integer", "minimum": 1 } }),
                &["guests"],
            );
            let answer = call.ask("guests", question).await?;
            match answer["action"].as_str() {
                Some("accept") => say(&format!(
                    "A table for {} at {restaurant}.",
                    answer["content"]["guests"]
                )),
                _ => say("No table was booked."),
            }
        }
        "summarize" => {
            let prompt = format!("Summarize: {}", call.text("text"));
            let answer = call.ask("summary", Question::sample(&prompt, 100)).await?;
            say(answer["content"]["text"].as_str().unwrap_or_default())
        }
        _ => {
            let change = match call.text("what") {
                "tools" => Change::Tools,
                "prompts" => Change::Prompts,
                "resources" => Change::Resources,
                uri => Change::Resource(uri.to_owned()),
            };
            call.announce(&change);
            say("Announced.")
        }
    })
}

fn search(query: &str) -> Value {
    let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
    let score = |page: &Page| {
        let whole = format!("{} {}", page.1, page.2).to_lowercase();
        words.iter().filter(|word| whole.contains(&**word)).count()
    };
    let mut found: Vec<_> = PAGES.iter().filter(|page| score(page) > 0).collect();
    found.sort_by_key(|page| std::cmp::Reverse(score(page)));
    let lines = found.iter().map(|page| format!("{} - {}", page.1, page.0));
    match found.len() {
        0 => say("Nothing found."),
        _ => say(&lines.collect::<Vec<_>>().join("\n")),
    }
}

fn fetch(url: &str) -> Value {
    match PAGES.iter().find(|page| page.0 == url) {
        Some(page) => say(&format!("# {}\n\n{}", page.1, page.2)),
        None => failed(&format!("There is no page {url}. Search for one first.")),
    }
}

fn weather(city: &str) -> Value {
    // The same city has the same weather.
    let seed = super::super::hash::fnv([city]);
    let skies = ["clear", "cloudy", "rain", "snow"];
    let sky = skies[usize::try_from(seed % 4).unwrap_or(0)];
    let celsius = i64::try_from(seed / 4 % 40).unwrap_or(0) - 5;
    let structured = json!({ "city": city, "celsius": celsius, "sky": sky });
    json!({ "content": [text(&structured.to_string())], "structuredContent": structured, "isError": false })
}

async fn long_task(call: &Call) -> Value {
    let number = |name, default| call.argument(name).as_u64().unwrap_or(default);
    let steps = number("steps", 3).clamp(1, MOST_STEPS);
    let pause = Duration::from_millis(number("step_ms", 50)).min(LONGEST_STEP);
    for step in 1..=steps {
        sleep(pause).await;
        call.progress(step, steps, &format!("step {step} of {steps}"))
            .await;
        call.log("info", &format!("step {step} is done")).await;
    }
    say(&format!("{steps} steps are done."))
}

/// Its resources.
pub(super) fn resources() -> Vec<Value> {
    let pages = PAGES.iter().map(|page| {
        json!({ "uri": page.0, "name": page.1, "description": page.1, "mimeType": "text/markdown" })
    });
    pages.collect()
}

/// Its resource templates.
pub(super) fn templates() -> Vec<Value> {
    vec![json!({
        "uriTemplate": "docs://{topic}/summary", "name": "summary",
        "description": "What the pages say of a topic", "mimeType": "text/plain"
    })]
}

/// Reads a resource.
pub(super) fn read(uri: &str) -> Option<Value> {
    if let Some(page) = PAGES.iter().find(|page| page.0 == uri) {
        let text = format!("# {}\n\n{}", page.1, page.2);
        return Some(json!({ "uri": uri, "mimeType": "text/markdown", "text": text }));
    }
    let topic = uri.strip_prefix("docs://")?.strip_suffix("/summary")?;
    let found = search(topic);
    let text = &found["content"][0]["text"];
    (!topic.is_empty()).then(|| json!({ "uri": uri, "mimeType": "text/plain", "text": text }))
}

/// Its prompts.
pub(super) fn prompts() -> Vec<Value> {
    vec![json!({
        "name": "explain", "description": "Explains a topic from the documentation",
        "arguments": [{ "name": "topic", "description": "What to explain", "required": true }]
    })]
}

/// Makes a prompt; `None` when there is none of this name.
pub(super) async fn prompt(call: &Call) -> Option<Done> {
    if call.params["name"] != "explain" {
        return None;
    }
    let topic = call.text("topic");
    let found = search(topic);
    let pages = found["content"][0]["text"].as_str().unwrap_or_default();
    let uri = format!("docs://{topic}/summary");
    Some(Ok(json!({ "description": "Explains a topic", "messages": [
        user(&resource(&uri, "text/plain", pages)),
        user(&text(&format!("Explain {topic} in three sentences.")))
    ] })))
}

/// Words that an argument can have.
pub(super) fn words(argument: &str) -> Vec<&'static str> {
    match argument {
        "topic" => vec!["keys", "mcp", "policies", "rate limits", "tokens"],
        _ => Vec::new(),
    }
}
