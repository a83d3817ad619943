//! A tool, complete: what `tools/list` shows of it, and all that a call needs. And the tools of one server.
//!
//! `engine` builds a [`ToolSet`] when a configuration is loaded. What must stay true: nothing of a tool is made while a
//! call runs; tools stand in the configuration's order, so that a list is the same each time.

use super::annotations::Annotations;
use super::arguments::{Validator, Validators};
use super::contract::{Body, Contract};
use super::input::{self, Input, Reserved};
use super::param_header::{self, ParamHeader};
use super::request::{self, BadArgument, HttpParts};
use super::result::{self, HttpAnswer, ToolResult};
use super::template::Template;
use super::text;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Longest description of a tool in a list, in bytes of its JSON.
pub const LARGEST_TOOL: usize = 256 << 10;

/// What a tool is made of.
#[derive(Debug)]
pub struct ToolSpec<'a> {
    /// Its name, taken from [`super::Names`].
    pub name: &'a str,
    /// Title instead of the contract's.
    pub title: Option<&'a str>,
    /// Description instead of the contract's.
    pub description: Option<&'a str>,
    /// Hints instead of the verb's.
    pub annotations: Annotations,
    /// Whether the contract's output schema is shown, and answers are held to it.
    pub output_schema: bool,
    /// The operation's verb.
    pub method: &'a str,
    /// The operation's URL template.
    pub url_template: &'a str,
    /// Its contract; the default has only what the template tells.
    pub contract: &'a Contract,
    /// Names that are the gateway's own.
    pub reserved: Reserved,
}

/// Why an operation cannot be a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotATool {
    /// What is in the way.
    pub why: String,
    /// What to do about it.
    pub remedy: &'static str,
}

/// A tool.
#[derive(Debug)]
pub struct Tool {
    name: Box<str>,
    /// `Tool` as revisions before 2026-07-28 take it: schemas are objects'.
    legacy: Box<str>,
    /// `Tool` as 2026-07-28 takes it, where that differs.
    modern: Option<Box<str>>,
    template: Template,
    input: Input,
    body: Option<Body>,
    reserved: Reserved,
    headers: Vec<ParamHeader>,
    arguments: Validator,
    output: Option<Validator>,
}

/// The tools of one server.
#[derive(Debug, Default)]
pub struct ToolSet {
    tools: Vec<Tool>,
    by_name: HashMap<Box<str>, usize>,
    validators: Validators,
}

impl ToolSet {
    /// Makes a tool and adds it. Gives its index.
    pub fn add(&mut self, spec: ToolSpec<'_>) -> Result<usize, NotATool> {
        let tool = self.build(spec)?;
        let index = self.tools.len();
        self.by_name.insert(tool.name.clone(), index);
        self.tools.push(tool);
        Ok(index)
    }

    fn build(&mut self, spec: ToolSpec<'_>) -> Result<Tool, NotATool> {
        if spec.method == "*" {
            return Err(NotATool {
                why: String::from("its method is `*`, and a tool calls with one"),
                remedy: "give the operation one method, or add an operation for each",
            });
        }
        if spec.method.eq_ignore_ascii_case("trace") || spec.method.eq_ignore_ascii_case("connect")
        {
            return Err(NotATool {
                why: format!("its method is {}", spec.method),
                remedy: "a tool's method is GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS",
            });
        }
        if let Some(why) = &spec.contract.obstacle {
            return Err(NotATool {
                why: why.clone(),
                remedy: "describe the body in its specification as JSON, a form, text or bytes",
            });
        }
        let template = Template::parse(spec.url_template).map_err(|why| NotATool {
            why: format!("its urlTemplate `{}`: {why}", spec.url_template),
            remedy: "change the operation's urlTemplate",
        })?;
        let mut input =
            input::input(spec.contract, &template, &spec.reserved).map_err(|why| NotATool {
                why,
                remedy: "describe the body as an object with `properties`, or as JSON",
            })?;
        let headers = param_header::settle(&mut input.schema);
        let arguments = self.validators.add(&input.schema).map_err(|why| NotATool {
            why: format!("its input schema is not valid JSON Schema: {why}"),
            remedy: "correct the schemas of the operation in its specification",
        })?;
        let output = spec.contract.output.as_ref().filter(|_| spec.output_schema);
        let output = output.map(input::flattened);
        let output = output.as_ref();
        let checked = output
            .map(|schema| self.validators.add(schema))
            .transpose()
            .map_err(|why| NotATool {
                why: format!("its output schema is not valid JSON Schema: {why}"),
                remedy: "correct the operation's response schema, or set `outputSchema: false` on the tool",
            })?;
        let show = |output: Option<Value>| {
            let mut tool = Map::new();
            tool.insert(String::from("name"), json!(spec.name));
            let title = spec.title.or(spec.contract.summary.as_deref());
            if let Some(title) = cleaned(title, text::LONGEST_TITLE) {
                tool.insert(String::from("title"), Value::String(title));
            }
            tool.insert(String::from("description"), Value::String(describe(&spec)));
            tool.insert(String::from("inputSchema"), input.schema.clone());
            if let Some(output) = output {
                tool.insert(String::from("outputSchema"), output);
            }
            let hints = Annotations::of(spec.method).overridden(spec.annotations);
            tool.insert(String::from("annotations"), Value::Object(hints.json()));
            Value::Object(tool).to_string().into_boxed_str()
        };
        let legacy = show(output.map(as_object));
        let modern = output
            .filter(|schema| !is_object(schema))
            .map(|schema| show(Some(schema.clone())));
        if legacy.len() > LARGEST_TOOL {
            return Err(NotATool {
                why: format!(
                    "its description has {} bytes, more than {LARGEST_TOOL}",
                    legacy.len()
                ),
                remedy: "make the schemas of the operation smaller; a model has to read them all",
            });
        }
        // A call needs neither schema any more: they are compiled and written out.
        input.schema = Value::Null;
        let body = spec.contract.body.clone().map(|body| Body {
            schema: Value::Null,
            ..body
        });
        Ok(Tool {
            name: spec.name.into(),
            legacy,
            modern,
            template,
            input,
            body,
            reserved: spec.reserved,
            headers,
            arguments,
            output: checked,
        })
    }

