//! Which files paths stand for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::InputError;

/// No tree of manifests is as deep.
const DEEPEST: usize = 100;

/// The files that a path stands for, by name: those of a folder, as `kubectl apply -f` takes them, and with `recursive`
/// those of the folders in it. Links to folders are not followed, so that there is an end. Folders that cannot be read
/// hide no others.
pub(super) fn files(path: &Path, recursive: bool) -> (Vec<PathBuf>, Vec<InputError>) {
    let found = fs::metadata(path).map(|found| found.is_dir());
    match found {
        Err(error) => return (Vec::new(), vec![InputError::Unreadable(path.to_owned(), error)]),
        Ok(false) => return (vec![path.to_owned()], Vec::new()),
        Ok(true) => {}
    }
    let mut walk = Walk { read: |folder: &Path| fs::read_dir(folder), files: Vec::new(), unread: Vec::new() };
    walk.go(path, if recursive { DEEPEST } else { 0 });
    let Walk { mut files, mut unread, .. } = walk;
    if files.is_empty() && unread.is_empty() {
        unread.push(InputError::EmptyFolder(path.to_owned(), recursive));
    }
    files.sort();
    (files, unread)
}

struct Walk<R> {
    read: R,
    files: Vec<PathBuf>,
    unread: Vec<InputError>,
}

impl<R: FnMut(&Path) -> io::Result<fs::ReadDir>> Walk<R> {
    fn go(&mut self, folder: &Path, deeper: usize) {
        if let Err(error) = (self.read)(folder).and_then(|entries| self.entries(entries, deeper)) {
            self.unread.push(InputError::Unreadable(folder.to_owned(), error));
        }
    }

    fn entries(&mut self, entries: fs::ReadDir, deeper: usize) -> io::Result<()> {
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                if deeper > 0 {
                    self.go(&path, deeper - 1);
                }
                continue;
            }
            let fits = path.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json");
            if fits && !path.is_dir() {
                self.files.push(path);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever runs this may be allowed to read everything, so that the refusal is played.
    #[test]
    fn a_folder_that_cannot_be_read_hides_no_others() {
        let root = std::env::temp_dir().join(format!("sailcloth-files-{}", std::process::id()));
        for folder in ["a", "b", "c"] {
            fs::create_dir_all(root.join(folder)).unwrap();
            fs::write(root.join(folder).join("x.yaml"), "").unwrap();
        }
        let read = |folder: &Path| match folder.ends_with("b") {
            true => Err(io::Error::from(io::ErrorKind::PermissionDenied)),
            false => fs::read_dir(folder),
        };
        let mut walk = Walk { read, files: Vec::new(), unread: Vec::new() };
        walk.go(&root, 1);
        let Walk { mut files, unread, .. } = walk;
        files.sort();
        assert_eq!(files, [root.join("a/x.yaml"), root.join("c/x.yaml")]);
        let said: Vec<String> = unread.iter().map(ToString::to_string).collect();
        assert_eq!(said, [format!("cannot read `{}`: permission denied", root.join("b").display())]);
        fs::remove_dir_all(root).unwrap();
    }
}
