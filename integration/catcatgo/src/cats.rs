//! The database of cats: an embedded one (redb), behind an interface as narrow as a search engine needs.
//!
//! All that the backend knows is [`Cats::open`] and [`Cats::search`]. Another database joins by offering the same two:
//! that is why searching is async here although the file is local, and why errors are text.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use redb::backends::InMemoryBackend;
use redb::{
    Database, DatabaseError, MultimapTableDefinition, ReadableDatabase, ReadableTableMetadata, TableDefinition,
};

use crate::cat::Cat;
use crate::seed;

/// Name to document, in JSON.
const CATS: TableDefinition<&str, &[u8]> = TableDefinition::new("cats");
/// Word to the names of the cats that are found by it.
const WORDS: MultimapTableDefinition<&str, &str> = MultimapTableDefinition::new("words");

/// A database of cats. Clones share it.
#[derive(Clone)]
pub struct Cats {
    db: Arc<Database>,
}

impl Cats {
    /// Opens the database in this file, or one in memory, and fills it if it is new.
    ///
    /// # Errors
    /// The file cannot be read or written, is no database, or belongs to a process that runs.
    pub fn open(path: Option<&Path>) -> Result<Self, Error> {
        let db = match path {
            Some(path) => Database::create(path).map_err(|error| Error::opening(path, &error))?,
            None => Database::builder().create_with_backend(InMemoryBackend::new())?,
        };
        let cats = Self { db: Arc::new(db) };
        cats.fill()?;
        Ok(cats)
    }

    /// The cats with this word in their name or among their tags, whatever its case, in the order of their names.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn search(&self, word: &str) -> Result<Vec<Cat>, Error> {
        let (cats, word) = (self.clone(), word.to_lowercase());
        // A read may wait for the disk, and what waits must not hold a thread that serves others.
        tokio::task::spawn_blocking(move || cats.find(&word)).await.map_err(Error::new)?
    }

    fn find(&self, word: &str) -> Result<Vec<Cat>, Error> {
        let read = self.db.begin_read()?;
        let (words, cats) = (read.open_multimap_table(WORDS)?, read.open_table(CATS)?);
        let mut found = vec![];
        for name in words.get(word)? {
            if let Some(cat) = cats.get(name?.value())? {
                found.push(serde_json::from_slice(cat.value())?);
            }
        }
        Ok(found)
    }

    /// One transaction: a start that is interrupted leaves an empty database, which the next start fills.
    fn fill(&self) -> Result<(), Error> {
        let write = self.db.begin_write()?;
        {
            let mut cats = write.open_table(CATS)?;
            let mut words = write.open_multimap_table(WORDS)?;
            if cats.is_empty()? {
                for cat in seed::cats() {
                    let name = cat.name.as_str();
                    cats.insert(name, serde_json::to_vec(&cat)?.as_slice())?;
                    for word in cat.words() {
                        words.insert(word.as_str(), name)?;
                    }
                }
            }
        }
        Ok(write.commit()?)
    }
}

/// Why the database does not answer, in words.
#[derive(Debug)]
pub struct Error(String);

impl Error {
    fn new(error: impl fmt::Display) -> Self {
        Self(format!("the database fails: {error}"))
    }

    fn opening(path: &Path, error: &DatabaseError) -> Self {
        let path = path.display();
        match error {
            DatabaseError::DatabaseAlreadyOpen => {
                Self(format!("the database {path} is in use: each backend needs a --db of its own"))
            }
            error => Self(format!("cannot open the database {path}: {error}")),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// So that `?` takes whatever redb and serde report; none of it is told apart.
macro_rules! from {
    ($($error:ty),+) => {
        $(impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::new(error)
            }
        })+
    };
}

from!(
    DatabaseError,
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError,
    serde_json::Error
);

#[cfg(test)]
mod tests {
    use super::*;

    /// A path for a database that is removed with its test, also when that fails.
    struct Scratch(std::path::PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            Self(std::env::temp_dir().join(format!("catcatgo-{}-{name}.redb", std::process::id())))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn names(cats: &Cats, word: &str) -> Vec<String> {
        cats.find(&word.to_lowercase()).unwrap().into_iter().map(|cat| cat.name).collect()
    }

    #[tokio::test]
    async fn finds_by_name_tag_and_any_case() {
        let cats = Cats::open(None).unwrap();
        let found = cats.search("SCHRÖDINGER").await.unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].tags.contains(&"quantum".to_owned()));
        assert_eq!(names(&cats, "crown"), ["Duchess", "Sultan"]);
        assert_eq!(names(&cats, "paws"), ["Inspector Paws"]);
        assert_eq!(names(&cats, "inspector paws"), ["Inspector Paws"]);
        assert_eq!(names(&cats, "cat").len(), seed::cats().count());
        assert!(names(&cats, "dog").is_empty());
        assert!(names(&cats, "").is_empty());
    }

    #[test]
    fn a_file_is_filled_once_and_kept() {
        let path = Scratch::new("kept");
        let before = names(&Cats::open(Some(&path.0)).unwrap(), "cat");
        let cats = Cats::open(Some(&path.0)).unwrap();
        assert_eq!(names(&cats, "cat"), before);
    }

    #[test]
    fn a_file_in_use_or_of_another_kind_is_refused_in_words() {
        let path = Scratch::new("refused");
        let first = Cats::open(Some(&path.0)).unwrap();
        let error = Cats::open(Some(&path.0)).err().unwrap().to_string();
        assert!(error.contains("in use") && error.contains("--db"), "{error}");
        drop(first);
        std::fs::write(&path.0, "a dog").unwrap();
        let error = Cats::open(Some(&path.0)).err().unwrap().to_string();
        assert!(error.contains("cannot open the database"), "{error}");
        assert!(Cats::open(Some(Path::new("/nowhere/cats.redb"))).is_err());
    }
}
