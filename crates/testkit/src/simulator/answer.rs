//! The deterministic model: a conversation in, a text or tool calls out.
//!
//! Called by `chat`, `completions` and `responses`. A hash of the conversation picks among
//! templates, and the words of the last question fill them.
//! What must stay true: the same conversation gives the same answer, streamed or whole; a tool is
//! called at most once per user turn unless `tool_choice` demands it, so that loops end.

use serde_json::{Value, json};

use super::hash::{fnv, mix};
use super::schema;
use super::tokens::{self, Piece};
use super::vector::{is_stop_word, words};

/// Longest answer in words that a prompt can ask for ("in 5000 words", "count to 9000").
const MAX_WORDS: usize = 8_000;
/// Tokens that a tool call costs beside its name and arguments.
const CALL_OVERHEAD: u32 = 4;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Instruction,
    User,
    Assistant,
    Tool,
}

/// One message of a conversation, whatever the dialect.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub(super) role: Role,
    pub(super) text: String,
    /// Names of the tools that an assistant turn called.
    pub(super) calls: Vec<String>,
}

/// A function the model may call.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) parameters: Value,
}

/// `tool_choice`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum ToolChoice {
    #[default]
    Auto,
    Never,
    Required,
    Named(String),
}

/// `response_format`.
#[derive(Clone, Debug, Default)]
pub(super) enum Format {
    #[default]
    Text,
    JsonObject,
    JsonSchema(Value),
}

/// What a model is asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Conversation {
    pub(super) model: String,
    pub(super) turns: Vec<Turn>,
    pub(super) tools: Vec<Tool>,
    pub(super) tool_choice: ToolChoice,
    pub(super) format: Format,
    pub(super) max_tokens: Option<u32>,
    pub(super) stop: Vec<String>,
}

/// A call of a function; the identifier follows from the conversation.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: Vec<Piece>,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    Length,
    ToolCalls,
}

impl Finish {
    /// The value of `finish_reason`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
        }
    }
}

/// One choice: text in pieces, or calls.
#[derive(Clone, Debug)]
pub(super) struct Generation {
    pub(super) pieces: Vec<Piece>,
    pub(super) calls: Vec<Call>,
    pub(super) finish: Finish,
    pub(super) tokens: u32,
}

impl Generation {
    /// The whole text.
    pub(super) fn text(&self) -> String {
        self.pieces
            .iter()
            .map(|piece| piece.text.as_str())
            .collect()
    }
}

/// Answers a conversation; `choice` is the index among `n`.
pub(super) fn generate(conversation: &Conversation, choice: u32) -> Generation {
    let seed = seed(conversation, choice);
    match tool_to_call(conversation) {
        Some(tool) => call(conversation, tool, seed),
        None => text(conversation, seed),
    }
}

fn seed(conversation: &Conversation, choice: u32) -> u64 {
    let texts = conversation.turns.iter().map(|turn| turn.text.as_str());
    mix(
        fnv(std::iter::once(conversation.model.as_str()).chain(texts))
            .wrapping_add(u64::from(choice)),
    )
}

fn tool_to_call(conversation: &Conversation) -> Option<&Tool> {
    let tools = &conversation.tools;
    let last = conversation.turns.last()?;
    match &conversation.tool_choice {
        ToolChoice::Never => None,
        ToolChoice::Named(name) => tools.iter().find(|tool| tool.name == *name),
        ToolChoice::Auto => tools
            .first()
            .filter(|_| last.role == Role::User && !last.text.trim().is_empty()),
        ToolChoice::Required => {
            let since_question = conversation
                .turns
                .iter()
                .rev()
                .take_while(|turn| turn.role != Role::User);
            let called: Vec<&str> = since_question
                .flat_map(|turn| turn.calls.iter().map(String::as_str))
                .collect();
            tools
                .iter()
                .find(|tool| !called.contains(&tool.name.as_str()))
                .or(tools.last())
        }
    }
}

fn call(conversation: &Conversation, tool: &Tool, seed: u64) -> Generation {
    let model = &conversation.model;
    let subject = keywords(question(conversation)).join(" ");
    let subject = if subject.is_empty() {
        "anything"
    } else {
        &subject
    };
    let mut arguments = schema::instance(&tool.parameters, subject);
    if !arguments.is_object() {
        arguments = json!({});
    }
    let mut pieces = tokens::pieces(model, &arguments.to_string());
    let fixed = tokens::count(model, &tool.name) + CALL_OVERHEAD;
    let room = conversation
        .max_tokens
        .unwrap_or(u32::MAX)
        .saturating_sub(fixed);
    let cut = truncate(&mut pieces, room);
    let tokens = fixed + total(&pieces);
    let finish = match (cut, &conversation.tool_choice) {
        (true, _) => Finish::Length,
        // A forced function ends with "stop", as the real service does.
        (_, ToolChoice::Named(_)) => Finish::Stop,
        _ => Finish::ToolCalls,
    };
    let id = format!("call_{:016x}{:08x}", seed, mix(seed) as u32);
    Generation {
        pieces: Vec::new(),
        calls: vec![Call {
            id,
            name: tool.name.clone(),
            arguments: pieces,
        }],
        finish,
        tokens,
    }
}

