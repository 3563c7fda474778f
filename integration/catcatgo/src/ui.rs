//! The ui: one page, its script, and the way to the backend for browsers that reach only the ui.

use hyper::StatusCode;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use hyper::http::request::Parts;

use crate::cat::{Coat, Ears, Eyes, Fur, Looks, Mood, Wears};
use crate::draw::draw;
use crate::forward::Forward;
use crate::serve::{Answer, Role, Version, problem, text};
use crate::word::SEARCH;

const PAGE: &str = include_str!("../ui/index.html");
const SCRIPT: &str = include_str!("../ui/app.jsx");

/// Everything comes from here; pictures may be part of an answer.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'",
);

/// The cats beside the name: one glance tells the versions apart.
const DAY: Looks = Looks {
    fur: Fur::Ginger,
    coat: Coat::Tabby,
    ears: Ears::Pointed,
    eyes: Eyes::Green,
    mood: Mood::Happy,
    wears: Wears::Bow,
};
const NIGHT: Looks = Looks {
    fur: Fur::Black,
    coat: Coat::Plain,
    ears: Ears::Tufted,
    eyes: Eyes::Amber,
    mood: Mood::Awake,
    wears: Wears::Crown,
};

/// The ui with its page written out.
pub struct Ui {
    page: String,
    script: String,
    backend: Option<Forward>,
}

impl Ui {
    /// A ui of this version that asks this backend. Version `v1` is light, every other one dark.
    pub fn new(version: &Version, backend: Option<Forward>) -> Self {
        let (theme, logo) = if version.is_first() { ("day", DAY) } else { ("night", NIGHT) };
        let write = |template: &str| template.replace("{{version}}", version.as_str()).replace("{{theme}}", theme);
        Self { page: write(PAGE).replace("{{logo}}", &draw(&logo)), script: write(SCRIPT), backend }
    }
}

impl Role for Ui {
    const NAME: &'static str = "ui";
    const ROUTES: &'static [&'static str] = &["/", "/index.html", "/app.jsx", "/api/v1.0/search/{word}", "/healthz"];

    async fn answer(&self, request: &Parts) -> Option<Answer> {
        match (request.uri.path(), &self.backend) {
            ("/" | "/index.html", _) => {
                let mut answer = text("text/html; charset=utf-8", self.page.clone());
                answer.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY);
                Some(answer)
            }
            // The name says JSX, but it is JavaScript that browsers take as it is, and they go by the type.
            ("/app.jsx", _) => Some(text("text/javascript; charset=utf-8", self.script.clone())),
            (path, Some(backend)) if path.starts_with(SEARCH) => Some(backend.ask(request).await),
            (path, None) if path.starts_with(SEARCH) => Some(problem(
                StatusCode::BAD_GATEWAY,
                "this ui knows no backend: start it with --backend http://HOST:PORT",
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_and_differ_by_version() {
        let [v1, v2] = ["v1", "v2"].map(|version| Ui::new(&version.parse().unwrap(), None));
        for text in [&v1.page, &v1.script, &v2.page, &v2.script] {
            assert!(!text.contains("{{"), "a placeholder is left");
        }
        assert!(v1.page.contains(r#"data-theme="day""#) && v2.page.contains(r#"data-theme="night""#));
        assert!(v1.page.contains("ui v1") && v2.page.contains("ui v2"));
    }

    #[test]
    fn nothing_comes_from_the_internet() {
        let ui = Ui::new(&"v1".parse().unwrap(), None);
        let urls = [&ui.page, &ui.script].map(|text| text.matches("://").count()).iter().sum::<usize>();
        // The namespace of the one inline picture.
        assert_eq!(urls, 1);
    }
}
