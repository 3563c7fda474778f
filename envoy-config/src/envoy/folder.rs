//! A folder of one's own for as long as Envoy runs.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::EnvoyError;

/// A folder that only its owner may look into, and that is gone when this is dropped unless somebody keeps it.
#[derive(Debug)]
pub struct TemporaryFolder {
    path: PathBuf,
    kept: bool,
}

impl TemporaryFolder {
    /// A new folder where the system keeps temporary things.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> Result<TemporaryFolder, EnvoyError> {
        let parent = std::env::temp_dir();
        let id = std::process::id();
        for attempt in 0..1000 {
            // Made by us or not at all: a folder of this name that is there already may be somebody else's trap.
            let path = parent.join(format!("sailcloth-{id}-{attempt}"));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(TemporaryFolder { path, kept: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(EnvoyError::Write(path, error)),
            }
        }
        Err(EnvoyError::Write(parent, io::ErrorKind::AlreadyExists.into()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it there, for somebody to look into.
    pub fn keep(&mut self) {
        self.kept = true;
    }

    /// Writes a new file in it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf, EnvoyError> {
        let path = self.path.join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        match file.and_then(|mut file| file.write_all(content)) {
            Ok(()) => Ok(path),
            Err(error) => Err(EnvoyError::Write(path, error)),
        }
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed is the system's to clean up.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
