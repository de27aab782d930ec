//! Writing one file of a takeover without ever losing one that is there.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{TakeoverOutcome, files::KEPT};
use crate::instance::{
    InstanceDir, InstanceError, TemplateFile,
    atomic::{AtomicFile, ensure_folder},
};

/// What a file shall have in it.
#[derive(Clone, Copy)]
pub(super) enum Content<'a> {
    Bytes(&'a [u8]),
    /// What this file has.
    File(&'a Path),
}

impl<'a> Content<'a> {
    fn open(self) -> Result<Box<dyn Read + 'a>, InstanceError> {
        Ok(match self {
            Content::Bytes(bytes) => Box::new(bytes),
            Content::File(path) => Box::new(File::open(path).map_err(InstanceError::io("read", path))?),
        })
    }
}

/// Writes one file of the instance unless it is there. One with another content stays, unless it is as the template has it; ours
/// then goes below `storage/takeover/`, where a number is added to the name rather than anything replaced.
pub(super) fn put(
    dir: &InstanceDir,
    below: &Path,
    content: Content<'_>,
    template: &[TemplateFile<'_>],
    outcome: &mut TakeoverOutcome,
) -> Result<(), InstanceError> {
    let target = dir.path().join(below);
    match same(&target, content)? {
        Some(true) => Ok(()),
        None => write(dir, below, content, outcome),
        Some(false) if is_template(&target, below, template)? => write(dir, below, content, outcome),
        Some(false) if below.starts_with(KEPT) => put(dir, &numbered(below), content, &[], outcome),
        Some(false) => {
            outcome.kept.push(below.to_owned());
            put(dir, &Path::new(KEPT).join(below), content, &[], outcome)
        }
    }
}

/// `report.json` is followed by `report.json.2`, that by `report.json.3`.
fn numbered(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let next = match name.rsplit_once('.').map(|(stem, number)| (stem, number.parse::<u32>())) {
        Some((stem, Ok(number))) => format!("{stem}.{}", number.saturating_add(1)),
        _ => format!("{name}.2"),
    };
    path.with_file_name(next)
}

fn write(
    dir: &InstanceDir,
    below: &Path,
    content: Content<'_>,
    outcome: &mut TakeoverOutcome,
) -> Result<(), InstanceError> {
    let target = dir.path().join(below);
    ensure_folder(target.parent().unwrap_or(dir.path()))?;
    let mut file = AtomicFile::create(&target)?;
    io::copy(&mut content.open()?, &mut file).map_err(InstanceError::io("write", &target))?;
    file.finish()?;
    outcome.written.push(below.to_owned());
    Ok(())
}

fn is_template(target: &Path, below: &Path, template: &[TemplateFile<'_>]) -> Result<bool, InstanceError> {
    match template.iter().find(|file| Path::new(file.path) == below) {
        Some(file) => Ok(same(target, Content::Bytes(file.bytes))? == Some(true)),
        None => Ok(false),
    }
}

/// Whether `target` has that content; `None`: it does not exist.
fn same(target: &Path, content: Content<'_>) -> Result<Option<bool>, InstanceError> {
    let mut there = match File::open(target) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(InstanceError::io("read", target)(error)),
    };
    let wanted = match content {
        Content::Bytes(bytes) => bytes.len() as u64,
        Content::File(path) => fs::metadata(path).map_err(InstanceError::io("read", path))?.len(),
    };
    let length = there.metadata().map_err(InstanceError::io("read", target))?.len();
    if length != wanted {
        return Ok(Some(false));
    }
    same_bytes(&mut there, &mut content.open()?).map(Some).map_err(InstanceError::io("read", target))
}

fn same_bytes(one: &mut impl Read, other: &mut impl Read) -> io::Result<bool> {
    let (mut a, mut b) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let read = one.read(&mut a)?;
        if read == 0 {
            return Ok(true);
        }
        other.read_exact(&mut b[..read])?;
        if a[..read] != b[..read] {
            return Ok(false);
        }
    }
}
