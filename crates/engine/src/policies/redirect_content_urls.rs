//! `redirect-content-urls`: links to the backend in a body become links to the gateway, and the other way round in `inbound`.
//!
//! Works on the text of the body, whatever its type, and therefore knows the ways in which JSON, HTML and queries write a
//! slash. What must stay true: only a link to the backend's own base URL changes, not one to a longer host, port or
//! path segment; the new link is written as the old one was.

use crate::body::coding::Coding;
use crate::compile::{Compile, Content, Once, PolicyDef, Scopes, Sections};
use crate::exchange::{BodyState, Exchange};
use crate::failure::Failure;
use crate::links::{Base, Links};
use crate::snapshot::{BackendKind, BaseUrl};
use crate::step::{Flow, Needs, Step};
use bytes::Bytes;
use tollgate_lang::document::Element;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "redirect-content-urls",
    sections: Sections::INBOUND.or(Sections::OUTBOUND),
    scopes: Scopes::ALL,
    once: Once::PerSection,
    attributes: &[],
    children: &[],
    content: Content::Empty,
    doc: "Rewrites links in the body: in `outbound` those to the backend lead to the API at the gateway, in `inbound` those to the API at the gateway lead to the backend. Headers such as `Location` stay.\n\nThe backend's base URL and the API's URL (`gateway.publicUrl`, or the host that the caller named, and the API's path) stand for each other; what follows stays. Links with their scheme and links that begin with `//` are found, with slashes as in text (`/`), JSON (`\\/`, `\\u002f`), HTML (`&#x2F;`, `&#47;`) and queries (`%2F`), and rewritten in the same spelling. Of a pool, `outbound` knows every member; `inbound` rewrites nothing, because no member is chosen yet.",
    compile,
};

fn compile(_element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let request_body = cx.section.on_request();
    cx.needs(Needs {
        request_body,
        response_body: !request_body,
    });
    cx.step(RedirectContentUrls)
}

#[derive(Debug)]
struct RedirectContentUrls;

/// The URL of the API as callers know it.
fn gateway(rq: &Exchange) -> Option<Base> {
    let api = &rq.request.path_and_query.path()[..rq.request.api_path_len];
    if let Some(public) = &rq.snapshot.gateway.public_url {
        let base = BaseUrl::parse(public, None).ok()?;
        return Some(Base::of(&base).with(api));
    }
    Some(Base::new(rq.request.scheme, &rq.request.authority, api))
}

/// The URLs that backends of this request have.
fn backends(rq: &Exchange) -> Vec<Base> {
    if let crate::exchange::TargetBase::Backend(index) = &rq.request.target.base
        && let BackendKind::Pool(pool) = &rq.snapshot.backend(*index).kind
    {
        if rq.section.on_request() {
            return Vec::new();
        }
        let members = pool.groups.iter().flat_map(|group| &group.members);
        let servers = members.filter_map(|(member, _)| rq.snapshot.server(*member));
        return servers.map(|server| Base::of(&server.url)).collect();
    }
    rq.base_url().iter().map(|url| Base::of(url)).collect()
}

impl RedirectContentUrls {
    /// The new body; `None` when it stays.
    fn body(rq: &mut Exchange) -> Result<Option<Bytes>, Box<Failure>> {
        let most = rq.snapshot.gateway.max_buffered_body;
        let (body, headers) = if rq.section.on_request() {
            (&rq.request.body, &rq.request.headers)
        } else {
            match &rq.response {
                Some(response) => (&response.body, &response.headers),
                None => return Ok(None),
            }
        };
        let BodyState::Buffered(bytes) = body else {
            return Ok(None);
        };
        let Some(plain) = Coding::of(headers).undo(bytes, most) else {
            return Ok(None);
        };
        let Some(gateway) = gateway(rq) else {
            return Ok(None);
        };
        let backends = backends(rq);
        let links = if rq.section.on_request() {
            // One at most.
            let backend = backends.into_iter().next();
            backend.map(|backend| Links::new(vec![gateway], backend))
        } else {
            (!backends.is_empty()).then(|| Links::new(backends, gateway))
        };
        let Some(links) = links else {
            return Ok(None);
        };
        links.rewritten(&plain, most).map_err(|length| {
            Failure::internal(
                "",
                "",
                format!("The body would grow to {length} bytes; a body may have {most} bytes."),
            )
        })
    }
}

impl Step for RedirectContentUrls {
    fn run(&self, rq: &mut Exchange) -> Flow {
        match RedirectContentUrls::body(rq) {
            Ok(Some(body)) => {
                rq.replace_body(body);
                Flow::Next
            }
            Ok(None) => Flow::Next,
            Err(failure) => Flow::Fail(failure),
        }
    }
}
