//! Changes are told once, whatever the file system sends.

use super::*;

#[test]
fn what_changed_came_or_went_is_told() {
    let folder = std::env::temp_dir().join(format!("tollgate-changes-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let list = |names: &[&str]| names.iter().map(|n| folder.join(n)).collect::<Vec<_>>();
    std::fs::write(folder.join("a"), "1").unwrap();
    std::fs::write(folder.join("b"), "1").unwrap();
    let mut changes = Changes::new(list(&["a", "b", "d"]));
    std::fs::write(folder.join("a"), "longer").unwrap();
    assert_eq!(changes.wait(|| list(&["a", "b", "d"])), list(&["a"]));
    std::fs::remove_file(folder.join("b")).unwrap();
    std::fs::write(folder.join("c"), "1").unwrap();
    assert_eq!(changes.wait(|| list(&["a", "c", "d"])), list(&["c", "b"]));
    std::fs::write(folder.join("d"), "1").unwrap();
    assert_eq!(changes.wait(|| list(&["a", "c", "d"])), list(&["d"]));
    std::fs::remove_dir_all(&folder).unwrap();
}
