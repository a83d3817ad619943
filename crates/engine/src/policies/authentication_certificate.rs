//! `authentication-certificate`: the certificate that the gateway shows to the backend.
//!
//! What must stay true: a certificate that is named at load is there and has its key; one that an expression computes is
//! opened once and not for each request; keys and passwords never print.

use crate::client_certificate::ClientCertificate;
use crate::compile::{
    Arg, AttributeDef, BodyText, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections,
    attribute,
};
use crate::connect::ConnectOptions;
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::step::{Flow, Step};
use aws_lc_rs::digest;
use std::sync::{Arc, Mutex, PoisonError};
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;
use tollgate_lang::{Diagnostic, Span};

/// The attributes.
pub const ATTRIBUTES: &[AttributeDef] = &[
    attribute(
        "thumbprint",
        Kind::Text,
        "thumbprint of one of the configuration's certificates",
    )
    .expression(),
    attribute(
        "certificate-id",
        Kind::Text,
        "id of one of the configuration's certificates",
    )
    .expression(),
    attribute(
        "body",
        Kind::Text,
        "the certificate itself: bytes or Base64 of PKCS #12 (PFX), or PEM with its key",
    )
    .expression(),
    attribute("password", Kind::Text, "the password of `body`").expression(),
];

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "authentication-certificate",
    sections: Sections::INBOUND,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: ATTRIBUTES,
    children: &[],
    content: Content::Empty,
    doc: "Shows a certificate to the backend, which may ask for one in the TLS handshake.\n\nExactly one of `thumbprint`, `certificate-id` and `body` says which. It takes the place of the certificate that the backend's own credentials name. A redirect to another host does not get it.",
    compile,
};

/// Files that a policy keeps opened. One for each tenant fits.
const MOST_OPENED: usize = 256;

/// The compiled element.
#[derive(Debug)]
pub(crate) enum Certificate {
    Known(Arc<ClientCertificate>),
    Thumbprint(Arg<Str>),
    Id(Arg<Str>),
    Body {
        body: Arg<BodyText>,
        password: Option<Arg<Str>>,
        opened: Opened,
    },
}

/// Files that were opened, by their digest; the one used last is at the end.
#[derive(Debug, Default)]
pub(crate) struct Opened(Mutex<Vec<([u8; 32], Arc<ClientCertificate>)>>);

