//! The way out of a damaged database.

use std::path::Path;

use wakeman_types::Timestamp;

use super::{InstanceDir, folder_time};

impl InstanceDir {
    /// How to get from a damaged database to a sound one, step by step. The damaged file is kept, in a folder that is named by
    /// `now` and must be new: whoever follows the steps twice overwrites nothing that was kept before.
    pub fn restore_steps(&self, now: Timestamp) -> Vec<String> {
        let (database, storage) = (quoted(&self.database()), quoted(&self.storage()));
        let folder = self.storage().join(format!("damaged-{}", folder_time(now)));
        let kept = quoted(&folder);
        let copy = quoted(&folder.join("wakeman.db"));
        let saved = quoted(&folder.join("saved.sql"));
        vec![
            "stop `wakeman run`, if it runs".to_owned(),
            format!("keep what there is: mkdir -m 700 {kept} && mv {database}* {kept}/"),
            format!("with a backup: cp BACKUP {database} && chmod 600 {database}"),
            format!(
                "without one, try to save what can be read: sqlite3 {copy} .recover > {saved} && sqlite3 {database} < {saved} \
                 && chmod 600 {database}"
            ),
            format!(
                "wakeman doctor; if it is fine, wakeman run. With neither, `wakeman run` begins anew; the conversations stay \
                 readable in {storage}/conversations"
            ),
        ]
    }
}

/// The path as one word of a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::*;

    #[test]
    fn steps_followed_twice_keep_both_damaged_files() {
        let root = tempfile::tempdir().unwrap();
        let dir = InstanceDir::new(&root.path().join("my root"), "default").unwrap();
        fs::create_dir_all(dir.storage()).unwrap();
        let backup = root.path().join("backup");
        fs::write(&backup, "sound").unwrap();
        // What stands behind the colon of a step is a command to copy.
        let follow = |steps: &[String], step: usize| {
            let command = steps[step].split_once(": ").unwrap().1.replace("BACKUP", &format!("'{}'", backup.display()));
            Command::new("sh").args(["-c", &command]).output().unwrap().status.success()
        };
        let damage = |text: &str| {
            fs::write(dir.database(), text).unwrap();
            fs::write(dir.storage().join("wakeman.db-wal"), format!("{text}, its log")).unwrap();
        };
        let steps = dir.restore_steps(Timestamp::from_ms(1_000));
        damage("first");
        assert!(follow(&steps, 1) && follow(&steps, 2));
        assert_eq!(fs::read_to_string(dir.database()).unwrap(), "sound");
        damage("second");
        assert!(!follow(&steps, 1), "an old answer, copied again, stops before it overwrites anything");
        let again = dir.restore_steps(Timestamp::from_ms(2_000));
        assert!(follow(&again, 1) && follow(&again, 2));
        for (folder, text) in
            [("damaged-1970-01-01T00-00-01-000Z", "first"), ("damaged-1970-01-01T00-00-02-000Z", "second")]
        {
            let kept = dir.storage().join(folder);
            assert_eq!(fs::read_to_string(kept.join("wakeman.db")).unwrap(), text);
            assert_eq!(fs::read_to_string(kept.join("wakeman.db-wal")).unwrap(), format!("{text}, its log"));
        }
        assert!(!dir.storage().join("wakeman.db-wal").exists(), "no log of another file lies beside the backup");
    }

    #[test]
    fn the_steps_are_commands_to_copy() {
        let dir = InstanceDir::new(Path::new("/srv/wakeman"), "default").unwrap();
        insta::assert_snapshot!(dir.restore_steps(Timestamp::from_ms(1_779_163_200_000)).join("\n"), @r"
    stop `wakeman run`, if it runs
    keep what there is: mkdir -m 700 /srv/wakeman/instances/default/storage/damaged-2026-05-19T04-00-00-000Z && mv /srv/wakeman/instances/default/storage/wakeman.db* /srv/wakeman/instances/default/storage/damaged-2026-05-19T04-00-00-000Z/
    with a backup: cp BACKUP /srv/wakeman/instances/default/storage/wakeman.db && chmod 600 /srv/wakeman/instances/default/storage/wakeman.db
    without one, try to save what can be read: sqlite3 /srv/wakeman/instances/default/storage/damaged-2026-05-19T04-00-00-000Z/wakeman.db .recover > /srv/wakeman/instances/default/storage/damaged-2026-05-19T04-00-00-000Z/saved.sql && sqlite3 /srv/wakeman/instances/default/storage/wakeman.db < /srv/wakeman/instances/default/storage/damaged-2026-05-19T04-00-00-000Z/saved.sql && chmod 600 /srv/wakeman/instances/default/storage/wakeman.db
    wakeman doctor; if it is fine, wakeman run. With neither, `wakeman run` begins anew; the conversations stay readable in /srv/wakeman/instances/default/storage/conversations
    ");
    }

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        assert_eq!(quoted(Path::new("/srv/wakeman.db")), "/srv/wakeman.db");
        assert_eq!(quoted(Path::new("/my data/it's")), r"'/my data/it'\''s'");
    }
}
