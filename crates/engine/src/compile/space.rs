//! What names in documents mean: those of the service, and those of a workspace over them.
//!
//! Made once for each by `Compiler::new`. What must stay true: a workspace never sees another one's names.

use crate::client_certificate::ClientCertificates;
use crate::contract::schema::Schemas;
use crate::definition::{LoggerDefinition, NamedValue, PolicyText};
use crate::jwt::Certificate;
use crate::snapshot::BackendIndex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tollgate_lang::document::{self, Document};
use tollgate_lang::value::Str;
use tollgate_lang::{Diagnostic, Diagnostics};

/// What names mean in documents of the service or of one workspace.
pub(super) struct Space<'a> {
    pub(super) named: Named<'a>,
    /// The workspace's own.
    pub(super) fragments: BTreeMap<&'a str, Option<Document>>,
    /// The workspace's own over the service's.
    pub(super) backends: &'a HashMap<Str, BackendIndex>,
    /// The workspace's own, then the service's.
    pub(super) loggers: Vec<&'a LoggerDefinition>,
    /// The workspace's own over the service's. One that was refused is known as `None`.
    pub(super) certificates: BTreeMap<Str, Option<Certificate>>,
    /// The same, as they are shown to upstreams.
    pub(super) client_certificates: &'a ClientCertificates,
    /// The workspace's own, then the service's.
    pub(super) schemas: Arc<Schemas>,
}

/// Named values: a workspace's own, then the service's.
pub struct Named<'a> {
    /// Those of the workspace, where there is one.
    pub own: Option<&'a BTreeMap<String, NamedValue>>,
    /// Those of the service.
    pub service: &'a BTreeMap<String, NamedValue>,
}

impl document::NamedValues for Named<'_> {
    fn get(&self, display_name: &str) -> Option<&str> {
        let own = self.own.and_then(|own| own.get(display_name));
        let value = own.or_else(|| self.service.get(display_name))?;
        Some(value.value.expose())
    }

    fn names(&self) -> Vec<&str> {
        let own = self.own.into_iter().flatten();
        own.chain(self.service)
            .map(|(name, _)| name.as_str())
            .collect()
    }
}

impl<'a> Space<'a> {
    /// Reads the fragments once. Certificates and schemas are given to it afterwards.
    pub(super) fn new(
        named: Named<'a>,
        fragments: &'a BTreeMap<String, PolicyText>,
        backends: &'a HashMap<Str, BackendIndex>,
        loggers: Vec<&'a LoggerDefinition>,
        client_certificates: &'a ClientCertificates,
        diagnostics: &mut Diagnostics,
    ) -> Space<'a> {
        let fragments = fragments
            .iter()
            .map(|(id, text)| {
                let document = document::read(text.file, &text.text, &named, diagnostics);
                if let Some(d) = &document
                    && &*d.root.name != "fragment"
                {
                    diagnostics.push(
                        Diagnostic::error(
                            "TG0302",
                            d.root.name_span,
                            format!(
                                "a policy fragment's root is `<fragment>`, not `<{}>`",
                                d.root.name
                            ),
                        )
                        .label("expected `fragment`"),
                    );
                }
                (id.as_str(), document)
            })
            .collect();
        Space {
            named,
            fragments,
            backends,
            loggers,
            certificates: BTreeMap::new(),
            client_certificates,
            schemas: Arc::default(),
        }
    }
}
