//! The certificate that the gateway shows to backends, and connections that are kept apart by it.

use crate::support::*;
use crate::tls::certificate;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tollgate_engine::definition::{
    BackendKind, BackendTls, CertificateDefinition, Definition, Secret,
};

/// A backend that wants a certificate of one of these, or answers those without one too. It says who came: the number of
/// the certificate among them, or `nobody`.
async fn backend(own: &(String, String), known: Vec<String>, required: bool) -> Backend {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let ders: Vec<CertificateDer<'static>> = known
        .iter()
        .map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
        .collect();
    let mut roots = rustls::RootCertStore::empty();
    for der in &ders {
        roots.add(der.clone()).unwrap();
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let verifier = if required {
        verifier.build()
    } else {
        verifier.allow_unauthenticated().build()
    };
    let chain = vec![CertificateDer::from_pem_slice(own.0.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(own.1.as_bytes()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.unwrap())
        .with_single_cert(chain, key)
        .unwrap();
    let (config, ders) = (Arc::new(config), Arc::new(ders));
    Backend::serve(move |wire| {
        let (config, ders) = (config.clone(), ders.clone());
        async move {
            let Ok(stream) = TlsAcceptor::from(config).accept(wire.stream).await else {
                return;
            };
            let shown = stream.get_ref().1.peer_certificates();
            let shown = shown.and_then(|c| ders.iter().position(|der| *der == c[0]));
            let who = shown.map_or(String::from("nobody"), |at| at.to_string());
            let mut wire = Wire::new(stream);
            while wire.message().await.is_some() {
                let length = who.len();
                wire.send(&format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{who}"
                ))
                .await;
            }
        }
    })
    .await
}

/// A client's certificate that signs itself, as a root of its own.
fn client() -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn with_certificates(mut definition: Definition, all: &[(String, String)]) -> Definition {
    for (at, (certificate, key)) in all.iter().enumerate() {
        definition.certificates.push(CertificateDefinition {
            workspace: None,
            span: None,
            id: Arc::from(format!("c{at}")),
            certificate: Some(Arc::from(certificate.as_str())),
            key: Some(Secret::new(key.as_str())),
        });
    }
    definition
}

const POLICY: &str = r#"<policies>
  <inbound>
    <set-backend-service backend-id="tls" />
    <choose><when condition="@(context.Request.Headers.ContainsKey("id"))"><authentication-certificate certificate-id="@(context.Request.Headers.GetValueOrDefault("id", ""))" /></when></choose>
    <base />
  </inbound>
</policies>"#;

/// What the backend says of a call with these headers; the status when it says nothing.
async fn who(wire: &mut Wire<tokio::net::TcpStream>, headers: &str) -> String {
    let request =
        get("/api/x").replace("host: gateway\r\n", &format!("host: gateway\r\n{headers}"));
    let answer = wire.call(&request).await;
    match status(&answer) {
        200 => body(&answer).to_owned(),
        code => code.to_string(),
    }
}

#[tokio::test]
async fn a_backend_sees_the_certificate_and_connections_are_kept_apart() {
    let own = certificate("localhost");
    let clients = [client(), client()];
    let known = clients.iter().map(|c| c.0.clone()).collect();
    let backend = backend(&own, known, false).await;
    let url = format!("https://localhost:{}", backend.address.port());
    let checks = BackendTls {
        ca_pem: Some(Arc::from(own.0.as_str())),
        ..BackendTls::default()
    };
    let definition = with_backend(definition(&url, Some(POLICY)), &url, checks);
    let running = start(with_certificates(definition, &clients), |_| {});
    let mut wire = running.connect().await;
    for _ in 0..2 {
        // Each finds its own connection again, and never that of another.
        assert_eq!(who(&mut wire, "").await, "nobody");
        assert_eq!(who(&mut wire, "id: c0\r\n").await, "0");
        assert_eq!(who(&mut wire, "id: c1\r\n").await, "1");
    }
    assert_eq!(backend.accepted(), 3);
    assert_eq!(who(&mut wire, "id: c2\r\n").await, "500");
}

#[tokio::test]
async fn a_backend_that_wants_one_gets_the_one_of_its_credentials() {
    let own = certificate("localhost");
    let clients = [client(), client()];
    let known = vec![clients[0].0.clone()];
    let backend = backend(&own, known, true).await;
    let url = format!("https://localhost:{}", backend.address.port());
    let checks = || BackendTls {
        ca_pem: Some(Arc::from(own.0.as_str())),
        ..BackendTls::default()
    };
    let without = with_backend(definition(&url, Some(POLICY)), &url, checks());
    let running = start(with_certificates(without, &clients), |_| {});
    let mut wire = running.connect().await;
    assert_eq!(who(&mut wire, "").await, "500", "it shows none");
    assert_eq!(who(&mut wire, "id: c0\r\n").await, "0");
    assert_eq!(who(&mut wire, "id: c1\r\n").await, "500", "a strange one");

    let mut with = with_backend(definition(&url, Some(POLICY)), &url, checks());
    if let BackendKind::Single(single) = &mut with.backends[0].kind {
        single.certificate_ids = vec![Arc::from("c0")];
    }
    let running = start(with_certificates(with, &clients), |_| {});
    let mut wire = running.connect().await;
    assert_eq!(who(&mut wire, "").await, "0");
}
