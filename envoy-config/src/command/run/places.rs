//! What Envoy needs of the machine: places to listen at, and a file for its access log. Asked before it starts, so that
//! what is wrong is said in one sentence, with the option that helps.

use std::fs::OpenOptions;
use std::net::{SocketAddr, TcpListener};

use envoy_config::Options;
use envoy_config::envoy::ports::{Unusable, unusable};
use envoy_config::generate::Generated;
use envoy_config::listener::{AccessLog, Front};

use crate::command::warn;

/// How many files a program has open beside those for connections: modules, logs, listeners, workers' own.
const OTHER_FILES: u32 = 200;

/// Fits what is asked for to this machine: no more connections than there may be open files, of which each takes two, and
/// a port for the admin page where any will do. `asked` connections stay as they are, with a warning.
pub fn fit(options: &mut Options, asked: Option<u32>) {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    if let Some(files) = open_files(&limits) {
        let room = (files.saturating_sub(OTHER_FILES) / 2).max(OTHER_FILES);
        match asked {
            None => options.limits.connections = options.limits.connections.min(room),
            Some(asked) if asked > room => warn(&format!(
                "`--max-connections {asked}` is more than there may be: {files} open files (`ulimit -Hn`) are enough for \
                 {room}"
            )),
            Some(_) => {}
        }
    }
    if let Some(at) = options.admin.filter(|at| at.port() == 0) {
        options.admin = TcpListener::bind(at).and_then(|free| free.local_addr()).ok().or(Some(at));
    }
}

/// How many files a program may have open: the hard limit, to which Envoy raises its own. Nothing where there is none.
fn open_files(limits: &str) -> Option<u32> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Sees to it that the access log's file can be written, under a path that Envoy understands as well.
pub fn open(log: Option<&mut AccessLog>) -> Result<(), String> {
    let Some(file) = log.and_then(|log| log.file.as_mut()) else { return Ok(()) };
    let wrong = |error| format!("`--access-log {}`: it cannot be written: {error}", file.display());
    OpenOptions::new().create(true).append(true).open(&*file).map_err(wrong)?;
    let absolute = std::path::absolute(&*file).map_err(wrong)?;
    *file = absolute;
    Ok(())
}

/// Sees to it that Envoy can listen where it is to listen; else says all that is in the way.
pub fn usable(generated: &Generated) -> Result<(), String> {
    let fronts = generated.fronts.iter().map(|front| {
        let option = match front.proxy.port {
            Some(port) => Flag::Listen(port),
            None => Flag::Mesh,
        };
        (front.at, of(front), option)
    });
    let admin = generated.admin.map(|at| (at, "Envoy's admin page".to_owned(), Flag::Admin));
    let wrong = fronts.chain(admin).filter_map(|(at, who, option)| {
        let (why, elsewhere) = why(at, unusable(at)?);
        Some(format!("{at}, for {who}, {why}; {} puts it elsewhere", option.at(at, elsewhere)))
    });
    let wrong: Vec<String> = wrong.collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n       ")) }
}

fn of(front: &Front) -> String {
    match front.proxy.port {
        Some(port) => format!("port {port} of gateway {}", front.proxy.gateways.join(", ")),
        None => "the mesh".to_owned(),
    }
}

/// Why nobody can listen at a place, and a port that may do instead.
fn why(at: SocketAddr, unusable: Unusable) -> (String, Option<u16>) {
    match unusable {
        Unusable::Taken { by: Some((name, id)), free } => (format!("is taken by `{name}` (process {id})"), free),
        Unusable::Taken { by: None, free } => ("is taken by another program".to_owned(), free),
        Unusable::Forbidden => {
            ("is not for this user, as ports below 1024 seldom are".to_owned(), at.port().checked_add(8000))
        }
        Unusable::Other(why) => (format!("cannot be had: {why}"), None),
        _ => ("cannot be had".to_owned(), None),
    }
}

/// What places something elsewhere.
enum Flag {
    Listen(u16),
    Mesh,
    Admin,
}

impl Flag {
    fn at(&self, at: SocketAddr, port: Option<u16>) -> String {
        let place = match port {
            // As an ingress listens by itself.
            Some(port) if at.ip().is_unspecified() && matches!(self, Flag::Listen(_)) => port.to_string(),
            Some(port) => SocketAddr::new(at.ip(), port).to_string(),
            None => format!("127.0.0.1:{}", at.port()),
        };
        match self {
            Flag::Listen(gateway) => format!("`--listen {gateway}={place}`"),
            Flag::Mesh => format!("`--mesh-listen {place}`"),
            Flag::Admin => format!("`--admin {place}` or `--admin none`"),
        }
    }
}
