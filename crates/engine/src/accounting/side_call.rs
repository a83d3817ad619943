//! Model calls that policies make beside the caller's own: a semantic cache's embeddings, requests of documents.
//!
//! Made by `llm_call::embed`, `side_request` and `invoke-request`. What must stay true: each has an intent before it goes
//! out and one settlement, whatever becomes of it, also when nobody waits for it any more; it draws from the budgets of
//! the call that it is made for. It holds nothing of the exchange, so it may outlive it.

use super::ledger::within;
use super::record::{self, owned_dimensions};
use super::{OnFailure, is_free, refusal, tags};
use crate::body::{Body, BodyError};
use crate::budget::{Beside, beside};
use crate::exchange::{AttemptEnd, Exchange};
use crate::failure::Failure;
use crate::llm_call::LlmCall;
use crate::pricing::{Charge, Paid};
use crate::services::{SendError, Services};
use crate::snapshot::{BackendIndex, BaseUrl, Server, Snapshot};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body::{Frame, SizeHint};
use std::borrow::Cow;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tollgate_lang::value::Str;
use tollgate_state::budgets::Amount;
use tollgate_state::ledger::{Call, EndReason, Flags, Intent, Record, Settlement, Synced, Tokens};

/// What such a call is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The vector of a prompt, for a semantic cache.
    EmbeddingCache,
    /// `send-request`.
    SendRequest,
    /// `send-one-way-request`.
    SendOneWayRequest,
    /// `invoke-request`.
    InvokeRequest,
    /// A response of a Realtime API's session.
    RealtimeResponse,
}

impl Purpose {
    /// Its name in the ledger and in reports.
    fn as_str(self) -> &'static str {
        match self {
            Purpose::EmbeddingCache => "embedding_cache",
            Purpose::SendRequest => "send_request",
            Purpose::SendOneWayRequest => "send_one_way_request",
            Purpose::InvokeRequest => "invoke_request",
            Purpose::RealtimeResponse => "realtime_response",
        }
    }
}

/// Where such a call goes.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The server's URL.
    pub(crate) url: &'a BaseUrl,
    /// The backend, where it is one of the configuration's.
    pub(crate) server: Option<(&'a Server, BackendIndex)>,
}

/// Such a call, from before it goes out until its answer has been read.
pub(crate) struct SideCall {
    services: Rc<Services>,
    snapshot: Arc<Snapshot>,
    call: Call<'static>,
    llm: LlmCall,
    paid: Paid,
    held: Option<tollgate_state::budgets::Reservation>,
    reserved: Amount,
    /// The disk, where the configuration wants the intent on it.
    synced: Option<Synced>,
    no_intent: bool,
    began_nanos: u64,
    timeout: Duration,
    /// Whether it went out.
    sent: bool,
    status: u16,
    /// Whether a meter is on its answer.
    metered: bool,
    settled: bool,
}

impl SideCall {
    /// Admits a request when it is a model call and something counts it: its budgets, then the ledger. `body` becomes the
    /// body to send where strict accounting bounds it.
    ///
    /// # Errors
    /// It does not fit in its budgets, or the ledger cannot be written and calls do not go on without it.
    pub(crate) fn begin(
        rq: &mut Exchange,
        purpose: Purpose,
        place: Place<'_>,
        (method, path): (&Method, &str),
        body: &mut Bytes,
        timeout: Duration,
    ) -> Result<Option<Box<SideCall>>, Box<Failure>> {
        if !is_counted(rq) {
            return Ok(None);
        }
        let Some(mut llm) = LlmCall::of_side_request(method, path, body) else {
            return Ok(None);
        };
        let server = place.server.map(|(server, _)| server);
        let backend = place.server.map(|(_, backend)| backend);
        let paid = Paid::of_call(Some(place.url), server, Some(&llm));
        let drawn = beside(rq, &mut llm, &paid, backend)?;
        if let Some(bounded) = llm.bounded(body, true) {
            *body = bounded;
        }
        Self::admit(rq, purpose, llm, (paid, backend, drawn), timeout).map(Some)
    }

