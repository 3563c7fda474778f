//! Whether Envoy can listen where it is to listen, asked before it is started.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};

/// Why nobody can listen at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unusable {
    /// Somebody listens there.
    Taken {
        /// Who, where that can be known: a program's name and its process.
        by: Option<(String, u32)>,
        /// A port near it that is free.
        free: Option<u16>,
    },
    /// It takes rights that this user does not have.
    Forbidden,
    /// This machine has no such address, or something else is wrong with it.
    Other(String),
}

/// Why nobody can listen at `at`; nothing where one can. A port of 0 always is some free one.
pub fn unusable(at: SocketAddr) -> Option<Unusable> {
    let error = TcpListener::bind(at).err()?;
    Some(match error.kind() {
        io::ErrorKind::AddrInUse => Unusable::Taken { by: listener(at), free: free_near(at) },
        io::ErrorKind::PermissionDenied => Unusable::Forbidden,
        io::ErrorKind::AddrNotAvailable => Unusable::Other(format!("this machine has no address {}", at.ip())),
        _ => Unusable::Other(error.to_string()),
    })
}

/// The next port that is free.
fn free_near(at: SocketAddr) -> Option<u16> {
    let ports = at.port().checked_add(1)?..=at.port().saturating_add(200);
    ports.into_iter().find(|port| TcpListener::bind(SocketAddr::new(at.ip(), *port)).is_ok())
}

/// Who listens there, as far as Linux lets this user know.
fn listener(at: SocketAddr) -> Option<(String, u32)> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default());
    let inodes: Vec<&str> =
        tables.iter().flat_map(|table| table.lines()).filter_map(|line| listening(line, at)).collect();
    let sockets: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    let processes = fs::read_dir("/proc").ok()?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let holds = |id: &u32| {
        let open = fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten().flatten();
        open.filter_map(|file| fs::read_link(file.path()).ok())
            .any(|link| link.to_str().is_some_and(|link| sockets.iter().any(|socket| socket == link)))
    };
    let id = processes.into_iter().find(holds)?;
    let name = fs::read_to_string(format!("/proc/{id}/comm")).ok()?;
    Some((name.chars().filter(|c| !c.is_control()).collect(), id))
}

/// The inode of a socket that listens where nobody else can then, from a line of `/proc/net/tcp`.
fn listening(line: &str, at: SocketAddr) -> Option<&str> {
    const LISTEN: &str = "0A";
    let mut words = line.split_whitespace();
    let (local, state) = (words.nth(1)?, words.nth(1)?);
    let (ip, port) = local.rsplit_once(':')?;
    let here = u16::from_str_radix(port, 16).ok()? == at.port() && state == LISTEN;
    let everywhere = ip.bytes().all(|byte| byte == b'0');
    let same = at.ip().is_unspecified() || everywhere || ip == hexadecimal(at.ip());
    if here && same { words.nth(5) } else { None }
}

/// An address as the kernel writes it: words of four bytes, each as a number of this machine.
fn hexadecimal(ip: IpAddr) -> String {
    let bytes = match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let words = bytes.chunks_exact(4).filter_map(|word| word.try_into().ok().map(u32::from_ne_bytes));
    words.map(|word| format!("{word:08X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_is_known() {
        for ip in ["127.0.0.1", "0.0.0.0"] {
            let taken = TcpListener::bind((ip, 0)).unwrap();
            let at = SocketAddr::from(([127, 0, 0, 1], taken.local_addr().unwrap().port()));
            let Some(Unusable::Taken { by, free }) = unusable(at) else { panic!("{at} is taken") };
            assert_eq!(by.map(|(_, id)| id), Some(std::process::id()).filter(|_| cfg!(target_os = "linux")));
            assert!(free.is_some_and(|port| port > at.port()));
        }
        assert_eq!(unusable(([127, 0, 0, 1], 0).into()), None);
    }

    #[test]
    fn an_address_of_somebody_else_is_none_of_ours() {
        let Some(Unusable::Other(why)) = unusable(([192, 0, 2, 1], 0).into()) else {
            panic!("nobody has that address")
        };
        assert_eq!(why, "this machine has no address 192.0.2.1");
    }

    #[test]
    fn the_kernels_lines_are_read() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0";
        let at = |text: &str| text.parse().unwrap();
        assert_eq!(listening(line, at("127.0.0.1:8080")), Some("4711").filter(|_| cfg!(target_endian = "little")));
        assert_eq!(listening(line, at("0.0.0.0:8080")), Some("4711"));
        assert_eq!(listening(line, at("127.0.0.1:8081")), None);
        assert_eq!(listening(line, at("127.0.0.2:8080")), None);
        assert_eq!(listening(&line.replace(" 0A ", " 01 "), at("127.0.0.1:8080")), None);
        assert_eq!(listening("  sl  local_address rem_address   st", at("127.0.0.1:8080")), None);
    }
}
