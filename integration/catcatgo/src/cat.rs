//! A cat: a name, the words it is found by, and what it looks like.

use serde::{Deserialize, Serialize};

/// A cat as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cat {
    /// The name, unique in a database.
    pub name: String,
    /// The words that it is found by, the most telling first.
    pub tags: Vec<String>,
    /// What the picture shows.
    pub looks: Looks,
}

impl Cat {
    /// A cat whose tags name what the picture shows, after those given here (separated by spaces): the two cannot disagree.
    pub fn new(name: &str, tags: &str, looks: Looks) -> Self {
        let seen = [looks.fur.tag(), looks.coat.tag(), looks.wears.tag(), looks.mood.tag(), looks.ears.tag(), "cat"];
        let tags = tags.split(' ').chain(seen).filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
        Self { name: name.to_owned(), tags, looks }
    }

    /// The words that the cat is found by: those of its name, then its tags, all in lower case.
    pub fn words(&self) -> impl Iterator<Item = String> {
        let name = self.name.split_whitespace().chain([self.name.as_str()]);
        name.chain(self.tags.iter().map(String::as_str)).map(str::to_lowercase)
    }
}

/// What a picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looks {
    /// The colour.
    pub fur: Fur,
    /// What is on the fur.
    pub coat: Coat,
    /// The shape of the ears.
    pub ears: Ears,
    /// The colour of the eyes.
    pub eyes: Eyes,
    /// What the eyes and the mouth do.
    pub mood: Mood,
    /// What the cat wears.
    pub wears: Wears,
}

/// An enum that is stored by its name and has one word or colour a variant.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident . $method:ident: $($variant:ident = $text:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($variant),+ }

        impl $name {
            /// Every variant, so that tests can draw them all.
            #[cfg(test)]
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word or the colour that belongs to the variant.
            pub const fn $method(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

choice! {
    /// The colour of the fur.
    Fur.tag: Black = "black", White = "white", Grey = "grey", Ginger = "ginger", Cream = "cream", Brown = "brown"
}

choice! {
    /// What is on the fur.
    Coat.tag: Plain = "", Tabby = "tabby", Tuxedo = "tuxedo", Patches = "patches", Points = "siamese", Spots = "spots"
}

choice! {
    /// The shape of the ears.
    Ears.tag: Pointed = "", Folded = "folded", Tufted = "tufted"
}

choice! {
    /// The colour of the eyes.
    Eyes.colour: Green = "#4fae5b", Blue = "#3f9be0", Amber = "#f0a92b", Copper = "#c8692b"
}

choice! {
    /// What the eyes and the mouth do.
    Mood.tag: Awake = "", Sleepy = "sleepy", Happy = "happy", Grumpy = "grumpy", Surprised = "surprised"
}

choice! {
    /// What the cat wears.
    Wears.tag: Nothing = "", Bow = "bow", Hat = "hat", Glasses = "glasses", Crown = "crown", Scarf = "scarf", Flower = "flower"
}

impl Fur {
    /// The colour itself, the darker one of its markings, and the lighter one of its background.
    pub const fn colours(self) -> [&'static str; 3] {
        match self {
            Self::Black => ["#3b3a45", "#23222b", "#e3e0f3"],
            Self::White => ["#f8f5ef", "#d9d0c4", "#cfe6f2"],
            Self::Grey => ["#98a2b3", "#697586", "#f3e3ea"],
            Self::Ginger => ["#f0994a", "#c86a1f", "#d9efe6"],
            Self::Cream => ["#f2dcb6", "#c9a071", "#dfe5f7"],
            Self::Brown => ["#a9764d", "#70462a", "#f7ebc9"],
        }
    }
}
