//! What the second version of the backend does better: it knows synonyms and puts the best match first.

use crate::cat::Cat;
use crate::cats::{Cats, Error};

/// Words that mean the same to somebody who looks for a cat.
const SYNONYMS: &[&[&str]] = &[
    &["ginger", "orange", "red", "marmalade"],
    &["black", "dark", "shadow", "night"],
    &["white", "snow", "winter"],
    &["grey", "gray", "silver", "smokey"],
    &["cream", "beige", "honey"],
    &["brown", "coffee", "chocolate"],
    &["kitten", "baby", "young", "tiny"],
    &["tabby", "striped", "stripes", "tiger"],
    &["spots", "spotted", "leopard"],
    &["sleepy", "tired", "lazy", "siesta", "nap"],
    &["happy", "playful", "glad", "smile"],
    &["grumpy", "angry", "monday"],
    &["surprised", "shocked", "test"],
    &["clever", "smart", "teacher", "detective"],
    &["elegant", "gentleman", "posh", "fancy"],
    &["queen", "king", "crown", "royal", "princess"],
    &["hunter", "wild", "panther"],
    &["fluffy", "cuddly", "soft"],
    &["cat", "cats", "kitty", "feline", "meow"],
];

/// What a cat gets that has the word itself.
const EXACT: u32 = 100;
/// What a cat gets that has a synonym of it.
const SIMILAR: u32 = 60;
/// What is taken off for each tag that says more about the cat than the one that matched.
const LATER: u32 = 4;
/// What each further match adds.
const FURTHER: u32 = 5;

/// A cat that was found.
#[derive(Debug, PartialEq, Eq)]
pub struct Ranked {
    /// The cat.
    pub cat: Cat,
    /// How well it matches: around 100 for the word itself, around 60 for synonyms.
    pub score: u32,
    /// The words that it matches, the best first.
    pub matched: Vec<String>,
}

/// The cats that match the words, or synonyms of them, the best first.
///
/// # Errors
/// The database fails.
pub async fn search(cats: &Cats, words: &str) -> Result<Vec<Ranked>, Error> {
    let mut ranked: Vec<Ranked> = vec![];
    for (term, weight) in terms(words) {
        for cat in cats.search(&term).await? {
            let score = score(&cat, &term, weight);
            match ranked.iter_mut().find(|seen| seen.cat.name == cat.name) {
                Some(seen) => {
                    seen.score = seen.score.max(score) + FURTHER;
                    seen.matched.push(term.clone());
                }
                None => ranked.push(Ranked { cat, score, matched: vec![term.clone()] }),
            }
        }
    }
    ranked.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.cat.name.cmp(&b.cat.name)));
    Ok(ranked)
}

/// What to look for, without repetition: all of it, then each word, then what means the same.
fn terms(words: &str) -> Vec<(String, u32)> {
    let words = words.to_lowercase();
    let mut terms: Vec<(String, u32)> = vec![];
    let mut add = |term: &str, weight| {
        if !terms.iter().any(|(known, _)| known == term) {
            terms.push((term.to_owned(), weight));
        }
    };
    add(&words, EXACT);
    let each = || words.split_whitespace().flat_map(|word| [Some(word), word.strip_suffix('s')]).flatten();
    each().for_each(|word| add(word, EXACT));
    for word in each() {
        let same = SYNONYMS.iter().filter(|group| group.contains(&word));
        same.flat_map(|group| group.iter()).for_each(|word| add(word, SIMILAR));
    }
    terms
}

fn score(cat: &Cat, term: &str, weight: u32) -> u32 {
    // A cat of that name has no such tag, and nothing is taken off.
    let place = cat.tags.iter().position(|tag| tag == term).unwrap_or(0);
    weight.saturating_sub(LATER * u32::try_from(place).unwrap_or(u32::MAX / LATER))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ranked(words: &str) -> Vec<(String, u32)> {
        let cats = Cats::open(None).unwrap();
        search(&cats, words).await.unwrap().into_iter().map(|found| (found.cat.name, found.score)).collect()
    }

    #[tokio::test]
    async fn the_word_itself_comes_before_synonyms() {
        let found = ranked("leopard").await;
        assert_eq!(found[0].0, "Leo");
        assert!(found.len() > 3 && found[0].1 > 90 && found[1].1 <= 65, "{found:?}");
        assert!(found.windows(2).all(|pair| pair[0].1 >= pair[1].1), "{found:?}");
    }

    #[tokio::test]
    async fn finds_what_nobody_tagged() {
        assert!(Cats::open(None).unwrap().search("orange").await.unwrap().is_empty());
        assert!(ranked("orange").await.iter().any(|(name, _)| name == "Pumpkin"));
        assert_eq!(ranked("kittens").await, ranked("kitten").await);
        assert_eq!(ranked("dog").await, []);
    }

    #[tokio::test]
    async fn several_words_add_up() {
        assert_eq!(ranked("sleepy kitten scarf").await[0].0, "Sooty");
        assert_eq!(ranked("Earl Grey").await[0].0, "Earl Grey");
    }
}
