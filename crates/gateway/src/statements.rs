//! Statements that are sent each month: which are due, and that each is sent once.
//!
//! Run by `serve` on a thread of its own ([`Sender`]) and by `tollgate statement --send`. That a statement was sent stands
//! as a file in the ledger's folder (`statements/MONTH/TEAM`), written when its post was taken. What must stay true: a
//! post always has the same id, so that one that was taken in the instant of a crash is the same twice; only one
//! process sends at a time; a post is tried again until its deadline, and then counted.

use crate::cmd::books::{Books, Opened};
use crate::cmd::statement::{page, teams};
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tollgate_control::Options;
use tollgate_control::settings::{self, StatementFormat};
use tollgate_engine::definition::{NotificationDefinition, Secret};
use tollgate_proxy::Health;
use tollgate_proxy::webhook::{Message, Webhooks};
use tollgate_reports::period::Period;
use tollgate_reports::statement::Statement;

/// The folder in the ledger's.
const FOLDER: &str = "statements";

/// How often a gateway looks whether something is due.
const EVERY: Duration = Duration::from_secs(60);

/// After a failure, how long until what is left is tried again.
const AGAIN: Duration = Duration::from_secs(3600);

/// Wait after a first failure of a post; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Longest such wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Waits, unless it is to end: then `false`.
pub(crate) type Wait<'a> = &'a dyn Fn(Duration) -> bool;

/// A statement that was due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Whose.
    pub(crate) team: String,
    /// To whom.
    pub(crate) notification: String,
    /// Why nobody took it.
    pub(crate) why: Option<String>,
}

/// Sends what was not sent of a month: by default of the last one.
///
/// # Errors
/// The configuration has no statements, or its ledger cannot be read; another process is sending.
pub(crate) fn send(
    config: &Path,
    options: &Options,
    month: Option<&str>,
    wait: Wait<'_>,
) -> anyhow::Result<Vec<Sent>> {
    // The first look says how the second one reads.
    let utc = Books::of(config, jiff::tz::TimeZone::UTC, "product").open_with(options.clone())?;
    let settings = utc
        .statements
        .context("the configuration has no `gateway.statements`")?;
    let books = Books::of(config, settings.zone.clone(), &settings.team_is);
    let books = books.open_with(options.clone())?;
    let now = jiff::Timestamp::now();
    let month = match month {
        None | Some("last-month") => Period::parse("last-month", &settings.zone, now)?,
        Some("this-month") => Period::parse("this-month", &settings.zone, now)?,
        Some(month) => Period::month(month, &settings.zone)?,
    };
    let folder = books.folder.join(FOLDER);
    let marks = folder.join(&month.name);
    fs::create_dir_all(&marks).with_context(|| marks.display().to_string())?;
    let path = folder.join("lock");
    let lock = File::create(&path).with_context(|| path.display().to_string())?;
    if lock.try_lock().is_err() {
        bail!("{}: another process is sending statements", path.display());
    }
    let mut all = Vec::new();
    for (team, notification) in recipients(&books, &settings, &month)? {
        let mark = marks.join(escaped(&team));
        if mark.exists() {
            continue;
        }
        let page = page(&books, &month, &team, None)?;
        let why = deliver(&page, &settings, notification, &id(&team, &month), wait).err();
        if why.is_none() {
            write_mark(&mark).with_context(|| mark.display().to_string())?;
        }
        all.push(Sent {
            team,
            notification: notification.id.to_string(),
            why,
        });
    }
    Ok(all)
}

/// The teams of a month with whom their statements go to.
fn recipients<'b>(
    books: &'b Opened,
    settings: &settings::Statements,
    month: &Period,
) -> anyhow::Result<BTreeMap<String, &'b NotificationDefinition>> {
    let known = books.definition.iter().flat_map(|definition| {
        let settings = &definition.budget_settings;
        settings.notifications.iter()
    });
    let known: BTreeMap<&str, &NotificationDefinition> = known.map(|n| (&*n.id, n)).collect();
    let teams = teams(books, month)?;
    let mut to = BTreeMap::new();
    for target in &settings.send {
        let Some(notification) = known.get(&*target.notification) else {
            bail!("there is no notification `{}`", target.notification);
        };
        match &target.team {
            Some(team) => {
                to.insert(team.clone(), *notification);
            }
            None => {
                let own = |team: &&String| {
                    let mut targets = settings.send.iter();
                    !targets.any(|target| target.team.as_ref() == Some(*team))
                };
                let rest = teams.iter().filter(own);
                to.extend(rest.map(|team| (team.clone(), *notification)));
            }
        }
    }
    Ok(to)
}

fn deliver(
    page: &Statement,
    settings: &settings::Statements,
    notification: &NotificationDefinition,
    id: &str,
    wait: Wait<'_>,
) -> Result<(), String> {
    let (content_type, body) = match settings.format {
        StatementFormat::Json => ("application/json", page.json().to_string()),
        StatementFormat::Html => ("text/html; charset=utf-8", page.html()),
        StatementFormat::Text => ("text/plain; charset=utf-8", page.text()),
    };
    let post = Post {
        id,
        url: &notification.url,
        secret: notification.secret.as_ref(),
        content_type,
        body: &body,
    };
    post.until(notification.deadline, wait)
}

/// A statement on its way to a webhook.
pub(crate) struct Post<'a> {
    pub(crate) id: &'a str,
    pub(crate) url: &'a str,
    pub(crate) secret: Option<&'a Secret>,
    pub(crate) content_type: &'a str,
    pub(crate) body: &'a str,
}

