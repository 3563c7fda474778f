//! The load: connections that are kept alive, each asking again as soon as it is answered (closed loop), or at a steady
//! rate whatever the answers do (paced). Every answer is looked at.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::ask::Ask;
use crate::{http1, http2};

/// How fast questions come.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// As fast as answers.
    Closed,
    /// So many a second, over all clients.
    Rate(f64),
}

/// How many requests there are at a time.
pub const CLIENTS: usize = 16;
/// How many HTTP/2 connections they share: some for each worker.
const HTTP2_CONNECTIONS: usize = 4;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Clients of one proxy.
pub struct Load {
    clients: Vec<Client>,
}

/// Somebody who asks one thing at a time.
struct Client {
    ask: Ask,
    wire: Wire,
}

enum Wire {
    One(http1::Connection),
    Two(http2::Stream),
}

impl Load {
    /// Opens the connections.
    pub async fn open(address: SocketAddr, ask: &Ask, http2: bool) -> Result<Load, String> {
        let mut wires = Vec::new();
        if http2 {
            for _ in 0..HTTP2_CONNECTIONS {
                let stream = http2::Stream::open(address, ask).await?;
                wires.extend((0..CLIENTS / HTTP2_CONNECTIONS).map(|_| Wire::Two(stream.clone())));
            }
        } else {
            for _ in 0..CLIENTS {
                wires.push(Wire::One(http1::Connection::open(address, ask).await?));
            }
        }
        Ok(Load { clients: wires.into_iter().map(|wire| Client { ask: ask.clone(), wire }).collect() })
    }

    /// Asks for so long, waits for what is on its way then, and says how long each answer took, in ns.
    pub async fn window(&mut self, length: Duration, pace: Pace) -> Result<Vec<u64>, String> {
        let window = tokio::time::timeout(length + PATIENCE, self.ask(length, pace));
        window.await.unwrap_or_else(|_| Err(format!("an answer did not come within {PATIENCE:?}")))
    }

    async fn ask(&mut self, length: Duration, pace: Pace) -> Result<Vec<u64>, String> {
        let (start, number) = (Instant::now(), self.clients.len());
        let mut tasks = JoinSet::new();
        for (index, mut client) in self.clients.drain(..).enumerate() {
            let schedule = Schedule::of(pace, start, index, number);
            tasks.spawn(async move {
                let result = client.run(start + length, schedule).await;
                (client, result)
            });
        }
        let mut latencies = Vec::new();
        while let Some(done) = tasks.join_next().await {
            let (client, result) = done.map_err(|error| error.to_string())?;
            latencies.extend(result?);
            self.clients.push(client);
        }
        Ok(latencies)
    }
}

impl Client {
    async fn run(&mut self, until: Instant, schedule: Schedule) -> Result<Vec<u64>, String> {
        let mut latencies = Vec::with_capacity(4096);
        for number in 0.. {
            let since = schedule.turn(number).await;
            if since >= until {
                break;
            }
            match &mut self.wire {
                Wire::One(connection) => connection.exchange(&self.ask).await?,
                Wire::Two(stream) => stream.exchange(&self.ask).await?,
            }
            let took = since.elapsed();
            self.ask.judge_time(took)?;
            latencies.push(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        }
        Ok(latencies)
    }
}

/// When a client asks.
#[derive(Clone, Copy)]
struct Schedule {
    first: Instant,
    every: Option<Duration>,
}

impl Schedule {
    /// The share of one of `number` clients.
    fn of(pace: Pace, start: Instant, index: usize, number: usize) -> Schedule {
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
    async fn turn(self, number: u32) -> Instant {
        let Some(every) = self.every else { return Instant::now() };
        let due = self.first + every * number;
        // Timers are as coarse as what is measured.
        while Instant::now() < due {
            tokio::task::yield_now().await;
        }
        due
    }
}