fn text(conversation: &Conversation, seed: u64) -> Generation {
    let prose = compose(conversation, seed);
    let mut text = match &conversation.format {
        Format::Text => prose,
        Format::JsonObject => {
            json!({ "answer": prose, "keywords": keywords(question(conversation)) }).to_string()
        }
        Format::JsonSchema(schema) => schema::instance(schema, &prose).to_string(),
    };
    if let Some(at) = conversation
        .stop
        .iter()
        .filter(|stop| !stop.is_empty())
        .filter_map(|stop| text.find(stop))
        .min()
    {
        text.truncate(at);
    }
    let mut pieces = tokens::pieces(&conversation.model, &text);
    let cut = truncate(&mut pieces, conversation.max_tokens.unwrap_or(u32::MAX));
    let tokens = total(&pieces);
    Generation {
        pieces,
        calls: Vec::new(),
        finish: if cut { Finish::Length } else { Finish::Stop },
        tokens,
    }
}

fn total(pieces: &[Piece]) -> u32 {
    pieces.iter().map(|piece| piece.tokens).sum()
}

/// Cuts after `room` tokens; whether anything was cut.
fn truncate(pieces: &mut Vec<Piece>, room: u32) -> bool {
    let mut used = 0;
    let keep = pieces
        .iter()
        .take_while(|piece| {
            used += piece.tokens;
            used <= room
        })
        .count();
    let cut = keep < pieces.len();
    pieces.truncate(keep);
    cut
}

/// The last thing the user said.
fn question(conversation: &Conversation) -> &str {
    let user = conversation
        .turns
        .iter()
        .rev()
        .find(|turn| turn.role == Role::User);
    user.or(conversation.turns.last())
        .map_or("", |turn| turn.text.as_str())
}

/// Up to four content words of a question, in their order, as it spells them.
fn keywords(question: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let spelled = question.split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '-'));
    for word in spelled.map(|word| word.trim_matches(|c| c == '\'' || c == '-')) {
        let lower = word.to_lowercase();
        let new = !found.iter().any(|known| known.to_lowercase() == lower);
        if word.chars().count() > 2 && word.len() <= 64 && !is_stop_word(&lower) && new {
            found.push(word.to_owned());
        }
        if found.len() == 4 {
            break;
        }
    }
    found
}

const OPENINGS: [&str; 6] = [
    "In short, {0} comes down to {1}.",
    "The key to {0} is {1}.",
    "{0} works best when {1} is planned from the start.",
    "Think of {0} as one half and {1} as the other.",
    "There are two sides to {0}: the idea itself and {1}.",
    "For {0}, begin with {1} and measure what changes.",
];
const MIDDLES: [&str; 6] = [
    "Start small, measure {2}, and grow from there.",
    "Most teams first fix {1} and then look at {2}.",
    "What matters in practice is how {2} behaves under load.",
    "Keep {0} simple and let {2} follow.",
    "A good first step is to write down what {2} must do.",
    "If {1} is in doubt, test it with {2} before anything else.",
];
const ENDINGS: [&str; 6] = [
    "That is usually enough.",
    "Everything else about {3} can wait.",
    "With that in place, {3} takes care of itself.",
    "Review {3} once a month.",
    "You can go deeper into {3} later.",
    "Ask again if {3} needs more detail.",
];

/// The prose of an answer.
fn compose(conversation: &Conversation, seed: u64) -> String {
    let question = question(conversation);
    let lower: Vec<String> = words(question).take(400).collect();
    if let Some(result) = conversation
        .turns
        .last()
        .filter(|turn| turn.role == Role::Tool)
    {
        let shown: String = result.text.chars().take(200).collect();
        return format!(
            "According to the tool, {shown}. {}",
            sentence(&OPENINGS, &keywords(question), seed)
        );
    }
    if let Some(last) = counting(&lower) {
        let numbers: Vec<String> = (1..=last).map(|number| number.to_string()).collect();
        return format!("{}.", numbers.join(", "));
    }
    let greets = ["hello", "hi", "hey"]
        .iter()
        .any(|greeting| lower.iter().take(3).any(|word| word == greeting));
    if greets && lower.len() <= 6 {
        const GREETINGS: [&str; 3] = [
            "Hello! How can I help you today?",
            "Hello! What would you like to know?",
            "Hello there! How can I assist you?",
        ];
        return GREETINGS[(seed % 3) as usize].to_owned();
    }
    let names = keywords(question);
    let mut prose = sentence(&OPENINGS, &names, seed);
    let brief = conversation
        .turns
        .iter()
        .any(|turn| turn.text.contains("one sentence"));
    let wanted = wanted_words(&lower);
    if wanted.is_some() || !brief {
        for (round, table) in [&MIDDLES, &ENDINGS].into_iter().enumerate() {
            prose = format!(
                "{prose} {}",
                sentence(table, &names, mix(seed + 1 + round as u64))
            );
        }
    }
    if let Some(wanted) = wanted {
        let mut round = seed;
        let mut have = prose.split(' ').count();
        while have < wanted {
            round = mix(round.wrapping_add(7));
            let next = sentence(
                [&OPENINGS, &MIDDLES, &ENDINGS][(round % 3) as usize],
                &names,
                mix(round),
            );
            have += next.split(' ').count();
            prose.push(' ');
            prose.push_str(&next);
        }
        prose = prose.split(' ').take(wanted).collect::<Vec<_>>().join(" ");
    }
    prose
}

