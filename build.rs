//! Tells cargo that the migrations are compiled in, so that a new file is noticed, and the program from which commit it
//! is made. Nothing else of where and when it is built may get into it: two builds of one commit are the same.

use std::{env, path::Path, process::Command};

/// Names the commit where there is no repository: in a tarball, in a container.
const COMMIT: &str = "KEDGE_COMMIT";

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-env-changed={COMMIT}");
    let given = env::var(COMMIT).ok().filter(|commit| !commit.is_empty());
    let commit = given.or_else(commit_of_repository).unwrap_or_else(|| "unknown".to_owned());
    // `cargo run` hands it to the program, which takes every name that begins with KEDGE_ for configuration.
    println!("cargo:rustc-env=BUILT_FROM_COMMIT={commit}");
}

/// Of a release only: every commit would build everything anew, and what is being worked on is no commit anyway.
fn commit_of_repository() -> Option<String> {
    // A repository of its own, not one around the folder.
    if env::var("PROFILE").ok()? != "release" || !Path::new(".git").exists() {
        return None;
    }
    // The log of HEAD grows whatever moves it; a file that is missing would run this at every build.
    for file in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", file])?;
        if Path::new(&path).exists() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    if let Some(path) =
        git(&["symbolic-ref", "--quiet", "HEAD"]).and_then(|name| git(&["rev-parse", "--git-path", &name]))
        && Path::new(&path).exists()
    {
        println!("cargo:rerun-if-changed={path}");
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

/// What git prints, or `None` where it is missing or refuses.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let printed = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| printed.trim().to_owned())
}
