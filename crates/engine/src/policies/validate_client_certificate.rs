//! `validate-client-certificate`: refuses callers whose certificate is not one that the document describes.
//!
//! The listener has checked that the caller has the key, and nothing else. What must stay true: trust is that of
//! `gateway.clientCertificateAuthorities` alone; nothing is asked over the network; an identity matches with all that it says.

use crate::client_certificate::bare_thumbprint;
use crate::compile::{Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::step::{Flow, Step};
use bytes::Bytes;
use http::StatusCode;
use rustls_pki_types::{CertificateDer, UnixTime};
use std::time::Duration;
use tollgate_lang::Diagnostic;
use tollgate_lang::certificate::{Described, describe, split_der};
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "validate-client-certificate",
    sections: Sections::INBOUND,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute(
            "validate-revocation",
            Kind::Bool,
            "read for API Management's documents; revocation is not checked, because no list is fetched",
        )
        .default("true"),
        attribute(
            "validate-trust",
            Kind::Bool,
            "its chain must lead to one of `gateway.clientCertificateAuthorities`",
        )
        .default("true"),
        attribute("validate-not-before", Kind::Bool, "it must be valid already").default("true"),
        attribute("validate-not-after", Kind::Bool, "it must be valid still").default("true"),
        attribute(
            "ignore-error",
            Kind::Bool,
            "go on with a certificate that does not fit, and without one",
        )
        .default("false"),
    ],
    children: &[child("identities", Content::Empty, "whom it lets in; without it, anybody whose certificate is valid")
        .times(0, 1)
        .children(&[child("identity", Content::Empty, "one of them: all that is said must be so")
            .times(1, u32::MAX)
            .attributes(&[
                attribute("thumbprint", Kind::Text, "SHA-1 of the certificate"),
                attribute("serial-number", Kind::Text, "its serial number, hexadecimal"),
                attribute("common-name", Kind::Text, "the subject's common name"),
                attribute("subject", Kind::Text, "the subject, as `CN=name, O=\"Contoso, Inc.\"`"),
                attribute("dns-name", Kind::Text, "one of its DNS names"),
                attribute("issuer-subject", Kind::Text, "the subject of who issued it"),
                attribute("issuer-thumbprint", Kind::Text, "SHA-1 of the issuer's certificate"),
                attribute("issuer-certificate-id", Kind::Text, "id of the issuer's certificate under `certificates`"),
            ])])],
    content: Content::Empty,
    doc: "Refuses a caller without a certificate (401), or with one that is not valid or is none of `identities` (403).\n\nThe listener must ask for certificates (`negotiateClientCertificate`). Trust is that of `gateway.clientCertificateAuthorities`, not of the system's roots. Revocation is not checked.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let flag = |cx: &mut Compile<'_>, name: &str| cx.literal::<bool>(element, name);
    if flag(cx, "validate-revocation") == Some(true) {
        cx.report(
            Diagnostic::warning(
                "TG0507",
                element.name_span,
                "whether a client certificate was revoked is not checked",
            )
            .label("`validate-revocation` has no effect")
            .help("write `validate-revocation=\"false\"`, and leave revoked certificates out of `identities`"),
        );
    }
    let trust = flag(cx, "validate-trust");
    if trust == Some(true) && !cx.has_client_authorities() {
        cx.report(
            Diagnostic::warning(
                "TG0508",
                element.name_span,
                "no authority of client certificates is trusted: every certificate is refused",
            )
            .label("`validate-trust` needs one")
            .help("name a PEM file in `gateway.clientCertificateAuthorities`, or write `validate-trust=\"false\"`"),
        );
    }
    let mut identities = element
        .elements()
        .any(|e| &*e.name == "identities")
        .then(Vec::new);
    let mut whole = true;
    for child in element.elements().flat_map(Element::elements) {
        let text = |name: &str| child.attribute(name).map(|a| a.value.text.clone());
        let issuer = match child.attribute("issuer-certificate-id") {
            None => None,
            Some(id) => match cx.certificate_thumbprint(id.value.text.trim(), id.value.span) {
                Some(thumbprint) => Some(thumbprint),
                None => {
                    whole = false;
                    None
                }
            },
        };
        if child.attributes.is_empty() {
            cx.report(
                Diagnostic::error("TG0509", child.name_span, "`identity` says nothing")
                    .label("expected `thumbprint`, `subject` or another attribute"),
            );
        }
        identities.get_or_insert_default().push(Identity {
            thumbprint: text("thumbprint").map(|t| bare_thumbprint(&t)),
            serial_number: text("serial-number").map(|t| serial(&t)),
            common_name: text("common-name"),
            subject: text("subject").map(|t| distinguished(&t)),
            dns_name: text("dns-name"),
            issuer_subject: text("issuer-subject").map(|t| distinguished(&t)),
            issuer_thumbprint: text("issuer-thumbprint").map(|t| bare_thumbprint(&t)),
            issuer_certificate: issuer,
        });
    }
    let (not_before, not_after) = (
        flag(cx, "validate-not-before"),
        flag(cx, "validate-not-after"),
    );
    let ignore_error = flag(cx, "ignore-error");
    if !whole {
        return None;
    }
    cx.step(ValidateClientCertificate {
        trust: trust?,
        not_before: not_before?,
        not_after: not_after?,
        ignore_error: ignore_error?,
        identities,
    })
}

#[derive(Debug)]
struct ValidateClientCertificate {
    trust: bool,
    not_before: bool,
    not_after: bool,
    ignore_error: bool,
    /// `None`: anybody.
    identities: Option<Vec<Identity>>,
}

