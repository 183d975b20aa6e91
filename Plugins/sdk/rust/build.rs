//! Links the mock host into tests. Without the feature `testing`, the crate links nothing.

use std::env;
use std::process::{exit, Command};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_TESTING").is_none() {
        return;
    }
    println!("cargo:rerun-if-env-changed=PKG_CONFIG_PATH");
    let output = Command::new("pkg-config").args(["--variable=libdir", "outrider-testing"]).output();
    match output {
        Ok(output) if output.status.success() => {
            let folder = String::from_utf8_lossy(&output.stdout);
            println!("cargo:rustc-link-search=native={}", folder.trim());
            println!("cargo:rustc-link-lib=static=outrider-testing");
        }
        Ok(output) => {
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
            eprintln!("pkg-config does not find outrider-testing: install Outrider, or set PKG_CONFIG_PATH to its lib/pkgconfig");
            exit(1);
        }
        Err(error) => {
            eprintln!("pkg-config, which finds the mock host, cannot be run: {}", error);
            exit(1);
        }
    }
}
