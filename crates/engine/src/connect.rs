//! How a connection to an upstream is made, beyond where it goes: the certificate that the gateway shows, the proxy between.
//!
//! Part of an [`Origin`], so that pools keep connections of different identities apart. What must stay true: a password
//! never prints; without either an origin has no options at all.

use crate::client_certificate::ClientCertificate;
use crate::services::Origin;
use crate::snapshot::BaseUrl;
use base64::Engine as _;
use http::HeaderValue;
use std::sync::Arc;

/// What a connection needs besides its origin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ConnectOptions {
    /// What the gateway shows when the server asks for a certificate.
    pub certificate: Option<Arc<ClientCertificate>>,
    /// The HTTP proxy that the connection goes through.
    pub proxy: Option<Arc<HttpProxy>>,
}

/// An HTTP proxy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HttpProxy {
    /// Its host.
    pub host: Arc<str>,
    /// Its port.
    pub port: u16,
    /// `Proxy-Authorization`, which is marked as sensitive.
    pub authorization: Option<HeaderValue>,
}

impl HttpProxy {
    /// A proxy by its URL, with the user and password of Basic authentication. The error says what is wrong.
    pub fn new(
        url: &str,
        username: Option<&str>,
        password: Option<&str>,
    ) -> Result<HttpProxy, String> {
        let uri: http::Uri = url.trim().parse().map_err(|e| format!("not a URL: {e}"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some(other) => {
                return Err(format!("a proxy is spoken to over `http`, not `{other}`"));
            }
            None => {
                return Err(String::from(
                    "expected an absolute URL such as http://proxy:3128",
                ));
            }
        }
        let authority = uri.authority().ok_or("the URL has no host")?;
        if authority.as_str().contains('@') {
            return Err(String::from(
                "the proxy's user stands in `username` and `password`",
            ));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(String::from("a proxy has no path"));
        }
        let username = username.unwrap_or("");
        let password = password.unwrap_or("");
        if username.contains('\\') {
            return Err(String::from(
                "a user of a domain is NTLM, which is not spoken",
            ));
        }
        if username.contains(':') {
            return Err(String::from("the user of a proxy cannot hold a colon"));
        }
        let authorization = (!username.is_empty() || !password.is_empty()).then(|| {
            let pair = format!("{username}:{password}");
            let coded = base64::engine::general_purpose::STANDARD.encode(pair);
            let mut value =
                HeaderValue::try_from(format!("Basic {coded}")).expect("Base64 is visible ASCII");
            value.set_sensitive(true);
            value
        });
        Ok(HttpProxy {
            host: Arc::from(
                authority
                    .host()
                    .trim_start_matches('[')
                    .trim_end_matches(']'),
            ),
            port: authority.port_u16().unwrap_or(80),
            authorization,
        })
    }
}

impl ConnectOptions {
    /// These in front of others: what is not said here is as there.
    pub fn over(&self, other: Option<&ConnectOptions>) -> ConnectOptions {
        let other = other.cloned().unwrap_or_default();
        ConnectOptions {
            certificate: self.certificate.clone().or(other.certificate),
            proxy: self.proxy.clone().or(other.proxy),
        }
    }

    /// `None` when they say nothing.
    pub fn some(self) -> Option<Arc<ConnectOptions>> {
        (self.certificate.is_some() || self.proxy.is_some()).then(|| Arc::new(self))
    }
}

impl Origin {
    /// The same origin, connected to in this way; what the options do not say stays.
    #[must_use]
    pub fn connected(&self, options: &ConnectOptions) -> Origin {
        let options = options.over(self.connect.as_deref()).some();
        self.with(options)
    }

    /// The same without the certificate, which is for the first host only: a redirect has named another.
    pub(crate) fn proxy_alone(&self) -> Option<Arc<ConnectOptions>> {
        let proxy = self.connect.as_ref()?.proxy.clone();
        let options = ConnectOptions {
            certificate: None,
            proxy,
        };
        options.some()
    }
}

impl BaseUrl {
    /// The same URL, connected to in this way.
    #[must_use]
    pub fn connected(&self, options: &ConnectOptions) -> BaseUrl {
        BaseUrl {
            origin: self.origin.connected(options),
            path: self.path.clone(),
            query: self.query.clone(),
            provider: self.provider.clone(),
            region: self.region.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_read_or_refused_with_the_reason() {
        let proxy = HttpProxy::new(" http://proxy.test:3128/ ", Some("u"), Some("p")).unwrap();
        assert_eq!((&*proxy.host, proxy.port), ("proxy.test", 3128));
        assert_eq!(proxy.authorization.as_ref().unwrap(), "Basic dTpw");
        assert!(!format!("{proxy:?}").contains("dTpw"));
        let proxy = HttpProxy::new("http://[::1]", None, None).unwrap();
        assert_eq!((&*proxy.host, proxy.port), ("::1", 80));
        assert_eq!(proxy.authorization, None);
        for (url, user) in [
            ("https://proxy.test", ""),
            ("proxy.test:3128", ""),
            ("http://u:p@proxy.test", ""),
            ("http://proxy.test/path", ""),
            ("http://proxy.test", "DOMAIN\\user"),
            ("http://proxy.test", "a:b"),
            ("", ""),
        ] {
            assert!(
                HttpProxy::new(url, Some(user), None).is_err(),
                "{url} {user}"
            );
        }
    }

    #[test]
    fn connections_of_other_options_are_other_origins() {
        let origin = Origin::new(None, "a.test", 80, "a.test");
        let proxy = Arc::new(HttpProxy::new("http://p.test", None, None).unwrap());
        let options = ConnectOptions {
            certificate: None,
            proxy: Some(proxy),
        };
        let through = origin.connected(&options);
        assert_ne!(through, origin);
        assert_ne!(through.key, origin.key);
        assert_eq!(through, origin.connected(&options));
        assert_eq!(through.connected(&ConnectOptions::default()), through);
        assert_eq!(through.with(None), origin);
    }
}
