//! `\pL`, `\p{Greek}` and their like: what of them is a byte in Latin-1, which is what RE2 has of them there.
//!
//! The names are those that both RE2 and Go, by which Istio's webhook reads patterns, have.

use super::bytes::Bytes;
use super::class::set_of;
use super::cursor::Cursor;
use super::error::{Kind, Re2Error};

/// Bytes from the first to the last.
type Ranges = &'static [(u8, u8)];

/// Categories of characters, of which one letter stands for all that begin with it, and scripts.
const NAMED: [(&str, Ranges); 22] = [
    ("Any", &[(0, 255)]),
    ("Cc", &[(0, 31), (127, 159)]),
    ("Cf", &[(173, 173)]),
    ("Common", &[(0, 64), (91, 96), (123, 169), (171, 185), (187, 191), (215, 215), (247, 247)]),
    ("Latin", &[(65, 90), (97, 122), (170, 170), (186, 186), (192, 214), (216, 246), (248, 255)]),
    ("Ll", &[(97, 122), (181, 181), (223, 246), (248, 255)]),
    ("Lo", &[(170, 170), (186, 186)]),
    ("Lu", &[(65, 90), (192, 214), (216, 222)]),
    ("Nd", &[(48, 57)]),
    ("No", &[(178, 179), (185, 185), (188, 190)]),
    ("Pc", &[(95, 95)]),
    ("Pd", &[(45, 45)]),
    ("Pe", &[(41, 41), (93, 93), (125, 125)]),
    ("Pf", &[(187, 187)]),
    ("Pi", &[(171, 171)]),
    (
        "Po",
        &[
            (33, 35),
            (37, 39),
            (42, 42),
            (44, 44),
            (46, 47),
            (58, 59),
            (63, 64),
            (92, 92),
            (161, 161),
            (167, 167),
            (182, 183),
            (191, 191),
        ],
    ),
    ("Ps", &[(40, 40), (91, 91), (123, 123)]),
    ("Sc", &[(36, 36), (162, 165)]),
    ("Sk", &[(94, 94), (96, 96), (168, 168), (175, 175), (180, 180), (184, 184)]),
    ("Sm", &[(43, 43), (60, 62), (124, 124), (126, 126), (172, 172), (177, 177), (215, 215), (247, 247)]),
    ("So", &[(166, 166), (169, 169), (174, 174), (176, 176)]),
    ("Zs", &[(32, 32), (160, 160)]),
];

/// Those of which Latin-1 has none.
const OTHERS: &str = "Adlam|Ahom|Arabic|Armenian|Avestan|Balinese|Bamum|Batak|Bengali|Bhaiksuki|Bopomofo|Brahmi|\
    Braille|Buginese|Buhid|Carian|Chakma|Cham|Cherokee|Chorasmian|Co|Coptic|Cs|Cuneiform|Cypriot|Cyrillic|Deseret|\
    Devanagari|Dogra|Duployan|Elbasan|Elymaic|Ethiopic|Georgian|Glagolitic|Gothic|Grantha|Greek|Gujarati|Gurmukhi|Han|\
    Hangul|Hanunoo|Hatran|Hebrew|Hiragana|Inherited|Javanese|Kaithi|Kannada|Katakana|Kawi|Kharoshthi|Khmer|Khojki|\
    Khudawadi|Lao|Lepcha|Limbu|Lisu|Lm|Lt|Lycian|Lydian|M|Mahajani|Makasar|Malayalam|Mandaic|Manichaean|Marchen|Mc|Me|\
    Medefaidrin|Miao|Mn|Modi|Mongolian|Mro|Multani|Myanmar|Nabataean|Nandinagari|Newa|Nko|Nl|Nushu|Ogham|Oriya|Osage|\
    Osmanya|Palmyrene|Phoenician|Rejang|Runic|Samaritan|Saurashtra|Sharada|Shavian|Siddham|Sinhala|Sogdian|Soyombo|\
    Sundanese|Syriac|Tagalog|Tagbanwa|Takri|Tamil|Tangsa|Tangut|Telugu|Thaana|Thai|Tibetan|Tifinagh|Tirhuta|Toto|\
    Ugaritic|Vai|Vithkuqi|Wancho|Yezidi|Yi|Zl|Zp";

/// Reads `\p{Greek}` or the like, if that comes next.
pub(super) fn class(input: &mut Cursor<'_>, fold: bool) -> Result<Option<Bytes>, Re2Error> {
    let start = input.position();
    let negated = match (input.eat(r"\p"), input.eat(r"\P")) {
        (false, false) => return Ok(None),
        (_, negated) => negated,
    };
    let name = if input.eat("{") {
        input.eat_until("}").unwrap_or_default().to_vec()
    } else {
        input.bump().into_iter().collect()
    };
    let (name, negated) = match name.strip_prefix(b"^") {
        Some(name) => (name, !negated),
        None => (name.as_slice(), negated),
    };
    match std::str::from_utf8(name).ok().and_then(set) {
        Some(set) => Ok(Some(set_of(set, negated, fold))),
        None => Err(Re2Error::new(Kind::UnicodeClass, input.since(start), input.column(start))),
    }
}

fn set(name: &str) -> Option<Bytes> {
    let is = |known: &str| known == name || (name.len() == 1 && known.len() == 2 && known.starts_with(name));
    let mut found = OTHERS.split('|').any(|other| other == name);
    let mut set = Bytes::default();
    for (_, ranges) in NAMED.iter().filter(|(known, _)| is(known)) {
        found = true;
        set.add(Bytes::of(ranges));
    }
    found.then_some(set)
}
