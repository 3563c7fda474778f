//! The cats that a new database starts with.

use crate::cat::Coat::{self, Patches, Plain, Points, Spots, Tabby, Tuxedo};
use crate::cat::Ears::{self, Folded, Pointed, Tufted};
use crate::cat::Eyes::{self, Amber, Blue, Copper, Green};
use crate::cat::Fur::{self, Black, Brown, Cream, Ginger, Grey, White};
use crate::cat::Mood::{self, Awake, Grumpy, Happy, Sleepy, Surprised};
use crate::cat::Wears::{self, Bow, Crown, Flower, Glasses, Hat, Nothing, Scarf};
use crate::cat::{Cat, Looks};

/// Name, tags beside those that the looks give, and the looks.
type Row = (&'static str, &'static str, Fur, Coat, Ears, Eyes, Mood, Wears);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("Marmalade",      "kitten playful",         Ginger, Tabby,   Pointed, Green,  Happy,     Nothing),
    ("Pumpkin",        "lazy round",             Ginger, Plain,   Folded,  Amber,  Sleepy,    Nothing),
    ("Sir Pounce",     "hunter gentleman",       Ginger, Tuxedo,  Pointed, Green,  Awake,     Hat),
    ("Paprika",        "kitten wild",            Ginger, Spots,   Tufted,  Amber,  Surprised, Nothing),
    ("Clementine",     "sweet princess",         Ginger, Tabby,   Pointed, Copper, Happy,     Flower),
    ("Midnight",       "shadow quiet",           Black,  Plain,   Pointed, Amber,  Awake,     Nothing),
    ("Salem",          "witch halloween",        Black,  Plain,   Tufted,  Green,  Grumpy,    Hat),
    ("Figaro",         "opera gentleman",        Black,  Tuxedo,  Pointed, Green,  Awake,     Bow),
    ("Inspector Paws", "detective clever",       Black,  Tuxedo,  Folded,  Blue,   Awake,     Glasses),
    ("Sooty",          "kitten cuddly",          Black,  Plain,   Pointed, Copper, Sleepy,    Scarf),
    ("Bagheera",       "panther hunter",         Black,  Spots,   Pointed, Green,  Awake,     Nothing),
    ("Snowball",       "kitten fluffy",          White,  Plain,   Pointed, Blue,   Surprised, Nothing),
    ("Duchess",        "elegant queen",          White,  Plain,   Pointed, Blue,   Awake,     Crown),
    ("Domino",         "playful",                White,  Patches, Pointed, Green,  Happy,     Nothing),
    ("Yuki",           "winter fluffy",          White,  Plain,   Tufted,  Blue,   Sleepy,    Scarf),
    ("Edelweiss",      "mountain sweet",         White,  Spots,   Folded,  Amber,  Happy,     Flower),
    ("Earl Grey",      "tea gentleman",          Grey,   Plain,   Folded,  Copper, Awake,     Bow),
    ("Misty",          "quiet shy",              Grey,   Tabby,   Pointed, Green,  Sleepy,    Nothing),
    ("Professor Purr", "clever teacher",         Grey,   Plain,   Pointed, Amber,  Awake,     Glasses),
    ("Smokey",         "kitten wild",            Grey,   Spots,   Tufted,  Amber,  Surprised, Nothing),
    ("Grumbles",       "angry monday",           Grey,   Tuxedo,  Pointed, Blue,   Grumpy,    Nothing),
    ("Pebble",         "tiny kitten",            Grey,   Patches, Folded,  Blue,   Happy,     Nothing),
    ("Biscuit",        "cuddly round",           Cream,  Plain,   Folded,  Amber,  Happy,     Nothing),
    ("Mei Ling",       "elegant talkative",      Cream,  Points,  Pointed, Blue,   Awake,     Nothing),
    ("Sultan",         "king lazy",              Cream,  Points,  Pointed, Blue,   Grumpy,    Crown),
    ("Honey",          "sweet kitten",           Cream,  Tabby,   Pointed, Green,  Sleepy,    Flower),
    ("Cappuccino",     "coffee cuddly",          Brown,  Patches, Pointed, Green,  Awake,     Scarf),
    ("Tiger",          "hunter wild",            Brown,  Tabby,   Pointed, Amber,  Grumpy,    Nothing),
    ("Mocha",          "coffee siesta",          Brown,  Points,  Folded,  Blue,   Sleepy,    Nothing),
    ("Leo",            "wild leopard",           Brown,  Spots,   Tufted,  Green,  Awake,     Nothing),
    ("Doctor Whisker", "test laboratory clever", White,  Tabby,   Pointed, Green,  Surprised, Glasses),
    ("Schrödinger",    "test box quantum",       Brown,  Tuxedo,  Tufted,  Copper, Surprised, Bow),
];

/// The cats that a new database starts with.
pub fn cats() -> impl Iterator<Item = Cat> {
    ROWS.iter().map(|&(name, tags, fur, coat, ears, eyes, mood, wears)| {
        Cat::new(name, tags, Looks { fur, coat, ears, eyes, mood, wears })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_and_pictures_are_unique() {
        let names: HashSet<_> = cats().map(|cat| cat.name).collect();
        let pictures: HashSet<_> = cats().map(|cat| crate::draw::draw(&cat.looks)).collect();
        assert_eq!((names.len(), pictures.len()), (ROWS.len(), ROWS.len()));
    }

    #[test]
    fn tags_say_what_the_picture_shows() {
        let sooty = cats().find(|cat| cat.name == "Sooty").unwrap();
        assert_eq!(sooty.tags, ["kitten", "cuddly", "black", "scarf", "sleepy", "cat"]);
    }
}
