//! The load: connections that are kept alive, each asking again as soon as it is answered (closed loop), or at a steady
//! rate whatever the answers do (paced). Every answer is looked at.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::http1;
use crate::upstream::SERVED_BY;

/// What is asked, and what the answer has to be.
#[derive(Clone, Debug)]
pub struct Ask {
    /// `GET` or another method.
    pub method: &'static str,
    /// The host.
    pub authority: String,
    /// The path.
    pub path: String,
    /// More headers.
    pub headers: Vec<(&'static str, String)>,
    /// Bytes of body.
    pub body: usize,
    /// The status that has to come back.
    pub status: u16,
    /// The clusters that may answer; empty where the proxy itself has to.
    pub served_by: Vec<String>,
}

impl Ask {
    /// In bytes.
    fn http1(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: {}\r\n", self.method, self.path, self.authority);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.body > 0 {
            head.push_str(&format!("content-length: {}\r\n", self.body));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.resize(bytes.len() + self.body, b'.');
        bytes
    }

    /// Why an answer is not the right one.
    pub fn judge(&self, status: Option<u16>, served_by: Option<&[u8]>) -> Result<(), String> {
        let right = match served_by {
            None => self.served_by.is_empty(),
            Some(name) => self.served_by.iter().any(|cluster| cluster.as_bytes() == name),
        };
        if right && status == Some(self.status) {
            return Ok(());
        }
        let whom = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        Err(format!(
            "{} {}{}: {} by {}, where {} by {} was due",
            self.method,
            self.authority,
            self.path,
            status.unwrap_or(0),
            served_by.map_or_else(|| "the proxy".to_owned(), whom),
            self.status,
            if self.served_by.is_empty() { "the proxy".to_owned() } else { self.served_by.join(" or ") },
        ))
    }
}

/// How fast questions come.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// As fast as answers.
    Closed,
    /// So many a second, over all connections.
    Rate(f64),
}

/// What a window came to.
#[derive(Debug, Default)]
pub struct Answers {
    /// How long each took, in ns; its length is the number of requests.
    pub latencies: Vec<u64>,
}

/// Connections to one proxy.
pub struct Load {
    connections: Vec<Connection>,
}

/// One connection, with the bytes that it sends.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    asks: Vec<(Ask, Vec<u8>)>,
    next: usize,
}

impl Load {
    /// Opens so many connections.
    pub async fn open(address: SocketAddr, asks: &[Ask], connections: usize) -> Result<Load, String> {
        let mut all = Vec::new();
        for index in 0..connections {
            let stream = TcpStream::connect(address).await.map_err(|error| format!("{address}: {error}"))?;
            stream.set_nodelay(true).map_err(|error| error.to_string())?;
            let asks: Vec<_> = asks.iter().map(|ask| (ask.clone(), ask.http1())).collect();
            let next = index * asks.len() / connections;
            all.push(Connection { stream, buffer: Vec::with_capacity(80 * 1024), asks, next });
        }
        Ok(Load { connections: all })
    }

    /// Asks for so long; what is on its way then is waited for.
    pub async fn window(&mut self, length: Duration, pace: Pace) -> Result<Answers, String> {
        let (start, number) = (Instant::now(), self.connections.len());
        let mut tasks = JoinSet::new();
        for (index, mut connection) in self.connections.drain(..).enumerate() {
            let schedule = Schedule::of(pace, start, index, number);
            tasks.spawn(async move {
                let result = connection.run(start + length, schedule).await;
                (connection, result)
            });
        }
        let mut answers = Answers::default();
        while let Some(done) = tasks.join_next().await {
            let (connection, result) = done.map_err(|error| error.to_string())?;
            answers.latencies.extend(result?);
            self.connections.push(connection);
        }
        Ok(answers)
    }
}

/// When a connection asks.
#[derive(Clone, Copy)]
pub struct Schedule {
    first: Instant,
    every: Option<Duration>,
}

impl Schedule {
    /// The share of one of `number` connections.
    pub fn of(pace: Pace, start: Instant, index: usize, number: usize) -> Schedule {
        match pace {
            Pace::Closed => Schedule { first: start, every: None },
            Pace::Rate(rate) => {
                let every = Duration::from_secs_f64(number as f64 / rate);
                Schedule { first: start + every.mul_f64(index as f64 / number as f64), every: Some(every) }
            }
        }
    }

    /// Waits for the turn after so many, and says since when the answer is waited for: a late answer delays those after
    /// it, and their time counts from when they were due.
    pub async fn turn(self, number: u32) -> Instant {
        let Some(every) = self.every else { return Instant::now() };
        let due = self.first + every * number;
        // Timers are as coarse as what is measured.
        while Instant::now() < due {
            tokio::task::yield_now().await;
        }
        due
    }
}

impl Connection {
    async fn run(&mut self, until: Instant, schedule: Schedule) -> Result<Vec<u64>, String> {
        let mut latencies = Vec::with_capacity(4096);
        for number in 0.. {
            let since = schedule.turn(number).await;
            if since >= until {
                break;
            }
            let (ask, bytes) = &self.asks[self.next];
            self.next = (self.next + 1) % self.asks.len();
            self.stream.write_all(bytes).await.map_err(|error| format!("asking failed: {error}"))?;
            let (status, served_by, all) = answer(&mut self.stream, &mut self.buffer).await?;
            ask.judge(status, served_by)?;
            self.buffer.drain(..all);
            latencies.push(u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX));
        }
        Ok(latencies)
    }
}

/// Reads one answer: its status, who served it, and its length in bytes.
async fn answer<'a>(
    stream: &mut TcpStream,
    buffer: &'a mut Vec<u8>,
) -> Result<(Option<u16>, Option<&'a [u8]>, usize), String> {
    let mut all = None;
    loop {
        if all.is_none()
            && let Some(end) = http1::head_end(buffer)
        {
            let length = http1::length(&buffer[..end]).ok_or("an answer has no length")?;
            all = Some((end, end + length));
        }
        if let Some((end, all)) = all
            && buffer.len() >= all
        {
            let head = &buffer[..end];
            return Ok((http1::status(head), http1::header(head, SERVED_BY), all));
        }
        match stream.read_buf(buffer).await {
            Ok(0) => return Err("the proxy closed a connection".to_owned()),
            Ok(_) => {}
            Err(error) => return Err(format!("no answer: {error}")),
        }
    }
}
