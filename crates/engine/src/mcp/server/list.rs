//! `tools/list`: the tools that the caller may use, in the configuration's order, in pages.

use super::{TTL_MILLIS, Tools, respond, shows};
use crate::exchange::Exchange;
use tollgate_agents::Era;
use tollgate_agents::jsonrpc::{self, Envelope, code};

/// Tools on one page.
const PAGE: usize = 200;

pub(super) fn answer(rq: &mut Exchange, envelope: &Envelope<'_>, tools: &Tools, era: Era) {
    let first = match envelope.params.cursor.as_deref() {
        None | Some("") => 0,
        Some(cursor) => match position(cursor, tools) {
            Some(first) => first,
            None => {
                let text = "Invalid params: the cursor is not one of this list";
                respond::error(rq, code::INVALID_PARAMS, text, None);
                return;
            }
        },
    };
    let mut listed = String::from("[");
    let mut next = None;
    let mut count = 0;
    for (at, tool) in tools.set.tools().iter().enumerate().skip(first) {
        if !shows(rq, tool.name()) {
            continue;
        }
        if count == PAGE {
            next = Some(at);
            break;
        }
        if count > 0 {
            listed.push(',');
        }
        listed.push_str(tool.json(era == Era::Legacy));
        count += 1;
    }
    listed.push(']');
    let mut result = format!(r#"{{"tools":{listed}"#);
    if let Some(next) = next {
        let cursor = jsonrpc::string(&cursor(next, tools)).into_owned();
        result.push_str(&format!(r#","nextCursor":{cursor}"#));
    }
    if era == Era::Modern {
        // Another caller may see other tools.
        result.push_str(&format!(
            r#","resultType":"complete","ttlMs":{TTL_MILLIS},"cacheScope":"private""#
        ));
    }
    result.push('}');
    respond::result(rq, &result);
}

/// Names the list, so that a page of another one is noticed.
fn cursor(at: usize, tools: &Tools) -> String {
    format!("{:016x}-{at}", tools.digest)
}

fn position(cursor: &str, tools: &Tools) -> Option<usize> {
    let (digest, at) = cursor.split_once('-')?;
    let at: usize = at.parse().ok()?;
    (u64::from_str_radix(digest, 16) == Ok(tools.digest) && at < tools.operations.len())
        .then_some(at)
}
