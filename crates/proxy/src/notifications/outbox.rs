//! Posts that nobody has taken yet, in files: a gateway that was killed goes on with them when it starts again.
//!
//! One file for each post in `notifications` of the data folder. What must stay true: a file is there before the first
//! try and until the post was taken or its deadline came, so a post is made at least once; it is replaced as a whole;
//! without a data folder nothing is written.

use serde_json::{Value, json};
use std::fs;
use std::io;
use std::path::PathBuf;

/// Most bytes of a file that is read: reports have some hundred.
const LARGEST: u64 = 64 << 10;

/// A post as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// Name of its file.
    pub(super) file: String,
    /// Who is told, by the id in the configuration.
    pub(super) target: String,
    /// `webhook-id`.
    pub(super) id: String,
    /// Its deadline, Unix milliseconds.
    pub(super) until_ms: u64,
    /// The event.
    pub(super) body: String,
}

/// The folder of the files.
#[derive(Clone, Debug, Default)]
pub(super) struct Outbox(Option<PathBuf>);

impl Outbox {
    /// In a data folder, if there is one.
    pub(super) fn new(data: Option<PathBuf>) -> Outbox {
        let folder = data.map(|data| data.join("notifications"));
        let made = folder.as_ref().map_or(Ok(()), fs::create_dir_all);
        if let Err(error) = made {
            tracing::error!(%error, "reports of budgets cannot be kept, a restart would forget those that wait");
        }
        Outbox(folder)
    }

    /// Keeps a post, before its first try.
    pub(super) fn keep(&self, post: &Kept) {
        let Some(folder) = &self.0 else {
            return;
        };
        let text = json!({
            "notification": post.target, "id": post.id, "until": post.until_ms, "event": post.body,
        });
        let new = folder.join(format!("{}.new", post.file));
        let written = fs::write(&new, text.to_string())
            .and_then(|()| fs::rename(&new, folder.join(&post.file)));
        if let Err(error) = written {
            tracing::error!(%error, "a report of a budget is not kept, a restart would forget it");
        }
    }

    /// It was taken, or its time is up.
    pub(super) fn forget(&self, file: &str) {
        if let Some(folder) = &self.0
            && let Err(error) = fs::remove_file(folder.join(file))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::error!(%error, "a report of a budget may be posted again after a restart");
        }
    }

    /// Those that a process before this one left, at most so many. What cannot be read is taken away.
    pub(super) fn left(&self, most: usize) -> Vec<Kept> {
        let Some(files) = self.0.as_ref().and_then(|folder| fs::read_dir(folder).ok()) else {
            return Vec::new();
        };
        let mut left = Vec::new();
        for file in files.filter_map(Result::ok).take(most.saturating_mul(2)) {
            let name = file.file_name().to_string_lossy().into_owned();
            let small = file.metadata().is_ok_and(|data| data.len() <= LARGEST);
            let text = small
                .then(|| fs::read_to_string(file.path()).ok())
                .flatten();
            match text.and_then(|text| read(&name, &text)) {
                Some(kept) if left.len() < most => left.push(kept),
                Some(_) => {}
                None => self.forget(&name),
            }
        }
        left
    }
}

fn read(name: &str, text: &str) -> Option<Kept> {
    if !name.ends_with(".json") {
        return None;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    let member = |name: &str| Some(value[name].as_str()?.to_owned());
    Some(Kept {
        file: name.to_owned(),
        target: member("notification")?,
        id: member("id")?,
        until_ms: value["until"].as_u64()?,
        body: member("event")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_found_again_until_it_is_forgotten() {
        let data = std::env::temp_dir().join(format!("tollgate-outbox-{}", std::process::id()));
        let outbox = Outbox::new(Some(data.clone()));
        let post = |file: &str| Kept {
            file: file.to_owned(),
            target: "finance".into(),
            id: "an id".into(),
            until_ms: 7,
            body: "{\"a\":1}".into(),
        };
        outbox.keep(&post("a-0.json"));
        outbox.keep(&post("a-1.json"));
        fs::write(data.join("notifications/torn.json"), "{\"notif").unwrap();
        fs::write(data.join("notifications/b.json.new"), "").unwrap();
        let again = Outbox::new(Some(data.clone()));
        let mut left = again.left(10);
        left.sort_by(|a, b| a.file.cmp(&b.file));
        assert_eq!(left, [post("a-0.json"), post("a-1.json")]);
        assert_eq!(again.left(1).len(), 1);
        again.forget("a-0.json");
        again.forget("a-0.json");
        again.forget("a-1.json");
        assert_eq!(again.left(10), []);
        assert_eq!(fs::read_dir(data.join("notifications")).unwrap().count(), 0);
        fs::remove_dir_all(data).unwrap();
        assert_eq!(Outbox::default().left(10), []);
    }
}
