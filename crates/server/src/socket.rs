//! The instance's Unix socket file.

use std::{
    fs, io,
    os::unix::{
        fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt},
        net::UnixListener as StdListener,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fd::OwnedFd,
    fs::Mode,
    io::Errno,
    net::{self, AddressFamily, SocketAddrUnix, SocketType},
};
use tokio::net::UnixListener;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 128;

/// Why the socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another daemon listens there.
    #[error("a daemon already serves this instance at {path}; stop it first, or use another --instance", path = path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something else has the socket's name.
    #[error("{path} is in the way: it is not a socket; move it away and start again", path = path.display())]
    NotASocket {
        /// What is in the way.
        path: PathBuf,
    },
    /// Another user could put a socket of their own in its place.
    #[error("other users may write to {dir} (mode {mode:o}); run `chmod 700 {dir}`", dir = dir.display())]
    OpenDirectory {
        /// The directory.
        dir: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The operating system has a limit of about 100 bytes for the path of a socket.
    #[error("{path} is too long for a socket; use a shorter --root (100 bytes in all)", path = path.display())]
    TooLong {
        /// The path.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("could not open the socket {path}; check that its directory exists and belongs to you", path = path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// What it said.
        #[source]
        source: io::Error,
    },
}

/// The instance's socket, listening. Dropping it removes the file.
#[derive(Debug)]
pub struct InstanceSocket {
    listener: UnixListener,
    file: SocketFile,
}

impl InstanceSocket {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    pub(crate) fn into_parts(self) -> (UnixListener, SocketFile) {
        (self.listener, self.file)
    }
}

/// Removes the file of a socket when dropped, unless another one has taken its place.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Opens the socket at `path` with mode 0600; a missing directory is made with mode 0700. Call it in a tokio runtime.
///
/// A file that a dead daemon left behind is replaced. Two daemons that start at the same moment are kept apart by the
/// instance's lock, not here.
///
/// # Errors
/// [`BindError`]: somebody listens there, something else is in the way, or the place is not safe.
pub fn bind_socket(path: &Path) -> Result<InstanceSocket, BindError> {
    let failed = |source: io::Error| BindError::Io { path: path.to_owned(), source };
    let address = SocketAddrUnix::new(path).map_err(|_| BindError::TooLong { path: path.to_owned() })?;
    prepare_directory(path)?;
    clear_stale(path, &address)?;
    let socket = new_socket().map_err(failed)?;
    // Before bind: the file is then never wider than this, not even for a moment. Not every system allows it.
    let _ = rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR);
    net::bind(&socket, &address).map_err(|errno| match errno {
        Errno::ADDRINUSE => BindError::InUse { path: path.to_owned() },
        other => failed(other.into()),
    })?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    let inode = fs::symlink_metadata(path).map_err(failed)?.ino();
    net::listen(&socket, BACKLOG).map_err(|errno| failed(errno.into()))?;
    let listener = UnixListener::from_std(StdListener::from(socket)).map_err(failed)?;
    Ok(InstanceSocket { listener, file: SocketFile { path: path.to_owned(), inode } })
}

fn new_socket() -> io::Result<OwnedFd> {
    let socket = net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    Ok(socket)
}

fn prepare_directory(path: &Path) -> Result<(), BindError> {
    let failed = |source: io::Error| BindError::Io { path: path.to_owned(), source };
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    let mode = fs::metadata(dir).map_err(failed)?.mode() & 0o7777;
    let others_write = mode & 0o022 != 0;
    let sticky = mode & 0o1000 != 0;
    if others_write && !sticky {
        return Err(BindError::OpenDirectory { dir: dir.to_owned(), mode });
    }
    Ok(())
}

/// Removes a socket file that nobody listens on.
fn clear_stale(path: &Path, address: &SocketAddrUnix) -> Result<(), BindError> {
    let failed = |source: io::Error| BindError::Io { path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(found) if !found.file_type().is_socket() => return Err(BindError::NotASocket { path: path.to_owned() }),
        Ok(_) => {}
    }
    let probe = new_socket().map_err(failed)?;
    match net::connect(&probe, address) {
        // Again: its queue is full, so somebody has it open.
        Ok(()) | Err(Errno::AGAIN) => Err(BindError::InUse { path: path.to_owned() }),
        Err(Errno::CONNREFUSED) => fs::remove_file(path).map_err(failed),
        Err(Errno::NOENT) => Ok(()),
        Err(other) => Err(failed(other.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_file_is_for_its_owner_alone_and_goes_away() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("storage/wakeman.sock");
        let socket = bind_socket(&path).unwrap();
        let mode = |path: &Path| fs::symlink_metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(socket.path(), path);
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_live_socket_is_left_alone_and_a_stale_one_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wakeman.sock");
        let first = bind_socket(&path).unwrap();
        let refusal = bind_socket(&path).unwrap_err();
        assert!(matches!(refusal, BindError::InUse { .. }), "{refusal}");
        assert!(path.exists(), "the refused one removed the file of the living");
        drop(first);

        drop(StdListener::bind(&path).unwrap());
        assert!(path.exists(), "a dead daemon leaves its file");
        drop(bind_socket(&path).unwrap());
    }

    #[tokio::test]
    async fn a_successor_keeps_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wakeman.sock");
        let first = bind_socket(&path).unwrap();
        fs::rename(&path, dir.path().join("moved")).unwrap();
        let second = bind_socket(&path).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_is_not_ours_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("wakeman.sock");
        fs::write(&file, "somebody's notes").unwrap();
        let refusal = bind_socket(&file).unwrap_err();
        assert!(matches!(refusal, BindError::NotASocket { .. }), "{refusal}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "somebody's notes");

        let long = dir.path().join("x".repeat(120)).join("wakeman.sock");
        let refusal = bind_socket(&long).unwrap_err();
        assert!(matches!(refusal, BindError::TooLong { .. }), "{refusal}");
        assert!(!long.parent().unwrap().exists());

        let open = dir.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        let refusal = bind_socket(&open.join("wakeman.sock")).unwrap_err().to_string();
        assert!(refusal.contains("mode 777") && refusal.contains("chmod 700"), "{refusal}");
    }
}
