//! `validate-jwt` and `validate-azure-ad-token` as a step: where the token is, whose keys count, what it must say.
//!
//! Made by the two policies' `compile` functions with [`super::elements`]. What must stay true: a check with all keys
//! at hand does not wait and, for a token that was seen lately, does not allocate; a provider that cannot be reached
//! never lets a token pass, and is the gateway's fault (500), not the caller's.

use super::KeySet;
use super::check::{Keys, Unverified};
use super::elements::{ProviderUrl, RequiredClaim, SecretText, Skew};
use super::entra;
use super::jwe::DecryptionKey;
use super::refusal::Refusal;
use super::verified::Verified;
use crate::LocalBoxFuture;
use crate::compile::Arg;
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::routing::decode_query;
use crate::services::OpenIdProvider;
use crate::step::{Flow, Step};
use http::{HeaderName, HeaderValue, StatusCode, header};
use smallvec::SmallVec;
use std::rc::Rc;
use std::sync::Arc;
use tollgate_lang::value::Str;

type Failed<T> = Result<T, Box<Failure>>;
type Providers = SmallVec<[Arc<OpenIdProvider>; 2]>;

/// What the caller reads unless the document says otherwise and the token was there.
const INVALID: &str = "Invalid JWT.";

/// Where the token is.
#[derive(Debug)]
pub(crate) enum Place {
    Header(HeaderName),
    DynamicHeader(Arg<Str>),
    Query(Arg<Str>),
    Value(Arg<Str>),
}

/// Which issuers count.
#[derive(Debug)]
pub(crate) enum Issuers {
    /// These, and those of the providers. None of either: any.
    Listed(Vec<Arg<Str>>),
    /// Entra ID's for this tenant, v1 and v2.
    Entra(Arg<Str>),
}

/// Keys of the document that do not depend on the request, and those that do.
#[derive(Debug)]
pub(crate) struct OwnKeys {
    pub(crate) signing: Option<KeySet>,
    pub(crate) dynamic_signing: Vec<SecretText>,
    pub(crate) decryption: Vec<DecryptionKey>,
    pub(crate) dynamic_decryption: Vec<SecretText>,
}

/// The compiled element.
#[derive(Debug)]
pub(crate) struct Validation {
    pub(crate) place: Place,
    pub(crate) scheme: Option<Arg<Str>>,
    pub(crate) status: Arg<i64>,
    pub(crate) message: Option<Arg<Str>>,
    pub(crate) require_expiration: Arg<bool>,
    pub(crate) require_signed: Arg<bool>,
    pub(crate) skew: Arg<Skew>,
    pub(crate) variable: Option<Str>,
    pub(crate) providers: Vec<ProviderUrl>,
    pub(crate) keys: OwnKeys,
    pub(crate) issuers: Issuers,
    pub(crate) audiences: Vec<Arg<Str>>,
    /// Application ids that count as audiences, also as `api://ID`.
    pub(crate) backends: Vec<Arg<Str>>,
    /// Application ids of callers (`appid`, `azp`).
    pub(crate) clients: Vec<Arg<Str>>,
    pub(crate) claims: Vec<RequiredClaim>,
}

/// A token's text, borrowed from where it came.
enum Token {
    Header(HeaderValue, usize),
    Text(Str),
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Token::Header(value, start) => value
                .to_str()
                .ok()
                .and_then(|v| v.get(*start..))
                .unwrap_or_default()
                .trim(),
            Token::Text(text) => text.trim(),
        }
    }
}

/// What a check came to, besides failing.
enum Checked {
    Passed,
    Refused(Refusal),
    /// As refused, unless a provider has got a new key of this name.
    UnknownKey(Refusal, Option<String>),
}

impl Validation {
    /// The token; the inner `Err` is a refusal, the outer one a fault of the document.
    fn token(&self, rq: &mut Exchange) -> Failed<Result<Token, Refusal>> {
        let token = match &self.place {
            Place::Header(name) => {
                let name = name.clone();
                self.header(rq, &name)?
            }
            Place::DynamicHeader(arg) => {
                let text = arg.get(rq)?;
                let name = HeaderName::try_from(text.trim()).map_err(|_| {
                    Failure::internal("", "", format!("`{text}` is not a header name."))
                })?;
                self.header(rq, &name)?
            }
            Place::Query(arg) => {
                let name = arg.get(rq)?;
                let query = rq.request.path_and_query.query().unwrap_or_default();
                match parameter(query, &name) {
                    Parameter::Absent => Err(Refusal::not_present()),
                    Parameter::Several => Err(several()),
                    Parameter::One(text) => Ok(Token::Text(text)),
                }
            }
            Place::Value(arg) => Ok(Token::Text(arg.get(rq)?)),
        };
        Ok(token.and_then(|token| match token.text().is_empty() {
            true => Err(Refusal::not_present()),
            false => Ok(token),
        }))
    }

