//! A new instance from the template.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use super::{
    InstanceDir, InstanceError,
    atomic::{ensure_folder, write_atomic},
};

/// One file of the template: its path below the instance, and its content.
#[derive(Debug, Clone, Copy)]
pub struct TemplateFile<'a> {
    /// `read-only/settings.json`.
    pub path: &'a str,
    /// What is in it.
    pub bytes: &'a [u8],
}

/// What creating an instance did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Created {
    /// Files that were written, as paths below the instance.
    pub written: Vec<PathBuf>,
    /// Files that were there already and were left as they are.
    pub kept: Vec<PathBuf>,
}

impl InstanceDir {
    /// Creates what is missing: folders 0700, the template's files 0600. What is there already stays as it is.
    ///
    /// # Errors
    /// [`InstanceError::Template`], [`InstanceError::Io`].
    pub fn create_from_template(&self, files: &[TemplateFile<'_>]) -> Result<Created, InstanceError> {
        for folder in [self.state(), self.conversations(), self.sessions(), self.workspace()] {
            ensure_folder(&folder)?;
        }
        let mut created = Created::default();
        for file in files {
            let below = below_instance(file.path)?;
            let target = self.path().join(&below);
            if fs::symlink_metadata(&target).is_ok() {
                created.kept.push(below);
                continue;
            }
            ensure_folder(target.parent().unwrap_or(self.path()))?;
            write_atomic(&target, file.bytes)?;
            created.written.push(below);
        }
        Ok(created)
    }
}

fn below_instance(path: &str) -> Result<PathBuf, InstanceError> {
    let path = Path::new(path);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    if plain && path.file_name().is_some() {
        Ok(path.to_owned())
    } else {
        Err(InstanceError::Template(path.display().to_string()))
    }
}