/// What must be so.
#[derive(Debug)]
struct Identity {
    thumbprint: Option<String>,
    serial_number: Option<String>,
    common_name: Option<Str>,
    subject: Option<String>,
    dns_name: Option<Str>,
    issuer_subject: Option<String>,
    issuer_thumbprint: Option<String>,
    issuer_certificate: Option<String>,
}

/// A serial number without leading zeros, in upper case.
fn serial(text: &str) -> String {
    bare_thumbprint(text).trim_start_matches('0').to_owned()
}

/// A distinguished name without what is written in more than one way: blanks around parts and signs, the case of keys.
fn distinguished(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut quoted, mut key) = (false, true);
    for c in text.trim().chars() {
        match c {
            '"' => {
                quoted = !quoted;
                out.push(c);
            }
            ',' | '+' if !quoted => {
                out.truncate(out.trim_end().len());
                out.push(c);
                key = true;
            }
            '=' if !quoted && key => {
                out.truncate(out.trim_end().len());
                out.push(c);
                key = false;
            }
            ' ' if !quoted && out.ends_with([',', '+', '=']) => {}
            c if key && !quoted => out.extend(c.to_uppercase()),
            c => out.push(c),
        }
    }
    out
}

impl Identity {
    fn fits(&self, own: &Described, issuer: Option<&str>) -> bool {
        fn same<T>(wanted: &Option<T>, fits: impl FnOnce(&T) -> bool) -> bool {
            wanted.as_ref().is_none_or(fits)
        }
        let issued_by = |wanted: &String| issuer.is_some_and(|found| found == wanted);
        same(&self.thumbprint, |t| *t == own.thumbprint)
            && same(&self.serial_number, |s| *s == serial(&own.serial_number))
            && same(&self.common_name, |n| own.common_name.as_ref() == Some(n))
            && same(&self.subject, |s| *s == distinguished(&own.subject))
            && same(&self.dns_name, |n| {
                own.dns_names.iter().any(|own| own.eq_ignore_ascii_case(n))
            })
            && same(&self.issuer_subject, |s| *s == distinguished(&own.issuer))
            && same(&self.issuer_thumbprint, issued_by)
            && same(&self.issuer_certificate, issued_by)
    }
}

impl ValidateClientCertificate {
    /// Why the certificate is refused.
    fn refusal(&self, rq: &Exchange, shown: &Bytes) -> Option<(&'static str, String)> {
        let chain = split_der(shown);
        let leaf = *chain.first()?;
        let Some(own) = describe(leaf) else {
            return Some((
                "ClientCertificateInvalid",
                String::from("it cannot be read"),
            ));
        };
        let now = i64::try_from(rq.services.clock.unix_millis() / 1000).unwrap_or(i64::MAX);
        if self.not_before && now < own.not_before {
            return Some((
                "ClientCertificateNotYetValid",
                String::from("it is not valid yet"),
            ));
        }
        if self.not_after && now > own.not_after {
            return Some(("ClientCertificateExpired", String::from("it has expired")));
        }
        let authorities = &rq.snapshot.client_authorities;
        if self.trust {
            // The dates have been looked at as far as they count.
            let at = now.clamp(own.not_before, own.not_after.max(own.not_before));
            if let Err(why) = trusted(&chain, authorities, at) {
                return Some(("ClientCertificateNotTrusted", why));
            }
        }
        let identities = self.identities.as_ref()?;
        let issuer = chain[1..]
            .iter()
            .copied()
            .chain(authorities.iter().map(AsRef::as_ref))
            .filter_map(describe)
            .find(|issuer| issuer.subject == own.issuer)
            .map(|issuer| issuer.thumbprint);
        let fits = identities
            .iter()
            .any(|identity| identity.fits(&own, issuer.as_deref()));
        (!fits).then(|| {
            (
                "ClientCertificateIdentityNotMatched",
                String::from("it is none of the identities"),
            )
        })
    }
}

/// Whether a chain leads to an authority at this time (Unix seconds).
fn trusted(
    chain: &[&[u8]],
    authorities: &[CertificateDer<'static>],
    at: i64,
) -> Result<(), String> {
    let (leaf, others) = chain.split_first().ok_or("there is none")?;
    // One that was named itself needs nobody else.
    if authorities.iter().any(|a| a.as_ref() == *leaf) {
        return Ok(());
    }
    let anchors: Vec<_> = authorities
        .iter()
        .filter_map(|a| anchor_from_trusted_cert(a).ok())
        .collect();
    let leaf = CertificateDer::from(*leaf);
    let others: Vec<_> = others
        .iter()
        .map(|der| CertificateDer::from(*der))
        .collect();
    let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at).unwrap_or(0)));
    EndEntityCert::try_from(&leaf)
        .and_then(|leaf| {
            leaf.verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                &anchors,
                &others,
                at,
                KeyUsage::client_auth(),
                None,
                None,
            )
            .map(drop)
        })
        .map_err(|why| format!("it is not trusted: {why}"))
}

impl Step for ValidateClientCertificate {
    fn run(&self, rq: &mut Exchange) -> Flow {
        if self.ignore_error {
            return Flow::Next;
        }
        let Some(shown) = rq
            .request
            .client_certificate
            .clone()
            .filter(|c| !c.is_empty())
        else {
            return Flow::Fail(Failure::refused(
                "",
                "ClientCertificateNotFound",
                StatusCode::UNAUTHORIZED,
                "Client certificate is missing.",
            ));
        };
        match self.refusal(rq, &shown) {
            None => Flow::Next,
            Some((reason, why)) => {
                let message = format!("Client certificate is refused: {why}.");
                let failure = Failure::refused("", reason, StatusCode::FORBIDDEN, message);
                Flow::Fail(failure.public("Invalid client certificate."))
            }
        }
    }
}