impl Opened {
    fn get(&self, bytes: &[u8], password: &str) -> Result<Arc<ClientCertificate>, String> {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(&(bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
        hash.update(password.as_bytes());
        let mut key = [0; 32];
        key.copy_from_slice(hash.finish().as_ref());
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut opened = lock();
        if let Some(at) = opened.iter().position(|(k, _)| *k == key) {
            let found = opened.remove(at);
            let certificate = found.1.clone();
            opened.push(found);
            return Ok(certificate);
        }
        // Not under the lock: it takes its time.
        drop(opened);
        let certificate = Arc::new(ClientCertificate::of_file(bytes, password)?);
        let mut opened = lock();
        if opened.len() >= MOST_OPENED {
            opened.remove(0);
        }
        opened.push((key, certificate.clone()));
        Ok(certificate)
    }
}

/// Compiles it; `send-request` uses it for its own request.
pub(crate) fn compile_certificate(element: &Element, cx: &mut Compile<'_>) -> Option<Certificate> {
    let span = |name: &str| {
        element
            .attribute(name)
            .map_or(element.name_span, |a| a.value.span)
    };
    let several = cx.exclusive(element, "thumbprint", "certificate-id")
        | cx.exclusive(element, "thumbprint", "body")
        | cx.exclusive(element, "certificate-id", "body");
    if element.attribute("password").is_some() && element.attribute("body").is_none() {
        cx.report(
            Diagnostic::error("TG0505", span("password"), "`password` without `body`")
                .label("a certificate of the configuration has its password there")
                .help("remove it, or give the certificate in `body`"),
        );
    }
    let thumbprint = cx.arg::<Str>(element, "thumbprint");
    let id = cx.arg::<Str>(element, "certificate-id");
    let body = cx.arg::<BodyText>(element, "body");
    let has_password = element.attribute("password").is_some();
    let password = cx.arg::<Str>(element, "password");
    if several || has_password && password.is_none() {
        return None;
    }
    if let Some(thumbprint) = thumbprint {
        let Arg::Const(text) = &thumbprint else {
            return Some(Certificate::Thumbprint(thumbprint));
        };
        let certificates = cx.client_certificates();
        let found = certificates.by_thumbprint(text);
        if found.is_err() && certificates.is_refused(None) {
            return Some(Certificate::Thumbprint(thumbprint));
        }
        return known(found, span("thumbprint"), cx);
    }
    if let Some(id) = id {
        let Arg::Const(text) = &id else {
            return Some(Certificate::Id(id));
        };
        if cx.certificate(text, span("certificate-id")).is_none() {
            // Told: it is unknown, or could not be read.
            return Some(Certificate::Id(id));
        }
        let found = cx.client_certificates().by_id(text);
        return known(found, span("certificate-id"), cx);
    }
    let Some(body) = body else {
        if ["thumbprint", "certificate-id", "body"]
            .iter()
            .all(|name| element.attribute(name).is_none())
        {
            cx.report(
                Diagnostic::error(
                    "TG0317",
                    element.name_span,
                    format!(
                        "`{}` needs `thumbprint`, `certificate-id` or `body`",
                        element.name
                    ),
                )
                .label("expected one of them"),
            );
        }
        return None;
    };
    if let (Arg::Const(bytes), None | Some(Arg::Const(_))) = (&body, &password) {
        let password = password.as_ref().and_then(Arg::constant);
        let password = password.map_or("", |p| p);
        let found = ClientCertificate::of_file(&bytes.0, password)
            .map(Arc::new)
            .map_err(|why| format!("the certificate in `body` {why}"));
        return known(found, span("body"), cx);
    }
    Some(Certificate::Body {
        body,
        password,
        opened: Opened::default(),
    })
}

/// One that is known at load must be of use.
fn known(
    found: Result<Arc<ClientCertificate>, String>,
    span: Span,
    cx: &mut Compile<'_>,
) -> Option<Certificate> {
    match found {
        Ok(certificate) => Some(Certificate::Known(certificate)),
        Err(why) => {
            cx.report(
                Diagnostic::error("TG0504", span, why)
                    .label("expected a certificate with its private key")
                    .help("give it under `certificates`, with its `key`, or as PFX in `data`"),
            );
            None
        }
    }
}

impl Certificate {
    /// The certificate for this request.
    pub(crate) fn get(&self, rq: &mut Exchange) -> Result<Arc<ClientCertificate>, Box<Failure>> {
        let found = match self {
            Certificate::Known(certificate) => Ok(certificate.clone()),
            Certificate::Thumbprint(arg) => {
                let thumbprint = arg.get(rq)?;
                rq.client_certificates().by_thumbprint(&thumbprint)
            }
            Certificate::Id(arg) => {
                let id = arg.get(rq)?;
                rq.client_certificates().by_id(id.trim())
            }
            Certificate::Body {
                body,
                password,
                opened,
            } => {
                let body = body.get(rq)?.0;
                let password = password.as_ref().map(|p| p.get(rq)).transpose()?;
                opened
                    .get(&body, password.as_deref().unwrap_or(""))
                    .map_err(|why| format!("the certificate in `body` {why}"))
            }
        };
        found.map_err(|why| {
            Failure::internal("", "", format!("No certificate for the backend: {why}."))
        })
    }
}

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let certificate = compile_certificate(element, cx)?;
    cx.step(AuthenticationCertificate(certificate))
}

#[derive(Debug)]
struct AuthenticationCertificate(Certificate);

impl Step for AuthenticationCertificate {
    fn run(&self, rq: &mut Exchange) -> Flow {
        match self.0.get(rq) {
            Ok(certificate) => {
                let options = ConnectOptions {
                    certificate: Some(certificate),
                    proxy: None,
                };
                rq.request.target.connect(&options);
                Flow::Next
            }
            Err(failure) => Flow::Fail(failure),
        }
    }
}