    fn header(&self, rq: &mut Exchange, name: &HeaderName) -> Failed<Result<Token, Refusal>> {
        let mut values = rq.request.headers.get_all(name).iter();
        let Some(value) = values.next() else {
            return Ok(Err(Refusal::not_present()));
        };
        if values.next().is_some() {
            // Whoever reads the request next may take another one than we would.
            return Ok(Err(several()));
        }
        let value = value.clone();
        let Ok(text) = value.to_str() else {
            return Ok(Err(Refusal::invalid("The token is not ASCII.")));
        };
        let blank = text.len() - text.trim_start().len();
        let scheme = text[blank..].find(' ').map(|end| &text[blank..blank + end]);
        let start = match (&self.scheme, scheme) {
            (Some(required), scheme) if *name == header::AUTHORIZATION => {
                let required = required.get(rq)?;
                match scheme {
                    Some(scheme) if scheme.eq_ignore_ascii_case(required.trim()) => {
                        blank + scheme.len()
                    }
                    _ => return Ok(Err(Refusal::not_present())),
                }
            }
            (_, Some(scheme)) => blank + scheme.len(),
            // A scheme without a token is no token.
            (_, None) if text.trim().eq_ignore_ascii_case("Bearer") => text.len(),
            (_, None) => blank,
        };
        Ok(Ok(Token::Header(value, start)))
    }

    /// The providers that are known by now, and whether these are all.
    fn cached(&self, rq: &mut Exchange) -> Failed<(Providers, bool)> {
        let (mut providers, mut all) = (Providers::new(), true);
        for url in &self.providers {
            let url = url.get(rq)?;
            match rq.services.providers.cached(&url) {
                Some(provider) => providers.push(provider),
                None => all = false,
            }
        }
        Ok((providers, all))
    }

    fn check(&self, rq: &mut Exchange, token: &Token, providers: &Providers) -> Failed<Checked> {
        let (mut signing, mut decryption) = (None, Vec::new());
        if !self.keys.dynamic_signing.is_empty() {
            let keys = self.keys.dynamic_signing.iter();
            let keys = keys.map(|k| k.signing(rq)).collect::<Failed<Vec<_>>>()?;
            signing = Some(KeySet::new(keys));
        }
        for key in &self.keys.dynamic_decryption {
            decryption.push(key.decryption(rq)?);
        }
        let keys = Keys {
            own: self.keys.signing.iter().chain(&signing).collect(),
            providers,
            decryption: SmallVec::from_iter([&self.keys.decryption[..], &decryption[..]]),
            require_signed: self.require_signed.get(rq)?,
        };
        let verified = match keys.verify(token.text(), &rq.services.verified_tokens) {
            Ok(verified) => verified,
            Err(Unverified::Refused(refusal)) => return Ok(Checked::Refused(refusal)),
            Err(Unverified::UnknownKey(refusal, kid)) => {
                return Ok(Checked::UnknownKey(refusal, kid));
            }
        };
        if let Err(refusal) = self.claims(rq, &verified, providers)? {
            return Ok(Checked::Refused(refusal));
        }
        if let Some(variable) = &self.variable {
            rq.set_variable(variable, verified.value());
        }
        Ok(Checked::Passed)
    }

    fn claims(
        &self,
        rq: &mut Exchange,
        verified: &Rc<Verified>,
        providers: &Providers,
    ) -> Failed<Result<(), Refusal>> {
        let claims = &verified.claims;
        let (skew, required) = (self.skew.get(rq)?, self.require_expiration.get(rq)?);
        let now = rq.services.clock.unix_millis() as f64;
        let lifetime = claims.check_lifetime(now, skew.0.as_millis() as f64, required);
        if let Err(refusal) = lifetime {
            return Ok(Err(refusal));
        }
        if !self.audience(rq, verified)? {
            return Ok(Err(Refusal::audience(&claims.audiences)));
        }
        if !self.issuer(rq, verified, providers)? {
            return Ok(Err(Refusal::issuer(claims.issuer.as_deref())));
        }
        if !self.clients.is_empty()
            && let Err(refusal) = self.client(rq, verified)?
        {
            return Ok(Err(refusal));
        }
        RequiredClaim::check(&self.claims, rq, claims)
    }

