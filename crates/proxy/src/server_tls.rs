//! Certificates of the listeners, swapped whole on reload.
//!
//! Callers are asked for theirs where the listener says so. What must stay true: a certificate that cannot be used is refused with its file and the running one stays; open
//! connections keep theirs.

mod client_certificate;

use crate::config::TlsFiles;
use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;

/// The certificate of one listener.
pub(crate) struct ServerTls {
    files: TlsFiles,
    current: ArcSwap<ServerConfig>,
}

impl ServerTls {
    /// Reads the files. The error names the file.
    pub(crate) fn read(files: TlsFiles) -> Result<ServerTls, String> {
        let current = ArcSwap::from(load(&files)?);
        Ok(ServerTls { files, current })
    }

    /// Reads them again.
    pub(crate) fn reload(&self) -> Result<(), String> {
        self.current.store(load(&self.files)?);
        Ok(())
    }

    /// For the next connection.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }
}

fn load(files: &TlsFiles) -> Result<Arc<ServerConfig>, String> {
    let wrong =
        |file: &std::path::Path, e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>())
        .map_err(|e| wrong(&files.certificate, &e))?;
    if chain.is_empty() {
        return Err(wrong(&files.certificate, &"there is no certificate in it"));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| wrong(&files.key, &e))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?;
    let config = if files.negotiate_client_certificate {
        config
            .with_client_cert_verifier(Arc::new(client_certificate::AnyCertificate::new(provider)))
    } else {
        config.with_no_client_auth()
    };
    let mut config = config
        .with_single_cert(chain, key)
        .map_err(|e| wrong(&files.certificate, &e))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
