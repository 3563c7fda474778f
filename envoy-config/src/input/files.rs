//! Which files paths stand for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::InputError;

/// No tree of manifests is as deep.
const DEEPEST: usize = 100;

/// The files that a path stands for, by name: those of a folder, as `kubectl apply -f` takes them, and with `recursive`
/// those of the folders in it. Links to folders are not followed, so that there is an end.
pub(super) fn files(path: &Path, recursive: bool) -> Result<Vec<PathBuf>, InputError> {
    let unreadable = |error| InputError::Unreadable(path.to_owned(), error);
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    walk(path, if recursive { DEEPEST } else { 0 }, &mut files)
        .map_err(|(path, error)| InputError::Unreadable(path, error))?;
    if files.is_empty() {
        return Err(InputError::EmptyFolder(path.to_owned(), recursive));
    }
    files.sort();
    Ok(files)
}

fn walk(folder: &Path, deeper: usize, files: &mut Vec<PathBuf>) -> Result<(), (PathBuf, io::Error)> {
    let unreadable = |error| (folder.to_owned(), error);
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        if entry.file_type().map_err(unreadable)?.is_dir() {
            if deeper > 0 {
                walk(&path, deeper - 1, files)?;
            }
            continue;
        }
        let fits = path.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json");
        if fits && !path.is_dir() {
            files.push(path);
        }
    }
    Ok(())
}