/// A template with the question's words in it.
fn sentence(table: &[&str; 6], names: &[String], seed: u64) -> String {
    const OTHERS: [&str; 4] = ["the question", "the context", "the details", "the rest"];
    let name = |at: usize| names.get(at).map_or(OTHERS[at], String::as_str);
    let mut text = table[(seed % 6) as usize].to_owned();
    for at in 0..4 {
        text = text.replace(&format!("{{{at}}}"), name(at));
    }
    text
}

/// "count to five", "count from 1 to 20".
fn counting(words: &[String]) -> Option<usize> {
    let at = words.iter().position(|word| word == "count")?;
    let to = words.iter().skip(at).position(|word| word == "to")? + at;
    words
        .get(to + 1)
        .and_then(|word| number(word))
        .map(|number| number.min(MAX_WORDS))
}

/// "in 200 words", "a 50 word summary".
fn wanted_words(words: &[String]) -> Option<usize> {
    let at = words
        .iter()
        .position(|word| word == "words" || word == "word")?;
    number(words.get(at.checked_sub(1)?)?).map(|number| number.clamp(1, MAX_WORDS))
}

fn number(word: &str) -> Option<usize> {
    const NAMES: [&str; 13] = [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
        "eleven", "twelve",
    ];
    word.parse()
        .ok()
        .or_else(|| NAMES.iter().position(|name| *name == word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(text: &str) -> Conversation {
        let turn = Turn {
            role: Role::User,
            text: text.to_owned(),
            calls: Vec::new(),
        };
        Conversation {
            model: "gpt-4o-mini".to_owned(),
            turns: vec![turn],
            ..Conversation::default()
        }
    }

    #[test]
    fn same_question_same_answer_with_its_words() {
        let first = generate(&ask("How does App Service scale an MCP server?"), 0);
        let again = generate(&ask("How does App Service scale an MCP server?"), 0);
        assert_eq!(first.text(), again.text());
        assert!(first.text().contains("App"), "{}", first.text());
        assert_eq!(first.tokens, tokens::count("gpt-4o-mini", &first.text()));
        assert_ne!(first.text(), generate(&ask("What is a token?"), 0).text());
    }

    #[test]
    fn lengths_stops_and_counts_are_kept() {
        let mut conversation = ask("Count to 50.");
        assert!(generate(&conversation, 0).text().ends_with("49, 50."));
        conversation.max_tokens = Some(5);
        let cut = generate(&conversation, 0);
        assert_eq!((cut.finish, cut.tokens), (Finish::Length, 5));
        conversation.max_tokens = None;
        conversation.stop = vec!["7".to_owned()];
        let stopped = generate(&conversation, 0);
        assert_eq!(
            (stopped.finish, stopped.text().as_str()),
            (Finish::Stop, "1, 2, 3, 4, 5, 6, ")
        );
        let long = generate(&ask("Write 300 words about bridges"), 0);
        assert_eq!(long.text().split(' ').count(), 300);
    }

    #[test]
    fn a_tool_is_called_once_per_question() {
        let mut conversation = ask("What is the weather in Oslo?");
        let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
        conversation.tools = vec![Tool {
            name: "weather".to_owned(),
            parameters,
        }];
        let first = generate(&conversation, 0);
        assert_eq!(
            (first.finish, first.calls[0].name.as_str()),
            (Finish::ToolCalls, "weather")
        );
        let arguments: String = first.calls[0]
            .arguments
            .iter()
            .map(|piece| piece.text.as_str())
            .collect();
        assert!(serde_json::from_str::<Value>(&arguments).unwrap()["city"].is_string());
        conversation.turns.push(Turn {
            role: Role::Assistant,
            text: String::new(),
            calls: vec!["weather".to_owned()],
        });
        conversation.turns.push(Turn {
            role: Role::Tool,
            text: "4 degrees".to_owned(),
            calls: Vec::new(),
        });
        let second = generate(&conversation, 0);
        assert!(second.calls.is_empty() && second.text().contains("4 degrees"));
    }

    #[test]
    fn any_question_is_answered_within_its_limit() {
        arbtest::arbtest(|u| {
            let mut conversation = ask(u.arbitrary()?);
            conversation.max_tokens = Some(u.int_in_range(1..=20)?);
            conversation.stop = vec![u.arbitrary()?];
            let generation = generate(&conversation, 0);
            assert!(Some(generation.tokens) <= conversation.max_tokens);
            Ok(())
        });
    }
}
