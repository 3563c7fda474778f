//! The backend: answers searches with cats, in JSON.

use std::time::Duration;

use hyper::StatusCode;
use hyper::http::request::Parts;
use serde::Serialize;

use crate::cat::Cat;
use crate::cats::{Cats, Error};
use crate::draw::draw;
use crate::load::Load;
use crate::rank::{self, Ranked};
use crate::serve::{Answer, Role, Version, json, problem};
use crate::word::word;

/// The backend and what it counts.
pub struct Backend {
    version: Version,
    cats: Cats,
    work: Duration,
    load: Load,
}

impl Backend {
    /// A backend of this version. Version `v1` finds exactly the word, in the order of names; every other one ranks.
    /// Each search takes `work` longer than it needs.
    pub fn new(version: Version, cats: Cats, work: Duration) -> Self {
        Self { version, cats, work, load: Load::default() }
    }

    async fn search(&self, word: &str) -> Result<Vec<Found>, Error> {
        Ok(if self.version.is_first() {
            self.cats.search(word).await?.into_iter().map(Found::from).collect()
        } else {
            rank::search(&self.cats, word).await?.into_iter().map(Found::from).collect()
        })
    }

    async fn answer_search(&self, word: Result<String, String>) -> Answer {
        let _visit = self.load.enter();
        let word = match word {
            Ok(word) => word,
            Err(wrong) => return problem(StatusCode::BAD_REQUEST, &wrong),
        };
        if !self.work.is_zero() {
            tokio::time::sleep(self.work).await;
        }
        match self.search(&word).await {
            Ok(cats) => json(StatusCode::OK, &Body { word: &word, version: self.version.as_str(), cats }),
            Err(error) => {
                eprintln!("catcatgo backend {}: {error}", self.version);
                problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())
            }
        }
    }
}

impl Role for Backend {
    const NAME: &'static str = "backend";
    const ROUTES: &'static [&'static str] = &["/api/v1.0/search/{word}", "/stats", "/healthz"];

    async fn answer(&self, request: &Parts) -> Option<Answer> {
        match request.uri.path() {
            "/stats" => Some(json(StatusCode::OK, &self.load.stats())),
            path => Some(self.answer_search(word(path)?).await),
        }
    }
}

/// The answer to a search.
#[derive(Serialize)]
struct Body<'a> {
    word: &'a str,
    version: &'a str,
    cats: Vec<Found>,
}

/// A cat in an answer.
#[derive(Serialize)]
struct Found {
    name: String,
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    matched: Vec<String>,
    svg: String,
}

impl From<Cat> for Found {
    fn from(cat: Cat) -> Self {
        Self { svg: draw(&cat.looks), name: cat.name, tags: cat.tags, score: None, matched: vec![] }
    }
}

impl From<Ranked> for Found {
    fn from(ranked: Ranked) -> Self {
        Self { score: Some(ranked.score), matched: ranked.matched, ..Self::from(ranked.cat) }
    }
}
