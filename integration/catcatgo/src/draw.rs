//! Draws a cat as an SVG document. The same looks give the same bytes.
//!
//! A picture is 240 by 240 and is built from the back to the front: background, tail, body, ears, head, face, what it
//! wears. Nothing in it comes from a request, and there are no ids, so that pictures can share a page.

use crate::cat::{Coat, Ears, Eyes, Fur, Looks, Mood, Wears};

/// Lines and outlines.
const INK: &str = "#2b2530";
/// Noses and the inside of ears.
const PINK: &str = "#f2a0a8";
/// The shape of the head, which markings are laid over.
const HEAD: &str = "M120 46 C158 46 184 66 184 98 C184 130 156 150 120 150 C84 150 56 130 56 98 C56 66 82 46 120 46 Z";

/// The picture of a cat that looks like this.
pub fn draw(looks: &Looks) -> String {
    let [fur, dark, background] = looks.fur.colours();
    // A Siamese is light with dark ends: ears, mask, paws, tail.
    let ends = if looks.coat == Coat::Points { dark } else { fur };
    let paws = if looks.coat == Coat::Tuxedo { "#fdfbf7" } else { ends };
    let mut svg = String::with_capacity(4096);
    svg.push_str(r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 240" role="img">"#);
    svg.push_str(&format!(r#"<rect width="240" height="240" rx="28" fill="{background}"/>"#));
    svg.push_str(r##"<ellipse cx="120" cy="223" rx="84" ry="10" fill="#000" opacity=".12"/>"##);
    svg.push_str(&stroke("M158 208 C216 214 224 160 200 146", ends, 19));
    svg.push_str(&fill("M68 222 C58 168 84 132 120 132 C156 132 182 168 172 222 Z", fur));
    svg.push_str(&body_marks(looks.coat, dark));
    svg.push_str(&stroke("M120 184 V216", dark, 3));
    for x in [98, 142] {
        svg.push_str(&ellipse(x, 216, 22, 13, paws));
        svg.push_str(&stroke(&format!("M{} 213 v8 M{} 213 v8", x - 7, x + 7), dark, 2));
    }
    svg.push_str(&ears(looks.ears, ends, dark));
    svg.push_str(&fill(HEAD, fur));
    svg.push_str(&head_marks(looks.coat, dark));
    svg.push_str(&face(looks.mood, looks.eyes, looks.fur));
    svg.push_str(&wears(looks.wears));
    svg.push_str("</svg>");
    svg
}

fn fill(path: &str, colour: &str) -> String {
    format!(r#"<path d="{path}" fill="{colour}"/>"#)
}

fn stroke(path: &str, colour: &str, width: u32) -> String {
    format!(
        r#"<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linecap="round" stroke-linejoin="round"/>"#
    )
}

fn ellipse(x: i32, y: i32, rx: i32, ry: i32, colour: &str) -> String {
    format!(r#"<ellipse cx="{x}" cy="{y}" rx="{rx}" ry="{ry}" fill="{colour}"/>"#)
}

fn body_marks(coat: Coat, dark: &str) -> String {
    match coat {
        Coat::Plain | Coat::Points => String::new(),
        Coat::Tabby => stroke("M70 186 h18 M67 202 h14 M152 186 h18 M159 202 h14 M76 170 h14 M150 170 h14", dark, 6),
        Coat::Tuxedo => fill("M120 222 C92 204 92 160 98 142 H142 C148 160 148 204 120 222 Z", "#fdfbf7"),
        Coat::Patches => fill("M146 142 C166 158 176 186 173 206 C152 204 138 176 146 142 Z", dark),
        Coat::Spots => [(80, 182), (90, 164), (158, 178), (150, 160), (76, 202), (164, 200)]
            .map(|(x, y)| ellipse(x, y, 6, 5, dark))
            .concat(),
    }
}

/// The ears, the left one and its mirror image.
fn ears(shape: Ears, fur: &str, dark: &str) -> String {
    let ear = match shape {
        Ears::Pointed => fill("M60 92 C54 60 56 34 62 24 C78 28 98 42 110 58 Z", fur) + &inner_ear(),
        Ears::Tufted => {
            fill("M60 92 C54 60 54 34 58 20 C78 28 98 42 110 58 Z", fur)
                + &inner_ear()
                + &stroke("M58 21 L52 7 M60 22 L60 8 M62 23 L67 11", dark, 3)
        }
        Ears::Folded => {
            fill("M60 92 C54 66 60 48 70 42 C86 42 100 48 110 58 Z", fur)
                + &fill("M66 46 C82 44 98 50 106 58 C90 62 76 70 70 78 C62 70 60 56 66 46 Z", dark)
        }
    };
    format!(r#"{ear}<g transform="matrix(-1 0 0 1 240 0)">{ear}</g>"#)
}

fn inner_ear() -> String {
    fill("M68 78 C63 60 64 46 67 38 C78 42 90 50 98 58 Z", PINK)
}

fn head_marks(coat: Coat, dark: &str) -> String {
    match coat {
        Coat::Plain => String::new(),
        Coat::Tabby => stroke(
            "M120 50 V70 M104 52 L106 66 M136 52 L134 66 M60 106 h16 M64 120 h14 M180 106 h-16 M176 120 h-14",
            dark,
            6,
        ),
        Coat::Tuxedo => {
            fill("M120 92 C134 108 152 116 150 130 C140 152 100 152 90 130 C88 116 106 108 120 92 Z", "#fdfbf7")
        }
        Coat::Patches => fill(
            "M124 46 C160 47 184 66 184 98 C184 104 183 109 181 114 C160 118 134 106 130 84 C128 70 130 56 124 46 Z",
            dark,
        ),
        Coat::Points => ellipse(120, 112, 40, 34, dark),
        Coat::Spots => [(104, 60), (120, 56), (136, 60), (66, 112), (174, 112), (76, 126), (164, 126)]
            .map(|(x, y)| ellipse(x, y, 5, 4, dark))
            .concat(),
    }
}

fn face(mood: Mood, eyes: Eyes, fur: Fur) -> String {
    let colour = eyes.colour();
    let open = |x: i32, ry: i32, pupil: i32| {
        ellipse(x, 96, 15, ry + 2, INK)
            + &ellipse(x, 96, 13, ry, colour)
            + &ellipse(x, 96, pupil, ry - 2, "#16131a")
            + &ellipse(x + 4, 91, 3, 4, "#fff")
    };
    // On black fur closed eyes would be lost.
    let line = if fur == Fur::Black { "#cfc9dd" } else { INK };
    let eyes = match mood {
        Mood::Awake => open(94, 15, 5) + &open(146, 15, 5),
        Mood::Surprised => open(94, 18, 9) + &open(146, 18, 9),
        Mood::Sleepy => stroke("M80 96 C86 106 102 106 108 96 M132 96 C138 106 154 106 160 96", line, 4),
        Mood::Happy => stroke("M80 102 C86 88 102 88 108 102 M132 102 C138 88 154 88 160 102", line, 4),
        Mood::Grumpy => open(94, 11, 5) + &open(146, 11, 5) + &stroke("M78 82 L108 91 M162 82 L132 91", line, 5),
    };
    let mouth = match mood {
        Mood::Surprised => ellipse(120, 136, 6, 7, "#8c3b46"),
        Mood::Happy => fill("M106 128 C108 146 132 146 134 128 Z", "#8c3b46") + &ellipse(120, 137, 7, 3, PINK),
        Mood::Grumpy => stroke("M108 138 C114 128 126 128 132 138", line, 3),
        Mood::Awake | Mood::Sleepy => stroke("M104 128 C106 138 118 138 120 126 C122 138 134 138 136 128", line, 3),
    };
    let whiskers = stroke("M82 118 L40 110 M82 125 L40 128 M158 118 L200 110 M158 125 L200 128", line, 2);
    let nose = fill("M111 115 C114 112 126 112 129 115 C128 121 123 125 120 126 C117 125 112 121 111 115 Z", PINK);
    whiskers + &eyes + &mouth + &nose
}

fn wears(what: Wears) -> String {
    match what {
        Wears::Nothing => String::new(),
        Wears::Bow => {
            fill("M120 158 L88 144 V174 Z M120 158 L152 144 V174 Z", "#d8434e") + &ellipse(120, 159, 9, 9, "#a82a37")
        }
        Wears::Hat => {
            fill("M90 50 C92 30 92 14 94 6 H146 C148 14 148 30 150 50 Z", "#33314a")
                + &fill("M91 38 H149 L150 50 H90 Z", "#d8434e")
                + &ellipse(120, 50, 48, 7, "#33314a")
        }
        Wears::Glasses => [94, 146]
            .map(|x| {
                format!(
                    r#"<circle cx="{x}" cy="96" r="22" fill="rgba(255,255,255,.18)" stroke="{INK}" stroke-width="5"/>"#
                )
            })
            .concat()
            + &stroke("M116 93 C118 90 122 90 124 93 M72 93 L58 88 M168 93 L182 88", INK, 5),
        Wears::Crown => {
            fill("M88 54 L82 16 L104 34 L120 8 L136 34 L158 16 L152 54 Z", "#f6c945")
                + &[(82, 15), (120, 8), (158, 15)].map(|(x, y)| ellipse(x, y, 5, 5, "#d8434e")).concat()
        }
        Wears::Scarf => {
            fill("M74 146 C100 162 140 162 166 146 L170 162 C140 180 100 180 70 162 Z", "#3f8f8b")
                + &fill("M140 166 L164 160 L170 202 L150 206 Z", "#2f726f")
                + &stroke("M153 190 L167 187", "#f6ead2", 4)
        }
        Wears::Flower => {
            [(166, 44), (182, 54), (177, 72), (157, 72), (151, 54)]
                .map(|(x, y)| ellipse(x, y, 11, 11, "#e86aa0"))
                .concat()
                + &ellipse(166, 59, 10, 10, "#f6c945")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const LOOKS: Looks = Looks {
        fur: Fur::Ginger,
        coat: Coat::Tabby,
        ears: Ears::Pointed,
        eyes: Eyes::Green,
        mood: Mood::Awake,
        wears: Wears::Nothing,
    };

    fn every_look() -> Vec<Looks> {
        let mut all = vec![];
        all.extend(Fur::ALL.iter().map(|&fur| Looks { fur, ..LOOKS }));
        all.extend(Coat::ALL.iter().map(|&coat| Looks { coat, ..LOOKS }));
        all.extend(Ears::ALL.iter().map(|&ears| Looks { ears, ..LOOKS }));
        all.extend(Eyes::ALL.iter().map(|&eyes| Looks { eyes, ..LOOKS }));
        all.extend(Mood::ALL.iter().map(|&mood| Looks { mood, ..LOOKS }));
        all.extend(Wears::ALL.iter().map(|&wears| Looks { wears, ..LOOKS }));
        all
    }

    #[test]
    fn the_same_looks_give_the_same_picture() {
        assert_eq!(draw(&LOOKS), draw(&LOOKS));
    }

    #[test]
    fn every_attribute_shows() {
        let looks = every_look();
        let pictures: HashSet<_> = looks.iter().map(draw).collect();
        // The common starting point is among the variants of each of the six attributes.
        assert_eq!(pictures.len(), looks.len() - 5);
    }

    #[test]
    fn every_picture_is_a_closed_document_without_ids_or_scripts() {
        for svg in every_look().iter().map(draw) {
            assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>"), "{svg}");
            assert_eq!(svg.matches("<g ").count(), svg.matches("</g>").count());
            assert_eq!(svg.matches('"').count() % 2, 0);
            assert!(!svg.contains("script") && !svg.contains(" id=") && !svg.contains("href"));
            assert!(svg.len() < 8192, "{} bytes", svg.len());
        }
    }
}
