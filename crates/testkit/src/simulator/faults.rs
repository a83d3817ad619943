//! Faults on demand: what a caller asks to go wrong, and the queue of those set in advance.
//!
//! Called by the router, with the `x-simulate-fault` header or through `POST /faults`.
//! What must stay true: a fault that cannot be understood is refused, never ignored; the queue is
//! bounded; a queued fault is used up exactly `count` times.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The request header that carries a fault.
pub const FAULT_HEADER: &str = "x-simulate-fault";

/// Most entries that wait in the queue.
const MAX_QUEUED: usize = 1_000;
/// How long a stalled answer keeps its connection unless it says otherwise.
const DEFAULT_STALL: Duration = Duration::from_secs(300);
/// How long a slow head takes unless it says otherwise.
const DEFAULT_SLOW_HEADERS: Duration = Duration::from_secs(2);

/// What goes wrong with one request. Parts are independent: a delay can precede a reset.
///
/// The text form is a list separated by `;`: `status=503`, `retry-after=7`, `delay=2s`, `reset`,
/// `cut-after=5`, `stall` or `stall=10s`, `bad-sse`, `wrong-length`, `slow-headers` or
/// `slow-headers=3s`, `content-filter`. Durations are `250ms`, `2s` or a number of seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// Answer with this status and Azure's error body.
    pub status: Option<u16>,
    /// `retry-after` in seconds; alone it means status 429.
    pub retry_after: Option<u64>,
    /// Wait before anything is sent.
    pub delay: Option<Duration>,
    /// Reset the connection: at once, or after `cut_after` events.
    pub reset: bool,
    /// Close in mid-stream after this many events (whole answers: in mid-body); 0 is before the first byte of either.
    pub cut_after: Option<u32>,
    /// Send half of the answer and then nothing for this long.
    pub stall: Option<Duration>,
    /// Break the event stream in its middle.
    pub bad_sse: bool,
    /// Announce more bytes than are sent.
    pub wrong_length: bool,
    /// Spread the head of the answer over this time, byte by byte.
    pub slow_headers: Option<Duration>,
    /// Refuse the prompt as the content filter does.
    pub content_filter: bool,
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut fault = Self::default();
        for part in text
            .split([';', ','])
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim())),
                None => (part, None),
            };
            let number = || {
                value
                    .and_then(|value| value.parse().ok())
                    .ok_or(format!("{name} needs a number"))
            };
            let time = |default| {
                value
                    .map_or(default, duration)
                    .ok_or(format!("{name} needs a duration"))
            };
            match name {
                "status" => {
                    let status = number()?;
                    if !(200..=599).contains(&status) {
                        return Err(format!("status={status} is not between 200 and 599"));
                    }
                    fault.status = Some(status as u16);
                }
                "retry-after" => fault.retry_after = Some(number()?),
                "delay" => fault.delay = Some(time(None)?),
                "reset" => fault.reset = true,
                "cut-after" => fault.cut_after = Some(u32::try_from(number()?).unwrap_or(u32::MAX)),
                "stall" => fault.stall = Some(time(Some(DEFAULT_STALL))?),
                "bad-sse" => fault.bad_sse = true,
                "wrong-length" => fault.wrong_length = true,
                "slow-headers" => fault.slow_headers = Some(time(Some(DEFAULT_SLOW_HEADERS))?),
                "content-filter" => fault.content_filter = true,
                _ => return Err(format!("unknown fault {name:?}")),
            }
        }
        Ok(fault)
    }
}

impl Fault {
    /// Adds the parts of another fault; its values win.
    pub(super) fn merge(self, other: Self) -> Self {
        Self {
            status: other.status.or(self.status),
            retry_after: other.retry_after.or(self.retry_after),
            delay: other.delay.or(self.delay),
            reset: self.reset || other.reset,
            cut_after: other.cut_after.or(self.cut_after),
            stall: other.stall.or(self.stall),
            bad_sse: self.bad_sse || other.bad_sse,
            wrong_length: self.wrong_length || other.wrong_length,
            slow_headers: other.slow_headers.or(self.slow_headers),
            content_filter: self.content_filter || other.content_filter,
        }
    }
}

