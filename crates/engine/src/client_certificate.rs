//! Certificates that the gateway shows to upstreams: `authentication-certificate`, and the credentials of backends.
//!
//! Made of the configuration's certificates when a snapshot is built, or of a file's bytes that a policy computes.
//! What must stay true: the key is the certificate's own; it never prints; two are equal when certificates and key are.

use crate::definition::CertificateDefinition;
use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use tollgate_lang::certificate::{decode_base64, describe, open_pkcs12};

/// A certificate with its private key.
pub struct ClientCertificate {
    /// The certificate itself, then those that lead to its root.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its private key.
    pub key: PrivateKeyDer<'static>,
    /// SHA-1 of the certificate, upper hexadecimal.
    pub thumbprint: String,
    /// SHA-256 of the chain and the key.
    digest: [u8; 32],
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientCertificate({})", self.thumbprint)
    }
}

impl PartialEq for ClientCertificate {
    fn eq(&self, other: &ClientCertificate) -> bool {
        self.digest == other.digest
    }
}

impl Eq for ClientCertificate {}

impl Hash for ClientCertificate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

impl ClientCertificate {
    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<ClientCertificate, String> {
        let first = chain.first().ok_or("holds no certificate")?;
        let says = describe(first).ok_or("cannot be read as an X.509 certificate")?;
        let public = public_key(&key)
            .ok_or("has a private key that TLS cannot use: expected RSA, ECDSA or Ed25519")?;
        if public != says.public_key {
            return Err(String::from("has a private key of another certificate"));
        }
        let mut hash = digest::Context::new(&digest::SHA256);
        for part in chain.iter().map(AsRef::as_ref).chain([key.secret_der()]) {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(hash.finish().as_ref());
        Ok(ClientCertificate {
            thumbprint: says.thumbprint,
            chain,
            key,
            digest,
        })
    }

    /// From PEM texts: the certificate with those behind it, and the key.
    ///
    /// # Errors
    /// What is wrong with the certificate, as `has a private key of another certificate`.
    pub fn of_pem(certificate: &str, key: &str) -> Result<ClientCertificate, String> {
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(certificate.as_bytes()).collect();
        let chain = chain.map_err(|_| String::from("holds no certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| {
            String::from("has no private key: expected PEM with `BEGIN PRIVATE KEY`, not encrypted")
        })?;
        ClientCertificate::new(chain, key)
    }

    /// From a file's bytes: PKCS #12 with its password, its Base64, or PEM with certificate and key.
    pub fn of_file(bytes: &[u8], password: &str) -> Result<ClientCertificate, String> {
        let text = std::str::from_utf8(bytes).ok();
        if let Some(pem) = text.filter(|t| t.contains("-----BEGIN")) {
            return ClientCertificate::of_pem(pem, pem);
        }
        let der = match bytes.first() {
            Some(0x30) => bytes.to_vec(),
            _ => text.and_then(decode_base64).unwrap_or_default(),
        };
        let opened = open_pkcs12(&der, password)
            .ok_or("is neither PKCS #12 (PFX) nor PEM with a private key")?
            .map_err(|why| format!("cannot be opened: {why}"))?;
        let key = opened.key.ok_or("has no private key")?;
        let chain = opened.chain.into_iter().map(CertificateDer::from).collect();
        ClientCertificate::new(chain, PrivatePkcs8KeyDer::from(key).into())
    }
}

/// The bits of the public key that belongs to a private one.
fn public_key(key: &PrivateKeyDer<'_>) -> Option<Vec<u8>> {
    let curves = [
        &ECDSA_P256_SHA256_ASN1_SIGNING,
        &ECDSA_P384_SHA384_ASN1_SIGNING,
        &ECDSA_P521_SHA512_ASN1_SIGNING,
    ];
    let bits = |pair: &EcdsaKeyPair| pair.public_key().as_ref().to_vec();
    match key {
        PrivateKeyDer::Pkcs1(der) => {
            let pair = RsaKeyPair::from_der(der.secret_pkcs1_der()).ok()?;
            Some(pair.public_key().as_ref().to_vec())
        }
        PrivateKeyDer::Sec1(der) => curves.iter().find_map(|curve| {
            let pair = EcdsaKeyPair::from_private_key_der(curve, der.secret_sec1_der()).ok()?;
            Some(bits(&pair))
        }),
        PrivateKeyDer::Pkcs8(der) => {
            let der = der.secret_pkcs8_der();
            if let Ok(pair) = RsaKeyPair::from_pkcs8(der) {
                return Some(pair.public_key().as_ref().to_vec());
            }
            if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
                return Some(pair.public_key().as_ref().to_vec());
            }
            curves
                .iter()
                .find_map(|curve| EcdsaKeyPair::from_pkcs8(curve, der).ok().map(|p| bits(&p)))
        }
        _ => None,
    }
}

