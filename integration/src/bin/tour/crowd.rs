//! Clients: what they send, what came back, and whether its shares are as asked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use integration::client::Request;

/// What one request came to.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status, or why there is none.
    pub status: Result<u16, String>,
    /// Who answered, as CatCatGo's services say it: `backend v1`, or `ui v1, backend v1` where the one asked the other.
    /// Nobody, where Envoy itself did.
    pub who: Option<String>,
    /// How long it took.
    pub took: Duration,
}

impl Answer {
    /// Whether it has this status.
    pub fn is(&self, status: u16) -> bool {
        self.status == Ok(status)
    }

    /// In a table: who answered, where all is well, else the status.
    fn short(&self) -> String {
        match (&self.status, &self.who) {
            (Ok(200), Some(who)) => who.clone(),
            (Ok(status), _) => status.to_string(),
            (Err(error), _) => error.clone(),
        }
    }
}

/// Sends the request from so many clients at once, each time after time without a pause, over connections of their own.
pub fn crowd(address: SocketAddr, clients: usize, times: usize, request: &Request) -> Vec<Answer> {
    let client = || (0..times).map(|_| send(address, request)).collect::<Vec<_>>();
    thread::scope(|scope| {
        let running: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
        running.into_iter().flat_map(|client| client.join().unwrap_or_default()).collect()
    })
}

fn send(address: SocketAddr, request: &Request) -> Answer {
    let started = Instant::now();
    let answer = request.try_send(address);
    let took = started.elapsed();
    match answer {
        Ok(answer) => {
            Answer { status: Ok(answer.status), who: answer.header("x-catcatgo-version").map(str::to_owned), took }
        }
        Err(error) => Answer { status: Err(error.to_string()), who: None, took },
    }
}

/// The answers in a table's cell: `backend v1 ×20, 404 ×3`.
pub fn tally(answers: &[Answer]) -> String {
    let mut all: BTreeMap<String, usize> = BTreeMap::new();
    for answer in answers {
        *all.entry(answer.short()).or_default() += 1;
    }
    let all: Vec<String> = all.iter().map(|(answer, times)| format!("{answer} ×{times}")).collect();
    all.join(", ")
}

/// How many of them are like this.
pub fn count(answers: &[Answer], like: impl Fn(&Answer) -> bool) -> usize {
    answers.iter().filter(|answer| like(answer)).count()
}

/// Whether all were answered well, by each of these and by nobody else.
pub fn by(answers: &[Answer], who: &[&str]) -> bool {
    let answered = |name: &&str| answers.iter().any(|answer| answer.is(200) && answer.who.as_deref() == Some(name));
    let fine = |answer: &Answer| answer.is(200) && answer.who.as_deref().is_some_and(|name| who.contains(&name));
    answers.iter().all(fine) && who.iter().all(answered)
}

/// A share that draws are to have.
#[derive(Clone, Copy)]
pub struct Share {
    /// Of how many draws.
    pub of: usize,
    /// In percent.
    pub percent: f64,
}

impl Share {
    fn expected(self) -> f64 {
        self.of as f64 * self.percent / 100.0
    }

    /// Five standard deviations, which a right share leaves once in 1.7 million times.
    fn allowed(self) -> f64 {
        5.0 * (self.expected() * (1.0 - self.percent / 100.0)).sqrt()
    }

    /// Whether so many are such a share.
    pub fn has(self, hits: usize) -> bool {
        (hits as f64 - self.expected()).abs() <= self.allowed()
    }

    /// In a table's cell: `75 % (300 ± 43 of 400)`.
    pub fn short(self) -> String {
        format!("{} % ({:.0} ± {:.0} of {})", self.percent, self.expected(), self.allowed().floor(), self.of)
    }
}
