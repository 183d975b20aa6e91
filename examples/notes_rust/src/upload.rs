//! Uploads: a file is complete, or not there.

use crate::{error, JSON};
use outrider::blocking::Request;
use outrider::{Failure, Responded};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

fn is_valid(name: &[u8]) -> bool {
    (1..=64).contains(&name.len())
        && name[0] != b'.'
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
}

pub fn receive(folder: &Path, request: Request<'_>, name: &[u8]) -> Result<Responded, Failure> {
    let name = match std::str::from_utf8(name) {
        Ok(text) if is_valid(name) => text,
        _ => return Ok(error(request, 400, "no file may have this name", &[])?),
    };
    let (part, mut file) = Part::new(folder, name)?;
    let bytes = io::copy(&mut request.body(), &mut file)?;
    drop(file);
    part.complete(&folder.join(name))?;
    Ok(request.respond(201, &[JSON], format!("{{\"bytes\":{}}}", bytes))?)
}

/// A file whose content arrives. It is removed unless it is completed.
struct Part {
    path: PathBuf,
    is_complete: bool,
}

impl Part {
    fn new(folder: &Path, name: &str) -> io::Result<(Part, File)> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!(".{}.{}.{}", name, std::process::id(), number));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {} // of a process that was killed
                result => return result.map(|file| (Part { path, is_complete: false }, file)),
            }
        }
    }

    fn complete(mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        self.is_complete = true;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_complete {
            let _ = fs::remove_file(&self.path);
        }
    }
}
