//! TLS towards backends: roots of the system, a backend's own roots, and the checks it asks for.
//!
//! Shared by all threads; asked only when a connection opens. What must stay true: without settings the chain and the
//! name are both checked; signatures of the handshake are always checked; roots of the system are read once.

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tollgate_engine::client_certificate::ClientCertificate;
use tollgate_engine::definition::BackendTls;

/// Most configurations kept; reloads with ever new roots start over.
const MOST_CONFIGS: usize = 256;

/// See [`Alpn::Tds7`].
const ONLY_TLS12: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS12];

/// Protocols offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Alpn {
    Http1,
    Both,
    Http2,
    /// SQL Server's handshake inside of its own packets: no protocol is offered, and there is nothing after TLS 1.2.
    Tds7,
    /// SQL Server's handshake before anything else.
    Tds8,
}

/// What a configuration is for: its checks, its protocols, the certificate that it shows.
type Wanted = (BackendTls, Alpn, Option<Arc<ClientCertificate>>);

/// Client configurations by what they check and show.
pub(crate) struct ClientTls {
    provider: Arc<CryptoProvider>,
    roots: OnceLock<Arc<RootCertStore>>,
    configs: Mutex<HashMap<Wanted, Arc<ClientConfig>>>,
}

impl ClientTls {
    /// No configuration yet.
    pub(crate) fn new() -> ClientTls {
        ClientTls {
            provider: Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
            roots: OnceLock::new(),
            configs: Mutex::default(),
        }
    }

    /// The configuration for these checks, with the certificate that is shown to a server that asks. The error says what is
    /// wrong with the roots.
    pub(crate) fn config(
        &self,
        checks: &BackendTls,
        alpn: Alpn,
        certificate: Option<&Arc<ClientCertificate>>,
    ) -> Result<Arc<ClientConfig>, String> {
        let wanted = (checks.clone(), alpn, certificate.cloned());
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = configs.get(&wanted) {
            return Ok(config.clone());
        }
        let config = Arc::new(self.build(&wanted)?);
        if configs.len() >= MOST_CONFIGS {
            configs.clear();
        }
        configs.insert(wanted, config.clone());
        Ok(config)
    }

    fn build(&self, (checks, alpn, certificate): &Wanted) -> Result<ClientConfig, String> {
        let roots = match &checks.ca_pem {
            None => self.system_roots(),
            Some(pem) => {
                let mut roots = RootCertStore::clone(&self.system_roots());
                for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                    let certificate =
                        certificate.map_err(|e| format!("the backend's CA is not PEM: {e}"))?;
                    roots
                        .add(certificate)
                        .map_err(|e| format!("the backend's CA cannot be used: {e}"))?;
                }
                Arc::new(roots)
            }
        };
        let chain = match (checks.validate_chain, roots.is_empty()) {
            (false, _) => None,
            (true, true) => {
                return Err(String::from(
                    "no trusted roots: install the system's CA certificates or name a CA for the backend",
                ));
            }
            (true, false) => Some(
                WebPkiServerVerifier::builder_with_provider(roots, self.provider.clone())
                    .build()
                    .map_err(|e| e.to_string())?,
            ),
        };
        let verifier = Verifier {
            chain,
            name: checks.validate_name,
            algorithms: self.provider.signature_verification_algorithms,
        };
        let config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(match alpn {
                Alpn::Tds7 => ONLY_TLS12,
                _ => rustls::DEFAULT_VERSIONS,
            })
            .map_err(|e| e.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match certificate {
            None => config.with_no_client_auth(),
            Some(own) => config
                .with_client_auth_cert(own.chain.clone(), own.key.clone_key())
                .map_err(|e| format!("the gateway's certificate cannot be used: {e}"))?,
        };
        config.alpn_protocols = match alpn {
            Alpn::Http1 => vec![b"http/1.1".to_vec()],
            Alpn::Both => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Alpn::Http2 => vec![b"h2".to_vec()],
            Alpn::Tds7 => Vec::new(),
            Alpn::Tds8 => vec![b"tds/8.0".to_vec()],
        };
        Ok(config)
    }

    fn system_roots(&self) -> Arc<RootCertStore> {
        let load = || {
            let mut roots = RootCertStore::empty();
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                tracing::warn!(%error, "some of the system's CA certificates were not read");
            }
            let (_, ignored) = roots.add_parsable_certificates(found.certs);
            if ignored > 0 {
                tracing::debug!(
                    ignored,
                    "CA certificates of the system that were not understood"
                );
            }
            Arc::new(roots)
        };
        self.roots.get_or_init(load).clone()
    }
}

/// Checks what the backend's settings ask for.
#[derive(Debug)]
struct Verifier {
    chain: Option<Arc<WebPkiServerVerifier>>,
    name: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(chain) = &self.chain {
            let verified = chain.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            );
            return match verified {
                // The name is looked at last: the chain was good.
                Err(Error::InvalidCertificate(
                    CertificateError::NotValidForName
                    | CertificateError::NotValidForNameContext { .. },
                )) if !self.name => Ok(ServerCertVerified::assertion()),
                verified => verified,
            };
        }
        if self.name {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            rustls::client::verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
