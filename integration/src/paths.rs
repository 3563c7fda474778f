//! Where things lie: the repository, what the build left in `target/`, Envoy, and temporary folders.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process, thread};

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is a folder of the workspace")
}

/// The folder of the WebAssembly modules, `target/wasm`. It may not be there yet.
pub fn modules() -> PathBuf {
    root().join("target/wasm")
}

/// One module by its name: `module("router")` is `target/wasm/router.wasm`.
///
/// Panics where it has not been built.
pub fn module(name: &str) -> PathBuf {
    built(modules().join(format!("{name}.wasm")))
}

/// The `sailcloth` command, `target/release/sailcloth`.
///
/// Panics where it has not been built.
pub fn sailcloth() -> PathBuf {
    built(root().join("target/release/sailcloth"))
}

/// The programs of the example mesh, `target/release/catcatgo`.
///
/// Panics where it has not been built.
pub fn catcatgo() -> PathBuf {
    built(root().join("target/release/catcatgo"))
}

fn built(path: PathBuf) -> PathBuf {
    assert!(path.is_file(), "{} is missing: run scripts/build.sh --demo, which builds it", path.display());
    path
}

/// The Envoy that tests run: what `scripts/envoy.sh` finds (`$ENVOY` first, a download last), asked once per process.
///
/// Panics with the script's own words where there is none.
pub fn envoy() -> &'static Path {
    static ENVOY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    ENVOY.get_or_init(|| find_envoy(&[])).as_deref().unwrap_or_else(|why| panic!("{why}"))
}

/// Exactly this version of Envoy, from the download, whatever `$ENVOY` and PATH say.
pub fn envoy_version(version: &str) -> PathBuf {
    find_envoy(&["--version", version]).unwrap_or_else(|why| panic!("{why}"))
}

fn find_envoy(arguments: &[&str]) -> Result<PathBuf, String> {
    let script = root().join("scripts/envoy.sh");
    let output = Command::new(&script)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{} does not start: {error}", script.display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("tests need an Envoy, and {} found none:\n{said}", script.display()));
    }
    let path = String::from_utf8_lossy(&output.stdout);
    Ok(PathBuf::from(path.trim_end()))
}

/// A folder of its own, removed with everything in it when this is dropped; kept, and named on stderr, when the test
/// that drops it is failing.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    /// Makes the folder. `name` is there for people who look into the system's temporary folder.
    pub fn new(name: &str) -> TempDir {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = env::temp_dir().join(format!("sailcloth-{name}-{}-{count}", process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return TempDir(path),
                // Left by an earlier process that had our id.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("cannot make the temporary folder {}: {error}", path.display()),
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file into it in one step (a new file, then a rename, which is what Envoy's file subscriptions notice),
    /// and says where.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        let fresh = self.0.join(format!(".{name}.new"));
        fs::write(&fresh, content)
            .and_then(|()| fs::rename(&fresh, &path))
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        path
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("kept for a look: {}", self.0.display());
        } else if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}
