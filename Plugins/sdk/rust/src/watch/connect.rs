//! Connections that are made without waiting.

use super::{Interest, Watched};
use crate::host::Host;
use std::io;
use std::mem::size_of;
use std::net::{SocketAddr, TcpStream};
use std::os::raw::{c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::io::{FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

// The standard library has no connect() that does not wait. It links libc, so that these are there.
extern "C" {
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int;
    fn connect(fd: c_int, address: *const c_void, size: u32) -> c_int;
}

const AF_UNIX: c_int = 1;
const AF_INET: c_int = 2;
const AF_INET6: c_int = 10;
const SOCK_STREAM: c_int = 1;
const SOCK_NONBLOCK: c_int = 0o4000;
const SOCK_CLOEXEC: c_int = 0o2000000;
const EINPROGRESS: i32 = 115;

/// `struct sockaddr_in`, in the byte order of the network where it matters.
#[repr(C)]
struct Inet {
    family: u16,
    port: [u8; 2],
    address: [u8; 4],
    zero: [u8; 8],
}

/// `struct sockaddr_in6`.
#[repr(C)]
struct Inet6 {
    family: u16,
    port: [u8; 2],
    flow: u32,
    address: [u8; 16],
    scope: u32,
}

/// `struct sockaddr_un`. The path ends with NUL.
#[repr(C)]
struct Unix {
    family: u16,
    path: [u8; 108],
}

/// Connects to a TCP server. `[loop]`
pub async fn connect_tcp(host: Host, address: SocketAddr) -> io::Result<Watched<TcpStream>> {
    let port = address.port().to_be_bytes();
    let (fd, is_connected) = match address {
        SocketAddr::V4(address) => {
            let family = AF_INET as u16;
            begin(AF_INET, &Inet { family, port, address: address.ip().octets(), zero: [0; 8] })?
        }
        SocketAddr::V6(address) => {
            let (flow, scope, family) = (address.flowinfo(), address.scope_id(), AF_INET6 as u16);
            begin(AF_INET6, &Inet6 { family, port, flow, address: address.ip().octets(), scope })?
        }
    };
    let watched = Watched::new(host, TcpStream::from(fd))?;
    if !is_connected {
        watched.when(Interest::Writable, is_made).await?;
    }
    Ok(watched)
}

/// Connects to a server on a unix socket. `[loop]` It does not wait: if the server's backlog is full, the error is
/// [`io::ErrorKind::WouldBlock`].
pub fn connect_unix(host: Host, path: impl AsRef<Path>) -> io::Result<Watched<UnixStream>> {
    let bytes = path.as_ref().as_os_str().as_bytes();
    let mut address = Unix { family: AF_UNIX as u16, path: [0; 108] };
    if bytes.is_empty() || bytes.len() >= address.path.len() || bytes.contains(&0) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a unix socket's path has 1 to 107 bytes, none of them 0",
        ));
    }
    address.path[..bytes.len()].copy_from_slice(bytes);
    let (fd, _) = begin(AF_UNIX, &address)?;
    Watched::new(host, UnixStream::from(fd))
}

/// Whether the connection is made. `WouldBlock`: not yet.
fn is_made(stream: &TcpStream) -> io::Result<()> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Err(io::ErrorKind::WouldBlock.into()),
        result => result.map(drop),
    }
}

/// A socket, and whether it is connected already. `A` is the address as the kernel reads it.
fn begin<A>(family: c_int, address: &A) -> io::Result<(OwnedFd, bool)> {
    // SAFETY: a plain system call.
    let fd = unsafe { socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new, and is this value's.
    let owned = unsafe { OwnedFd::from_raw_fd(fd) };
    let address: *const A = address;
    // SAFETY: the address is borrowed during the call, and has the size that is told.
    if unsafe { connect(fd, address.cast(), size_of::<A>() as u32) } == 0 {
        return Ok((owned, true));
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(EINPROGRESS) => Ok((owned, false)),
        _ => Err(error),
    }
}
