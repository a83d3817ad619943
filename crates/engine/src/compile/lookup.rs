//! What a policy refers to by its id: backends, fragments, certificates, connections, OpenID providers.
//!
//! Called by the policies' `compile` functions. What must stay true: an unknown id is a fault that names the nearest one.

use super::Compile;
use crate::contract::{ContractUses, schema::Schemas};
use crate::definition::rewrite_authority;
use crate::event_hub::EventHub;
use crate::jwt::Certificate;
use crate::snapshot::BackendIndex;
use crate::step::Block;
use bytes::Bytes;
use std::sync::Arc;
use tollgate_lang::diagnostic::nearest::nearest;
use tollgate_lang::value::Str;
use tollgate_lang::{Diagnostic, Span};

impl Compile<'_> {
    /// What this document's policies use of operations' contracts, for a policy to add to.
    pub fn contract(&mut self) -> &mut ContractUses {
        self.uses
    }

    /// The schemas that policies name.
    pub fn schemas(&self) -> Arc<Schemas> {
        self.space.schemas.clone()
    }

    /// Where what is said of such a schema is said.
    pub fn schema_place(&mut self, id: &str, span: Span) -> crate::contract::Place<'_> {
        crate::contract::Place {
            of: format!("schema `{id}`"),
            span: Some(span),
            schemas: self.space.schemas.clone(),
            diagnostics: self.diagnostics,
        }
    }

    /// A backend by its literal id; an unknown one is a fault.
    pub fn backend(&mut self, id: &str, span: Span) -> Option<BackendIndex> {
        let found = self.space.backends.get(id).copied();
        if found.is_none() {
            let diagnostic =
                Diagnostic::error("TG0312", span, format!("there is no backend `{id}`"))
                    .label("expected the id of a backend");
            let near = nearest(id, self.space.backends.keys().map(|k| &**k));
            self.report(match near {
                Some(name) => diagnostic.help(format!("did you mean `{name}`?")),
                None => diagnostic.help("define it under `backends`"),
            });
        }
        found
    }

    /// Publishes a cross-domain policy file for the host.
    pub fn publish_cross_domain(&mut self, file: Bytes) {
        *self.compiler.cross_domain.borrow_mut() = Some(file);
    }

    /// Whether the policy stands in the section itself, or in a fragment that does, and not in a policy that may skip it.
    pub fn is_direct(&self) -> bool {
        let mut outer = self.path.split('\\');
        outer.next_back();
        outer.all(|name| name.starts_with("include-fragment"))
    }

    /// Stored connections.
    pub fn authorization_providers(&self) -> Arc<crate::definition::AuthorizationProviders> {
        self.compiler.authorization_providers.clone()
    }

    /// Notes the configuration URL of an OpenID provider, so that it can be fetched before a request needs it. Gives
    /// the URL that is asked (`gateway.openId.authorities`).
    pub fn openid_url(&mut self, url: &str) -> Str {
        let url = rewrite_authority(self.compiler.openid_authorities, url.trim());
        self.compiler.openid_urls.borrow_mut().insert(url.clone());
        url
    }

    /// Certificates that the gateway can show to upstreams.
    pub fn client_certificates(&self) -> &crate::client_certificate::ClientCertificates {
        self.space.client_certificates
    }

    /// The thumbprint of a certificate by its id; an unknown id is a fault.
    pub fn certificate_thumbprint(&mut self, id: &str, span: Span) -> Option<String> {
        self.certificate(id, span)?;
        self.space.client_certificates.thumbprint(id)
    }

    /// Whether there are authorities that client certificates are trusted by.
    pub fn has_client_authorities(&self) -> bool {
        self.compiler.client_authorities
    }

    /// A certificate by its id; an unknown one is a fault.
    pub fn certificate(&mut self, id: &str, span: Span) -> Option<Certificate> {
        match self.space.certificates.get(id) {
            // `None`: its text was refused already.
            Some(found) => found.clone(),
            None => {
                let known = self.space.certificates.keys().map(|k| &**k);
                let diagnostic =
                    Diagnostic::error("TG0376", span, format!("there is no certificate `{id}`"))
                        .label("expected the id of a certificate");
                let near = nearest(id, known);
                self.report(match near {
                    Some(name) => diagnostic.help(format!("did you mean `{name}`?")),
                    None => diagnostic.help("define it under `certificates`"),
                });
                None
            }
        }
    }

    /// The event hub of a logger by its id; an unknown logger and one that is no event hub are faults.
    pub fn event_hub(&mut self, id: &str, span: Span) -> Option<Arc<EventHub>> {
        let loggers = &self.space.loggers;
        let Some(logger) = loggers.iter().find(|l| l.id.eq_ignore_ascii_case(id)) else {
            let diagnostic =
                Diagnostic::error("TG0562", span, format!("there is no logger `{id}`"))
                    .label("expected the id of a logger");
            let near = nearest(id, loggers.iter().map(|l| &*l.id));
            self.report(match near {
                Some(name) => diagnostic.help(format!("did you mean `{name}`?")),
                None => diagnostic.help("define it under `loggers`"),
            });
            return None;
        };
        match EventHub::of(logger) {
            Ok(hub) => Some(Arc::new(hub)),
            Err(why) => {
                let message = format!("nothing can be logged to `{id}`: {why}");
                let mut diagnostic = Diagnostic::error("TG0563", span, message)
                    .label("expected the id of an event hub's logger");
                if let Some(place) = logger.span {
                    diagnostic = diagnostic.related(place, "the logger");
                }
                self.report(diagnostic);
                None
            }
        }
    }

    /// The children of a fragment, compiled here (inclusion is textual).
    pub fn fragment(&mut self, id: &str, span: Span) -> Option<Block> {
        let (own, service) = (self.space, &self.compiler.spaces[0]);
        let found = own.fragments.get(id);
        match found.or_else(|| service.fragments.get(id)) {
            Some(Some(document)) => {
                let before = self.fragment.replace(Str::from(id));
                let block = self.block(&document.root.children);
                self.fragment = before;
                Some(block)
            }
            // Its text was refused already.
            Some(None) => None,
            None => {
                let diagnostic = Diagnostic::error(
                    "TG0313",
                    span,
                    format!("there is no policy fragment `{id}`"),
                )
                .label("expected the id of a fragment");
                let known = own.fragments.keys().chain(service.fragments.keys());
                let near = nearest(id, known.copied());
                self.report(match near {
                    Some(name) => diagnostic.help(format!("did you mean `{name}`?")),
                    None => diagnostic.help("define it under `policyFragments`"),
                });
                None
            }
        }
    }
}