    /// All, in order.
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// The index of a name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// Holds arguments to a tool's input schema. The text is for the model.
    pub fn check(&self, tool: &Tool, arguments: &Value) -> Result<(), String> {
        // `null` for an argument that does not take it is how many models leave one out.
        let nulls = tool
            .input
            .bindings
            .iter()
            .filter(|b| !b.nullable && arguments.get(&b.property).is_some_and(Value::is_null))
            .map(|b| b.property.as_str())
            .collect::<Vec<_>>();
        let without;
        let arguments = match arguments {
            Value::Object(members) if !nulls.is_empty() => {
                let mut members = members.clone();
                for name in nulls {
                    members.shift_remove(name);
                }
                without = Value::Object(members);
                &without
            }
            arguments => arguments,
        };
        self.validators
            .check(tool.arguments, arguments)
            .map_err(|faults| format!("Invalid arguments:\n{}", faults.join("\n")))
    }

    /// The result of a response. An answer that does not keep to a published output schema becomes an error.
    pub fn result(&self, tool: &Tool, answer: HttpAnswer<'_>) -> ToolResult {
        let found = result::result(&tool.name, answer);
        let (Some(validator), false) = (tool.output, found.is_error) else {
            return found;
        };
        let Some(structured) = &found.structured else {
            return ToolResult::error(
                "The API's answer is not the JSON that its description promises.",
            );
        };
        match self.validators.check(validator, structured) {
            Ok(()) => found,
            Err(faults) => ToolResult::error(format!(
                "The API's answer does not keep to its description:\n{}",
                faults.join("\n")
            )),
        }
    }
}

impl Tool {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `Tool` as JSON. `objects_only`: for revisions before 2026-07-28.
    pub fn json(&self, objects_only: bool) -> &str {
        match &self.modern {
            Some(modern) if !objects_only => modern,
            _ => &self.legacy,
        }
    }

    /// Arguments that clients mirror into headers.
    pub fn param_headers(&self) -> &[ParamHeader] {
        &self.headers
    }

    /// The HTTP request of arguments that were checked.
    pub fn request(&self, arguments: &Map<String, Value>) -> Result<HttpParts, BadArgument> {
        request::request(
            &self.input,
            &self.template,
            self.body.as_ref(),
            &self.reserved,
            arguments,
        )
    }
}

fn cleaned(text: Option<&str>, most: usize) -> Option<String> {
    text.map(|t| text::clean(t, most)).filter(|t| !t.is_empty())
}

/// What a model reads: the description, else the title, else verb and path; and that the operation is deprecated.
fn describe(spec: &ToolSpec<'_>) -> String {
    let told = spec
        .description
        .or(spec.contract.description.as_deref())
        .or(spec.contract.summary.as_deref());
    let mut description = cleaned(told, text::LONGEST_DESCRIPTION).unwrap_or_default();
    if description.is_empty() {
        // Better than nothing: the verb and the words of a path tell a lot.
        description = format!(
            "{} {}",
            spec.method,
            text::clean(spec.url_template, text::LONGEST_TITLE)
        );
    }
    if spec.contract.deprecated {
        description.push_str("\n\nDeprecated: prefer another tool if one fits.");
    }
    description
}

fn is_object(schema: &Value) -> bool {
    schema.get("type").is_some_and(|t| t == "object")
}

/// An output schema for clients that take only objects: others stand under `result`.
fn as_object(schema: &Value) -> Value {
    if is_object(schema) {
        return schema.clone();
    }
    let mut inner = schema.clone();
    let definitions = inner.as_object_mut().and_then(|s| s.shift_remove("$defs"));
    let mut outer = json!({
        "type": "object",
        "properties": { "result": inner },
        "required": ["result"],
    });
    if let (Some(definitions), Some(outer)) = (definitions, outer.as_object_mut()) {
        outer.insert(String::from("$defs"), definitions);
    }
    outer
}

#[cfg(test)]
mod tests;
