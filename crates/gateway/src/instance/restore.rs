//! The way out of a damaged database.

use std::path::Path;

use super::InstanceDir;

impl InstanceDir {
    /// How to get from a damaged database to a sound one, step by step. The damaged file is kept.
    pub fn restore_steps(&self) -> Vec<String> {
        let (database, storage) = (quoted(&self.database()), quoted(&self.storage()));
        let kept = quoted(&self.storage().join("damaged"));
        let copy = quoted(&self.storage().join("damaged/wakeman.db"));
        let saved = quoted(&self.storage().join("damaged/saved.sql"));
        vec![
            "stop `wakeman run`, if it runs".to_owned(),
            format!("keep what there is: mkdir -p -m 700 {kept} && mv {database}* {kept}/"),
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
    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        assert_eq!(quoted(Path::new("/srv/wakeman.db")), "/srv/wakeman.db");
        assert_eq!(quoted(Path::new("/my data/it's")), r"'/my data/it'\''s'");
    }
}
