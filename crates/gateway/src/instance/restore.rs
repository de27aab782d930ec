//! The way out of a damaged database.

use std::{fs, path::Path};

use wakeman_types::Timestamp;

use super::{InstanceDir, folder_time};
use crate::audit::heads_in_logs;

/// A database that is no larger has no room for a table.
const WITHOUT_TABLES: u64 = 4096;

impl InstanceDir {
    /// Whether this instance had a database, whatever is in its place now: its journal was signed, which only a run over one does.
    pub fn had_database(&self) -> bool {
        let small = || self.database_bytes() <= WITHOUT_TABLES;
        // The logs may be long, and are only asked when there is a doubt.
        public_key(self).exists() || (small() && !heads_in_logs(&self.sessions()).is_empty())
    }

    /// What to say of a database that cannot be trusted.
    pub fn damage(&self) -> String {
        let path = self.database();
        let path = path.display();
        match (self.database().exists(), self.database_bytes()) {
            (false, _) => format!("{path} is missing, and this instance had one"),
            (true, 0) => format!("{path} is empty, and what was in it is gone"),
            _ => format!("{path} is damaged"),
        }
    }

    fn database_bytes(&self) -> u64 {
        fs::metadata(self.database()).map_or(0, |meta| meta.len())
    }

    /// How to get from a damaged database to a sound one, step by step. The damaged file is kept, in a folder that is named by
    /// `now` and must be new: whoever follows the steps twice overwrites nothing that was kept before. The session logs go with it:
    /// what they vouch for is newer than a backup.
    pub fn restore_steps(&self, now: Timestamp) -> Vec<String> {
        let (database, storage) = (quoted(&self.database()), quoted(&self.storage()));
        let folder = self.storage().join(format!("damaged-{}", folder_time(now)));
        let kept = quoted(&folder);
        let copy = quoted(&folder.join("wakeman.db"));
        let saved = quoted(&folder.join("saved.sql"));
        let files = if self.has_files_of_database() { format!(" {database}*") } else { String::new() };
        let sessions = if self.sessions().exists() { format!(" {}", quoted(&self.sessions())) } else { String::new() };
        let moved = match (files, sessions) {
            (files, sessions) if files.is_empty() && sessions.is_empty() => String::new(),
            (files, sessions) => format!(" && mv{files}{sessions} {kept}/"),
        };
        let mut steps = vec![
            "stop `wakeman run`, if it runs".to_owned(),
            format!("keep what there is: mkdir -m 700 {kept}{moved}"),
            format!("with a backup: cp BACKUP {database} && chmod 600 {database}"),
        ];
        if self.database_bytes() > 0 {
            steps.push(format!(
                "without one, try to save what can be read: sqlite3 {copy} .recover > {saved} && sqlite3 {database} < {saved} \
                 && chmod 600 {database}"
            ));
        }
        if public_key(self).exists() {
            steps.push(format!("with neither, begin anew: mv {storage}/journal.* {kept}/"));
        }
        steps.push(format!(
            "wakeman doctor; if its line about the database is fine, wakeman run. The conversations stay readable in \
             {storage}/conversations"
        ));
        steps
    }

    /// What to do once a backup is in place and the session logs still vouch for what came after it.
    pub fn keep_newer_signatures(&self, now: Timestamp) -> String {
        let kept = quoted(&self.storage().join(format!("newer-{}", folder_time(now))));
        format!("mkdir -m 700 {kept} && mv {} {kept}/", quoted(&self.sessions()))
    }

    fn has_files_of_database(&self) -> bool {
        let mut files = fs::read_dir(self.storage()).into_iter().flatten().flatten();
        files.any(|file| file.file_name().to_string_lossy().starts_with("wakeman.db"))
    }
}

/// `storage/journal.pub`.
fn public_key(dir: &InstanceDir) -> std::path::PathBuf {
    wakeman_store::public_path(&dir.journal_key())
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
    fn what_was_signed_says_that_there_was_a_database() {
        let root = tempfile::tempdir().unwrap();
        let dir = InstanceDir::new(root.path(), "default").unwrap();
        fs::create_dir_all(dir.storage()).unwrap();
        assert!(!dir.had_database(), "a new one begins");
        let log = dir.session_log(Timestamp::from_ms(1));
        fs::create_dir_all(log.parent().unwrap()).unwrap();
        fs::write(&log, "{\"fields\":{\"message\":\"run.component\"}}\n").unwrap();
        assert!(!dir.had_database(), "a run that signed nothing");
        let head = r#"{"fields":{"message":"audit.sealed","journal.lane":0,"journal.seq":1,"journal.link":"a","journal.at_ms":1,"journal.key":"b","journal.signature":"c"}}"#;
        fs::write(&log, format!("{head}\n")).unwrap();
        assert!(dir.had_database());
        fs::remove_dir_all(dir.sessions()).unwrap();
        fs::write(public_key(&dir), "key").unwrap();
        assert!(dir.had_database());
    }

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
        damage("first");
        let steps = dir.restore_steps(Timestamp::from_ms(1_000));
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
        let root = tempfile::tempdir().unwrap();
        let dir = InstanceDir::new(root.path(), "default").unwrap();
        let steps = || {
            let steps = dir.restore_steps(Timestamp::from_ms(1_779_163_200_000)).join("\n");
            steps.replace(&format!("{}/instances/default", root.path().display()), "/srv")
        };
        fs::create_dir_all(dir.sessions()).unwrap();
        fs::write(public_key(&dir), "key").unwrap();
        insta::assert_snapshot!(format!("{}\n{}", dir.damage().contains("is missing"), steps()), @r"
    true
    stop `wakeman run`, if it runs
    keep what there is: mkdir -m 700 /srv/storage/damaged-2026-05-19T04-00-00-000Z && mv /srv/storage/sessions /srv/storage/damaged-2026-05-19T04-00-00-000Z/
    with a backup: cp BACKUP /srv/storage/wakeman.db && chmod 600 /srv/storage/wakeman.db
    with neither, begin anew: mv /srv/storage/journal.* /srv/storage/damaged-2026-05-19T04-00-00-000Z/
    wakeman doctor; if its line about the database is fine, wakeman run. The conversations stay readable in /srv/storage/conversations
    ");
        fs::write(dir.database(), "damaged").unwrap();
        insta::assert_snapshot!(steps(), @r"
    stop `wakeman run`, if it runs
    keep what there is: mkdir -m 700 /srv/storage/damaged-2026-05-19T04-00-00-000Z && mv /srv/storage/wakeman.db* /srv/storage/sessions /srv/storage/damaged-2026-05-19T04-00-00-000Z/
    with a backup: cp BACKUP /srv/storage/wakeman.db && chmod 600 /srv/storage/wakeman.db
    without one, try to save what can be read: sqlite3 /srv/storage/damaged-2026-05-19T04-00-00-000Z/wakeman.db .recover > /srv/storage/damaged-2026-05-19T04-00-00-000Z/saved.sql && sqlite3 /srv/storage/wakeman.db < /srv/storage/damaged-2026-05-19T04-00-00-000Z/saved.sql && chmod 600 /srv/storage/wakeman.db
    with neither, begin anew: mv /srv/storage/journal.* /srv/storage/damaged-2026-05-19T04-00-00-000Z/
    wakeman doctor; if its line about the database is fine, wakeman run. The conversations stay readable in /srv/storage/conversations
    ");
    }

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        assert_eq!(quoted(Path::new("/srv/wakeman.db")), "/srv/wakeman.db");
        assert_eq!(quoted(Path::new("/my data/it's")), r"'/my data/it'\''s'");
    }
}
