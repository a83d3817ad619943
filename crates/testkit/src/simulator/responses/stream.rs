//! The named events of a streamed response.
//!
//! Called by `responses`. The order is the Responses API's: created, in_progress, item and part
//! added, deltas, done events from the inside out, then `response.completed` or
//! `response.incomplete`. What must stay true: only deltas bill tokens; there is no `[DONE]`.

use serde_json::{Value, json};

use super::Answer;
use crate::simulator::body::{Event, Events};

/// An event before it is numbered: its name, its fields and the tokens it bills.
type Draft = (&'static str, Value, u32);

/// All events of an answer.
pub(super) fn events(answer: Answer) -> Events {
    let open = |status: &str| json!({ "response": answer.value(status, json!([]), Value::Null) });
    let mut head: Vec<Draft> = vec![
        ("response.created", open("in_progress"), 0),
        ("response.in_progress", open("in_progress"), 0),
    ];
    let item_id = answer.item_id.clone();
    let mut tail: Vec<Draft> = Vec::new();
    let mut added = answer.item();
    added["status"] = "in_progress".into();
    let (delta_name, deltas, in_part) = match answer.generation.calls.first() {
        Some(call) => {
            added["arguments"] = "".into();
            let arguments: String = call
                .arguments
                .iter()
                .map(|piece| piece.text.as_str())
                .collect();
            // The item itself is worth the tokens that are not arguments.
            let fixed = answer.generation.tokens
                - call.arguments.iter().map(|piece| piece.tokens).sum::<u32>();
            head.push((
                "response.output_item.added",
                json!({ "output_index": 0, "item": added }),
                fixed,
            ));
            let done = json!({ "item_id": item_id, "output_index": 0, "arguments": arguments, "name": call.name });
            tail.push(("response.function_call_arguments.done", done, 0));
            (
                "response.function_call_arguments.delta",
                call.arguments.clone(),
                false,
            )
        }
        None => {
            added["content"] = json!([]);
            let text = answer.generation.text();
            let place = |extra: Value| {
                let mut fields =
                    json!({ "item_id": item_id, "output_index": 0, "content_index": 0 });
                if let (Value::Object(fields), Value::Object(extra)) = (&mut fields, extra) {
                    fields.extend(extra);
                }
                fields
            };
            head.push((
                "response.output_item.added",
                json!({ "output_index": 0, "item": added }),
                0,
            ));
            head.push((
                "response.content_part.added",
                place(json!({ "part": answer.part("") })),
                0,
            ));
            tail.push((
                "response.output_text.done",
                place(json!({ "text": text, "logprobs": [] })),
                0,
            ));
            tail.push((
                "response.content_part.done",
                place(json!({ "part": answer.part(&text) })),
                0,
            ));
            (
                "response.output_text.delta",
                answer.generation.pieces.clone(),
                true,
            )
        }
    };
    tail.push((
        "response.output_item.done",
        json!({ "output_index": 0, "item": answer.item() }),
        0,
    ));
    let last = if answer.cut() {
        "response.incomplete"
    } else {
        "response.completed"
    };
    tail.push((last, json!({ "response": answer.finished() }), 0));
    let deltas = deltas.into_iter().map(move |piece| {
        let mut fields = json!({ "item_id": item_id, "output_index": 0 });
        if in_part {
            fields["content_index"] = 0.into();
            fields["logprobs"] = json!([]);
        }
        fields["delta"] = piece.text.into();
        (delta_name, fields, piece.tokens)
    });
    Box::new(
        head.into_iter()
            .chain(deltas)
            .chain(tail)
            .enumerate()
            .map(number),
    )
}

/// Writes an event with its number.
fn number((number, (name, fields, tokens)): (usize, Draft)) -> Event {
    let mut data = json!({ "type": name, "sequence_number": number });
    if let (Value::Object(data), Value::Object(fields)) = (&mut data, fields) {
        data.extend(fields);
    }
    Event {
        bytes: format!("event: {name}\ndata: {data}\n\n").into(),
        tokens,
    }
}