    /// The same of a response that the model begins in a session of a Realtime API. What it will use is not known.
    ///
    /// # Errors
    /// Its budgets have nothing left, or the ledger cannot be written and calls do not go on without it.
    pub(crate) fn in_session(
        rq: &mut Exchange,
        model: &Str,
    ) -> Result<Option<Box<SideCall>>, Box<Failure>> {
        if !is_counted(rq) {
            return Ok(None);
        }
        let (mut llm, paid, backend) = response(rq, model);
        let drawn = beside(rq, &mut llm, &paid, backend)?;
        let purpose = Purpose::RealtimeResponse;
        let way = (paid, backend, drawn);
        let mut side = Self::admit(rq, purpose, llm, way, Duration::MAX)?;
        // The model is at work already; what becomes of the intent on the disk is waited for by nobody.
        side.synced = None;
        (side.sent, side.status) = (true, StatusCode::SWITCHING_PROTOCOLS.as_u16());
        Ok(Some(side))
    }

    /// Whether the budgets have anything left for a response.
    ///
    /// # Errors
    /// They have not.
    pub(crate) fn fits(rq: &mut Exchange, model: &Str) -> Result<(), Box<Failure>> {
        let (mut llm, paid, backend) = response(rq, model);
        beside(rq, &mut llm, &paid, backend).map(drop)
    }

    /// A response has ended, and the provider said what it used.
    pub(crate) fn reported(
        mut self: Box<Self>,
        usage: Option<tollgate_llm::Usage>,
        end: EndReason,
    ) {
        (self.llm.usage, self.llm.end) = (usage, end);
        self.settle(None);
    }

    fn admit(
        rq: &mut Exchange,
        purpose: Purpose,
        llm: LlmCall,
        (paid, backend, drawn): (Paid, Option<BackendIndex>, Option<Beside>),
        timeout: Duration,
    ) -> Result<Box<SideCall>, Box<Failure>> {
        let (budgets, held) = match drawn {
            Some(Beside { budgets, held }) => (budgets, Some(held)),
            None => (Vec::new(), None),
        };
        let services = rq.services.clone();
        let id = services.ledger.as_ref().map_or(0, |l| l.another_id(rq.id));
        if rq.ledger_tags.is_empty() {
            // The caller's call is not admitted yet, or has none.
            tags::note(rq);
        }
        let mut call = owned_dimensions(rq);
        call.id = id;
        call.parent = rq.accounting.as_ref().map_or(rq.id, |parent| parent.id);
        call.purpose = Cow::Borrowed(purpose.as_str());
        call.admitted_ms = services.clock.unix_millis();
        call.backend = Cow::Owned(backend.map_or_else(String::new, |backend| {
            rq.snapshot.backend(backend).id.to_string()
        }));
        call.model = Cow::Owned(llm.model.as_deref().unwrap_or_default().to_owned());
        call.deployment = Cow::Owned(llm.deployment.as_deref().unwrap_or_default().to_owned());
        call.stream = llm.stream;
        call.budgets = budgets.into_iter().map(Cow::Owned).collect();
        let mut side = SideCall {
            began_nanos: services.clock.monotonic_nanos(),
            services,
            snapshot: rq.snapshot.clone(),
            call,
            llm,
            reserved: held
                .as_ref()
                .map_or_else(Amount::default, |held| held.amount()),
            held,
            paid,
            synced: None,
            no_intent: false,
            timeout,
            sent: false,
            status: 0,
            metered: false,
            settled: false,
        };
        side.write_intent()?;
        Ok(Box::new(side))
    }

    fn write_intent(&mut self) -> Result<(), Box<Failure>> {
        let Some(ledger) = self.services.ledger.clone() else {
            return Ok(());
        };
        let intent = Intent {
            call: record::paid(self.call.clone(), &self.paid),
            estimate: record::estimate(Some(&self.llm)),
            reserved_tokens: record::fitting(self.reserved.tokens),
            reserved_pico: self.reserved.pico,
        };
        match ledger.admit(&Record::Intent(intent)) {
            Ok(synced) => self.synced = synced,
            Err(_) if ledger.options().on_failure == OnFailure::Degrade => {
                ledger.count_unrecorded();
                self.no_intent = true;
            }
            Err(_) => {
                // Nothing is there, so there is nothing to end.
                self.settled = true;
                ledger.count_refused();
                return Err(refusal());
            }
        }
        Ok(())
    }

