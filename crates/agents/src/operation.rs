//! An API's operation as an MCP tool: from its OpenAPI contract to a tool, from arguments to an HTTP request, from the
//! HTTP response to the tool's result. Pure: `control` reads contracts, `engine` sends what comes out.
//!
//! What must stay true: an argument fills its place in the operation's own template and nothing else (it never chooses
//! host, path, method or a header that the operation does not declare); a schema never leads to the network; text out
//! of a contract is bounded and has no invisible characters.

pub mod annotations;
pub mod arguments;
pub mod contract;
pub mod input;
pub mod messages;
pub mod multipart;
pub mod name;
pub mod openapi;
pub mod param_header;
pub mod request;
pub mod result;
pub mod style;
pub mod template;
pub mod text;
pub mod tool;

pub use annotations::Annotations;
pub use contract::{Body, BodyKind, Contract, Field, Location, Parameter, Style};
pub use messages::{BodySchema, DeclaredResponse, Messages, Representation};
pub use name::Names;
pub use request::{BadArgument, HttpParts};
pub use result::{HttpAnswer, ToolResult};
pub use tool::{NotATool, Tool, ToolSet, ToolSpec};