    fn audience(&self, rq: &mut Exchange, verified: &Verified) -> Failed<bool> {
        if self.audiences.is_empty() && self.backends.is_empty() {
            return Ok(true);
        }
        let found = &verified.claims.audiences;
        for allowed in &self.audiences {
            let allowed = allowed.get(rq)?;
            if found.iter().any(|a| same_audience(a, &allowed)) {
                return Ok(true);
            }
        }
        for id in &self.backends {
            let id = id.get(rq)?;
            let is = |a: &Str| {
                let bare = a.strip_prefix("api://").unwrap_or(a);
                !id.is_empty() && bare.eq_ignore_ascii_case(&id)
            };
            if found.iter().any(is) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn issuer(
        &self,
        rq: &mut Exchange,
        verified: &Verified,
        providers: &Providers,
    ) -> Failed<bool> {
        let claims = &verified.claims;
        let listed = match &self.issuers {
            // By what the document says, not by what could be reached: a provider that is away switches no check off.
            Issuers::Listed(listed) if listed.is_empty() && self.providers.is_empty() => {
                return Ok(true);
            }
            Issuers::Listed(listed) => listed,
            Issuers::Entra(tenant) => {
                let tenant = tenant.get(rq)?;
                return Ok(providers
                    .iter()
                    .any(|p| entra::issued(verified, p, Some(&tenant))));
            }
        };
        let Some(issuer) = claims.issuer.as_ref().filter(|i| !i.is_empty()) else {
            return Ok(false);
        };
        let mut allowed = false;
        for text in listed {
            allowed = allowed || text.get(rq)? == *issuer;
        }
        // The document's own keys, and nobody where it asks for none, may speak for all issuers.
        let own = verified
            .generation
            .is_none_or(|g| providers.iter().all(|p| p.keys.generation() != g));
        let named = |p: &Arc<OpenIdProvider>| p.issuer == *issuer;
        if own {
            return Ok(allowed
                || providers.iter().any(named)
                || listed.is_empty()
                    && providers.iter().any(|p| entra::template_fits(verified, p)));
        }
        // A provider vouches for its own issuer only, listed or not (RFC 8725 §3.8).
        let vouch = |p: &&Arc<OpenIdProvider>| {
            let key = verified.key_in(&p.keys);
            key.is_some_and(|key| entra::key_fits(verified, p, key))
        };
        let mut vouching = providers.iter().filter(vouch);
        // Whose issuer a listed one is, is known when all are: else it may be that of the one that is away.
        let all = providers.len() == self.providers.len();
        if allowed && all && !providers.iter().any(named) {
            return Ok(vouching.next().is_some());
        }
        Ok(vouching.any(|p| {
            // A template stands for every tenant: only for those that the document names, if it names any.
            named(p) || (allowed || listed.is_empty()) && entra::template_fits(verified, p)
        }))
    }

    fn client(&self, rq: &mut Exchange, verified: &Verified) -> Failed<Result<(), Refusal>> {
        // v1 tokens name the caller's application `appid`, v2 tokens `azp`.
        let named = ["appid", "azp"]
            .into_iter()
            .find_map(|name| Some((name, verified.claims.texts(name).first()?)));
        let Some((name, client)) = named else {
            return Ok(Err(Refusal::claims_missing(&["appid"])));
        };
        for allowed in &self.clients {
            if allowed.get(rq)?.eq_ignore_ascii_case(client) {
                return Ok(Ok(()));
            }
        }
        Ok(Err(Refusal::claim_value(name, client)))
    }

    /// A refusal as the document words it.
    fn refuse(&self, rq: &mut Exchange, refusal: Refusal) -> Box<Failure> {
        let public = match &self.message {
            Some(message) => message.get(rq).map(|m| m.to_string().into()),
            None if refusal.reason == "TokenNotPresent" => Ok(refusal.message.clone()),
            None => Ok(INVALID.into()),
        };
        let (code, public) = match (self.status.get(rq), public) {
            (Ok(code), Ok(public)) => (code, public),
            (Err(failure), _) | (_, Err(failure)) => return failure,
        };
        let status = u16::try_from(code)
            .ok()
            .filter(|c| *c >= 200)
            .and_then(|c| StatusCode::from_u16(c).ok());
        match status {
            Some(status) => {
                Failure::refused("", refusal.reason, status, refusal.message).public(public)
            }
            None => Failure::internal(
                "",
                "",
                format!("`{code}` is not a status code from 200 to 999."),
            ),
        }
    }

    /// The check with providers fetched where that is needed.
    async fn fetched(&self, rq: &mut Exchange) -> Failed<()> {
        let token = match self.token(rq)? {
            Ok(token) => token,
            Err(refusal) => return Err(self.refuse(rq, refusal)),
        };
        // Nobody is asked for the sake of what is no token.
        if let Err(refusal) = super::token::Compact::cut(token.text()) {
            return Err(self.refuse(rq, refusal));
        }
        let services = rq.services.clone();
        let (mut urls, mut providers) = (Vec::new(), Providers::new());
        let mut unreachable: Option<String> = None;
        for url in &self.providers {
            let url = url.get(rq)?;
            let provider = match services.providers.cached(&url) {
                Some(provider) => Ok(provider),
                None => services.providers.fetch(&url).await,
            };
            match provider {
                Ok(provider) => {
                    urls.push(url);
                    providers.push(provider);
                }
                Err(why) => unreachable = Some(format!("{url}: {why}")),
            }
        }
        let mut checked = self.check(rq, &token, &providers)?;
        if let Checked::UnknownKey(_, kid) = checked {
            for (url, provider) in urls.iter().zip(&mut providers) {
                let newest = services
                    .providers
                    .unknown_key(url, kid.as_deref(), provider)
                    .await;
                match newest {
                    Ok(newest) => *provider = newest,
                    Err(why) => unreachable = Some(format!("{url}: {why}")),
                }
            }
            checked = self.check(rq, &token, &providers)?;
        }
        match (checked, unreachable) {
            (Checked::Passed, _) => Ok(()),
            // What the missing provider might have mended is not the token's fault.
            (Checked::Refused(refusal) | Checked::UnknownKey(refusal, _), Some(why))
                if matches!(
                    refusal.reason,
                    "TokenSignatureKeyNotFound" | "TokenSignatureInvalid" | "TokenIssuerNotAllowed"
                ) =>
            {
                Err(Failure::internal(
                    "",
                    "OpenIdConfigurationFailure",
                    format!("IDX20803: Unable to obtain configuration from {why}"),
                ))
            }
            (Checked::Refused(refusal) | Checked::UnknownKey(refusal, _), _) => {
                Err(self.refuse(rq, refusal))
            }
        }
    }

    /// The check with what is known; `None` when it has to wait.
    fn known(&self, rq: &mut Exchange) -> Failed<Option<()>> {
        let token = match self.token(rq)? {
            Ok(token) => token,
            Err(refusal) => return Err(self.refuse(rq, refusal)),
        };
        // What one provider vouches for does not wait for another that is away.
        let (providers, all) = self.cached(rq)?;
        match self.check(rq, &token, &providers)? {
            Checked::Passed => Ok(Some(())),
            Checked::Refused(refusal) if all => Err(self.refuse(rq, refusal)),
            Checked::Refused(_) | Checked::UnknownKey(..) => Ok(None),
        }
    }
}

impl Step for Validation {
    fn run(&self, rq: &mut Exchange) -> Flow {
        match self.known(rq) {
            Ok(Some(())) => Flow::Next,
            Ok(None) => Flow::Wait,
            Err(failure) => Flow::Fail(failure),
        }
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(async move { self.fetched(rq).await.into() })
    }

    fn may_wait(&self) -> bool {
        !self.providers.is_empty()
    }
}

/// As API Management's library compares: exactly, but for one slash at the end.
fn same_audience(found: &str, allowed: &str) -> bool {
    let bare = |a: &'_ str| a.strip_suffix('/').unwrap_or(a).len();
    !allowed.is_empty() && found.get(..bare(found)) == allowed.get(..bare(allowed))
}

fn several() -> Refusal {
    Refusal::invalid("The request holds more than one token in the place where one is expected.")
}

enum Parameter {
    Absent,
    One(Str),
    Several,
}

/// A query parameter by its name, decoded.
fn parameter(query: &str, name: &str) -> Parameter {
    let mut found = query.split('&').filter_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let named = decode_query(key).eq_ignore_ascii_case(name);
        named.then(|| Str::from(decode_query(value)))
    });
    match (found.next(), found.next()) {
        (None, _) => Parameter::Absent,
        (Some(value), None) => Parameter::One(value),
        (Some(_), Some(_)) => Parameter::Several,
    }
}

#[cfg(test)]
mod tests {
    use super::same_audience;

    #[test]
    fn audiences_compare_but_for_a_last_slash() {
        assert!(same_audience("https://a/", "https://a"));
        assert!(same_audience("https://a", "https://a/"));
        assert!(same_audience("api", "api"));
        assert!(!same_audience("api//", "api"));
        assert!(!same_audience("API", "api"));
        assert!(!same_audience("", ""));
        assert!(!same_audience("/", ""));
    }
}
