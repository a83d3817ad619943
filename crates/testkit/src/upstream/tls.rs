//! Certificates for TLS tests: a fresh authority and a certificate for loopback.
//!
//! Called by [`HttpUpstream`](super::HttpUpstream) and by tests that configure trust. What must
//! stay true: keys are generated per value and never written anywhere by this crate.

use std::io;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A test authority and a server certificate that it signed.
pub struct TestCertificates {
    authority: CertificateDer<'static>,
    authority_pem: String,
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key: PrivatePkcs8KeyDer<'static>,
    key_pem: String,
}

impl TestCertificates {
    /// For `localhost` and `127.0.0.1`.
    ///
    /// # Errors
    /// When the crypto library refuses.
    pub fn generate() -> io::Result<Self> {
        Self::for_names(&["localhost", "127.0.0.1", "::1"])
    }

    /// For these names and addresses.
    ///
    /// # Errors
    /// When a name is none or the crypto library refuses.
    pub fn for_names(names: &[&str]) -> io::Result<Self> {
        let mut params = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "tollgate test authority");
        let authority =
            CertifiedIssuer::self_signed(params, KeyPair::generate().map_err(io::Error::other)?);
        let authority = authority.map_err(io::Error::other)?;
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let params = CertificateParams::new(names).map_err(io::Error::other)?;
        let certificate = params
            .signed_by(&key, &authority)
            .map_err(io::Error::other)?;
        Ok(Self {
            authority: authority.der().clone(),
            authority_pem: authority.pem(),
            certificate: certificate.der().clone(),
            certificate_pem: certificate.pem(),
            key: PrivatePkcs8KeyDer::from(key.serialize_der()),
            key_pem: key.serialize_pem(),
        })
    }

    /// The authority's certificate, to be trusted.
    pub fn authority_der(&self) -> &CertificateDer<'static> {
        &self.authority
    }

    /// The authority's certificate as PEM.
    pub fn authority_pem(&self) -> &str {
        &self.authority_pem
    }

    /// The server's certificate as PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The server's private key as PEM (PKCS #8), for a test's own configuration files.
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// A server configuration that offers these protocols by ALPN.
    ///
    /// # Errors
    /// When the TLS library refuses the certificate.
    pub fn server_config(&self, alpn: &[&[u8]]) -> io::Result<ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::Pkcs8(self.key.clone_key());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], key)
            .map_err(io::Error::other)?;
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Ok(config)
    }
}