    /// Waits for the disk where the configuration wants it; then the call may go out.
    ///
    /// # Errors
    /// The disk did not take the intent in time, and calls do not go on without it.
    pub(crate) async fn admitted(&mut self) -> Result<(), Box<Failure>> {
        if let (Some(synced), Some(ledger)) = (self.synced.take(), self.services.ledger.clone()) {
            let options = ledger.options();
            let deadline = self.services.clock.sleep(options.sync_timeout);
            if within(synced, deadline).await.is_err() {
                if options.on_failure == OnFailure::Refuse {
                    ledger.count_refused();
                    self.settle(Some(EndReason::PolicyRejection));
                    return Err(refusal());
                }
                ledger.count_unrecorded();
            }
        }
        self.sent = true;
        Ok(())
    }

    /// There is no answer.
    pub(crate) fn failed(mut self: Box<Self>, error: &SendError) {
        self.sent &= !matches!(error, SendError::Request(_));
        self.settle(Some(match error {
            SendError::Timeout(_) => EndReason::Timeout,
            _ => EndReason::UpstreamError,
        }));
    }

    /// The same, by how the hop to a backend ended; `None`: it was not made.
    pub(crate) fn unanswered(mut self: Box<Self>, end: Option<AttemptEnd>) {
        self.sent &= end.is_some_and(|end| end != AttemptEnd::NotSent);
        self.settle(Some(match end {
            Some(AttemptEnd::TimedOut) => EndReason::Timeout,
            Some(AttemptEnd::Broke) => EndReason::UpstreamBroke,
            _ => EndReason::UpstreamError,
        }));
    }

    fn answers(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.status = status.as_u16();
        self.metered = self.llm.meter(status, headers);
    }

    /// The answer is whole.
    pub(crate) fn answered(
        mut self: Box<Self>,
        status: StatusCode,
        headers: &HeaderMap,
        body: &Bytes,
    ) {
        self.answers(status, headers);
        self.llm.feed(body, &*self.services.clock);
        self.settle(None);
    }

    /// Puts a meter on an answer, which settles the call when it has been read, broke, or is read no more.
    pub(crate) fn watch(
        mut self: Box<Self>,
        response: http::Response<Body>,
    ) -> http::Response<Body> {
        let (head, body) = response.into_parts();
        self.answers(head.status, &head.headers);
        let body = if http_body::Body::is_end_stream(&body) {
            self.settle(None);
            body
        } else {
            Body::Stream(Box::pin(Watched {
                inner: body,
                side: self,
            }))
        };
        http::Response::from_parts(head, body)
    }

    /// How it ended; `end` where that is not the model's to say.
    fn end(&self, end: Option<EndReason>) -> EndReason {
        if let Some(end) = end {
            end
        } else if self.status >= 400 {
            EndReason::UpstreamError
        } else {
            self.llm.end
        }
    }

