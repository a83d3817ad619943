//! Certificates of the configuration as expressions see them.

use std::sync::Arc;
use tollgate_engine::definition::{CertificateDefinition, Secret};
use tollgate_engine::fixture::{Setup, run};

const CERTIFICATE: &str = include_str!("../certificates/client.pem");
const KEY: &str = include_str!("../certificates/client.key");

const FIXTURE: &str = r#"
-- case a certificate by its id, with its key
-- policy.xml
<inbound>
  <return-response>
    <set-header name="count"><value>@(context.Deployment.Certificates.Count())</value></set-header>
    <set-header name="subject"><value>@(context.Deployment.Certificates["client"].Subject)</value></set-header>
    <set-header name="known"><value>@(context.Deployment.Certificates.Any(c => c.Value.Thumbprint == "THUMBPRINT"))</value></set-header>
    <set-header name="other"><value>@(context.Deployment.Certificates.ContainsKey("other"))</value></set-header>
    <set-header name="signs"><value>@{
      var certificate = context.Deployment.Certificates["client"];
      var data = Encoding.UTF8.GetBytes("text");
      var signature = certificate.GetRSAPrivateKey().SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
      return certificate.GetRSAPublicKey().VerifyData(data, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
    }</value></set-header>
    <set-header name="caller"><value>@(context.Request.Certificate == null || !context.Request.Certificate.Verify() ? "none" : "one")</value></set-header>
    <set-header name="trusted"><value>@(context.Deployment.Certificates["client"].Verify())</value></set-header>
  </return-response>
</inbound>
-- send GET /
-- expect 200
count: 1
subject: CN=client.example, OU="Team, One", O=Example Org, C=DE
known: True
other: False
signs: True
caller: none
trusted: False
"#;

#[test]
fn certificates_of_the_configuration_are_there() {
    let mut setup = Setup::default();
    setup.definition.certificates.push(CertificateDefinition {
        workspace: None,
        span: None,
        id: Arc::from("client"),
        certificate: Some(Arc::from(CERTIFICATE)),
        key: Some(Secret::new(KEY)),
    });
    let text = FIXTURE.replace("THUMBPRINT", "5111639BBF1E50464DE53F80CEE71EB929D8FFAE");
    for outcome in run(&text, &setup) {
        assert_eq!(outcome.fault, None, "{}", outcome.title);
    }
}
