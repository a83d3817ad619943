//! The simulated OpenID Connect issuer: keys, discovery, signing and checking of tokens.
//!
//! Called by `identity` (mints), `auth` (checks) and the router (discovery, JWKS, rotation).
//! Signing is RS256 as Entra ID does, or ES256 on demand.
//! What must stay true: rotated keys stay published until they are withdrawn; private keys never
//! leave this file.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::billing::unix_millis;

/// Withdrawn and rotated keys that are kept at most.
const MAX_KEYS: usize = 16;

/// Which algorithm signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[default]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl SigningAlgorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// Which of Entra ID's two forms a token has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenVersion {
    /// `ver` 1.0: `appid`, `upn`, issuer `{url}/{tenant}/`.
    V1,
    /// `ver` 2.0: `azp`, `preferred_username`, issuer `{url}/{tenant}/v2.0`.
    V2,
}

/// How discovery and keys fail while the issuer is out of service; tokens are issued all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssuerOutage {
    /// They answer with this status.
    Status(u16),
    /// Their connections are reset.
    Reset,
}

/// Why no token could be made: the crypto library refused.
#[derive(Debug, thiserror::Error)]
#[error("the crypto library could not make or use a key")]
pub struct SigningError;

struct SigningKey {
    kid: String,
    pair: Pair,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ec(Box<EcdsaKeyPair>),
}

impl SigningKey {
    fn generate(algorithm: SigningAlgorithm) -> Result<Self, SigningError> {
        let pair = match algorithm {
            SigningAlgorithm::Rs256 => Pair::Rsa(Box::new(
                RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| SigningError)?,
            )),
            SigningAlgorithm::Es256 => Pair::Ec(Box::new(
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
                    .map_err(|_| SigningError)?,
            )),
        };
        let kid = BASE64_URL_SAFE_NO_PAD.encode(Uuid::new_v4().as_bytes());
        Ok(Self { kid, pair })
    }

    fn algorithm(&self) -> SigningAlgorithm {
        match self.pair {
            Pair::Rsa(_) => SigningAlgorithm::Rs256,
            Pair::Ec(_) => SigningAlgorithm::Es256,
        }
    }

    fn sign(&self, claims: &Value, kid: &str) -> Result<String, SigningError> {
        let header =
            json!({ "typ": "JWT", "alg": self.algorithm().name(), "kid": kid, "x5t": kid });
        let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(&header), encode(claims));
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &random,
                    message.as_bytes(),
                    &mut signature,
                )
                .map_err(|_| SigningError)?;
                signature
            }
            Pair::Ec(pair) => pair
                .sign(&random, message.as_bytes())
                .map_err(|_| SigningError)?
                .as_ref()
                .to_vec(),
        };
        Ok(format!(
            "{message}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(signature)
        ))
    }

    fn jwk(&self) -> Value {
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        match &self.pair {
            Pair::Rsa(pair) => {
                let (modulus, exponent) =
                    rsa_components(pair.public_key().as_ref()).unwrap_or_default();
                json!({ "kty": "RSA", "use": "sig", "kid": self.kid, "x5t": self.kid, "alg": "RS256",
                        "n": encode(modulus), "e": encode(exponent) })
            }
            Pair::Ec(pair) => {
                // Uncompressed point: 0x04, then x and y of 32 bytes each.
                let point = pair.public_key().as_ref();
                let (x, y) = (
                    point.get(1..33).unwrap_or_default(),
                    point.get(33..65).unwrap_or_default(),
                );
                json!({ "kty": "EC", "use": "sig", "kid": self.kid, "alg": "ES256", "crv": "P-256",
                        "x": encode(x), "y": encode(y) })
            }
        }
    }
}

/// Modulus and exponent out of a DER `RSAPublicKey` (RFC 8017, A.1.1), without leading zeros.
fn rsa_components(der: &[u8]) -> Option<(&[u8], &[u8])> {
    fn element<'a>(der: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
        let (&found, rest) = der.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first & 0x80 != 0 {
            let (bytes, after) = rest.split_at_checked(usize::from(first & 0x7f).min(4))?;
            length = bytes
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte));
            rest = after;
        }
        let (content, after) = rest.split_at_checked(length)?;
        *der = after;
        (found == tag).then_some(content)
    }
    fn trim(number: &[u8]) -> &[u8] {
        &number[number.iter().take_while(|byte| **byte == 0).count()..]
    }
    let mut der = der;
    let mut sequence = element(&mut der, 0x30)?;
    Some((
        trim(element(&mut sequence, 0x02)?),
        trim(element(&mut sequence, 0x02)?),
    ))
}

