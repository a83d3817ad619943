//! Certificates of the configuration: `certificate-id` of keys.
//!
//! Called when a snapshot is built. What must stay true: a private key is never printed, and serves decryption only.

use super::{DecryptionKey, Key};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::RsaKeyPair;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tollgate_lang::value::Str;

/// A certificate's public key, and its private key where it was given.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// SubjectPublicKeyInfo, DER.
    public: Vec<u8>,
    /// PKCS #8.
    private: Option<Private>,
}

#[derive(Clone)]
struct Private(Vec<u8>);

impl std::fmt::Debug for Private {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Private(…)")
    }
}

impl Certificate {
    /// Reads PEM texts; of a chain the first certificate counts. The error says what is wrong.
    pub fn parse(certificate: &str, key: Option<&str>) -> Result<Certificate, String> {
        let der = CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(|_| {
            String::from("holds no certificate: expected PEM with `BEGIN CERTIFICATE`")
        })?;
        let parsed = webpki::EndEntityCert::try_from(&der)
            .map_err(|e| format!("cannot be read as an X.509 certificate: {e}"))?;
        let private = key.map(private).transpose()?.flatten();
        Ok(Certificate {
            public: parsed.subject_public_key_info().as_ref().to_vec(),
            private,
        })
    }

    /// What verifies signatures; `None` when its type or size does not.
    pub fn verification_key(&self) -> Option<Key> {
        Key::from_spki(&self.public)
    }

    /// What decrypts tokens; `None` without an RSA private key.
    pub fn decryption_key(&self, id: Option<Str>) -> Option<DecryptionKey> {
        DecryptionKey::rsa(&self.private.as_ref()?.0, id)
    }
}

/// A private key that decrypts; `None` for one of a type that does not, which may serve TLS.
fn private(pem: &str) -> Result<Option<Private>, String> {
    let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| {
        String::from("has no private key: expected PEM with `BEGIN PRIVATE KEY`, not encrypted")
    })?;
    match der {
        PrivateKeyDer::Pkcs8(der) => Ok(Some(Private(der.secret_pkcs8_der().to_vec()))),
        PrivateKeyDer::Pkcs1(der) => {
            let pair = RsaKeyPair::from_der(der.secret_pkcs1_der())
                .map_err(|_| String::from("has a private key that is not RSA"))?;
            let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair)
                .map_err(|_| String::from("has a private key that cannot be used"))?;
            Ok(Some(Private(der.as_ref().to_vec())))
        }
        _ => Ok(None),
    }
}