    fn settle(&mut self, end: Option<EndReason>) {
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        self.llm.conclude();
        // Given up while the provider worked on it: that much was asked for in any case.
        if !self.metered && self.sent && end == Some(EndReason::ClientLeft) && self.status == 0 {
            self.llm.usage = Some(tollgate_llm::Usage::estimate(self.llm.estimate().tokens, 0));
        }
        self.llm.hold_to_bound(end == Some(EndReason::Timeout));
        let end = self.end(end);
        let free = is_free(end) || !self.sent;
        // Under strict accounting one that was late is charged what it had set aside.
        let usage = self
            .llm
            .usage
            .filter(|_| self.sent && (!is_free(end) || end == EndReason::Timeout));
        let charge = usage.map(|usage| self.charge(&usage));
        let now = self.services.clock.unix_millis();
        let elapsed = self
            .services
            .clock
            .monotonic_nanos()
            .saturating_sub(self.began_nanos);
        let first_token = self.llm.first_token_nanos;
        let open = end == EndReason::Timeout || end == EndReason::UpstreamError && self.status == 0;
        let settlement = Settlement {
            call: record::paid(
                self.call.clone(),
                charge.as_ref().map_or(&self.paid, |c| &c.paid),
            )
            .into_owned(),
            settled_ms: now,
            end,
            status: self.status,
            served_model: Cow::Owned(self.llm.served_model.as_deref().unwrap_or_default().into()),
            estimate: record::estimate(Some(&self.llm)),
            reserved_tokens: record::fitting(self.reserved.tokens),
            tokens: usage.map_or_else(Tokens::default, |u| record::tokens(&u.classes())),
            total: usage.map_or(0, |usage| usage.total),
            flags: record::flags(usage)
                .with(
                    Flags::UNCERTAIN,
                    self.sent && (usage.is_none() && !free || open),
                )
                .with(Flags::NO_INTENT, self.no_intent),
            cost_pico: match &charge {
                Some(charge) => charge.pico(),
                None => free.then_some(0),
            },
            price_version: Cow::Owned(self.snapshot.prices.version().to_string()),
            first_token_ms: first_token
                .map(|nanos| nanos.saturating_sub(self.began_nanos) / 1_000_000),
            duration_ms: elapsed / 1_000_000,
            attempts: u32::from(self.sent),
            ..Settlement::default()
        };
        let spent = record::spent(&settlement);
        if let Some(ledger) = &self.services.ledger {
            ledger.settle(&Record::Settlement(settlement));
        }
        if let Some(held) = self.held.take() {
            let notices = held.settle(spent, now);
            self.services.budgets.notices.put(notices);
        }
    }

    /// What it is charged, in the tier that was served.
    fn charge(&mut self, usage: &tollgate_llm::Usage) -> Charge {
        let mut paid = self.paid.clone();
        if let Some(tier) = usage.tier
            && (paid.tier != tollgate_llm::price::Tier::Provisioned || self.llm.spilled)
        {
            paid.tier = tier;
        }
        let now = self.call.admitted_ms / 1000;
        let prices = &self.snapshot.prices;
        prices.charge(paid, Some(&self.llm), usage, now)
    }
}

/// Whether anything counts such calls.
fn is_counted(rq: &Exchange) -> bool {
    rq.services.ledger.is_some() || !rq.snapshot.budgets.is_empty() || rq.child_key.is_some()
}

/// A response of a session, and how it is paid for.
fn response(rq: &Exchange, model: &Str) -> (LlmCall, Paid, Option<BackendIndex>) {
    let llm = LlmCall::in_session(rq.request.path_and_query.path(), model);
    let (url, server) = rq.serving();
    let paid = Paid::of_call(url, server, Some(&llm));
    let backend = rq
        .attempts
        .iter()
        .rev()
        .find(|hop| !hop.aside)
        .and_then(|hop| hop.backend);
    (llm, paid, backend)
}

impl Drop for SideCall {
    fn drop(&mut self) {
        // Nobody waits any more: whoever did has gone, or the time is up.
        let elapsed = self
            .services
            .clock
            .monotonic_nanos()
            .saturating_sub(self.began_nanos);
        let late = u128::from(elapsed) >= self.timeout.as_nanos();
        self.settle(Some(if late && self.status == 0 {
            EndReason::Timeout
        } else {
            EndReason::ClientLeft
        }));
    }
}

/// An answer with a meter on it.
struct Watched {
    inner: Body,
    side: Box<SideCall>,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let frame = ready!(Pin::new(&mut this.inner).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    this.side.llm.feed(data, &*this.side.services.clock);
                }
                // Who reads may not ask again once it knows that the body has ended.
                if this.inner.is_end_stream() {
                    this.side.settle(None);
                }
            }
            Some(Err(_)) => this.side.settle(Some(EndReason::UpstreamBroke)),
            None => this.side.settle(None),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
