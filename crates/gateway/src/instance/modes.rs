//! Who else of the machine could read or change the instance.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{InstanceDir, input::read};
use crate::config::SecretFile;

/// The longest path a Unix socket can have on Linux, its end mark apart.
const SOCKET_PATH_MAX: usize = 107;

/// Something about a file that a person should put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// The command or the change that puts it right.
    pub remedy: String,
}

impl InstanceDir {
    /// Checks that the instance's folder and everything directly sensitive in it is this account's alone. Reads modes only.
    pub fn check_modes(&self) -> Vec<Problem> {
        let folders = [
            self.path().to_owned(),
            self.path().join("read-only"),
            self.storage(),
            self.state(),
            self.conversations(),
            self.sessions(),
            self.workspace(),
        ];
        let files = [
            self.env_file(),
            self.database(),
            self.journal_key(),
            self.socket(),
            self.settings(),
            self.tools(),
            self.wakeup(),
        ];
        let mut problems = Vec::new();
        problems.extend(folders.iter().filter_map(|path| shared(path, "700")));
        problems.extend(files.iter().filter_map(|path| shared(path, "600")));
        problems.extend(self.socket_too_long());
        problems
    }

    fn socket_too_long(&self) -> Option<Problem> {
        let path = self.socket();
        let bytes = path.as_os_str().len();
        (bytes > SOCKET_PATH_MAX).then(|| Problem {
            path,
            what: format!("its path has {bytes} bytes, and a socket's may have {SOCKET_PATH_MAX}"),
            remedy: "move the instance to a shorter path with --root".to_owned(),
        })
    }
}

/// A file that is not there is not a problem of its mode.
fn shared(path: &Path, wanted: &str) -> Option<Problem> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o7777;
    (mode & 0o077 != 0).then(|| Problem {
        path: path.to_owned(),
        what: format!("other accounts of this machine have rights on it (mode {mode:04o})"),
        remedy: format!("chmod {wanted} {}", path.display()),
    })
}

/// Opens a file for [`Secrets::load`](crate::config::Secrets::load), with the mode it has.
///
/// # Errors
/// What the system says; also when it is no file, or larger than 64 KiB or not UTF-8, which no credential is.
pub fn read_secret_file(path: &Path) -> io::Result<SecretFile> {
    const BYTES_MAX: u64 = 64 * 1024;
    let file = read(path, BYTES_MAX)?;
    Ok(SecretFile { text: file.text, mode: file.mode })
}
