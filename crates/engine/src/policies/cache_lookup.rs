//! `cache-lookup`: answers a GET with what `cache-store` kept for the same request.
//!
//! What must stay true: a request with credentials of its own is not answered from the cache unless the document says so;
//! a hit skips the backend and goes on in outbound behind `cache-store`.

use super::cache_lookup_value::CACHING_TYPE;
use crate::accounting;
use crate::compile::{
    Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::probe::tell_found;
use crate::response_cache::{Downstream, DownstreamKind, Key, Missed};
use crate::step::{Flow, Step};
use http::{Method, header};
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "cache-lookup",
    sections: Sections::INBOUND,
    scopes: Scopes::ALL,
    once: Once::PerSection,
    attributes: &[
        attribute(
            "vary-by-developer",
            Kind::Bool,
            "whether each user (of a subscription without one, each subscription) has answers of its own",
        )
        .required()
        .expression(),
        attribute(
            "vary-by-developer-groups",
            Kind::Bool,
            "whether users of different groups have different answers",
        )
        .required()
        .expression(),
        CACHING_TYPE,
        attribute(
            "downstream-caching-type",
            Kind::OneOf(&["none", "private", "public"]),
            "who may keep the answer on the way: nobody, the caller, or everybody",
        )
        .expression()
        .default("none"),
        attribute(
            "must-revalidate",
            Kind::Bool,
            "whether what was kept on the way must be asked for anew when it is stale",
        )
        .expression()
        .default("true"),
        attribute(
            "allow-private-response-caching",
            Kind::Bool,
            "whether requests with an `Authorization` header take part",
        )
        .expression()
        .default("false"),
    ],
    children: &[
        child("vary-by-header", Content::Text, "a header whose values have answers of their own"),
        child(
            "vary-by-query-parameter",
            Content::Text,
            "query parameters, with `;` between, whose values have answers of their own; without any, the whole query counts",
        ),
    ],
    content: Content::Empty,
    doc: "Answers a GET request with the answer that `cache-store` kept for the same API, path, query and what else it varies by. The backend is not called, and `outbound` goes on behind `cache-store`. The answer has an `Age`, and `Cache-Control` as `downstream-caching-type` says.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let developer = cx.arg(element, "vary-by-developer");
    let groups = cx.arg(element, "vary-by-developer-groups");
    let downstream = cx.arg(element, "downstream-caching-type");
    let must_revalidate = cx.arg(element, "must-revalidate");
    let private = cx.arg(element, "allow-private-response-caching");
    let headers = cx.contents(element, "vary-by-header");
    let parameters = cx.contents(element, "vary-by-query-parameter");
    cx.step(CacheLookup {
        developer: developer?,
        groups: groups?,
        downstream: downstream?,
        must_revalidate: must_revalidate?,
        private: private?,
        headers: headers?,
        parameters: parameters?,
    })
}

#[derive(Debug)]
struct CacheLookup {
    developer: Arg<bool>,
    groups: Arg<bool>,
    downstream: Arg<Str>,
    must_revalidate: Arg<bool>,
    private: Arg<bool>,
    headers: Vec<Arg<Str>>,
    parameters: Vec<Arg<Str>>,
}

impl CacheLookup {
    /// What to look for; nothing for a request that takes no part.
    fn request(&self, rq: &mut Exchange) -> Result<Option<Missed>, Box<Failure>> {
        if rq.request.original_method != Method::GET {
            return Ok(None);
        }
        if rq.request.headers.contains_key(header::AUTHORIZATION) && !self.private.get(rq)? {
            return Ok(None);
        }
        let mut key = Key::of(rq);
        self.vary_by_query(&mut key, rq)?;
        for name in &self.headers {
            let name = name.get(rq)?.trim().to_ascii_lowercase();
            key.line("header", &name);
            for value in rq.request.headers.get_all(name.as_str()) {
                // Any bytes: written so that different ones stay different.
                key.line("value", &value.as_bytes().escape_ascii().to_string());
            }
        }
        if self.developer.get(rq)? {
            match (rq.user(), rq.subscription()) {
                (Some(user), _) => key.line("user", &user.id),
                (None, Some(subscription)) => key.line("subscription", &subscription.id),
                (None, None) => {}
            }
        }
        if self.groups.get(rq)? {
            let mut groups: Vec<&Str> = rq
                .user()
                .map_or_else(Vec::new, |u| u.groups.iter().map(|(id, _)| id).collect());
            groups.sort();
            for group in groups {
                key.line("group", group);
            }
        }
        let kind = match &*self.downstream.get(rq)? {
            "private" => DownstreamKind::Private,
            "public" => DownstreamKind::Public,
            "none" => DownstreamKind::None,
            other => {
                return Err(Failure::internal(
                    "",
                    "",
                    format!(
                        "`{other}` is no `downstream-caching-type`: expected none, private or public."
                    ),
                ));
            }
        };
        let downstream = Downstream {
            kind,
            must_revalidate: self.must_revalidate.get(rq)?,
        };
        Ok(Some(Missed {
            key: Str::from(key.text()),
            downstream,
        }))
    }

    fn vary_by_query(&self, key: &mut Key, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let mut named: Vec<String> = Vec::new();
        for names in &self.parameters {
            let names = names.get(rq)?;
            let names = names.split(';').map(str::trim).filter(|n| !n.is_empty());
            named.extend(names.map(str::to_lowercase));
        }
        let query = rq.request.path_and_query.query().unwrap_or("");
        if self.parameters.is_empty() {
            key.line("query", query);
            return Ok(());
        }
        named.sort();
        named.dedup();
        for name in named {
            key.line("parameter", &name);
            for pair in query.split('&') {
                let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
                if crate::routing::decode_query(found).to_lowercase() == name {
                    key.line("value", value);
                }
            }
        }
        Ok(())
    }
}

impl Step for CacheLookup {
    fn run(&self, rq: &mut Exchange) -> Flow {
        let missed = match self.request(rq) {
            Ok(Some(missed)) => missed,
            Ok(None) => return Flow::Next,
            Err(failure) => return Flow::Fail(failure),
        };
        let now = rq.services.clock.unix_millis();
        let found = rq.services.responses.get(&missed.key, now);
        rq.after(found, move |rq, found| {
            tell_found(rq, &missed.key, found.is_some());
            match found {
                Some(cached) => {
                    let now = rq.services.clock.unix_millis();
                    rq.response = Some(cached.response(now, missed.downstream));
                    rq.behind = Some("cache-store");
                    rq.from_cache = true;
                    accounting::note_saved(rq);
                    Flow::Answered
                }
                None => {
                    rq.missed = Some(Box::new(missed));
                    Flow::Next
                }
            }
        })
    }

    fn may_wait(&self) -> bool {
        true
    }
}