/// Why a certificate that the configuration has is not there.
const REFUSED: &str = "could not be read";

/// The certificates of the service or of a workspace, as far as the gateway can show them.
#[derive(Clone, Debug, Default)]
pub struct ClientCertificates(Arc<[Known]>);

#[derive(Clone, Debug)]
struct Known {
    id: Arc<str>,
    thumbprint: Option<String>,
    /// The error says why it cannot be shown.
    certificate: Result<Arc<ClientCertificate>, String>,
}

impl ClientCertificates {
    /// From the configuration, over those of the service where `own` are a workspace's. What cannot be shown is kept
    /// with the reason; it matters only to who names it.
    pub fn new<'d>(
        own: impl IntoIterator<Item = &'d CertificateDefinition>,
        service: Option<&ClientCertificates>,
    ) -> ClientCertificates {
        let service = service.into_iter().flat_map(|s| s.0.iter().cloned());
        let known = own.into_iter().map(|definition| {
            let id = definition.id.clone();
            let Some(pem) = definition.certificate.as_deref() else {
                return Known {
                    id,
                    thumbprint: None,
                    certificate: Err(String::from(REFUSED)),
                };
            };
            let first = CertificateDer::from_pem_slice(pem.as_bytes()).ok();
            let certificate = match &definition.key {
                Some(key) => ClientCertificate::of_pem(pem, key.expose()).map(Arc::new),
                None => Err(String::from("has no private key")),
            };
            Known {
                id,
                thumbprint: first.and_then(|der| Some(describe(&der)?.thumbprint)),
                certificate,
            }
        });
        ClientCertificates(known.chain(service).collect())
    }

    /// The thumbprint of a certificate by its id, whether it can be shown or not.
    pub(crate) fn thumbprint(&self, id: &str) -> Option<String> {
        let known = self.0.iter().find(|known| *known.id == *id)?;
        known.thumbprint.clone()
    }

    /// By its id. The error is a clause about it.
    pub fn by_id(&self, id: &str) -> Result<Arc<ClientCertificate>, String> {
        let found = self.0.iter().find(|known| *known.id == *id);
        match found {
            Some(known) => known
                .certificate
                .clone()
                .map_err(|why| format!("certificate `{id}` {why}")),
            None => Err(format!("there is no certificate `{id}`")),
        }
    }

    /// By its thumbprint, in any case, with or without blanks and colons. The error is a clause about it.
    pub fn by_thumbprint(&self, thumbprint: &str) -> Result<Arc<ClientCertificate>, String> {
        let wanted = bare_thumbprint(thumbprint);
        let found = self
            .0
            .iter()
            .find(|known| known.thumbprint.as_ref().is_some_and(|t| *t == wanted));
        match found {
            Some(known) => known
                .certificate
                .clone()
                .map_err(|why| format!("certificate `{}` {why}", known.id)),
            None => Err(format!(
                "there is no certificate with the thumbprint `{thumbprint}`"
            )),
        }
    }

    /// Whether the certificate of this id (`None`: any, which may have had the thumbprint that is looked for) was refused or is
    /// missing, which has been told: what names it is no further fault.
    pub(crate) fn is_refused(&self, id: Option<&str>) -> bool {
        let refused = |known: &Known| matches!(&known.certificate, Err(why) if why == REFUSED);
        self.0
            .iter()
            .any(|known| id.is_none_or(|id| *known.id == *id) && refused(known))
    }
}

