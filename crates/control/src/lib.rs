//! Configuration: from files to the snapshot, with every fault of every file in one go, and again when they change.
//!
//! The binary calls [`load`] for `check` and `serve`, and [`Reload`] keeps a running gateway up to date. What must stay
//! true: files and environment are read here and nowhere else; a configuration with a fault never becomes a snapshot;
//! loading never panics, whatever the files hold.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod azure;
mod changes;
mod define;
mod files;
pub mod fuzz;
mod load;
pub mod model;
mod openapi;
mod price_file;
mod reload;
mod report;
pub mod schema;
pub mod settings;
pub mod vault;
mod yaml;

pub use azure::apiops::is_folder as is_apiops;
pub use azure::import::{Imported, import};
pub use azure::tokens::{
    Tokens, as_named_values as pipeline_tokens, stand_in as named_value_of_token,
};
pub use changes::Changes;
pub use define::without_secrets;
pub use files::FileSource;
pub use load::{Environment, Lint, Loaded, Options, Summary, load, load_with};
pub use price_file::load_prices;
pub use reload::{Publish, Reload, Trigger};
pub use settings::Settings;
pub use yaml::{At, Place};