#[derive(Default)]
struct Keys {
    /// Newest last; all are published.
    published: Vec<Arc<SigningKey>>,
}

/// The issuer of one simulator.
pub(super) struct Issuer {
    url: String,
    tenant: String,
    lifetime: AtomicU64,
    keys: Mutex<Keys>,
    outage: Mutex<Option<IssuerOutage>>,
}

/// What `mint` is asked for beside the claims.
#[derive(Clone, Debug, Default)]
pub struct MintOptions {
    /// The algorithm.
    pub algorithm: SigningAlgorithm,
    /// Key identifier to write instead of the true one.
    pub kid: Option<String>,
    /// Sign with a key that is not published.
    pub unpublished_key: bool,
}

impl Issuer {
    pub(super) fn new(url: String, tenant: String, lifetime: Duration) -> Self {
        Self {
            url,
            tenant,
            lifetime: AtomicU64::new(lifetime.as_secs()),
            keys: Mutex::default(),
            outage: Mutex::default(),
        }
    }

    /// `iss` of the configured tenant.
    pub(super) fn name(&self) -> String {
        self.named(TokenVersion::V2)
    }

    /// `iss` of the configured tenant in tokens of a version.
    pub(super) fn named(&self, version: TokenVersion) -> String {
        let end = match version {
            TokenVersion::V1 => "",
            TokenVersion::V2 => "v2.0",
        };
        format!("{}/{}/{end}", self.url, self.tenant)
    }

    /// What discovery and keys run into.
    pub(super) fn outage(&self) -> Option<IssuerOutage> {
        *self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins or ends an outage.
    pub(super) fn set_outage(&self, outage: Option<IssuerOutage>) {
        *self.outage.lock().unwrap_or_else(PoisonError::into_inner) = outage;
    }

    /// How long tokens live, in seconds.
    pub(super) fn lifetime(&self) -> u64 {
        self.lifetime.load(Ordering::Relaxed)
    }

    /// Sets how long tokens live from now on.
    pub(super) fn set_lifetime(&self, lifetime: Duration) {
        self.lifetime.store(lifetime.as_secs(), Ordering::Relaxed);
    }

    /// The newest published key of an algorithm, made at first use.
    async fn key(&self, algorithm: SigningAlgorithm) -> Result<Arc<SigningKey>, SigningError> {
        if let Some(key) = self.newest(algorithm) {
            return Ok(key);
        }
        let key = first_key(algorithm).await?;
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let known = keys
            .published
            .iter()
            .rev()
            .find(|known| known.algorithm() == algorithm)
            .cloned();
        Ok(known.unwrap_or_else(|| {
            keys.published.push(Arc::clone(&key));
            key
        }))
    }

    fn newest(&self, algorithm: SigningAlgorithm) -> Option<Arc<SigningKey>> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.published
            .iter()
            .rev()
            .find(|key| key.algorithm() == algorithm)
            .cloned()
    }

    /// Publishes new keys; with `withdraw`, the old ones disappear at once.
    pub(super) async fn rotate(&self, withdraw: bool) -> Result<(), SigningError> {
        let rsa = generate(SigningAlgorithm::Rs256).await?;
        let ec = generate(SigningAlgorithm::Es256).await?;
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if withdraw {
            keys.published.clear();
        }
        keys.published.extend([rsa, ec]);
        let surplus = keys.published.len().saturating_sub(MAX_KEYS);
        keys.published.drain(..surplus);
        Ok(())
    }

