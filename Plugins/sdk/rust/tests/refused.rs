//! Programs that must not compile, in `refused/`: the first line of each is the error, or a part of it.

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn what_would_be_misuse_does_not_compile() {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = std::env::temp_dir().join(format!("outrider-rust-refused-{}", std::process::id()));
    fs::create_dir_all(folder.join("src/bin")).unwrap();
    let manifest = format!(
        "[package]\nname = \"refused\"\nversion = \"1.0.0\"\nedition = \"2021\"\n[dependencies]\noutrider = {{ path = {:?} }}\n",
        sdk
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();

    let mut programs: Vec<_> =
        fs::read_dir(sdk.join("tests/refused")).unwrap().map(|entry| entry.unwrap().path()).collect();
    programs.sort();
    assert!(programs.len() > 10, "{:?}", programs);
    for program in programs {
        let name = program.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&program).unwrap();
        let expected = text.lines().next().unwrap().trim_start_matches("//! ");
        fs::write(folder.join("src/bin").join(program.file_name().unwrap()), &text).unwrap();
        let checked = Command::new(env!("CARGO"))
            .args(["check", "--offline", "--quiet", "--message-format=short", "--bin", name])
            .current_dir(&folder)
            .env("CARGO_TARGET_DIR", folder.join("target"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&checked.stderr);
        if expected.starts_with("compiles") {
            assert!(checked.status.success(), "{}:\n{}", name, said);
        } else {
            assert!(!checked.status.success(), "{} compiles", name);
            assert!(said.contains(expected), "{} has another error than {}:\n{}", name, expected, said);
        }
    }
    fs::remove_dir_all(&folder).unwrap();
}
