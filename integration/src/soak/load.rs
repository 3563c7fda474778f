//! The clients: each asks one thing after the other, over HTTP/1.1 on a connection of its own, or over HTTP/2 on one that
//! it shares with others.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;

use super::Plan;
use super::asked::{Asked, KINDS, Leaves, Upload};
use super::tally::{Outcome, Tally};
use crate::random::Random;
use crate::runtime;

/// Clients over HTTP/1.1.
const SINGLE: u32 = 64;

/// Connections over HTTP/2, and clients on each.
const SHARED: u32 = 4;
pub(super) const ON_EACH: u32 = 12;

/// Longer than any request may take by its rule; one that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(20);

/// All clients.
pub(super) struct Load {
    common: Arc<Common>,
    clients: Vec<JoinHandle<()>>,
}

struct Common {
    address: SocketAddr,
    authority: String,
    seed: u64,
    requests: u64,
    next: AtomicU64,
    done: AtomicU64,
    stopped: AtomicBool,
    tally: Mutex<Tally>,
}

impl Load {
    pub(super) fn start(address: SocketAddr, plan: &Plan) -> Load {
        let common = Arc::new(Common {
            address,
            authority: address.to_string(),
            seed: plan.seed,
            requests: plan.requests,
            next: AtomicU64::new(0),
            done: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            tally: Mutex::default(),
        });
        let mut clients = Vec::new();
        for number in 0..SINGLE {
            clients.push(runtime().spawn(client(Arc::clone(&common), Link::Single(number, None))));
        }
        for number in 0..SHARED {
            let sender = Arc::new(tokio::sync::Mutex::new(None));
            for _ in 0..ON_EACH {
                let link = Link::Shared(SINGLE + number, Arc::clone(&sender));
                clients.push(runtime().spawn(client(Arc::clone(&common), link)));
            }
        }
        Load { common, clients }
    }

    pub(super) fn running(&self) -> bool {
        self.clients.iter().any(|client| !client.is_finished())
    }

