//! A request of which perhaps not all is known.

use shared::simulate::Incoming;

/// Name and value.
pub(super) type Pair<'a> = (&'a [u8], &'a [u8]);

/// A request.
#[derive(Clone, Debug, Default)]
pub(super) struct Question<'a> {
    pub(super) method: &'a str,
    pub(super) authority: &'a str,
    /// With its query.
    pub(super) path: &'a str,
    /// None where it is not known; it is then taken to be `http`.
    pub(super) scheme: Option<&'a str>,
    /// The headers that it has, with names in lower case.
    pub(super) headers: Vec<Pair<'a>>,
    /// Headers that it does not have.
    pub(super) absent: Vec<&'a [u8]>,
    /// Whether it has no other headers.
    pub(super) complete: bool,
    /// The client's address.
    pub(super) source: Option<&'a str>,
}

impl<'a> Question<'a> {
    fn scheme(&self) -> &'a str {
        self.scheme.unwrap_or("http")
    }

    /// All headers that are known, pseudo headers included.
    pub(super) fn pairs(&self) -> Vec<Pair<'a>> {
        let scheme = self.scheme().as_bytes();
        let mut all: Vec<Pair<'a>> = Vec::with_capacity(self.headers.len() + 5);
        all.extend([
            (&b":method"[..], self.method.as_bytes()),
            (&b":scheme"[..], scheme),
            (&b":authority"[..], self.authority.as_bytes()),
            (&b":path"[..], self.path.as_bytes()),
            (&b"x-forwarded-proto"[..], scheme),
        ]);
        all.extend(self.headers.iter().filter(|(name, _)| *name != b"x-forwarded-proto"));
        all
    }

    /// Whether it is known what a header is, or that it is not there.
    pub(super) fn knows(&self, name: &[u8]) -> bool {
        match name {
            _ if self.complete => true,
            b":scheme" | b"x-forwarded-proto" => self.scheme.is_some(),
            _ => {
                name.starts_with(b":")
                    || self.absent.contains(&name)
                    || self.headers.iter().any(|(known, _)| *known == name)
            }
        }
    }

    /// As the chain takes it.
    pub(super) fn incoming(&self) -> Incoming {
        let headers = self.headers.iter().copied().filter(|(name, _)| *name != b"x-forwarded-proto");
        let mut incoming = Incoming::new(self.method, self.scheme(), self.authority, self.path, headers);
        incoming.source = self.source.map(|it| it.as_bytes().to_vec());
        incoming
    }

    /// Whether its URL begins like this.
    pub(super) fn is_below(&self, url: &str) -> bool {
        let rest = url.strip_prefix(self.scheme()).and_then(|rest| rest.strip_prefix("://"));
        rest.and_then(|rest| rest.strip_prefix(self.authority)).is_some_and(|path| self.path.starts_with(path))
    }

    /// A request as the chain takes it; nothing where it is no text.
    pub(super) fn of(incoming: &'a Incoming) -> Option<Question<'a>> {
        let pseudo = |name: &[u8]| {
            let found = incoming.headers.iter().find(|(known, _)| known == name);
            found.map_or(Some(""), |(_, value)| std::str::from_utf8(value).ok())
        };
        let others =
            incoming.headers.iter().filter(|(name, _)| !name.starts_with(b":") && name != b"x-forwarded-proto");
        Some(Question {
            method: pseudo(b":method")?,
            authority: pseudo(b":authority")?,
            path: pseudo(b":path")?,
            scheme: Some(pseudo(b":scheme")?),
            headers: others.map(|(name, value)| (name.as_slice(), value.as_slice())).collect(),
            absent: Vec::new(),
            complete: true,
            source: incoming.source.as_deref().and_then(|source| std::str::from_utf8(source).ok()),
        })
    }

    /// `http://shop.example/api`.
    pub(super) fn url(&self) -> String {
        format!("{}://{}{}", self.scheme(), self.authority, self.path)
    }
}