    /// Stops publishing all but the newest key of each algorithm.
    pub(super) fn withdraw(&self) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let mut newest = Vec::new();
        for key in keys.published.drain(..).rev() {
            let algorithm = key.algorithm();
            if newest
                .iter()
                .all(|known: &Arc<SigningKey>| known.algorithm() != algorithm)
            {
                newest.push(key);
            }
        }
        newest.reverse();
        keys.published = newest;
    }

    /// `kid` of every published key, oldest first.
    pub(super) fn published(&self) -> Vec<String> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.published.iter().map(|key| key.kid.clone()).collect()
    }

    /// The JSON Web Key Set.
    pub(super) async fn jwks(&self) -> Result<Value, SigningError> {
        self.key(SigningAlgorithm::Rs256).await?;
        self.key(SigningAlgorithm::Es256).await?;
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(json!({ "keys": keys.published.iter().map(|key| key.jwk()).collect::<Vec<_>>() }))
    }

    /// The discovery document of a tenant. For `common` and its like the issuer is a pattern, as it is at Entra ID.
    pub(super) fn discovery(&self, tenant: &str, v2: bool) -> Value {
        let base = format!("{}/{tenant}", self.url);
        let tenant = match tenant {
            "common" | "organizations" | "consumers" => "{tenantid}",
            tenant => tenant,
        };
        let own = format!("{}/{tenant}", self.url);
        let (issuer, oauth, keys) = if v2 {
            (
                format!("{own}/v2.0"),
                format!("{base}/oauth2/v2.0"),
                format!("{base}/discovery/v2.0/keys"),
            )
        } else {
            (
                format!("{own}/"),
                format!("{base}/oauth2"),
                format!("{base}/discovery/keys"),
            )
        };
        json!({
            "token_endpoint": format!("{oauth}/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": keys,
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": issuer,
            "request_uri_parameter_supported": false,
            "authorization_endpoint": format!("{oauth}/authorize"),
            "end_session_endpoint": format!("{oauth}/logout"),
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "name", "tid", "ver",
                                 "at_hash", "c_hash", "email"],
            "tenant_region_scope": "NA",
            "cloud_instance_name": "microsoftonline.com"
        })
    }

    /// The discovery document of the root: a plain provider without tenants, for tokens whose `iss` is its URL.
    pub(super) fn plain_discovery(&self) -> Value {
        let url = &self.url;
        json!({
            "issuer": url,
            "jwks_uri": format!("{url}/discovery/keys"),
            "token_endpoint": format!("{url}/{}/oauth2/v2.0/token", self.tenant),
            "authorization_endpoint": format!("{url}/{}/oauth2/v2.0/authorize", self.tenant),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"]
        })
    }

    /// Signs claims as they are. `iss`, `iat`, `nbf` and `exp` are filled in where they are left
    /// out; a claim given as `null` is left out of the token.
    pub(super) async fn mint(
        &self,
        claims: Map<String, Value>,
        options: &MintOptions,
    ) -> Result<String, SigningError> {
        let key = if options.unpublished_key {
            generate(options.algorithm).await?
        } else {
            self.key(options.algorithm).await?
        };
        let now = unix_millis() / 1000;
        let mut all = Map::new();
        all.insert("iss".into(), self.name().into());
        for name in ["iat", "nbf"] {
            all.insert(name.into(), now.into());
        }
        all.insert("exp".into(), (now + self.lifetime()).into());
        all.extend(claims);
        all.retain(|_, value| !value.is_null());
        key.sign(
            &Value::Object(all),
            options.kid.as_deref().unwrap_or(&key.kid),
        )
    }

    /// The claims of a token that this issuer signed with a published key, for `audience` if
    /// given, and that is valid now; otherwise `None`.
    pub(super) fn verify(&self, token: &str, audience: Option<&str>) -> Option<Map<String, Value>> {
        let header = decode_header(token).ok()?;
        let kid = header.kid?;
        let key = {
            let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            keys.published.iter().find(|key| key.kid == kid).cloned()?
        };
        let jwk = key.jwk();
        let text = |name: &str| jwk[name].as_str().unwrap_or_default();
        let (algorithm, decoding) = match key.algorithm() {
            SigningAlgorithm::Rs256 => (
                Algorithm::RS256,
                DecodingKey::from_rsa_components(text("n"), text("e")),
            ),
            SigningAlgorithm::Es256 => (
                Algorithm::ES256,
                DecodingKey::from_ec_components(text("x"), text("y")),
            ),
        };
        let mut validation = Validation::new(algorithm);
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.set_issuer(&[self.name()]);
        match audience {
            Some(audience) => validation.set_audience(&[audience, &format!("{audience}/")]),
            None => validation.validate_aud = false,
        }
        let claims = decode::<Map<String, Value>>(token, &decoding.ok()?, &validation);
        claims.ok().map(|data| data.claims)
    }
}

async fn generate(algorithm: SigningAlgorithm) -> Result<Arc<SigningKey>, SigningError> {
    let key = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm)).await;
    key.map_err(|_| SigningError)?.map(Arc::new)
}

/// The first key of every simulator in this process: generating RSA keys is slow, and tests start
/// many simulators. Rotation makes fresh ones.
async fn first_key(algorithm: SigningAlgorithm) -> Result<Arc<SigningKey>, SigningError> {
    static FIRST: [OnceLock<Arc<SigningKey>>; 2] = [OnceLock::new(), OnceLock::new()];
    let slot = &FIRST[algorithm as usize];
    if let Some(key) = slot.get() {
        return Ok(Arc::clone(key));
    }
    let key = generate(algorithm).await?;
    Ok(Arc::clone(slot.get_or_init(|| key)))
}