impl Post<'_> {
    /// Posts until somebody takes it, or no other try helps, or the deadline has come.
    ///
    /// # Errors
    /// What the last try came to.
    pub(crate) fn until(&self, deadline: Duration, wait: Wait<'_>) -> Result<(), String> {
        let begun = Instant::now();
        let runtime = crate::cmd::runtime().map_err(|error| error.to_string())?;
        let local = tokio::task::LocalSet::new();
        let webhooks = Webhooks::default();
        let mut next = FIRST_WAIT;
        loop {
            let at = jiff::Timestamp::now().as_second();
            let message = Message {
                id: self.id,
                at: u64::try_from(at).unwrap_or(0),
                content_type: self.content_type,
                body: self.body,
            };
            let posted = local.block_on(&runtime, webhooks.post(self.url, self.secret, &message));
            match posted {
                Ok(()) => return Ok(()),
                Err((why, again)) => {
                    if !again || begun.elapsed() + next >= deadline || !wait(next) {
                        return Err(why);
                    }
                }
            }
            next = (next * 2).min(LONGEST_WAIT);
        }
    }
}

/// The id of a statement's post: the same for the same team and month.
pub(crate) fn id(team: &str, month: &Period) -> String {
    format!("statement/{}/{}", escaped(team), month.name)
}

/// A team's name as a header and a file have it: plain ASCII without separators, other bytes escaped, so that no two teams
/// are the same.
fn escaped(team: &str) -> String {
    let byte = |byte: u8| match byte {
        b'-' | b'_' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    match team {
        "" => String::from("%"),
        team => team.bytes().map(byte).collect(),
    }
}

/// Notes that a statement was sent, so that the end of the machine does not undo it.
fn write_mark(path: &Path) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    writeln!(file, "{}", jiff::Timestamp::now())?;
    file.sync_all()?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Whether the last month's statements are due.
fn is_due(settings: &settings::Statements, now: jiff::Timestamp) -> bool {
    let now = now.to_zoned(settings.zone.clone()).datetime();
    let day = now.date().first_of_month().with().day(settings.day).build();
    day.is_ok_and(|day| day.to_datetime(settings.time) <= now)
}

/// Sends while a gateway serves.
pub(crate) struct Sender {
    ended: Arc<(Mutex<bool>, Condvar)>,
}

impl Sender {
    /// Begins, on a thread of its own.
    ///
    /// # Errors
    /// There is no thread.
    pub(crate) fn start(
        config: PathBuf,
        options: Options,
        settings: settings::Statements,
        health: Arc<Health>,
    ) -> std::io::Result<Sender> {
        let ended = Arc::new((Mutex::new(false), Condvar::new()));
        let waiting = ended.clone();
        std::thread::Builder::new()
            .name(String::from("statements"))
            .spawn(move || {
                let wait = |time: Duration| wait(&waiting, time);
                run(&config, &options, &settings, &health, &wait);
            })?;
        Ok(Sender { ended })
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let (ended, told) = &*self.ended;
        *ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        told.notify_all();
    }
}

/// Waits so long; `false` when it is to end.
fn wait((ended, told): &(Mutex<bool>, Condvar), time: Duration) -> bool {
    let guard = ended.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = told.wait_timeout_while(guard, time, |ended| !*ended);
    !*waited.unwrap_or_else(PoisonError::into_inner).0
}

/// What of the gateway is told when a statement cannot be sent.
const PART: &str = "statements";

fn run(
    config: &Path,
    options: &Options,
    settings: &settings::Statements,
    health: &Health,
    wait: Wait<'_>,
) {
    let mut done = None;
    loop {
        let now = jiff::Timestamp::now();
        let month = now.to_zoned(settings.zone.clone()).date().first_of_month();
        let mut next = EVERY;
        if done != Some(month) && is_due(settings, now) {
            match send(config, options, None, wait) {
                Ok(sent) => {
                    let failed = tell(&sent, health);
                    if failed {
                        next = AGAIN;
                    } else {
                        health.recover(PART);
                        done = Some(month);
                    }
                }
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "statements cannot be sent");
                    health.degrade(PART, &format!("{error:#}"));
                    next = AGAIN;
                }
            }
        }
        if !wait(next) {
            return;
        }
    }
}

/// Counts and logs; whether one failed.
fn tell(sent: &[Sent], health: &Health) -> bool {
    let mut failed = false;
    for sent in sent {
        match &sent.why {
            None => {
                health.count_statement(true);
                tracing::info!(team = sent.team, to = sent.notification, "statement sent");
            }
            Some(why) => {
                failed = true;
                health.count_statement(false);
                health.degrade(
                    PART,
                    &format!("{} of {}: {why}", sent.notification, sent.team),
                );
                tracing::error!(
                    team = sent.team,
                    to = sent.notification,
                    why,
                    "a statement was not delivered in time"
                );
            }
        }
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn teams_have_names_of_their_own() {
        let names = ["", "%", "a/b", "a%2Fb", "a b", "Forschung \u{fc}"].map(escaped);
        let expected = [
            "%",
            "%25",
            "a%2Fb",
            "a%252Fb",
            "a%20b",
            "Forschung%20%C3%BC",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn due_from_its_day_and_time_on() {
        let settings = settings::Statements {
            day: 3,
            time: jiff::civil::Time::constant(6, 0, 0, 0),
            zone: jiff::tz::TimeZone::get("Europe/Berlin").expect("a zone"),
            team_is: String::from("product"),
            format: StatementFormat::Json,
            send: Vec::new(),
        };
        for (now, due) in [
            ("2026-11-03T04:59:59Z", false),
            ("2026-11-03T05:00:00Z", true),
            ("2026-11-30T23:00:00Z", false),
            ("2026-11-30T22:59:59Z", true),
        ] {
            assert_eq!(
                is_due(&settings, now.parse().expect("an instant")),
                due,
                "{now}"
            );
        }
    }
}
