//! A folder with a configuration and fixtures, gone at the end.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use tollgate_author::{Run, Session, Suite};

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Its path goes with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Files by their path in it.
    pub(crate) fn new(files: &[(&str, &str)]) -> Folder {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tollgate-author-{}-{number}", std::process::id());
        let folder = Folder(std::env::temp_dir().join(name));
        for (path, text) in files {
            folder.write(path, text);
        }
        folder
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn session(&self, filter: Option<&str>) -> Session {
        let suite = Suite::new(std::slice::from_ref(&self.0));
        Session::new(suite, filter.map(str::to_owned), 2)
    }

    pub(crate) fn run(&self) -> Run {
        self.session(None).run().unwrap()
    }

    /// A report without what differs from run to run.
    pub(crate) fn plain(&self, report: &str) -> String {
        report.replace(&format!("{}/", self.0.display()), "")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Two APIs with a document each; the first reads a secret.
pub(crate) const CONFIG: &str = "namedValues:
  - { id: partner-key, env: PARTNER_KEY, secret: true }
  - { id: backend-url, env: BACKEND_URL }
apis:
  - id: one
    displayName: One
    path: one
    serviceUrl: \"{{backend-url}}/one\"
    subscriptionRequired: false
    policy: policies/one.xml
    operations: [{ id: any, method: \"*\", urlTemplate: /* }]
  - id: two
    displayName: Two
    path: two
    serviceUrl: \"{{backend-url}}/two\"
    subscriptionRequired: true
    policy: |
      <policies><inbound><base />
        <choose>
          <when condition=\"@(context.Request.Method == &quot;PUT&quot;)\"><return-response /></when>
          <otherwise><set-header name=\"x\"><value>2</value></set-header></otherwise>
        </choose>
      </inbound></policies>
    operations: [{ id: any, method: \"*\", urlTemplate: /* }]
subscriptions:
  - { id: team, displayName: Team, scope: /apis/two, primaryKey: { env: TEAM_KEY } }
";

pub(crate) const ONE: &str = "<policies>
  <inbound>
    <base />
    <set-header name=\"x-key\"><value>{{partner-key}}</value></set-header>
    <choose>
      <when condition=\"@(context.Request.Method == &quot;DELETE&quot;)\">
        <return-response><set-status code=\"405\" /></return-response>
      </when>
    </choose>
  </inbound>
</policies>
";

pub(crate) const GIVEN: &str = "-- background
-- config
named-value backend-url: http://b.test
secret partner-key: p
";