/// The certificates of a PEM text.
pub(crate) fn authorities(pem: Option<&str>) -> Vec<CertificateDer<'static>> {
    let all = CertificateDer::pem_slice_iter(pem.unwrap_or("").as_bytes());
    all.filter_map(Result::ok).collect()
}

/// A thumbprint in upper case, without what tools write between its digits.
pub(crate) fn bare_thumbprint(text: &str) -> String {
    text.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Secret;

    const CERTIFICATE: &str = include_str!("../tests/certificates/client.pem");
    const KEY: &str = include_str!("../tests/certificates/client.key");
    const THUMBPRINT: &str = "5111639BBF1E50464DE53F80CEE71EB929D8FFAE";

    #[test]
    fn certificate_and_key_belong_together() {
        let known = ClientCertificate::of_pem(CERTIFICATE, KEY).unwrap();
        assert_eq!(known.thumbprint, THUMBPRINT);
        assert_eq!(
            format!("{known:?}"),
            format!("ClientCertificate({THUMBPRINT})")
        );
        let both = format!("{CERTIFICATE}{KEY}");
        assert_eq!(
            ClientCertificate::of_file(both.as_bytes(), "").unwrap(),
            known
        );
        for algorithm in [
            &rcgen::PKCS_ECDSA_P256_SHA256,
            &rcgen::PKCS_ECDSA_P384_SHA384,
            &rcgen::PKCS_ED25519,
        ] {
            let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
            let own = rcgen::CertificateParams::new(vec![String::from("a.test")]).unwrap();
            let own = own.self_signed(&key).unwrap().pem();
            ClientCertificate::of_pem(&own, &key.serialize_pem()).unwrap();
            let why = ClientCertificate::of_pem(CERTIFICATE, &key.serialize_pem()).unwrap_err();
            assert_eq!(why, "has a private key of another certificate");
        }
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let why = |bytes: &[u8]| ClientCertificate::of_file(bytes, "").unwrap_err();
        assert_eq!(
            why(b""),
            "is neither PKCS #12 (PFX) nor PEM with a private key"
        );
        assert_eq!(
            why(b"\x30\x80"),
            "is neither PKCS #12 (PFX) nor PEM with a private key"
        );
        assert!(why(CERTIFICATE.as_bytes()).starts_with("has no private key"));
        assert_eq!(why(KEY.as_bytes()), "holds no certificate");
    }

    #[test]
    fn they_are_found_by_id_and_thumbprint() {
        let definition = |id: &str, key: Option<&str>| CertificateDefinition {
            span: None,
            workspace: None,
            id: Arc::from(id),
            certificate: Some(Arc::from(CERTIFICATE)),
            key: key.map(Secret::new),
        };
        let service = [definition("a", Some(KEY)), definition("b", None)];
        let all = ClientCertificates::new(&service, None);
        assert_eq!(all.by_id("a").unwrap().thumbprint, THUMBPRINT);
        assert_eq!(
            all.by_id("b").unwrap_err(),
            "certificate `b` has no private key"
        );
        assert_eq!(all.by_id("c").unwrap_err(), "there is no certificate `c`");
        let colons = "51:11:63:9b:bf:1e:50:46:4d:e5:3f:80:ce:e7:1e:b9:29:d8:ff:ae";
        assert!(all.by_thumbprint(colons).is_ok());
        assert!(all.by_thumbprint("51").is_err());
        let own = ClientCertificates::new(&[definition("b", Some(KEY))], Some(&all));
        assert!(own.by_id("a").is_ok() && own.by_id("b").is_ok());
    }
}
