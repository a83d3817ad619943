//! Node programs that drive the gateway or stand behind it, and the rule for machines that do not have them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The Node and the packages that `cargo xtask test` installs from `tests/node`.
pub(crate) struct Node {
    program: PathBuf,
    modules: PathBuf,
}

impl Node {
    /// What `TOLLGATE_TEST_NODE` and `TOLLGATE_TEST_NODE_MODULES` name. Without them the answer is `None` and the
    /// test is skipped, unless `TOLLGATE_NO_SKIP` forbids that.
    pub(crate) fn find(wanted_by: &str) -> Option<Self> {
        let named = |name| std::env::var_os(name).map(PathBuf::from);
        let found = named("TOLLGATE_TEST_NODE").zip(named("TOLLGATE_TEST_NODE_MODULES"));
        if found.is_none() {
            assert!(
                std::env::var_os("TOLLGATE_NO_SKIP").is_none(),
                "TOLLGATE_TEST_NODE and TOLLGATE_TEST_NODE_MODULES are not set"
            );
            println!(
                "skipped: {wanted_by} needs TOLLGATE_TEST_NODE and TOLLGATE_TEST_NODE_MODULES"
            );
        }
        found.map(|(program, modules)| Self { program, modules })
    }

    /// A command that runs a script. A script of ours is CommonJS (`.cjs`) and finds the packages with `require`,
    /// which in Node 22 loads ES modules too.
    pub(crate) fn script(&self, script: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(script).env("NODE_PATH", &self.modules);
        command
    }

    /// A command that runs the program `name` of an installed package.
    pub(crate) fn program(&self, name: &str) -> Command {
        self.script(&self.modules.join(".bin").join(name))
    }
}
