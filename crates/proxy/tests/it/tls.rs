//! TLS towards callers and backends, and what is checked.

use crate::support::*;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};
use tollgate_engine::definition::BackendTls;
use tollgate_proxy::config::TlsFiles;

/// A self-signed certificate for a name: its PEM and its key's.
pub fn certificate(name: &str) -> (String, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec![String::from(name)]).unwrap();
    (cert.pem(), signing_key.serialize_pem())
}

/// Files in a folder that goes away with it.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        let name = format!("tollgate-proxy-{}", uuid::Uuid::new_v4());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A TLS server configuration with these protocols.
pub fn server_config(pem: &(String, String), alpn: &[&str]) -> Arc<rustls::ServerConfig> {
    let chain = CertificateDer::pem_slice_iter(pem.0.as_bytes())
        .collect::<Result<_, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_slice(pem.1.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// A certificate that is shown with a key, be it its own or not.
#[derive(Debug)]
struct Shown(Arc<rustls::sign::CertifiedKey>);

impl Shown {
    fn new(chain: Vec<CertificateDer<'static>>, key: &PrivateKeyDer<'static>) -> Shown {
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(key).unwrap();
        Shown(Arc::new(rustls::sign::CertifiedKey::new(chain, key)))
    }
}

impl rustls::client::ResolvesClientCert for Shown {
    fn resolve(
        &self,
        _: &[&[u8]],
        _: &[rustls::SignatureScheme],
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// A caller that trusts only this certificate.
pub async fn connect(
    address: std::net::SocketAddr,
    pem: &str,
    alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    connect_as(address, pem, alpn, None).await
}

/// The same, with a certificate of its own and the key that it signs with.
async fn connect_as(
    address: std::net::SocketAddr,
    pem: &str,
    alpn: &[&str],
    own: Option<(&str, &str)>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(root.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match own {
        Some((certificate, key)) => {
            let chain = CertificateDer::pem_slice_iter(certificate.as_bytes())
                .collect::<Result<_, _>>()
                .unwrap();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            config.with_client_cert_resolver(Arc::new(Shown::new(chain, &key)))
        }
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

#[tokio::test]
async fn callers_get_tls_and_new_certificates_on_reload() {
    let backend = Backend::echo().await;
    let (first, second) = (certificate("localhost"), certificate("localhost"));
    let folder = Folder::new();
    let files = TlsFiles {
        certificate: folder.write("tls.crt", &first.0),
        key: folder.write("tls.key", &first.1),
        negotiate_client_certificate: false,
    };
    let running = start(definition(&backend.url(), None), |c| {
        c.listeners[0].tls = Some(files);
    });
    let stream = connect(running.address, &first.0, &["http/1.1"])
        .await
        .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let mut wire = Wire::new(stream);
    assert_eq!(status(&wire.get("/api/x").await), 200);

    folder.write("tls.crt", "nonsense");
    let faults = running.gateway.reload_certificates().unwrap_err();
    assert!(faults[0].contains("tls.crt"), "{faults:?}");
    assert!(connect(running.address, &first.0, &[]).await.is_ok());

    folder.write("tls.crt", &second.0);
    folder.write("tls.key", &second.1);
    running.gateway.reload_certificates().unwrap();
    assert!(connect(running.address, &first.0, &[]).await.is_err());
    assert!(connect(running.address, &second.0, &[]).await.is_ok());
    assert_eq!(
        status(&wire.get("/api/x").await),
        200,
        "open connections stay"
    );
}

/// SHA-1 of a certificate, as `X509Certificate2.Thumbprint` writes it.
fn thumbprint(pem: &str) -> String {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &der);
    hash.as_ref().iter().map(|b| format!("{b:02X}")).collect()
}

const SEEN: &str = r#"<policies><inbound><base /><return-response>
    <set-status code="200" reason="OK" />
    <set-body>@(context.Request.Certificate?.Thumbprint ?? "none")</set-body>
</return-response></inbound></policies>"#;

#[tokio::test]
async fn a_policy_sees_the_certificate_that_a_caller_shows() {
    let backend = Backend::echo().await;
    let (own, server) = (certificate("caller"), certificate("localhost"));
    let folder = Folder::new();
    let listener = |negotiate| TlsFiles {
        certificate: folder.write("tls.crt", &server.0),
        key: folder.write("tls.key", &server.1),
        negotiate_client_certificate: negotiate,
    };
    let serve = |negotiate| {
        start(definition(&backend.url(), Some(SEEN)), |c| {
            c.listeners[0].tls = Some(listener(negotiate));
        })
    };
    let shown = Some((&*own.0, &*own.1));
    let said = async |address, own| {
        let stream = connect_as(address, &server.0, &["http/1.1"], own)
            .await
            .unwrap();
        let answer = Wire::new(stream).get("/api/x").await;
        assert_eq!(status(&answer), 200);
        String::from(body(&answer))
    };
    let running = serve(true);
    assert_eq!(said(running.address, shown).await, thumbprint(&own.0));
    assert_eq!(
        said(running.address, None).await,
        "none",
        "it may have none"
    );

    // A certificate whose key the caller does not have ends the handshake.
    let stolen = Some((&*own.0, &*server.1));
    let refused = match connect_as(running.address, &server.0, &["http/1.1"], stolen).await {
        Err(_) => true,
        // In TLS 1.3 the caller learns it with its first read.
        Ok(mut stream) => {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let _ = stream
                .write_all(b"GET /api/x HTTP/1.1\r\nhost: localhost\r\n\r\n")
                .await;
            !matches!(stream.read(&mut [0; 1]).await, Ok(1..))
        }
    };
    assert!(refused);

    let running = serve(false);
    assert_eq!(said(running.address, shown).await, "none", "nobody asked");
}

/// The status of a call to a backend whose certificate is for `name`, with these checks.
async fn call_with(name: &str, checks: impl FnOnce(&str) -> BackendTls) -> u16 {
    let pem = certificate(name);
    let config = server_config(&pem, &["http/1.1"]);
    let backend = Backend::serve(move |wire| {
        let config = config.clone();
        async move {
            let Ok(stream) = TlsAcceptor::from(config).accept(wire.stream).await else {
                return;
            };
            let mut wire = Wire::new(stream);
            while wire.message().await.is_some() {
                wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                    .await;
            }
        }
    })
    .await;
    let url = format!("https://localhost:{}", backend.address.port());
    let policy = backend_section(r#"<set-backend-service backend-id="tls" /><forward-request />"#);
    let definition = with_backend(definition(&url, Some(&policy)), &url, checks(&pem.0));
    let running = start(definition, |_| {});
    let mut wire = running.connect().await;
    let code = status(&wire.get("/api/x").await);
    if code == 200 {
        assert_eq!(status(&wire.get("/api/x").await), 200);
        assert_eq!(backend.accepted(), 1);
    }
    code
}

#[tokio::test]
async fn backends_are_checked_as_configured() {
    let checks = |chain, name| BackendTls {
        validate_chain: chain,
        validate_name: name,
        ca_pem: None,
    };
    let with_ca = |pem: &str, name| BackendTls {
        validate_chain: true,
        validate_name: name,
        ca_pem: Some(Arc::from(pem)),
    };
    assert_eq!(call_with("localhost", |pem| with_ca(pem, true)).await, 200);
    assert_eq!(call_with("elsewhere", |pem| with_ca(pem, true)).await, 500);
    assert_eq!(call_with("elsewhere", |pem| with_ca(pem, false)).await, 200);
    assert_eq!(call_with("localhost", |_| checks(true, true)).await, 500);
    assert_eq!(call_with("localhost", |_| checks(true, false)).await, 500);
    assert_eq!(call_with("localhost", |_| checks(false, true)).await, 200);
    assert_eq!(call_with("elsewhere", |_| checks(false, true)).await, 500);
    assert_eq!(call_with("elsewhere", |_| checks(false, false)).await, 200);
    let broken = |_: &str| {
        with_ca(
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            true,
        )
    };
    assert_eq!(call_with("localhost", broken).await, 500);
}

/// A certificate of a client that an authority has issued, and the authority's.
fn issued() -> ((String, String), String) {
    let mut root = rcgen::CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    root.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    root.distinguished_name
        .push(rcgen::DnType::CommonName, "An authority");
    let root_key = rcgen::KeyPair::generate().unwrap();
    let root_pem = root.self_signed(&root_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(root, root_key);
    let mut client = rcgen::CertificateParams::new(Vec::new()).unwrap();
    client.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    client
        .distinguished_name
        .push(rcgen::DnType::CommonName, "A caller");
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = client.signed_by(&key, &issuer).unwrap().pem();
    ((pem, key.serialize_pem()), root_pem)
}

const HELD_TO: &str = r#"<policies><inbound><base />
  <validate-client-certificate validate-revocation="false">
    <identities><identity common-name="A caller" /></identities>
  </validate-client-certificate>
</inbound></policies>"#;

#[tokio::test]
async fn a_listener_lets_in_whom_validate_client_certificate_knows() {
    let backend = Backend::echo().await;
    let server = certificate("localhost");
    let ((good, authority), (stranger, _)) = (issued(), issued());
    let own = certificate("A caller");
    let folder = Folder::new();
    let files = TlsFiles {
        certificate: folder.write("tls.crt", &server.0),
        key: folder.write("tls.key", &server.1),
        negotiate_client_certificate: true,
    };
    let mut definition = definition(&backend.url(), Some(HELD_TO));
    definition.gateway.client_authorities = Some(Arc::from(authority));
    let running = start(definition, |c| c.listeners[0].tls = Some(files));
    for alpn in ["http/1.1", "h2"] {
        for (shown, expected) in [
            (Some(&good), 200),
            (None, 401),
            // Of an authority that is not trusted; of none.
            (Some(&stranger), 403),
            (Some(&own), 403),
        ] {
            let pair = shown.map(|pair| (&*pair.0, &*pair.1));
            let stream = connect_as(running.address, &server.0, &[alpn], pair)
                .await
                .unwrap();
            let found = if alpn == "h2" {
                status_over_http2(stream).await
            } else {
                status(&Wire::new(stream).get("/api/x").await)
            };
            assert_eq!(found, expected, "{alpn} {shown:?}");
        }
    }
    assert_eq!(running.settled("answered"), 8);
    assert_eq!(backend.accepted(), 1, "only the known one came through");
}

async fn status_over_http2(stream: TlsStream<TcpStream>) -> u16 {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let shake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = shake.await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("https://localhost/api/x")
        .header("Ocp-Apim-Subscription-Key", KEY)
        .body(http_body_util::Empty::<bytes::Bytes>::new())
        .unwrap();
    soon(sender.send_request(request))
        .await
        .unwrap()
        .status()
        .as_u16()
}
