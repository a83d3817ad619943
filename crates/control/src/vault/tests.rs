//! A vault that does what a test says.

use super::*;
use std::collections::VecDeque;

/// Gives its answers one after the other.
struct Scripted(Mutex<VecDeque<Result<&'static str, &'static str>>>);

impl Vault for Scripted {
    fn secret(&self, _: &SecretIdentifier, _: Option<&str>) -> Result<Secret, String> {
        let next = self.0.lock().unwrap().pop_front();
        let next = next.expect("the vault is asked more often than the test says");
        next.map(Secret::new).map_err(String::from)
    }
}

fn secrets(answers: &[Result<&'static str, &'static str>]) -> Secrets {
    let vault = Arc::new(Scripted(Mutex::new(answers.iter().copied().collect())));
    Secrets::new(Arc::new(move |_| vault.clone()))
}

fn settings() -> KeyVault {
    KeyVault::default()
}

fn value(secrets: &Secrets, settings: &KeyVault) -> Result<String, String> {
    let id = SecretIdentifier::parse("https://v/secrets/s").unwrap();
    match secrets.value(&id, None, settings, &Identity::default()) {
        Answer::Value(value, None) => Ok(value.expose().to_string()),
        Answer::Value(value, Some(why)) => Ok(format!("{} although {why}", value.expose())),
        Answer::None(why) => Err(why),
        Answer::Unasked => Err(String::from("unasked")),
    }
}

#[test]
fn a_value_is_kept_asked_again_when_it_is_due_and_stays_when_the_vault_fails() {
    let secrets = secrets(&[Err("away"), Ok("one"), Ok("one"), Err("away"), Ok("two")]);
    assert_eq!(value(&secrets, &settings()), Err("away".into()));
    assert_eq!(value(&secrets, &settings()), Ok("one".into()));
    // The next load does not ask.
    assert_eq!(value(&secrets, &settings()), Ok("one".into()));
    let now = Instant::now();
    assert!(!secrets.refresh(now), "nothing is due yet");
    let later = now + LONGEST_REFRESH + Duration::from_secs(1);
    assert!(!secrets.refresh(later), "the value is the same");
    let later = later + LONGEST_REFRESH;
    assert!(!secrets.refresh(later), "the vault failed");
    assert_eq!(value(&secrets, &settings()), Ok("one".into()));
    assert!(!secrets.refresh(later + RETRY / 2), "not asked at once");
    assert!(secrets.refresh(later + RETRY), "the value is another one");
    assert_eq!(value(&secrets, &settings()), Ok("two".into()));
}

#[test]
fn what_no_load_asks_for_is_forgotten() {
    let secrets = secrets(&[Ok("one"), Ok("fresh")]);
    assert_eq!(value(&secrets, &settings()), Ok("one".into()));
    secrets.sweep();
    assert_eq!(value(&secrets, &settings()), Ok("one".into()));
    secrets.sweep();
    secrets.sweep();
    assert_eq!(value(&secrets, &settings()), Ok("fresh".into()));
}

#[test]
fn a_folder_is_read_with_every_load() {
    let path = std::env::temp_dir().join(format!("tollgate-vault-{}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    let secrets = Secrets::default();
    assert_eq!(value(&secrets, &settings()), Err("unasked".into()));
    let settings = KeyVault {
        folder: Some(path.clone()),
        ..KeyVault::default()
    };
    assert!(value(&secrets, &settings).is_err());
    std::fs::write(path.join("s"), "one\n").unwrap();
    assert_eq!(value(&secrets, &settings), Ok("one".into()));
    std::fs::write(path.join("s"), "two").unwrap();
    assert_eq!(value(&secrets, &settings), Ok("two".into()));
    std::fs::remove_dir_all(&path).unwrap();
    let old = value(&secrets, &settings).unwrap();
    assert!(old.starts_with("two although "), "{old}");
}