/// `250ms`, `2s`, `1.5s` or a plain number of seconds; at most one hour.
fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = if let Some(number) = text.strip_suffix("ms") {
        (number, 0.001)
    } else {
        (text.strip_suffix('s').unwrap_or(text), 1.0)
    };
    let seconds = number.trim().parse::<f64>().ok()? * unit;
    (0.0..=3600.0)
        .contains(&seconds)
        .then(|| Duration::from_secs_f64(seconds))
}

/// A fault that waits for requests, as `POST /faults` takes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueuedFault {
    /// Deployment it waits for, as `name`, `resource/name` or `resource`; left out, any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// The fault in its text form.
    pub fault: String,
    /// How many requests it takes; 1 if left out.
    #[serde(default = "one")]
    pub count: u32,
}

fn one() -> u32 {
    1
}

/// The faults that wait.
#[derive(Default)]
pub(super) struct FaultQueue {
    entries: Mutex<Vec<(QueuedFault, Fault)>>,
}

impl FaultQueue {
    /// Adds one behind the others; refused when it cannot be understood or the queue is full.
    pub(super) fn push(&self, queued: QueuedFault) -> Result<(), String> {
        let fault = queued.fault.parse()?;
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_QUEUED {
            return Err(format!("more than {MAX_QUEUED} faults are waiting"));
        }
        if queued.count > 0 {
            entries.push((queued, fault));
        }
        Ok(())
    }

    /// Takes the first fault that waits for this deployment.
    pub(super) fn take(&self, deployment: &str) -> Option<Fault> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let resource = deployment.split_once('/').map(|(resource, _)| resource);
        let at = entries.iter().position(|(queued, _)| {
            queued
                .deployment
                .as_deref()
                .is_none_or(|wanted| wanted == deployment || resource == Some(wanted))
        })?;
        let fault = entries[at].1.clone();
        entries[at].0.count -= 1;
        if entries[at].0.count == 0 {
            entries.remove(at);
        }
        Some(fault)
    }

    /// Everything that waits.
    pub(super) fn list(&self) -> Vec<QueuedFault> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().map(|(queued, _)| queued.clone()).collect()
    }

    /// Forgets everything that waits.
    pub(super) fn clear(&self) {
        self.entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_parse_and_nonsense_is_refused() {
        let fault: Fault = "status=503; retry-after=7;delay=250ms".parse().unwrap();
        assert_eq!(
            (fault.status, fault.retry_after, fault.delay),
            (Some(503), Some(7), Some(Duration::from_millis(250)))
        );
        let fault: Fault = "cut-after=5;reset".parse().unwrap();
        assert_eq!((fault.cut_after, fault.reset), (Some(5), true));
        for bad in [
            "status=abc",
            "status=99",
            "delay",
            "delay=-1s",
            "explode",
            "cut-after",
        ] {
            assert!(bad.parse::<Fault>().is_err(), "{bad}");
        }
    }

    #[test]
    fn queued_faults_are_used_up_per_deployment() {
        let queue = FaultQueue::default();
        queue
            .push(QueuedFault {
                deployment: Some("a".into()),
                fault: "status=500".into(),
                count: 2,
            })
            .unwrap();
        queue
            .push(QueuedFault {
                deployment: None,
                fault: "reset".into(),
                count: 1,
            })
            .unwrap();
        assert!(queue.take("b").unwrap().reset);
        assert!(queue.take("b").is_none());
        assert_eq!(queue.take("a").unwrap().status, Some(500));
        assert_eq!(queue.take("a").unwrap().status, Some(500));
        assert!(queue.take("a").is_none());
    }

    #[test]
    fn no_text_makes_parsing_panic() {
        arbtest::arbtest(|u| {
            let _ = u.arbitrary::<&str>()?.parse::<Fault>();
            Ok(())
        });
    }
}