    /// Begins no more requests.
    pub(super) fn stop(&self) {
        self.common.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn done(&self) -> u64 {
        self.common.done.load(Ordering::Relaxed)
    }

    /// What came of all; the clients have ended.
    pub(super) fn tally(self) -> Tally {
        std::mem::take(&mut *self.common.tally.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn client(common: Arc<Common>, mut link: Link) {
    let mut tally = Tally::default();
    while !common.stopped.load(Ordering::Relaxed) {
        let number = common.next.fetch_add(1, Ordering::Relaxed);
        if number >= common.requests {
            break;
        }
        let mut random = Random::of(common.seed, number);
        let asked = Asked::draw(&mut random);
        let asking = ask(&common, &mut link, &asked, &mut random);
        let (outcome, why) = match tokio::time::timeout(LIMIT, asking).await {
            Ok(ended) => ended,
            Err(_) => (Outcome::Lost, format!("nothing within {LIMIT:?}")),
        };
        tally.count(asked.kind, outcome, || {
            format!("request {number}, {}, {:?}: {outcome} {why}", KINDS[asked.kind].name, asked.leaves)
        });
        // What is left of an exchange goes with its connection.
        if !matches!(outcome, Outcome::Status(_)) && asked.leaves != Leaves::Never || outcome == Outcome::Lost {
            link.cut();
        }
        common.done.fetch_add(1, Ordering::Relaxed);
    }
    common.tally.lock().unwrap_or_else(PoisonError::into_inner).add(tally);
}

/// Asks, and leaves when it is time.
async fn ask(common: &Common, link: &mut Link, asked: &Asked, random: &mut Random) -> (Outcome, String) {
    let leaves = match asked.leaves {
        Leaves::After(time) => time,
        _ => LIMIT * 2,
    };
    let mut sender = match link.sender(common, random).await {
        Ok(sender) => sender,
        Err(why) => return (Outcome::Lost, why),
    };
    tokio::select! {
        biased;
        ended = exchange(common, &mut sender, asked) => {
            link.keep(sender);
            ended
        }
        () = tokio::time::sleep(leaves) => (Outcome::Left, String::new()),
    }
}

/// What it means that hyper reports this.
fn failed(otherwise: Outcome, asked: &Asked, http2: bool, error: &hyper::Error) -> (Outcome, String) {
    if asked.leaves == Leaves::Sending {
        return (Outcome::Left, String::new());
    }
    // The end of a stream names the stream; without one, the connection and all that were on it have ended.
    let words = format!("{error:?}");
    let outcome = if http2 && !words.contains("Reset(") { Outcome::Disconnected } else { otherwise };
    (outcome, words)
}

async fn exchange(common: &Common, sender: &mut Sender, asked: &Asked) -> (Outcome, String) {
    let http2 = matches!(sender, Sender::Two(_));
    let request = asked.request(&common.authority, http2);
    let sent = match sender {
        Sender::One(sender, _) => sender.send_request(request).await,
        Sender::Two(sender) => sender.send_request(request).await,
    };
    let mut response = match sent {
        Ok(response) => response,
        Err(error) => return failed(Outcome::Lost, asked, http2, &error),
    };
    let status = Outcome::Status(response.status().as_u16());
    while let Some(frame) = response.body_mut().frame().await {
        match frame {
            Ok(_) if asked.leaves == Leaves::Receiving => return (Outcome::Left, String::new()),
            Ok(_) => {}
            Err(error) => return failed(Outcome::Broken, asked, http2, &error),
        }
    }
    (status, String::new())
}

type Two = http2::SendRequest<Upload>;

enum Sender {
    One(http1::SendRequest<Upload>, Driver),
    Two(Two),
}

/// How a client reaches Envoy. Its number is in its address, so that many short connections do not use up the ports.
enum Link {
    Single(u32, Option<Sender>),
    Shared(u32, Arc<tokio::sync::Mutex<Option<Two>>>),
}

impl Link {
    async fn sender(&mut self, common: &Common, random: &mut Random) -> Result<Sender, String> {
        match self {
            Link::Single(number, sender) => {
                if let Some(Sender::One(mut sender, driver)) = sender.take()
                    && sender.ready().await.is_ok()
                {
                    return Ok(Sender::One(sender, driver));
                }
                let stream = connect(common.address, *number, random.percent(50)).await?;
                let (sender, connection) = http1::handshake(stream).await.map_err(|error| error.to_string())?;
                // How a connection ends is told to the requests on it.
                let driver = Driver(tokio::spawn(async move { drop(connection.await) }));
                Ok(Sender::One(sender, driver))
            }
            Link::Shared(number, shared) => {
                let mut shared = shared.lock().await;
                if let Some(sender) = &mut *shared
                    && sender.ready().await.is_ok()
                {
                    return Ok(Sender::Two(sender.clone()));
                }
                let stream = connect(common.address, *number, false).await?;
                let made = http2::handshake(TokioExecutor::new(), stream).await;
                let (sender, connection) = made.map_err(|error| error.to_string())?;
                tokio::spawn(async move { drop(connection.await) });
                Ok(Sender::Two(shared.insert(sender).clone()))
            }
        }
    }

    fn keep(&mut self, used: Sender) {
        if let Link::Single(_, sender) = self {
            *sender = Some(used);
        }
    }

    /// Ends a connection that nobody else is on; a stream has been reset already.
    fn cut(&mut self) {
        if let Link::Single(_, sender) = self {
            *sender = None;
        }
    }
}

/// What drives a connection.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        // The socket closes at once, by a reset where it is to linger for no time.
        self.0.abort();
    }
}

async fn connect(to: SocketAddr, number: u32, resets: bool) -> Result<TokioIo<tokio::net::TcpStream>, String> {
    let open = async {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 1, number as u8), 0)))?;
        let stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        if resets {
            stream.set_zero_linger()?;
        }
        Ok(TokioIo::new(stream))
    };
    open.await.map_err(|error: std::io::Error| format!("a connection to {to}: {error}"))
}
